//! Finding a string in the turns of one kind of speaker, or of any: its pairs of characters at consecutive
//! positions, all of them within that speaker's part of the call's text. What the parts are is
//! [`super::document`]'s business.
//!
//! tantivy's own phrase query does not do, for speakers or without: where it is excluded, it is asked for a
//! document before the one it stands at, which its scorer does not allow.

use std::ops::Range;

use tantivy::columnar::Column;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::{Postings, SegmentPostings};
use tantivy::query::{Bm25Weight, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError, Term};

use super::query::Speaker;
use super::schema::{AGENT_END, CALLER_END, TextFields};

/// The turns that a text is looked for in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    pub(super) text: TextFields,
    /// Whose turns; everybody's where it is not said.
    pub(super) by: Option<Speaker>,
}

/// Where the parts of the speakers end in the texts of a segment.
pub(super) struct Parts {
    ends: [Option<Column<u64>>; 2],
}

impl Parts {
    pub(super) fn of(reader: &SegmentReader) -> tantivy::Result<Self> {
        let fast = reader.fast_fields();
        Ok(Self { ends: [fast.column_opt(AGENT_END)?, fast.column_opt(CALLER_END)?] })
    }

    /// The positions at which the turns of a speaker stand in the text of a document.
    pub(super) fn range(&self, doc: DocId, speaker: Option<Speaker>) -> Range<u64> {
        let end = |column: &Option<Column<u64>>| column.as_ref().and_then(|c| c.first(doc)).unwrap_or(0);
        let [agent, caller] = &self.ends;
        match speaker {
            None => 0..u64::MAX,
            Some(Speaker::Agent) => 0..end(agent),
            Some(Speaker::Caller) => end(agent)..end(caller),
            Some(Speaker::Other) => end(caller)..u64::MAX,
        }
    }
}

/// The terms of a string, each with its place in it, and whose turns have to hold it.
#[derive(Debug, Clone)]
pub(super) struct SpokenQuery {
    terms: Vec<(u32, Term)>,
    speaker: Option<Speaker>,
}

impl SpokenQuery {
    /// A query for terms of a field with positions. There has to be one at least.
    pub(super) fn new(terms: Vec<(u32, Term)>, speaker: Option<Speaker>) -> Self {
        Self { terms, speaker }
    }
}

impl Query for SpokenQuery {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let bm25 = match scoring {
            EnableScoring::Enabled { statistics_provider, .. } => {
                let terms: Vec<Term> = self.terms.iter().map(|(_, term)| term.clone()).collect();
                Some(Bm25Weight::for_terms(statistics_provider, &terms)?)
            }
            EnableScoring::Disabled { .. } => None,
        };
        Ok(Box::new(SpokenWeight { query: self.clone(), bm25 }))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        for (_, term) in &self.terms {
            visitor(term, true);
        }
    }
}

struct SpokenWeight {
    query: SpokenQuery,
    bm25: Option<Bm25Weight>,
}

impl Weight for SpokenWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let mut terms = Vec::with_capacity(self.query.terms.len());
        for (place, term) in &self.query.terms {
            let postings =
                reader.inverted_index(term.field())?.read_postings(term, IndexRecordOption::WithFreqsAndPositions)?;
            let Some(postings) = postings else {
                return Ok(Box::new(EmptyScorer));
            };
            terms.push((*place, postings));
        }
        let Some(field) = self.query.terms.first().map(|(_, term)| term.field()) else {
            return Ok(Box::new(EmptyScorer));
        };
        // The rarest leads.
        terms.sort_by_key(|(_, postings)| postings.doc_freq());
        let lengths = match &self.bm25 {
            Some(_) => reader.get_fieldnorms_reader(field)?,
            None => FieldNormReader::constant(reader.max_doc(), 1),
        };
        let mut scorer = SpokenScorer {
            terms,
            speaker: self.query.speaker,
            parts: Parts::of(reader)?,
            bm25: self.bm25.as_ref().map(|bm25| bm25.boost_by(boost)),
            lengths,
            starts: Vec::new(),
            positions: Vec::new(),
        };
        scorer.next_match();
        Ok(Box::new(scorer))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.doc() > doc || scorer.seek(doc) != doc {
            return Err(TantivyError::InvalidArgument(format!("document {doc} does not match")));
        }
        Ok(Explanation::new("said by the speaker", scorer.score()))
    }
}

struct SpokenScorer {
    /// Postings with the place of the term in the string.
    terms: Vec<(u32, SegmentPostings)>,
    speaker: Option<Speaker>,
    parts: Parts,
    bm25: Option<Bm25Weight>,
    lengths: FieldNormReader,
    /// Where the string begins in the document, within the part.
    starts: Vec<u32>,
    positions: Vec<u32>,
}

impl SpokenScorer {
    /// Goes on from the current document of the first term, if need be, to one that matches.
    fn next_match(&mut self) -> DocId {
        loop {
            let doc = self.align();
            if doc == TERMINATED || self.find(doc) {
                return doc;
            }
            if let Some((_, first)) = self.terms.first_mut() {
                first.advance();
            }
        }
    }

    /// The next document that has all the terms.
    fn align(&mut self) -> DocId {
        let Some(((_, first), others)) = self.terms.split_first_mut() else {
            return TERMINATED;
        };
        let mut doc = first.doc();
        'candidates: while doc != TERMINATED {
            for (_, other) in others.iter_mut() {
                let found = if other.doc() < doc {
                    other.seek(doc)
                } else {
                    other.doc()
                };
                if found > doc {
                    doc = first.seek(found);
                    continue 'candidates;
                }
            }
            return doc;
        }
        TERMINATED
    }

    /// Looks up where the string begins in a document.
    fn find(&mut self, doc: DocId) -> bool {
        let part = self.parts.range(doc, self.speaker);
        for (i, (place, postings)) in self.terms.iter_mut().enumerate() {
            postings.positions(&mut self.positions);
            let begins = self.positions.iter().filter_map(|position| position.checked_sub(*place));
            if i == 0 {
                self.starts.clear();
                self.starts.extend(begins.filter(|&start| part.contains(&u64::from(start))));
            } else {
                let begins: Vec<u32> = begins.collect();
                self.starts.retain(|start| begins.binary_search(start).is_ok());
            }
            if self.starts.is_empty() {
                return false;
            }
        }
        true
    }
}

impl DocSet for SpokenScorer {
    fn advance(&mut self) -> DocId {
        if let Some((_, first)) = self.terms.first_mut() {
            first.advance();
        }
        self.next_match()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        match self.terms.first_mut() {
            Some((_, first)) if first.doc() < target => first.seek(target),
            _ => return self.doc(),
        };
        self.next_match()
    }

    fn doc(&self) -> DocId {
        self.terms.first().map_or(TERMINATED, |(_, first)| first.doc())
    }

    fn size_hint(&self) -> u32 {
        self.terms.first().map_or(0, |(_, first)| first.size_hint())
    }
}

impl Scorer for SpokenScorer {
    fn score(&mut self) -> Score {
        let doc = self.doc();
        let length = self.lengths.fieldnorm_id(doc);
        self.bm25.as_ref().map_or(1.0, |bm25| bm25.score(length, self.starts.len() as u32))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use qingting_pipeline::record::Role;

    use super::*;
    use crate::analyzer::content;
    use crate::calls::CallQuery;
    use crate::calls::tests::{Sample, call, indexed};

    const ROLES: [(Role, Speaker); 3] = [
        (Role::Agent, Speaker::Agent),
        (Role::Caller, Speaker::Caller),
        (Role::Other, Speaker::Other),
    ];

    #[test]
    fn phrases_are_excluded_wherever_their_characters_are() {
        // tantivy's own phrase scorer stood at a later document than the one that the exclusion asked for.
        let texts = [
            "停水电费了",
            "停水",
            "费了停水电",
            "停水电费",
            "电费停水",
            "停水了",
            "水电费停水",
        ];
        let calls: Vec<Sample> = texts
            .iter()
            .cycle()
            .take(400)
            .enumerate()
            .map(|(i, text)| call(&format!("c{i:03}"), &[(Role::Caller, text)]))
            .collect();
        let (_dir, index) = indexed(&calls);
        let expected = texts.iter().cycle().take(400).filter(|text| !text.contains("水电费")).count();
        assert_eq!(index.search(&CallQuery::text("停水 -\"水电费\"")).unwrap().total, expected as u64);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Containment in the turns of a speaker through the index is containment in those turns, for strings
        /// of every length, and denial is its opposite.
        #[test]
        fn a_speakers_turns_match_like_a_scan(
            calls in prop::collection::vec(prop::collection::vec((0usize..3, "[停水电费a1，]{0,7}"), 1..6), 1..8),
            queries in prop::collection::vec("[停水电费a1]{1,6}", 6),
        ) {
            let samples: Vec<_> = calls
                .iter()
                .enumerate()
                .map(|(i, turns)| {
                    let turns: Vec<_> = turns.iter().map(|(role, text)| (ROLES[*role].0, text.as_str())).collect();
                    call(&format!("c{i}"), &turns)
                })
                .collect();
            let (_dir, index) = indexed(&samples);
            let all: BTreeSet<String> = (0..calls.len()).map(|i| format!("c{i}")).collect();
            for (query, number) in queries.iter().flat_map(|query| (0..ROLES.len()).map(move |n| (query, n))) {
                let expected: BTreeSet<String> = calls
                    .iter()
                    .enumerate()
                    .filter(|(_, turns)| turns.iter().any(|(role, t)| *role == number && content(t).contains(query.as_str())))
                    .map(|(i, _)| format!("c{i}"))
                    .collect();
                let found = |text: String| -> BTreeSet<String> {
                    let query = CallQuery { spoken_by: Some(ROLES[number].1), ..CallQuery::text(text) };
                    let page = index.search(&query).unwrap();
                    assert_eq!(page.total as usize, page.hits.len());
                    page.hits.into_iter().map(|hit| hit.call_id).collect()
                };
                prop_assert_eq!(&found(format!("\"{query}\"")), &expected, "{} by {}", query, number);
                prop_assert_eq!(&found(format!("-\"{query}\"")), &(&all - &expected), "not {} by {}", query, number);
            }
        }
    }
}
