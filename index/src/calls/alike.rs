//! Finding a string of which only patterns are known: for each pair of its characters the pairs of the
//! index that fit, found in its dictionary by an automaton. Owns the walk; what a pattern stands for is
//! [`super::heard`]'s business.
//!
//! A pattern may fit hundreds of pairs, most of them rare, and few texts have one of them at every place. So
//! the texts are found first, as sets of bits, and positions are read of those alone that are in all sets.

use std::fmt;
use std::sync::Arc;

use tantivy::postings::{Postings, TermInfo};
use tantivy::query::{EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, InvertedIndexReader, Score, SegmentReader, TERMINATED, TantivyError};
use tantivy_fst::Regex;

use super::spoken::{Parts, Scope};

/// Patterns of pairs, each with its place in the string. Every text that has it scores 1.
#[derive(Clone)]
pub(super) struct AlikeQuery {
    scope: Scope,
    places: Vec<(u32, Arc<Regex>)>,
}

impl AlikeQuery {
    pub(super) fn new(scope: Scope, places: Vec<(u32, Arc<Regex>)>) -> Self {
        Self { scope, places }
    }
}

impl fmt::Debug for AlikeQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<u32> = self.places.iter().map(|(place, _)| *place).collect();
        f.debug_struct("AlikeQuery")
            .field("scope", &self.scope)
            .field("places", &places)
            .finish_non_exhaustive()
    }
}

impl Query for AlikeQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(AlikeWeight(self.clone())))
    }
}

struct AlikeWeight(AlikeQuery);

impl Weight for AlikeWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let docs = self.0.docs(reader)?;
        Ok(if docs.is_empty() {
            Box::new(EmptyScorer)
        } else {
            Box::new(Found { docs, at: 0, score: boost })
        })
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        if self.0.docs(reader)?.binary_search(&doc).is_err() {
            return Err(TantivyError::InvalidArgument(format!("document {doc} does not match")));
        }
        Ok(Explanation::new("has a string of these patterns", 1.0))
    }
}

impl AlikeQuery {
    /// The documents of a segment that have the string, in order.
    fn docs(&self, reader: &SegmentReader) -> tantivy::Result<Vec<DocId>> {
        let index = reader.inverted_index(self.scope.text.pairs)?;
        let mut places = Vec::with_capacity(self.places.len());
        let mut common: Option<Bits> = None;
        for (place, pattern) in &self.places {
            let fitting = fitting(&index, pattern)?;
            let mut bits = Bits::new(reader.max_doc());
            for term in &fitting {
                let mut postings = index.read_postings_from_terminfo(term, IndexRecordOption::Basic)?;
                while postings.doc() != TERMINATED {
                    bits.insert(postings.doc());
                    postings.advance();
                }
            }
            if let Some(common) = &common {
                bits.keep(common);
            }
            if bits.is_empty() {
                return Ok(Vec::new());
            }
            common = Some(bits);
            places.push((*place, fitting));
        }
        let candidates = common.map_or_else(Vec::new, |bits| bits.docs());
        if places.len() == 1 && self.scope.by.is_none() {
            return Ok(candidates);
        }
        let starts = self.starts(&index, &places, &candidates, &Parts::of(reader)?)?;
        Ok(candidates
            .into_iter()
            .zip(starts)
            .filter(|(_, starts)| !starts.is_empty())
            .map(|(doc, _)| doc)
            .collect())
    }

    /// Where the string begins in each of some documents, within the turns that are looked at.
    fn starts(
        &self,
        index: &InvertedIndexReader,
        places: &[(u32, Vec<TermInfo>)],
        candidates: &[DocId],
        parts: &Parts,
    ) -> tantivy::Result<Vec<Vec<u32>>> {
        let mut starts: Vec<Vec<u32>> = Vec::new();
        let mut positions = Vec::new();
        for (i, (place, terms)) in places.iter().enumerate() {
            let mut here: Vec<Vec<u32>> = vec![Vec::new(); candidates.len()];
            for term in terms {
                let mut postings = index.read_postings_from_terminfo(term, IndexRecordOption::WithFreqsAndPositions)?;
                for (&doc, here) in candidates.iter().zip(&mut here) {
                    if postings.doc() < doc {
                        postings.seek(doc);
                    }
                    if postings.doc() == doc {
                        postings.positions(&mut positions);
                        here.extend(positions.iter().filter_map(|position| position.checked_sub(*place)));
                    }
                }
            }
            if i == 0 {
                for (&doc, here) in candidates.iter().zip(&mut here) {
                    let part = parts.range(doc, self.scope.by);
                    here.retain(|&start| part.contains(&u64::from(start)));
                }
                starts = here;
            } else {
                starts.iter_mut().zip(&here).for_each(|(starts, here)| starts.retain(|start| here.contains(start)));
            }
        }
        Ok(starts)
    }
}

/// The pairs of a segment's dictionary that fit a pattern.
fn fitting(index: &InvertedIndexReader, pattern: &Regex) -> tantivy::Result<Vec<TermInfo>> {
    let mut stream = index.terms().search(pattern).into_stream()?;
    let mut fitting = Vec::new();
    while stream.advance() {
        fitting.push(stream.value().clone());
    }
    Ok(fitting)
}

/// A set of documents of a segment.
struct Bits(Vec<u64>);

impl Bits {
    fn new(documents: u32) -> Self {
        Self(vec![0; documents.div_ceil(64) as usize])
    }

    fn insert(&mut self, doc: DocId) {
        if let Some(word) = self.0.get_mut((doc / 64) as usize) {
            *word |= 1 << (doc % 64);
        }
    }

    /// Drops what is not in the other set.
    fn keep(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= other);
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    fn docs(&self) -> Vec<DocId> {
        let of_word =
            |(at, &word): (u32, &u64)| (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 64 + bit);
        (0..).zip(&self.0).filter(|(_, word)| **word != 0).flat_map(of_word).collect()
    }
}

/// Documents that were found before.
struct Found {
    docs: Vec<DocId>,
    at: usize,
    score: Score,
}

impl DocSet for Found {
    fn advance(&mut self) -> DocId {
        self.at += 1;
        self.doc()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.at += self.docs.get(self.at..).unwrap_or_default().partition_point(|&doc| doc < target);
        self.doc()
    }

    fn doc(&self) -> DocId {
        self.docs.get(self.at).copied().unwrap_or(TERMINATED)
    }

    fn size_hint(&self) -> u32 {
        self.docs.len() as u32
    }
}

impl Scorer for Found {
    fn score(&mut self) -> Score {
        self.score
    }
}
