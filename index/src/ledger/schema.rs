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
    "
    -- Of an entry and the hash before it; empty for the entries that were there before.
    ALTER TABLE audit ADD COLUMN hash TEXT NOT NULL DEFAULT '';

    -- API keys; teams one a line.
    CREATE TABLE keys (
        id            TEXT PRIMARY KEY,
        name          TEXT NOT NULL,
        role          TEXT NOT NULL,
        teams         TEXT NOT NULL,
        agent         TEXT,
        secret_sha256 TEXT NOT NULL,
        created_at    TEXT NOT NULL,
        expires_at    TEXT,
        revoked_at    TEXT
    ) STRICT, WITHOUT ROWID;
",
    "
    -- What people decided about calls, one thing a row, in the order in which it happened. `under` is the number of the
    -- plan or session that a row belongs to; agent and team are those of the call at the time.
    CREATE TABLE reviews (
        number  INTEGER PRIMARY KEY AUTOINCREMENT,
        at      TEXT NOT NULL,
        kind    TEXT NOT NULL,
        who     TEXT NOT NULL,
        name    TEXT NOT NULL,
        under   INTEGER,
        call_id TEXT,
        agent   TEXT,
        team    TEXT,
        body    TEXT NOT NULL
    ) STRICT;
    CREATE INDEX reviews_by_call ON reviews (call_id, number);
    CREATE INDEX reviews_by_kind ON reviews (kind, number);
    CREATE INDEX reviews_by_plan ON reviews (under, number);
    CREATE TRIGGER reviews_are_never_changed BEFORE UPDATE ON reviews BEGIN
        SELECT RAISE(ABORT, 'reviews are append-only');
    END;
    CREATE TRIGGER reviews_go_with_their_calls_alone BEFORE DELETE ON reviews
    WHEN NOT EXISTS (SELECT 1 FROM meta WHERE name = 'erasing') BEGIN
        SELECT RAISE(ABORT, 'reviews are append-only');
    END;
",
    "
    -- Documents that were published, one version a row, never changed. `version` counts from 1 for each document;
    -- `content` is empty where the version is that of the files again.
    CREATE TABLE publications (
        number      INTEGER PRIMARY KEY AUTOINCREMENT,
        document    TEXT NOT NULL,
        version     INTEGER NOT NULL,
        at          TEXT NOT NULL,
        who         TEXT NOT NULL,
        name        TEXT NOT NULL,
        note        TEXT NOT NULL,
        content     TEXT,
        sha256      TEXT NOT NULL,
        restores    INTEGER,
        fingerprint TEXT NOT NULL,
        UNIQUE (document, version)
    ) STRICT;
    CREATE TRIGGER publications_are_never_changed BEFORE UPDATE ON publications BEGIN
        SELECT RAISE(ABORT, 'publications are append-only');
    END;
    CREATE TRIGGER publications_are_never_removed BEFORE DELETE ON publications BEGIN
        SELECT RAISE(ABORT, 'publications are append-only');
    END;
",
    "
    -- Whether a key may see what masking took out of calls.
    ALTER TABLE keys ADD COLUMN unmasks INTEGER NOT NULL DEFAULT 0;
",
    "
    -- What happened in cases, one thing a row, in the order in which it happened. `opening` is the number of the row that
    -- opened the case, NULL in that row itself; `version` counts the rows of a case from 1. Call, agent, team and cause are
    -- those of the case, on each of its rows.
    CREATE TABLE cases (
        number  INTEGER PRIMARY KEY AUTOINCREMENT,
        at      TEXT NOT NULL,
        kind    TEXT NOT NULL,
        who     TEXT NOT NULL,
        name    TEXT NOT NULL,
        opening INTEGER REFERENCES cases (number),
        version INTEGER NOT NULL,
        call_id TEXT NOT NULL,
        agent   TEXT,
        team    TEXT,
        cause   TEXT NOT NULL,
        body    TEXT NOT NULL,
        UNIQUE (opening, version)
    ) STRICT;
    CREATE INDEX cases_by_call ON cases (call_id, number);
    CREATE INDEX cases_by_team ON cases (team, number);
    CREATE INDEX cases_by_agent ON cases (agent, number);
    CREATE TRIGGER cases_are_never_changed BEFORE UPDATE ON cases BEGIN
        SELECT RAISE(ABORT, 'cases are append-only');
    END;
    CREATE TRIGGER cases_go_with_their_calls_alone BEFORE DELETE ON cases
    WHEN NOT EXISTS (SELECT 1 FROM meta WHERE name = 'erasing') BEGIN
        SELECT RAISE(ABORT, 'cases are append-only');
    END;
",
    super::examples::TABLE,
    "
    -- What happened in the programme of experience officers, one thing a row, in the order in which it happened. `matter` and `id`
    -- say what it is about, `version` counts the rows of that from 1. `officer` is a pseudonym that the rows of the matter
    -- `officer` alone tie to a person.
    CREATE TABLE experience (
        number  INTEGER PRIMARY KEY AUTOINCREMENT,
        at      TEXT NOT NULL,
        kind    TEXT NOT NULL,
        who     TEXT NOT NULL,
        name    TEXT NOT NULL,
        matter  TEXT NOT NULL,
        id      TEXT NOT NULL,
        version INTEGER NOT NULL,
        officer TEXT,
        call_id TEXT,
        digest  TEXT,
        body    TEXT NOT NULL,
        UNIQUE (matter, id, version)
    ) STRICT;
    CREATE INDEX experience_by_call ON experience (call_id);
    CREATE INDEX experience_by_officer ON experience (officer);
    CREATE TRIGGER experience_is_never_changed BEFORE UPDATE ON experience BEGIN
        SELECT RAISE(ABORT, 'what officers experienced is append-only');
    END;
    CREATE TRIGGER experience_goes_with_calls_and_officers_alone BEFORE DELETE ON experience
    WHEN NOT EXISTS (SELECT 1 FROM meta WHERE name = 'erasing') BEGIN
        SELECT RAISE(ABORT, 'what officers experienced is append-only');
    END;
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
