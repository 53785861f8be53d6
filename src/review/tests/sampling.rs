//! What a draw holds.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    let candidate = (0_u32..200, 0_u32..6, 0_u32..4).prop_map(|(id, agent, unsure)| Candidate {
        call_id: format!("c-{id}"),
        // Of a call that comes twice the agent is the same.
        agent: (id % 7 != 0).then(|| format!("A{:02}", (id + agent) % 6)),
        uncertainty: f64::from(unsure) / 2.0,
    });
    prop::collection::vec(candidate, 0..150).prop_map(|candidates| {
        let distinct: BTreeMap<String, Candidate> = candidates.into_iter().map(|c| (c.call_id.clone(), c)).collect();
        distinct.into_values().collect()
    })
}

fn methods() -> impl Strategy<Value = Method> {
    prop::sample::select(vec![Method::Random, Method::ByAgent, Method::ByUncertainty])
}

proptest! {
    #[test]
    fn a_draw_holds_candidates_alone_none_twice_and_the_same_ones_with_the_same_seed(
        all in candidates(), method in methods(), size in 0_usize..60, seed in any::<i64>(),
    ) {
        let reviewed = BTreeMap::from([("A01".to_owned(), 3), ("A02".to_owned(), 1)]);
        let drawn = draw(method, &all, size, seed, &reviewed);
        let ids: BTreeSet<&str> = all.iter().map(|c| c.call_id.as_str()).collect();
        prop_assert_eq!(drawn.len(), size.min(all.len()));
        prop_assert!(drawn.iter().all(|call| ids.contains(call.as_str())));
        prop_assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), drawn.len());
        // Whatever order they come in, and however often.
        let again: Vec<Candidate> = all.iter().rev().chain(&all).cloned().collect();
        prop_assert_eq!(draw(method, &again, size, seed, &reviewed), drawn);
    }

    #[test]
    fn shares_of_agents_differ_by_at_most_one_and_the_remainder_goes_to_those_reviewed_least(
        all in candidates(), size in 0_usize..60, seed in any::<i64>(),
        counts in prop::collection::vec(0_u64..5, 6),
    ) {
        let reviewed: BTreeMap<String, u64> = (0..).map(|n| format!("A{n:02}")).zip(counts).collect();
        let drawn: BTreeSet<String> = draw(Method::ByAgent, &all, size, seed, &reviewed).into_iter().collect();
        let mut shares: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for candidate in &all {
            let share = shares.entry(candidate.agent.clone().unwrap_or_default()).or_default();
            share.0 += usize::from(drawn.contains(&candidate.call_id));
            share.1 += 1;
        }
        for (one, (share, calls)) in &shares {
            for (other, (more, _)) in &shares {
                if share < more && share < calls {
                    prop_assert!(more - share <= 1, "{shares:?}");
                    let of = |agent: &String| reviewed.get(agent).copied().unwrap_or(0);
                    prop_assert!(of(one) >= of(other), "{shares:?} {reviewed:?}");
                }
            }
        }
    }

    #[test]
    fn nothing_less_certain_is_left_out(all in candidates(), size in 0_usize..60, seed in any::<i64>()) {
        let drawn = draw(Method::ByUncertainty, &all, size, seed, &BTreeMap::new());
        let of = |id: &String| all.iter().find(|c| c.call_id == *id).unwrap().uncertainty;
        let least = drawn.iter().map(of).fold(f64::INFINITY, f64::min);
        let left = all.iter().filter(|c| !drawn.contains(&c.call_id)).map(|c| c.uncertainty).fold(0.0, f64::max);
        prop_assert!(drawn.is_empty() || left <= least);
    }
}

#[test]
fn other_seeds_draw_other_calls_and_every_call_is_drawn_as_often() {
    let all: Vec<Candidate> =
        (0..20).map(|n| Candidate { call_id: format!("c-{n}"), agent: None, uncertainty: 0.0 }).collect();
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..2000 {
        for call in draw(Method::Random, &all, 5, seed, &BTreeMap::new()) {
            *times.entry(call).or_default() += 1;
        }
    }
    // 500 expected, standard deviation 19.4.
    assert_eq!(times.len(), 20);
    assert!(times.values().all(|times| (410..=590).contains(times)), "{times:?}");
}

#[test]
fn what_was_left_to_people_is_the_least_certain_then_what_is_next_to_its_threshold() {
    let of = |findings, uncertain| uncertainty(&call(findings, uncertain).analysis, |_| 0.5);
    let near = of(vec![finding("impatience", Some(2), 0.55)], Vec::new());
    let far = of(vec![finding("impatience", Some(2), 0.99)], Vec::new());
    let left = of(Vec::new(), vec![finding("impatience", Some(2), 0.2)]);
    assert_eq!(of(Vec::new(), Vec::new()), 0.0);
    assert!(far < near && near < left, "{far} {near} {left}");
    assert!((near - 0.9).abs() < 1e-6 && (left - 1.4).abs() < 1e-6, "{near} {left}");
}
