//! Where a search gets what was said: the index knows calls by their terms alone, and a page of hits
//! shows turns. Whoever keeps the calls gives them.

use std::collections::BTreeMap;

use qingting_pipeline::Analyzed;

use crate::Result;

/// Keeps calls with their analyses.
pub trait Transcripts {
    /// The calls of these ids, in their order; `None` for one that is not there (any more).
    ///
    /// # Errors
    /// When what keeps them cannot be read.
    fn transcripts(&self, call_ids: &[&str]) -> Result<Vec<Option<Analyzed>>>;
}

/// Calls kept in memory, by their ids.
impl Transcripts for BTreeMap<String, Analyzed> {
    fn transcripts(&self, call_ids: &[&str]) -> Result<Vec<Option<Analyzed>>> {
        Ok(call_ids.iter().map(|&id| self.get(id).cloned()).collect())
    }
}
