//! What the data folder keeps of published documents, and how it takes up what they change.

use std::sync::PoisonError;

use super::{Context, DataDir};
use crate::Result;
use crate::ledger::Publication;

impl DataDir {
    /// Appends versions of documents, all or none, with a line each in the audit trail; durable on return. The numbers.
    ///
    /// # Errors
    /// When the folder was not opened for writing, a version is there already, or the ledger cannot be written.
    pub fn publish(&self, publications: &[Publication]) -> Result<Vec<i64>> {
        self.write(|_, writer| writer.ledger.publish(publications))
    }

    /// The newest version of every document, by name.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn newest_publications(&self) -> Result<Vec<Publication>> {
        self.ledger().newest_publications()
    }

    /// Versions of a document before a version, newest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn publications(&self, document: &str, before: Option<u32>, limit: u32) -> Result<Vec<Publication>> {
        self.ledger().publications(document, before, limit)
    }

    /// Goes on with another pipeline and the keys that there were: searches that begin from now on use its synonyms.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] when its words are others than those of the index; nothing is changed then.
    pub fn set_context(&self, context: Context) -> Result<()> {
        if context.dictionary_fingerprint != self.context().dictionary_fingerprint {
            return Err(self.refused("the index is of other words"));
        }
        let synonyms = context.synonyms.clone();
        let mut current = self.context.write().unwrap_or_else(PoisonError::into_inner);
        *current = context.with_originals(current.originals.clone(), current.keeps_originals);
        drop(current);
        if let Some(calls) = &*self.calls.read().unwrap_or_else(PoisonError::into_inner) {
            calls.set_synonyms(synonyms);
        }
        Ok(())
    }
}
