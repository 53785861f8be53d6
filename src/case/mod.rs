//! Cases: what is done about a call that calls for action, from opening to closing, step by step. Owns which step may follow
//! which and who may take it, due dates by working-day calendars, what opens a case by rule, reminders and counts; where it is
//! kept is the business of the index, what travels over the wire that of the server.
//!
//! Everything is told from a log of what happened ([`Recorded`]), which only grows. Due dates are facts of that log: they are
//! set when a step is taken, by the calendar of that moment, so that no promise moves when a file changes. Nothing here asks
//! for the time: it is handed in.

mod calendar;
mod counts;
mod event;
mod limit;
mod log;
mod nightly;
mod open;
mod remind;
mod rules;
mod state;
mod steps;

#[cfg(test)]
mod tests;

pub use calendar::Calendar;
pub use counts::{Counts, Group, GroupBy, counts};
pub use event::{Channel, Event, Openings, Recorded, Who};
pub use limit::Limit;
pub use log::{Log, Outline, case, cases, of_period};
pub use nightly::{Burst, Night, fresh};
pub use open::{Reason, at_once, reasons};
pub use remind::{Kind, Reminder, reminders};
pub use rules::{Limits, OpenRule, Rules};
pub use state::{Cause, State, Step};
pub use steps::Case;

/// Why something cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// What was handed in is wrong.
    #[error("{field}: {message}")]
    Wrong {
        /// Field, such as `note`.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// It cannot be done as things stand.
    #[error("{0}")]
    NotNow(String),
    /// The case has moved on since it was read.
    #[error("the case is at version {is}, not {expected}: read it again")]
    Conflict {
        /// The version that the one who asks has seen.
        expected: u32,
        /// The version that it has.
        is: u32,
    },
    /// There is a case already.
    #[error("cases/{0} is open for the same call and cause")]
    Exists(i64),
    /// Nobody decides about what they have done themselves.
    #[error("{0}")]
    OwnDecision(&'static str),
    /// It is for somebody else to do.
    #[error("{0}")]
    NotYours(&'static str),
    /// There is no such thing.
    #[error("{0} not found")]
    Unknown(String),
}

impl Refusal {
    /// A field that is wrong.
    pub fn wrong(field: &'static str, message: impl Into<String>) -> Self {
        Self::Wrong { field, message: message.into() }
    }
}

/// Most characters of anything that somebody writes into a case.
pub const LONGEST_TEXT: usize = 4000;

/// A text without the blanks around it.
///
/// # Errors
/// Where it is missing and required, or too long.
pub(crate) fn text(field: &'static str, text: &str, required: bool) -> Result<String, Refusal> {
    let text = text.trim();
    if required && text.is_empty() {
        return Err(Refusal::wrong(field, "required"));
    }
    if text.chars().count() > LONGEST_TEXT {
        return Err(Refusal::wrong(field, format!("longer than {LONGEST_TEXT} characters")));
    }
    Ok(text.to_owned())
}
