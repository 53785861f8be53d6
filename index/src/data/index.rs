//! What the data folder needs of the call index: take calls, commit with a note of how far
//! it got, and tell that note after a restart.

use std::path::Path;

use qingting_pipeline::record::{Analysis, CallRecord};

use crate::Result;

/// Opens the call index in a folder, or creates it there.
pub(crate) trait OpenIndex: Send + Sync {
    /// Fails with [`crate::Error::Stale`] when the index was built with something else.
    fn open(&self, dir: &Path) -> Result<Box<dyn IndexSink>>;
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

    /// Ends background work and closes.
    fn finish(self: Box<Self>) -> Result<()>;
}
