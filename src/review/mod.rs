//! Reviews of the machine's verdicts by people: what can be decided and by whom, which calls are drawn, how far
//! reviewers agree with each other and with the machine. Owns the rules; where it is kept is the business of the
//! index, what travels over the wire that of the server.
//!
//! Everything is told from a log of what happened ([`Recorded`]), which only grows: a decision never overwrites an
//! earlier one, and the machine's finding stands beside every verdict, so that neither is lost when a call is analysed
//! anew.

mod agreement;
mod calibration;
mod case;
mod event;
mod export;
mod kappa;
mod log;
mod sample;
mod verdict;

#[cfg(test)]
mod tests;

pub(crate) use self::case::asserted;
pub use self::case::{Appeal, Case, Decision, Source, Stage};
pub use agreement::{CodeAgreement, DEFAULT_WINDOW, Drift, FEWEST, agreement};
pub use calibration::{Answer, MACHINE, OTHERS, Pair, Session, kappas};
pub use event::{Event, Method, Plan, Recorded, Ruling, Who};
pub use export::training_record;
pub use kappa::{ENOUGH, Kappa, kappa};
pub use log::{Log, blind_calls, case, decided, events, is_blind, last_reviews, training_line};
pub(crate) use sample::shortlist;
pub use sample::{Candidate, draw, uncertainty};
pub(crate) use verdict::checked_text;
pub use verdict::{Kind, Label, MachineFinding, Opinion, Review, Verdict, transcript};

/// Why something cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// What was handed in is wrong.
    #[error("{field}: {message}")]
    Wrong {
        /// Field, such as `verdicts[2].reason`.
        field: String,
        /// What is wrong with it.
        message: String,
    },
    /// It cannot be done as things stand.
    #[error("{0}")]
    NotNow(&'static str),
    /// Nobody decides about what they have decided before.
    #[error("{0}")]
    OwnDecision(&'static str),
    /// Somebody else has the call.
    #[error("the call is leased to {0}")]
    Leased(String),
    /// The call belongs to a calibration that is open.
    #[error("the call belongs to a calibration that is open: what was decided on it is shown once that is closed")]
    Blind,
    /// It is for somebody else to do.
    #[error("{0}")]
    NotYours(&'static str),
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
