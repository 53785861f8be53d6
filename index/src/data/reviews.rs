//! What the data folder keeps of what people decided about calls.

use super::DataDir;
use crate::Result;
use crate::ledger::{ReviewEntry, ReviewQuery};

impl DataDir {
    /// Appends what happened, all or none, and returns the numbers; durable on return.
    ///
    /// # Errors
    /// When the folder was not opened for writing, or the ledger cannot be written.
    pub fn add_reviews(&self, entries: &[ReviewEntry]) -> Result<Vec<i64>> {
        self.write(|_, writer| writer.ledger.add_reviews(entries))
    }

    /// What happened, as far as it is asked for.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn reviews(&self, query: &ReviewQuery) -> Result<Vec<ReviewEntry>> {
        self.ledger().reviews(query)
    }

    /// How much of that there is, whatever the limit.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn count_reviews(&self, query: &ReviewQuery) -> Result<u64> {
        self.ledger().count_reviews(query)
    }
}
