//! What many calls are about: clusters with labels out of their own words. Works on
//! a batch; nothing here depends on a single call's analysis.
//!
//! Documents become weighted words ([`features`]), these a few dimensions ([`reduce`]), their
//! neighbourhoods clusters ([`clusters`]), and the words in which a cluster differs from the
//! others its terms and label ([`terms`]). From night to night they are brought up to date
//! ([`update`]) and keep their ids and what people decided about them ([`known`]). The same documents
//! in the same order with the same seed give the same topics, on any number of threads.

pub mod association;
pub mod burst;
pub mod callers;
mod clusters;
pub mod digest;
pub mod entity;
mod features;
pub mod hotspot;
mod known;
mod reduce;
pub mod simulation;
mod terms;
#[cfg(test)]
mod testing;
pub mod trend;
mod update;
pub mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

pub use self::known::{Change, ChangeKind, Retired, Topic, TopicError, TopicGroup, Topics};
pub use self::update::Mode;

use crate::Result;
use crate::assets::Assets;
use crate::record::{CallRecord, Role};
use crate::segment::{ContentWords, Segmenter};

/// Settings of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TopicConfig {
    /// Number of topics; 0 lets the number of documents decide.
    pub topics: usize,
    /// Fewest documents that a word of a topic is in.
    pub min_df: usize,
    /// Largest share of the documents that a word of a topic is in, 0 to 1.
    pub max_df: f64,
    /// Dimensions that the documents are reduced to before clustering.
    pub dimensions: usize,
    /// Largest share of the documents that one topic may hold, 0 to 1; larger ones are divided.
    pub max_share: f64,
    /// Weight of the agent's words beside the caller's, 0 to 1.
    pub agent_weight: f64,
    /// Terms of a topic.
    pub terms: usize,
    /// How alike two topics have to be to become one, 0 to 1 (cosine of their means).
    pub merge_at: f64,
    /// The newest calls that topics are found in and kept up to date with; older ones only go to known
    /// topics. Memory grows with it.
    pub max_calls: usize,
}

impl Default for TopicConfig {
    fn default() -> Self {
        Self {
            topics: 0,
            min_df: 3,
            max_df: 0.15,
            dimensions: 100,
            max_share: 0.1,
            agent_weight: 0.3,
            terms: 12,
            merge_at: 0.9,
            max_calls: 100_000,
        }
    }
}

/// Weight of a title beside the text under it.
const TITLE_WEIGHT: f64 = 2.0;

/// A document to be clustered.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicDocument {
    /// The call.
    pub call_id: String,
    /// Normalized and masked texts, each with its weight (caller 1).
    pub passages: Vec<(String, f64)>,
    /// Its category, from broad to narrow, where one is told. Topics begin from the categories, so that
    /// they come out alike on other calls of the same kind.
    pub category: Vec<String>,
}

impl TopicDocument {
    /// The document of a stored call, whose text is normalized and masked: the caller's turns and,
    /// with less weight, the agent's; of a written message the title counts double.
    pub fn of(record: &CallRecord, category: &[String], config: &TopicConfig) -> Self {
        let mut passages = Vec::new();
        for turn in &record.turns {
            let titled = !record.spoken() && record.attributes.contains_key("title");
            match (turn.role, turn.text.split_once('\n')) {
                (Role::Bot | Role::Ivr, _) => {}
                (Role::Agent, _) => passages.push((turn.text.clone(), config.agent_weight)),
                (_, Some((title, body))) if titled => {
                    passages.push((title.to_owned(), TITLE_WEIGHT));
                    passages.push((body.to_owned(), 1.0));
                }
                _ => passages.push((turn.text.clone(), 1.0)),
            }
        }
        Self { call_id: record.call_id.clone(), passages, category: category.to_vec() }
    }
}

/// The stage.
#[derive(Debug)]
pub struct TopicFinder {
    config: TopicConfig,
    content: ContentWords,
}

impl TopicFinder {
    /// Loads the stop words.
    ///
    /// # Errors
    /// When `lexicon/stopwords.txt` cannot be read.
    pub fn new(config: &TopicConfig, assets: &Assets, segmenter: Arc<Segmenter>) -> Result<Self> {
        Ok(Self { config: config.clone(), content: ContentWords::new(segmenter, assets)? })
    }

    /// Finds the topics of a batch of calls. `night` is the day of its newest call.
    pub fn find(&self, calls: &[TopicDocument], night: Option<NaiveDate>, seed: u64) -> Topics {
        self.update(&Topics::default(), calls, Mode::Update, night, seed)
    }

    /// Brings known topics up to date with calls, some of which may be known too; calls of the known topics
    /// that are not among them stay where they are.
    pub fn update(
        &self,
        known: &Topics,
        calls: &[TopicDocument],
        mode: Mode,
        night: Option<NaiveDate>,
        seed: u64,
    ) -> Topics {
        update::run(self, known, calls, mode, night, seed)
    }
}

/// Gives a document that no topic took, for want of words, to the topic that has most documents of its
/// category: of the narrow one, else of the broad one.
fn adopt(documents: &[TopicDocument], of: &mut [Option<usize>]) {
    let mut counts: BTreeMap<&[String], BTreeMap<usize, usize>> = BTreeMap::new();
    for (document, topic) in documents.iter().zip(of.iter()) {
        if let Some(topic) = topic {
            for length in 1..=document.category.len() {
                *counts.entry(&document.category[..length]).or_default().entry(*topic).or_default() += 1;
            }
        }
    }
    for (document, topic) in documents.iter().zip(of.iter_mut()).filter(|(_, topic)| topic.is_none()) {
        let known = (1..=document.category.len()).rev().find_map(|length| counts.get(&document.category[..length]));
        *topic = known
            .and_then(|topics| topics.iter().max_by_key(|(topic, n)| (**n, std::cmp::Reverse(**topic))))
            .map(|(topic, _)| *topic);
    }
}

/// The category of each document down to a level, numbered in the order of their names; `None` where it
/// does not go so deep.
fn anchors(documents: &[TopicDocument], level: usize) -> Vec<Option<usize>> {
    let names: BTreeSet<&[String]> = documents.iter().filter_map(|d| d.category.get(..level)).collect();
    let number: BTreeMap<&[String], usize> = names.into_iter().zip(0..).collect();
    documents
        .iter()
        .map(|d| d.category.get(..level).and_then(|name| number.get(name)).copied())
        .collect()
}

#[cfg(test)]
mod tests;
