//! What officers did in a period, for reports.

use std::ops::Range;

use chrono::{DateTime, Utc};

use super::event::Part;
use super::programme::Programme;
use super::rules::Rules;

/// Figures of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Officers who serve on its last day.
    pub officers: u64,
    /// Reports of what was experienced in the period.
    pub reports: u64,
    /// Sum of their ratings.
    pub stars: u64,
    /// Reports that tell of a problem.
    pub problems: u64,
    /// Opinions.
    pub opinions: u64,
    /// Tasks that were to be reported in the period, but those called off.
    pub due: u64,
    /// Of these, reported by then.
    pub in_time: u64,
    /// Tasks that wait for their report at the end of the period though it was due.
    pub overdue: u64,
    /// Polls that came to their end in the period.
    pub polls: u64,
}

impl Figures {
    /// Mean rating of the reports.
    pub fn rating(&self) -> Option<f64> {
        (self.reports > 0).then(|| self.stars as f64 / self.reports as f64)
    }
}

/// Figures of a period.
pub fn figures(programme: &Programme, rules: &Rules, period: &Range<DateTime<Utc>>) -> Figures {
    let mut figures = Figures::default();
    let last = rules.calendar.day(period.end - chrono::TimeDelta::microseconds(1));
    figures.officers = programme.officers.values().filter(|officer| officer.serves(last)).count() as u64;
    for report in programme.reports.values().filter(|report| period.contains(&report.submitted.experienced_at)) {
        figures.reports += 1;
        figures.stars += u64::from(report.submitted.rating);
        figures.problems += u64::from(report.submitted.parts.contains(&Part::Problems));
    }
    figures.opinions = programme.opinions.values().filter(|opinion| period.contains(&opinion.at)).count() as u64;
    for task in programme.tasks.values() {
        let due = task.due(rules);
        let Some(state) = task.state_at(period.end) else {
            continue;
        };
        figures.overdue += u64::from(state.waits_for_report() && due <= period.end);
        // The end of a day is the beginning of the next one.
        if due > period.start && due <= period.end && state != super::TaskState::Cancelled {
            let reported = task.history.iter().find(|row| row.event.step() == Some(super::Step::Report));
            figures.due += 1;
            figures.in_time += u64::from(reported.is_some_and(|row| row.at <= due));
        }
    }
    for poll in programme.polls.values() {
        let end = poll.ended.as_ref().map_or(poll.closes_at, |(at, _)| *at);
        figures.polls += u64::from(period.contains(&end));
    }
    figures
}
