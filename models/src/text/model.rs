//! Several heads over the same vectors, trained together and stored small.

use std::cell::RefCell;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::grams::Scratch;
use super::svm;
use super::vectorizer::{Document, Field, Kept, Vectorizer};

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

/// Heads over character n-grams. Weights are kept as 8-bit integers with one scale a head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct TextModel {
    vectorizer: Vectorizer,
    heads: Vec<String>,
    bias: Vec<f32>,
    scale: Vec<f32>,
    /// Of the rows of numbers, row by row, a value for each head; the grams lie with their weights. Every
    /// document has all numbers, so they are converted once.
    dense: Vec<f32>,
}

/// What is stored of a model.
#[derive(Serialize, Deserialize)]
struct Stored {
    vectorizer: Kept,
    heads: Vec<String>,
    bias: Vec<f32>,
    scale: Vec<f32>,
    /// Row by row, a value for each head.
    weights: Vec<i8>,
}

impl From<Stored> for TextModel {
    fn from(stored: Stored) -> Self {
        let Stored { vectorizer, heads, bias, scale, weights } = stored;
        let vectorizer = Vectorizer::new(vectorizer, &weights, heads.len());
        let numbers = weights.get(vectorizer.grams() * heads.len()..).unwrap_or_default();
        let dense = numbers.iter().map(|&weight| f32::from(weight)).collect();
        Self { vectorizer, heads, bias, scale, dense }
    }
}

impl From<TextModel> for Stored {
    fn from(model: TextModel) -> Self {
        let TextModel { vectorizer, heads, bias, scale, dense } = model;
        let grams = vectorizer.slots().flat_map(|slot| vectorizer.weights(slot)).map(|&weight| weight.cast_signed());
        let weights = grams.chain(dense.iter().map(|&weight| weight as i8)).collect();
        Self { vectorizer: vectorizer.into_kept(), heads, bias, scale, weights }
    }
}

impl TextModel {
    /// Trains one head for each name. `cost` is the cost of a mistake on a positive and on a negative
    /// example; the same data and seed give the same model on any number of threads.
    pub fn train(fields: Vec<Field>, heads: &[String], examples: &[Example], cost: (f32, f32), seed: u64) -> Self {
        let mut vectorizer = Vectorizer::fit(fields, examples.iter().map(|e| &e.document));
        let vectors: Vec<Vec<(u32, f32)>> = examples.par_iter().map(|e| vectorizer.vector(&e.document)).collect();
        let rows = vectorizer.rows();
        let trained: Vec<(Vec<f32>, f32)> = (0..heads.len())
            .into_par_iter()
            .map(|head| {
                let known: Vec<svm::Row<'_>> = examples
                    .iter()
                    .zip(&vectors)
                    .filter_map(|(example, vector)| {
                        let positive = example.labels.get(head).copied().flatten()?;
                        let cost = example.weight * if positive { cost.0 } else { cost.1 };
                        Some(svm::Row { vector, positive, cost })
                    })
                    .collect();
                svm::train(&known, rows, seed)
            })
            .collect();
        let scale: Vec<f32> = trained
            .iter()
            .map(|(weights, _)| weights.iter().fold(0.0f32, |max, w| max.max(w.abs())) / 127.0)
            .map(|scale| if scale > 0.0 { scale } else { 1.0 })
            .collect();
        let quantised = |row: usize, head: usize| (trained[head].0[row] / scale[head]).round() as i8;
        // A gram whose weights all round to nothing need not be kept.
        let grams = vectorizer.grams();
        let keep: Vec<bool> = (0..grams).map(|row| (0..heads.len()).any(|head| quantised(row, head) != 0)).collect();
        let mut weights = Vec::new();
        for row in 0..rows {
            if keep.get(row).copied().unwrap_or(true) {
                weights.extend((0..heads.len()).map(|head| quantised(row, head)));
            }
        }
        vectorizer.retain(&keep);
        let bias = trained.iter().map(|(_, bias)| *bias).collect();
        Stored { vectorizer: vectorizer.into_kept(), heads: heads.to_vec(), bias, scale, weights }.into()
    }

    /// The model with every margin multiplied by `factor`.
    #[must_use]
    pub fn scaled(mut self, factor: f32) -> Self {
        self.bias.iter_mut().chain(&mut self.scale).for_each(|x| *x *= factor);
        self
    }

    /// Names of the heads.
    pub fn heads(&self) -> &[String] {
        &self.heads
    }

    /// How many grams were kept.
    pub fn grams(&self) -> usize {
        self.vectorizer.grams()
    }

    /// The margin of every head: positive where it applies, about 1 where it is sure.
    pub fn margins(&self, document: &Document) -> Vec<f32> {
        let texts: Vec<&str> = document.texts.iter().map(String::as_str).collect();
        self.margins_of(&texts, &document.numbers)
    }

    /// The same for the parts of a document that nobody has put together.
    pub fn margins_of(&self, texts: &[&str], numbers: &[f32]) -> Vec<f32> {
        // Every turn is read by several models: the room for that is kept.
        thread_local!(static SCRATCH: RefCell<Scratch> = RefCell::default());
        SCRATCH.with_borrow_mut(|scratch| self.sum(texts, numbers, scratch))
    }

    fn sum(&self, texts: &[&str], numbers: &[f32], scratch: &mut Scratch) -> Vec<f32> {
        let count = self.heads.len();
        if count == 0 {
            return Vec::new();
        }
        let mut sums = vec![0.0f32; count];
        self.vectorizer.grams_of(texts, scratch);
        for &(gram, value) in &scratch.vector {
            for (sum, &weight) in sums.iter_mut().zip(self.vectorizer.weights(gram.slot())) {
                *sum += value * f32::from(weight.cast_signed());
            }
        }
        let numbers = numbers.iter().take(self.vectorizer.numbers());
        for (weights, &value) in self.dense.chunks_exact(count).zip(numbers) {
            for (sum, &weight) in sums.iter_mut().zip(weights) {
                *sum += value * weight;
            }
        }
        sums.iter()
            .zip(&self.scale)
            .zip(&self.bias)
            .map(|((sum, scale), bias)| sum * scale + bias)
            .collect()
    }

    /// What each character of the first field adds to a head's margin; empty for an unknown head.
    pub fn contributions(&self, text: &str, head: &str) -> Vec<f32> {
        let Some(index) = self.heads.iter().position(|h| h == head) else {
            return Vec::new();
        };
        let mut shares = vec![0.0f32; text.chars().count()];
        for placed in self.vectorizer.places(text) {
            let weight = self.vectorizer.weights(placed.slot).get(index).map_or(0, |weight| weight.cast_signed());
            let span = &mut shares[placed.start..placed.end.max(placed.start)];
            let each = placed.value * f32::from(weight) * self.scale[index] / span.len().max(1) as f32;
            span.iter_mut().for_each(|share| *share += each);
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field() -> Field {
        Field { longest: 3, min_documents: 1, weight: 1.0 }
    }

    fn example(text: &str, label: Option<bool>) -> Example {
        Example {
            document: Document { texts: vec![text.to_owned()], numbers: vec![0.5] },
            labels: vec![label],
            weight: 1.0,
        }
    }

    fn model() -> TextModel {
        let data = [
            ("快点说行不行", true),
            ("你快点说", true),
            ("快点快点", true),
            ("您慢慢说", false),
            ("您请讲", false),
            ("不着急您说", false),
        ];
        let mut examples: Vec<Example> = data.iter().map(|(text, y)| example(text, Some(*y))).collect();
        examples.push(example("没有人看过", None));
        TextModel::train(vec![field()], &["hurry".to_owned()], &examples, (4.0, 4.0), 1)
    }

    #[test]
    fn a_head_tells_its_examples_apart_and_says_where() {
        let model = model();
        let margin = |text: &str| model.margins(&example(text, None).document)[0];
        assert!(margin("那你快点") > 0.0 && margin("您慢慢讲") < 0.0);
        let shares = model.contributions("您先快点讲", "hurry");
        assert_eq!(shares.len(), 5);
        assert!(shares[2] + shares[3] > shares[0] + shares[4], "{shares:?}");
        assert!(model.contributions("好", "other").is_empty());
    }

    #[test]
    fn the_shares_of_the_characters_add_up_to_the_margin() {
        let model = TextModel::train(
            vec![Field { weight: 2.0, ..field() }],
            &["hurry".to_owned()],
            &[("快点说", true), ("慢点说", false)].map(|(text, y)| Example {
                document: Document { texts: vec![text.to_owned()], numbers: Vec::new() },
                labels: vec![Some(y)],
                weight: 1.0,
            }),
            (4.0, 4.0),
            1,
        );
        let document = Document { texts: vec!["快快点说".to_owned()], numbers: Vec::new() };
        // Grams that are nothing but the start or end mark have no character of their own.
        let sum: f32 = model.contributions("快快点说", "hurry").iter().sum();
        assert!((model.margins(&document)[0] - model.bias[0] - sum).abs() < 0.2);
    }

    #[test]
    fn a_text_without_known_grams_has_the_bias_alone() {
        let model = model();
        let document = Document { texts: vec![String::new()], numbers: vec![0.0] };
        assert_eq!(model.margins(&document), model.bias);
    }
}
