//! What the data folder keeps beside the articles: what people said about answers, and questions without one.

use chrono::{DateTime, Utc};

use super::DataDir;
use crate::Result;
use crate::ledger::{Feedback, Question};

/// What was said last; older votes are kept, but no longer move the ranking.
const MOST_FEEDBACK: u32 = 20_000;

impl DataDir {
    /// Keeps what somebody said about an answer; durable on return.
    ///
    /// # Errors
    /// When the folder was not opened for writing, or the ledger cannot be written.
    pub fn add_feedback(&self, feedback: &Feedback) -> Result<()> {
        self.write(|_, writer| writer.ledger.add_feedback(feedback))
    }

    /// What was said about answers, the newest first, not more than moves the ranking.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn feedback(&self) -> Result<Vec<Feedback>> {
        self.ledger().feedback(MOST_FEEDBACK)
    }

    /// Notes questions without a sure answer, and forgets all but the newest `keep`.
    ///
    /// # Errors
    /// When the folder was not opened for writing, or the ledger cannot be written.
    pub fn add_questions(&self, questions: &[Question], keep: u32) -> Result<()> {
        self.write(|_, writer| writer.ledger.add_questions(questions, keep))
    }

    /// The questions without a sure answer that are remembered, newest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn questions(&self) -> Result<Vec<Question>> {
        self.ledger().questions()
    }

    /// Those that were asked at or after one moment and before another.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn questions_between(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Question>> {
        self.ledger().questions_between(from, until)
    }
}
