//! The tables, and how older ledgers get them. A migration is never edited once released.

use std::path::Path;

use rusqlite::Connection;

use super::explain;
use crate::{Error, Result};

/// Step `n` brings a ledger from version `n` to `n + 1`.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE meta (
        name  TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- Pairs of Parquet files; `live` counts the rows that `calls` points to.
    CREATE TABLE files (
        number INTEGER PRIMARY KEY,
        date   TEXT NOT NULL,
        rows   INTEGER NOT NULL,
        live   INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX files_by_date ON files (date);

    CREATE TABLE calls (
        call_id TEXT PRIMARY KEY,
        seq     INTEGER NOT NULL,
        file    INTEGER NOT NULL REFERENCES files (number),
        row     INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX calls_by_row ON calls (file, row);
    CREATE INDEX calls_by_seq ON calls (seq);
    CREATE TRIGGER calls_added AFTER INSERT ON calls BEGIN
        UPDATE files SET live = live + 1 WHERE number = NEW.file;
    END;
    CREATE TRIGGER calls_moved AFTER UPDATE OF file ON calls BEGIN
        UPDATE files SET live = live - 1 WHERE number = OLD.file;
        UPDATE files SET live = live + 1 WHERE number = NEW.file;
    END;
    CREATE TRIGGER calls_removed AFTER DELETE ON calls BEGIN
        UPDATE files SET live = live - 1 WHERE number = OLD.file;
    END;

    CREATE TABLE sources (
        path        TEXT PRIMARY KEY,
        size        INTEGER NOT NULL,
        modified_ns INTEGER NOT NULL,
        sha256      TEXT NOT NULL,
        options     TEXT NOT NULL,
        calls       INTEGER NOT NULL,
        quarantined INTEGER NOT NULL,
        ingested_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE audit (
        id      INTEGER PRIMARY KEY AUTOINCREMENT,
        at      TEXT NOT NULL,
        who     TEXT NOT NULL,
        action  TEXT NOT NULL,
        subject TEXT NOT NULL,
        detail  TEXT NOT NULL
    ) STRICT;
    CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit BEGIN
        SELECT RAISE(ABORT, 'the audit trail is append-only');
    END;
    CREATE TRIGGER audit_is_never_shortened BEFORE DELETE ON audit BEGIN
        SELECT RAISE(ABORT, 'the audit trail is append-only');
    END;
",
    "
    -- What people said about the answers of the knowledge base; of one person the last word counts.
    CREATE TABLE feedback (
        id      INTEGER PRIMARY KEY AUTOINCREMENT,
        at      TEXT NOT NULL,
        query   TEXT NOT NULL,
        article TEXT NOT NULL,
        helpful INTEGER NOT NULL,
        who     TEXT,
        UNIQUE (who, query, article)
    ) STRICT;

    -- Questions that found no sure answer, the newest ones.
    CREATE TABLE questions (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        at         TEXT NOT NULL,
        text       TEXT NOT NULL,
        confidence REAL NOT NULL
    ) STRICT;
",
];

fn version(connection: &Connection, path: &Path) -> Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(|e| explain(path, e))
}

fn newest() -> u32 {
    MIGRATIONS.len() as u32
}

/// Brings a ledger to the newest version, a step a transaction.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    let found = version(connection, path)?;
    if found > newest() {
        return Err(Error::NewerFormat { path: path.to_owned(), found, supported: newest() });
    }
    for (step, statements) in (1..).zip(MIGRATIONS).skip(found as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(statements)?;
        transaction.pragma_update(None, "user_version", step)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Refuses a ledger that is not of the newest version: a reader changes nothing.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<()> {
    match version(connection, path)? {
        found if found > newest() => Err(Error::NewerFormat { path: path.to_owned(), found, supported: newest() }),
        found if found < newest() => Err(Error::Stale {
            why: format!("{} is of an older version", path.display()),
            fix: "open the data folder for writing once (any `ingest` does): it is brought up to date".to_owned(),
        }),
        _ => Ok(()),
    }
}
