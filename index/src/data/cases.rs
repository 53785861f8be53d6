//! What the data folder keeps of what happened in cases.

use super::DataDir;
use crate::Result;
use crate::ledger::{CaseEntry, CaseQuery};

impl DataDir {
    /// Appends what happened, all or none, and returns the numbers; durable on return.
    ///
    /// # Errors
    /// When the folder was not opened for writing, or the ledger cannot be written.
    pub fn add_cases(&self, entries: &[CaseEntry]) -> Result<Vec<i64>> {
        self.write(|_, writer| writer.ledger.add_cases(entries))
    }

    /// What happened in the cases that are asked for, in the order in which it did.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn cases(&self, query: &CaseQuery) -> Result<Vec<CaseEntry>> {
        self.ledger().cases(query)
    }
}
