//! The index finds what a look at every call finds, and highlights lie where they should.

use std::collections::BTreeSet;

use proptest::prelude::*;
use qingting_pipeline::record::{Role, Taboo};

use super::*;
use crate::analyzer::content;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Containment through the index is containment in the text.
    #[test]
    fn phrases_match_like_a_scan(
        texts in prop::collection::vec(prop::collection::vec("[停水电费a1，]{0,7}", 1..4), 1..6),
        queries in prop::collection::vec("[停水电费a1，]{1,6}", 8),
    ) {
        let calls: Vec<Sample> = texts
            .iter()
            .enumerate()
            .map(|(i, turns)| {
                let turns: Vec<_> = turns
                    .iter()
                    .enumerate()
                    .map(|(t, text)| (if t % 2 == 0 { Role::Agent } else { Role::Caller }, text.as_str()))
                    .collect();
                call(&format!("c{i}"), &turns)
            })
            .collect();
        let (_dir, index) = indexed(&calls);
        for query in queries {
            let wanted = content(&query);
            let expected: BTreeSet<String> = texts
                .iter()
                .enumerate()
                .filter(|(_, turns)| !wanted.is_empty() && turns.iter().any(|t| content(t).contains(&wanted)))
                .map(|(i, _)| format!("c{i}"))
                .collect();
            let page = index.search(&CallQuery::text(format!("\"{query}\""))).unwrap();
            let got: BTreeSet<String> = page.hits.iter().map(|hit| hit.call_id.clone()).collect();
            prop_assert_eq!(&got, &expected, "{}", query);
            for hit in &page.hits {
                prop_assert!(!hit.turns.is_empty());
                for turn in &hit.turns {
                    let number: usize = hit.call_id[1..].parse().unwrap();
                    let length = texts[number][turn.turn as usize].chars().count() as u32;
                    prop_assert!(turn.highlights.iter().all(|s| s.start < s.end && s.end <= length));
                }
            }
        }
    }
}
