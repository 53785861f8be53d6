//! What was taken for what.

use std::collections::{BTreeMap, BTreeSet};

use qingting_pipeline::record::Analysis;
use serde::Serialize;

use super::Compared;

/// Stands for no code.
pub(super) const NONE: &str = "-";

/// People's label, then the machine's, then how often.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Confusion {
    /// The counts.
    pub cells: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Confusion {
    pub(super) fn add(&mut self, gold: &str, found: &str) {
        *self.cells.entry(gold.to_owned()).or_default().entry(found.to_owned()).or_default() += 1;
    }
}

/// Codes on turns: a code that both name is right; of the others each that people name stands
/// against each that the machine names, or against none.
pub(super) fn codes(confusion: &mut Confusion, compared: &Compared, analysis: &Analysis) {
    for turn in 0..analysis.turns.len() as u32 {
        let on = |side: &BTreeMap<String, BTreeSet<Option<u32>>>| -> BTreeSet<String> {
            side.iter().filter(|(_, turns)| turns.contains(&Some(turn))).map(|(code, _)| code.clone()).collect()
        };
        let (gold, found) = (on(&compared.gold), on(&compared.found));
        for code in gold.intersection(&found) {
            confusion.add(code, code);
        }
        let missed: Vec<_> = gold.difference(&found).collect();
        let invented: Vec<_> = found.difference(&gold).collect();
        for code in &missed {
            if invented.is_empty() {
                confusion.add(code, NONE);
            }
            invented.iter().for_each(|other| confusion.add(code, other));
        }
        if missed.is_empty() {
            invented.iter().for_each(|code| confusion.add(NONE, code));
        }
    }
}
