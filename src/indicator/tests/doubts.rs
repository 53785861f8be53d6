//! Intervals of totals hold what they promise, also where callers call more than once.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rust_decimal::prelude::ToPrimitive;

use super::*;
use crate::indicator::rank::rank;
use crate::indicator::tally::part_of;
use crate::indicator::{By, PARTS};

const SET: &str = r#"
id = "two"
version = 1
title = "两项"
doc = "说明"
missing = "exclude"

[[first]]
id = "connected"
title = "接通率"
weight = 60
formula = "100 * kpi.connected"

[[first]]
id = "rated"
title = "满意率"
weight = 40
formula = "100 * kpi.satisfied"
"#;

/// 300 teams that are all alike: nine of ten calls answered, half of the callers content. A caller is answered or not, and content or
/// not, in all three calls: so there are a third as many independent calls as there are calls.
#[test]
fn intervals_of_totals_hold_the_truth_as_often_as_they_say() {
    let (set, scope, catalog) = (set(SET), Scope::all(november()), Catalog::guide());
    let mut random = StdRng::seed_from_u64(11);
    let known = Some((day("2026-10-01"), day("2026-12-31")));
    let mut counting = Counting::new(&scope, Some(By::Team), &catalog, RULES, known).by_parts(PARTS);
    let teams = 300;
    for team in 0..teams {
        for caller in 0..100 {
            let (answered, content) = (random.random_bool(0.9), random.random_bool(0.5));
            for nth in 0..3 {
                let (mut record, analysis) = call(
                    &format!("c{team}-{caller}-{nth}"),
                    "2026-11-10T09:00:00+08:00",
                    &format!("t{team:03}"),
                    "东区",
                );
                record.answered = Some(answered);
                record.rating = Some(if content { 5 } else { 1 });
                record.caller = Some(Caller { id: Some(format!("{team}-{caller}")), number: None });
                counting.add(&record, &analysis);
            }
        }
    }
    let truth = 0.9 * 60.0 + 0.5 * 40.0;
    let rows = rank(&set, counting.finish(&NoCases), 1);
    assert_eq!(rows.len(), teams);
    let intervals: Vec<(f64, f64)> = rows
        .iter()
        .map(|row| row.interval.unwrap())
        .map(|(low, high)| (low.to_f64().unwrap(), high.to_f64().unwrap()))
        .collect();
    let held = intervals.iter().filter(|(low, high)| (*low..=*high).contains(&truth)).count();
    // 95% of 300 are 285; three standard deviations are 11.
    assert!((274..=297).contains(&held), "{held} of {teams}");
    // Five points, as the three calls of a caller tell no more than one: sqrt(100 callers) and not sqrt(300 calls).
    let width = intervals.iter().map(|(low, high)| high - low).sum::<f64>() / teams as f64;
    assert!((8.0..12.5).contains(&width), "{width}");
}

/// What is counted without a part is what is counted of the calls of the others.
#[test]
fn a_group_without_a_part_is_the_other_parts_together() {
    let (scope, catalog) = (Scope::all(november()), Catalog::guide());
    let known = Some((day("2026-10-01"), day("2026-12-31")));
    let mut random = StdRng::seed_from_u64(12);
    let calls: Vec<Call> = (0..400)
        .map(|nth| {
            let at = format!("2026-11-{:02}T09:{:02}:00+08:00", 1 + nth / 20, nth % 60);
            let (mut record, mut analysis) = call(&format!("c{nth}"), &at, "甲", "东区");
            record.caller = Some(Caller { id: Some(format!("p{}", random.random_range(0..150))), number: None });
            record.answered = Some(random.random_bool(0.9));
            record.rating = random.random_bool(0.5).then(|| random.random_range(1..=5));
            (record.wait_ms, record.hold_ms) =
                (Some(random.random_range(0..60_000)), Some(random.random_range(0..9000)));
            record.transferred = Some(random.random_bool(0.1));
            record.ticket = random.random_bool(0.5).then(|| Ticket {
                id: format!("T{nth}"),
                opened_at: record.started_at,
                closed_at: record.started_at.filter(|_| random.random_bool(0.7)),
                due_at: record.started_at,
                ..Ticket::default()
            });
            analysis.facts.category = vec!["一".into(), format!("{}", random.random_range(0..3))];
            analysis.facts.outcome = ["resolved", "follow_up"][random.random_range(0..2)].into();
            analysis.facts.needs.factual = [Need::Met, Need::Unmet, Need::None][random.random_range(0..3)];
            (record, analysis)
        })
        .collect();
    let count = |calls: &[&Call], parts: usize| {
        let mut counting = Counting::new(&scope, None, &catalog, RULES, known).by_parts(parts);
        calls.iter().for_each(|(record, analysis)| counting.add(record, analysis));
        counting.finish(&NoCases).remove(0)
    };
    let parts = 3;
    let whole = count(&calls.iter().collect::<Vec<_>>(), parts);
    assert_eq!(whole.data, count(&calls.iter().collect::<Vec<_>>(), 0).data);
    for (part, found) in whole.without.iter().enumerate() {
        let others: Vec<&Call> = calls.iter().filter(|(record, _)| part_of(record, parts) != part).collect();
        let expected = count(&others, 0).data;
        assert!(found.keys().eq(expected.keys()));
        for (name, datum) in found {
            let other = &expected[name];
            let counts = |datum: &Datum| (datum.numerator, datum.denominator, datum.missing);
            assert_eq!(counts(datum), counts(other), "{name}");
            let gap = datum.value.zip(other.value).map(|(one, other)| (one - other).abs());
            assert!(gap.map_or(datum.value == other.value, |gap| gap < 1e-9), "{name}");
        }
        assert!(found["kpi.repeat_contact"].numerator > Some(0) && found["kpi.tickets"].value > Some(50.0));
    }
}
