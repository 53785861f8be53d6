//! Timing of a call: talk, overlap, silence, rates and response latency, all from one
//! sweep over the starts and ends of the turns. Owns the measuring; whether a silence or
//! an overlap is anybody's fault is the finding stage's business.
//!
//! What is counted as what:
//! - A turn that says nothing is passed over, with or without times.
//! - Turns of one role that overlap count once for that role's talk.
//! - Whatever a machine says (bot, menu) is talk and ends a silence, but it neither
//!   overlaps nor is overlapped: speaking into a menu's prompt interrupts nobody.

use std::collections::BTreeSet;

use super::SignalConfig;
use crate::record::{CallRecord, NormalizedTurn, Overlap, Role, Silence, Timing};

/// Most overlaps that are listed for one incoming turn. Recordings never come near it; it keeps
/// a file in which every turn spans the whole call from growing quadratically.
const MAX_PARTNERS: usize = 16;

/// Roles in the order in which their talk is reported.
const ROLES: [Role; 5] = [Role::Agent, Role::Caller, Role::Bot, Role::Ivr, Role::Other];

/// A turn that says something, with its times.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    turn: usize,
    role: Role,
    start: u64,
    end: u64,
    units: u32,
}

/// Spoken units a second of one turn; `None` without times or below the configured length.
pub(super) fn turn_rate(config: &SignalConfig, times: Option<(u64, u64)>, spoken_units: u32) -> Option<f32> {
    let (start, end) = times?;
    rate(config, spoken_units, end.saturating_sub(start))
}

fn rate(config: &SignalConfig, units: u32, ms: u64) -> Option<f32> {
    (units >= config.rate_min_units.max(1) && ms > 0).then(|| (f64::from(units) * 1000.0 / ms as f64) as f32)
}

/// Measures a call; `None` unless every turn that says something has its times.
pub(super) fn measure(config: &SignalConfig, record: &CallRecord, turns: &[NormalizedTurn]) -> Option<Timing> {
    let stretches = stretches(record, turns)?;
    let first = stretches.first()?.start;
    let last = stretches.iter().map(|s| s.end).max()?;
    let (silences, silence_ms, longest_silence_ms) = silences(config, &stretches);
    let (overlaps, overlap_ms) = overlaps(&stretches);
    Some(Timing {
        duration_ms: last - first,
        talk_ms: talk(&stretches),
        overlap_ms,
        overlaps,
        silences,
        silence_ms,
        longest_silence_ms,
        agent_rate: role_rate(config, &stretches, Role::Agent),
        caller_rate: role_rate(config, &stretches, Role::Caller),
        response_latency_ms: median(latencies(&stretches)),
    })
}

/// The turns that say something, by start.
fn stretches(record: &CallRecord, turns: &[NormalizedTurn]) -> Option<Vec<Stretch>> {
    let mut stretches = Vec::with_capacity(turns.len());
    for (turn, (recorded, normalized)) in record.turns.iter().zip(turns).enumerate() {
        if normalized.fold.trim().is_empty() {
            continue;
        }
        let (start, end) = recorded.times()?;
        stretches.push(Stretch {
            turn,
            role: recorded.role,
            start,
            end: end.max(start),
            units: normalized.spoken_units,
        });
    }
    stretches.sort_by_key(|s| (s.start, s.turn));
    Some(stretches)
}

/// Talk of each role that speaks, its own overlaps counted once.
fn talk(stretches: &[Stretch]) -> Vec<(Role, u64)> {
    let of = |role: Role| {
        let (mut total, mut covered) = (0, 0);
        for s in stretches.iter().filter(|s| s.role == role) {
            total += s.end.saturating_sub(s.start.max(covered));
            covered = covered.max(s.end);
        }
        total
    };
    ROLES
        .into_iter()
        .filter(|role| stretches.iter().any(|s| s.role == *role))
        .map(|role| (role, of(role)))
        .collect()
}

/// Silences of the configured length, the total of all, and the longest of all.
fn silences(config: &SignalConfig, stretches: &[Stretch]) -> (Vec<Silence>, u64, u64) {
    let (mut listed, mut total, mut longest) = (Vec::new(), 0, 0);
    let Some((mut latest, rest)) = stretches.split_first() else {
        return (listed, total, longest);
    };
    for next in rest {
        if next.start > latest.end {
            let ms = next.start - latest.end;
            total += ms;
            longest = longest.max(ms);
            if ms >= config.silence_ms {
                listed.push(Silence {
                    after: latest.turn,
                    before: next.turn,
                    start_ms: latest.end,
                    end_ms: next.start,
                });
            }
        }
        if next.end >= latest.end {
            latest = next;
        }
    }
    (listed, total, longest)
}

/// Every pair of turns of different people that overlap, by start of the overlap, and the time in
/// which two or more people speak.
fn overlaps(stretches: &[Stretch]) -> (Vec<Overlap>, u64) {
    let people: Vec<&Stretch> =
        stretches.iter().filter(|s| !matches!(s.role, Role::Bot | Role::Ivr) && s.end > s.start).collect();
    // (time, is a start, index into `people`): at the same instant ends come before starts, so that
    // turns that only touch do not overlap.
    let mut events: Vec<(u64, bool, usize)> =
        people.iter().enumerate().flat_map(|(i, s)| [(s.start, true, i), (s.end, false, i)]).collect();
    events.sort_unstable();
    let mut speaking: [BTreeSet<usize>; ROLES.len()] = Default::default();
    let slot = |role: Role| ROLES.iter().position(|r| *r == role).unwrap_or(ROLES.len() - 1);
    let (mut pairs, mut both, mut since) = (Vec::new(), 0, 0);
    for (time, starts, i) in events {
        if speaking.iter().filter(|turns| !turns.is_empty()).count() > 1 {
            both += time - since;
        }
        since = time;
        let own = slot(people[i].role);
        if !starts {
            speaking[own].remove(&i);
            continue;
        }
        let mut partners: Vec<usize> = speaking
            .iter()
            .enumerate()
            .filter(|(role, _)| *role != own)
            .flat_map(|(_, turns)| turns.iter().rev().take(MAX_PARTNERS).copied())
            .collect();
        partners.sort_unstable();
        let kept = partners.len().saturating_sub(MAX_PARTNERS);
        pairs.extend(partners[kept..].iter().map(|&partner| Overlap {
            first: people[partner].turn,
            second: people[i].turn,
            start_ms: time,
            end_ms: people[partner].end.min(people[i].end),
        }));
        speaking[own].insert(i);
    }
    (pairs, both)
}

/// Rate over all turns of a role that are long enough to measure.
fn role_rate(config: &SignalConfig, stretches: &[Stretch], role: Role) -> Option<f32> {
    let (mut units, mut ms) = (0.0, 0.0);
    for s in stretches.iter().filter(|s| s.role == role) {
        if rate(config, s.units, s.end - s.start).is_some() {
            units += f64::from(s.units);
            ms += (s.end - s.start) as f64;
        }
    }
    (ms > 0.0).then(|| (units * 1000.0 / ms) as f32)
}

/// From the end of each of the caller's turns to the agent's answer. A turn of the agent that lies
/// within the caller's is a backchannel or an attempt and no answer; a caller who goes on before
/// the agent answers is waited for.
fn latencies(stretches: &[Stretch]) -> Vec<i64> {
    let mut found = Vec::new();
    let mut waiting: Option<u64> = None;
    for s in stretches {
        match (s.role, waiting) {
            (Role::Caller, end) => waiting = Some(end.map_or(s.end, |end| end.max(s.end))),
            (Role::Agent, Some(end)) if s.end > end => {
                found.push(s.start as i64 - end as i64);
                waiting = None;
            }
            _ => {}
        }
    }
    found
}

fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    let upper = *values.get(values.len() / 2)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *values.get(values.len() / 2 - 1)?;
    Some(lower + (upper - lower) / 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::Turn;

    fn call(turns: &[(Role, u64, u64)]) -> (CallRecord, Vec<NormalizedTurn>) {
        let mut record = CallRecord::new("t");
        record.turns = turns.iter().map(|&(role, s, e)| Turn::timed(role, s, e, "路灯坏了三天了")).collect();
        let normalized = NormalizedTurn { fold: "路灯坏了三天了".into(), spoken_units: 7, ..Default::default() };
        (record, vec![normalized; turns.len()])
    }

    fn timing(turns: &[(Role, u64, u64)]) -> Timing {
        let (record, normalized) = call(turns);
        measure(&SignalConfig::default(), &record, &normalized).unwrap()
    }

    use Role::{Agent, Bot, Caller, Ivr, Other};

    #[test]
    fn a_plain_exchange() {
        let t = timing(&[
            (Agent, 0, 1_000),
            (Caller, 1_500, 4_000),
            (Agent, 3_500, 5_000),
            (Caller, 9_000, 10_000),
        ]);
        assert_eq!(t.duration_ms, 10_000);
        assert_eq!(t.talk_ms, [(Agent, 2_500), (Caller, 3_500)]);
        assert_eq!((t.overlap_ms, t.silence_ms, t.longest_silence_ms), (500, 4_500, 4_000));
        assert_eq!(t.overlaps, [Overlap { first: 1, second: 2, start_ms: 3_500, end_ms: 4_000 }]);
        assert_eq!(t.silences, [Silence { after: 2, before: 3, start_ms: 5_000, end_ms: 9_000 }]);
        assert_eq!(t.response_latency_ms, Some(-500));
        assert_eq!(t.agent_rate, Some(14_000.0 / 2_500.0));
    }

    #[test]
    fn one_role_that_overlaps_itself_counts_once() {
        let t = timing(&[(Caller, 0, 3_000), (Caller, 1_000, 2_000), (Caller, 2_500, 4_000)]);
        assert_eq!(t.talk_ms, [(Caller, 4_000)]);
        assert_eq!((t.overlap_ms, t.silence_ms), (0, 0));
        assert!(t.overlaps.is_empty());
    }

    #[test]
    fn a_machine_speaks_but_is_not_interrupted() {
        let t = timing(&[(Ivr, 0, 5_000), (Caller, 3_000, 6_000), (Bot, 5_500, 8_000)]);
        assert_eq!(t.talk_ms, [(Caller, 3_000), (Bot, 2_500), (Ivr, 5_000)]);
        assert_eq!((t.overlap_ms, t.overlaps.len(), t.silence_ms), (0, 0, 0));
    }

    #[test]
    fn turns_that_touch_do_not_overlap() {
        let t = timing(&[(Agent, 0, 1_000), (Caller, 1_000, 2_000), (Agent, 2_000, 2_000)]);
        assert_eq!((t.overlap_ms, t.overlaps.len()), (0, 0));
    }

    #[test]
    fn a_backchannel_is_no_answer() {
        let t = timing(&[
            (Caller, 0, 8_000),
            (Agent, 3_000, 3_300),
            (Caller, 8_200, 9_000),
            (Agent, 9_700, 11_000),
        ]);
        assert_eq!(t.response_latency_ms, Some(700));
    }

    #[test]
    fn without_times_there_is_no_timing_but_an_empty_turn_needs_none() {
        let (mut record, mut normalized) = call(&[(Agent, 0, 1_000), (Caller, 1_000, 2_000)]);
        record.turns[1].end_ms = None;
        assert_eq!(measure(&SignalConfig::default(), &record, &normalized), None);
        normalized[1].fold.clear();
        assert_eq!(measure(&SignalConfig::default(), &record, &normalized).unwrap().duration_ms, 1_000);
        assert_eq!(measure(&SignalConfig::default(), &CallRecord::new("none"), &[]), None);
    }

    #[test]
    fn a_turn_that_is_too_short_has_no_rate() {
        let config = SignalConfig::default();
        assert_eq!(turn_rate(&config, Some((0, 1_000)), config.rate_min_units - 1), None);
        assert_eq!(turn_rate(&config, Some((500, 2_500)), 9), Some(4.5));
        assert_eq!(turn_rate(&config, Some((5, 5)), 9), None);
        assert_eq!(turn_rate(&config, None, 9), None);
    }

    #[test]
    fn ten_thousand_turns_that_all_overlap_stay_bounded() {
        let turns: Vec<_> = (0..10_000).map(|i| (if i % 2 == 0 { Agent } else { Caller }, i, 1_000_000)).collect();
        let t = timing(&turns);
        assert!(t.overlaps.len() <= 10_000 * MAX_PARTNERS);
        assert_eq!(t.overlap_ms, 999_999);
    }

    fn role() -> impl Strategy<Value = Role> {
        prop_oneof![Just(Agent), Just(Caller), Just(Other), Just(Bot)]
    }

    proptest! {
        #[test]
        fn the_sweep_agrees_with_counting_every_millisecond(
            turns in prop::collection::vec((role(), 0_u64..120, 0_u64..40), 1..14)
        ) {
            let turns: Vec<_> = turns.into_iter().map(|(role, start, length)| (role, start, start + length)).collect();
            let t = timing(&turns);
            let speaks = |ms: u64, role: Role| turns.iter().any(|&(r, s, e)| r == role && s <= ms && ms < e);
            let first = turns.iter().map(|t| t.1).min().unwrap();
            let last = turns.iter().map(|t| t.2).max().unwrap();
            let count = |wanted: &dyn Fn(u64) -> bool| (first..last).filter(|&ms| wanted(ms)).count() as u64;
            prop_assert_eq!(t.duration_ms, last - first);
            prop_assert_eq!(t.silence_ms, count(&|ms| !ROLES.iter().any(|&r| speaks(ms, r))));
            prop_assert_eq!(
                t.overlap_ms,
                count(&|ms| [Agent, Caller, Other].iter().filter(|&&r| speaks(ms, r)).count() > 1)
            );
            for (role, ms) in &t.talk_ms {
                prop_assert_eq!(*ms, count(&|at| speaks(at, *role)));
            }
            let mut expected = Vec::new();
            for (i, a) in turns.iter().enumerate() {
                for (j, b) in turns.iter().enumerate().skip(i + 1) {
                    let people = [a.0, b.0].iter().all(|r| *r != Bot) && a.0 != b.0;
                    if people && a.1.max(b.1) < a.2.min(b.2) {
                        let (first, second) = if (a.1, i) <= (b.1, j) { (i, j) } else { (j, i) };
                        expected.push((a.1.max(b.1), a.2.min(b.2), first, second));
                    }
                }
            }
            let mut found: Vec<_> = t.overlaps.iter().map(|o| (o.start_ms, o.end_ms, o.first, o.second)).collect();
            prop_assert!(found.is_sorted_by_key(|o| o.0));
            expected.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
