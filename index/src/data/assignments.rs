//! What is derived over many calls and lies beside their analyses: topics, and a row a call that
//! everything over many calls is counted from. The contents belong to those who derive them; here they are
//! files that are replaced in one step.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, ErrorKind};
use std::path::PathBuf;
use std::time::SystemTime;

use chrono::{DateTime, NaiveDate, Utc};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use qingting_pipeline::columnar::{DigestWriter, Records, read_digests};
use qingting_pipeline::record::CallDigest;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::DataDir;
use crate::ledger::Intake;
use crate::{Error, Result, files};

/// What the footer of the digests calls the highest number that any file of the store had when they were begun. No clock
/// tells what came later: it may jump back.
const UPTO: &str = "qingting.digested_upto";

/// Digests on their way into their file; nothing of it is seen before [`DigestsWriter::publish`].
#[derive(Debug)]
pub struct DigestsWriter {
    path: PathBuf,
    temporary: PathBuf,
    rows: DigestWriter<BufWriter<File>>,
}

/// Sizes and times of the files of topics and digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssignmentsStamp(((u64, SystemTime), (u64, SystemTime)));

impl DigestsWriter {
    /// Adds rows.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&mut self, rows: &[CallDigest]) -> Result<()> {
        Ok(self.rows.write(rows)?)
    }

    /// Replaces the digests that were there by these.
    ///
    /// # Errors
    /// When the file cannot be completed.
    pub fn publish(self) -> Result<()> {
        let file = self.rows.finish()?.into_inner().map_err(|e| Error::io(&self.temporary, e.into_error()))?;
        file.sync_all().map_err(|e| Error::io(&self.temporary, e))?;
        files::publish(&self.temporary, &self.path)
    }
}

impl DataDir {
    fn assignments_path(&self, name: &str) -> PathBuf {
        self.path.join("assignments").join(name)
    }

    /// The state of the two files, to tell whether what was read of them is still so; `None` while one of
    /// them is missing.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn assignments_stamp(&self) -> Result<Option<AssignmentsStamp>> {
        let state = |name: &str| {
            let path = self.assignments_path(name);
            match std::fs::metadata(&path) {
                Ok(found) => Ok(Some((found.len(), found.modified().map_err(|e| Error::io(path, e))?))),
                Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
                Err(e) => Err(Error::io(path, e)),
            }
        };
        Ok(state("topics.json")?.zip(state("calls.parquet")?).map(AssignmentsStamp))
    }

    /// Replaces the topics.
    ///
    /// # Errors
    /// When the folder was not opened for writing, or the file cannot be written.
    pub fn write_topics<T: Serialize>(&self, topics: &T) -> Result<()> {
        let path = self.assignments_path("topics.json");
        let bytes = serde_json::to_vec(topics).map_err(|e| Error::json(path.display().to_string(), e))?;
        self.write(|_, _| {
            files::create_dir(&self.path.join("assignments"))?;
            files::write_atomically(&path, &bytes)
        })
    }

    /// The topics, if there are any yet.
    ///
    /// # Errors
    /// When the file cannot be read, or holds something else.
    pub fn read_topics<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let path = self.assignments_path("topics.json");
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| Error::corrupt(path, e.to_string())),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io(path, e)),
        }
    }

    /// Begins a new file of digests of all calls. It has to be begun before the calls are read.
    ///
    /// # Errors
    /// When the folder was not opened for writing, or the file cannot be created.
    pub fn write_digests(&self) -> Result<DigestsWriter> {
        let upto = self.ledger().last_number()?;
        self.digests_upto(upto)
    }

    /// Begins a new file of digests of the calls that those there are of, or of some of them.
    pub(super) fn rewrite_digests(&self) -> Result<DigestsWriter> {
        self.digests_upto(self.digested_upto()?)
    }

    fn digests_upto(&self, upto: u64) -> Result<DigestsWriter> {
        self.writer_side()?;
        files::create_dir(&self.path.join("assignments"))?;
        let path = self.assignments_path("calls.parquet");
        let temporary = self.assignments_path(&format!("calls.parquet{}", files::TEMPORARY));
        let file = File::create(&temporary).map_err(|e| Error::io(&temporary, e))?;
        let mut rows = DigestWriter::new(BufWriter::new(file))?;
        rows.note(UPTO, upto.to_string());
        Ok(DigestsWriter { path, temporary, rows })
    }

    /// The files up to that number are in the digests; 0 when there are none, or when they do not say.
    fn digested_upto(&self) -> Result<u64> {
        let path = self.assignments_path("calls.parquet");
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(0),
            Err(e) => return Err(Error::io(path, e)),
        };
        let footer =
            ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|e| Error::parquet(&path, e))?;
        let notes = footer.metadata().file_metadata().key_value_metadata();
        let note = notes.and_then(|notes| notes.iter().find(|note| note.key == UPTO)?.value.as_ref());
        Ok(note.and_then(|note| note.parse().ok()).unwrap_or(0))
    }

    /// The digests, if there are any yet, in the order in which they were written.
    ///
    /// # Errors
    /// When the file cannot be read, or is no such file.
    pub fn read_digests(&self) -> Result<Option<Records<CallDigest>>> {
        let path = self.assignments_path("calls.parquet");
        if !path.is_file() {
            return Ok(None);
        }
        Ok(Some(read_digests(&path)?))
    }

    /// The dates whose calls all have their digest: none of their calls is in the log of live calls, and none of their
    /// files has a higher number than those that the digests were made of. A call that was ingested again under
    /// another date counts on the older one until the digests are made anew.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn digested_dates(&self) -> Result<BTreeSet<NaiveDate>> {
        let upto = self.digested_upto()?;
        let mut later: BTreeSet<NaiveDate> = self.live.rows()?.values().filter_map(|row| row.date()).collect();
        let files = self.ledger().files()?;
        later.extend(files.iter().filter(|file| file.pair.number > upto).map(|file| file.pair.date));
        let dates: BTreeSet<NaiveDate> = files.into_iter().map(|file| file.pair.date).collect();
        Ok(&dates - &later)
    }

    /// The files that were ingested last at or after a moment, and what became of their records.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn intake(&self, since: DateTime<Utc>) -> Result<Intake> {
        self.ledger().intake(since)
    }
}
