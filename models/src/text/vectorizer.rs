//! Documents to sparse vectors. Character n-grams need no segmentation, so a recogniser's
//! slips spoil a few of them and not the whole word.
//!
//! Weight of a gram: (1 + ln tf) · idf with idf = ln((1 + n) / (1 + df)) + 1, each field scaled to
//! unit length times the field's weight (Salton and Buckley 1988; the smoothing is scikit-learn's).

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::grams::{Gram, GramIndex, Scratch, hash, prepare};

/// One text of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Longest gram, in characters.
    pub longest: u8,
    /// Fewest training documents that a gram must be in.
    pub min_documents: u32,
    /// Length of the field's part of the vector.
    pub weight: f32,
}

/// What a head looks at: one text a field, and numbers of moderate size.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document {
    /// As many as the model has fields.
    pub texts: Vec<String>,
    /// As many in every document of a model.
    pub numbers: Vec<f32>,
}

/// The grams that training kept, as they are stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    fields: Vec<Field>,
    /// Hashes of the kept grams, ascending; a gram's row is its place.
    hashes: Vec<u64>,
    idf: Vec<f32>,
    numbers: usize,
}

/// The grams that training kept, ready to be looked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Vectorizer {
    kept: Kept,
    index: GramIndex,
}

/// Where a gram of the first field stands, for evidence: slot, weight, first and one past the last
/// character.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placed {
    pub(super) slot: u32,
    pub(super) value: f32,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Vectorizer {
    pub(super) fn fit<'d>(fields: Vec<Field>, documents: impl Iterator<Item = &'d Document>) -> Self {
        let mut seen: HashMap<u64, (u32, u32)> = HashMap::new();
        let mut count = 0u32;
        let mut numbers = 0;
        for document in documents {
            count += 1;
            numbers = document.numbers.len();
            for (index, (field, text)) in fields.iter().zip(&document.texts).enumerate() {
                for hash in distinct(index, field, text) {
                    seen.entry(hash).or_insert((0, field.min_documents)).0 += 1;
                }
            }
        }
        let mut kept: Vec<(u64, u32)> =
            seen.into_iter().filter(|(_, (df, min))| df >= min).map(|(hash, (df, _))| (hash, df)).collect();
        kept.sort_unstable();
        let total = f64::from(count) + 1.0;
        let idf = kept.iter().map(|&(_, df)| ((total / (f64::from(df) + 1.0)).ln() + 1.0) as f32).collect();
        let hashes = kept.into_iter().map(|(hash, _)| hash).collect();
        Self::new(Kept { fields, hashes, idf, numbers }, &[], 0)
    }

    /// With the weights of so many heads for each gram, row by row.
    pub(super) fn new(kept: Kept, weights: &[i8], heads: usize) -> Self {
        Self { index: GramIndex::new(&kept.hashes, &kept.idf, weights, heads), kept }
    }

    /// The weights of a gram by its slot, as bytes: one a head.
    #[inline]
    pub(super) fn weights(&self, slot: u32) -> &[u8] {
        self.index.weights(slot)
    }

    /// The slots of all grams, row by row.
    pub(super) fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.kept.hashes.iter().filter_map(|&hash| self.index.slot(hash as u32))
    }

    /// What is stored of it.
    pub(super) fn into_kept(self) -> Kept {
        self.kept
    }

    pub(super) fn rows(&self) -> usize {
        self.grams() + self.numbers()
    }

    /// Keeps only some grams; `keep` says so for each row of a gram.
    pub(super) fn retain(&mut self, keep: &[bool]) {
        let mut kept = keep.iter();
        self.kept.hashes.retain(|_| kept.next().copied().unwrap_or(true));
        let mut kept = keep.iter();
        self.kept.idf.retain(|_| kept.next().copied().unwrap_or(true));
        self.index = GramIndex::new(&self.kept.hashes, &self.kept.idf, &[], 0);
    }

    pub(super) fn grams(&self) -> usize {
        self.kept.hashes.len()
    }

    pub(super) fn numbers(&self) -> usize {
        self.kept.numbers
    }

    /// Rows and values, ascending by row, those of the numbers last.
    pub(super) fn vector(&self, document: &Document) -> Vec<(u32, f32)> {
        let texts: Vec<&str> = document.texts.iter().map(String::as_str).collect();
        let mut scratch = Scratch::default();
        self.grams_of(&texts, &mut scratch);
        let base = self.grams() as u32;
        let numbers = document.numbers.iter().take(self.numbers()).enumerate();
        let row = |hash: u64| self.kept.hashes.partition_point(|&kept| kept < hash) as u32;
        let grams = scratch.vector.iter().map(|(gram, value)| (row(gram.hash()), *value));
        grams.chain(numbers.map(|(i, &x)| (base + i as u32, x))).collect()
    }

    /// Leaves the grams of some texts, one a field, with their values, ascending by row, in the scratch.
    pub(super) fn grams_of(&self, texts: &[&str], scratch: &mut Scratch) {
        let mut vector = std::mem::take(&mut scratch.vector);
        vector.clear();
        for (index, (field, text)) in self.kept.fields.iter().zip(texts).enumerate() {
            let from = vector.len();
            let grams = self.index.grams(index, usize::from(field.longest), text, scratch);
            for same in grams.chunk_by(|a, b| a == b) {
                vector.push((same[0], self.weight(same[0].slot(), same.len())));
            }
            scale(&mut vector[from..], field.weight);
        }
        // Runs that are in order already are merged.
        vector.sort_by_key(|(gram, _)| *gram);
        scratch.vector = vector;
    }

    /// Weight of a gram that a text has so often.
    fn weight(&self, slot: u32, tf: usize) -> f32 {
        let damped = if tf == 1 { 1.0 } else { 1.0 + (tf as f32).ln() };
        damped * self.index.idf(slot)
    }

    /// The grams of the first field with their places.
    pub(super) fn places(&self, text: &str) -> Vec<Placed> {
        let Some(field) = self.kept.fields.first() else {
            return Vec::new();
        };
        let longest = usize::from(field.longest);
        let mut scratch = Scratch::default();
        let grams = self.index.grams(0, longest, text, &mut scratch).to_vec();
        let squares = grams.chunk_by(|a, b| a == b).map(|same| self.weight(same[0].slot(), same.len()).powi(2));
        let norm = squares.fold(0.0, |sum, square| sum + square).sqrt().max(f32::MIN_POSITIVE);
        let mut chars = Vec::new();
        prepare(text, &mut chars);
        let last = chars.len().saturating_sub(2);
        let mut placed = Vec::new();
        for n in 1..=longest {
            for (at, gram) in chars.windows(n).enumerate() {
                let hash = u64::from(hash(0, gram));
                let first = grams.partition_point(|known| known.hash() < hash);
                let tf = grams[first..].partition_point(|known| known.hash() == hash);
                let Some(slot) = grams.get(first).filter(|_| tf > 0).map(|known| known.slot()) else {
                    continue;
                };
                let value = self.weight(slot, tf) / norm * field.weight / tf as f32;
                // The start mark shifts every place by one.
                placed.push(Placed {
                    slot,
                    value,
                    start: at.saturating_sub(1).min(last),
                    end: (at + n).saturating_sub(1).min(last),
                });
            }
        }
        placed
    }
}

fn scale(part: &mut [(Gram, f32)], length: f32) {
    let norm = part.iter().map(|(_, x)| x * x).sum::<f32>().sqrt();
    if norm > 0.0 {
        part.iter_mut().for_each(|(_, x)| *x *= length / norm);
    }
}

/// Hashes of the different grams of a text.
fn distinct(field: usize, settings: &Field, text: &str) -> BTreeSet<u64> {
    if text.is_empty() {
        return BTreeSet::new();
    }
    let mut chars = Vec::new();
    prepare(text, &mut chars);
    let grams = (1..=usize::from(settings.longest)).flat_map(|n| chars.windows(n));
    grams.map(|gram| u64::from(hash(field, gram))).collect()
}
