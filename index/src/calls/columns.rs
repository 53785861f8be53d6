//! What a hit shows beside its turns: values that the index has as columns anyway.

use std::collections::{BTreeSet, HashMap};

use tantivy::columnar::{Column, StrColumn};
use tantivy::{DocId, Searcher, SegmentOrdinal, SegmentReader};

use super::collect::Entry;
use super::query::CallHit;
use crate::Result;

/// The columns of the segments that a page has hits in.
pub(super) struct Columns<'a> {
    searcher: &'a Searcher,
    segments: HashMap<SegmentOrdinal, Segment>,
}

struct Segment {
    agent: Option<StrColumn>,
    queue: Option<StrColumn>,
    appeal_type: Option<StrColumn>,
    outcome: Option<StrColumn>,
    code: Option<StrColumn>,
    score: Option<Column<f64>>,
    duration: Option<Column<f64>>,
}

impl Segment {
    fn open(reader: &SegmentReader) -> tantivy::Result<Self> {
        let fast = reader.fast_fields();
        Ok(Self {
            agent: fast.str("agent")?,
            queue: fast.str("queue")?,
            appeal_type: fast.str("appeal_type")?,
            outcome: fast.str("outcome")?,
            code: fast.str("code")?,
            score: fast.column_opt("score")?,
            duration: fast.column_opt("duration")?,
        })
    }
}

impl<'a> Columns<'a> {
    pub(super) fn new(searcher: &'a Searcher) -> Self {
        Self { searcher, segments: HashMap::new() }
    }

    /// A hit without its time and its turns.
    pub(super) fn hit(&mut self, entry: &Entry) -> Result<CallHit> {
        let ordinal = entry.address.segment_ord;
        if !self.segments.contains_key(&ordinal) {
            self.segments.insert(ordinal, Segment::open(self.searcher.segment_reader(ordinal))?);
        }
        let mut hit = CallHit { call_id: entry.call_id.clone(), relevance: entry.relevance, ..CallHit::default() };
        let Some(columns) = self.segments.get(&ordinal) else {
            return Ok(hit);
        };
        let doc = entry.address.doc_id;
        hit.agent = first(&columns.agent, doc)?;
        hit.queue = first(&columns.queue, doc)?;
        hit.appeal_type = first(&columns.appeal_type, doc)?.unwrap_or_default();
        hit.outcome = first(&columns.outcome, doc)?.unwrap_or_default();
        let codes: BTreeSet<String> = texts(&columns.code, doc).collect::<tantivy::Result<_>>()?;
        hit.codes = codes.into_iter().collect();
        hit.score = columns.score.as_ref().and_then(|score| score.first(doc));
        let seconds = columns.duration.as_ref().and_then(|duration| duration.first(doc));
        hit.duration_ms = seconds.map(|seconds| (seconds * 1000.0).round() as u64);
        Ok(hit)
    }
}

fn first(column: &Option<StrColumn>, doc: DocId) -> tantivy::Result<Option<String>> {
    texts(column, doc).next().transpose()
}

fn texts(column: &Option<StrColumn>, doc: DocId) -> impl Iterator<Item = tantivy::Result<String>> {
    column.iter().flat_map(move |column| {
        column.ords().values_for_doc(doc).map(move |ord| {
            let mut text = String::new();
            column.ord_to_str(ord, &mut text)?;
            Ok(text)
        })
    })
}
