//! What the data folder keeps of the programme of experience officers.

use super::DataDir;
use crate::Result;
use crate::ledger::ExperienceEntry;

/// The action in the audit trail.
const ACTION: &str = "forget officer";

impl DataDir {
    /// Appends what happened, all or none, and returns the numbers; durable on return.
    ///
    /// # Errors
    /// When the folder was not opened for writing, or the ledger cannot be written.
    pub fn add_experience(&self, entries: &[ExperienceEntry]) -> Result<Vec<i64>> {
        self.write(|_, writer| writer.ledger.add_experience(entries))
    }

    /// Everything that happened, in the order in which it was written.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn experience(&self) -> Result<Vec<ExperienceEntry>> {
        self.ledger().experience()
    }

    /// Forgets who an officer was, by the id that the programme knows them by. What they reported, said and voted stays under a
    /// pseudonym that nothing ties to them. A line in the audit trail names the pseudonym. False: there is no such officer.
    ///
    /// # Errors
    /// When the folder was not opened for writing, or the ledger cannot be written.
    pub fn forget_officer(&self, id: &str, who: &str) -> Result<bool> {
        self.write(|_, writer| {
            let Some(pseudonym) = writer.ledger.forget_officer(id)? else {
                return Ok(false);
            };
            writer.ledger.audit(who, ACTION, &format!("officer {pseudonym}"), "name, attributes and id")?;
            // Deleted rows leave the file too.
            writer.ledger.vacuum()?;
            Ok(true)
        })
    }
}
