//! The figures of a day, counted by hand.

use proptest::prelude::*;
use qingting_pipeline::record::{Direction, Turn};

use super::*;
use crate::report::figures::Share;
use crate::report::kpis::Kpis;
use crate::report::text::NO_DATA;

/// Seven calls and a letter of the day, two of the same weekday a week and four of two weeks before.
fn calls() -> Vec<Call> {
    let on = |id: &str, time: &str| call(id, &format!("{DAY}T{time}:00+08:00"));
    let waited = |mut call: Call, ms: Option<u64>, rating: Option<u8>| {
        (call.0.wait_ms, call.0.rating) = (ms, rating);
        call
    };
    let lasting = |mut call: Call, ms: u64| {
        call.1.signals.duration_ms = Some(ms);
        call
    };
    let mut untimed = waited(by(on("3", "10:05"), "B", 0.0), Some(30_000), None);
    untimed.0.turns[1].end_ms = None;
    untimed.1.findings = vec![
        finding("forbidden_phrase", "没办法", 0.9),
        finding("forbidden_phrase", "不知道", 0.9),
    ];
    let mut missed = on("4", "10:30");
    (missed.0.answered, missed.0.turns) = (Some(false), Vec::new());
    let mut unsaid = lasting(on("6", "14:00"), 90_000);
    unsaid.0.answered = None;
    let mut outbound = by(on("7", "15:00"), "B", 80.0);
    outbound.0.direction = Direction::Outbound;
    let mut letter = on("8", "16:00");
    (letter.0.channel, letter.0.answered) = ("web".into(), None);
    letter.0.turns = vec![Turn::new(Role::Caller, "路灯不亮。")];
    let mut calls = vec![
        waited(by(on("1", "09:10"), "A", 100.0), Some(10_000), Some(5)),
        unsure(
            with(waited(lasting(by(on("2", "09:50"), "A", 70.0), 120_000), Some(20_000), Some(2)), "impatience"),
            "deflection",
        ),
        untimed,
        missed,
        with(waited(lasting(by(on("5", "23:59"), "B", 90.0), 90_000), None, Some(4)), "impatience"),
        unsaid,
        outbound,
        letter,
    ];
    for (date, number) in [("2026-11-19", 2), ("2026-11-12", 4)] {
        for nth in 0..number {
            let earlier = call(&format!("{date}-{nth}"), &format!("{date}T09:00:00+08:00"));
            calls.push(if nth == 0 { with(earlier, "impatience") } else { earlier });
        }
    }
    calls
}

#[test]
fn the_figures_of_a_day_are_those_counted_by_hand() {
    let report = collected(&calls(), ReportConfig::default());
    let now = &report.now;
    assert_eq!((now.records, now.offered, now.outbound, now.written), (8, 6, 1, 1));
    assert_eq!((now.connected, now.unanswered, now.waits), (Share::new(4, 5), 1, Share::new(3, 4)));
    assert_eq!(now.service_level(), Share::new(2, 4), "20 s is within 20 s; nobody answered is not");
    assert_eq!((now.wait_ms.value(), now.wait_ms.count()), (Some(20_000.0), 3));
    assert_eq!((now.talk_ms.value(), now.timed), (Some(90_000.0), Share::new(4, 5)));
    assert_eq!(
        (now.rated(), now.satisfied, now.dissatisfied),
        (Share::new(3, 5), Share::new(2, 3), Share::new(1, 3))
    );
    assert_eq!((now.conversations, now.agent_known, now.scored), (6, Share::new(5, 6), Share::new(5, 6)));
    assert_eq!((now.score.value(), now.bands, now.fatal), (Some(68.0), [1, 0, 1, 1, 2], Share::new(1, 5)));
    assert_eq!((now.in_review, now.review_findings, now.faultless), (Share::new(1, 6), 1, Share::new(3, 6)));
    assert_eq!((report.before.offered, report.before.connected), (2, Share::new(2, 2)));

    let hours = report.volume.by_hour();
    assert_eq!((hours[9], hours[10], hours[14], hours[23], hours.iter().sum::<u64>()), (2, 2, 1, 1, 6));
    assert_eq!(report.volume.expected(&report.period), Some(3.0), "the mean of 2 and 4");

    let faults: Vec<_> = report.faults.iter().map(|row| (row.code.as_str(), row.now, row.before)).collect();
    let wanted = [
        ("impatience", Share::new(2, 6), Share::new(1, 2)),
        ("forbidden_phrase", Share::new(1, 6), Share::new(0, 2)),
    ];
    assert_eq!(faults, wanted, "once a call, and never what waits for review");
    let trend = &report.faults[0].daily;
    assert_eq!(
        (trend.len(), trend[27], trend[20], trend[13], trend[26]),
        (28, Some(2.0 / 6.0), Some(0.5), Some(0.25), None)
    );

    let worst: Vec<_> = report.worst.iter().map(|call| call.call_id.as_str()).collect();
    assert_eq!(worst, ["3", "2", "5"]);
    assert_eq!(report.worst[0].points.len(), 1, "each code once");
}

#[test]
fn what_is_missing_is_missing_and_no_zero() {
    let mut calls: Vec<Call> = (0..3).map(|nth| call(&nth.to_string(), "2026-11-26T09:00:00+08:00")).collect();
    let mut missed = call("m", "2026-11-26T09:00:00+08:00");
    (missed.0.answered, missed.0.turns) = (Some(false), Vec::new());
    calls.push(missed);
    let now = collected(&calls, ReportConfig::default()).now;
    assert_eq!(now.service_level().value(), None, "no answered call says how long it waited");
    assert_eq!((now.rated().value(), now.satisfied.value(), now.score.value()), (None, None, None));
    let empty = collected(&[], ReportConfig::default());
    assert_eq!((empty.now, empty.volume.expected(&empty.period)), (Kpis::default(), None));
    assert!(crate::report::page(&collected(&[], ReportConfig::default())).contains(NO_DATA));
}

/// A call whose fields are there or not at random.
fn any_call() -> impl Strategy<Value = Call> {
    let fields = (
        prop::option::of(any::<bool>()),
        prop::option::of(0u64..60_000),
        prop::option::of(1u8..=5),
        prop::option::of((0u32..4, 0.0f64..=100.0)),
    );
    (0u32..1_000_000, 0u32..24, fields, 0usize..3, any::<bool>(), any::<bool>()).prop_map(
        |(id, hour, (answered, wait, rating, score), faults, outbound, silent)| {
            let mut call = call(&id.to_string(), &format!("{DAY}T{hour:02}:00:00+08:00"));
            if let Some((agent, score)) = score.filter(|_| !silent) {
                call = by(call, &format!("A{agent}"), score);
            }
            for code in ["impatience", "deflection"].into_iter().take(faults) {
                call = with(call, code);
            }
            (call.0.answered, call.0.wait_ms, call.0.rating) = (answered, wait, rating);
            if outbound {
                call.0.direction = Direction::Outbound;
            }
            if silent {
                call.0.turns.clear();
                call.1.findings.clear();
            }
            call
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn totals_add_up_and_shares_are_shares(calls in prop::collection::vec(any_call(), 0..60)) {
        let report = collected(&calls, ReportConfig::default());
        let now = &report.now;
        prop_assert_eq!(now.offered + now.outbound + now.written + now.experience, now.records);
        prop_assert_eq!(now.records, calls.len() as u64);
        prop_assert_eq!(report.volume.by_hour().iter().sum::<u64>(), now.offered);
        prop_assert_eq!(now.bands.iter().sum::<u64>(), now.scored.part);
        prop_assert_eq!(now.appeals.values().sum::<u64>(), now.conversations);
        prop_assert_eq!(now.connected.of - now.connected.part, now.unanswered);
        prop_assert_eq!(now.satisfied.of, now.rated.part);
        prop_assert!(now.satisfied.part + now.dissatisfied.part <= now.satisfied.of);
        let with_agent: u64 = report.agents.iter().map(|agent| agent.score.count()).sum();
        prop_assert_eq!(with_agent, now.scored.part, "each scored call here has an agent");
        let shares = [now.connected, now.service_level(), now.waits, now.timed, now.rated(), now.satisfied, now.fatal,
            now.faultless, now.scored, now.agent_known, now.in_review, now.resolved];
        for share in shares.into_iter().chain(report.faults.iter().map(|row| row.now)) {
            prop_assert!(share.part <= share.of);
            prop_assert!(share.value().is_none_or(|value| (0.0..=1.0).contains(&value)));
        }
        prop_assert!(report.worst.len() <= 5 && report.best.len() <= 5);
        prop_assert!(report.worst.is_sorted_by(|a, b| a.score <= b.score));
    }
}

#[test]
fn what_is_held_does_not_grow_with_the_calls() {
    let (catalog, config) = (Catalog::guide(), ReportConfig::default());
    let mut collector = Collector::new(Period::day(day(DAY)), &config, &catalog);
    for nth in 0..5000u32 {
        let mut call = by(call(&nth.to_string(), "2026-11-26T09:00:00+08:00"), "A", f64::from(nth % 101));
        if nth % 2 == 0 {
            call = with(call, "impatience");
        } else {
            call.1.turns[0].acts = vec![Act::Empathy];
        }
        call.1.facts.crisis = true;
        collector.add(&call.0, &call.1);
    }
    assert_eq!((collector.worst.len(), collector.best.len(), collector.crisis_calls.len()), (5, 5, 50));
    let report = Report::new(collector);
    assert_eq!((report.crises.0, report.crises.1.len(), report.agents.len()), (5000, 50, 1));
    assert!(report.best.iter().all(|call| call.score == Some(100.0) && call.points[0].title == "共情"));
}

/// Whoever was asked to try the hotline is not one of its callers.
#[test]
fn reports_of_experience_officers_are_in_no_other_figure() {
    let calls: Vec<Call> = (0..3)
        .map(|nth| {
            // As somebody might hand it in who takes it for a call.
            let mut call = call(&format!("experience-report-r{nth}"), &format!("{DAY}T09:00:00+08:00"));
            call.0.channel = crate::experience::CHANNEL.to_owned();
            (call.0.wait_ms, call.0.rating) = (Some(1000), Some(1));
            call
        })
        .collect();
    let report = collected(&calls, ReportConfig::default());
    assert_eq!(report.now, Kpis { records: 3, experience: 3, ..Kpis::default() });
    assert_eq!(report.volume.by_hour().iter().sum::<u64>(), 0);
}
