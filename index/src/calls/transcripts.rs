//! Where a search gets what was said: the index knows calls by their terms alone, and a page of hits
//! shows turns. Whoever keeps the calls gives them.

use std::collections::BTreeMap;

use qingting_pipeline::record::CallRecord;

use crate::Result;

/// Keeps calls.
pub trait Transcripts {
    /// The calls of these ids, in their order, as they were analysed: masked, with their time and with role,
    /// times and text of every turn. What else they have plays no part and may be left out. `None` for
    /// a call that is not there (any more).
    ///
    /// # Errors
    /// When what keeps them cannot be read.
    fn transcripts(&self, call_ids: &[&str]) -> Result<Vec<Option<CallRecord>>>;
}

/// Calls kept in memory, by their ids.
impl Transcripts for BTreeMap<String, CallRecord> {
    fn transcripts(&self, call_ids: &[&str]) -> Result<Vec<Option<CallRecord>>> {
        Ok(call_ids.iter().map(|&id| self.get(id).cloned()).collect())
    }
}
