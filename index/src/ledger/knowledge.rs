//! What people said about the answers of the knowledge base, and the questions that it did not answer.

use chrono::{DateTime, Utc};
use rusqlite::params;

use super::Ledger;
use crate::Result;

/// What somebody said about an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// The question, masked.
    pub query: String,
    /// Id of the article that was shown.
    pub article: String,
    /// Whether it answered the question; else it was wrong.
    pub helpful: bool,
    /// Who says so. Of one person the last word on a question and an article counts; who has no name says it each time.
    pub who: Option<String>,
}

/// A question that found no sure answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The question, masked.
    pub text: String,
    /// How sure the best answer was, 0 to 1.
    pub confidence: f64,
}

impl Ledger {
    /// Keeps what somebody said; durable on return.
    pub(crate) fn add_feedback(&self, feedback: &Feedback) -> Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO feedback (at, query, article, helpful, who) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (who, query, article) DO UPDATE SET at = excluded.at, helpful = excluded.helpful",
            )?
            .execute(params![
                chrono::Utc::now().to_rfc3339(),
                feedback.query,
                feedback.article,
                feedback.helpful,
                feedback.who,
            ])?;
        Ok(())
    }

    /// The newest feedback, newest first.
    pub(crate) fn feedback(&self, limit: u32) -> Result<Vec<Feedback>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT query, article, helpful, who FROM feedback ORDER BY at DESC, id DESC LIMIT ?1")?;
        let rows = query.query_map([limit], |row| {
            Ok(Feedback { query: row.get(0)?, article: row.get(1)?, helpful: row.get(2)?, who: row.get(3)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Notes questions, and forgets all but the newest `keep`.
    pub(crate) fn add_questions(&mut self, questions: &[Question], keep: u32) -> Result<()> {
        self.write(|transaction| {
            let mut add =
                transaction.prepare_cached("INSERT INTO questions (at, text, confidence) VALUES (?1, ?2, ?3)")?;
            for question in questions {
                add.execute(params![chrono::Utc::now().to_rfc3339(), question.text, question.confidence])?;
            }
            transaction
                .prepare_cached("DELETE FROM questions WHERE id <= (SELECT max(id) FROM questions) - ?1")?
                .execute([keep])?;
            Ok(())
        })
    }

    /// The questions that are remembered, newest first.
    pub(crate) fn questions(&self) -> Result<Vec<Question>> {
        let mut query = self.connection.prepare_cached("SELECT text, confidence FROM questions ORDER BY id DESC")?;
        let rows = query.query_map([], |row| Ok(Question { text: row.get(0)?, confidence: row.get(1)? }))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Every text that somebody typed: questions, and the queries of feedback.
    pub(crate) fn typed(&self) -> Result<Vec<String>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT text FROM questions UNION SELECT query FROM feedback ORDER BY 1")?;
        let texts = query.query_map([], |row| row.get(0))?;
        Ok(texts.collect::<rusqlite::Result<_>>()?)
    }

    /// Forgets questions and feedback with these texts.
    pub(crate) fn forget_typed(&mut self, texts: &[String]) -> Result<()> {
        self.write(|transaction| {
            for text in texts {
                transaction.prepare_cached("DELETE FROM questions WHERE text = ?1")?.execute([text])?;
                transaction.prepare_cached("DELETE FROM feedback WHERE query = ?1")?.execute([text])?;
            }
            Ok(())
        })
    }

    /// Forgets the questions that were asked before a moment.
    pub(crate) fn forget_questions_before(&mut self, moment: DateTime<Utc>) -> Result<()> {
        self.write(|transaction| {
            transaction
                .prepare_cached("DELETE FROM questions WHERE unixepoch(at) < ?1")?
                .execute([moment.timestamp()])?;
            Ok(())
        })
    }

    /// Those that were asked at or after one moment and before another.
    pub(crate) fn questions_between(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Question>> {
        let mut query = self.connection.prepare_cached(
            "SELECT text, confidence FROM questions
             WHERE unixepoch(at) >= ?1 AND unixepoch(at) < ?2 ORDER BY id DESC",
        )?;
        let rows = query.query_map([from.timestamp(), until.timestamp()], |row| {
            Ok(Question { text: row.get(0)?, confidence: row.get(1)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(query: &str, helpful: bool, who: Option<&str>) -> Feedback {
        Feedback {
            query: query.to_owned(),
            article: "k".to_owned(),
            helpful,
            who: who.map(str::to_owned),
        }
    }

    #[test]
    fn of_one_person_the_last_word_counts_and_it_outlives_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        for feedback in [
            said("路灯", true, Some("甲")),
            said("路灯", false, Some("甲")),
            said("路灯", true, None),
            said("路灯", true, None),
        ] {
            ledger.add_feedback(&feedback).unwrap();
        }
        drop(ledger);
        let kept = Ledger::open_reader(dir.path()).unwrap().feedback(10).unwrap();
        assert_eq!(kept.len(), 3);
        let mine: Vec<_> = kept.iter().filter(|f| f.who.is_some()).collect();
        assert_eq!(mine, [&said("路灯", false, Some("甲"))]);
        assert_eq!(Ledger::open_reader(dir.path()).unwrap().feedback(2).unwrap().len(), 2);
    }

    #[test]
    fn only_the_newest_questions_are_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(dir.path()).unwrap();
        for i in 0..5 {
            let question = Question { text: format!("第{i}问"), confidence: 0.125 };
            ledger.add_questions(&[question], 3).unwrap();
        }
        let texts: Vec<String> = ledger.questions().unwrap().into_iter().map(|q| q.text).collect();
        assert_eq!(texts, ["第4问", "第3问", "第2问"]);
    }
}
