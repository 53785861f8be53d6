//! A batch import: calls are put, buffered, and written at checkpoints; at the end the
//! partitions that it touched hold each call once.

use std::path::Path;

use chrono::NaiveDate;
use qingting_pipeline::Analyzed;

use super::DataDir;
use super::writer::Session;
use crate::ledger::{self, SourceFile};
use crate::{Error, Result};

/// A running import. What was put is sure to be kept after [`IngestSession::finish`]; dropping
/// the session forgets what was not written yet.
#[derive(Debug)]
#[must_use = "nothing is sure to be stored before `finish`"]
pub struct IngestSession<'a> {
    data: &'a DataDir,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IngestSummary {
    /// Calls stored.
    pub calls: u64,
    /// Of these, calls that had been stored before this import and were replaced.
    pub replaced: u64,
    /// Calls that came again within this import; the last one counts.
    pub duplicates: u64,
    /// Source files that were read to their end.
    pub sources: u64,
    /// First date of a call.
    pub first_date: Option<NaiveDate>,
    /// Last date of a call.
    pub last_date: Option<NaiveDate>,
}

impl DataDir {
    /// Starts an import.
    ///
    /// # Errors
    /// When the folder was not opened for writing, or another import runs.
    pub fn ingest(&self) -> Result<IngestSession<'_>> {
        self.write(|wal, writer| {
            if writer.session.is_some() {
                return Err(Error::Refused {
                    what: "import".to_owned(),
                    message: "another one is running in this process".to_owned(),
                });
            }
            writer.checkpoint(self, wal)?;
            writer.session = Some(Session { began_after: writer.last, ..Session::default() });
            Ok(())
        })?;
        Ok(IngestSession { data: self })
    }
}

impl IngestSession<'_> {
    /// Calls become durable when so many have been put, or earlier where they are large; 0, as at the start: when
    /// 16384 have been, the most there may be.
    ///
    /// # Errors
    /// When the folder cannot be written any more.
    pub fn commit_every(&mut self, calls: usize) -> Result<()> {
        self.data.write(|_, writer| {
            if let Some(session) = &mut writer.session {
                session.commit_calls = calls;
            }
            Ok(())
        })
    }

    /// The source file as it is now, or `None` when it was ingested just so: the same content
    /// with the same `options`, which stand for everything else that the result depends on.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn changed(&self, path: &Path, options: &str) -> Result<Option<SourceFile>> {
        self.data.ledger().changed_source(path, options)
    }

    /// Source files count as ingested no longer: those that are not done again before a crash are left to the next import.
    ///
    /// # Errors
    /// When the folder cannot be written any more.
    pub fn forget_sources(&mut self, paths: &[impl AsRef<Path>]) -> Result<()> {
        self.data.write(|_, writer| {
            writer.ledger.write(|transaction| {
                paths.iter().try_for_each(|path| ledger::remove_source(transaction, path.as_ref()))
            })
        })
    }

    /// Stores calls that came from `source`. A call that was stored before is replaced, whatever
    /// its date was.
    ///
    /// # Errors
    /// [`Error::Refused`] for a call without id or time, and then none of the batch is stored;
    /// [`Error::Stale`] when the call index has to be built anew first.
    pub fn put_batch(&mut self, calls: Vec<Analyzed>, source: &str) -> Result<()> {
        if calls.is_empty() {
            return Ok(());
        }
        self.data.write(|wal, writer| {
            let rows = writer.rows(calls, source)?;
            if writer.buffer(rows) {
                writer.checkpoint(self.data, wal)
            } else {
                Ok(())
            }
        })
    }

    /// Notes that all calls of a source file were put, with their number and that of its bad
    /// records: from the next checkpoint on it counts as ingested. False when the file is not any more what it
    /// was when it was looked at: nobody knows which of the two was read, and it does not count.
    ///
    /// # Errors
    /// When the folder cannot be written any more.
    pub fn source_done(&mut self, file: SourceFile, calls: u64, quarantined: u64) -> Result<bool> {
        let Some(file) = file.still() else { return Ok(false) };
        self.data.write(|_, writer| {
            writer.sources.push((file, calls, quarantined));
            Ok(true)
        })
    }

    /// Writes what is left, merges the partitions where calls were replaced, and tells what was done.
    ///
    /// # Errors
    /// When one of the stores cannot be written; opening the folder again repairs what was begun.
    pub fn finish(self) -> Result<IngestSummary> {
        let data = self.data;
        data.write(|wal, writer| {
            writer.checkpoint(data, wal)?;
            writer.merge_partitions(data)?;
            writer.note_fingerprints(data)?;
            let session = writer.session.take().unwrap_or_default();
            Ok(IngestSummary {
                calls: session.put - session.duplicates,
                replaced: session.replaced,
                duplicates: session.duplicates,
                sources: session.sources,
                first_date: session.dates.first().copied(),
                last_date: session.dates.last().copied(),
            })
        })
    }
}

impl Drop for IngestSession<'_> {
    fn drop(&mut self) {
        // Fails only where the writer is of no use any more.
        let _ = self.data.write(|_, writer| {
            if writer.session.take().is_some() {
                writer.abandon();
            }
            Ok(())
        });
    }
}
