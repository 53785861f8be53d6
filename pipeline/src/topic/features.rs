//! Documents as weighted words (TF-IDF): which words count, and how much.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::{TopicConfig, TopicDocument};
use crate::normalize::fold_char;
use crate::segment::Segmenter;

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
pub(super) fn extract(
    documents: &[TopicDocument],
    segmenter: &Segmenter,
    stop_words: &BTreeSet<String>,
    config: &TopicConfig,
) -> Features {
    let counted: Vec<Counted> = documents.par_iter().map(|d| count(d, segmenter, stop_words)).collect();

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
    let least = config.min_df.min(documents.len().div_ceil(10)).max(1);
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

fn count(document: &TopicDocument, segmenter: &Segmenter, stop_words: &BTreeSet<String>) -> Counted {
    let mut counted = Counted::new();
    for (text, weight) in &document.passages {
        let text = without_placeholders(text);
        let fold: String = text.chars().map(fold_char).collect();
        let shown: Vec<char> = text.chars().collect();
        for token in segmenter.cut(&fold) {
            let word = token.word(&fold);
            if !topical(word) || stop_words.contains(word) {
                continue;
            }
            let span = token.span.start as usize..token.span.end as usize;
            let entry = counted
                .entry(word.to_owned())
                .or_insert_with(|| (0.0, shown.get(span).unwrap_or_default().iter().collect()));
            entry.0 += weight;
        }
    }
    counted
}

/// Masked data takes no part: each placeholder becomes a comma, so that no word forms across it.
fn without_placeholders(text: &str) -> String {
    use crate::record::MaskKind::{Address, BankCard, Email, IdCard, Name, Phone, Plate};
    let mut text = text.to_owned();
    if text.contains('[') {
        for kind in [IdCard, BankCard, Phone, Plate, Email, Name, Address] {
            text = text.replace(kind.placeholder(), "，");
        }
    }
    text
}

/// Whether a word can carry a topic: at least two characters, and no digit or lone letter in it.
fn topical(word: &str) -> bool {
    let mut chars = 0;
    let mut numerals = 0;
    for c in word.chars() {
        if !c.is_alphabetic() {
            return false;
        }
        chars += 1;
        numerals += usize::from("一二两三四五六七八九十百千万亿零幺几".contains(c));
    }
    let mixed = word.chars().any(|c| c.is_ascii_alphabetic()) && !word.is_ascii();
    chars >= 2 && numerals * 2 < chars && !mixed
}
