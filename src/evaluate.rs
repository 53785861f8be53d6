//! Machine against people: precision, recall, F1 and agreement on labelled calls. Owns the
//! counting; reads labels, which the analysis itself never does.
//!
//! A code on a turn counts when both name it on the same turn; a code on the call when both
//! name it anywhere in the call. Agreement is Cohen's κ (Cohen 1960) over the same decisions.

use std::collections::{BTreeMap, BTreeSet};

use qingting_pipeline::finding::{Catalog, CodeInfo, Level};
use qingting_pipeline::record::{Analysis, CallRecord, SentimentLabel};
use serde::Serialize;

use crate::labels::Labels;

/// Decisions compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Both say yes.
    pub tp: u64,
    /// Only the machine says yes.
    pub fp: u64,
    /// Only people say yes.
    pub fn_: u64,
    /// Both say no.
    pub tn: u64,
}

impl Counts {
    fn add(&mut self, gold: bool, found: bool) {
        match (gold, found) {
            (true, true) => self.tp += 1,
            (false, true) => self.fp += 1,
            (true, false) => self.fn_ += 1,
            (false, false) => self.tn += 1,
        }
    }

    /// Share of what the machine found that people found too; 0 when it found nothing.
    pub fn precision(&self) -> f64 {
        ratio(self.tp, self.tp + self.fp)
    }

    /// Share of what people found that the machine found too; 0 when they found nothing.
    pub fn recall(&self) -> f64 {
        ratio(self.tp, self.tp + self.fn_)
    }

    /// Harmonic mean of the two.
    pub fn f1(&self) -> f64 {
        ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn_)
    }

    /// Cohen's κ: agreement beyond chance; 1 when both always agree.
    pub fn kappa(&self) -> f64 {
        let n = (self.tp + self.fp + self.fn_ + self.tn) as f64;
        if n == 0.0 {
            return 0.0;
        }
        let observed = (self.tp + self.tn) as f64 / n;
        let (machine, people) = ((self.tp + self.fp) as f64 / n, (self.tp + self.fn_) as f64 / n);
        let chance = machine * people + (1.0 - machine) * (1.0 - people);
        if chance >= 1.0 {
            1.0
        } else {
            (observed - chance) / (1.0 - chance)
        }
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// One code's row.
#[derive(Debug, Clone, Serialize)]
pub struct CodeRow {
    /// The code.
    pub code: String,
    /// Its Chinese title.
    pub title: String,
    /// `turn` or `call`: what a decision is about.
    pub level: &'static str,
    /// Decisions on turns, for codes that stand on turns.
    pub on_turns: Option<Counts>,
    /// Decisions on calls.
    pub on_calls: Counts,
}

/// The whole comparison.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Evaluation {
    /// Labelled calls.
    pub calls: u64,
    /// One row for every code that people or the machine used.
    pub codes: Vec<CodeRow>,
    /// Calls in which people found no fault of the agent.
    pub clean_calls: u64,
    /// Those of them that the machine accuses all the same, by id.
    pub clean_calls_flagged: Vec<String>,
    /// Sentiment of turns: label, then decisions.
    pub sentiment: BTreeMap<&'static str, Counts>,
    /// Calls whose appeal type agrees, of those that have a label.
    pub appeal_type: (u64, u64),
    /// Calls whose outcome agrees, of those that have a label.
    pub outcome: (u64, u64),
    /// Mean absolute difference of the satisfaction, where labelled.
    pub satisfaction_error: Option<f64>,
}

/// Compares analyses with the labels of their calls; calls without labels are passed over.
///
/// # Errors
/// When labels are not of the form, with the call's id.
pub fn evaluate(pairs: &[(CallRecord, Analysis)], catalog: &Catalog) -> Result<Evaluation, String> {
    let mut result = Evaluation::default();
    let mut rows: BTreeMap<String, (Counts, Counts)> = BTreeMap::new();
    let mut calls: Vec<Compared> = Vec::new();
    let mut errors = Vec::new();
    for (record, analysis) in pairs {
        let Some(labels) = Labels::of(record)? else { continue };
        for turn in &labels.turns {
            let found = analysis.turns.get(turn.turn as usize).map(|t| t.sentiment.label);
            if let (Some(gold), Some(found)) = (turn.sentiment, found) {
                for (label, name) in [
                    (SentimentLabel::Pos, "pos"),
                    (SentimentLabel::Neu, "neu"),
                    (SentimentLabel::Neg, "neg"),
                ] {
                    result.sentiment.entry(name).or_default().add(gold == label, found == label);
                }
            }
        }
        tally(&mut result.appeal_type, labels.appeal_type.as_deref(), &analysis.facts.appeal_type);
        tally(&mut result.outcome, labels.outcome.as_deref(), &analysis.facts.outcome);
        errors.extend(labels.satisfaction.map(|gold| f64::from((gold - analysis.facts.satisfaction).abs())));
        calls.push(Compared::new(&labels, analysis, record.turns.len()));
        let compared = &calls[calls.len() - 1];
        let fault = |code: &str| catalog.get(code).is_some_and(CodeInfo::is_fault);
        if !compared.gold_codes().any(|c| fault(&c)) {
            result.clean_calls += 1;
            if compared.found_codes().any(|c| fault(&c)) {
                result.clean_calls_flagged.push(record.call_id.clone());
            }
        }
    }
    for code in calls.iter().flat_map(|c| c.gold_codes().chain(c.found_codes())) {
        rows.entry(code).or_default();
    }
    for (code, (on_turns, on_calls)) in &mut rows {
        for call in &calls {
            on_calls.add(call.gold.contains_key(code), call.found.contains_key(code));
            for turn in 0..call.turns {
                let at = |side: &BTreeMap<String, BTreeSet<Option<u32>>>| {
                    side.get(code).is_some_and(|turns| turns.contains(&Some(turn as u32)))
                };
                on_turns.add(at(&call.gold), at(&call.found));
            }
        }
    }
    result.calls = calls.len() as u64;
    result.satisfaction_error = (!errors.is_empty()).then(|| errors.iter().sum::<f64>() / errors.len() as f64);
    result.codes = rows
        .into_iter()
        .map(|(code, (on_turns, on_calls))| {
            let info = catalog.get(&code);
            let turn = info.is_some_and(|i| i.level == Level::Turn);
            CodeRow {
                title: info.map_or_else(String::new, |i| i.title.clone()),
                level: if turn { "turn" } else { "call" },
                on_turns: turn.then_some(on_turns),
                on_calls,
                code,
            }
        })
        .collect();
    Ok(result)
}

/// Codes of one call, on both sides, with the turns that carry them.
struct Compared {
    gold: BTreeMap<String, BTreeSet<Option<u32>>>,
    found: BTreeMap<String, BTreeSet<Option<u32>>>,
    turns: usize,
}

impl Compared {
    fn new(labels: &Labels, analysis: &Analysis, turns: usize) -> Self {
        let (mut gold, mut found) = (BTreeMap::<_, BTreeSet<_>>::new(), BTreeMap::<_, BTreeSet<_>>::new());
        for turn in &labels.turns {
            for code in &turn.codes {
                gold.entry(code.clone()).or_default().insert(Some(turn.turn));
            }
        }
        for code in &labels.call {
            gold.entry(code.clone()).or_default().insert(None);
        }
        for finding in &analysis.findings {
            found.entry(finding.code.clone()).or_default().insert(finding.turn);
        }
        Self { gold, found, turns }
    }

    fn gold_codes(&self) -> impl Iterator<Item = String> + '_ {
        self.gold.keys().cloned()
    }

    fn found_codes(&self) -> impl Iterator<Item = String> + '_ {
        self.found.keys().cloned()
    }
}

fn tally(counts: &mut (u64, u64), gold: Option<&str>, found: &str) {
    if let Some(gold) = gold {
        counts.1 += 1;
        counts.0 += u64::from(gold == found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_hand_counted_table() {
        let counts = Counts { tp: 6, fp: 2, fn_: 3, tn: 9 };
        assert!((counts.precision() - 0.75).abs() < 1e-9);
        assert!((counts.recall() - 2.0 / 3.0).abs() < 1e-9);
        assert!((counts.f1() - 12.0 / 17.0).abs() < 1e-9);
        // observed 15/20, chance (8·9 + 12·11)/400 = 0.51
        assert!((counts.kappa() - (0.75 - 0.51) / 0.49).abs() < 1e-9);
        assert!(Counts::default().f1().abs() < f64::EPSILON);
    }
}
