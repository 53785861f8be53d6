//! Coaching and training: a sheet for each agent ([`sheet`]), a phrase library ([`phrases`]), a bulletin for each team
//! ([`bulletin`]), and a library of calls to learn from ([`example`]). Counts with [`crate::report`], on calls as people have left
//! them ([`reviewed`]). Reads no store: whoever asks hands calls in. docs/coaching.md says what is told, and what never is.

mod anonymous;
pub mod bulletin;
pub mod bulletin_page;
mod chosen;
mod config;
pub mod example;
pub mod library;
pub mod phrases;
pub mod propose;
pub mod rates;
pub mod reviewed;
pub mod sheet;
pub mod sheet_text;

#[cfg(test)]
mod tests;

pub use config::{CoachingConfig, Naming};
pub use phrases::{Phrase, Phrases, Sector};
pub use reviewed::Reviewed;

/// Why something cannot be done to an example.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// What was handed in is wrong.
    #[error("{field}: {message}")]
    Wrong {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// There is no such example, or it is not seen.
    #[error("{0} not found")]
    Unknown(String),
    /// It cannot be done as things stand.
    #[error("{0}")]
    NotNow(&'static str),
    /// The call belongs to a calibration that is open.
    #[error("the call belongs to a calibration that is open")]
    Blind,
    /// Nobody decides on what they have nominated.
    #[error("{0}")]
    OwnDecision(&'static str),
    /// It is for somebody else to do.
    #[error("{0}")]
    NotYours(&'static str),
}

impl Refusal {
    pub(crate) fn wrong(field: &'static str, message: impl Into<String>) -> Self {
        Self::Wrong { field, message: message.into() }
    }
}
