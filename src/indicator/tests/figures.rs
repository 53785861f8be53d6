//! The calls behind figures, and figures of some calls only.

use proptest::prelude::*;

use super::*;
use crate::indicator::trace::{Part, Tracing, Wanted, filter};

fn traced(calls: &[Call], wanted: &Wanted) -> Vec<String> {
    let catalog = Catalog::guide();
    let mut tracing = Tracing::new(wanted, &catalog, RULES, Some((day("2026-10-01"), day("2026-12-31"))));
    calls.iter().for_each(|(record, analysis)| tracing.add(record, analysis));
    tracing.finish().into_iter().collect()
}

/// A call that may lack anything.
fn any_call() -> impl Strategy<Value = Call> {
    let source = (0u32..45, 0u8..3, 0u8..3, 0u8..3, prop::option::of(0u64..60_000), prop::option::of(1u8..6));
    let more = (prop::option::of(0u64..90_000), 0u8..4, 0u8..4, prop::option::of(0.0..100.0f64), 0u8..5, 0u8..9);
    (source, more).prop_map(
        |((after, team, region, answered, wait_ms, rating), (hold, caller, matter, score, code, ticket))| {
            let at = format!("{}T09:00:00+08:00", day("2026-10-25") + chrono::Days::new(after.into()));
            let (mut record, mut analysis) =
                call("c", &at, ["", "甲", "乙"][team as usize], ["", "东区", "西区"][region as usize]);
            record.answered = [None, Some(false), Some(true)][answered as usize];
            if record.answered == Some(false) {
                record.turns.clear();
            }
            (record.wait_ms, record.rating, record.hold_ms) = (wait_ms, rating, hold);
            if caller > 0 {
                record.caller = Some(Caller { id: Some(format!("p{caller}")), number: None });
            }
            if matter > 0 {
                analysis.facts.category = vec!["市政".into(), format!("m{matter}")];
            }
            analysis.facts.outcome = if matter % 2 == 0 { "resolved" } else { "follow_up" }.into();
            if !record.turns.is_empty() {
                analysis.score = score.map(|total| Score {
                    scorecard: "x".into(),
                    total,
                    potential: 10.0,
                    normalized: total / 100.0,
                    fatal: Vec::new(),
                    items: vec![ItemScore {
                        id: "greeting".into(),
                        awarded: total / 20.0,
                        potential: 5.0,
                        na: code == 0,
                        reason: String::new(),
                        findings: Vec::new(),
                    }],
                });
            }
            if ticket > 0 {
                let closed = format!("2026-11-{:02}T00:00:00+08:00", ticket * 3).parse().ok();
                record.ticket = Some(Ticket {
                    id: format!("t{}", ticket % 4),
                    opened_at: (ticket != 5).then(|| "2026-10-20T00:00:00+08:00".parse().unwrap()),
                    due_at: (ticket != 6).then(|| "2026-11-12T00:00:00+08:00".parse().unwrap()),
                    closed_at: closed.filter(|_| ticket % 3 != 0),
                    ..Ticket::default()
                });
                let said = ["true", "false", "?"][ticket as usize % 3];
                record.attributes.insert("ticket_responded".into(), said.into());
            }
            (record, analysis)
        },
    )
}

/// Calls in the order of time, each with an id of its own.
fn any_calls() -> impl Strategy<Value = Vec<Call>> {
    prop::collection::vec(any_call(), 0..40).prop_map(|mut calls| {
        calls.sort_by_key(|(record, _)| record.started_at);
        for (nth, (record, analysis)) in calls.iter_mut().enumerate() {
            record.call_id = format!("c{nth:03}");
            analysis.call_id.clone_from(&record.call_id);
        }
        calls
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Every numerator, denominator and number of missing calls is the number of the calls that its filter selects, also within a
    /// team of a region.
    #[test]
    fn the_calls_behind_a_figure_are_as_many_as_it_says(calls in any_calls(), narrow in any::<bool>()) {
        let mut scope = Scope::all(november());
        if narrow {
            scope = scope.of(By::Team, "甲").of(By::Region, "东区");
        }
        let data = counted(&calls, &scope);
        let names = names();
        for (name, datum) in &data {
            for (part, expected) in [
                (Part::Yes, datum.numerator),
                (Part::Of, datum.denominator.or(datum.value.map(|value| value as u64))),
                (Part::Missing, Some(datum.missing)),
            ] {
                let Some(text) = filter(name, datum, part, &scope) else {
                    prop_assert!(expected.unwrap_or(0) == 0 || name.starts_with("case."), "{} {:?}", name, part);
                    continue;
                };
                let value = text.split('"').nth(1).unwrap();
                let wanted = Wanted::parse(value, &names).unwrap();
                // The other conditions of the filter.
                let found = traced(&calls, &wanted);
                let of = |id: &String| calls.iter().find(|(record, _)| record.call_id == *id).unwrap();
                let selected = found.iter().filter(|id| scope.has(&of(id).0)).count() as u64;
                prop_assert_eq!(Some(selected), expected, "{} {:?} {}", name, part, value);
            }
        }
    }

    /// What lies outside of period or scope changes nothing but repeats, which look at the contacts around.
    #[test]
    fn an_indicator_never_uses_data_outside_its_period_or_scope(calls in any_calls()) {
        let scope = Scope::all(november()).of(By::Team, "甲").of(By::Region, "西区");
        let within: Vec<Call> = calls.iter().filter(|(record, _)| scope.has(record)).cloned().collect();
        let around = ["kpi.repeat_contact", "kpi.not_again", "kpi.fcr"];
        // A work order belongs to who took its last call: others' calls of it matter.
        let is_free = |name: &str| !around.contains(&name) && !name.starts_with("kpi.ticket");
        let (all, alone) = (counted(&calls, &scope), counted(&within, &scope));
        for (name, datum) in all.iter().filter(|(name, _)| is_free(name)) {
            prop_assert_eq!(Some(datum), alone.get(name), "{}", name);
        }
        let set = &embedded()[1];
        let free = |data: &Data| data.iter().filter(|(name, _)| is_free(name)).map(|(a, b)| (a.clone(), b.clone())).collect();
        let (all, alone): (Data, Data) = (free(&all), free(&alone));
        prop_assert_eq!(set.evaluate(&all), set.evaluate(&alone));
    }

    /// Teams, and the calls without one, add up to all.
    #[test]
    fn groups_add_up(calls in any_calls()) {
        let scope = Scope::all(november());
        let whole = counted(&calls, &scope);
        let teams = groups(&calls, &scope, Some(By::Team));
        let teamless: Vec<Call> = calls.iter().filter(|(record, _)| record.agent.is_none()).cloned().collect();
        let rest = counted(&teamless, &scope);
        for name in ["kpi.connected", "kpi.satisfied", "finding.impatience"] {
            let of = |data: &Data| data[name].denominator.unwrap();
            let sum: u64 = teams.iter().map(|team| of(&team.data)).sum();
            prop_assert_eq!(sum + of(&rest), of(&whole), "{}", name);
        }
    }
}

#[test]
fn what_a_filter_cannot_mean_is_told() {
    let names = names();
    for (text, part) in [
        ("", "no figure"),
        ("kpi.x/yes/2026-11-01/2026-11-30", "no figure"),
        ("case.closed/yes/2026-11-01/2026-11-30", "counts cases"),
        ("kpi.fcr", "/yes"),
        ("kpi.fcr/maybe/2026-11-01/2026-11-30", "/yes"),
        ("kpi.fcr/yes/2026-11-01", "must be FIGURE"),
        ("kpi.fcr/yes/2026-11-30/2026-11-01", "must be FIGURE"),
        ("kpi.fcr/yes/2026-11-01/2026-11-30/x", "must be FIGURE"),
        ("kpi.fcr/yes/2020-11-01/2026-11-30", "366"),
    ] {
        let error = Wanted::parse(text, &names).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
    let scope = Scope::all(november()).of(By::Team, "甲\"组");
    assert_eq!(filter("kpi.fcr", &datum(Some(0.5)), Part::Yes, &scope), None, "a name that no filter can hold");
}
