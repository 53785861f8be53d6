//! Vectors of passages: one byte a dimension in the index, and in memory, segment by segment,
//! for a scan by cosine. A hundred thousand passages of 512 dimensions are 51 MB and some
//! milliseconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::index::SegmentId;
use tantivy::schema::{Field, Value};
use tantivy::{DocId, Searcher, SegmentReader, TantivyDocument};

use crate::Result;

/// A unit vector in steps of 1/127 of its largest component: its scale, then its dimensions.
pub(super) fn pack(vector: &[f32], out: &mut Vec<u8>) {
    let largest = vector.iter().fold(0.0f32, |m, x| m.max(x.abs()));
    let scale = largest / 127.0;
    out.extend(scale.to_le_bytes());
    let step = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    out.extend(vector.iter().map(|x| ((x * step).round() as i8).to_le_bytes()[0]));
}

/// Which vectors of an article: each kind is one value of the field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// The static ones.
    Static,
    /// The transformer's.
    Transformer,
}

/// The vectors of one segment.
#[derive(Debug, Default)]
pub(super) struct SegmentVectors {
    /// Article and number of the passage within it.
    owners: Vec<(DocId, u32)>,
    scales: Vec<f32>,
    steps: Vec<i8>,
}

impl SegmentVectors {
    fn load(reader: &SegmentReader, field: Field, kind: Kind, dimensions: usize) -> Result<Self> {
        let mut vectors = Self::default();
        let store = reader.get_store_reader(1).map_err(tantivy::TantivyError::from)?;
        for doc in reader.doc_ids_alive() {
            let document: TantivyDocument = store.get(doc)?;
            let bytes = document.get_all(field).nth(kind as usize).and_then(|v| v.as_bytes()).unwrap_or_default();
            for (packed, passage) in bytes.chunks_exact(dimensions + 4).zip(0u32..) {
                if let Some((scale, steps)) = packed.split_first_chunk::<4>() {
                    vectors.owners.push((doc, passage));
                    vectors.scales.push(f32::from_le_bytes(*scale));
                    vectors.steps.extend(steps.iter().map(|&b| i8::from_le_bytes([b])));
                }
            }
        }
        Ok(vectors)
    }

    /// The passages of every article against the query, in order of the articles.
    pub(super) fn best(&self, query: &[f32]) -> Vec<(DocId, Near)> {
        let mut articles: Vec<(DocId, Near)> = Vec::new();
        let rows = self.steps.chunks_exact(query.len().max(1));
        for ((&(doc, passage), &scale), row) in self.owners.iter().zip(&self.scales).zip(rows) {
            let cosine = scale * row.iter().zip(query).map(|(&a, &b)| f32::from(a) * b).sum::<f32>();
            match articles.last_mut() {
                Some((last, near)) if *last == doc => near.add(passage, cosine),
                _ => articles.push((doc, Near::of(passage, cosine))),
            }
        }
        articles
    }
}

/// How near an article is to a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Near {
    /// Number of the nearest passage.
    pub(super) passage: u32,
    /// Its cosine.
    pub(super) cosine: f32,
    sum: f32,
    passages: u32,
}

impl Near {
    /// Of an article with one passage.
    pub(super) fn of(passage: u32, cosine: f32) -> Self {
        Self { passage, cosine, sum: cosine, passages: 1 }
    }

    fn add(&mut self, passage: u32, cosine: f32) {
        if cosine > self.cosine {
            (self.passage, self.cosine) = (passage, cosine);
        }
        self.sum += cosine;
        self.passages += 1;
    }

    /// The nearest passage's cosine, and with `weight` the mean of all: an article of which one passage happens to
    /// sound like the question is not yet about it.
    pub(super) fn with_mean(&self, weight: f32) -> f32 {
        (self.cosine + weight * self.sum / self.passages as f32) / (1.0 + weight)
    }
}

/// The vectors of one kind of all segments of the current searcher.
#[derive(Debug, Default)]
pub(super) struct VectorCache {
    segments: Mutex<HashMap<SegmentId, Arc<SegmentVectors>>>,
}

impl VectorCache {
    /// The vectors of every segment, in the searcher's order; loads what is not there and drops what is
    /// not needed any more. Segments are immutable, and deletes are left to the caller.
    pub(super) fn of(
        &self,
        searcher: &Searcher,
        field: Field,
        kind: Kind,
        dimensions: usize,
    ) -> Result<Vec<Arc<SegmentVectors>>> {
        let mut cached = self.segments.lock().unwrap_or_else(PoisonError::into_inner);
        let mut current = HashMap::new();
        let mut all = Vec::new();
        for reader in searcher.segment_readers() {
            let vectors = match cached.get(&reader.segment_id()) {
                Some(vectors) => Arc::clone(vectors),
                None => Arc::new(SegmentVectors::load(reader, field, kind, dimensions)?),
            };
            current.insert(reader.segment_id(), Arc::clone(&vectors));
            all.push(vectors);
        }
        *cached = current;
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_vectors_keep_their_cosine() {
        let vector: Vec<f32> = (0..64).map(|i| ((i * 37 % 64) as f32 - 31.5) / 150.0).collect();
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        let vector: Vec<f32> = vector.iter().map(|x| x / norm).collect();
        let mut bytes = Vec::new();
        pack(&vector, &mut bytes);
        assert_eq!(bytes.len(), 68);
        let scale = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let vectors = SegmentVectors {
            owners: vec![(3, 0)],
            scales: vec![scale],
            steps: bytes[4..].iter().map(|&b| i8::from_le_bytes([b])).collect(),
        };
        let best = vectors.best(&vector);
        assert_eq!((best[0].0, best[0].1.passage), (3, 0));
        assert!((best[0].1.cosine - 1.0).abs() < 0.01, "{best:?}");
        let mut zeros = Vec::new();
        pack(&[0.0; 4], &mut zeros);
        assert_eq!(zeros, [0; 8]);
    }

    #[test]
    fn an_article_is_as_near_as_its_nearest_passage_and_with_the_mean_as_all_of_them() {
        let vectors = SegmentVectors {
            owners: vec![(1, 0), (1, 1), (4, 0)],
            scales: vec![0.01; 3],
            steps: vec![20, 80, 40],
        };
        let best = vectors.best(&[1.0]);
        assert_eq!(best.iter().map(|(doc, near)| (*doc, near.passage)).collect::<Vec<_>>(), [(1, 1), (4, 0)]);
        for ((_, near), (alone, with_mean)) in best.iter().zip([(0.8, 0.7), (0.4, 0.4)]) {
            assert!((near.cosine - alone).abs() < 1e-6 && (near.with_mean(0.0) - alone).abs() < 1e-6);
            assert!((near.with_mean(0.5) - with_mean).abs() < 1e-6, "{near:?}");
        }
    }
}
