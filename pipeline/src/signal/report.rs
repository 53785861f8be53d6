//! The part of the signals that an analysis reports: timing in figures, and the course of
//! the caller's feeling. Measures nothing anew.

use crate::record::{CallContext, Finding, Role, SignalReport};

/// Code of the findings that are counted as interruptions.
const INTERRUPTION: &str = "interruption";

/// Weight of a turn's own score in the smoothed curve; the rest is what went before.
const FRESH: f32 = 0.6;

/// What is reported of a call.
pub fn report(context: &CallContext<'_>, findings: &[Finding]) -> SignalReport {
    let scores: Vec<(usize, f32)> =
        context.turns_of(Role::Caller).map(|turn| (turn, context.signal(turn).sentiment.score)).collect();
    let curve = smooth(scores.iter().map(|(_, score)| *score));
    let mut report = SignalReport {
        peak: peak(&curve),
        end: round(end(&scores)),
        quarters: quarters(context, &scores),
        sentiment_curve: curve,
        ..SignalReport::default()
    };
    if let Some(timing) = &context.signals.timing {
        let of = |role: Role| timing.talk_ms.iter().find(|(r, _)| *r == role).map_or(0, |(_, ms)| *ms);
        let (agent, caller) = (of(Role::Agent), of(Role::Caller));
        report.duration_ms = Some(timing.duration_ms);
        report.talk_ms = Some(timing.talk_ms.iter().map(|(_, ms)| ms).sum());
        report.silence_ms = Some(timing.silence_ms);
        report.overlap_ms = Some(timing.overlap_ms);
        report.longest_silence_ms = Some(timing.longest_silence_ms);
        report.agent_rate = timing.agent_rate.map(round);
        report.caller_rate = timing.caller_rate.map(round);
        report.talk_ratio = (agent + caller > 0).then(|| round(agent as f32 / (agent + caller) as f32));
        report.response_latency_ms = timing.response_latency_ms;
        report.interruptions = Some(interruptions(findings));
    }
    report
}

/// How many interruptions were found.
pub fn interruptions(findings: &[Finding]) -> u32 {
    findings.iter().filter(|f| f.code == INTERRUPTION).count() as u32
}

/// Three decimals: more would only show noise.
fn round(value: f32) -> f32 {
    (value * 1000.0).round() / 1000.0
}

/// Exponential smoothing of the scores of turns, beginning at the first: 0.6 of each and 0.4 of what went before (Brown 1956).
pub fn smooth(scores: impl Iterator<Item = f32>) -> Vec<f32> {
    let mut level: Option<f32> = None;
    scores
        .map(|score| {
            let next = level.map_or(score, |before| before + FRESH * (score - before));
            level = Some(next);
            round(next)
        })
        .collect()
}

/// The point farthest from neutral; of equal ones the later, which is remembered better.
fn peak(curve: &[f32]) -> f32 {
    curve.iter().fold(0.0, |peak: f32, &score| if score.abs() >= peak.abs() { score } else { peak })
}

/// How the caller feels at the end: the last two turns, the very last (often a mere 再见) counting less
/// than half unless it says something strong.
fn end(scores: &[(usize, f32)]) -> f32 {
    match scores {
        [] => 0.0,
        [(_, only)] => *only,
        [.., (_, before), (_, last)] => {
            if last.abs() >= before.abs() {
                *last
            } else {
                0.4 * last + 0.6 * before
            }
        }
    }
}

/// Mean score in each quarter of the call, by time where there are times, else by turn. A quarter in
/// which the caller says nothing carries on with the one before.
fn quarters(context: &CallContext<'_>, scores: &[(usize, f32)]) -> [f32; 4] {
    let times = context.signals.timing.as_ref().and_then(|timing| {
        let first = context.record.turns.iter().filter_map(|turn| turn.start_ms).min()?;
        (timing.duration_ms > 0).then_some((first, timing.duration_ms))
    });
    let place = |turn: usize| match (times, context.record.turns.get(turn).and_then(|t| t.start_ms)) {
        (Some((first, duration)), Some(start)) => start.saturating_sub(first) as f64 / duration as f64,
        _ => turn as f64 / context.turns.len().max(1) as f64,
    };
    let (mut sums, mut counts) = ([0.0_f32; 4], [0_u32; 4]);
    for &(turn, score) in scores {
        let quarter = ((place(turn) * 4.0) as usize).min(3);
        if let (Some(sum), Some(count)) = (sums.get_mut(quarter), counts.get_mut(quarter)) {
            *sum += score;
            *count += 1;
        }
    }
    let mut level = 0.0;
    let mut means = [0.0; 4];
    for ((mean, sum), count) in means.iter_mut().zip(sums).zip(counts) {
        if count > 0 {
            level = sum / count as f32;
        }
        *mean = round(level);
    }
    means
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{
        CallRecord, CallSignals, NormalizedTurn, Sentiment, SentimentLabel, Timing, Turn, TurnSignals,
    };

    fn reported(scores: &[(Role, f32)], timed: bool) -> SignalReport {
        let mut record = CallRecord::new("t");
        record.turns = scores
            .iter()
            .enumerate()
            .map(|(i, (role, _))| Turn::timed(*role, i as u64 * 1_000, i as u64 * 1_000 + 900, "话"))
            .collect();
        let turns = vec![NormalizedTurn { text: "话".into(), fold: "话".into(), ..Default::default() }; scores.len()];
        let signal = |score: f32| TurnSignals {
            rate: None,
            sentiment: Sentiment { label: SentimentLabel::Neu, score },
            emotion: None,
            acts: Vec::new(),
            cues: Vec::new(),
            margins: crate::record::Margins::default(),
            deep: None,
        };
        let timing = Timing {
            duration_ms: scores.len() as u64 * 1_000 - 100,
            talk_ms: vec![(Role::Agent, 3_000), (Role::Caller, 1_000)],
            longest_silence_ms: 100,
            ..Timing::default()
        };
        let signals = CallSignals {
            margins: crate::record::Margins::default(),
            turns: scores.iter().map(|(_, score)| signal(*score)).collect(),
            timing: timed.then_some(timing),
        };
        let tokens = vec![Vec::new(); scores.len()];
        report(&CallContext { record: &record, turns: &turns, tokens: &tokens, signals: &signals }, &[])
    }

    use Role::{Agent, Caller};

    #[test]
    fn the_course_of_the_callers_feeling() {
        let report = reported(
            &[
                (Caller, -0.8),
                (Agent, 0.9),
                (Caller, -0.2),
                (Agent, 0.9),
                (Caller, 0.7),
                (Caller, 0.1),
            ],
            true,
        );
        assert_eq!(report.sentiment_curve, [-0.8, -0.44, 0.244, 0.158]);
        assert_eq!(report.peak, -0.8);
        assert_eq!(report.end, 0.46);
        assert_eq!(report.quarters, [-0.8, -0.2, 0.7, 0.1]);
        assert_eq!(report.talk_ratio, Some(0.75));
        assert_eq!((report.interruptions, report.longest_silence_ms), (Some(0), Some(100)));
    }

    #[test]
    fn without_times_what_needs_them_is_absent_and_quarters_go_by_turn() {
        let report = reported(&[(Caller, -0.4), (Agent, 0.0), (Agent, 0.0), (Caller, 0.6)], false);
        assert_eq!((report.duration_ms, report.talk_ratio, report.interruptions), (None, None, None));
        assert_eq!(report.quarters, [-0.4, -0.4, -0.4, 0.6]);
    }

    #[test]
    fn a_call_without_the_caller_has_no_curve() {
        let report = reported(&[(Agent, 0.5)], true);
        assert_eq!((report.sentiment_curve.len(), report.peak, report.end), (0, 0.0, 0.0));
    }
}
