//! Experience officers (体验官): people who are asked to use the hotline as its callers do and to say how it went. Owns the roster with
//! its criteria and structure targets, the states of tasks, what a report, an opinion and a vote have to hold, how polls are counted,
//! and who is to be reminded of what; where it is kept is the business of the index, what travels over the wire that of the server.
//!
//! Everything is told from a log of what happened ([`Recorded`]), which only grows. An officer is a pseudonym in every row but those
//! that enrol them: when these are erased, nothing ties the rest to a person. What officers write is not in the log at all: it becomes a
//! call of the channel [`CHANNEL`], and goes with that call. Nothing here asks for the time: it is handed in.

mod decide;
mod entry;
mod event;
mod figures;
mod import;
mod keep;
mod poll;
mod programme;
mod record;
mod remind;
mod rules;
mod state;
mod structure;

#[cfg(test)]
mod tests;

pub use decide::Given;
pub use entry::{
    Closing, DiscussionEntry, Entry, Evidence, OfficerEntry, OpinionEntry, PollEntry, Question, ReportEntry,
    Retirement, StepAnswer, StepEntry, TaskEntry, VoteEntry,
};
pub use event::{Assignment, Event, Matter, Part, Plan, Recorded, Submitted};
pub use figures::{Figures, figures};
pub use import::{Bad, Line, read};
pub use keep::{Kept, Log, Outcome, Prepared, digest, keep, load, prepare};
pub use poll::{Answer, GroupResult, Results, results};
pub use programme::{Discussion, Officer, Opinion, Poll, Programme, Report, Task, Vote};
pub use record::{CHANNEL, LOWEST, RATING, call_of, report_of_call};
pub use remind::{Due, Kind, Reminder, reminders};
pub use rules::{AGE_GROUP, Attribute, Rules, Target};
pub use state::{Mode, Step, TaskState};
pub use structure::{Row, structure};

/// Why something cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// What was handed in is wrong; the message says what to do.
    #[error("{field}: {message}")]
    Wrong {
        /// Field, such as `steps.wait.rating`.
        field: String,
        /// What is wrong with it.
        message: String,
    },
    /// It cannot be done as things stand.
    #[error("{0}")]
    NotNow(String),
    /// It has moved on since it was read.
    #[error("{what} is at version {is}, not {expected}: read it again")]
    Conflict {
        /// What.
        what: String,
        /// The version that the one who asks has seen.
        expected: u32,
        /// The version that it has.
        is: u32,
    },
    /// There is one of that id already, and it says something else.
    #[error("{0} is there already")]
    Exists(String),
    /// There is no such thing.
    #[error("{0} not found")]
    Unknown(String),
}

impl Refusal {
    /// A field that is wrong.
    pub fn wrong(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Wrong { field: field.into(), message: message.into() }
    }
}

/// Most characters of anything that somebody writes.
pub const LONGEST_TEXT: usize = 4000;
/// Most characters of a name, title, question or option.
pub const LONGEST_NAME: usize = 200;
/// Most bytes of an id.
const LONGEST_ID: usize = 64;

/// A text without the blanks around it.
///
/// # Errors
/// Where it is missing and required, or too long.
fn text(field: &str, text: &str, most: usize, required: bool) -> Result<String, Refusal> {
    let text = text.trim();
    if required && text.is_empty() {
        return Err(Refusal::wrong(field, "required"));
    }
    if text.chars().count() > most {
        return Err(Refusal::wrong(field, format!("longer than {most} characters: shorten it")));
    }
    Ok(text.to_owned())
}

/// Checks an id that the programme gives: it becomes a part of names and of ids of calls.
///
/// # Errors
/// When it is empty, too long, or has other characters.
fn id(field: &str, id: &str) -> Result<(), Refusal> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if id.is_empty() || id.len() > LONGEST_ID || !id.chars().all(is_good) {
        let message = "give 1 to 64 letters, digits, dots, hyphens or underscores, and no name of a person";
        return Err(Refusal::wrong(field, message));
    }
    Ok(())
}
