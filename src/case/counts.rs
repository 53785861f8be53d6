//! Counts over cases. A rating that was found false counts in no figure but its own.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{DateTime, Utc};

use super::log::Outline;

/// Counts of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Opened in the period.
    pub opened: u64,
    /// Closed in the period.
    pub closed: u64,
    /// Of these, by the time at which they were to be.
    pub closed_on_time: u64,
    /// Open at the end of the period.
    pub open: u64,
    /// Of these, past the time at which they are to be closed.
    pub overdue: u64,
    /// Ratings called false, of the cases that were opened in the period.
    pub contested: u64,
    /// Ratings found false in the period: in no other figure.
    pub excluded: u64,
    /// Of the closed ones, those whose caller was reached and told.
    pub replied: u64,
}

impl Counts {
    /// Closed on time ÷ closed; `None` where nothing was.
    pub fn on_time_rate(&self) -> Option<f64> {
        (self.closed > 0).then(|| self.closed_on_time as f64 / self.closed as f64)
    }

    fn add(&mut self, case: &Outline, period: &Range<DateTime<Utc>>) {
        let is_opened = period.contains(&case.opened_at);
        let closed_at = case.closed_at.filter(|at| *at < period.end);
        let is_closed = closed_at.is_some_and(|at| at >= period.start);
        if is_opened && case.contested {
            self.contested += 1;
        }
        if case.excluded {
            self.excluded += u64::from(is_closed);
            return;
        }
        self.opened += u64::from(is_opened);
        if is_closed {
            self.closed += 1;
            self.closed_on_time += u64::from(case.on_time == Some(true));
            self.replied += u64::from(case.replied);
        }
        if closed_at.is_none() && case.opened_at < period.end {
            self.open += 1;
            self.overdue += u64::from(case.total_due < period.end);
        }
    }
}

/// What cases are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// Why they were opened.
    Cause,
    /// The team of the call.
    Team,
    /// The agent of the call.
    Agent,
}

/// Counts of a group; the name is empty where nobody knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Cause, team or agent.
    pub name: String,
    /// Its counts.
    pub counts: Counts,
}

/// Counts of a period over cases, whole and by group. What became of a case after the period is not known of earlier rounds: a case
/// that was closed in the period and opened again since counts as open.
pub fn counts(cases: &[Outline], period: &Range<DateTime<Utc>>, by: Option<GroupBy>) -> (Counts, Vec<Group>) {
    let mut whole = Counts::default();
    let mut groups: BTreeMap<String, Counts> = BTreeMap::new();
    for case in cases {
        whole.add(case, period);
        let name = match by {
            None => continue,
            Some(GroupBy::Cause) => case.cause.as_str().to_owned(),
            Some(GroupBy::Team) => case.team.clone().unwrap_or_default(),
            Some(GroupBy::Agent) => case.agent.clone().unwrap_or_default(),
        };
        groups.entry(name).or_default().add(case, period);
    }
    (whole, groups.into_iter().map(|(name, counts)| Group { name, counts }).collect())
}
