//! The labels of a fine-tuned model: which there are, whose turns they are for, and how they lie
//! in a row of numbers. All of it comes from the data.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::dialogue::{Dialogue, Speaker, Utterance};

/// A label that a turn may have beside others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Its name.
    pub name: String,
    /// Speakers whose turns have it somewhere in the training data.
    pub speakers: BTreeSet<Speaker>,
}

/// All labels, in the order of the columns: codes, acts, sentiments, emotions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// Codes; any number a turn.
    pub codes: Vec<Label>,
    /// Dialogue acts; any number a turn.
    pub acts: Vec<Label>,
    /// Sentiments; one a turn.
    pub sentiments: Vec<String>,
    /// Emotions; one a turn.
    pub emotions: Vec<String>,
}

/// Scores of a turn by label name. Codes and acts are logits of their own, and only those that
/// the turn's speaker can have; sentiments and emotions are logits of a softmax.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TurnScores {
    /// Index of the turn in its call.
    pub turn: usize,
    /// Logit by code.
    pub codes: BTreeMap<String, f32>,
    /// Logit by act.
    pub acts: BTreeMap<String, f32>,
    /// Logit by sentiment.
    pub sentiments: BTreeMap<String, f32>,
    /// Logit by emotion.
    pub emotions: BTreeMap<String, f32>,
}

/// What a turn's row should be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    /// 1 where a code or act holds.
    pub(super) values: Vec<f32>,
    /// 1 where that is known and the speaker can have it.
    pub(super) known: Vec<f32>,
    pub(super) sentiment: Option<usize>,
    pub(super) emotion: Option<usize>,
}

impl Labels {
    /// The labels that occur in `dialogues`.
    pub fn of(dialogues: &[Dialogue]) -> Self {
        let (mut codes, mut acts) = (BTreeMap::new(), BTreeMap::new());
        let (mut sentiments, mut emotions) = (BTreeSet::new(), BTreeSet::new());
        for turn in dialogues.iter().flat_map(|dialogue| &dialogue.turns) {
            let Some(labels) = &turn.labels else { continue };
            let add = |map: &mut BTreeMap<String, BTreeSet<Speaker>>, names: &BTreeSet<String>| {
                for name in names {
                    map.entry(name.clone()).or_default().insert(turn.speaker);
                }
            };
            add(&mut codes, &labels.codes);
            add(&mut acts, labels.acts.as_ref().unwrap_or(&BTreeSet::new()));
            sentiments.extend(labels.sentiment.clone());
            emotions.extend(labels.emotion.clone());
        }
        let list = |map: BTreeMap<String, BTreeSet<Speaker>>| {
            map.into_iter().map(|(name, speakers)| Label { name, speakers }).collect()
        };
        Self {
            codes: list(codes),
            acts: list(acts),
            sentiments: sentiments.into_iter().collect(),
            emotions: emotions.into_iter().collect(),
        }
    }

    /// Columns of codes and acts.
    pub(super) fn multiple(&self) -> usize {
        self.codes.len() + self.acts.len()
    }

    /// All columns.
    pub(super) fn width(&self) -> usize {
        self.multiple() + self.sentiments.len() + self.emotions.len()
    }

    /// What the row of a labelled turn should be.
    pub(super) fn target(&self, turn: &Utterance) -> Option<Target> {
        let labels = turn.labels.as_ref()?;
        let mut target = Target { values: Vec::new(), known: Vec::new(), sentiment: None, emotion: None };
        let mut add = |label: &Label, names: Option<&BTreeSet<String>>| {
            let able = label.speakers.contains(&turn.speaker);
            target.values.push(f32::from(u8::from(names.is_some_and(|names| names.contains(&label.name)))));
            target.known.push(f32::from(u8::from(able && names.is_some())));
        };
        self.codes.iter().for_each(|code| add(code, Some(&labels.codes)));
        self.acts.iter().for_each(|act| add(act, labels.acts.as_ref()));
        let place = |names: &[String], name: &Option<String>| names.iter().position(|n| Some(n) == name.as_ref());
        target.sentiment = place(&self.sentiments, &labels.sentiment);
        target.emotion = place(&self.emotions, &labels.emotion);
        Some(target)
    }

    /// A row of logits under the labels' names.
    pub(super) fn name(&self, turn: usize, speaker: Speaker, row: &[f32]) -> TurnScores {
        let mut scores = TurnScores { turn, ..TurnScores::default() };
        let mut columns = row.iter().copied();
        let mut several = |labels: &[Label]| -> BTreeMap<String, f32> {
            let named = labels.iter().zip(columns.by_ref());
            named.filter(|(l, _)| l.speakers.contains(&speaker)).map(|(l, x)| (l.name.clone(), x)).collect()
        };
        scores.codes = several(&self.codes);
        scores.acts = several(&self.acts);
        scores.sentiments = self.sentiments.iter().cloned().zip(columns.by_ref()).collect();
        scores.emotions = self.emotions.iter().cloned().zip(columns).collect();
        scores
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::TurnLabels;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn dialogue() -> Dialogue {
        let turn = |speaker, codes: &[&str], acts: Option<&[&str]>, sentiment: Option<&str>| Utterance {
            speaker,
            text: "好".to_owned(),
            labels: Some(TurnLabels {
                codes: set(codes),
                acts: acts.map(set),
                sentiment: sentiment.map(str::to_owned),
                emotion: None,
            }),
        };
        Dialogue {
            id: "1".to_owned(),
            set: "a".to_owned(),
            turns: vec![
                turn(Speaker::Agent, &["rude"], Some(&["explain"]), Some("neg")),
                turn(Speaker::Caller, &["again"], None, Some("neu")),
            ],
        }
    }

    #[test]
    fn a_label_counts_only_where_it_is_known_and_possible() {
        let dialogue = dialogue();
        let labels = Labels::of(std::slice::from_ref(&dialogue));
        assert_eq!(labels.width(), 5);
        let agent = labels.target(&dialogue.turns[0]).unwrap();
        assert_eq!((agent.values, agent.known), (vec![0.0, 1.0, 1.0], vec![0.0, 1.0, 1.0]));
        let caller = labels.target(&dialogue.turns[1]).unwrap();
        assert_eq!((caller.values, caller.known), (vec![1.0, 0.0, 0.0], vec![1.0, 0.0, 0.0]));
        assert_eq!((agent.sentiment, caller.sentiment, caller.emotion), (Some(0), Some(1), None));
    }

    #[test]
    fn logits_are_named_and_filtered_by_speaker() {
        let labels = Labels::of(&[dialogue()]);
        let scores = labels.name(7, Speaker::Agent, &[0.1, 0.2, 0.3, 0.4, 0.5]);
        assert_eq!(scores.codes, BTreeMap::from([("rude".to_owned(), 0.2)]));
        assert_eq!(scores.acts, BTreeMap::from([("explain".to_owned(), 0.3)]));
        assert_eq!(scores.sentiments, BTreeMap::from([("neg".to_owned(), 0.4), ("neu".to_owned(), 0.5)]));
        assert_eq!(scores.turn, 7);
    }
}
