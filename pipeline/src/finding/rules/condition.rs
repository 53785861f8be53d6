//! A compiled condition and its evaluation on one call: which turns it looks at, where
//! they lie relative to other conditions' hits, and the hits that remain.

use std::rc::Rc;

use super::expr::Truth;
use super::operator::{CallTest, Operator, within_limits};
use super::raw::{Nth, Place};
use super::scan::Scan;
use crate::record::{Role, Span, Timing, Turn};

/// A turn on which a condition holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Hit {
    pub(super) turn: usize,
    /// What was seen, by position; empty when it is the turn as a whole.
    pub(super) spans: Vec<Span>,
    /// Length of the overlap or silence.
    pub(super) ms: Option<u64>,
    /// Spoken units a second.
    pub(super) rate: Option<f32>,
    /// 0 to 1.
    pub(super) similarity: Option<f32>,
}

impl Hit {
    /// Keeps a measured length; whether there was one.
    pub(super) fn take_ms(&mut self, ms: Option<u64>) -> bool {
        self.ms = ms.or(self.ms);
        ms.is_some()
    }
}

/// What a condition came to on one call.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) truth: Truth,
    /// By turn; empty unless it holds.
    pub(super) hits: Vec<Hit>,
}

impl Outcome {
    fn none(truth: Truth) -> Rc<Self> {
        Rc::new(Self { truth, hits: Vec::new() })
    }
}

/// A stretch of turns relative to another condition's hit: this condition's turn minus the
/// other's lies within `least..=most`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) place: Place,
    pub(super) least: i64,
    pub(super) most: i64,
    pub(super) ms: Option<u64>,
}

/// The condition may hit only near hits of an earlier one.
#[derive(Debug)]
pub(super) struct Anchor {
    pub(super) to: usize,
    pub(super) nth: Nth,
    pub(super) window: Window,
}

/// Sentences that the turn must resemble.
#[derive(Debug)]
pub(super) struct Similar {
    pub(super) vectors: Vec<Vec<f32>>,
    pub(super) at_least: f32,
}

/// The role's average speech rate over the call.
#[derive(Debug)]
pub(super) struct AverageRate {
    pub(super) role: Role,
    pub(super) over: Option<f32>,
    pub(super) under: Option<f32>,
}

/// A condition, ready to run.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) name: String,
    /// Roles whose turns it looks at; empty for all.
    pub(super) roles: Vec<Role>,
    pub(super) first_turns: Option<usize>,
    pub(super) last_turns: Option<usize>,
    pub(super) first_ms: Option<u64>,
    pub(super) last_ms: Option<u64>,
    pub(super) percent: Option<(f32, f32)>,
    pub(super) min_chars: Option<usize>,
    pub(super) max_chars: Option<usize>,
    pub(super) anchor: Option<Anchor>,
    /// Index of the condition, and where its hit makes one of this condition harmless.
    pub(super) unless: Vec<(usize, Window)>,
    pub(super) min_hits: usize,
    pub(super) operators: Vec<Operator>,
    pub(super) similar: Option<Similar>,
    pub(super) average_rate: Option<AverageRate>,
    pub(super) call: Option<CallTest>,
    /// Asks about the call alone: it has no hits.
    pub(super) call_only: bool,
}

impl Condition {
    fn needs_times(&self) -> bool {
        self.first_ms.is_some()
            || self.last_ms.is_some()
            || self.anchor.as_ref().is_some_and(|anchor| anchor.window.ms.is_some())
            || self.unless.iter().any(|(_, window)| window.ms.is_some())
            || self.average_rate.is_some()
            || self.operators.iter().any(Operator::needs_times)
    }

    /// The turns that it looks at.
    fn scope(&self, scan: &Scan<'_>, timing: &Timing) -> Vec<usize> {
        let context = scan.context;
        let mut turns: Vec<usize> = (0..context.turns.len())
            .filter(|&i| !context.fold(i).is_empty())
            .filter(|&i| self.roles.is_empty() || self.roles.contains(&context.role(i)))
            .collect();
        if let Some(n) = self.first_turns {
            turns.truncate(n);
        }
        if let Some(n) = self.last_turns {
            turns.drain(..turns.len().saturating_sub(n));
        }
        if let Some((from, to)) = self.percent {
            let whole = context.turns.len() as f32;
            turns.retain(|&i| (from..=to).contains(&((i as f32 + 0.5) / whole * 100.0)));
        }
        let times = |i: usize| context.record.turns.get(i).and_then(Turn::times);
        let begin = (0..context.turns.len()).filter_map(times).map(|(start, _)| start).min().unwrap_or(0);
        if let Some(ms) = self.first_ms {
            turns.retain(|&i| times(i).is_some_and(|(start, _)| start - begin < ms));
        }
        if let Some(ms) = self.last_ms {
            let end = begin + timing.duration_ms;
            turns.retain(|&i| times(i).is_some_and(|(_, turn_end)| end.saturating_sub(turn_end) < ms));
        }
        if self.min_chars.is_some() || self.max_chars.is_some() {
            let fits =
                |n: usize| self.min_chars.is_none_or(|min| n >= min) && self.max_chars.is_none_or(|max| n <= max);
            turns.retain(|&i| fits(scan.chars(i)));
        }
        turns
    }
}

/// Evaluates the conditions of one rule on one call, each at most once and only when asked for.
pub(super) struct Evaluation<'a> {
    conditions: &'a [Condition],
    scan: &'a Scan<'a>,
    known: Vec<Option<Rc<Outcome>>>,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(conditions: &'a [Condition], scan: &'a Scan<'a>) -> Self {
        Self { conditions, scan, known: vec![None; conditions.len()] }
    }

    /// What a condition came to. Anchors form no cycle: that was checked when the rule was loaded.
    pub(super) fn outcome(&mut self, index: usize) -> Rc<Outcome> {
        if let Some(outcome) = self.known.get(index).and_then(Option::as_ref) {
            return Rc::clone(outcome);
        }
        let Some(condition) = self.conditions.get(index) else {
            return Outcome::none(Truth::No);
        };
        let outcome = self.evaluate(condition);
        if let Some(slot) = self.known.get_mut(index) {
            *slot = Some(Rc::clone(&outcome));
        }
        outcome
    }

    fn evaluate(&mut self, condition: &Condition) -> Rc<Outcome> {
        let scan = self.scan;
        let timing = scan.context.signals.timing.as_ref();
        if let Some(call) = &condition.call {
            let truth = call.test(scan.context.record, timing);
            if truth != Truth::Yes || condition.call_only {
                return Outcome::none(truth);
            }
        }
        if condition.needs_times() && timing.is_none() {
            return Outcome::none(Truth::Unknown);
        }
        let untimed = Timing::default();
        let timing = timing.unwrap_or(&untimed);

        let mut hits: Vec<Hit> =
            condition.scope(scan, timing).into_iter().map(|turn| Hit { turn, ..Hit::default() }).collect();
        let anchors = match &condition.anchor {
            None => None,
            Some(anchor) => {
                let outcome = self.outcome(anchor.to);
                if outcome.truth != Truth::Yes {
                    return Outcome::none(outcome.truth);
                }
                let chosen = match anchor.nth {
                    Nth::Any | Nth::Every => outcome.hits.clone(),
                    Nth::Last => outcome.hits.last().cloned().into_iter().collect(),
                    Nth::At(n) => outcome.hits.get(n - 1).cloned().into_iter().collect(),
                };
                hits.retain(|hit| chosen.iter().any(|at| self.near(at, hit, anchor.window)));
                Some((anchor, chosen))
            }
        };
        hits.retain_mut(|hit| condition.operators.iter().all(|operator| operator.matches(scan, timing, hit)));
        if let Some(similar) = &condition.similar {
            let turns: Vec<usize> = hits.iter().map(|hit| hit.turn).collect();
            let Some(vectors) = scan.vectors(&turns) else {
                return Outcome::none(Truth::Unknown);
            };
            for (hit, vector) in hits.iter_mut().zip(&vectors) {
                let cosines = similar.vectors.iter().map(|example| qingting_models::cosine(example, vector));
                hit.similarity = cosines.max_by(f32::total_cmp);
            }
            hits.retain(|hit| hit.similarity.is_some_and(|cosine| cosine >= similar.at_least));
        }
        if let Some(rate) = &condition.average_rate {
            match average(rate, timing) {
                None => return Outcome::none(Truth::Unknown),
                Some(value) if within_limits(value, rate.over, rate.under) => {
                    hits = self.extreme(hits, rate).into_iter().map(|hit| Hit { rate: Some(value), ..hit }).collect();
                }
                Some(_) => return Outcome::none(Truth::No),
            }
        }
        for hit in &mut hits {
            hit.spans.sort_unstable();
            hit.spans.dedup();
        }
        if let Some((anchor, chosen)) = anchors {
            // Again, now that it is known where in the turn the hits lie.
            hits.retain(|hit| chosen.iter().any(|at| self.near(at, hit, anchor.window)));
            let lacking = |at: &Hit| !hits.iter().any(|hit| self.near(at, hit, anchor.window));
            if chosen.is_empty() || (anchor.nth == Nth::Every && chosen.iter().any(lacking)) {
                return Outcome::none(Truth::No);
            }
        }
        for (other, window) in &condition.unless {
            if hits.is_empty() {
                break;
            }
            let outcome = self.outcome(*other);
            if outcome.truth == Truth::Unknown {
                return Outcome::none(Truth::Unknown);
            }
            // The window is that of the other condition's hit as seen from this one's.
            hits.retain(|hit| !outcome.hits.iter().any(|harmless| self.near(hit, harmless, *window)));
        }
        if hits.len() < condition.min_hits {
            return Outcome::none(Truth::No);
        }
        Rc::new(Outcome { truth: Truth::Yes, hits })
    }

    /// The fastest (or slowest) of the turns: where the average is best heard.
    fn extreme(&self, hits: Vec<Hit>, rate: &AverageRate) -> Option<Hit> {
        let sign = if rate.over.is_some() { 1.0 } else { -1.0 };
        let measured = |hit: &Hit| self.scan.context.signal(hit.turn).rate.map_or(f32::NEG_INFINITY, |r| r * sign);
        hits.into_iter().rev().max_by(|a, b| measured(a).total_cmp(&measured(b)))
    }

    /// Whether `hit` lies in the window around `anchor`. Within one turn, what was said decides what
    /// came first, where both hits know their place.
    fn near(&self, anchor: &Hit, hit: &Hit, window: Window) -> bool {
        let distance = hit.turn as i64 - anchor.turn as i64;
        if !(window.least..=window.most).contains(&distance) {
            return false;
        }
        if distance == 0 && window.place != Place::Current && window.place != Place::Around {
            let (first, second) = if window.place == Place::After {
                (anchor, hit)
            } else {
                (hit, anchor)
            };
            if let (Some(earliest), Some(latest)) = (first.spans.first(), second.spans.last())
                && earliest.end > latest.start
            {
                return false;
            }
        }
        let Some(limit) = window.ms else { return true };
        let times = |turn: usize| self.scan.context.record.turns.get(turn).and_then(Turn::times);
        match (times(anchor.turn), times(hit.turn)) {
            (Some(a), Some(b)) => {
                let (first, second) = if a.0 <= b.0 { (a, b) } else { (b, a) };
                second.0.saturating_sub(first.1) <= limit
            }
            _ => false,
        }
    }
}

fn average(rate: &AverageRate, timing: &Timing) -> Option<f32> {
    match rate.role {
        Role::Agent => timing.agent_rate,
        Role::Caller => timing.caller_rate,
        Role::Bot | Role::Ivr | Role::Other => None,
    }
}
