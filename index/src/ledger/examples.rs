//! What happened to the examples of the case library: one thing a row, appended and never changed. A row goes with the call of its
//! example, when that is erased, and with nothing else. What a row means is the business of whoever writes it.

use rusqlite::{Row, Transaction, params};

use super::Ledger;
use crate::Result;

/// The table. A step of the migrations of its own.
pub(super) const TABLE: &str = "
    -- What happened to examples, one thing a row, in the order in which it happened. `nomination` is the number of the row that
    -- nominated the example, NULL in that row itself. Call, agent and team are those of the example, on each of its rows.
    CREATE TABLE examples (
        number     INTEGER PRIMARY KEY AUTOINCREMENT,
        at         TEXT NOT NULL,
        kind       TEXT NOT NULL,
        who        TEXT NOT NULL,
        name       TEXT NOT NULL,
        nomination INTEGER REFERENCES examples (number),
        call_id    TEXT NOT NULL,
        agent      TEXT,
        team       TEXT,
        body       TEXT NOT NULL
    ) STRICT;
    CREATE INDEX examples_by_call ON examples (call_id, number);
    CREATE TRIGGER examples_are_never_changed BEFORE UPDATE ON examples BEGIN
        SELECT RAISE(ABORT, 'examples are append-only');
    END;
    CREATE TRIGGER examples_go_with_their_calls_alone BEFORE DELETE ON examples
    WHEN NOT EXISTS (SELECT 1 FROM meta WHERE name = 'erasing') BEGIN
        SELECT RAISE(ABORT, 'examples are append-only');
    END;
";

/// One thing that happened to an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExampleEntry {
    /// Its number, ascending; given by the ledger.
    pub number: i64,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// What, as whoever writes it calls it.
    pub kind: String,
    /// Who, by id.
    pub who: String,
    /// Who, as people call them.
    pub name: String,
    /// Number of the row that nominated the example; `None`: this one.
    pub nomination: Option<i64>,
    /// The call that it is of.
    pub call_id: String,
    /// Agent of the call at the time.
    pub agent: Option<String>,
    /// Team of the call at the time.
    pub team: Option<String>,
    /// Everything else, JSON.
    pub body: String,
}

fn entry(row: &Row<'_>) -> rusqlite::Result<ExampleEntry> {
    Ok(ExampleEntry {
        number: row.get(0)?,
        at: row.get(1)?,
        kind: row.get(2)?,
        who: row.get(3)?,
        name: row.get(4)?,
        nomination: row.get(5)?,
        call_id: row.get(6)?,
        agent: row.get(7)?,
        team: row.get(8)?,
        body: row.get(9)?,
    })
}

impl Ledger {
    /// Appends a row, and a line in the audit trail; returns its number. Durable on return.
    pub(crate) fn add_example(&mut self, of: &ExampleEntry, action: &str, detail: &str) -> Result<i64> {
        let number = self.write(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO examples (at, kind, who, name, nomination, call_id, agent, team, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                )?
                .execute(params![
                    of.at,
                    of.kind,
                    of.who,
                    of.name,
                    of.nomination,
                    of.call_id,
                    of.agent,
                    of.team,
                    of.body
                ])?;
            let number = transaction.last_insert_rowid();
            let subject = format!("example {}", of.nomination.unwrap_or(number));
            super::audit::append(transaction, &format!("{} ({})", of.name, of.who), action, &subject, detail)?;
            Ok(number)
        })?;
        Ok(number)
    }

    /// Every row, in the order in which they were written.
    pub(crate) fn examples(&self) -> Result<Vec<ExampleEntry>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT number, at, kind, who, name, nomination, call_id, agent, team, body FROM examples ORDER BY number",
        )?;
        let rows = statement.query_map([], entry)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Numbers of the examples that are of a call.
    pub(crate) fn examples_of(&self, call_id: &str) -> Result<Vec<i64>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT number FROM examples WHERE call_id = ?1 AND nomination IS NULL ORDER BY number")?;
        let rows = statement.query_map([call_id], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// Removes the examples of a call, with the call; for erasures alone, which have lifted the lock on removals.
pub(super) fn remove(transaction: &Transaction<'_>, call_id: &str) -> Result<()> {
    // What refers goes before what it refers to.
    for which in ["nomination IS NOT NULL", "nomination IS NULL"] {
        let sql = format!("DELETE FROM examples WHERE call_id = ?1 AND {which}");
        transaction.prepare_cached(&sql)?.execute([call_id])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::remove_reviews;
    use super::*;

    fn row(nomination: Option<i64>, call_id: &str) -> ExampleEntry {
        ExampleEntry {
            number: 0,
            at: "2026-03-02T00:00:00Z".into(),
            kind: "nominated".into(),
            who: "key:1".into(),
            name: "甲".into(),
            nomination,
            call_id: call_id.into(),
            agent: None,
            team: None,
            body: "{}".into(),
        }
    }

    #[test]
    fn rows_are_audited_never_changed_and_go_with_their_call() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(dir.path()).unwrap();
        let first = ledger.add_example(&row(None, "c-1"), "example nominated", "").unwrap();
        let other = ledger.add_example(&row(None, "c-2"), "example nominated", "").unwrap();
        ledger.add_example(&row(Some(first), "c-1"), "example approved", "").unwrap();
        assert_eq!(ledger.examples_of("c-1").unwrap(), [first]);
        for sql in ["UPDATE examples SET who = 'x'", "DELETE FROM examples"] {
            assert!(ledger.connection.execute(sql, []).unwrap_err().to_string().contains("append-only"), "{sql}");
        }
        ledger.write(|transaction| remove_reviews(transaction, ["c-1"])).unwrap();
        let left: Vec<i64> = ledger.examples().unwrap().iter().map(|entry| entry.number).collect();
        assert_eq!(left, [other]);
        let trail = ledger.audit_trail(None, 10).unwrap();
        assert_eq!(trail.len(), 3);
        assert_eq!((trail[0].action.as_str(), trail[0].who.as_str()), ("example approved", "甲 (key:1)"));
    }
}
