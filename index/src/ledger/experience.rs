//! What happened in the programme of experience officers: one thing a row, appended and never changed. A row that became a call goes
//! with that call; the rows that tell who an officer is go with the officer. What a row means, and what may come next, is the
//! business of whoever writes it.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::Ledger;
use crate::Result;

/// Matter of the rows that tell who an officer is.
const OFFICER: &str = "officer";

/// One thing that happened in the programme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExperienceEntry {
    /// Its number, ascending; given by the ledger.
    pub number: i64,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// What, as whoever writes it calls it.
    pub kind: String,
    /// Who noted it, by id.
    pub who: String,
    /// Who noted it, as people call them.
    pub name: String,
    /// What kind of thing it is about: `officer` for what tells who somebody is; else as whoever writes it calls it.
    pub matter: String,
    /// Which one.
    pub id: String,
    /// Which row of it, from 1; two rows of a thing never have the same.
    pub version: u32,
    /// Pseudonym of the officer.
    pub officer: Option<String>,
    /// The call that it became.
    pub call_id: Option<String>,
    /// SHA-256 of what was imported, by which it is known when it comes again.
    pub digest: Option<String>,
    /// Everything else, JSON.
    pub body: String,
}

fn entry(row: &Row<'_>) -> rusqlite::Result<ExperienceEntry> {
    Ok(ExperienceEntry {
        number: row.get(0)?,
        at: row.get(1)?,
        kind: row.get(2)?,
        who: row.get(3)?,
        name: row.get(4)?,
        matter: row.get(5)?,
        id: row.get(6)?,
        version: row.get(7)?,
        officer: row.get(8)?,
        call_id: row.get(9)?,
        digest: row.get(10)?,
        body: row.get(11)?,
    })
}

impl Ledger {
    /// Appends rows, all or none, and returns their numbers; they are durable on return.
    pub(crate) fn add_experience(&mut self, entries: &[ExperienceEntry]) -> Result<Vec<i64>> {
        self.write(|transaction| {
            let mut add = transaction.prepare_cached(
                "INSERT INTO experience (at, kind, who, name, matter, id, version, officer, call_id, digest, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?;
            let mut numbers = Vec::with_capacity(entries.len());
            for e in entries {
                add.execute(params![
                    e.at, e.kind, e.who, e.name, e.matter, e.id, e.version, e.officer, e.call_id, e.digest, e.body
                ])?;
                numbers.push(transaction.last_insert_rowid());
            }
            Ok(numbers)
        })
    }

    /// All rows, in the order in which they were written.
    pub(crate) fn experience(&self) -> Result<Vec<ExperienceEntry>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT number, at, kind, who, name, matter, id, version, officer, call_id, digest, body
             FROM experience ORDER BY number",
        )?;
        let rows = statement.query_map([], entry)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Removes whatever tells who an officer is, by the id that the programme knows them by; their pseudonym, which nothing ties to
    /// them any more.
    pub(crate) fn forget_officer(&mut self, id: &str) -> Result<Option<String>> {
        let officer = self.write(|transaction| {
            let known: Option<String> = transaction
                .query_row(
                    "SELECT officer FROM experience WHERE matter = ?1 AND id = ?2 AND officer IS NOT NULL LIMIT 1",
                    [OFFICER, id],
                    |row| row.get(0),
                )
                .optional()?;
            if known.is_some() {
                transaction.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('erasing', 1)", [])?;
                transaction.execute("DELETE FROM experience WHERE matter = ?1 AND id = ?2", [OFFICER, id])?;
                transaction.execute("DELETE FROM meta WHERE name = 'erasing'", [])?;
            }
            Ok(known)
        })?;
        Ok(officer)
    }
}

/// Removes what became a call, with the call; for erasures alone, which have lifted the lock on removals.
pub(super) fn remove(transaction: &Transaction<'_>, call_id: &str) -> Result<()> {
    transaction.prepare_cached("DELETE FROM experience WHERE call_id = ?1")?.execute([call_id])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::remove_reviews;
    use super::*;

    fn row(matter: &str, id: &str, version: u32, call_id: Option<&str>) -> ExperienceEntry {
        ExperienceEntry {
            number: 0,
            at: "2026-03-02T00:00:00Z".into(),
            kind: "enrolled".into(),
            who: "key:1".into(),
            name: "甲".into(),
            matter: matter.into(),
            id: id.into(),
            version,
            officer: Some(format!("p-{}", id.len())),
            call_id: call_id.map(str::to_owned),
            digest: None,
            body: "{}".into(),
        }
    }

    #[test]
    fn rows_are_never_changed_and_go_with_their_calls_and_officers() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(dir.path()).unwrap();
        let rows = [
            row("officer", "o1", 1, None),
            row("officer", "o1", 2, None),
            row("report", "r1", 1, Some("call")),
        ];
        assert_eq!(ledger.add_experience(&rows).unwrap(), [1, 2, 3]);
        for change in [
            "UPDATE experience SET who = 'x'",
            "DELETE FROM experience WHERE number = 3",
        ] {
            assert!(ledger.connection.execute(change, []).is_err(), "{change}");
        }
        // Two who saw the same state do not both go on from it; what comes with it is not kept either.
        assert!(ledger.add_experience(&[row("report", "r2", 1, None), row("officer", "o1", 2, None)]).is_err());
        let left =
            |ledger: &Ledger| -> Vec<i64> { ledger.experience().unwrap().into_iter().map(|row| row.number).collect() };
        assert_eq!(left(&ledger), [1, 2, 3]);
        assert_eq!(ledger.forget_officer("nobody").unwrap(), None);
        assert_eq!(ledger.forget_officer("o1").unwrap().as_deref(), Some("p-2"));
        assert_eq!(left(&ledger), [3]);
        ledger.write(|transaction| remove_reviews(transaction, ["call"])).unwrap();
        assert_eq!(left(&ledger), [0i64; 0]);
        assert!(ledger.add_experience(&[row("report", "r1", 1, None)]).is_ok());
        assert!(ledger.connection.execute("DELETE FROM experience", []).is_err(), "afterwards as before");
    }
}
