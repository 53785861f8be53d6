//! The data folder as one thing: opened for reading by any number of processes and for
//! writing by one. Owns the order of the writes and what is done after a crash; the files
//! themselves belong to `store`, `ledger` and the indexes.
//!
//! Every version of a call carries a sequence number, and of two versions the higher one
//! counts. A write goes into Parquet first, then into the call index, whose commit notes
//! the number it got to, then into the ledger. Whatever a crash leaves undone can be told
//! from these three: files that the ledger does not know are entered, calls with a higher
//! number than the index's note are indexed again.

mod assignments;
mod backup;
mod callers;
mod cases;
mod compact;
mod context;
mod erase;
mod examples;
mod experience;
mod hook;
mod index;
mod ingest;
mod knowledge;
mod live;
mod publications;
mod read;
mod reindex;
mod repair;
mod rescore;
mod reviews;
mod scan;
mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

pub use assignments::{AssignmentsStamp, DigestsWriter};
pub use backup::{Backup, Copied, restore};
pub use context::Context;
pub use erase::{Erase, Erased};
pub use ingest::{IngestSession, IngestSummary};
pub use read::Stats;
pub use scan::{DateRange, Scan};

use self::callers::CallerRows;
use self::hook::Hook;
use self::live::Live;
use self::writer::Writer;
use crate::caller::CallerKey;
use crate::calls::CallIndex;
use crate::ledger::{ApiKey, AuditCheck, AuditEntry, Ledger};
use crate::lock::WriterLock;
use crate::manifest::Manifest;
use crate::store::Partitions;
use crate::store::wal::Wal;
use crate::{Error, Result, files, stamp};

/// An open data folder.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    context: RwLock<Context>,
    partitions: Partitions,
    /// A connection of its own, so that reading does not wait for the writer.
    reader: Mutex<Ledger>,
    live: Live,
    /// The call index, once it was asked for.
    calls: RwLock<Option<Arc<CallIndex>>>,
    writer: Option<WriterSide>,
    hook: Hook,
    callers: CallerRows,
}

/// What only the writer has. The log is beside the lock: waiting for the disk happens without it.
#[derive(Debug)]
struct WriterSide {
    state: Mutex<Writer>,
    wal: Wal,
}

impl DataDir {
    /// Opens a data folder for reading. Takes no lock and writes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, [`Error::NewerFormat`] when a newer version wrote it.
    pub fn open_reader(path: &Path, context: Context) -> Result<Self> {
        if Manifest::read(path)?.is_none() {
            return Err(Error::not_found(format!("data folder {}", path.display())));
        }
        Ok(Self {
            path: path.to_owned(),
            context: RwLock::new(context),
            partitions: Partitions::new(path),
            reader: Mutex::new(Ledger::open_reader(path)?),
            live: Live::reader(&path.join("wal")),
            calls: RwLock::default(),
            writer: None,
            hook: Hook::default(),
            callers: CallerRows::default(),
        })
    }

    /// Opens a data folder for writing; creates it when the folder is missing or empty. Finishes
    /// what an interrupted writer left undone. `who` is what others are told about the writer,
    /// such as `qingting ingest`.
    ///
    /// # Errors
    /// [`Error::Locked`] when there is another writer, [`Error::NewerFormat`] when a newer version
    /// wrote it, [`Error::Refused`] when the folder holds something else: nothing is touched then.
    pub fn open_writer(path: &Path, context: Context, who: &str) -> Result<Self> {
        if Manifest::read(path)?.is_none() && !may_become_data(path)? {
            return Err(Error::Refused {
                what: format!("data folder {}", path.display()),
                message: "it is not empty and has no manifest.json: not a data folder".to_owned(),
            });
        }
        files::create_dir(path)?;
        let lock = WriterLock::take(path, who)?;
        // Read again: another process may have created it before the lock was ours.
        let (manifest, key) = match Manifest::read(path)? {
            Some(manifest) => (manifest, CallerKey::read(path)?),
            None => {
                let key = CallerKey::create(path)?;
                let manifest = Manifest::new(key.fingerprint().to_owned());
                manifest.write(path)?;
                (manifest, key)
            }
        };
        if key.fingerprint() != manifest.caller_key {
            return Err(Error::corrupt(path.join("keys/caller.key"), "not the key that the callers were kept under"));
        }
        let ledger = Ledger::open(path)?;
        let sealing = context.originals.clone().filter(|_| context.keeps_originals);
        let data = Self {
            path: path.to_owned(),
            context: RwLock::new(context),
            partitions: Partitions::new(path),
            reader: Mutex::new(Ledger::open_reader(path)?),
            live: Live::writer(),
            calls: RwLock::default(),
            writer: Some(WriterSide {
                wal: Wal::open(&path.join("wal"))?,
                state: Mutex::new(Writer::new(ledger, (key, sealing), manifest, lock)),
            }),
            hook: Hook::default(),
            callers: CallerRows::default(),
        };
        reindex::settle(&data.knowledge_index_dir())?;
        data.repair()?;
        Ok(data)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it was opened for writing.
    pub fn is_writer(&self) -> bool {
        self.writer.is_some()
    }

    /// Where the call index lies.
    pub fn call_index_dir(&self) -> PathBuf {
        self.path.join("index").join("calls")
    }

    /// Where the knowledge index lies.
    pub fn knowledge_index_dir(&self) -> PathBuf {
        self.path.join("index").join("knowledge")
    }

    /// The call index, for searching. The writer sees its own commits; another process sees those
    /// since after [`CallIndex::reload`].
    ///
    /// # Errors
    /// [`Error::Stale`] when it is not there or was built with another dictionary.
    pub fn calls(&self) -> Result<Arc<CallIndex>> {
        if let Some(calls) = &*self.calls.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok(Arc::clone(calls));
        }
        let opened = self.context().index.open_reader(&self.call_index_dir())?;
        let calls = opened
            .ok_or_else(|| Error::Stale { why: "there is no call index".to_owned(), fix: stamp::FIX.to_owned() })?;
        self.set_calls(Some(Arc::clone(&calls)));
        Ok(calls)
    }

    fn context(&self) -> Context {
        self.context.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_calls(&self, calls: Option<Arc<CallIndex>>) {
        *self.calls.write().unwrap_or_else(PoisonError::into_inner) = calls;
    }

    /// What the folder says about itself.
    ///
    /// # Errors
    /// When it cannot be read any more.
    pub fn manifest(&self) -> Result<Manifest> {
        Manifest::read(&self.path)?.ok_or_else(|| Error::not_found(format!("data folder {}", self.path.display())))
    }

    /// Appends a line to the audit trail; it is durable on return.
    ///
    /// # Errors
    /// When the folder was not opened for writing, or the ledger cannot be written.
    pub fn audit(&self, who: &str, action: &str, subject: &str, detail: &str) -> Result<()> {
        self.write(|_, writer| writer.ledger.audit(who, action, subject, detail))
    }

    /// The last entries of the audit trail before a number, newest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn audit_trail(&self, before: Option<i64>, limit: u32) -> Result<Vec<AuditEntry>> {
        self.ledger().audit_trail(before, limit)
    }

    /// Checks that no entry of the audit trail was changed or removed.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn check_audit(&self) -> Result<AuditCheck> {
        self.ledger().check_audit()
    }

    /// All API keys, revoked ones too.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn keys(&self) -> Result<Vec<ApiKey>> {
        self.ledger().keys()
    }

    /// Keeps a new API key; `who` made it.
    ///
    /// # Errors
    /// When the folder was not opened for writing, the id is taken, or the ledger cannot be written.
    pub fn add_key(&self, key: &ApiKey, who: &str) -> Result<()> {
        self.write(|_, writer| writer.ledger.add_key(key, who))
    }

    /// Ends an API key for good.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of that id; when the ledger cannot be written.
    pub fn revoke_key(&self, id: &str, who: &str) -> Result<ApiKey> {
        if !self.keys()?.iter().any(|key| key.id == id) {
            return Err(Error::not_found(format!("key {id}")));
        }
        self.write(|_, writer| writer.ledger.revoke_key(id, chrono::Utc::now(), who))
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refused(&self, message: &str) -> Error {
        Error::Refused {
            what: format!("data folder {}", self.path.display()),
            message: message.to_owned(),
        }
    }

    fn writer_side(&self) -> Result<&WriterSide> {
        self.writer.as_ref().ok_or_else(|| self.refused("it was opened for reading"))
    }

    /// Runs a change with the writer to itself. After one that failed half way, memory and disk may
    /// differ: nothing more is accepted until the folder is opened again, which repairs.
    fn write<T>(&self, change: impl FnOnce(&Wal, &mut Writer) -> Result<T>) -> Result<T> {
        let side = self.writer_side()?;
        let broken = || self.refused("an earlier write failed; open it again");
        let mut writer = side.state.lock().map_err(|_| broken())?;
        if writer.failed {
            return Err(broken());
        }
        let result = change(&side.wal, &mut writer);
        // These two are said before anything is changed.
        writer.failed = matches!(&result, Err(e) if !matches!(e, Error::Refused { .. } | Error::Stale { .. }));
        result
    }
}

/// Whether a data folder may be created there: nothing is there, or what an interrupted
/// creation left.
fn may_become_data(path: &Path) -> Result<bool> {
    let ours = |name: &String| ["writer.lock", "keys"].contains(&name.as_str()) || name.ends_with(files::TEMPORARY);
    Ok(files::names(path)?.iter().all(ours))
}
