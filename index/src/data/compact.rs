//! Merging the files of a date: rows that were replaced go, small files become one. The
//! new pair is there before the old ones go, and the ledger changes over in between.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::DataDir;
use super::hook::Step;
use super::writer::{Writer, Written};
use crate::Result;
use crate::ledger::{self, StoredFile};
use crate::store::{Depth, Merged, Pair, Row};

/// A date with more pairs of files than this gets them merged.
const FILES_PER_DATE: usize = 8;
/// Rows read and written at a time.
const BATCH: usize = 256;

impl Writer {
    /// Merges wherever rows were replaced or files have become many.
    pub(super) fn merge_partitions(&mut self, data: &DataDir) -> Result<()> {
        let mut dates: BTreeMap<NaiveDate, Vec<StoredFile>> = BTreeMap::new();
        for file in self.ledger.files()? {
            dates.entry(file.pair.date).or_default().push(file);
        }
        for (date, mut files) in dates {
            if files.len() <= FILES_PER_DATE {
                files.retain(|file| file.live < file.rows);
            }
            if !files.is_empty() {
                self.merge(data, date, &files)?;
            }
        }
        Ok(())
    }

    fn merge(&mut self, data: &DataDir, date: NaiveDate, files: &[StoredFile]) -> Result<()> {
        let written = if files.iter().any(|file| file.live > 0) {
            let pair = Pair { date, number: self.allocate() };
            let written = self.copy(data, files, pair)?;
            data.hook.at(Step::MergePublished)?;
            Some(written)
        } else {
            None
        };
        let last = self.last;
        self.ledger.write(|transaction| {
            if let Some((pair, keys)) = &written {
                ledger::add_file(transaction, pair, keys)?;
            }
            for file in files {
                ledger::remove_file(transaction, &file.pair)?;
            }
            ledger::set_last_number(transaction, last)
        })?;
        data.hook.at(Step::MergeEntered)?;
        files.iter().try_for_each(|file| data.partitions.remove(&file.pair))
    }

    /// Writes the rows of some files that count as one pair.
    fn copy(&self, data: &DataDir, files: &[StoredFile], pair: Pair) -> Result<Written> {
        let mut sources = Vec::new();
        for file in files.iter().filter(|file| file.live > 0) {
            let rows = self.ledger.live_rows(&file.pair, 0)?;
            sources.push(data.partitions.source(&file.pair, Some(&rows), BATCH, Depth::Whole)?);
        }
        let mut writer = data.partitions.create(&pair)?;
        let mut keys = Vec::new();
        let mut batch: Vec<Row> = Vec::with_capacity(BATCH);
        for row in Merged::new(sources)? {
            let row = row?;
            keys.push((row.call_id().to_owned(), row.seq));
            batch.push(row);
            if batch.len() == BATCH {
                writer.write(&batch.iter().collect::<Vec<_>>())?;
                batch.clear();
            }
        }
        writer.write(&batch.iter().collect::<Vec<_>>())?;
        writer.publish(|| data.hook.at(Step::BetweenHalves))?;
        Ok((pair, keys))
    }

    /// Notes in the manifest what the analyses were made with.
    pub(super) fn note_fingerprints(&mut self, data: &DataDir) -> Result<()> {
        let mut manifest = self.manifest.clone();
        env!("CARGO_PKG_VERSION").clone_into(&mut manifest.written_by);
        let context = data.context();
        manifest.dictionary_fingerprint.clone_from(&context.dictionary_fingerprint);
        manifest.config_fingerprint.clone_from(&context.config_fingerprint);
        if manifest != self.manifest {
            manifest.write(&data.path)?;
            self.manifest = manifest;
        }
        Ok(())
    }
}

impl DataDir {
    /// Moves live calls from the log into Parquet and merges the files of dates where calls were
    /// replaced or files have become many.
    ///
    /// # Errors
    /// When one of the stores cannot be written.
    pub fn compact(&self) -> Result<()> {
        self.write(|wal, writer| {
            writer.move_live(self, wal)?;
            writer.merge_partitions(self)
        })
    }

    /// Ends writing: live calls move into Parquet, the index finishes its work.
    ///
    /// # Errors
    /// When one of the stores cannot be written. What was acknowledged is safe all the same.
    pub fn close(self) -> Result<()> {
        if self.writer.is_none() {
            return Ok(());
        }
        self.write(|wal, writer| {
            writer.move_live(&self, wal)?;
            writer.index.take().map_or(Ok(()), super::index::IndexSink::finish)
        })
    }
}
