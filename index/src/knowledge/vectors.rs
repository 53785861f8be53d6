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

/// The vectors of one segment.
#[derive(Debug, Default)]
pub(super) struct SegmentVectors {
    /// Article and number of the passage within it.
    owners: Vec<(DocId, u32)>,
    scales: Vec<f32>,
    steps: Vec<i8>,
}

impl SegmentVectors {
    fn load(reader: &SegmentReader, field: Field, dimensions: usize) -> Result<Self> {
        let mut vectors = Self::default();
        let store = reader.get_store_reader(1).map_err(tantivy::TantivyError::from)?;
        for doc in reader.doc_ids_alive() {
            let document: TantivyDocument = store.get(doc)?;
            let bytes = document.get_first(field).and_then(|v| v.as_bytes()).unwrap_or_default();
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

    /// The best passage of every article and its cosine with the query, in order of the articles.
    pub(super) fn best(&self, query: &[f32]) -> Vec<(DocId, u32, f32)> {
        let mut best: Vec<(DocId, u32, f32)> = Vec::new();
        let rows = self.steps.chunks_exact(query.len().max(1));
        for ((&(doc, passage), &scale), row) in self.owners.iter().zip(&self.scales).zip(rows) {
            let cosine = scale * row.iter().zip(query).map(|(&a, &b)| f32::from(a) * b).sum::<f32>();
            match best.last_mut() {
                Some(last) if last.0 == doc => {
                    if cosine > last.2 {
                        *last = (doc, passage, cosine);
                    }
                }
                _ => best.push((doc, passage, cosine)),
            }
        }
        best
    }
}

/// The vectors of all segments of the current searcher.
#[derive(Debug, Default)]
pub(super) struct VectorCache {
    segments: Mutex<HashMap<SegmentId, Arc<SegmentVectors>>>,
}

impl VectorCache {
    /// The vectors of every segment, in the searcher's order; loads what is not there and drops what is
    /// not needed any more. Segments are immutable, and deletes are left to the caller.
    pub(super) fn of(&self, searcher: &Searcher, field: Field, dimensions: usize) -> Result<Vec<Arc<SegmentVectors>>> {
        let mut cached = self.segments.lock().unwrap_or_else(PoisonError::into_inner);
        let mut current = HashMap::new();
        let mut all = Vec::new();
        for reader in searcher.segment_readers() {
            let vectors = match cached.get(&reader.segment_id()) {
                Some(vectors) => Arc::clone(vectors),
                None => Arc::new(SegmentVectors::load(reader, field, dimensions)?),
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
        assert_eq!((best[0].0, best[0].1), (3, 0));
        assert!((best[0].2 - 1.0).abs() < 0.01, "{best:?}");
        let mut zeros = Vec::new();
        pack(&[0.0; 4], &mut zeros);
        assert_eq!(zeros, [0; 8]);
    }
}
