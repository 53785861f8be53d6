//! Documents to sparse vectors, for training. Character n-grams need no segmentation, so a
//! recogniser's slips spoil a few of them and not the whole word.
//!
//! Weight of a gram: tf · idf with idf = ln((1 + n) / (1 + df)) + 1 (Salton and Buckley 1988; the
//! smoothing is scikit-learn's), each field divided by the root of its Σ tf · idf². Where every gram is
//! there once this is the length of the field; unlike the length it is a sum over the places of a text and
//! over the texts of a field, so that each text can be read once and the sums be put together afterwards.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::grams::{each, prepare};

/// One field of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Longest gram, in characters.
    pub longest: u8,
    /// Fewest training documents that a gram must be in.
    pub min_documents: u32,
    /// Length of the field's part of the vector.
    pub weight: f32,
}

/// What a head looks at: the texts of each field, and numbers of moderate size.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document {
    /// As many as the model has fields, each of any number of texts; a gram never crosses from one to
    /// the next.
    pub texts: Vec<Vec<String>>,
    /// As many in every document of a model.
    pub numbers: Vec<f32>,
}

/// A gram of a field: the hash, then the number of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Key(u64);

impl Key {
    pub(super) fn new(hash: u32, field: usize) -> Self {
        Self(u64::from(hash) << 8 | field as u64 & 0xff)
    }

    pub(super) fn hash(self) -> u32 {
        (self.0 >> 8) as u32
    }

    pub(super) fn field(self) -> usize {
        (self.0 & 0xff) as usize
    }
}

/// The grams that training looks at.
#[derive(Debug, Clone)]
pub(super) struct Vectorizer {
    fields: Vec<Field>,
    /// Ascending; the row of a gram is its place.
    pub(super) keys: Vec<Key>,
    pub(super) idf: Vec<f32>,
    /// Documents that have the gram.
    pub(super) documents: Vec<u32>,
}

impl Vectorizer {
    pub(super) fn fit<'d>(fields: Vec<Field>, documents: impl Iterator<Item = &'d Document>) -> Self {
        let mut seen: HashMap<Key, u32> = HashMap::new();
        let mut count = 0u32;
        let mut chars = Vec::new();
        for document in documents {
            count += 1;
            for (index, (field, texts)) in fields.iter().zip(&document.texts).enumerate() {
                let mut distinct = BTreeSet::new();
                for text in texts {
                    prepare(text, &mut chars);
                    each(&chars, usize::from(field.longest), |hash, _, _| {
                        distinct.insert(Key::new(hash, index));
                    });
                }
                for key in distinct {
                    *seen.entry(key).or_insert(0) += 1;
                }
            }
        }
        let least = |key: Key| fields.get(key.field()).map_or(0, |field| field.min_documents);
        let mut kept: Vec<(Key, u32)> = seen.into_iter().filter(|&(key, df)| df >= least(key)).collect();
        kept.sort_unstable();
        let total = f64::from(count) + 1.0;
        let idf = kept.iter().map(|&(_, df)| ((total / (f64::from(df) + 1.0)).ln() + 1.0) as f32).collect();
        let (keys, documents) = kept.into_iter().unzip();
        Self { fields, keys, idf, documents }
    }

    /// Keeps only some grams; `keep` says so for each row.
    pub(super) fn retain(&mut self, keep: &[bool]) {
        fn only<T: Copy>(all: &[T], keep: &[bool]) -> Vec<T> {
            all.iter().zip(keep).filter(|(_, keep)| **keep).map(|(x, _)| *x).collect()
        }
        self.keys = only(&self.keys, keep);
        self.idf = only(&self.idf, keep);
        self.documents = only(&self.documents, keep);
    }

    /// Rows and values of the grams, ascending by row within each field.
    pub(super) fn vector(&self, document: &Document) -> Vec<(u32, f32)> {
        let mut vector = Vec::new();
        let mut chars = Vec::new();
        for (index, (field, texts)) in self.fields.iter().zip(&document.texts).enumerate() {
            let mut rows: Vec<u32> = Vec::new();
            for text in texts {
                prepare(text, &mut chars);
                each(&chars, usize::from(field.longest), |hash, _, _| {
                    rows.extend(self.keys.binary_search(&Key::new(hash, index)).map(|row| row as u32));
                });
            }
            rows.sort_unstable();
            let squares: f32 = rows.iter().map(|&row| self.idf[row as usize].powi(2)).sum();
            let scale = field.weight / squares.sqrt().max(f32::MIN_POSITIVE);
            vector.extend(rows.chunk_by(|a, b| a == b).map(|same| {
                let row = same[0];
                (row, same.len() as f32 * self.idf[row as usize] * scale)
            }));
        }
        vector
    }
}
