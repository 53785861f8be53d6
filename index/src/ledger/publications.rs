//! Versions of documents (rules, scorecards, word lists) that were published: one a row, appended and never changed. Of a
//! document the newest version counts. What a document means is the business of whoever reads it; this keeps texts.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row, params};

use super::{FILE, Ledger, audit, explain};
use crate::Result;

/// In the audit trail.
const PUBLISHED: &str = "document published";
const ROLLED_BACK: &str = "document rolled back";

/// A version of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Its number among all publications, ascending; given by the ledger.
    pub number: i64,
    /// The document, such as `rules/handling.toml`.
    pub document: String,
    /// Counts from 1 for each document.
    pub version: u32,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Who, by id.
    pub who: String,
    /// Who, as people call them.
    pub name: String,
    /// Why.
    pub note: String,
    /// The text; `None` where the document is that of the files again, which the program and its configuration hold.
    pub content: Option<String>,
    /// SHA-256 of the text, hexadecimal; empty without one.
    pub sha256: String,
    /// The version that it restores; 0 for that of the files.
    pub restores: Option<u32>,
    /// The configuration that calls are analysed by from then on, as their provenance names it.
    pub fingerprint: String,
}

const COLUMNS: &str = "number, document, version, at, who, name, note, content, sha256, restores, fingerprint";

fn publication(row: &Row<'_>) -> rusqlite::Result<Publication> {
    Ok(Publication {
        number: row.get(0)?,
        document: row.get(1)?,
        version: row.get(2)?,
        at: row.get(3)?,
        who: row.get(4)?,
        name: row.get(5)?,
        note: row.get(6)?,
        content: row.get(7)?,
        sha256: row.get(8)?,
        restores: row.get(9)?,
        fingerprint: row.get(10)?,
    })
}

fn newest(connection: &Connection) -> Result<Vec<Publication>> {
    let mut query = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM publications WHERE number IN (SELECT max(number) FROM publications GROUP BY document)
         ORDER BY document"
    ))?;
    let rows = query.query_map([], publication)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn versions(connection: &Connection, document: &str, before: Option<u32>, limit: u32) -> Result<Vec<Publication>> {
    let mut query = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM publications WHERE document = ?1 AND version < ?2 ORDER BY version DESC LIMIT ?3"
    ))?;
    let rows = query.query_map(params![document, before.map_or(i64::MAX, i64::from), limit], publication)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The newest version of every document of a data folder, by name, without opening it: whoever opens it needs the words
/// that they say first. None where there is no folder yet, or its ledger is from before there were any.
///
/// # Errors
/// When the ledger is there and cannot be read.
pub fn newest_publications(data: &Path) -> Result<Vec<Publication>> {
    unopened(data, newest)
}

/// The versions of a document before a version in a data folder, newest first, without opening it.
///
/// # Errors
/// When the ledger is there and cannot be read.
pub fn document_publications(data: &Path, document: &str, before: Option<u32>, limit: u32) -> Result<Vec<Publication>> {
    unopened(data, |connection| versions(connection, document, before, limit))
}

fn unopened(data: &Path, ask: impl FnOnce(&Connection) -> Result<Vec<Publication>>) -> Result<Vec<Publication>> {
    let path = data.join(FILE);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let read = |untouched: bool| -> Result<Connection, rusqlite::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = match untouched {
            true => Connection::open_with_flags(untouched_uri(&path), flags | OpenFlags::SQLITE_OPEN_URI)?,
            false => Connection::open_with_flags(&path, flags)?,
        };
        connection.busy_timeout(std::time::Duration::from_secs(10))?;
        // Opening reads nothing yet.
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
        Ok(connection)
    };
    // Where whoever asks may not write, SQLite would leave files beside the ledger that its owner may not write later on.
    // Without a log beside it everything is in the ledger itself, and nobody has it open.
    let alone = !path.with_extension("sqlite-wal").exists();
    let connection = match alone && super::writable(&path).is_err() {
        true => read(true),
        false => read(false).or_else(|error| if alone { read(true) } else { Err(error) }),
    };
    let connection = connection.map_err(|error| explain(&path, error))?;
    let table = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'publications')";
    if connection.query_row(table, [], |row| row.get(0))? {
        ask(&connection)
    } else {
        Ok(Vec::new())
    }
}

/// A file as SQLite opens it without writing or locking anything.
fn untouched_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    uri + "?immutable=1"
}

impl Ledger {
    /// Appends versions, all or none, with a line each in the audit trail; they are durable on return.
    pub(crate) fn publish(&mut self, publications: &[Publication]) -> Result<Vec<i64>> {
        self.write(|transaction| {
            let mut add = transaction.prepare_cached(
                "INSERT INTO publications
                 (document, version, at, who, name, note, content, sha256, restores, fingerprint)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?;
            let mut numbers = Vec::with_capacity(publications.len());
            for p in publications {
                let Publication { document, version, note, restores, .. } = p;
                add.execute(params![
                    document,
                    version,
                    p.at,
                    p.who,
                    p.name,
                    note,
                    p.content,
                    p.sha256,
                    restores,
                    p.fingerprint
                ])?;
                numbers.push(transaction.last_insert_rowid());
                let who = if p.name == p.who {
                    p.who.clone()
                } else {
                    format!("{} ({})", p.name, p.who)
                };
                let subject = format!("{document} version {version}");
                match restores {
                    None => audit::append(transaction, &who, PUBLISHED, &subject, note)?,
                    Some(of) => {
                        audit::append(transaction, &who, ROLLED_BACK, &subject, &format!("to version {of}: {note}"))?;
                    }
                }
            }
            Ok(numbers)
        })
    }

    /// The newest version of every document, by name.
    pub(crate) fn newest_publications(&self) -> Result<Vec<Publication>> {
        newest(&self.connection)
    }

    /// Versions of a document before a version, newest first.
    pub(crate) fn publications(&self, document: &str, before: Option<u32>, limit: u32) -> Result<Vec<Publication>> {
        versions(&self.connection, document, before, limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(document: &str, version: u32, content: Option<&str>) -> Publication {
        Publication {
            number: 0,
            document: document.into(),
            version,
            at: "2026-03-02T00:00:00Z".into(),
            who: "key:1".into(),
            name: "甲".into(),
            note: "试行".into(),
            content: content.map(str::to_owned),
            sha256: String::new(),
            restores: content.is_none().then_some(0),
            fingerprint: "a-b-c".into(),
        }
    }

    /// What was published was read from a ledger that could not be written, and then nobody could write the file that this
    /// left beside it, even with the right given back.
    #[test]
    fn reading_left_a_file_that_could_not_be_written() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("数 据?#%");
        std::fs::create_dir(&data).unwrap();
        let mut ledger = Ledger::open(&data).unwrap();
        ledger.publish(&[version("rules/a.toml", 1, Some("一"))]).unwrap();
        drop(ledger);
        let (path, beside) = (data.join(FILE), data.join("ledger.sqlite-shm"));
        assert!(!beside.exists());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
        // Root writes whatever the mode says: there the files may come and go.
        let refused = std::fs::OpenOptions::new().append(true).open(&path).is_err();
        assert_eq!(newest_publications(&data).unwrap().len(), 1);
        assert!(!(refused && beside.exists()));
        let connection = Connection::open_with_flags(
            untouched_uri(&path),
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
        );
        assert_eq!(newest(&connection.unwrap()).unwrap()[0].version, 1, "whatever its name");
    }

    #[test]
    fn versions_are_appended_and_never_changed() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(newest_publications(dir.path()).unwrap(), []);
        let mut ledger = Ledger::open(dir.path()).unwrap();
        let (a, b) = ("rules/a.toml", "dict/b.txt");
        assert_eq!(ledger.publish(&[version(a, 1, Some("一")), version(b, 1, Some("词"))]).unwrap(), [1, 2]);
        assert_eq!(ledger.publish(&[version(a, 2, None)]).unwrap(), [3]);
        let newest = ledger.newest_publications().unwrap();
        assert_eq!(newest.iter().map(|p| (p.document.as_str(), p.version)).collect::<Vec<_>>(), [(b, 1), (a, 2)]);
        assert_eq!(newest_publications(dir.path()).unwrap(), newest);
        let history = ledger.publications(a, None, 9).unwrap();
        assert_eq!(history.iter().map(|p| p.version).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(history[1], Publication { number: 1, ..version(a, 1, Some("一")) });
        assert_eq!(ledger.publications(a, Some(2), 9).unwrap(), history[1..]);
        // A version that is taken, and with it whatever was to be published beside it.
        assert!(ledger.publish(&[version(b, 2, Some("x")), version(a, 2, Some("二"))]).is_err());
        assert_eq!(ledger.newest_publications().unwrap(), newest);
        for change in ["UPDATE publications SET note = ''", "DELETE FROM publications"] {
            assert!(ledger.connection.execute(change, []).is_err(), "{change}");
        }
        let trail = ledger.audit_trail(None, 9).unwrap();
        let trail: Vec<_> = trail.iter().map(|e| (e.action.as_str(), e.subject.as_str(), e.detail.as_str())).collect();
        assert_eq!(trail[0], (ROLLED_BACK, "rules/a.toml version 2", "to version 0: 试行"));
        assert_eq!(
            trail[1..],
            [
                (PUBLISHED, "dict/b.txt version 1", "试行"),
                (PUBLISHED, "rules/a.toml version 1", "试行")
            ]
        );
    }
}
