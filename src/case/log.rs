//! Cases, read from wherever they are kept.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{DateTime, Utc};
use qingting_index::{CaseEntry, CaseQuery, DataDir, Result};

use super::event::Recorded;
use super::state::{Cause, State};
use super::steps::Case;

/// Whoever can be asked what happened in cases.
pub trait Log {
    /// The rows of the cases that are asked for, in their order.
    ///
    /// # Errors
    /// When they cannot be read.
    fn case_rows(&self, query: &CaseQuery) -> Result<Vec<CaseEntry>>;
}

impl Log for DataDir {
    fn case_rows(&self, query: &CaseQuery) -> Result<Vec<CaseEntry>> {
        self.cases(query)
    }
}

/// The cases that are asked for, in the order in which they were opened.
///
/// # Errors
/// When they cannot be read, or a row is not of the form.
pub fn cases(log: &(impl Log + ?Sized), query: &CaseQuery) -> Result<Vec<Case>> {
    let mut found: BTreeMap<i64, Vec<Recorded>> = BTreeMap::new();
    for row in log.case_rows(query)? {
        let row = Recorded::of(row)?;
        found.entry(row.case).or_default().push(row);
    }
    Ok(found.into_values().filter_map(Case::of).collect())
}

/// One case, if it is there.
///
/// # Errors
/// When it cannot be read.
pub fn case(log: &(impl Log + ?Sized), number: i64) -> Result<Option<Case>> {
    Ok(cases(log, &CaseQuery::one(number))?.pop())
}

/// What is counted of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// Its number.
    pub number: i64,
    /// The call.
    pub call_id: String,
    /// Why it was opened.
    pub cause: Cause,
    /// The caller's rating, where that is the cause.
    pub rating: Option<u8>,
    /// Whose call it was.
    pub agent: Option<String>,
    /// Of which team.
    pub team: Option<String>,
    /// Where it stands.
    pub state: State,
    /// When it was opened for the first time.
    pub opened_at: DateTime<Utc>,
    /// When it was closed or excluded, unless it is open.
    pub closed_at: Option<DateTime<Utc>>,
    /// When it is, or was, to be closed.
    pub total_due: DateTime<Utc>,
    /// Whether it was closed by then; `None` while it is open, or where it does not count.
    pub on_time: Option<bool>,
    /// Whether its rating was called false.
    pub contested: bool,
    /// Its rating was found false: it counts no more.
    pub excluded: bool,
    /// How often it was opened again.
    pub reopened: u32,
    /// Whether the caller was reached and told at least once.
    pub replied: bool,
}

impl Outline {
    /// What is counted of a case.
    pub fn of(case: &Case) -> Self {
        let is_reply = |row: &Recorded| matches!(row.event, super::event::Event::Replied { reached: true, .. });
        Self {
            number: case.number,
            call_id: case.call_id.clone(),
            cause: case.cause,
            rating: case.openings.rating,
            agent: case.agent.clone(),
            team: case.team.clone(),
            state: case.state,
            opened_at: case.opened_at,
            closed_at: case.closed_at,
            total_due: case.total_due,
            on_time: case.on_time(),
            contested: case.contested,
            excluded: !case.counts(),
            reopened: case.reopened,
            replied: case.history.iter().any(is_reply),
        }
    }
}

/// The cases that were open at any moment of a period, within whatever `query` asks about, in the order in which they were
/// opened.
///
/// # Errors
/// When they cannot be read.
pub fn of_period(log: &(impl Log + ?Sized), period: &Range<DateTime<Utc>>, query: &CaseQuery) -> Result<Vec<Outline>> {
    let touches =
        |case: &Case| case.opened_at < period.end && case.closed_at.is_none_or(|closed_at| closed_at >= period.start);
    Ok(cases(log, query)?.iter().filter(|case| touches(case)).map(Outline::of).collect())
}
