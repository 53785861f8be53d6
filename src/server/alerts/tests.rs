//! Order, dedupe, bounds and resumption of the backlog.

use chrono::NaiveDate;
use proptest::prelude::*;

use super::*;

const ALL: Wants = Wants {
    crises: true,
    bursts: true,
    agent_ids: Vec::new(),
    teams: Vec::new(),
    queues: Vec::new(),
    scope: crate::access::Scope::All,
};

fn time() -> DateTime<FixedOffset> {
    "2026-03-02T09:15:00+08:00".parse().unwrap()
}

fn crisis(call_id: &str) -> Found {
    let crisis = Crisis { call_id: call_id.to_owned(), live: true, ..Crisis::default() };
    Found { crisis, explanation: "流露轻生念头".to_owned(), confidence: 0.9 }
}

fn burst(topic: &str, from: u32, until: u32) -> BurstAlert {
    let day = |day| NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
    BurstAlert {
        topic: topic.to_owned(),
        label: "停水".to_owned(),
        at: None,
        from: day(from),
        seen: day(from),
        until: day(until),
        observed: 14,
        expected: 3.0,
        chance: 0.001,
        call_ids: (0..2000).map(|i| i.to_string()).collect(),
    }
}

/// Everything there is for a watcher: short ids, with what was missed before each.
fn told(backlog: &Backlog, watcher: &mut Watcher) -> Vec<(String, u64)> {
    let all = std::iter::from_fn(|| backlog.next(watcher));
    all.map(|t| (t.alert.map_or_else(String::new, |a| a.id[2..].to_owned()), t.missed)).collect()
}

#[test]
fn crises_come_first_and_the_newest_last() {
    let mut backlog = Backlog::new(10, 7);
    assert!(backlog.burst(burst("t1", 1, 2), time()));
    assert!(backlog.crisis(crisis("a"), time()));
    assert!(backlog.burst(burst("t2", 1, 2), time()));
    assert!(backlog.crisis(crisis("b"), time()));
    let mut watcher = backlog.watcher("", ALL).unwrap();
    let ids = |told: Vec<(String, u64)>| told.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(ids(told(&backlog, &mut watcher)), ["c1", "c2", "b1", "b2"]);
    backlog.crisis(crisis("c"), time());
    assert_eq!(ids(told(&backlog, &mut watcher)), ["c3"]);
    let bursts = Wants { crises: false, ..ALL };
    assert_eq!(ids(told(&backlog, &mut backlog.watcher("", bursts).unwrap())), ["b1", "b2"]);
}

#[test]
fn a_call_is_raised_once_and_stands_when_it_ends() {
    let mut backlog = Backlog::new(10, 7);
    assert!(backlog.crisis(crisis("a"), time()));
    assert!(!backlog.crisis(crisis("a"), time()));
    backlog.ended("b");
    let live = |backlog: &Backlog| {
        let told = backlog.next(&mut backlog.watcher("", ALL).unwrap()).unwrap();
        matches!(&told.alert.unwrap().subject, Subject::Crisis(crisis) if crisis.live)
    };
    assert!(live(&backlog));
    backlog.ended("a");
    assert!(!live(&backlog));
    assert!(!backlog.crisis(crisis("a"), time()));
}

#[test]
fn a_burst_that_goes_on_is_the_same_with_new_figures() {
    let mut backlog = Backlog::new(10, 7);
    assert!(backlog.burst(burst("t1", 1, 2), time()));
    assert!(!backlog.burst(burst("t1", 2, 4), time()));
    assert!(backlog.burst(burst("t1", 9, 9), time()));
    let alert = backlog.next(&mut backlog.watcher("", ALL).unwrap()).unwrap().alert.unwrap();
    assert_eq!(alert.explanation, "“停水”来电突增：2026-03-02至2026-03-04共14通，预期3.0通");
    assert!(matches!(&alert.subject, Subject::Burst(burst) if burst.call_ids.len() == BURST_CALLS));
    assert!((alert.confidence - 0.999).abs() < 1e-6);
}

#[test]
fn calls_of_others_are_left_out_and_those_that_do_not_say_are_not() {
    let mut backlog = Backlog::new(10, 7);
    let of = |call_id: &str, team: Option<&str>, queue: &str| {
        let agent = Agent { id: "007".into(), team: team.map(Into::into), ..Agent::default() };
        let mut found = crisis(call_id);
        (found.crisis.agent, found.crisis.queue) = (Some(agent), Some(queue.to_owned()));
        found
    };
    for found in [
        of("a", Some("A"), "gas"),
        of("b", Some("B"), "gas"),
        of("c", None, "water"),
        crisis("d"),
    ] {
        backlog.crisis(found, time());
    }
    let ids = |wants: Wants| {
        let told = told(&backlog, &mut backlog.watcher("", wants).unwrap());
        told.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(ids(Wants { teams: vec!["A".into()], ..ALL }), ["c1", "c3", "c4"]);
    assert_eq!(ids(Wants { queues: vec!["gas".into()], ..ALL }), ["c1", "c2", "c4"]);
    assert_eq!(ids(Wants { agent_ids: vec!["008".into()], ..ALL }), ["c4"]);
}

#[test]
fn a_watcher_that_lags_is_told_how_much_it_missed() {
    let mut backlog = Backlog::new(2, 7);
    let mut watcher = backlog.watcher("", ALL).unwrap();
    for call in ["a", "b", "c", "d", "e"] {
        backlog.crisis(crisis(call), time());
    }
    assert_eq!(backlog.crises.kept.len(), 2);
    // Also where nothing that is left is for it.
    let mut other = backlog.watcher("7.1.0", Wants { bursts: false, ..ALL }).unwrap();
    other.wants.queues = vec!["gas".into()];
    backlog.crises.kept.iter_mut().for_each(|alert| {
        if let Subject::Crisis(crisis) = &mut Arc::make_mut(alert).subject {
            crisis.queue = Some("water".into());
        }
    });
    assert_eq!(told(&backlog, &mut other), [(String::new(), 2)]);
    assert_eq!(told(&backlog, &mut watcher), [("c4".to_owned(), 3), ("c5".to_owned(), 0)]);
    // Who comes new has missed nothing.
    assert_eq!(told(&backlog, &mut backlog.watcher("", ALL).unwrap())[0], ("c4".to_owned(), 0));
}

#[test]
fn positions_of_another_run_begin_anew_and_others_are_refused() {
    let mut backlog = Backlog::new(10, 0xab);
    backlog.crisis(crisis("a"), time());
    assert_eq!(told(&backlog, &mut backlog.watcher("aa.9.9", ALL).unwrap()).len(), 1);
    assert_eq!(told(&backlog, &mut backlog.watcher("ab.1.0", ALL).unwrap()).len(), 0);
    for wrong in ["x", "ab.1", "ab.1.0.0", "ab.2.0", "ab.0.1", "ab.-1.0", "alerts/ab-c1"] {
        let error = backlog.watcher(wrong, ALL).unwrap_err();
        assert_eq!(error.violations[0].0, "after", "{wrong}");
    }
}

proptest! {
    /// However often a client loses its stream: what is raised is told once, or counted as missed.
    #[test]
    fn nothing_is_lost_silently(steps in proptest::collection::vec(0u8..4, 0..80), capacity in 1usize..6) {
        let mut backlog = Backlog::new(capacity, 7);
        let mut watcher = backlog.watcher("", ALL).unwrap();
        let (mut raised, mut seen, mut missed, mut position) = (0, Vec::new(), 0, "7.0.0".to_owned());
        let mut next = |backlog: &Backlog, watcher: &mut Watcher, position: &mut String| {
            let told = backlog.next(watcher)?;
            missed += told.missed;
            *position = told.position;
            seen.extend(told.alert.map(|alert| alert.id.clone()));
            Some(())
        };
        for (i, step) in steps.into_iter().enumerate() {
            match step {
                0 => raised += u64::from(backlog.crisis(crisis(&i.to_string()), time())),
                1 => raised += u64::from(backlog.burst(burst(&i.to_string(), 1, 1), time())),
                2 => watcher = backlog.watcher(&position, ALL).unwrap(),
                _ => drop(next(&backlog, &mut watcher, &mut position)),
            }
            prop_assert!(backlog.crises.kept.len() <= capacity && backlog.bursts.kept.len() <= capacity);
        }
        while next(&backlog, &mut watcher, &mut position).is_some() {}
        let told = seen.len() as u64;
        prop_assert_eq!(told + missed, raised);
        seen.sort();
        seen.dedup();
        prop_assert_eq!(seen.len() as u64, told);
    }
}
