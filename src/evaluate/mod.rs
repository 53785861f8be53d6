//! Machine against people: precision, recall, F1 and agreement on labelled calls. Owns the
//! counting; reads labels, which the analysis itself never does.
//!
//! A code on a turn counts when both name it on the same turn; a code on the call when both
//! name it anywhere in the call. Agreement is Cohen's κ (Cohen 1960) over the same decisions.
//! Intervals are bootstrap intervals over calls ([`Interval`]).

mod confusion;
mod intervals;
mod mistakes;
pub mod pairs;
mod reliability;

use std::collections::{BTreeMap, BTreeSet};

use qingting_pipeline::finding::{Catalog, CodeInfo, Level};
use qingting_pipeline::record::{Analysis, CallRecord, SentimentLabel};
use serde::Serialize;

pub use self::confusion::Confusion;
pub use self::intervals::Interval;
pub use self::mistakes::Mistake;
pub use self::reliability::{Bin, Reliability};
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

    fn join(&mut self, other: Self) {
        self.tp += other.tp;
        self.fp += other.fp;
        self.fn_ += other.fn_;
        self.tn += other.tn;
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
    /// 95% interval of the F1 on turns, or on calls for codes of the whole call.
    pub f1_interval: Interval,
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
    /// Mean F1 on calls of the eight taboos that occur, with its 95% interval.
    pub taboo_f1: Interval,
    /// Mean F1 of the codes on turns that occur, with its 95% interval.
    pub turn_f1: Interval,
    /// What was taken for what: codes on turns, sentiment, appeal type, outcome.
    pub confusion: BTreeMap<&'static str, Confusion>,
    /// How often findings of a confidence are right.
    pub reliability: Reliability,
    /// Every disagreement on a code, with the words.
    pub mistakes: Vec<Mistake>,
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
                for label in [SentimentLabel::Pos, SentimentLabel::Neu, SentimentLabel::Neg] {
                    result.sentiment.entry(label.as_str()).or_default().add(gold == label, found == label);
                }
                result.confusion.entry("sentiment").or_default().add(gold.as_str(), found.as_str());
            }
        }
        for (name, gold, found, counts) in [
            ("appeal_type", &labels.appeal_type, &analysis.facts.appeal_type, &mut result.appeal_type),
            ("outcome", &labels.outcome, &analysis.facts.outcome, &mut result.outcome),
        ] {
            if let Some(gold) = gold {
                counts.1 += 1;
                counts.0 += u64::from(gold == found);
                result.confusion.entry(name).or_default().add(gold, found);
            }
        }
        errors.extend(labels.satisfaction.map(|gold| f64::from((gold - analysis.facts.satisfaction).abs())));
        let compared = Compared::new(&labels, analysis, record.turns.len());
        confusion::codes(result.confusion.entry("codes").or_default(), &compared, analysis);
        result.reliability.add(&compared, analysis);
        mistakes::collect(&mut result.mistakes, &compared, analysis, catalog);
        let fault = |code: &str| catalog.get(code).is_some_and(CodeInfo::is_fault);
        if !compared.gold_codes().any(|c| fault(&c)) {
            result.clean_calls += 1;
            if compared.found_codes().any(|c| fault(&c)) {
                result.clean_calls_flagged.push(record.call_id.clone());
            }
        }
        calls.push(compared);
    }
    for code in calls.iter().flat_map(|c| c.gold_codes().chain(c.found_codes())) {
        rows.entry(code).or_default();
    }
    let mut tables: Vec<Tables> = Vec::new();
    for (code, (on_turns, on_calls)) in &mut rows {
        let turn = catalog.get(code).is_some_and(|i| i.level == Level::Turn);
        let (mut turn_table, mut call_table) = (Vec::new(), Vec::new());
        for call in &calls {
            let (turns, whole) = call.counts(code);
            on_turns.join(turns);
            on_calls.join(whole);
            turn_table.push(turns);
            call_table.push(whole);
        }
        tables.push((code.clone(), turn, turn_table, call_table));
    }
    result.calls = calls.len() as u64;
    result.satisfaction_error = (!errors.is_empty()).then(|| errors.iter().sum::<f64>() / errors.len() as f64);
    let occurs = |table: &Vec<Counts>| table.iter().any(|c| c.tp + c.fn_ > 0);
    let taboo = |code: &str| catalog.get(code).is_some_and(|i| i.taboo.is_some());
    let of = |wanted: &dyn Fn(&Tables) -> Option<Vec<Counts>>| {
        intervals::mean_f1(&tables.iter().filter_map(wanted).filter(occurs).collect::<Vec<_>>())
    };
    result.taboo_f1 = of(&|(code, _, _, calls)| taboo(code).then(|| calls.clone()));
    result.turn_f1 = of(&|(_, turn, turns, _)| turn.then(|| turns.clone()));
    result.codes = rows
        .into_iter()
        .zip(&tables)
        .map(|((code, (on_turns, on_calls)), (_, turn, turn_table, call_table))| CodeRow {
            title: catalog.get(&code).map_or_else(String::new, |i| i.title.clone()),
            level: if *turn { "turn" } else { "call" },
            on_turns: turn.then_some(on_turns),
            on_calls,
            f1_interval: intervals::mean_f1(std::slice::from_ref(if *turn { turn_table } else { call_table })),
            code,
        })
        .collect();
    Ok(result)
}

/// A code, whether it stands on turns, and its decisions on turns and on calls, call by call.
type Tables = (String, bool, Vec<Counts>, Vec<Counts>);

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

    /// Decisions on a code: on every turn, and on the call.
    fn counts(&self, code: &str) -> (Counts, Counts) {
        let (mut turns, mut call) = (Counts::default(), Counts::default());
        call.add(self.gold.contains_key(code), self.found.contains_key(code));
        for turn in 0..self.turns {
            turns.add(self.is_gold(code, Some(turn as u32)), self.is_found(code, Some(turn as u32)));
        }
        (turns, call)
    }

    fn is_gold(&self, code: &str, turn: Option<u32>) -> bool {
        self.gold.get(code).is_some_and(|turns| turns.contains(&turn))
    }

    fn is_found(&self, code: &str, turn: Option<u32>) -> bool {
        self.found.get(code).is_some_and(|turns| turns.contains(&turn))
    }

    fn gold_codes(&self) -> impl Iterator<Item = String> + '_ {
        self.gold.keys().cloned()
    }

    fn found_codes(&self) -> impl Iterator<Item = String> + '_ {
        self.found.keys().cloned()
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
