//! What the data folder needs of the call index: take calls, commit with a note of how far
//! it got, and tell that note after a restart.

use std::path::Path;
use std::sync::Arc;

use qingting_pipeline::normalize::Normalizer;
use qingting_pipeline::record::{Analysis, CallRecord};
use qingting_pipeline::segment::Segmenter;
use qingting_pipeline::synonyms::Synonyms;
use rayon::prelude::*;

use crate::Result;
use crate::calls::{CallIndex, CallIndexWriter};

/// Opens the call index in a folder, or creates it there.
pub(crate) trait OpenIndex: Send + Sync {
    /// Fails with [`crate::Error::Stale`] when the index was built with something else.
    fn open(&self, dir: &Path) -> Result<Box<dyn IndexSink>>;

    /// Opens an index that is there for searching alone.
    fn open_reader(&self, dir: &Path) -> Result<Option<Arc<CallIndex>>>;
}

/// The writing side of the call index.
pub(crate) trait IndexSink: Send {
    /// The sequence number at the last commit, 0 for a new index.
    fn committed(&self) -> Result<u64>;

    /// Adds calls, replacing earlier versions of them.
    fn put(&mut self, calls: &[(&CallRecord, &Analysis)]) -> Result<()>;

    /// Removes a call.
    fn delete(&mut self, call_id: &str) -> Result<()>;

    /// Makes everything so far durable and visible, as of that sequence number.
    fn commit(&mut self, seq: u64) -> Result<()>;

    /// Makes calls that were removed, or replaced by later versions, leave the files too.
    fn purge(&mut self) -> Result<()>;

    /// Ends background work and closes.
    fn finish(self: Box<Self>) -> Result<()>;

    /// The searching side of the same index.
    fn searcher(&self) -> Option<Arc<CallIndex>>;
}

/// Memory that the index gathers calls in before it writes them, bytes.
const WRITER_MEMORY: usize = 96 << 20;
/// From so many calls on, their documents are built on all threads.
const PARALLEL_FROM: usize = 32;

/// Opens the real thing.
pub(crate) struct OpenCallIndex {
    pub(crate) segmenter: Arc<Segmenter>,
    pub(crate) normalizer: Arc<Normalizer>,
    pub(crate) synonyms: Arc<Synonyms>,
}

impl OpenCallIndex {
    fn index(&self, dir: &Path) -> Result<Arc<CallIndex>> {
        let index = CallIndex::open_or_create(dir, Arc::clone(&self.segmenter), Arc::clone(&self.normalizer))?;
        Ok(Arc::new(index.with_synonyms(Arc::clone(&self.synonyms))))
    }
}

impl OpenIndex for OpenCallIndex {
    fn open(&self, dir: &Path) -> Result<Box<dyn IndexSink>> {
        let index = self.index(dir)?;
        let writer = index.writer(WRITER_MEMORY)?;
        Ok(Box::new(CallSink { index, writer }))
    }

    fn open_reader(&self, dir: &Path) -> Result<Option<Arc<CallIndex>>> {
        if dir.join("meta.json").is_file() {
            self.index(dir).map(Some)
        } else {
            Ok(None)
        }
    }
}

struct CallSink {
    index: Arc<CallIndex>,
    writer: CallIndexWriter,
}

impl IndexSink for CallSink {
    fn committed(&self) -> Result<u64> {
        // A note that is no number is not ours: everything is indexed again.
        Ok(self.index.payload()?.and_then(|note| note.parse().ok()).unwrap_or(0))
    }

    fn put(&mut self, calls: &[(&CallRecord, &Analysis)]) -> Result<()> {
        if calls.len() < PARALLEL_FROM {
            return calls.iter().try_for_each(|(record, analysis)| self.writer.upsert(record, analysis));
        }
        let index = &self.index;
        let documents: Vec<_> =
            calls.par_iter().map(|(record, analysis)| index.document(record, analysis)).collect::<Result<_>>()?;
        documents.into_iter().try_for_each(|document| self.writer.upsert_document(document))
    }

    fn delete(&mut self, call_id: &str) -> Result<()> {
        self.writer.delete(call_id)
    }

    fn commit(&mut self, seq: u64) -> Result<()> {
        self.writer.commit(&seq.to_string())?;
        self.index.reload()
    }

    fn purge(&mut self) -> Result<()> {
        // Segments that a merge in the background holds could not be rewritten.
        self.writer.close()?;
        self.writer = self.index.writer(WRITER_MEMORY)?;
        self.writer.rewrite_deleted()?;
        // Files that a searcher has open are not removed.
        self.index.reload()?;
        self.writer.remove_unused()?;
        self.writer.close()?;
        self.writer = self.index.writer(WRITER_MEMORY)?;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.writer.close()
    }

    fn searcher(&self) -> Option<Arc<CallIndex>> {
        Some(Arc::clone(&self.index))
    }
}
