//! What the data folder keeps of the case library. The text of an approved example is also an article of the knowledge base, from
//! which it has to go with its call.

use super::DataDir;
use crate::Result;
use crate::ledger::ExampleEntry;

impl DataDir {
    /// Appends what happened to an example, with a line in the audit trail, and returns its number; durable on return.
    ///
    /// # Errors
    /// When the folder was not opened for writing, or the ledger cannot be written.
    pub fn add_example(&self, entry: &ExampleEntry, action: &str, detail: &str) -> Result<i64> {
        self.write(|_, writer| writer.ledger.add_example(entry, action, detail))
    }

    /// What happened to examples, in the order in which it did.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn examples(&self) -> Result<Vec<ExampleEntry>> {
        self.ledger().examples()
    }
}
