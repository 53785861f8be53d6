//! What many calls are about: clusters with labels out of their own words. Works on
//! a batch; nothing here depends on a single call's analysis.
//!
//! Documents become weighted words ([`features`]), these a few dimensions ([`reduce`]), their
//! neighbourhoods clusters ([`clusters`]), and the words in which a cluster differs from the
//! others its terms and label ([`terms`]). The same documents in the same order with the same seed
//! give the same topics, on any number of threads.

pub mod burst;
mod clusters;
mod features;
mod reduce;
pub mod simulation;
mod terms;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

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

/// The topics of a batch. Serializes to what `topics --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Topics {
    /// The topics, largest first. Their `call_ids` are disjoint.
    pub topics: Vec<Topic>,
    /// Topics that lie near each other.
    pub groups: Vec<TopicGroup>,
    /// Number of documents in no topic.
    pub unassigned: usize,
    /// For each document, the index of its topic in [`Self::topics`].
    #[serde(skip)]
    pub assignments: Vec<Option<usize>>,
}

/// One topic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Topic {
    /// `t1`, `t2`, ... within its batch.
    pub id: String,
    /// Its first terms.
    pub label: String,
    /// Words that set it apart, each a substring of the texts.
    pub terms: Vec<String>,
    /// Number of documents.
    pub size: usize,
    /// Its documents, in input order.
    pub call_ids: Vec<String>,
    /// Sentences out of its most typical documents.
    pub quotes: Vec<String>,
}

/// A group of topics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopicGroup {
    /// `g1`, `g2`, ... within its batch.
    pub id: String,
    /// Label of what its topics share.
    pub label: String,
    /// Ids of its topics.
    pub children: Vec<String>,
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

    /// Clusters a batch of documents.
    pub fn cluster(&self, documents: &[TopicDocument], seed: u64) -> Topics {
        let features = features::extract(documents, &self.content, &self.config);
        let vectors = reduce::reduce(&features, self.config.dimensions, seed);
        let mut clusters = clusters::find(&vectors, &reduce::placed(&vectors), &anchors(documents), &self.config, seed);
        adopt(documents, &mut clusters.of);
        let described = terms::describe(documents, &features, &vectors, &clusters, &self.config);
        let groups = clusters::groups(&clusters.centroids, seed);
        terms::topics(documents, &clusters, described, &groups)
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

/// The category of each document, numbered in the order of their names; `None` without a narrow one.
fn anchors(documents: &[TopicDocument]) -> Vec<Option<usize>> {
    let names: BTreeSet<&[String]> = documents.iter().map(|d| d.category.as_slice()).filter(|c| c.len() > 1).collect();
    let number: BTreeMap<&[String], usize> = names.into_iter().zip(0..).collect();
    documents.iter().map(|d| number.get(d.category.as_slice()).copied()).collect()
}

#[cfg(test)]
mod tests;
