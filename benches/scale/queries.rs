//! The questions: a few of each class, out of the words of the calls themselves by how many calls have them.

use std::collections::{BTreeMap, BTreeSet};

use qingting_index::DataDir;
use qingting_index::analyzer::{Analyzer, content};
use qingting_index::calls::{CallQuery, FacetRequest, Filter, NoLookup, Sort, Speaker};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use qingting_pipeline::Analyzed;

/// Questions of a class.
const EACH: usize = 20;
/// Hits before a deep page.
const DEEP: usize = 1_000;

/// A question.
pub(crate) struct Question {
    pub(crate) class: &'static str,
    pub(crate) query: CallQuery,
}

/// Words of a sample of calls by the share of the calls that have them.
struct Words {
    rare: Vec<String>,
    common: Vec<String>,
    frequent: Vec<String>,
    /// Content characters of turns.
    turns: Vec<String>,
}

impl Words {
    fn new(calls: &[Analyzed], analyzer: &Analyzer) -> Self {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut turns = Vec::new();
        for call in calls {
            let mut seen = BTreeSet::new();
            for turn in &call.record.turns {
                let folded = analyzer.fold(&turn.text);
                seen.extend(analyzer.query_words(&folded).into_iter().map(|word| word.text));
                turns.push(content(&folded));
            }
            for word in seen.into_iter().filter(|word| word.chars().count() > 1) {
                *counts.entry(word).or_default() += 1;
            }
        }
        let of_share = |from: f64, to: f64| {
            let share = |count: usize| count as f64 / calls.len() as f64;
            let words = counts.iter().filter(|&(_, &count)| share(count) >= from && share(count) < to);
            words.map(|(word, _)| word.clone()).collect()
        };
        Self {
            rare: of_share(0.0, 0.001),
            common: of_share(0.005, 0.05),
            frequent: of_share(0.2, 1.1),
            turns,
        }
    }

    /// So many neighbouring characters of some turn.
    fn string(&self, length: usize, rng: &mut StdRng) -> String {
        loop {
            let chars: Vec<char> = pick(&self.turns, rng).chars().collect();
            if chars.len() >= length {
                let at = rng.random_range(0..=chars.len() - length);
                return chars[at..at + length].iter().collect();
            }
        }
    }
}

/// The questions about an index that holds these calls among others.
pub(crate) fn questions(sample: &[Analyzed], analyzer: &Analyzer, data: &DataDir, seed: u64) -> Vec<Question> {
    let words = Words::new(sample, analyzer);
    let mut rng = StdRng::seed_from_u64(seed);
    let mut questions = Vec::new();
    for class in CLASSES {
        for _ in 0..EACH {
            let mut query = ask(class, &words, &mut rng);
            if class == "deep page" {
                query.page_token = deep(data, &query);
            }
            questions.push(Question { class, query });
        }
    }
    questions
}

/// Kinds of questions, in the order of the table.
pub(crate) const CLASSES: [&str; 15] = [
    "rare word",
    "common word",
    "frequent word",
    "one character",
    "two words",
    "phrase",
    "three characters",
    "either of two",
    "exclusion",
    "by the agent",
    "filter alone",
    "filter and word",
    "word by score",
    "facets",
    "deep page",
];

fn ask(class: &str, words: &Words, rng: &mut StdRng) -> CallQuery {
    let common = pick(&words.common, rng).clone();
    let frequent = pick(&words.frequent, rng).clone();
    match class {
        "rare word" => CallQuery::text(pick(&words.rare, rng)),
        "common word" => CallQuery::text(common),
        "frequent word" => CallQuery::text(frequent),
        "one character" => CallQuery::text(words.string(1, rng)),
        "two words" => CallQuery::text(format!("{common} {frequent}")),
        "phrase" => {
            let length = rng.random_range(4..8);
            CallQuery::text(format!("\"{}\"", words.string(length, rng)))
        }
        "three characters" => CallQuery::text(format!("\"{}\"", words.string(3, rng))),
        "either of two" => CallQuery::text(format!("{common} OR {}", pick(&words.common, rng))),
        "exclusion" => CallQuery::text(format!("{common} -{frequent}")),
        "by the agent" => CallQuery { spoken_by: Some(Speaker::Agent), ..CallQuery::text(common) },
        "filter alone" => CallQuery { filter: filter(rng), ..CallQuery::default() },
        "filter and word" => CallQuery { filter: filter(rng), ..CallQuery::text(common) },
        "word by score" => CallQuery { sort: Sort::parse("score").ok(), ..CallQuery::text(common) },
        "facets" => CallQuery { facets: facets(), ..CallQuery::text(common) },
        _ => CallQuery::text(if rng.random_bool(0.5) { common } else { frequent }),
    }
}

fn filter(rng: &mut StdRng) -> Option<Filter> {
    let text = match rng.random_range(0..4) {
        0 => format!("code:impatience score<{}", rng.random_range(40..90)),
        1 => format!("agent:agent-{:03}", rng.random_range(0..400)),
        2 => format!("date:2025-{:02} outcome:unresolved", rng.random_range(1..13)),
        _ => format!("appeal_type:投诉,举报 -code:deflection region:region-{:02}", rng.random_range(0..24)),
    };
    Some(Filter::parse(&text).expect("a filter"))
}

fn facets() -> Vec<FacetRequest> {
    ["code", "month", "queue"].map(|field| FacetRequest { field: field.to_owned(), limit: 20 }).to_vec()
}

fn deep(data: &DataDir, query: &CallQuery) -> Option<String> {
    let before = CallQuery { limit: DEEP, turns_per_call: 0, ..query.clone() };
    data.search(&before, &NoLookup).expect("hits").next
}

fn pick<'a>(from: &'a [String], rng: &mut StdRng) -> &'a String {
    &from[rng.random_range(0..from.len())]
}
