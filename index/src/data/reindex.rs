//! Building the call index anew from the store: beside the old one, which is then replaced.

use std::fs;
use std::path::{Path, PathBuf};

use super::hook::Step;
use super::{DataDir, DateRange};
use crate::store::Row;
use crate::{Error, Result, files};

/// Calls indexed between two reports of progress.
const BATCH: usize = 1024;

pub(super) fn beside(dir: &Path, suffix: &str) -> PathBuf {
    let mut path = dir.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

pub(super) fn remove_dir(dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).map_err(|e| Error::io(dir, e))
    } else {
        Ok(())
    }
}

/// Undoes a change-over that was interrupted: the old index comes back.
pub(super) fn settle(dir: &Path) -> Result<()> {
    let (new, old) = (beside(dir, ".new"), beside(dir, ".old"));
    if let Some(parent) = dir.parent() {
        files::create_dir(parent)?;
    }
    if !dir.exists() && old.exists() {
        files::publish(&old, dir)?;
    }
    remove_dir(&new)?;
    remove_dir(&old)
}

impl DataDir {
    /// Builds the call index anew from the store and puts it in the place of the old one, which
    /// answers until then. `progress` is told the calls done and the calls there are.
    ///
    /// # Errors
    /// When the store cannot be read or the index not be written; the old one is kept then.
    pub fn reindex(&self, mut progress: impl FnMut(u64, u64)) -> Result<()> {
        self.write(|wal, writer| {
            let opener = self.context().index;
            writer.checkpoint(self, wal)?;
            let dir = self.call_index_dir();
            let (new, old) = (beside(&dir, ".new"), beside(&dir, ".old"));
            settle(&dir)?;
            let total = self.stats()?.calls;
            let mut index = opener.open(&new)?;
            let (mut done, mut seq) = (0, 0);
            let mut scan = self.scan(DateRange::ALL)?;
            loop {
                let mut rows: Vec<Row> = Vec::with_capacity(BATCH);
                while rows.len() < BATCH
                    && let Some(row) = scan.next_row()?
                {
                    seq = row.seq.max(seq);
                    rows.push(row);
                }
                if rows.is_empty() {
                    break;
                }
                index.put(&rows.iter().map(|row| (&row.record, &row.analysis)).collect::<Vec<_>>())?;
                done += rows.len() as u64;
                progress(done, total);
            }
            index.commit(seq)?;
            index.finish()?;
            self.hook.at(Step::IndexRebuilt)?;
            drop(writer.index.take());
            self.set_calls(None);
            if dir.exists() {
                files::publish(&dir, &old)?;
            }
            self.hook.at(Step::IndexMoved)?;
            files::publish(&new, &dir)?;
            remove_dir(&old)?;
            let index = opener.open(&dir)?;
            writer.use_index(self, index);
            writer.indexed = seq;
            writer.uncommitted = false;
            // One that had to wait for an index that can be written.
            writer.finish_erasure(self, wal).map(drop)
        })
    }
}
