//! The curve of one call: what caller and agent felt, turn by turn and by normalised time, with the caller's peaks, the end, and
//! what became of it on the way.

use qingting_pipeline::record::{Analysis, CallRecord, Role};
use qingting_pipeline::signal::smooth;
use serde::Serialize;

use super::step::{CallStep, steps};

/// Points at which a curve is read for a mean: every twentieth of the call, both ends.
pub const GRID: usize = 21;
/// From where on a feeling is one, on the scale of −1 to 1, and by how much it has to change to have changed. Ours.
pub const CLEAR: f32 = 0.3;
/// The part of a call that is its start.
const START: f64 = 0.25;
/// Most characters of a quote.
const QUOTE: usize = 60;

/// One turn on a curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// Index into the call's turns.
    pub turn: u32,
    /// Where in the call the turn begins, 0 to 1: by time where every turn has its time, else by turns.
    pub at: f64,
    /// When, milliseconds within the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<u64>,
    /// What the words express, −1 to 1.
    pub score: f32,
    /// The same smoothed: 0.6 of the turn and 0.4 of what went before, beginning at the first score.
    pub level: f32,
    /// The step of the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<CallStep>,
}

/// A moment of a call that stands out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moment {
    /// Index into the call's turns.
    pub turn: u32,
    /// Where in the call, 0 to 1.
    pub at: f64,
    /// When, milliseconds within the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<u64>,
    /// What the words of the turn express, −1 to 1, not smoothed.
    pub score: f32,
    /// The beginning of these words, masked.
    pub quote: String,
}

/// What became of the caller's feeling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Course {
    /// It was clearly negative and is not at the end, by a clear difference.
    Recovered,
    /// It is negative at the end and clearly below the start.
    Worsened,
    /// Neither.
    Steady,
}

impl Course {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Recovered, Self::Worsened, Self::Steady];

    /// The name in JSON and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recovered => "recovered",
            Self::Worsened => "worsened",
            Self::Steady => "steady",
        }
    }

    /// What supervisors read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Recovered => "回升",
            Self::Worsened => "恶化",
            Self::Steady => "平稳",
        }
    }

    /// By start and end of the call and the lowest level on the way.
    pub fn of(start: f32, lowest: f32, end: f32) -> Self {
        if lowest <= -CLEAR && end - lowest >= CLEAR && end > -CLEAR {
            Self::Recovered
        } else if end < 0.0 && start - end >= CLEAR {
            Self::Worsened
        } else {
            Self::Steady
        }
    }
}

/// The curve of one call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Journey {
    /// The call.
    pub call_id: String,
    /// The caller's turns that say something, in order; at least one.
    pub caller: Vec<Point>,
    /// The agent's.
    pub agent: Vec<Point>,
    /// The most negative turn of the caller, the later of equal ones; absent where none is negative.
    pub lowest: Option<Moment>,
    /// The most positive one.
    pub highest: Option<Moment>,
    /// Mean score of the caller's turns in the first quarter of the call, else of the first.
    pub start: f32,
    /// The point of the smoothed curve farthest from 0, as the analysis has it.
    pub peak: f32,
    /// The end, as the analysis has it: the last two turns of the caller.
    pub end: f32,
    /// (`peak` + `end`) ÷ 2: what the peak–end rule lets expect to be remembered.
    pub peak_end: f32,
    /// What became of it.
    pub course: Course,
    /// Each step that the call goes through, with its first and its last turn.
    pub steps: Vec<(CallStep, u32, u32)>,
}

fn quote(text: &str) -> String {
    let mut quote: String = text.chars().take(QUOTE).collect();
    if text.chars().nth(QUOTE).is_some() {
        quote.push('…');
    }
    quote
}

/// The level of some points at a place of the call: between two turns a straight line, before the first and after the
/// last as there. 0 without points.
fn level_at(points: &[Point], at: f64) -> f64 {
    let next = points.partition_point(|point| point.at <= at);
    match (next.checked_sub(1).and_then(|before| points.get(before)), points.get(next)) {
        (Some(before), Some(after)) => {
            let part = (at - before.at) / (after.at - before.at);
            f64::from(before.level) + part * f64::from(after.level - before.level)
        }
        (Some(only), None) | (None, Some(only)) => f64::from(only.level),
        (None, None) => 0.0,
    }
}

impl Journey {
    /// The curve of a call; `None` where the caller says nothing, or what was said is not there.
    pub fn of(record: &CallRecord, analysis: &Analysis) -> Option<Self> {
        let steps = steps(record, analysis);
        let caller = points(record, analysis, &steps, Role::Caller);
        let last = caller.last()?;
        let moment = |point: &Point| {
            let text = analysis.turns.get(point.turn as usize).map_or("", |turn| turn.text.as_str());
            Moment {
                turn: point.turn,
                at: point.at,
                start_ms: point.start_ms,
                score: point.score,
                quote: quote(text),
            }
        };
        let lowest = caller.iter().rev().min_by(|a, b| a.score.total_cmp(&b.score)).filter(|point| point.score < 0.0);
        let highest = caller.iter().max_by(|a, b| a.score.total_cmp(&b.score)).filter(|point| point.score > 0.0);
        let early: Vec<f32> = caller.iter().filter(|point| point.at < START).map(|point| point.score).collect();
        let start = match early.len() {
            0 => caller.first().map_or(0.0, |point| point.score),
            n => early.iter().sum::<f32>() / n as f32,
        };
        let (peak, end) = (analysis.signals.peak, analysis.signals.end);
        let trough = caller.iter().map(|point| point.level).fold(last.level, f32::min);
        let of_step = |step: CallStep| {
            let turns = || steps.iter().zip(0_u32..).filter(|(of, _)| **of == Some(step)).map(|(_, turn)| turn);
            Some((step, turns().min()?, turns().max()?))
        };
        Some(Self {
            call_id: record.call_id.clone(),
            lowest: lowest.map(moment),
            highest: highest.map(moment),
            start,
            peak,
            end,
            peak_end: (peak + end) / 2.0,
            course: Course::of(start, trough, end),
            steps: CallStep::ALL.into_iter().filter_map(of_step).collect(),
            agent: points(record, analysis, &steps, Role::Agent),
            caller,
        })
    }

    /// The caller's smoothed curve at every twentieth of the call.
    pub fn sampled(&self) -> [f64; GRID] {
        std::array::from_fn(|nth| level_at(&self.caller, nth as f64 / (GRID - 1) as f64))
    }

    /// The agent's, where the agent says something.
    pub fn sampled_agent(&self) -> Option<[f64; GRID]> {
        let read = || std::array::from_fn(|nth| level_at(&self.agent, nth as f64 / (GRID - 1) as f64));
        (!self.agent.is_empty()).then(read)
    }

    /// Mean score of the caller's turns in a step, where there are any.
    pub fn in_step(&self, step: CallStep) -> Option<f64> {
        let scores: Vec<f64> = self
            .caller
            .iter()
            .filter(|point| point.step == Some(step))
            .map(|point| f64::from(point.score))
            .collect();
        (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
    }
}

fn points(record: &CallRecord, analysis: &Analysis, steps: &[Option<CallStep>], role: Role) -> Vec<Point> {
    let times = record.turns.iter().filter_map(|turn| turn.start_ms).min().zip(analysis.signals.duration_ms);
    let times = times.filter(|(_, duration)| record.timed() && *duration > 0);
    let place = |turn: usize| match (times, record.turns.get(turn).and_then(|turn| turn.start_ms)) {
        (Some((first, duration)), Some(start)) => start.saturating_sub(first) as f64 / duration as f64,
        _ => turn as f64 / record.turns.len().saturating_sub(1).max(1) as f64,
    };
    let said: Vec<(usize, f32)> = record
        .turns
        .iter()
        .zip(&analysis.turns)
        .enumerate()
        .filter(|(_, (turn, analysed))| turn.role == role && !analysed.text.trim().is_empty())
        .map(|(at, (_, analysed))| (at, analysed.sentiment.score.clamp(-1.0, 1.0)))
        .collect();
    let levels = smooth(said.iter().map(|(_, score)| *score));
    let mut points: Vec<Point> = said
        .into_iter()
        .zip(levels)
        .map(|((turn, score), level)| Point {
            turn: turn as u32,
            at: place(turn).clamp(0.0, 1.0),
            start_ms: record.turns.get(turn).and_then(|turn| turn.start_ms),
            score,
            level,
            step: steps.get(turn).copied().flatten(),
        })
        .collect();
    points.sort_by(|a, b| a.at.total_cmp(&b.at));
    points
}
