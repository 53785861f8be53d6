//! Writing the call index. One writer at a time; nothing is seen by searches before a commit
//! and a reload. After an error the tantivy writer is gone, since its state cannot be trusted:
//! what was not committed has to be written again through a new one.

use qingting_pipeline::record::{Analysis, CallRecord};
use tantivy::indexer::NoMergePolicy;
use tantivy::{IndexWriter, TantivyDocument, Term};

use super::document::{self, CallDocument};
use super::schema::Fields;
use crate::analyzer::Analyzer;
use crate::{Error, Result};

/// The writer of a [`super::CallIndex`].
pub struct CallIndexWriter {
    pub(super) writer: Option<IndexWriter<TantivyDocument>>,
    pub(super) fields: Fields,
    pub(super) analyzer: Analyzer,
}

impl std::fmt::Debug for CallIndexWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallIndexWriter").field("open", &self.writer.is_some()).finish_non_exhaustive()
    }
}

impl CallIndexWriter {
    /// Adds a call, replacing an earlier one of the same id.
    ///
    /// # Errors
    /// When tantivy cannot write; the writer is closed then.
    pub fn upsert(&mut self, record: &CallRecord, analysis: &Analysis) -> Result<()> {
        let document = document::build(&self.fields, &self.analyzer, record, analysis)?;
        self.upsert_document(document)
    }

    /// Adds a document built by [`super::CallIndex::document`], replacing an earlier one of the same id.
    ///
    /// # Errors
    /// When tantivy cannot write; the writer is closed then.
    pub fn upsert_document(&mut self, document: CallDocument) -> Result<()> {
        let term = Term::from_field_text(self.fields.call_id, document::cut(&document.call_id));
        self.with(|writer| {
            writer.delete_term(term);
            writer.add_document(document.document).map(drop)
        })
    }

    /// Removes a call.
    ///
    /// # Errors
    /// When the writer is closed.
    pub fn delete(&mut self, call_id: &str) -> Result<()> {
        let term = Term::from_field_text(self.fields.call_id, document::cut(call_id));
        self.with(|writer| {
            writer.delete_term(term);
            Ok(())
        })
    }

    /// Makes everything so far durable, with a note that [`super::CallIndex::payload`] reads back.
    ///
    /// # Errors
    /// When tantivy cannot write; the writer is closed then and the commit did not happen.
    pub fn commit(&mut self, payload: &str) -> Result<()> {
        self.with(|writer| {
            let mut prepared = writer.prepare_commit()?;
            prepared.set_payload(payload);
            prepared.commit().map(drop)
        })
    }

    /// Writes every segment anew that holds calls which were removed or replaced before the last commit: until
    /// then their words and texts are in its files. Merges in the background stop until the index is opened again.
    ///
    /// # Errors
    /// When tantivy cannot write, or a merge in the background holds a segment.
    pub(crate) fn rewrite_deleted(&mut self) -> Result<()> {
        self.with(|writer| {
            writer.set_merge_policy(Box::new(NoMergePolicy));
            for segment in writer.index().searchable_segment_metas()? {
                if segment.has_deletes() {
                    writer.merge(&[segment.id()]).wait()?;
                }
            }
            Ok(())
        })
    }

    /// Removes the files that no commit and no searcher needs.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub(crate) fn remove_unused(&mut self) -> Result<()> {
        self.with(|writer| writer.garbage_collect_files().wait().map(drop))
    }

    /// Waits for background merges and closes. What was not committed is lost.
    ///
    /// # Errors
    /// When a merge failed.
    pub fn finish(mut self) -> Result<()> {
        self.close()
    }

    /// As [`Self::finish`]: nothing can be written through it afterwards.
    pub(crate) fn close(&mut self) -> Result<()> {
        match self.writer.take() {
            Some(writer) => Ok(writer.wait_merging_threads()?),
            None => Ok(()),
        }
    }

    fn with(&mut self, work: impl FnOnce(&mut IndexWriter<TantivyDocument>) -> tantivy::Result<()>) -> Result<()> {
        let writer = self.writer.as_mut().ok_or(Error::WriterClosed)?;
        let result = work(writer);
        if result.is_err() {
            self.writer = None;
        }
        Ok(result?)
    }
}
