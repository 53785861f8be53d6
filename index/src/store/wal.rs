//! The write-ahead log of live calls: appended, synced in groups, and only then
//! acknowledged. What it holds is moved into Parquet later, and the log file removed.
//!
//! A file is a run of frames: length (4 bytes, little-endian), CRC-32 of the payload (the
//! same), payload (one [`Row`] as JSON). Reading ends at the first frame that is cut off
//! or fails its CRC: what a crash interrupted was never acknowledged.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::SystemTime;

use super::Row;
use crate::{Error, Result, files};

const HEAD: usize = 8;

/// The log of a writer.
#[derive(Debug)]
pub(crate) struct Wal {
    dir: PathBuf,
    state: Mutex<State>,
    synced: Condvar,
}

#[derive(Debug)]
struct State {
    /// Number of the file that is appended to.
    number: u64,
    file: Option<Arc<File>>,
    /// Length of that file up to the last whole frame.
    length: u64,
    /// Frames appended and frames known to be on disk, since the log was opened.
    appended: u64,
    durable: u64,
    syncing: bool,
    /// After a failed write or sync nobody knows what is on disk: nothing more is accepted.
    broken: bool,
}

/// How far the log has to be on disk for an append to be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

impl Wal {
    /// Opens the log for appending, in a file after those that are there.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        files::create_dir(dir)?;
        let last = numbers(dir)?.last().copied().unwrap_or(0);
        let state = State {
            number: last + 1,
            file: None,
            length: 0,
            appended: 0,
            durable: 0,
            syncing: false,
            broken: false,
        };
        Ok(Self { dir: dir.to_owned(), state: Mutex::new(state), synced: Condvar::new() })
    }

    /// Appends rows. They are durable once [`Wal::sync`] has returned for the ticket.
    ///
    /// # Errors
    /// When they cannot be written; then none of them is in the log.
    pub(crate) fn append(&self, rows: &[Row]) -> Result<Ticket> {
        let mut frames = Vec::new();
        for row in rows {
            let payload = serde_json::to_vec(row).map_err(|e| Error::json(format!("call {}", row.call_id()), e))?;
            let length = u32::try_from(payload.len()).map_err(|_| Error::Refused {
                what: format!("call {}", row.call_id()),
                message: "more than 4 GiB".to_owned(),
            })?;
            frames.extend_from_slice(&length.to_le_bytes());
            frames.extend_from_slice(&crc32fast::hash(&payload).to_le_bytes());
            frames.extend_from_slice(&payload);
        }
        let mut state = self.lock()?;
        let path = self.path(state.number);
        let file = match &state.file {
            Some(file) => Arc::clone(file),
            None => {
                let open = OpenOptions::new().append(true).create_new(true).open(&path);
                let file = Arc::new(open.map_err(|e| Error::io(&path, e))?);
                files::sync_dir(&self.dir)?;
                state.file = Some(Arc::clone(&file));
                file
            }
        };
        if let Err(error) = (&*file).write_all(&frames) {
            // Part of it may be there: frames behind it would never be read again.
            state.broken = file.set_len(state.length).is_err();
            return Err(Error::io(path, error));
        }
        state.length += frames.len() as u64;
        state.appended += rows.len() as u64;
        Ok(Ticket(state.appended))
    }

    /// Waits until everything up to the ticket is on disk. One of those who wait syncs for all.
    ///
    /// # Errors
    /// When the disk refuses; the log accepts nothing after that.
    pub(crate) fn sync(&self, ticket: Ticket) -> Result<()> {
        let mut state = self.lock()?;
        while state.durable < ticket.0 {
            if state.syncing {
                state = self.synced.wait(state).map_err(|_| self.poisoned())?;
                self.check(&state)?;
                continue;
            }
            let Some(file) = state.file.clone() else { return Ok(()) };
            let upto = state.appended;
            state.syncing = true;
            drop(state);
            let result = file.sync_data();
            state = self.state.lock().map_err(|_| self.poisoned())?;
            state.syncing = false;
            match result {
                Ok(()) => state.durable = state.durable.max(upto),
                Err(_) => state.broken = true,
            }
            self.synced.notify_all();
            result.map_err(|e| Error::io(self.path(state.number), e))?;
        }
        Ok(())
    }

    /// Syncs everything appended so far.
    pub(crate) fn sync_all(&self) -> Result<()> {
        let ticket = Ticket(self.lock()?.appended);
        self.sync(ticket)
    }

    /// Forgets the files so far: what is in them has become durable elsewhere. Nothing may be
    /// appended meanwhile, which the caller's own lock makes sure of.
    pub(crate) fn clear(&self) -> Result<()> {
        let mut state = self.lock()?;
        while state.syncing {
            state = self.synced.wait(state).map_err(|_| self.poisoned())?;
        }
        let gone = state.number;
        if state.file.take().is_some() {
            state.number += 1;
            state.length = 0;
        }
        state.durable = state.appended;
        self.synced.notify_all();
        for number in numbers(&self.dir)?.into_iter().filter(|&n| n <= gone) {
            files::remove(&self.path(number))?;
        }
        Ok(())
    }

    fn lock(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.state.lock().map_err(|_| self.poisoned())?;
        self.check(&state)?;
        Ok(state)
    }

    fn check(&self, state: &State) -> Result<()> {
        if state.broken { Err(self.poisoned()) } else { Ok(()) }
    }

    fn poisoned(&self) -> Error {
        let reason = std::io::Error::other("an earlier write failed; open the data folder again");
        Error::io(&self.dir, reason)
    }

    fn path(&self, number: u64) -> PathBuf {
        path(&self.dir, number)
    }
}

fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:012}.wal"))
}

fn numbers(dir: &Path) -> Result<Vec<u64>> {
    Ok(files::names(dir)?.iter().filter_map(|name| name.strip_suffix(".wal")?.parse().ok()).collect())
}

/// The names of the files of a log, oldest first.
pub(crate) fn file_names(dir: &Path) -> Result<Vec<String>> {
    Ok(files::names(dir)?.into_iter().filter(|name| name.ends_with(".wal")).collect())
}

/// Number, length and time of each file of the log: while these are the same, so is what it holds.
pub(crate) type LogState = Vec<(u64, u64, Option<SystemTime>)>;

/// The state of the log's files.
pub(crate) fn state_of(dir: &Path) -> Result<LogState> {
    let state = |number| {
        let meta = std::fs::metadata(path(dir, number)).ok();
        (number, meta.as_ref().map_or(0, std::fs::Metadata::len), meta.and_then(|m| m.modified().ok()))
    };
    Ok(numbers(dir)?.into_iter().map(state).collect())
}

/// Reads every row of the log, in order of appending.
///
/// # Errors
/// When a file cannot be read, or a whole frame holds no row.
pub(crate) fn replay(dir: &Path) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for number in numbers(dir)? {
        let path = path(dir, number);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            // Moved into Parquet since the folder was listed.
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(Error::io(path, e)),
        };
        let mut rest = bytes.as_slice();
        while let Some((payload, after)) = frame(rest) {
            rows.push(serde_json::from_slice(payload).map_err(|e| Error::corrupt(&path, e.to_string()))?);
            rest = after;
        }
        if !rest.is_empty() {
            tracing::debug!(path = %path.display(), bytes = rest.len(), "the log ends in an unfinished write");
        }
    }
    Ok(rows)
}

/// The payload of the first frame, and what follows it.
fn frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<{ HEAD - 4 }>()?;
    let (payload, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    // An empty payload is no row: it is what a tail of zeros looks like.
    (!payload.is_empty() && crc32fast::hash(payload) == u32::from_le_bytes(*crc)).then_some((payload, rest))
}

#[cfg(test)]
mod tests;
