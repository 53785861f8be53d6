//! The index finds what a look at every call finds, and highlights lie where they should.

use std::collections::BTreeSet;

use proptest::prelude::*;
use qingting_pipeline::record::Role;
use qingting_pipeline::synonyms::Synonyms;

use super::*;
use crate::analyzer::content;
use crate::calls::text::Reading;

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

/// A part of a query, with what it is known to mean.
#[derive(Debug, Clone)]
enum Part {
    Phrase(String),
    Words(String),
    Agent(String),
    AgentStarts(String),
    Scores(u8, u8),
    Below(u8),
    Day(u8),
    Not(Box<Part>),
    /// Alternatives, each of parts that must all hold.
    Group(Vec<Vec<Part>>),
}

#[derive(Debug, Clone)]
struct Known {
    turns: Vec<String>,
    agent: Option<String>,
    score: Option<u8>,
    day: u8,
}

impl Part {
    fn written(&self) -> String {
        match self {
            Self::Phrase(text) => format!("\"{text}\""),
            Self::Words(text) => text.clone(),
            Self::Agent(agent) => format!("坐席:{agent}"),
            Self::AgentStarts(prefix) => format!("agent:{prefix}*"),
            Self::Scores(from, to) => format!("score:{from}..{to}"),
            Self::Below(score) => format!("分数<{score}"),
            Self::Day(day) => format!("date:2026-03-0{day}"),
            Self::Not(part) => format!("-{}", part.written()),
            Self::Group(alternatives) => format!("({})", either(alternatives)),
        }
    }

    fn holds(&self, call: &Known) -> bool {
        let says = |wanted: &str| call.turns.iter().any(|turn| content(turn).contains(wanted));
        match self {
            Self::Phrase(text) => says(&content(text)),
            Self::Words(text) => {
                let query = TextQuery::parse(text, Reading { analyzer: analyzer(), synonyms: &Synonyms::default() });
                query.any.iter().flatten().flat_map(|term| &term.literal.parts).all(|part| says(part))
            }
            Self::Agent(agent) => call.agent.as_ref() == Some(agent),
            Self::AgentStarts(prefix) => call.agent.as_ref().is_some_and(|agent| agent.starts_with(prefix)),
            Self::Scores(from, to) => call.score.is_some_and(|score| (*from..=*to).contains(&score)),
            Self::Below(most) => call.score.is_some_and(|score| score < *most),
            Self::Day(day) => call.day == *day,
            // What is denied is denied as one piece.
            Self::Not(part) => match &**part {
                Self::Words(text) => !says(&content(text)),
                other => !other.holds(call),
            },
            Self::Group(alternatives) => any_holds(alternatives, call),
        }
    }
}

fn any_holds(alternatives: &[Vec<Part>], call: &Known) -> bool {
    alternatives.iter().any(|parts| parts.iter().all(|part| part.holds(call)))
}

fn either(alternatives: &[Vec<Part>]) -> String {
    let written = |parts: &Vec<Part>| parts.iter().map(Part::written).collect::<Vec<_>>().join(" ");
    alternatives.iter().map(written).collect::<Vec<_>>().join(" OR ")
}

fn conditions() -> impl Strategy<Value = Part> {
    prop_oneof![
        "[ab][12]".prop_map(Part::Agent),
        "[ab]1?".prop_map(Part::AgentStarts),
        (0u8..4, 0u8..4).prop_map(|(from, to)| Part::Scores(from, to)),
        (0u8..5).prop_map(Part::Below),
        (1u8..5).prop_map(Part::Day),
    ]
}

fn words() -> impl Strategy<Value = Part> {
    prop_oneof![
        "[停水电费a1][停水电费a1，]{0,3}".prop_map(Part::Phrase),
        "[停水电费a1]{1,4}".prop_map(Part::Words),
    ]
}

/// Alternatives of parts, some denied, some in parentheses.
fn queries(leaf: impl Strategy<Value = Part> + Clone + 'static) -> impl Strategy<Value = Vec<Vec<Part>>> {
    let leaf = (leaf, any::<bool>()).prop_map(|(part, deny)| if deny { Part::Not(Box::new(part)) } else { part });
    let leaf = leaf.boxed();
    let groups = prop::collection::vec(prop::collection::vec(leaf.clone(), 1..3), 1..3).prop_map(Part::Group);
    let group = (groups, any::<bool>()).prop_map(|(part, deny)| if deny { Part::Not(Box::new(part)) } else { part });
    prop::collection::vec(prop::collection::vec(prop_oneof![4 => leaf, 1 => group], 1..4), 1..3)
}

fn corpora() -> impl Strategy<Value = Vec<Known>> {
    let call = (
        prop::collection::vec("[停水电费a1，]{0,7}", 1..4),
        prop::option::of("[ab][12]"),
        prop::option::of(0u8..4),
        1u8..5,
    );
    prop::collection::vec(call.prop_map(|(turns, agent, score, day)| Known { turns, agent, score, day }), 1..8)
}

fn index_of(calls: &[Known]) -> (tempfile::TempDir, Indexed) {
    let samples = calls.iter().enumerate().map(|(n, known)| {
        let role = |turn: usize| {
            if turn.is_multiple_of(2) {
                Role::Agent
            } else {
                Role::Caller
            }
        };
        let turns: Vec<_> = known.turns.iter().enumerate().map(|(i, text)| (role(i), text.as_str())).collect();
        let mut sample = call(&format!("c{n}"), &turns).at(&format!("2026-03-0{}T09:00:00+08:00", known.day));
        if let Some(agent) = &known.agent {
            sample = sample.agent(agent, "team");
        }
        match known.score {
            Some(score) => sample.score(f64::from(score)),
            None => sample,
        }
    });
    indexed(&samples.collect::<Vec<_>>())
}

fn scan(calls: &[Known], query: &[Vec<Part>]) -> BTreeSet<String> {
    let found = calls.iter().enumerate().filter(|(_, call)| any_holds(query, call));
    found.map(|(n, _)| format!("c{n}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Words, phrases, exclusions, OR, parentheses, conditions, ranges and beginnings, all in one box.
    #[test]
    fn queries_match_like_a_scan(
        calls in corpora(),
        queries in prop::collection::vec(queries(prop_oneof![words(), conditions()].boxed()), 12),
    ) {
        let (_dir, index) = index_of(&calls);
        for query in queries {
            let text = either(&query);
            let page = index.search(&CallQuery::text(&text)).unwrap();
            let got: BTreeSet<String> = page.hits.iter().map(|hit| hit.call_id.clone()).collect();
            prop_assert_eq!(&got, &scan(&calls, &query), "{}", text);
            prop_assert_eq!(page.total, got.len() as u64);
            for hit in &page.hits {
                let number: usize = hit.call_id[1..].parse().unwrap();
                for turn in &hit.turns {
                    let said = &calls[number].turns[turn.turn as usize];
                    let length = said.chars().count() as u32;
                    prop_assert!(!turn.highlights.is_empty());
                    prop_assert!(turn.highlights.iter().all(|s| s.start < s.end && s.end <= length), "{}", text);
                    prop_assert!(turn.highlights.windows(2).all(|pair| pair[0].end < pair[1].start), "{}", text);
                    let shown: String = said.chars().skip(turn.snippet_start as usize).take(80).collect();
                    prop_assert_eq!(&turn.snippet, &shown);
                }
            }
        }
    }

    /// Strict filters choose what a scan chooses, and what the same text in the box chooses.
    #[test]
    fn filters_match_like_a_scan(
        calls in corpora(),
        queries in prop::collection::vec(queries(conditions().boxed()), 12),
    ) {
        let (_dir, index) = index_of(&calls);
        for query in queries {
            let text = either(&query);
            let found: BTreeSet<String> = filtered(&index, &text).into_iter().collect();
            prop_assert_eq!(&found, &scan(&calls, &query), "{}", text);
        }
    }

    /// Whatever is typed is answered, with highlights that lie inside their turns.
    #[test]
    fn nothing_that_is_typed_is_an_error(
        text in "(\\PC|坐席:|分数<|日期:|OR |NOT |排除:|[-（）()\"“”:：,* 停水a12026]){0,24}",
        said in "[停水电费a1，。😀İ \u{1e}]{0,20}",
    ) {
        let (_dir, index) = indexed(&[call("c", &[(Role::Caller, &said)]).agent("a1", "x").score(1.0)]);
        let page = index.search(&CallQuery { snippet_chars: 5, ..CallQuery::text(&text) }).unwrap();
        for turn in page.hits.iter().flat_map(|hit| &hit.turns) {
            let length = said.chars().count() as u32;
            prop_assert!(turn.highlights.iter().all(|s| s.start < s.end && s.end <= length));
            prop_assert!(turn.highlights.windows(2).all(|pair| pair[0].end < pair[1].start));
            prop_assert!(turn.snippet.chars().count() <= 5);
        }
        let like = CallQuery { like: Some("c".to_owned()), ..CallQuery::text(&text) };
        prop_assert_eq!(index.search(&like).unwrap().total, 0);
    }
}
