//! Documents to sparse vectors. Character n-grams need no segmentation, so a recogniser's
//! slips spoil a few of them and not the whole word.
//!
//! Weight of a gram: (1 + ln tf) · idf with idf = ln((1 + n) / (1 + df)) + 1, each field scaled to
//! unit length times the field's weight (Salton and Buckley 1988; the smoothing is scikit-learn's).

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// Marks the start and the end of a text, so that a gram can stand for "begins with".
const START: char = '\u{2}';
const END: char = '\u{3}';

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

/// The grams that training kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Vectorizer {
    fields: Vec<Field>,
    /// Hashes of the kept grams, ascending; a gram's row is its place.
    hashes: Vec<u64>,
    idf: Vec<f32>,
    numbers: usize,
}

/// Where a gram of the first field stands, for evidence: row, weight, first and one past the last
/// character.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placed {
    pub(super) row: u32,
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
                for hash in counted(index, field, text).into_keys() {
                    seen.entry(hash).or_insert((0, field.min_documents)).0 += 1;
                }
            }
        }
        let mut kept: Vec<(u64, u32)> =
            seen.into_iter().filter(|(_, (df, min))| df >= min).map(|(hash, (df, _))| (hash, df)).collect();
        kept.sort_unstable();
        let total = f64::from(count) + 1.0;
        let idf = kept.iter().map(|&(_, df)| ((total / (f64::from(df) + 1.0)).ln() + 1.0) as f32).collect();
        Self { fields, hashes: kept.into_iter().map(|(hash, _)| hash).collect(), idf, numbers }
    }

    pub(super) fn rows(&self) -> usize {
        self.hashes.len() + self.numbers
    }

    /// Keeps only some grams; `keep` says so for each row of a gram.
    pub(super) fn retain(&mut self, keep: &[bool]) {
        let mut kept = keep.iter();
        self.hashes.retain(|_| kept.next().copied().unwrap_or(true));
        let mut kept = keep.iter();
        self.idf.retain(|_| kept.next().copied().unwrap_or(true));
    }

    pub(super) fn grams(&self) -> usize {
        self.hashes.len()
    }

    fn row(&self, hash: u64) -> Option<usize> {
        self.hashes.binary_search(&hash).ok()
    }

    /// Rows and values, ascending by row.
    pub(super) fn vector(&self, document: &Document) -> Vec<(u32, f32)> {
        let mut vector = Vec::new();
        for (index, (field, text)) in self.fields.iter().zip(&document.texts).enumerate() {
            let from = vector.len();
            for (hash, tf) in counted(index, field, text) {
                if let Some(row) = self.row(hash) {
                    vector.push((row as u32, (1.0 + (tf as f32).ln()) * self.idf[row]));
                }
            }
            scale(&mut vector[from..], field.weight);
        }
        let base = self.hashes.len() as u32;
        vector.extend(document.numbers.iter().take(self.numbers).enumerate().map(|(i, &x)| (base + i as u32, x)));
        vector.sort_unstable_by_key(|(row, _)| *row);
        vector
    }

    /// The grams of the first field with their places.
    pub(super) fn places(&self, text: &str) -> Vec<Placed> {
        let Some(field) = self.fields.first() else {
            return Vec::new();
        };
        let tf = counted(0, field, text);
        let mut norm = 0.0;
        for (hash, tf) in &tf {
            if let Some(row) = self.row(*hash) {
                norm += ((1.0 + (*tf as f32).ln()) * self.idf[row]).powi(2);
            }
        }
        let norm = norm.sqrt().max(f32::MIN_POSITIVE);
        let chars = prepared(text);
        let last = chars.len().saturating_sub(2);
        let mut placed = Vec::new();
        for n in 1..=usize::from(field.longest) {
            for (at, gram) in chars.windows(n).enumerate() {
                let hash = hash(0, gram);
                let (Some(row), Some(&tf)) = (self.row(hash), tf.get(&hash)) else {
                    continue;
                };
                let value = (1.0 + (tf as f32).ln()) * self.idf[row] / norm * field.weight / tf as f32;
                // The start mark shifts every place by one.
                placed.push(Placed {
                    row: row as u32,
                    value,
                    start: at.saturating_sub(1).min(last),
                    end: (at + n).saturating_sub(1).min(last),
                });
            }
        }
        placed
    }
}

fn scale(part: &mut [(u32, f32)], length: f32) {
    let norm = part.iter().map(|(_, x)| x * x).sum::<f32>().sqrt();
    if norm > 0.0 {
        part.iter_mut().for_each(|(_, x)| *x *= length / norm);
    }
}

fn prepared(text: &str) -> Vec<char> {
    std::iter::once(START)
        .chain(text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }))
        .chain(std::iter::once(END))
        .collect()
}

fn counted(field: usize, settings: &Field, text: &str) -> std::collections::BTreeMap<u64, u32> {
    let mut counts = std::collections::BTreeMap::new();
    if text.is_empty() {
        return counts;
    }
    let chars = prepared(text);
    for n in 1..=usize::from(settings.longest) {
        for gram in chars.windows(n) {
            *counts.entry(hash(field, gram)).or_insert(0) += 1;
        }
    }
    counts
}

/// FNV-1a over the field and the characters, finished with a multiply-shift.
fn hash(field: usize, gram: &[char]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64 ^ (field as u64 + 1);
    hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
    for &c in gram {
        hash ^= u64::from(u32::from(c));
        hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash ^= hash >> 32;
    // 32 bits are enough for some hundred thousand grams and halve the stored model.
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}
