//! What the detectors say, as the judgements ask for it: by the place of the code and by turn.

use std::collections::BTreeMap;

use super::features::{CODES, place};
use crate::finding::Candidate;

/// Candidates of the detectors: the highest confidence of each code.
pub(super) struct Detected<'c> {
    /// On every turn, by the place of the code.
    turns: Vec<[Option<f32>; CODES]>,
    /// Of codes of the whole call.
    call: BTreeMap<&'c str, f32>,
}

impl<'c> Detected<'c> {
    pub(super) fn new(candidates: &'c [Candidate], turns: usize) -> Self {
        let mut detected = Self { turns: vec![[None; CODES]; turns], call: BTreeMap::new() };
        for Candidate { code, turn, confidence, .. } in candidates {
            let slot = match turn {
                None => detected.call.entry(code).or_insert(f32::NEG_INFINITY),
                Some(turn) => match place(code).zip(detected.turns.get_mut(*turn)) {
                    Some((place, codes)) => codes[place].get_or_insert(f32::NEG_INFINITY),
                    None => continue,
                },
            };
            *slot = slot.max(*confidence);
        }
        detected
    }

    /// The highest confidence of a code on another turn; 0 where there is none.
    pub(super) fn peak_without(&self, place: usize, turn: usize) -> f32 {
        let others = self.turns.iter().enumerate().filter(|(at, _)| *at != turn);
        others.filter_map(|(_, codes)| codes[place]).fold(0.0, f32::max)
    }

    pub(super) fn on(&self, place: usize, turn: usize) -> Option<f32> {
        self.turns.get(turn).and_then(|codes| codes[place])
    }

    pub(super) fn on_call(&self, code: &str) -> Option<f32> {
        self.call.get(code).copied()
    }
}
