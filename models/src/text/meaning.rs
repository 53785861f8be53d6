//! What the words of a text mean to the heads. A head is linear in the vectors of the words, so that what a
//! word adds to it can be worked out once: at run time a word is looked up like a gram and no vector is
//! ever put together. The sum is divided by the root of Σ |vector|² of its words.

use serde::{Deserialize, Serialize};

use super::model::unit;
use super::vectorizer::Document;
use crate::StaticVectors;

/// Length of the part of the document that is the meaning, where all words are unlike.
const LENGTH: f32 = 1.0;

/// What each word adds to each head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Meaning {
    /// Word by word, a value for each head.
    weights: Vec<i8>,
    pub(super) scale: Vec<f32>,
    /// |vector|² of every word, in 16 bits.
    rarity: Vec<u16>,
    /// The root of the reciprocal of what a unit of these is worth.
    pub(super) unit: f32,
}

impl Meaning {
    /// The meaning of the first field's texts, as training sees it.
    pub(super) fn mean(vectors: &StaticVectors, document: &Document) -> Vec<f32> {
        let mut mean = vec![0.0f32; vectors.width()];
        let mut squares = 0.0f32;
        for text in document.texts.first().into_iter().flatten() {
            vectors.words(text, |word| {
                let mut length = 0.0f32;
                for (x, value) in mean.iter_mut().zip(vectors.row(word)) {
                    *x += value;
                    length += value * value;
                }
                squares += length;
            });
        }
        let scale = LENGTH / squares.sqrt().max(f32::MIN_POSITIVE);
        mean.iter_mut().for_each(|x| *x *= scale);
        mean
    }

    /// Of heads that weigh the meaning so.
    pub(super) fn project(vectors: &StaticVectors, heads: &[&[f32]]) -> Self {
        let rows: Vec<Vec<f32>> = (0..vectors.count()).map(|word| vectors.row(word).collect()).collect();
        let of = |head: &&[f32]| -> Vec<f32> {
            rows.iter().map(|row| row.iter().zip(*head).map(|(x, w)| x * w).sum()).collect()
        };
        let columns: Vec<Vec<f32>> = heads.iter().map(of).collect();
        let scale: Vec<f32> = columns.iter().map(|column| unit(column)).collect();
        let squares: Vec<f32> = rows.iter().map(|row| row.iter().map(|x| x * x).sum()).collect();
        let worth = squares.iter().copied().fold(f32::MIN_POSITIVE, f32::max) / f32::from(u16::MAX);
        let weights = (0..rows.len())
            .flat_map(|word| {
                columns.iter().zip(&scale).map(move |(column, scale)| (column[word] / scale).round() as i8)
            })
            .collect();
        // A word without any weight would be no word.
        let rarity = squares.iter().map(|square| (square / worth).round().max(1.0) as u16).collect();
        Self { weights, rarity, scale, unit: LENGTH / worth.sqrt() }
    }

    pub(super) fn words(&self) -> usize {
        self.rarity.len()
    }

    pub(super) fn weights(&self, word: usize) -> &[i8] {
        let heads = self.scale.len();
        self.weights.get(word * heads..(word + 1) * heads).unwrap_or_default()
    }

    pub(super) fn rarity(&self, word: usize) -> u16 {
        self.rarity.get(word).copied().unwrap_or(0)
    }
}
