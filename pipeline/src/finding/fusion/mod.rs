//! The trained judgement of each code over what detectors and heads say. Owns how a
//! candidate's confidence becomes a calibrated probability, and the evidence and words of a
//! finding that only the heads saw; thresholds are applied in [`super::Finder`].

mod detected;
mod features;
mod words;

use std::collections::BTreeMap;

use qingting_models::JudgeThreshold;

pub use features::{CALL_FEATURES, DEEP_FEATURES, TURN_FEATURES, deep_features};

use self::detected::Detected;
use self::features::{AGENT_CODES, CALLER_CODES, CODES, Heads, place};
use super::Candidate;
use super::code::{Catalog, Level};
use super::rerun::LEARNED;
use super::scene::Scene;
use crate::Result;
use crate::learned::{Learned, Ready, TurnModel};
use crate::record::Role;
use crate::signal::deep_name;

/// Below this probability what only the heads saw is no candidate.
const FLOOR: f32 = 0.02;

/// What takes a code back on a turn where the speaker says the opposite in so many words, whatever else
/// the turn has in common with others.
const TAKEN_BACK: (&str, &str) = ("repeat_contact", "not_repeat_contact");
/// What is then left of the probability.
const LEFT: f32 = 0.3;

/// The judgements of the finding stage.
#[derive(Debug)]
pub(super) struct Fusion {
    learned: Learned,
    /// Of the codes of turns, by their places.
    turn: [Option<Ready>; CODES],
    /// The same where the transformer was asked.
    deep: [Option<Ready>; CODES],
    call: BTreeMap<String, Ready>,
}

/// The numbers behind the judgements on one call, for training them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CodeFeatures {
    /// The codes that are judged on each turn.
    pub turns: Vec<TurnCode>,
    /// Code, and the numbers in the order of [`CALL_FEATURES`].
    pub call: Vec<(String, Vec<f32>)>,
}

/// The numbers behind the judgement of a code on a turn.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnCode {
    /// The code.
    pub code: &'static str,
    /// Index of the turn.
    pub turn: usize,
    /// In the order of [`TURN_FEATURES`].
    pub numbers: Vec<f32>,
    /// What is judged of them without the transformer; `None` while nothing is trained.
    pub probability: Option<f32>,
}

/// Name of the judgement of a code.
pub fn judge_name(code: &str) -> String {
    format!("code.{code}")
}

impl Fusion {
    /// # Errors
    /// When a judgement weighs a feature that there is not.
    pub(super) fn new(learned: &Learned, catalog: &Catalog) -> Result<Self> {
        let (mut turn, mut deep) = ([const { None }; CODES], [const { None }; CODES]);
        for (place, code) in AGENT_CODES.into_iter().chain(CALLER_CODES).enumerate() {
            turn[place] = learned.judge(&judge_name(code), TURN_FEATURES)?;
            // Without the transformer its judgements are not even loaded.
            if learned.deep().is_some() {
                deep[place] = learned.judge(&deep_name(&judge_name(code)), DEEP_FEATURES)?;
            }
        }
        let mut call = BTreeMap::new();
        for info in catalog.iter().filter(|info| info.level == Level::Call) {
            if let Some(ready) = learned.judge(&judge_name(&info.code), CALL_FEATURES)? {
                call.insert(info.code.clone(), ready);
            }
        }
        Ok(Self { learned: learned.clone(), turn, deep, call })
    }

    /// The thresholds that were chosen for a code.
    pub(super) fn threshold(&self, code: &str) -> Option<JudgeThreshold> {
        let of_turn = place(code).and_then(|place| self.deep[place].as_ref().or(self.turn[place].as_ref()));
        of_turn.or_else(|| self.call.get(code)).and_then(|ready| ready.threshold)
    }

    /// The probability of a code on a turn; with the transformer where it was asked.
    fn probability(&self, heads: &Heads<'_>, detected: &Detected<'_>, code: &str, turn: usize) -> Option<f32> {
        let place = place(code)?;
        let without = self.turn[place].as_ref()?.probability(&heads.turn(detected, place, turn));
        let probability = match (&self.deep[place], heads.deep(turn)) {
            (Some(ready), Some(deep)) => ready.probability(&deep_features(without, deep, code)),
            _ => without,
        };
        let taken_back = code == TAKEN_BACK.0 && heads.says(turn, TAKEN_BACK.1);
        Some(if taken_back { probability * LEFT } else { probability })
    }

    /// The turns of which some code is as uncertain as `wants` says, in order.
    pub(super) fn unsure(
        &self,
        scene: &Scene<'_>,
        candidates: &[Candidate],
        wants: impl Fn(f32) -> bool,
    ) -> Vec<usize> {
        let detected = Detected::new(candidates, scene.call.turns.len());
        let heads = Heads::new(scene);
        let mut turns: Vec<usize> = judged(scene)
            .filter(|&(code, turn)| self.probability(&heads, &detected, code, turn).is_some_and(&wants))
            .map(|(_, turn)| turn)
            .collect();
        turns.dedup();
        turns
    }

    /// Gives the detectors' candidates their probability and adds what only the heads saw.
    /// What would be shown to nobody, by the lowest probability of each code that is, is left out before
    /// evidence is looked for.
    pub(super) fn judge(
        &self,
        scene: &Scene<'_>,
        mut candidates: Vec<Candidate>,
        lowest: impl Fn(&str) -> f32,
    ) -> Vec<Candidate> {
        if self.turn.iter().all(Option::is_none) && self.call.is_empty() {
            return candidates;
        }
        let (turns, calls) = {
            let detected = Detected::new(&candidates, scene.call.turns.len());
            let heads = Heads::new(scene);
            let mut turns = vec![[None; CODES]; scene.call.turns.len()];
            for (code, turn) in judged(scene) {
                if let Some(place) = place(code) {
                    turns[turn][place] = self.probability(&heads, &detected, code, turn);
                }
            }
            let calls: BTreeMap<String, f32> = self
                .call
                .iter()
                .map(|(code, ready)| (code.clone(), ready.probability(&heads.call(&detected, code))))
                .collect();
            (turns, calls)
        };
        let mut unseen = turns.clone();
        for candidate in &mut candidates {
            let judged = match candidate.turn {
                Some(turn) => place(&candidate.code).and_then(|place| {
                    unseen[turn][place] = None;
                    turns[turn][place]
                }),
                None => calls.get(&candidate.code).copied(),
            };
            candidate.confidence = judged.unwrap_or(candidate.confidence);
        }
        for (turn, probabilities) in unseen.into_iter().enumerate() {
            for (code, probability) in AGENT_CODES.into_iter().chain(CALLER_CODES).zip(probabilities) {
                if let Some(probability) = probability.filter(|&p| p >= FLOOR && p >= lowest(code)) {
                    candidates.push(self.candidate(scene, code, turn, probability));
                }
            }
        }
        candidates
    }

    /// The numbers behind the judgements.
    pub(super) fn features(&self, scene: &Scene<'_>, candidates: &[Candidate], catalog: &Catalog) -> CodeFeatures {
        let detected = Detected::new(candidates, scene.call.turns.len());
        let heads = Heads::new(scene);
        CodeFeatures {
            turns: judged(scene)
                .filter_map(|(code, turn)| {
                    let place = place(code)?;
                    let numbers = heads.turn(&detected, place, turn);
                    let probability = self.turn[place].as_ref().map(|ready| ready.probability(&numbers));
                    Some(TurnCode { code, turn, numbers: numbers.to_vec(), probability })
                })
                .collect(),
            call: catalog
                .iter()
                .filter(|info| info.level == Level::Call)
                .map(|info| (info.code.clone(), heads.call(&detected, &info.code).to_vec()))
                .collect(),
        }
    }

    /// A finding that the heads alone saw: its evidence are the words that speak most for it.
    fn candidate(&self, scene: &Scene<'_>, code: &str, turn: usize, probability: f32) -> Candidate {
        let model = TurnModel::of(scene.call.role(turn));
        let shares = model.map(|model| self.learned.contributions(model, scene.fold(turn), code)).unwrap_or_default();
        let span = words::strongest(scene, turn, &shares).unwrap_or_else(|| scene.call.turns[turn].whole());
        Candidate {
            code: code.to_owned(),
            turn: Some(turn),
            confidence: probability,
            evidence: vec![(turn, span)],
            rule: format!("{LEARNED}{code}"),
            explanation: words::explanation(code, scene.quote(turn, span)),
            severity: None,
        }
    }
}

/// The codes and turns that are judged. Who took the floor shows in the times, and how it shows
/// depends on how people talk with each other: there the detector, which reasons from the floor,
/// carries over to other speech better than what was trained on hotline calls.
fn judged<'s>(scene: &'s Scene<'_>) -> impl Iterator<Item = (&'static str, usize)> + 's {
    (0..scene.call.turns.len()).flat_map(move |turn| {
        let codes: &[&'static str] = match scene.call.role(turn) {
            _ if !scene.says(turn) => &[],
            Role::Agent => &AGENT_CODES,
            Role::Caller => &CALLER_CODES,
            Role::Bot | Role::Ivr | Role::Other => &[],
        };
        codes.iter().filter(|code| **code != "interruption").map(move |code| (*code, turn))
    })
}
