//! Many sorted sources of rows as one, by time and id: a scan gives the same order however
//! its rows came to lie in files.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Row, SortKey};
use crate::Result;

/// A sorted source of rows.
pub(crate) type Source = Box<dyn Iterator<Item = Result<Row>> + Send>;

/// Sorted sources, merged. Memory is one row a source, beside what the sources hold.
pub(crate) struct Merged {
    sources: Vec<(Source, Option<Row>)>,
    heads: BinaryHeap<Reverse<(SortKey, usize)>>,
}

impl std::fmt::Debug for Merged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Merged").field("sources", &self.sources.len()).finish_non_exhaustive()
    }
}

impl Merged {
    /// Merges; reads the first row of every source.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub(crate) fn new(sources: Vec<Source>) -> Result<Self> {
        let count = sources.len();
        let mut merged = Self {
            sources: sources.into_iter().map(|s| (s, None)).collect(),
            heads: BinaryHeap::new(),
        };
        for source in 0..count {
            merged.advance(source)?;
        }
        Ok(merged)
    }

    /// Takes the waiting row of a source and reads the next one.
    fn advance(&mut self, source: usize) -> Result<Option<Row>> {
        let Some((rows, waiting)) = self.sources.get_mut(source) else {
            return Ok(None);
        };
        let taken = waiting.take();
        if let Some(row) = rows.next().transpose()? {
            self.heads.push(Reverse((row.sort_key(), source)));
            *waiting = Some(row);
        }
        Ok(taken)
    }
}

impl Iterator for Merged {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        let Reverse((_, source)) = self.heads.pop()?;
        let result = self.advance(source);
        if result.is_err() {
            self.heads.clear();
        }
        result.transpose()
    }
}
