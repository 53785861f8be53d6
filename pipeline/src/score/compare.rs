//! What a change of rules or scorecards would do: two analyses of each call side by side,
//! summed up with examples. Owns the comparison alone; where the calls and the analyses
//! come from is the caller's business.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::record::{Analysis, Finding};

/// Calls that [`backtest`] judges at once.
const CHUNK: usize = 256;

/// How much of the detail is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompareOptions {
    /// Calls that changed most.
    pub top_calls: usize,
    /// Examples of each code, gained and lost each.
    pub examples: usize,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self { top_calls: 20, examples: 3 }
    }
}

/// What changed over all calls.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Comparison {
    /// Calls compared.
    pub calls: u64,
    /// Calls with another finding or score.
    pub changed: u64,
    /// Every code that either side found, by name.
    pub codes: Vec<CodeChange>,
    /// The scores.
    pub scores: ScoreChange,
    /// How far totals move, over the calls scored on both sides, from falling to rising.
    pub moves: Vec<Moves>,
    /// The calls that changed most: by difference of score, then number of findings.
    pub top: Vec<CallChange>,
}

/// What changed for one code.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CodeChange {
    /// The code.
    pub code: String,
    /// Findings before.
    pub before: u64,
    /// Findings after.
    pub after: u64,
    /// Findings that only the new side has.
    pub gained: u64,
    /// Findings that only the old side has.
    pub lost: u64,
    /// The first of those gained.
    pub gained_examples: Vec<FindingExample>,
    /// The first of those lost.
    pub lost_examples: Vec<FindingExample>,
}

/// What changed for the scores.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ScoreChange {
    /// Calls with a score on both sides.
    pub scored: u64,
    /// Calls that have a score only now.
    pub appeared: u64,
    /// Calls that have none any more.
    pub disappeared: u64,
    /// Mean total before, over the calls scored on both sides.
    pub mean_before: Option<f64>,
    /// Mean total after, over the same.
    pub mean_after: Option<f64>,
    /// Calls whose total rises.
    pub raised: u64,
    /// Calls whose total falls.
    pub lowered: u64,
    /// Calls that fail by a fatal item only now.
    pub failed_now: u64,
    /// Calls that do not fail any more.
    pub failed_before: u64,
}

/// Calls whose total moves by so much.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Moves {
    /// Least difference, new less old, included; `None` where there is no least.
    pub from: Option<f64>,
    /// Where the next begins; `None` at the end.
    pub below: Option<f64>,
    /// Calls.
    pub calls: u64,
}

/// Where the ranges of [`Moves`] begin. What does not move at all has one of its own.
const BOUNDS: [f64; 9] = [-50.0, -20.0, -10.0, -5.0, 0.0, f64::MIN_POSITIVE, 5.0, 10.0, 20.0];

/// One finding that only one side has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingExample {
    /// The call.
    pub call_id: String,
    /// The code.
    pub code: String,
    /// The turn; `None` for the whole call.
    pub turn: Option<u32>,
    /// The first piece of evidence.
    pub quote: String,
    /// Detector or rule.
    pub rule: String,
    /// Why, in Chinese.
    pub explanation: String,
}

/// What changed on one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallChange {
    /// The call.
    pub call_id: String,
    /// Total before.
    pub score_before: Option<f64>,
    /// Total after.
    pub score_after: Option<f64>,
    /// Findings that only the new side has.
    pub gained: Vec<FindingExample>,
    /// Findings that only the old side has.
    pub lost: Vec<FindingExample>,
}

impl CallChange {
    /// How far the total moves; a score that appears or disappears moves nothing.
    fn distance(&self) -> f64 {
        match (self.score_before, self.score_after) {
            (Some(before), Some(after)) => (after - before).abs(),
            _ => 0.0,
        }
    }

    /// The one that changed more comes first.
    fn rank(&self, other: &Self) -> Ordering {
        let findings = |change: &Self| change.gained.len() + change.lost.len();
        other
            .distance()
            .total_cmp(&self.distance())
            .then_with(|| findings(other).cmp(&findings(self)))
            .then_with(|| self.call_id.cmp(&other.call_id))
    }
}

/// Sums up pairs of analyses, one call at a time, in bounded memory.
#[derive(Debug, Clone, Default)]
pub struct Comparer {
    options: CompareOptions,
    calls: u64,
    changed: u64,
    codes: BTreeMap<String, CodeChange>,
    scores: ScoreChange,
    sum_before: f64,
    sum_after: f64,
    moves: [u64; BOUNDS.len() + 1],
    top: Vec<CallChange>,
}

impl Comparer {
    /// Nothing compared yet.
    pub fn new(options: CompareOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Adds one call: its analysis as it is and as it would be. Tells what changed, where something did.
    pub fn add(&mut self, old: &Analysis, new: &Analysis) -> Option<CallChange> {
        self.calls += 1;
        for finding in &old.findings {
            self.code(&finding.code).before += 1;
        }
        for finding in &new.findings {
            self.code(&finding.code).after += 1;
        }
        let gained = missing(&new.findings, &old.findings, &new.call_id);
        let lost = missing(&old.findings, &new.findings, &old.call_id);
        let limit = self.options.examples;
        for example in &gained {
            let code = self.code(&example.code);
            code.gained += 1;
            keep(&mut code.gained_examples, example, limit);
        }
        for example in &lost {
            let code = self.code(&example.code);
            code.lost += 1;
            keep(&mut code.lost_examples, example, limit);
        }
        let scored_differently = self.add_scores(old, new);
        if gained.is_empty() && lost.is_empty() && !scored_differently {
            return None;
        }
        self.changed += 1;
        let change = CallChange {
            call_id: new.call_id.clone(),
            score_before: old.score.as_ref().map(|score| score.total),
            score_after: new.score.as_ref().map(|score| score.total),
            gained,
            lost,
        };
        self.top.push(change.clone());
        if self.top.len() >= 2 * self.options.top_calls.max(1) {
            self.cut();
        }
        Some(change)
    }

    fn add_scores(&mut self, old: &Analysis, new: &Analysis) -> bool {
        let scores = &mut self.scores;
        match (&old.score, &new.score) {
            (None, None) => false,
            (None, Some(_)) => {
                scores.appeared += 1;
                true
            }
            (Some(_), None) => {
                scores.disappeared += 1;
                true
            }
            (Some(before), Some(after)) => {
                scores.scored += 1;
                self.sum_before += before.total;
                self.sum_after += after.total;
                let by = after.total - before.total;
                let place = BOUNDS.iter().take_while(|&&bound| bound <= by).count();
                if let Some(count) = self.moves.get_mut(place) {
                    *count += 1;
                }
                scores.raised += u64::from(after.total > before.total);
                scores.lowered += u64::from(after.total < before.total);
                scores.failed_now += u64::from(before.fatal.is_empty() && !after.fatal.is_empty());
                scores.failed_before += u64::from(!before.fatal.is_empty() && after.fatal.is_empty());
                before.total != after.total
            }
        }
    }

    fn code(&mut self, code: &str) -> &mut CodeChange {
        self.codes
            .entry(code.to_owned())
            .or_insert_with(|| CodeChange { code: code.to_owned(), ..CodeChange::default() })
    }

    fn cut(&mut self) {
        self.top.sort_by(CallChange::rank);
        self.top.truncate(self.options.top_calls);
    }

    /// The result.
    pub fn finish(mut self) -> Comparison {
        self.cut();
        if self.scores.scored > 0 {
            self.scores.mean_before = Some(self.sum_before / self.scores.scored as f64);
            self.scores.mean_after = Some(self.sum_after / self.scores.scored as f64);
        }
        let shown = |bound: &f64| if *bound == f64::MIN_POSITIVE { 0.0 } else { *bound };
        let moves = self.moves.iter().enumerate().map(|(place, &calls)| Moves {
            from: place.checked_sub(1).and_then(|before| BOUNDS.get(before)).map(shown),
            below: BOUNDS.get(place).map(shown),
            calls,
        });
        Comparison {
            moves: moves.collect(),
            calls: self.calls,
            changed: self.changed,
            codes: self.codes.into_values().collect(),
            scores: self.scores,
            top: self.top,
        }
    }
}

/// Compares two judgements of the same calls, on the current rayon pool; the result does not depend on the number of
/// threads. `changed` is told of every call that changes, in order.
pub fn backtest<C: Sync>(
    calls: impl IntoIterator<Item = C>,
    judge: impl Fn(&C) -> (Analysis, Analysis) + Sync,
    options: CompareOptions,
    mut changed: impl FnMut(&C, &CallChange),
) -> Comparison {
    let mut comparer = Comparer::new(options);
    let mut calls = calls.into_iter();
    loop {
        let chunk: Vec<C> = calls.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            return comparer.finish();
        }
        let pairs: Vec<_> = chunk.par_iter().map(&judge).collect();
        for (call, (before, after)) in chunk.iter().zip(&pairs) {
            if let Some(change) = comparer.add(before, after) {
                changed(call, &change);
            }
        }
    }
}

/// The findings of `some` that `others` lacks, by code and turn; as often as it lacks them.
fn missing(some: &[Finding], others: &[Finding], call_id: &str) -> Vec<FindingExample> {
    let mut counts: BTreeMap<(&str, Option<u32>), usize> = BTreeMap::new();
    for finding in others {
        *counts.entry((&finding.code, finding.turn)).or_default() += 1;
    }
    let mut missing = Vec::new();
    for finding in some {
        match counts.get_mut(&(finding.code.as_str(), finding.turn)) {
            Some(count) if *count > 0 => *count -= 1,
            _ => missing.push(FindingExample {
                call_id: call_id.to_owned(),
                code: finding.code.clone(),
                turn: finding.turn,
                quote: finding.evidence.first().map(|evidence| evidence.quote.clone()).unwrap_or_default(),
                rule: finding.rule.clone(),
                explanation: finding.explanation.clone(),
            }),
        }
    }
    missing
}

fn keep(examples: &mut Vec<FindingExample>, example: &FindingExample, limit: usize) {
    if examples.len() < limit {
        examples.push(example.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{CallRecord, Evidence, Facts, Need, Needs, Provenance, Role, Score, Severity, SignalReport};

    fn analysis(id: &str, codes: &[(&str, Option<u32>)], total: Option<f64>) -> Analysis {
        let findings = codes.iter().map(|(code, turn)| Finding {
            code: (*code).to_owned(),
            turn: *turn,
            role: Role::Agent,
            severity: Severity::Minor,
            confidence: 0.8,
            taboo: None,
            evidence: vec![Evidence {
                turn: turn.unwrap_or(0),
                start_ms: None,
                end_ms: None,
                start_char: 0,
                end_char: 2,
                quote: format!("{id}的话"),
            }],
            rule: "r".to_owned(),
            explanation: "理由。".to_owned(),
        });
        Analysis {
            call_id: id.to_owned(),
            turns: Vec::new(),
            signals: SignalReport::default(),
            findings: findings.collect(),
            uncertain: Vec::new(),
            conduct: None,
            facts: Facts {
                appeal_type: "咨询".to_owned(),
                outcome: "resolved".to_owned(),
                satisfaction: 3.0,
                category: Vec::new(),
                category_confidence: 0.0,
                needs: Needs {
                    emotional: Need::None,
                    factual: Need::None,
                    emotional_turns: Vec::new(),
                    factual_turns: Vec::new(),
                },
                repeat_contact: false,
                crisis: false,
                language: "zh".to_owned(),
            },
            score: total.map(|total| Score {
                scorecard: "s".to_owned(),
                total,
                potential: 100.0,
                normalized: total / 100.0,
                fatal: if total == 0.0 {
                    vec!["red".to_owned()]
                } else {
                    Vec::new()
                },
                items: Vec::new(),
            }),
            provenance: Provenance::default(),
        }
    }

    #[test]
    fn gains_losses_and_means_are_counted() {
        let mut comparer = Comparer::new(CompareOptions { top_calls: 2, examples: 1 });
        let pairs = [
            (
                analysis("a", &[("x", Some(1)), ("x", Some(2))], Some(80.0)),
                analysis("a", &[("x", Some(1))], Some(90.0)),
            ),
            (analysis("b", &[], Some(100.0)), analysis("b", &[("y", None), ("x", Some(1))], Some(0.0))),
            (analysis("c", &[("x", Some(1))], Some(90.0)), analysis("c", &[("x", Some(1))], Some(90.0))),
            (analysis("d", &[], None), analysis("d", &[], Some(70.0))),
        ];
        for (old, new) in &pairs {
            comparer.add(old, new);
        }
        let result = comparer.finish();
        assert_eq!((result.calls, result.changed), (4, 3));
        let x = &result.codes[0];
        assert_eq!((x.code.as_str(), x.before, x.after, x.gained, x.lost), ("x", 3, 3, 1, 1));
        assert_eq!((x.lost_examples[0].turn, x.gained_examples[0].quote.as_str()), (Some(2), "b的话"));
        assert_eq!((result.codes[1].code.as_str(), result.codes[1].gained), ("y", 1));
        let scores = &result.scores;
        assert_eq!((scores.scored, scores.appeared, scores.disappeared), (3, 1, 0));
        assert_eq!((scores.mean_before, scores.mean_after), (Some(90.0), Some(60.0)));
        assert_eq!((scores.raised, scores.lowered, scores.failed_now, scores.failed_before), (1, 1, 1, 0));
        let top: Vec<&str> = result.top.iter().map(|change| change.call_id.as_str()).collect();
        assert_eq!(top, ["b", "a"]);
    }

    #[test]
    fn the_same_twice_changes_nothing() {
        let records = (0..600).map(|i| CallRecord::new(format!("{i}")));
        let same = |record: &CallRecord| analysis(&record.call_id, &[("x", None)], Some(75.0));
        let twice = |record: &CallRecord| (same(record), same(record));
        let result = backtest(records, twice, CompareOptions::default(), |_, _| panic!("nothing changes"));
        assert_eq!(result.moves.iter().map(|moves| moves.calls).sum::<u64>(), 600);
        assert_eq!(result.moves[5], Moves { from: Some(0.0), below: Some(0.0), calls: 600 });
        assert_eq!((result.calls, result.changed, result.top.len()), (600, 0, 0));
        assert_eq!(result.scores.mean_before, result.scores.mean_after);
    }

    #[test]
    fn the_order_of_calls_does_not_change_the_top() {
        let run = |ids: &[u32]| {
            let mut comparer = Comparer::new(CompareOptions { top_calls: 3, examples: 0 });
            for id in ids {
                let name = format!("{id}");
                comparer.add(&analysis(&name, &[], Some(50.0)), &analysis(&name, &[], Some(50.0 + f64::from(id % 7))));
            }
            comparer.finish().top
        };
        let ids: Vec<u32> = (0..50).collect();
        let reversed: Vec<u32> = ids.iter().rev().copied().collect();
        assert_eq!(run(&ids), run(&reversed));
    }
}
