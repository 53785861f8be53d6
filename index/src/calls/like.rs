//! Calls like a given one: its most distinctive words as a query over the others, so no further index is
//! needed and the reason of every hit can be shown. What the caller said counts most.

use std::collections::BTreeMap;

use qingting_pipeline::record::Role;
use tantivy::collector::Count;
use tantivy::query::{BooleanQuery, BoostQuery, Occur, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{Searcher, Term};

use super::CallIndex;
use super::document::cut;
use super::schema::TextFields;
use super::spoken::Scope;
use super::text::contained;
use super::transcripts::Transcripts;
use super::wording::is_function_word;
use crate::{Error, Result};

/// Words that a call is compared by.
const MOST_WORDS: usize = 24;

/// A word that weighs less than this share of the heaviest is left out.
const LEAST_SHARE: f64 = 0.1;

/// What a word said by somebody else weighs against one said by the caller, in the given call.
const OTHERS: f64 = 0.5;

/// Words that a call must share at least, where there are so many: one alone is chance.
const LEAST_SHARED: usize = 2;

/// What a call is compared by.
pub(super) struct Likeness {
    /// Its most distinctive words, the heaviest first.
    pub(super) words: Vec<String>,
    /// Calls that share some of them, without the call itself.
    pub(super) query: Box<dyn Query>,
}

/// Finds what distinguishes a call: the weight of a word is `(1 + ln tf) · ln((N + 1) / df)`, with `tf`
/// how often it is said, `N` the calls and `df` those that have it (TF-IDF; Manning, Raghavan and
/// Schütze, *Introduction to Information Retrieval*, 6.2).
///
/// # Errors
/// [`Error::NotFound`] when there is no such call in this state of the index.
pub(super) fn likeness(
    index: &CallIndex,
    searcher: &Searcher,
    call_id: &str,
    calls: &dyn Transcripts,
) -> Result<Likeness> {
    let id = Term::from_field_text(index.fields.call_id, cut(call_id));
    let itself = TermQuery::new(id, IndexRecordOption::Basic);
    let there = searcher.search(&itself, &Count)? > 0;
    let call = if there {
        calls.transcripts(&[call_id])?.pop().flatten()
    } else {
        None
    };
    let Some(call) = call else {
        return Err(Error::not_found(format!("call {call_id}")));
    };
    let mut said: BTreeMap<String, f64> = BTreeMap::new();
    for turn in &call.turns {
        let weight = if turn.role == Role::Caller { 1.0 } else { OTHERS };
        for word in index.analyzer.search_words(&index.analyzer.fold(&turn.text)) {
            if tells(&word) {
                *said.entry(word).or_default() += weight;
            }
        }
    }
    let calls = searcher.num_docs() as f64;
    let mut weighed = Vec::with_capacity(said.len());
    for (word, times) in said {
        let having = having(&word, index.fields.text, searcher)?;
        // Nobody else can share what is in one call alone, and what most say distinguishes none.
        if having > 1 && having as f64 * 2.0 <= calls + 1.0 {
            let times = 1.0 + times.max(1.0).ln();
            weighed.push((times * ((calls + 1.0) / having as f64).ln(), times, word));
        }
    }
    weighed.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.2.cmp(&b.2)));
    weighed.truncate(MOST_WORDS);
    let least = weighed.first().map_or(0.0, |heaviest| heaviest.0 * LEAST_SHARE);
    weighed.retain(|(weight, ..)| *weight >= least);

    let scope = Scope { text: index.fields.text, by: None };
    // How rare a word is and how long the other call is weighs in by itself (BM25).
    let ways = weighed
        .iter()
        .map(|(_, times, word)| Box::new(BoostQuery::new(contained(word, scope), *times as f32)) as Box<dyn Query>);
    let shared = BooleanQuery::union_with_minimum_required_clauses(ways.collect(), LEAST_SHARED.min(weighed.len()));
    let query = BooleanQuery::new(vec![
        (Occur::Must, Box::new(shared) as Box<dyn Query>),
        (Occur::MustNot, Box::new(itself)),
    ]);
    Ok(Likeness {
        words: weighed.into_iter().map(|(.., word)| word).collect(),
        query: Box::new(query),
    })
}

/// Calls that have a word of two or more characters: as many as have the rarest of its pairs, which are hardly
/// more.
fn having(word: &str, text: TextFields, searcher: &Searcher) -> Result<u64> {
    let chars: Vec<char> = word.chars().collect();
    let mut least = u64::MAX;
    for pair in chars.windows(2) {
        let term = Term::from_field_text(text.pairs, &pair.iter().collect::<String>());
        least = least.min(searcher.doc_freq(&term)?);
    }
    Ok(least)
}

/// Single characters, numbers and function words say little about what a call is about.
fn tells(word: &str) -> bool {
    word.chars().nth(1).is_some() && !is_function_word(word) && !word.chars().all(|c| c.is_ascii_digit())
}
