//! Searching by sound: calls in which a recogniser wrote other characters of the same sound. Owns
//! the query of such calls and the strings to highlight in them; decides nothing about when they
//! are looked for.
//!
//! No field of its own is needed. The pairs of characters of the index that sound like a pair of
//! the query are looked up in its dictionary, which an automaton walks in a few milliseconds, and a
//! string of alternatives is one that sounds like the query ([`super::alike`]). So the classes can change
//! without a new index, and the index is not a byte larger for them.

use std::collections::HashMap;
use std::sync::Arc;

use tantivy::query::{BooleanQuery, BoostQuery, ConstScoreQuery, Occur, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{Result, TantivyError, Term};
use tantivy_fst::Regex;

use super::alike::AlikeQuery;
use super::spoken::Scope;
use super::steady::steady;
use super::text::{TextQuery, TextTerm, contained, covering, exclusions};
use super::wording::Wording;
use crate::highlight::Needles;
use crate::sound;

/// Characters of a string beyond this number are not listened to.
const LONGEST: usize = 16;

/// Keeps the relevance of what only sounds alike small.
const WEIGHT: f32 = 1e-3;

/// Score of a term that sounds alike as a whole, a character. Above what its parts can give.
const WHOLE: f32 = 10.0;

impl TextQuery {
    /// Calls that sound like the query and do not match it; `None` where nothing in it has a sound
    /// that can be looked for.
    pub(super) fn build_heard(&self, scope: Scope) -> Result<Option<Box<dyn Query>>> {
        let mut listener = Listener { scope, automata: HashMap::new() };
        let mut groups: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for group in &self.any {
            if group.iter().any(|term| !term.negated && audible(&term.literal)) {
                groups.push((Occur::Should, listener.group(group)?));
            }
        }
        if groups.is_empty() {
            return Ok(None);
        }
        let heard: Box<dyn Query> = Box::new(BooleanQuery::new(groups));
        let clauses: Vec<(Occur, Box<dyn Query>)> =
            vec![(Occur::Must, heard), (Occur::MustNot, steady(self.build(scope)))];
        Ok(Some(Box::new(BoostQuery::new(Box::new(BooleanQuery::new(clauses)), WEIGHT))))
    }

    /// What to highlight in the turns of a call that only sounds like the query.
    pub(super) fn heard_needles(&self) -> Needles {
        let terms = || self.any.iter().flatten().filter(|term| !term.negated);
        let heard = terms().map(|term| &term.literal).filter(|wording| audible(wording));
        let strings = heard.flat_map(|wording| {
            wording.parts.iter().filter(|part| is_long(part)).cloned().chain([listened(&wording.whole)])
        });
        self.needles_where(is_long).or_heard(strings)
    }
}

/// Whether a wording is long enough to be told by its sound: one syllable is common to too many
/// characters.
fn audible(wording: &Wording) -> bool {
    is_long(&wording.whole) && wording.whole.chars().any(|c| sound::class(c).len() > 1)
}

fn is_long(text: &str) -> bool {
    text.chars().nth(1).is_some()
}

/// The part of a string that is listened to.
fn listened(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// Builds the queries of one search. Compiling an automaton takes longer than walking the
/// dictionary with it, so each is compiled once for all terms.
struct Listener {
    scope: Scope,
    automata: HashMap<String, Arc<Regex>>,
}

impl Listener {
    fn group(&mut self, group: &[TextTerm]) -> Result<Box<dyn Query>> {
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for term in group {
            if term.negated {
                clauses.extend(exclusions(term, self.scope));
            } else {
                let mut ways = vec![term.anyhow(self.scope)];
                if audible(&term.literal) {
                    ways.extend(self.wording(&term.literal)?);
                }
                clauses.push((Occur::Must, Box::new(BooleanQuery::union(ways))));
            }
        }
        Ok(Box::new(BooleanQuery::new(clauses)))
    }

    /// The ways in which a wording may sound: as a whole, or each of its parts somewhere.
    fn wording(&mut self, wording: &Wording) -> Result<Vec<Box<dyn Query>>> {
        let mut ways = vec![self.whole(&listened(&wording.whole))?];
        if wording.parts.len() > 1 {
            let mut parts: Vec<(Occur, Box<dyn Query>)> = Vec::new();
            for part in &wording.parts {
                let length = part.chars().count() as f32;
                let mut part_ways: Vec<Box<dyn Query>> =
                    vec![Box::new(ConstScoreQuery::new(contained(part, self.scope), length))];
                if is_long(part) {
                    part_ways.push(Box::new(BoostQuery::new(self.alike(&listened(part))?, length)));
                }
                parts.push((Occur::Must, Box::new(BooleanQuery::union(part_ways))));
            }
            ways.push(Box::new(BooleanQuery::new(parts)));
        }
        Ok(ways)
    }

    /// Texts with a string that sounds like this one, those first that have more of its characters.
    fn whole(&mut self, string: &str) -> Result<Box<dyn Query>> {
        let chars: Vec<char> = string.chars().collect();
        let whole = BoostQuery::new(self.alike(string)?, WHOLE * chars.len() as f32);
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = vec![(Occur::Must, Box::new(whole))];
        if let [first, second] = chars.as_slice() {
            for half in [
                format!("{first}{}", pattern(*second)),
                format!("{}{second}", pattern(*first)),
            ] {
                clauses.push((Occur::Should, self.patterns(&[(0, half)])?));
            }
        } else {
            for pair in chars.windows(2) {
                let term = Term::from_field_text(self.scope.text.pairs, &pair.iter().collect::<String>());
                let same = TermQuery::new(term, IndexRecordOption::Basic);
                clauses.push((Occur::Should, Box::new(ConstScoreQuery::new(Box::new(same), 1.0))));
            }
        }
        Ok(Box::new(BooleanQuery::new(clauses)))
    }

    /// Texts with a string that sounds like this one of two or more content characters.
    fn alike(&mut self, string: &str) -> Result<Box<dyn Query>> {
        let classes: Vec<String> = string.chars().map(pattern).collect();
        let pairs = covering(classes.len()).filter_map(|at| Some((at as u32, classes.get(at..at + 2)?.concat())));
        let pairs: Vec<(u32, String)> = pairs.collect();
        self.patterns(&pairs)
    }

    fn patterns(&mut self, pairs: &[(u32, String)]) -> Result<Box<dyn Query>> {
        let places: Result<Vec<_>> = pairs.iter().map(|(at, pair)| Ok((*at, self.automaton(pair)?))).collect();
        Ok(Box::new(AlikeQuery::new(self.scope, places?)))
    }

    fn automaton(&mut self, pattern: &str) -> Result<Arc<Regex>> {
        if let Some(known) = self.automata.get(pattern) {
            return Ok(Arc::clone(known));
        }
        let regex = Regex::new(pattern).map_err(|e| TantivyError::InvalidArgument(e.to_string()))?;
        let regex = Arc::new(regex);
        self.automata.insert(pattern.to_owned(), Arc::clone(&regex));
        Ok(regex)
    }
}

/// A regular expression for the characters that sound like one. Content characters are letters
/// and digits, so none of them means anything else in it.
fn pattern(c: char) -> String {
    match sound::class(c).as_slice() {
        [only] => only.to_string(),
        several => format!("[{}]", several.iter().collect::<String>()),
    }
}
