//! Scorecards, places, trends, and the figures that only they tell, counted by hand.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::report::contacts::{Basis, RepeatRule};
use crate::report::figures::Share;
use crate::report::individual::Individual;
use crate::report::kpis::{AFTER_CALL, Kpis};
use crate::report::listed::Figure;
use crate::report::selection::Selection;
use crate::report::standings::{By, Standing, Standings};
use crate::report::trend::{Interval, Trend};

const RULE: RepeatRule = RepeatRule { days: 7, basis: Basis::Matter };

fn of(agent: &str, team: &str, queue: &str, score: f64, id: &str) -> Call {
    let mut call = by(call(id, &format!("{DAY}T09:00:00+08:00")), agent, score);
    call.0.queue = Some(queue.to_owned());
    call.0.agent = Some(Agent {
        id: agent.to_owned(),
        team: Some(team.to_owned()),
        name: Some(format!("{agent}号")),
        ..Agent::default()
    });
    call
}

/// Queue p: A has 60 and 70, B and C 80 and 90; queue q, which scores less: D has 40 and 60, E a single 50.
fn calls() -> Vec<Call> {
    vec![
        with(of("A", "一组", "p", 60.0, "1"), "impatience"),
        with(with(of("A", "一组", "p", 70.0, "2"), "impatience"), "deflection"),
        of("B", "一组", "p", 80.0, "3"),
        of("B", "一组", "p", 90.0, "4"),
        of("C", "二组", "p", 80.0, "5"),
        with(of("C", "二组", "p", 90.0, "6"), "deflection"),
        of("D", "二组", "q", 40.0, "7"),
        of("D", "二组", "q", 60.0, "8"),
        of("E", "二组", "q", 50.0, "9"),
    ]
}

fn stand(by: By, calls: &[Call]) -> (Vec<Standing>, usize) {
    let (catalog, selection) = (Catalog::guide(), Selection::all(Period::day(day(DAY))));
    let mut standings = Standings::new(by, &selection, &catalog, 20, RULE, Some((day(DAY), day(DAY))));
    calls.iter().for_each(|(record, analysis)| standings.add(record, analysis));
    standings.finish(2)
}

type Place<'a> = (&'a str, Option<u32>, u64, Option<f64>);

fn places(all: &[Standing]) -> Vec<Place<'_>> {
    let rounded = |value: f64| (value * 100.0).round() / 100.0;
    let place = |s: &Standing| s.difference().map(|difference| rounded(difference.value));
    all.iter().map(|s| (s.row.id.as_str(), s.rank, s.row.score.count(), place(s))).collect()
}

/// By hand: queue p has mean 470 ÷ 6 = 78.33, q 50; so A lies 13.33 below, B and C 6.67 above, D at its queue.
#[test]
fn agents_have_their_places_beside_their_queues_and_equals_share_them() {
    let (all, ranked) = stand(By::Agent, &calls());
    let wanted: [Place<'_>; 5] = [
        ("B", Some(1), 2, Some(6.67)),
        ("C", Some(1), 2, Some(6.67)),
        ("D", Some(3), 2, Some(0.0)),
        ("A", Some(4), 2, Some(-13.33)),
        ("E", None, 1, None),
    ];
    assert_eq!((places(&all).as_slice(), ranked), (&wanted[..], 4));
    let a = &all[3];
    assert_eq!((a.row.name.as_deref(), a.row.team.as_deref()), (Some("A号"), Some("一组")));
    assert_eq!(a.row.faults, [("impatience".to_owned(), 2), ("deflection".to_owned(), 1)]);
    assert_eq!((a.listening.worst("impatience"), a.listening.worst("deflection")), (vec!["1", "2"], vec!["2"]));
    assert_eq!((a.listening.best("deflection"), a.listening.best("impatience")), (vec!["1"], vec![]));
    assert_eq!(all[0].listening.best("impatience"), ["4", "3"], "the best first");
    assert_eq!((a.kpis.score.value(), a.kpis.faultless), (Some(65.0), Share::new(0, 2)));
}

/// By hand: 一组 has 300 ÷ 4 − 78.33 = −3.33; 二组 170 − 156.67 + 150 − 150 = 13.33, ÷ 5 = 2.67.
#[test]
fn teams_are_compared_within_queues_and_queues_with_each_other() {
    let (teams, _) = stand(By::Team, &calls());
    assert_eq!(places(&teams), [("二组", Some(1), 5, Some(2.67)), ("一组", Some(2), 4, Some(-3.33))]);
    let (queues, ranked) = stand(By::Queue, &calls());
    // All calls have mean 620 ÷ 9 = 68.89.
    let wanted: [Place<'_>; 2] = [("p", Some(1), 6, Some(9.44)), ("q", Some(2), 3, Some(-18.89))];
    assert_eq!((places(&queues).as_slice(), ranked), (&wanted[..], 2));
}

#[test]
fn who_has_calls_and_no_score_is_listed_without_a_place() {
    let mut calls = calls();
    let mut unscored = of("F", "一组", "p", 50.0, "10");
    unscored.1.score = None;
    calls.push(unscored);
    let (all, ranked) = stand(By::Agent, &calls);
    assert_eq!((all.len(), ranked), (6, 4));
    let f = all.iter().find(|s| s.row.id == "F").unwrap();
    assert_eq!((f.rank, f.kpis.conversations, f.row.team.as_deref()), (None, 1, Some("一组")));
}

/// The figures of all agents together are those of the nightly report, and its agents are these.
#[test]
fn scorecards_and_the_nightly_report_tell_the_same_numbers() {
    let calls = calls();
    let report = collected(&calls, ReportConfig { min_agent_calls: 2, ..ReportConfig::default() });
    let (all, _) = stand(By::Agent, &calls);
    assert_eq!(report.agents.len(), all.len());
    for standing in &all {
        let row = report.agents.iter().find(|row| row.id == standing.row.id).unwrap();
        assert_eq!(
            (row.score, row.expected, row.difference),
            (standing.row.score, standing.row.expected, standing.row.difference)
        );
        assert_eq!((&row.faults, &row.typical), (&standing.row.faults, &standing.row.typical));
    }
    let sum = |of: fn(&Kpis) -> u64| all.iter().map(|standing| of(&standing.kpis)).sum::<u64>();
    assert_eq!(sum(|k| k.conversations), report.now.conversations);
    assert_eq!(sum(|k| k.faultless.part), report.now.faultless.part);
    assert_eq!(sum(|k| k.bands[3]), report.now.bands[3]);
}

#[test]
fn an_agent_is_put_beside_the_others_of_the_team() {
    let item = |id: &str, awarded: f64, na: bool| ItemScore {
        id: id.into(),
        awarded,
        potential: if na { 0.0 } else { 10.0 },
        na,
        reason: String::new(),
        findings: Vec::new(),
    };
    let mut calls = calls();
    calls[0].1.score.as_mut().unwrap().items = vec![item("tone", 6.0, false), item("recap", 0.0, true)];
    calls[1].1.score.as_mut().unwrap().items = vec![item("tone", 10.0, false), item("recap", 4.0, false)];
    calls[2].1.score.as_mut().unwrap().items = vec![item("tone", 10.0, false)];
    let catalog = Catalog::guide();
    let sides = |fewest| {
        let mut individual = Individual::new("A", &catalog);
        calls.iter().for_each(|(record, analysis)| individual.add(record, analysis));
        individual.finish(fewest)
    };
    let (own, team) = sides(1);
    let (name, others) = team.unwrap();
    assert_eq!((name.as_str(), others.agents(), others.score.value()), ("一组", 1, Some(85.0)));
    assert_eq!((own.score.value(), own.codes()), (Some(65.0), vec!["impatience", "deflection"]));
    assert_eq!((own.share("deflection"), others.share("deflection")), (Share::new(1, 2), Share::new(0, 2)));
    let of = |side: &crate::report::individual::Side, id: &str| {
        side.items.get(&("t".to_owned(), id.to_owned())).map(|sum| (sum.applied, sum.deducted, sum.value()))
    };
    assert_eq!(of(&own, "tone"), Some((2, 1, Some(0.8))));
    assert_eq!(of(&own, "recap"), Some((1, 1, Some(0.4))), "where it applied");
    assert_eq!((of(&others, "tone"), of(&others, "recap")), (Some((1, 0, Some(1.0))), None));
    assert!(sides(3).1.is_none(), "too few others");
}

/// Of an item that applied to calls of one colleague alone, the share of the others would be that colleague's.
#[test]
fn an_item_of_few_others_is_not_told() {
    let item = |id: &str| ItemScore {
        id: id.into(),
        awarded: 5.0,
        potential: 10.0,
        na: false,
        reason: String::new(),
        findings: Vec::new(),
    };
    let calls: Vec<Call> = ["A", "B", "C", "D"]
        .iter()
        .map(|agent| {
            let mut call = of(agent, "一组", "p", 80.0, agent);
            let items = if *agent == "D" {
                vec![item("tone"), item("rare")]
            } else {
                vec![item("tone")]
            };
            call.1.score.as_mut().unwrap().items = items;
            call
        })
        .collect();
    let catalog = Catalog::guide();
    let told = |fewest| {
        let mut individual = Individual::new("A", &catalog);
        calls.iter().for_each(|(record, analysis)| individual.add(record, analysis));
        let (_, others) = individual.finish(fewest).1.unwrap();
        others.items.into_keys().map(|(_, item)| item).collect::<Vec<_>>()
    };
    assert_eq!((told(1), told(3)), (vec!["rare".to_owned(), "tone".to_owned()], vec!["tone".to_owned()]));
}

fn figure(kpis: &Kpis, id: &str) -> (Option<f64>, Option<u64>, u64) {
    let figure: Figure = kpis.figures().into_iter().find(|figure| figure.id == id).unwrap();
    (figure.measured.value(), figure.measured.denominator(), figure.missing())
}

/// Three taken calls: held 30 s and 10 s and not said; after-call work of 20 s and not said and not a number; one
/// transferred, one not, one not said. And one that nobody took.
#[test]
fn handling_hold_and_transfer_count_only_calls_that_say() {
    let mut calls: Vec<Call> = (0..4).map(|nth| call(&nth.to_string(), &format!("{DAY}T09:00:00+08:00"))).collect();
    (calls[0].0.hold_ms, calls[0].0.transferred) = (Some(30_000), Some(true));
    calls[0].0.attributes.insert(AFTER_CALL.into(), "20000".into());
    (calls[1].0.hold_ms, calls[1].0.transferred) = (Some(10_000), Some(false));
    calls[2].0.attributes.insert(AFTER_CALL.into(), "-5 s".into());
    (calls[3].0.answered, calls[3].0.turns, calls[3].0.hold_ms) = (Some(false), Vec::new(), Some(99_000));
    let now = collected(&calls, ReportConfig::default()).now;
    assert_eq!(figure(&now, "hold_s"), (Some(20.0), Some(2), 1));
    assert_eq!(figure(&now, "aht_s"), (Some(80.0), Some(1), 2), "a minute of talk and 20 s after it");
    assert_eq!(figure(&now, "transferred"), (Some(0.5), Some(2), 1));
    assert_eq!(
        (figure(&now, "connected"), figure(&now, "abandoned")),
        ((Some(0.75), Some(4), 0), (Some(0.25), Some(4), 0))
    );
    assert_eq!(figure(&now, "asa_s"), (None, Some(0), 3));
    assert_eq!(figure(&now, "satisfied"), (None, Some(0), 3));
    assert_eq!((figure(&now, "score"), figure(&now, "offered")), ((None, Some(0), 3), (Some(4.0), None, 0)));
}

#[test]
fn names_of_figures_are_told_apart() {
    let figures = Kpis::default().figures();
    let ids: BTreeSet<&str> = figures.iter().map(|figure| figure.id).collect();
    assert_eq!(ids.len(), figures.len());
}

#[test]
fn parts_of_a_trend_are_those_of_the_calendar_within_the_period() {
    let catalog = Catalog::guide();
    let period = Period::new(day("2026-11-26"), day("2026-12-08")).unwrap();
    let on = |id: &str, date: &str| with(call(id, &format!("{date}T09:00:00+08:00")), "impatience");
    let trend = |interval| {
        let mut trend = Trend::new(interval, period, &catalog, 20);
        let mut clean = on("4", "2026-12-08");
        clean.1.findings.clear();
        let calls = [
            on("1", "2026-11-26"),
            on("2", "2026-11-29"),
            on("3", "2026-12-01"),
            clean,
            on("5", "2026-12-09"),
        ];
        calls.iter().for_each(|(record, analysis)| trend.add(record, analysis));
        trend.finish()
    };
    let parts = |interval| -> Vec<(String, String, u64, Share)> {
        let parts = trend(interval).into_iter();
        parts
            .map(|p| (p.days.from().to_string(), p.days.to().to_string(), p.kpis.offered, p.share("impatience")))
            .collect()
    };
    let part = |from: &str, to: &str, offered, with| {
        (format!("2026-{from}"), format!("2026-{to}"), offered, Share::new(with, offered))
    };
    let weeks = [
        part("11-26", "11-29", 2, 2),
        part("11-30", "12-06", 1, 1),
        part("12-07", "12-08", 1, 0),
    ];
    assert_eq!(parts(Interval::Week), weeks);
    assert_eq!(parts(Interval::Month), [part("11-26", "11-30", 2, 2), part("12-01", "12-08", 2, 1)]);
    let days = parts(Interval::Day);
    assert_eq!((days.len(), &days[1]), (13, &part("11-27", "11-27", 0, 0)), "days without calls are there");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn places_follow_the_differences_and_no_place_is_given_twice_but_to_equals(
        scores in prop::collection::vec((0usize..6, 0usize..2, 0u32..=20), 0..80),
    ) {
        let calls: Vec<Call> = scores.iter().enumerate().map(|(nth, (agent, queue, score))| {
            of(&format!("A{agent}"), "一组", ["p", "q"][*queue], f64::from(*score) * 5.0, &nth.to_string())
        }).collect();
        let (all, ranked) = stand(By::Agent, &calls);
        let places: Vec<(u32, f64)> = all.iter().filter_map(|s| Some((s.rank?, s.difference()?.value))).collect();
        prop_assert_eq!(places.len(), ranked);
        for (nth, (rank, value)) in places.iter().enumerate() {
            let better = places[..nth].iter().filter(|(other, _)| other < rank).count();
            prop_assert_eq!(*rank as usize, better + 1);
            prop_assert!(nth == 0 || places[nth - 1].1 >= value - 0.0101);
        }
        prop_assert_eq!(all.iter().map(|s| s.row.score.count()).sum::<u64>(), scores.len() as u64);
    }
}
