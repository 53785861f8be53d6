//! Documents as weighted words (TF-IDF): which words count, and how much.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{TopicConfig, TopicDocument};
use crate::segment::ContentWords;

/// A sparse matrix, kept by rows and by columns so that both products run in parallel.
#[derive(Debug, Default)]
pub(super) struct Sparse {
    pub(super) rows: Vec<Vec<(u32, f64)>>,
    pub(super) columns: Vec<Vec<(u32, f64)>>,
}

impl Sparse {
    fn new(rows: Vec<Vec<(u32, f64)>>, width: usize) -> Self {
        let mut columns = vec![Vec::new(); width];
        for (i, row) in rows.iter().enumerate() {
            for &(j, value) in row {
                columns[j as usize].push((i as u32, value));
            }
        }
        Self { rows, columns }
    }

    /// Indices of the rows that hold anything.
    pub(super) fn nonempty(&self) -> Vec<usize> {
        (0..self.rows.len()).filter(|&i| !self.rows[i].is_empty()).collect()
    }
}

/// The words of a batch and the documents made of them.
#[derive(Debug, Default)]
pub(super) struct Features {
    /// The form in which each word is shown: the most frequent one in the texts.
    pub(super) words: Vec<String>,
    /// For each document, its words with their weighted counts.
    pub(super) counts: Vec<Vec<(u32, f64)>>,
    /// TF-IDF, rows of length 1.
    pub(super) matrix: Sparse,
}

/// Words of one document: folded form → weighted count and shown form.
type Counted = BTreeMap<String, (f64, String)>;

/// Segments, counts and weighs.
pub(super) fn extract(documents: &[TopicDocument], content: &ContentWords, config: &TopicConfig) -> Features {
    let counted: Vec<Counted> = documents.par_iter().map(|d| count(d, content)).collect();

    let mut document_frequency: BTreeMap<&str, usize> = BTreeMap::new();
    let mut forms: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for words in &counted {
        for (word, (_, form)) in words {
            *document_frequency.entry(word).or_default() += 1;
            *forms.entry(word).or_default().entry(form).or_default() += 1;
        }
    }
    let total = documents.len() as f64;
    // In a small batch a word cannot be asked to be in many documents, nor in a small share of them.
    let least = config.min_df.min(documents.len().div_ceil(20)).max(1);
    let most = (config.max_df * total).max(8.0);
    let vocabulary: BTreeMap<&str, u32> = document_frequency
        .iter()
        .filter(|&(_, &df)| df >= least && df as f64 <= most)
        .map(|(&word, _)| word)
        .zip(0..)
        .collect();
    let idf: Vec<f64> = vocabulary.keys().map(|w| (1.0 + total / document_frequency[w] as f64).ln()).collect();
    let words = vocabulary
        .keys()
        .filter_map(|word| forms[word].iter().max_by_key(|&(form, n)| (*n, std::cmp::Reverse(form))))
        .map(|(form, _)| (*form).to_owned())
        .collect();

    let counts: Vec<Vec<(u32, f64)>> = counted
        .iter()
        .map(|words| {
            words.iter().filter_map(|(word, (n, _))| vocabulary.get(word.as_str()).map(|&j| (j, *n))).collect()
        })
        .collect();
    let rows = counts.iter().map(|row| weigh(row, &idf)).collect();
    Features { words, counts, matrix: Sparse::new(rows, idf.len()) }
}

fn weigh(row: &[(u32, f64)], idf: &[f64]) -> Vec<(u32, f64)> {
    let mut weighed: Vec<(u32, f64)> = row.iter().map(|&(j, n)| (j, (1.0 + n).ln() * idf[j as usize])).collect();
    let norm = weighed.iter().map(|(_, v)| v * v).sum::<f64>().sqrt();
    if norm > 0.0 {
        weighed.iter_mut().for_each(|(_, v)| *v /= norm);
    }
    weighed
}

fn count(document: &TopicDocument, content: &ContentWords) -> Counted {
    let mut counted = Counted::new();
    for (text, weight) in &document.passages {
        let content = content.of(text);
        let shown: Vec<char> = content.text.chars().collect();
        for token in &content.words {
            let span = token.span.start as usize..token.span.end as usize;
            let entry = counted
                .entry(token.word(&content.fold).to_owned())
                .or_insert_with(|| (0.0, shown.get(span).unwrap_or_default().iter().collect()));
            entry.0 += weight;
        }
    }
    counted
}
