//! What the knowledge base has no answer to: the questions that are remembered from searches, and what was left open in
//! calls.

use std::ops::Range;

use chrono::{DateTime, Utc};
use qingting_index::calls::{CallQuery, Filter, NoLookup};
use qingting_index::knowledge::{Asked, Gap, KnowledgeIndex};
use qingting_index::{DataDir, DateRange, Question, Result};
use serde::{Deserialize, Serialize};

/// By which vectors articles are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArticleModels {
    /// By those that the articles are encoded with; the first articles of a knowledge base are encoded by the
    /// transformer too where this build has it and its weights are there.
    #[default]
    Auto,
    /// By the static vectors.
    Static,
    /// By the transformer's.
    Bert,
}

/// The knowledge base: section `[knowledge]` of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KnowledgeConfig {
    /// By which vectors articles are found.
    pub models: ArticleModels,
    /// Questions without a sure answer that a server remembers, the newest ones; 0 remembers none.
    pub question_log: u32,
}

impl Default for KnowledgeConfig {
    fn default() -> Self {
        Self { models: ArticleModels::Auto, question_log: 10_000 }
    }
}

/// Unresolved calls that are looked at, the newest ones.
const MOST_CALLS: usize = 500;

/// Remembered questions that are looked at, the newest ones: grouping compares each with every group.
const MOST_QUESTIONS: usize = 5000;

/// Groups what has no answer, the most frequent first.
///
/// # Errors
/// When the ledger, an index or the store cannot be read.
pub fn find(data: &DataDir, knowledge: &KnowledgeIndex, limit: usize) -> Result<Vec<Gap>> {
    grouped(data, knowledge, data.questions()?, DateRange::ALL, limit)
}

/// The same of some days: what was left open in their calls, and asked between two moments.
///
/// # Errors
/// When the ledger, an index or the store cannot be read.
pub fn find_within(
    data: &DataDir,
    knowledge: &KnowledgeIndex,
    days: DateRange,
    asked: Range<DateTime<Utc>>,
    limit: usize,
) -> Result<Vec<Gap>> {
    grouped(data, knowledge, data.questions_between(asked.start, asked.end)?, days, limit)
}

fn grouped(
    data: &DataDir,
    knowledge: &KnowledgeIndex,
    questions: Vec<Question>,
    range: DateRange,
    limit: usize,
) -> Result<Vec<Gap>> {
    let questions = questions.into_iter().take(MOST_QUESTIONS);
    let mut asked: Vec<Asked> = questions.map(|question| Asked { text: question.text, call: None }).collect();
    let query = CallQuery {
        filter: Some(Filter::parse("outcome:unresolved")?),
        since: range.since,
        until: range.until,
        limit: MOST_CALLS,
        turns_per_call: 0,
        ..CallQuery::default()
    };
    for hit in data.search(&query, &NoLookup)?.hits {
        let Some(call) = data.get_call(&hit.call_id)? else {
            continue;
        };
        let turns: Vec<_> = call.record.turns.iter().map(|turn| (turn.role, turn.text.as_str())).collect();
        asked.extend(knowledge.matter(&turns).map(|text| Asked { text, call: Some(hit.call_id) }));
    }
    knowledge.gaps(&asked, limit)
}
