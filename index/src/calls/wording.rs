//! The wordings of one term of a query: as it was written, with its numbers said or written
//! otherwise, and with its words replaced by synonyms. Owns how a run of text is cut into the
//! parts that must be there; reads no query and knows no index but its fields.

use std::collections::BTreeSet;

use qingting_pipeline::record::Span;
use qingting_pipeline::synonyms::Synonyms;
use tantivy::query::{BooleanQuery, Occur, Query};

use super::spoken::Scope;
use super::text::contained;
use crate::analyzer::{Analyzer, QueryWord, content};
use crate::numerals;

/// Other wordings of a term beyond this number are left out.
const MOST_WORDINGS: usize = 12;

/// Weight of the same number in another form. Like that of a synonym it is so small because the
/// other wording may be a rarer one, which counts for more: what was written is to come first.
const NUMBER_WEIGHT: f32 = 0.05;

/// Weight of a synonym.
const SYNONYM_WEIGHT: f32 = 0.02;

/// Characters of words that carry no meaning of their own next to other words.
const FUNCTION_CHARS: &str =
    "的了吗呢吧啊呀嘛哦我你您他她它们是在有就都也和与及或不没要这那个把被给跟对从到还又再很会能";

/// A string of content characters and what has to be contained for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    /// Its content characters, folded.
    pub whole: String,
    /// Parts that must each be contained; one part for a phrase.
    pub parts: Vec<String>,
    /// Its words with their places.
    words: Vec<QueryWord>,
}

impl Wording {
    pub(super) fn new(run: &str, phrase: bool, analyzer: &Analyzer) -> Self {
        let whole = content(run);
        let words = analyzer.query_words(run);
        let parts = if whole.is_empty() {
            Vec::new()
        } else if phrase {
            vec![whole.clone()]
        } else {
            parts(&words, &whole)
        };
        Self { whole, parts, words }
    }

    /// Every part, and better so in one piece.
    pub(super) fn clauses(&self, scope: Scope) -> Vec<(Occur, Box<dyn Query>)> {
        let mut clauses: Vec<(Occur, Box<dyn Query>)> =
            self.parts.iter().map(|part| (Occur::Must, contained(part, scope))).collect();
        // Function words are no parts, so that one part need not be all of it.
        if self.words.len() > 1 && self.parts.first() != Some(&self.whole) {
            clauses.push((Occur::Should, contained(&self.whole, scope)));
        }
        clauses
    }

    pub(super) fn build(&self, scope: Scope) -> Box<dyn Query> {
        Box::new(BooleanQuery::new(self.clauses(scope)))
    }
}

/// Words of two characters and more, and runs of the single characters between them; function
/// words only where there is nothing else.
fn parts(words: &[QueryWord], whole: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut after_single = false;
    for word in words {
        let single = word.text.chars().nth(1).is_none();
        match parts.last_mut() {
            Some(run) if single && after_single => run.push_str(&word.text),
            _ => parts.push(word.text.clone()),
        }
        after_single = single;
    }
    let mut seen = std::collections::BTreeSet::new();
    parts.retain(|part| !is_function_word(part) && seen.insert(part.clone()));
    if parts.is_empty() {
        parts.push(whole.to_owned());
    }
    parts
}

/// Whether a word carries no meaning of its own next to other words.
pub(super) fn is_function_word(word: &str) -> bool {
    word.chars().all(|c| FUNCTION_CHARS.contains(c))
}

/// The other wordings of a term of that folded text, with their weights.
pub(super) fn other_wordings(
    literal: &Wording,
    folded: &str,
    phrase: bool,
    analyzer: &Analyzer,
    synonyms: &Synonyms,
) -> Vec<(f32, Wording)> {
    let mut texts = Vec::new();
    if !broken_number(folded) {
        texts.extend(other_numbers(&literal.whole));
    }
    if !phrase {
        other_words(literal, synonyms, &mut texts);
    }
    texts.into_iter().map(|(weight, text)| (weight, Wording::new(&text, phrase, analyzer))).collect()
}

/// Whether a text has figures with a point or comma in them. Content characters leave it out, so
/// that the value of what remains is another.
fn broken_number(folded: &str) -> bool {
    let chars: Vec<char> = folded.chars().collect();
    chars.windows(3).any(|three| match three {
        [before, '.' | ',', after] => before.is_ascii_digit() && after.is_ascii_digit(),
        _ => false,
    })
}

/// The text with its numbers in other forms: all of them in one manner, and each by itself. No more than count: each
/// is as long as the text, which may be long and nothing but numbers.
fn other_numbers(whole: &str) -> Vec<(f32, String)> {
    let found = numerals::find(whole);
    let mut seen = BTreeSet::from([whole.to_owned()]);
    let mut texts: Vec<String> = Vec::new();
    if found.len() > 1 {
        for manner in numerals::MANNERS {
            let replaced: Vec<(Span, &str)> = found
                .iter()
                .filter_map(|number| {
                    let (_, form) = number.forms.iter().find(|(m, _)| *m == manner)?;
                    Some((number.span, form.as_str()))
                })
                .collect();
            texts.push(replace(whole, &replaced));
        }
    }
    texts.retain(|text| seen.insert(text.clone()));
    let alone = found.iter().flat_map(|number| number.forms.iter().map(|(_, form)| (number.span, form.as_str())));
    let alone = alone.map(|with| replace(whole, &[with])).filter(|text| seen.insert(text.clone()));
    let room = MOST_WORDINGS.saturating_sub(texts.len());
    texts.extend(alone.take(room));
    texts.into_iter().map(|text| (NUMBER_WEIGHT, text)).collect()
}

/// Adds the text with each of its words that has synonyms replaced by these, while there is room for wordings.
fn other_words(literal: &Wording, synonyms: &Synonyms, wordings: &mut Vec<(f32, String)>) {
    let length = literal.whole.chars().count() as u32;
    let bounds: Vec<u32> = literal.words.iter().map(|word| word.position as u32).chain([length]).collect();
    let found = synonyms.find(&literal.whole, &bounds);
    let texts = found.iter().flat_map(|word| word.others.iter().map(|other| (word.span, other.as_str())));
    let room = MOST_WORDINGS.saturating_sub(wordings.len());
    wordings.extend(texts.take(room).map(|with| (SYNONYM_WEIGHT, replace(&literal.whole, &[with]))));
}

/// Replaces spans, which are in order and do not overlap.
fn replace(text: &str, with: &[(Span, &str)]) -> String {
    let mut replaced = String::new();
    let mut with = with.iter().peekable();
    for (c, at) in text.chars().zip(0u32..) {
        while let Some((span, form)) = with.peek() {
            if at == span.start {
                replaced.push_str(form);
            }
            if at < span.end {
                break;
            }
            with.next();
        }
        if with.peek().is_none_or(|(span, _)| at < span.start) {
            replaced.push(c);
        }
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each wording is as long as the run, and there was one for each of its words.
    #[test]
    fn the_wordings_of_a_long_run_grew_with_the_square_of_its_length() {
        let numbers = other_numbers(&"3个12号".repeat(3000));
        assert!((4..=MOST_WORDINGS).contains(&numbers.len()), "{}", numbers.len());
        let synonyms = Synonyms::load(&qingting_pipeline::assets::Assets::embedded()).unwrap();
        let run = "城管".repeat(3000);
        let literal = Wording::new(&run, false, crate::testing::analyzer());
        let mut words = vec![(1.0, run.clone()); MOST_WORDINGS - 2];
        other_words(&literal, &synonyms, &mut words);
        assert_eq!(words.len(), MOST_WORDINGS);
        assert!(words.iter().skip(MOST_WORDINGS - 2).all(|(_, text)| text != &run));
    }

    #[test]
    fn replacing_keeps_what_is_around() {
        let span = |start, end| Span::new(start, end);
        assert_eq!(replace("甲乙丙丁", &[(span(0, 1), "12"), (span(2, 4), "3")]), "12乙3");
        assert_eq!(replace("甲乙", &[(span(0, 1), "x"), (span(1, 2), "y")]), "xy");
        assert_eq!(replace("甲乙", &[]), "甲乙");
    }
}
