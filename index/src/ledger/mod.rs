//! `ledger.sqlite`: which file and row holds the version of a call that counts, what was
//! ingested from where, what was said about answers and not answered, what people decided about calls, what happened in cases, to examples and in the programme of experience officers, which documents were published, who may ask, and the audit trail. Where calls lie is
//! derived from the Parquet files and can be rebuilt from them; the rest is kept here alone.

mod audit;
mod calls;
mod cases;
mod examples;
mod experience;
mod keys;
mod knowledge;
mod publications;
mod reviews;
mod schema;
mod sources;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction};

pub use audit::{AuditCheck, AuditEntry};
pub(crate) use calls::{Location, StoredFile, add_file, remove_calls, remove_file, set_last_number};
pub use cases::{CaseEntry, CaseQuery};
pub use examples::ExampleEntry;
pub use experience::ExperienceEntry;
pub use keys::ApiKey;
pub use knowledge::{Feedback, Question};
pub use publications::{Publication, document_publications, newest_publications};
pub(crate) use reviews::remove_reviews;
pub use reviews::{ReviewEntry, ReviewKind, ReviewQuery};
pub use sources::{Intake, SourceFile};
pub(crate) use sources::{add_source, remove_source};

use crate::{Error, Result};

const FILE: &str = "ledger.sqlite";

/// An open ledger.
#[derive(Debug)]
pub(crate) struct Ledger {
    connection: Connection,
}

impl Ledger {
    /// Opens the ledger for writing; creates it, or brings an older one up to date.
    ///
    /// # Errors
    /// When it is no ledger, or one of a newer version.
    pub(crate) fn open(data: &Path) -> Result<Self> {
        let path = data.join(FILE);
        writable(&path)?;
        let open = || -> Result<Connection, rusqlite::Error> {
            let connection = Connection::open(&path)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            // What is acknowledged survives a power failure.
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.busy_timeout(std::time::Duration::from_secs(10))?;
            Ok(connection)
        };
        let mut connection = open().map_err(|e| explain(&path, e))?;
        schema::migrate(&mut connection, &path)?;
        Ok(Self { connection })
    }

    /// Opens the ledger for reading.
    ///
    /// # Errors
    /// When there is none, or one of a newer version.
    pub(crate) fn open_reader(data: &Path) -> Result<Self> {
        let path = data.join(FILE);
        if !path.is_file() {
            return Err(Error::Stale {
                why: format!("{} is missing", path.display()),
                fix: "open the data folder for writing once (any `ingest` does): it is rebuilt".to_owned(),
            });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(|e| explain(&path, e))?;
        connection.busy_timeout(std::time::Duration::from_secs(10))?;
        schema::check(&connection, &path)?;
        Ok(Self { connection })
    }

    /// Asks several questions of one and the same state.
    pub(crate) fn read<T>(&self, ask: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let transaction = self.connection.unchecked_transaction()?;
        let result = ask(self);
        // Nothing was changed: there is nothing to commit.
        drop(transaction);
        result
    }

    /// Makes deleted rows leave the file too, and the log beside it.
    pub(crate) fn vacuum(&self) -> Result<()> {
        self.connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")?;
        Ok(())
    }

    /// Writes a copy, as of one moment, to a new file.
    pub(crate) fn copy(&self, path: &Path) -> Result<()> {
        self.connection.execute("VACUUM INTO ?1", [path.to_string_lossy()])?;
        Ok(())
    }

    /// Runs changes that happen together or not at all.
    pub(crate) fn write<T>(&mut self, change: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let transaction = self.connection.transaction()?;
        let result = change(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }
}

/// SQLite reads a database that it may not write, and leaves files beside it that nobody may write later on: better said
/// before, with the file that it is about.
fn writable(path: &Path) -> Result<()> {
    for beside in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(beside);
        match std::fs::OpenOptions::new().append(true).open(&name) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(name, e)),
            _ => {}
        }
    }
    Ok(())
}

/// A file that SQLite cannot make sense of is reported as what it is.
fn explain(path: &Path, error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Error::Corrupt {
            path: PathBuf::from(path),
            message: format!("{error}; move it away: where calls lie is rebuilt, reviews have to come from a backup"),
        },
        _ => Error::Sqlite(error),
    }
}
