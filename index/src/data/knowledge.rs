//! What the data folder keeps beside the articles: what people said about answers, and questions without one.

use std::path::Path;

use chrono::{DateTime, Utc};

use super::DataDir;
use super::reindex::{beside, remove_dir, settle};
use crate::knowledge::{Encoded, ImportSummary, KnowledgeIndex};
use crate::ledger::{Feedback, Question};
use crate::{Result, files};

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

    /// Builds the knowledge base anew out of its own articles, as `open` opens it, and puts it in the place of the old
    /// one, whatever that was encoded with. One without articles is removed.
    ///
    /// # Errors
    /// When the folder was not opened for writing, the articles cannot be read or encoded, or the index cannot be
    /// written; the old one is kept then.
    pub fn rebuild_knowledge(&self, open: impl Fn(&Path) -> Result<KnowledgeIndex>) -> Result<ImportSummary> {
        self.writer_side()?;
        let dir = self.knowledge_index_dir();
        settle(&dir)?;
        if KnowledgeIndex::encoded(&dir)? == Encoded::Nothing {
            remove_dir(&dir)?;
            return Ok(ImportSummary::default());
        }
        let articles = KnowledgeIndex::export(&dir)?;
        let (new, old) = (beside(&dir, ".new"), beside(&dir, ".old"));
        let summary = open(&new)?.import_articles(articles)?;
        files::publish(&dir, &old)?;
        files::publish(&new, &dir)?;
        remove_dir(&old)?;
        Ok(summary)
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
