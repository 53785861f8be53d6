//! Several heads over the same documents, trained together and stored small.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::grams::{each, prepare};
use super::meaning::Meaning;
use super::svm;
use super::vectorizer::{Document, Field, Key, Vectorizer};
use crate::StaticVectors;

/// What one unit of a gram's stored rarity is: idf² in 16 bits, which is enough for every idf below 16.
const RARITY_UNIT: f32 = 1.0 / 256.0;

/// A document and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// What the heads look at.
    pub document: Document,
    /// For each head: whether it applies; `None` when nobody looked.
    pub labels: Vec<Option<bool>>,
    /// How much the example counts; 1 for an ordinary one.
    pub weight: f32,
}

/// How heads are trained.
#[derive(Debug, Clone, Copy)]
pub struct Training<'v> {
    /// Cost of a mistake on a positive and on a negative example.
    pub cost: (f32, f32),
    /// Seed of the order of the examples.
    pub seed: u64,
    /// Most grams that are kept: those that decide most over all heads and examples. The heads are
    /// trained again on what is left.
    pub keep: usize,
    /// Where the words of the first field count by their meaning too, the vectors.
    pub meaning: Option<&'v StaticVectors>,
}

/// Heads over character n-grams. The weight of a gram in a head is kept as an 8-bit integer, multiplied by
/// the gram's idf, with one scale a head: what a text adds to a margin is then a sum of small integers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextModel {
    pub(super) fields: Vec<Field>,
    heads: Vec<String>,
    bias: Vec<f32>,
    /// Ascending.
    pub(super) keys: Vec<Key>,
    /// idf² of every gram, in units of [`RARITY_UNIT`].
    pub(super) rarity: Vec<u16>,
    /// Gram by gram, a value for each head.
    weights: Vec<i8>,
    scale: Vec<f32>,
    /// Number by number, a value for each head.
    numbers: Vec<f32>,
    pub(super) meaning: Option<Meaning>,
}

/// What a field of a document, or some of its texts, come to before they are scaled: for each head the sum
/// of the weights, and the sum of the rarities.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sum {
    /// In the order of the heads; what comes after them is nothing.
    pub weights: Vec<i32>,
    /// Of all grams.
    pub rarity: u32,
}

impl TextModel {
    /// Trains one head for each name. The same data and seed give the same model on any number of threads.
    pub fn train(fields: Vec<Field>, heads: &[String], examples: &[Example], how: &Training<'_>) -> Self {
        let mut vectorizer = Vectorizer::fit(fields.clone(), examples.iter().map(|e| &e.document));
        let means: Vec<Vec<f32>> = examples
            .par_iter()
            .map(|e| how.meaning.map_or_else(Vec::new, |vectors| Meaning::mean(vectors, &e.document)))
            .collect();
        let mut trained = fit(&vectorizer, examples, &means, heads.len(), how);
        if vectorizer.keys.len() > how.keep {
            let keep = deciding(&vectorizer, &trained, how.keep);
            vectorizer.retain(&keep);
            trained = fit(&vectorizer, examples, &means, heads.len(), how);
        }
        let grams = vectorizer.keys.len();
        let numbers = examples.first().map_or(0, |e| e.document.numbers.len());
        // From here on a weight is what one more of its gram adds before the field is scaled.
        for (weights, _) in &mut trained {
            weights.iter_mut().zip(&vectorizer.idf).for_each(|(weight, idf)| *weight *= idf);
        }
        let scale: Vec<f32> = trained.iter().map(|(weights, _)| unit(&weights[..grams])).collect();
        let quantised = |row: usize, head: usize| (trained[head].0[row] / scale[head]).round() as i8;
        // A gram whose weights all round to nothing need not be kept.
        let keep: Vec<bool> = (0..grams).map(|row| (0..heads.len()).any(|head| quantised(row, head) != 0)).collect();
        let rows = (0..grams).filter(|&row| keep[row]);
        let weights = rows.flat_map(|row| (0..heads.len()).map(move |head| (row, head)));
        let weights = weights.map(|(row, head)| quantised(row, head)).collect();
        vectorizer.retain(&keep);
        let row = |row: usize| trained.iter().map(move |(weights, _)| weights[grams + row]);
        let meaning = how.meaning.map(|vectors| {
            let columns: Vec<&[f32]> = trained.iter().map(|(weights, _)| &weights[grams + numbers..]).collect();
            Meaning::project(vectors, &columns)
        });
        Self {
            fields,
            heads: heads.to_vec(),
            bias: trained.iter().map(|(_, bias)| *bias).collect(),
            rarity: vectorizer.idf.iter().map(|idf| (idf * idf / RARITY_UNIT).round() as u16).collect(),
            keys: vectorizer.keys,
            weights,
            scale,
            numbers: (0..numbers).flat_map(row).collect(),
            meaning,
        }
    }

    /// The model with every margin multiplied by `factor`.
    #[must_use]
    pub fn scaled(mut self, factor: f32) -> Self {
        let all = self.bias.iter_mut().chain(&mut self.scale).chain(&mut self.numbers);
        all.for_each(|x| *x *= factor);
        if let Some(meaning) = &mut self.meaning {
            meaning.scale.iter_mut().for_each(|x| *x *= factor);
        }
        self
    }

    /// Names of the heads.
    pub fn heads(&self) -> &[String] {
        &self.heads
    }

    /// How many grams were kept.
    pub fn grams(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn weights(&self, row: usize) -> &[i8] {
        let heads = self.heads.len();
        self.weights.get(row * heads..(row + 1) * heads).unwrap_or_default()
    }

    /// The margins of a document of these numbers, before any text is added.
    pub fn begin(&self, numbers: &[f32]) -> Vec<f32> {
        let mut margins = self.bias.clone();
        if !margins.is_empty() {
            for (weights, &value) in self.numbers.chunks_exact(self.heads.len()).zip(numbers) {
                margins.iter_mut().zip(weights).for_each(|(margin, weight)| *margin += value * weight);
            }
        }
        margins
    }

    /// Adds what the texts of a field come to.
    pub fn add_field(&self, field: usize, weights: &[i32], rarity: u32, margins: &mut [f32]) {
        let length = self.fields.get(field).map_or(0.0, |field| field.weight);
        add(weights, rarity, &self.scale, length / (rarity as f32 * RARITY_UNIT).sqrt(), margins);
    }

    /// Adds what the words of the first field come to.
    pub fn add_meaning(&self, weights: &[i32], rarity: u32, margins: &mut [f32]) {
        if let Some(meaning) = &self.meaning {
            add(weights, rarity, &meaning.scale, meaning.unit / (rarity as f32).sqrt(), margins);
        }
    }

    /// The margin of every head: positive where it applies, about 1 where it is sure. For many documents
    /// there is [`super::Reader`], which is faster; it says the same.
    pub fn margins(&self, document: &Document, vectors: &StaticVectors) -> Vec<f32> {
        let mut margins = self.begin(&document.numbers);
        let mut chars = Vec::new();
        for (index, (field, texts)) in self.fields.iter().zip(&document.texts).enumerate() {
            let mut sum = Sum { weights: vec![0; self.heads.len()], rarity: 0 };
            for text in texts {
                prepare(text, &mut chars);
                each(&chars, usize::from(field.longest), |hash, _, _| {
                    if let Ok(row) = self.keys.binary_search(&Key::new(hash, index)) {
                        sum.add(self.weights(row), self.rarity[row]);
                    }
                });
            }
            self.add_field(index, &sum.weights, sum.rarity, &mut margins);
        }
        if let Some(meaning) = &self.meaning {
            let mut sum = Sum { weights: vec![0; self.heads.len()], rarity: 0 };
            for text in document.texts.first().into_iter().flatten() {
                vectors.words(text, |word| sum.add(meaning.weights(word), meaning.rarity(word)));
            }
            self.add_meaning(&sum.weights, sum.rarity, &mut margins);
        }
        margins
    }

    /// What each character of a text as the first field adds to a head's margin by its grams; empty for an
    /// unknown head.
    pub fn contributions(&self, text: &str, head: &str) -> Vec<f32> {
        self.shares(text, head, |hash, index| {
            let row = self.keys.binary_search(&Key::new(hash, 0)).ok()?;
            Some((self.rarity[row], self.weights(row)[index]))
        })
    }

    /// The same with a way to the rarity of a gram of the first field and its weight in the head of a number.
    pub(super) fn shares(&self, text: &str, head: &str, look: impl Fn(u32, usize) -> Option<(u16, i8)>) -> Vec<f32> {
        let (Some(index), Some(field)) = (self.heads.iter().position(|h| h == head), self.fields.first()) else {
            return Vec::new();
        };
        let mut shares = vec![0.0f32; text.chars().count()];
        let mut chars = Vec::new();
        prepare(text, &mut chars);
        let mut rarity = 0;
        let mut placed = Vec::new();
        each(&chars, usize::from(field.longest), |hash, at, length| {
            if let Some((own, weight)) = look(hash, index) {
                rarity += u32::from(own);
                placed.push((at, length, weight));
            }
        });
        let scale = self.scale[index] * field.weight / (rarity as f32 * RARITY_UNIT).sqrt().max(f32::MIN_POSITIVE);
        let last = shares.len();
        for (at, length, weight) in placed {
            // The start mark shifts every place by one.
            let (start, end) = (at.saturating_sub(1).min(last), (at + length).saturating_sub(1).min(last));
            let span = &mut shares[start..end.max(start)];
            let each = f32::from(weight) * scale / span.len().max(1) as f32;
            span.iter_mut().for_each(|share| *share += each);
        }
        shares
    }
}

impl Sum {
    /// Adds a gram or word.
    fn add(&mut self, weights: &[i8], rarity: u16) {
        self.weights.iter_mut().zip(weights).for_each(|(sum, &weight)| *sum += i32::from(weight));
        self.rarity += u32::from(rarity);
    }

    /// Adds what other texts come to.
    pub fn merge(&mut self, weights: &[i32], rarity: u32) {
        self.weights.resize(self.weights.len().max(weights.len()), 0);
        self.weights.iter_mut().zip(weights).for_each(|(sum, more)| *sum += more);
        self.rarity += rarity;
    }
}

fn add(weights: &[i32], rarity: u32, scale: &[f32], factor: f32, margins: &mut [f32]) {
    if rarity > 0 {
        let sums = weights.iter().zip(scale);
        margins
            .iter_mut()
            .zip(sums)
            .for_each(|(margin, (&sum, scale))| *margin += sum as f32 * scale * factor);
    }
}

/// What a unit of 8 bits must be worth for the largest of these to fit.
pub(super) fn unit(weights: &[f32]) -> f32 {
    let largest = weights.iter().fold(0.0f32, |max, w| max.max(w.abs()));
    if largest > 0.0 { largest / 127.0 } else { 1.0 }
}

/// Weights of the grams, the numbers and the meaning, and bias, of every head.
fn fit(
    vectorizer: &Vectorizer,
    examples: &[Example],
    means: &[Vec<f32>],
    heads: usize,
    how: &Training<'_>,
) -> Vec<(Vec<f32>, f32)> {
    let grams = vectorizer.keys.len() as u32;
    let vectors: Vec<Vec<(u32, f32)>> = examples
        .par_iter()
        .zip(means)
        .map(|(example, mean)| {
            let mut vector = vectorizer.vector(&example.document);
            vector.extend((grams..).zip(example.document.numbers.iter().chain(mean).copied()));
            vector
        })
        .collect();
    let dense = examples.first().zip(means.first()).map_or(0, |(e, mean)| e.document.numbers.len() + mean.len());
    (0..heads)
        .into_par_iter()
        .map(|head| {
            let known: Vec<svm::Row<'_>> = examples
                .iter()
                .zip(&vectors)
                .filter_map(|(example, vector)| {
                    let positive = example.labels.get(head).copied().flatten()?;
                    let cost = example.weight * if positive { how.cost.0 } else { how.cost.1 };
                    Some(svm::Row { vector, positive, cost })
                })
                .collect();
            svm::train(&known, grams as usize + dense, how.seed)
        })
        .collect()
}

/// The grams that decide most: by documents · Σ (idf · weight)² over the heads, which is what they add to the
/// spread of the margins.
fn deciding(vectorizer: &Vectorizer, trained: &[(Vec<f32>, f32)], keep: usize) -> Vec<bool> {
    let spread = |row: usize| {
        let weights: f32 = trained.iter().map(|(weights, _)| weights[row].powi(2)).sum();
        weights * vectorizer.idf[row].powi(2) * vectorizer.documents[row] as f32
    };
    let spreads: Vec<f32> = (0..vectorizer.keys.len()).map(spread).collect();
    let mut rows: Vec<usize> = (0..spreads.len()).collect();
    rows.sort_by(|&a, &b| spreads[b].total_cmp(&spreads[a]).then(a.cmp(&b)));
    let mut kept = vec![false; spreads.len()];
    rows.into_iter().take(keep).for_each(|row| kept[row] = true);
    kept
}
