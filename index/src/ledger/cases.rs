//! What happened in cases: one thing a row, appended and never changed. A row goes with the call of its case, when that is
//! erased, and with nothing else. What a row means, and what may come next, is the business of whoever writes it.

use rusqlite::types::Value;
use rusqlite::{Row, Transaction, params, params_from_iter};

use super::Ledger;
use crate::Result;

/// One thing that happened in a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseEntry {
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
    /// Number of the row that opened the case; `None`: this one.
    pub opening: Option<i64>,
    /// Which row of its case, from 1; two rows of a case never have the same.
    pub version: u32,
    /// The call that the case is about.
    pub call_id: String,
    /// Agent of the call when the case was opened.
    pub agent: Option<String>,
    /// Team of the call when the case was opened.
    pub team: Option<String>,
    /// Why the case was opened, as whoever writes it calls it.
    pub cause: String,
    /// Everything else, JSON.
    pub body: String,
}

/// Which cases are asked for; all rows of a case come or none. What is not set is not asked about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaseQuery {
    /// The case that the row of this number opened.
    pub case: Option<i64>,
    /// About this call.
    pub call_id: Option<String>,
    /// Opened for this.
    pub cause: Option<String>,
    /// About calls of this agent.
    pub agent: Option<String>,
    /// About calls of these teams.
    pub teams: Option<Vec<String>>,
}

impl CaseQuery {
    /// One case.
    pub fn one(case: i64) -> Self {
        Self { case: Some(case), ..Self::default() }
    }

    /// Conditions of SQL with their values.
    fn conditions(&self) -> (String, Vec<Value>) {
        let mut sql = String::from("1");
        let mut values = Vec::new();
        if let Some(case) = self.case {
            sql.push_str(" AND (number = ? OR opening = ?)");
            values.extend([Value::from(case), Value::from(case)]);
        }
        let texts = [
            ("call_id", &self.call_id),
            ("cause", &self.cause),
            ("agent", &self.agent),
        ];
        for (column, value) in texts {
            if let Some(value) = value {
                sql.push_str(&format!(" AND {column} = ?"));
                values.push(Value::from(value.clone()));
            }
        }
        if let Some(teams) = &self.teams {
            sql.push_str(&format!(" AND team IN ({})", vec!["?"; teams.len()].join(", ")));
            values.extend(teams.iter().cloned().map(Value::from));
        }
        (sql, values)
    }
}

const COLUMNS: &str = "number, at, kind, who, name, opening, version, call_id, agent, team, cause, body";

fn entry(row: &Row<'_>) -> rusqlite::Result<CaseEntry> {
    Ok(CaseEntry {
        number: row.get(0)?,
        at: row.get(1)?,
        kind: row.get(2)?,
        who: row.get(3)?,
        name: row.get(4)?,
        opening: row.get(5)?,
        version: row.get(6)?,
        call_id: row.get(7)?,
        agent: row.get(8)?,
        team: row.get(9)?,
        cause: row.get(10)?,
        body: row.get(11)?,
    })
}

impl Ledger {
    /// Appends rows, all or none, and returns their numbers; they are durable on return.
    pub(crate) fn add_cases(&mut self, entries: &[CaseEntry]) -> Result<Vec<i64>> {
        self.write(|transaction| {
            let mut add = transaction.prepare_cached(
                "INSERT INTO cases (at, kind, who, name, opening, version, call_id, agent, team, cause, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?;
            let mut numbers = Vec::with_capacity(entries.len());
            for e in entries {
                add.execute(params![
                    e.at, e.kind, e.who, e.name, e.opening, e.version, e.call_id, e.agent, e.team, e.cause, e.body
                ])?;
                numbers.push(transaction.last_insert_rowid());
            }
            Ok(numbers)
        })
    }

    /// The rows of the cases that are asked for, in the order in which they were written.
    pub(crate) fn cases(&self, query: &CaseQuery) -> Result<Vec<CaseEntry>> {
        let (conditions, values) = query.conditions();
        let sql = format!("SELECT {COLUMNS} FROM cases WHERE {conditions} ORDER BY number");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params_from_iter(values), entry)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// Removes the cases of a call, with the call; for erasures alone, which have lifted the lock on removals.
pub(super) fn remove(transaction: &Transaction<'_>, call_id: &str) -> Result<()> {
    // What refers goes before what it refers to.
    for which in ["opening IS NOT NULL", "opening IS NULL"] {
        let sql = format!("DELETE FROM cases WHERE call_id = ?1 AND {which}");
        transaction.prepare_cached(&sql)?.execute([call_id])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::remove_reviews;
    use super::*;

    fn row(opening: Option<i64>, version: u32, call_id: &str, team: Option<&str>) -> CaseEntry {
        CaseEntry {
            number: 0,
            at: "2026-03-02T00:00:00Z".into(),
            kind: if opening.is_none() { "opened" } else { "verified" }.into(),
            who: "key:1".into(),
            name: "甲".into(),
            opening,
            version,
            call_id: call_id.into(),
            agent: team.map(|_| "A01".into()),
            team: team.map(str::to_owned),
            cause: "rating".into(),
            body: "{}".into(),
        }
    }

    #[test]
    fn rows_are_found_by_what_is_asked_and_never_changed() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(dir.path()).unwrap();
        let opened = [
            row(None, 1, "a", Some("一组")),
            row(None, 1, "b", Some("二组")),
            row(None, 1, "c", None),
        ];
        assert_eq!(ledger.add_cases(&opened).unwrap(), [1, 2, 3]);
        assert_eq!(ledger.add_cases(&[row(Some(1), 2, "a", Some("一组"))]).unwrap(), [4]);
        let found = |query: &CaseQuery| -> Vec<i64> {
            ledger.cases(query).unwrap().into_iter().map(|row| row.number).collect()
        };
        assert_eq!(found(&CaseQuery::default()), [1, 2, 3, 4]);
        assert_eq!(found(&CaseQuery::one(1)), [1, 4]);
        assert_eq!(found(&CaseQuery::one(4)), [4], "which opened none");
        let teams = |teams: &[&str]| CaseQuery {
            teams: Some(teams.iter().map(|team| (*team).to_owned()).collect()),
            ..CaseQuery::default()
        };
        assert_eq!(found(&teams(&["一组"])), [1, 4], "and none whose team nobody knows");
        assert_eq!(found(&teams(&[])), Vec::<i64>::new());
        assert_eq!(found(&CaseQuery { agent: Some("A01".into()), ..CaseQuery::default() }), [1, 2, 4]);
        assert_eq!(found(&CaseQuery { call_id: Some("c".into()), ..CaseQuery::default() }), [3]);
        assert_eq!(found(&CaseQuery { cause: Some("crisis".into()), ..CaseQuery::default() }), Vec::<i64>::new());
        for change in ["UPDATE cases SET who = 'x'", "DELETE FROM cases WHERE number = 4"] {
            assert!(ledger.connection.execute(change, []).is_err(), "{change}");
        }
        // Two who saw the same state do not both go on from it; what comes with it is not kept either.
        let both = [row(None, 1, "d", None), row(Some(1), 2, "a", Some("一组"))];
        assert!(ledger.add_cases(&both).is_err());
        assert_eq!(ledger.cases(&CaseQuery::default()).unwrap().len(), 4);
        ledger.write(|transaction| remove_reviews(transaction, ["a"])).unwrap();
        let left: Vec<i64> = ledger.cases(&CaseQuery::default()).unwrap().into_iter().map(|row| row.number).collect();
        assert_eq!(left, [2, 3]);
        assert!(ledger.connection.execute("DELETE FROM cases", []).is_err(), "afterwards as before");
    }
}
