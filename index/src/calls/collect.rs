//! Collecting one page of hits in a stable order, after a cursor. Documents of equal value are
//! ordered by call id, which no merge or re-indexing changes.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use qingting_pipeline::assets::hex;
use sha2::{Digest, Sha256};
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::{Column, StrColumn};
use tantivy::{DocAddress, DocId, Score, SegmentOrdinal, SegmentReader};

use super::pins::Snapshot;
use super::query::{Sort, SortBy};
use crate::{Error, Result};

/// Place of a call in an order: smaller comes first. `u64::MAX` is reserved for calls without the value.
type Key = u64;

/// Changes with the form of the tokens, so that older ones are refused and not misread.
const TOKEN_FORM: u32 = 2;

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cursor {
    key: Key,
    call_id: String,
}

/// A hit before its content is loaded.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    key: Key,
    pub(super) call_id: String,
    pub(super) relevance: Score,
    pub(super) address: DocAddress,
}

/// What is collected.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) total: u64,
    /// The first hits after the cursor, in order.
    pub(super) entries: Vec<Entry>,
}

impl Cursor {
    pub(super) fn of(entry: &Entry) -> Self {
        Self { key: entry.key, call_id: entry.call_id.clone() }
    }

    /// An opaque token. It is bound to the query, so that it is refused where it makes no sense, and
    /// names the state of the index that the pages are of.
    pub(super) fn token(&self, query: &str, snapshot: Snapshot) -> String {
        let mut bytes = query_mark(query).to_vec();
        bytes.extend(snapshot.0.to_be_bytes());
        bytes.extend(self.key.to_be_bytes());
        bytes.extend(self.call_id.as_bytes());
        hex(&bytes)
    }

    /// Reads a token that belongs to this query.
    pub(super) fn read(token: &str, query: &str) -> Result<(Self, Snapshot)> {
        let refuse = || Error::query("the page token does not belong to this query", 1);
        let digits = token.as_bytes();
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok()))
            .collect::<Option<_>>()
            .ok_or_else(refuse)?;
        let (mark, rest) = bytes.split_first_chunk::<4>().ok_or_else(refuse)?;
        let (snapshot, rest) = rest.split_first_chunk::<8>().ok_or_else(refuse)?;
        let (key, call_id) = rest.split_first_chunk::<8>().ok_or_else(refuse)?;
        if *mark != query_mark(query) {
            return Err(refuse());
        }
        let call_id = String::from_utf8(call_id.to_vec()).map_err(|_| refuse())?;
        Ok((Self { key: u64::from_be_bytes(*key), call_id }, Snapshot(u64::from_be_bytes(*snapshot))))
    }
}

fn query_mark(query: &str) -> [u8; 4] {
    let digest = Sha256::digest(format!("{TOKEN_FORM} {query}"));
    [digest[0], digest[1], digest[2], digest[3]]
}

/// The collector of one page.
#[derive(Debug)]
pub(super) struct PageCollector {
    pub(super) sort: Sort,
    /// Hits wanted.
    pub(super) limit: usize,
    pub(super) after: Option<Cursor>,
}

/// A candidate within a segment, where ordinals of call ids order as the ids do.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    key: Key,
    call_ord: u64,
    doc: DocId,
    relevance: Score,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.key, self.call_ord, self.doc).cmp(&(other.key, other.call_ord, other.doc))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

pub(super) struct PageSegment {
    segment: SegmentOrdinal,
    sort: Sort,
    limit: usize,
    values: Option<Column<u64>>,
    call_ids: Option<StrColumn>,
    /// Candidates at or before this place are on earlier pages: key, and first call ordinal after it.
    after: Option<(Key, u64)>,
    total: u64,
    heap: BinaryHeap<Candidate>,
}

impl Collector for PageCollector {
    type Fruit = Collected;
    type Child = PageSegment;

    fn for_segment(&self, segment: SegmentOrdinal, reader: &SegmentReader) -> tantivy::Result<PageSegment> {
        let fast = reader.fast_fields();
        let values = match self.sort.by {
            SortBy::Relevance => None,
            SortBy::Field(name) => fast.u64_lenient(name)?.map(|(column, _)| column),
        };
        let call_ids = fast.str("call_id")?;
        let after = match (&self.after, &call_ids) {
            (None, _) => None,
            (Some(cursor), None) => Some((cursor.key, u64::MAX)),
            (Some(cursor), Some(ids)) => {
                // The smallest string greater than s is s with a zero byte behind it.
                let next = [cursor.call_id.as_bytes(), &[0]].concat();
                Some((cursor.key, lower_bound(ids, &next)?))
            }
        };
        Ok(PageSegment {
            segment,
            sort: self.sort,
            limit: self.limit,
            values,
            call_ids,
            after,
            total: 0,
            heap: BinaryHeap::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        self.sort.by == SortBy::Relevance
    }

    fn merge_fruits(&self, fruits: Vec<tantivy::Result<Collected>>) -> tantivy::Result<Collected> {
        let mut merged = Collected::default();
        for fruit in fruits {
            let fruit = fruit?;
            merged.total += fruit.total;
            merged.entries.extend(fruit.entries);
        }
        merged.entries.sort_by(|a, b| (a.key, &a.call_id).cmp(&(b.key, &b.call_id)));
        merged.entries.truncate(self.limit);
        Ok(merged)
    }
}

/// Ordinal of the first term of a segment that is not smaller than `bound`.
pub(super) fn lower_bound(column: &StrColumn, bound: &[u8]) -> tantivy::Result<u64> {
    let terms = column.dictionary();
    let mut low = 0u64;
    let mut high = terms.num_terms() as u64;
    let mut term = Vec::new();
    while low < high {
        let middle = low + (high - low) / 2;
        term.clear();
        terms.ord_to_term(middle, &mut term)?;
        if term.as_slice() < bound {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

impl SegmentCollector for PageSegment {
    type Fruit = tantivy::Result<Collected>;

    fn collect(&mut self, doc: DocId, score: Score) {
        self.total += 1;
        let value = match self.sort.by {
            SortBy::Relevance => Some(u64::from(ordered(score))),
            SortBy::Field(_) => self.values.as_ref().and_then(|column| column.first(doc)),
        };
        let key = match value {
            None => u64::MAX,
            Some(value) if self.sort.descending => (u64::MAX - value).min(u64::MAX - 1),
            Some(value) => value.min(u64::MAX - 1),
        };
        // Most calls are out by their value alone, without a look at their id.
        if self.after.is_some_and(|after| key < after.0)
            || (self.heap.len() >= self.limit && self.heap.peek().is_some_and(|worst| key > worst.key))
        {
            return;
        }
        let call_ord = self.call_ids.as_ref().and_then(|ids| ids.ords().first(doc)).unwrap_or(0);
        if self.after.is_some_and(|after| (key, call_ord) < after) {
            return;
        }
        let candidate = Candidate { key, call_ord, doc, relevance: score };
        if self.heap.len() < self.limit {
            self.heap.push(candidate);
        } else if let Some(mut worst) = self.heap.peek_mut()
            && candidate < *worst
        {
            *worst = candidate;
        }
    }

    fn harvest(self) -> tantivy::Result<Collected> {
        let mut entries = Vec::with_capacity(self.heap.len());
        for candidate in self.heap.into_sorted_vec() {
            let mut call_id = String::new();
            if let Some(ids) = &self.call_ids {
                ids.ord_to_str(candidate.call_ord, &mut call_id)?;
            }
            entries.push(Entry {
                key: candidate.key,
                call_id,
                relevance: candidate.relevance,
                address: DocAddress::new(self.segment, candidate.doc),
            });
        }
        Ok(Collected { total: self.total, entries })
    }
}

/// The bits of a score in its own order.
fn ordered(score: Score) -> u32 {
    let bits = score.to_bits();
    if bits >> 31 == 0 { bits | 0x8000_0000 } else { !bits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_and_belong_to_their_query() {
        let cursor = Cursor { key: 42, call_id: "通话-7".to_owned() };
        let token = cursor.token("q", Snapshot(7));
        assert_eq!(Cursor::read(&token, "q").unwrap(), (cursor, Snapshot(7)));
        for (token, query) in [
            (token.as_str(), "other"),
            ("", "q"),
            ("zz", "q"),
            ("abc", "q"),
            ("退款", "q"),
        ] {
            assert!(Cursor::read(token, query).unwrap_err().to_string().contains("page token"));
        }
    }

    #[test]
    fn scores_keep_their_order() {
        let scores = [-3.5f32, -0.0, 0.0, 1e-9, 0.5, 7.0];
        assert!(scores.windows(2).all(|pair| ordered(pair[0]) <= ordered(pair[1])));
    }
}
