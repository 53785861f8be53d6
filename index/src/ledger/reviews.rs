//! What people decided about calls: one thing that happened a row, appended and never changed. A row goes with its
//! call, when that is erased, and with nothing else. What a row means is the business of whoever wrote it; this
//! knows which calls were drawn and not reviewed since.

use rusqlite::types::Value;
use rusqlite::{Row, Transaction, params, params_from_iter};

use super::Ledger;
use crate::{Error, Result};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ReviewKind {
    /// A sampling plan was set up.
    Planned,
    /// A call was drawn by a plan.
    Drawn,
    /// A call was leased to somebody.
    Leased,
    /// A call was reviewed.
    Reviewed,
    /// Somebody appealed.
    Appealed,
    /// An appeal was decided.
    Decided,
    /// The decision on an appeal was contested.
    Contested,
    /// An appeal was judged.
    Judged,
    /// A calibration was opened.
    Opened,
    /// A call belongs to a calibration.
    Included,
    /// A call of a calibration was labelled.
    Answered,
    /// What the machine had said of a call of a calibration when that was closed.
    Compared,
    /// A calibration was closed.
    Closed,
}

impl ReviewKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::Planned,
        Self::Drawn,
        Self::Leased,
        Self::Reviewed,
        Self::Appealed,
        Self::Decided,
        Self::Contested,
        Self::Judged,
        Self::Opened,
        Self::Included,
        Self::Answered,
        Self::Compared,
        Self::Closed,
    ];

    /// The name in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Drawn => "drawn",
            Self::Leased => "leased",
            Self::Reviewed => "reviewed",
            Self::Appealed => "appealed",
            Self::Decided => "decided",
            Self::Contested => "contested",
            Self::Judged => "judged",
            Self::Opened => "opened",
            Self::Included => "included",
            Self::Answered => "answered",
            Self::Compared => "compared",
            Self::Closed => "closed",
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewEntry {
    /// Its number, ascending; given by the ledger.
    pub number: i64,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// What.
    pub kind: ReviewKind,
    /// Who, by id.
    pub who: String,
    /// Who, as people call them.
    pub name: String,
    /// Number of the plan, appeal or calibration that it belongs to; 0: of the first row that is appended with it.
    pub under: Option<i64>,
    /// The call that it is about.
    pub call_id: Option<String>,
    /// Agent of the call at the time.
    pub agent: Option<String>,
    /// Team of the call at the time.
    pub team: Option<String>,
    /// Everything else, JSON.
    pub body: String,
}

/// Which rows are asked for. What is not set is not asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewQuery {
    /// Of these kinds; empty: of any.
    pub kinds: Vec<ReviewKind>,
    /// Belonging to this plan, appeal or calibration.
    pub under: Option<i64>,
    /// The row of this number.
    pub number: Option<i64>,
    /// About this call.
    pub call_id: Option<String>,
    /// By this person.
    pub who: Option<String>,
    /// About calls of this agent, or about none.
    pub agent: Option<String>,
    /// About calls of these teams, or about none.
    pub teams: Option<Vec<String>>,
    /// Only rows about calls that were not reviewed after the row.
    pub unreviewed: bool,
    /// The newest first; else the oldest.
    pub newest_first: bool,
    /// Beyond this number, in the direction asked for.
    pub beyond: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

impl Default for ReviewQuery {
    fn default() -> Self {
        Self {
            kinds: Vec::new(),
            under: None,
            number: None,
            call_id: None,
            who: None,
            agent: None,
            teams: None,
            unreviewed: false,
            newest_first: false,
            beyond: None,
            limit: u32::MAX,
        }
    }
}

impl ReviewQuery {
    /// The rows of some kinds.
    pub fn of(kinds: &[ReviewKind]) -> Self {
        Self { kinds: kinds.to_vec(), ..Self::default() }
    }

    /// Conditions of SQL with their values.
    fn conditions(&self) -> (String, Vec<Value>) {
        let mut sql = String::from("1");
        let mut values = Vec::new();
        let mut list = |column: &str, list: &mut dyn Iterator<Item = String>, before: &str| {
            let given: Vec<Value> = list.map(Value::from).collect();
            sql.push_str(&format!(" AND ({before}{column} IN ({}))", vec!["?"; given.len()].join(", ")));
            values.extend(given);
        };
        if !self.kinds.is_empty() {
            list("kind", &mut self.kinds.iter().map(|kind| kind.as_str().to_owned()), "");
        }
        for (column, value) in [("call_id", &self.call_id), ("who", &self.who)] {
            if let Some(value) = value {
                list(column, &mut std::iter::once(value.clone()), "");
            }
        }
        let of_no_call = "call_id IS NULL OR ";
        if let Some(agent) = &self.agent {
            list("agent", &mut std::iter::once(agent.clone()), of_no_call);
        }
        if let Some(teams) = &self.teams {
            list("team", &mut teams.iter().cloned(), of_no_call);
        }
        let beyond = if self.newest_first { "number < ?" } else { "number > ?" };
        for (condition, value) in [
            ("under = ?", self.under),
            ("number = ?", self.number),
            (beyond, self.beyond),
        ] {
            if let Some(value) = value {
                sql.push_str(&format!(" AND {condition}"));
                values.push(Value::from(value));
            }
        }
        if self.unreviewed {
            sql.push_str(
                " AND NOT EXISTS (SELECT 1 FROM reviews later WHERE later.call_id = reviews.call_id
                  AND later.number > reviews.number AND later.kind = ?)",
            );
            values.push(Value::from(ReviewKind::Reviewed.as_str().to_owned()));
        }
        (sql, values)
    }
}

const COLUMNS: &str = "number, at, kind, who, name, under, call_id, agent, team, body";

fn entry(row: &Row<'_>) -> rusqlite::Result<ReviewEntry> {
    let kind: String = row.get(2)?;
    let unknown = || rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, kind.clone().into());
    Ok(ReviewEntry {
        number: row.get(0)?,
        at: row.get(1)?,
        kind: ReviewKind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or_else(unknown)?,
        who: row.get(3)?,
        name: row.get(4)?,
        under: row.get(5)?,
        call_id: row.get(6)?,
        agent: row.get(7)?,
        team: row.get(8)?,
        body: row.get(9)?,
    })
}

impl Ledger {
    /// Appends rows, all or none, and returns their numbers; they are durable on return.
    pub(crate) fn add_reviews(&mut self, entries: &[ReviewEntry]) -> Result<Vec<i64>> {
        self.write(|transaction| {
            let mut add = transaction.prepare_cached(
                "INSERT INTO reviews (at, kind, who, name, under, call_id, agent, team, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?;
            let mut numbers = Vec::with_capacity(entries.len());
            for e in entries {
                let kind = e.kind.as_str();
                let under = e.under.and_then(|number| {
                    if number == 0 {
                        numbers.first().copied()
                    } else {
                        Some(number)
                    }
                });
                add.execute(params![e.at, kind, e.who, e.name, under, e.call_id, e.agent, e.team, e.body])?;
                numbers.push(transaction.last_insert_rowid());
            }
            Ok(numbers)
        })
    }

    /// The rows that are asked for.
    pub(crate) fn reviews(&self, query: &ReviewQuery) -> Result<Vec<ReviewEntry>> {
        let (conditions, mut values) = query.conditions();
        values.push(Value::from(i64::from(query.limit)));
        let order = if query.newest_first { "DESC" } else { "ASC" };
        let sql = format!("SELECT {COLUMNS} FROM reviews WHERE {conditions} ORDER BY number {order} LIMIT ?");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params_from_iter(values), entry)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// How many rows those are, whatever the limit.
    pub(crate) fn count_reviews(&self, query: &ReviewQuery) -> Result<u64> {
        let (conditions, values) = query.conditions();
        let sql = format!("SELECT count(*) FROM reviews WHERE {conditions}");
        let count: i64 = self.connection.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| row.get(0))?;
        u64::try_from(count).map_err(|_| Error::corrupt(super::FILE, "a count below zero"))
    }
}

/// Removes whatever was decided about calls, what happened in their cases and to examples of them, with the calls.
pub(crate) fn remove_reviews<'a>(
    transaction: &Transaction<'_>,
    call_ids: impl IntoIterator<Item = &'a str>,
) -> Result<()> {
    transaction.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('erasing', 1)", [])?;
    let mut remove = transaction.prepare_cached("DELETE FROM reviews WHERE call_id = ?1")?;
    for call_id in call_ids {
        remove.execute([call_id])?;
        super::cases::remove(transaction, call_id)?;
        super::examples::remove(transaction, call_id)?;
        super::experience::remove(transaction, call_id)?;
    }
    transaction.execute("DELETE FROM meta WHERE name = 'erasing'", [])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: ReviewKind, call_id: Option<&str>, team: &str) -> ReviewEntry {
        ReviewEntry {
            number: 0,
            at: "2026-03-02T00:00:00Z".into(),
            kind,
            who: "key:1".into(),
            name: "甲".into(),
            under: Some(1),
            call_id: call_id.map(str::to_owned),
            agent: call_id.map(|_| "A01".to_owned()),
            team: call_id.map(|_| team.to_owned()),
            body: "{}".into(),
        }
    }

    #[test]
    fn rows_are_found_by_what_is_asked_and_never_changed() {
        use ReviewKind as K;
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(dir.path()).unwrap();
        let rows = [
            row(K::Planned, None, ""),
            row(K::Drawn, Some("a"), "一组"),
            row(K::Drawn, Some("b"), "二组"),
            row(K::Reviewed, Some("a"), "一组"),
            row(K::Drawn, Some("a"), "一组"),
        ];
        assert_eq!(ledger.add_reviews(&rows).unwrap(), [1, 2, 3, 4, 5]);
        let found = |query: &ReviewQuery| -> Vec<i64> {
            let found: Vec<i64> = ledger.reviews(query).unwrap().into_iter().map(|row| row.number).collect();
            assert!(ledger.count_reviews(query).unwrap() >= found.len() as u64);
            found
        };
        let drawn = ReviewQuery::of(&[K::Drawn]);
        assert_eq!(found(&drawn), [2, 3, 5]);
        // A call that is drawn again after its review waits again.
        assert_eq!(found(&ReviewQuery { unreviewed: true, ..drawn.clone() }), [3, 5]);
        let teams = ReviewQuery { teams: Some(vec!["二组".into()]), ..ReviewQuery::default() };
        assert_eq!(found(&teams), [1, 3], "and what is about no call");
        assert_eq!(found(&ReviewQuery { agent: Some("A02".into()), ..ReviewQuery::default() }), [1]);
        let newest = ReviewQuery { newest_first: true, beyond: Some(5), limit: 2, ..ReviewQuery::default() };
        assert_eq!(found(&newest), [4, 3]);
        assert_eq!(found(&ReviewQuery { call_id: Some("a".into()), ..ReviewQuery::default() }), [2, 4, 5]);
        for change in ["UPDATE reviews SET who = 'x'", "DELETE FROM reviews WHERE number = 4"] {
            assert!(ledger.connection.execute(change, []).is_err(), "{change}");
        }
        let opened = [
            ReviewEntry { under: None, ..row(K::Opened, None, "") },
            row(K::Included, Some("a"), "一组"),
        ];
        let together = opened.map(|row| ReviewEntry { under: row.under.map(|_| 0), ..row });
        assert_eq!(ledger.add_reviews(&together).unwrap(), [6, 7]);
        let included = ReviewQuery { under: Some(6), ..ReviewQuery::default() };
        assert_eq!(ledger.reviews(&included).unwrap()[0].number, 7);
        ledger.write(|transaction| remove_reviews(transaction, ["a"])).unwrap();
        assert_eq!(ledger.count_reviews(&ReviewQuery::default()).unwrap(), 3);
        assert!(ledger.connection.execute("DELETE FROM reviews", []).is_err(), "afterwards as before");
    }
}
