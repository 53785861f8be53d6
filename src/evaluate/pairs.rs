//! How well the similarity of two sentences tells whether they mean the same: area under the ROC curve, of the vectors'
//! cosine and of BM25.

use std::collections::{BTreeMap, HashMap};

use qingting_models::{Encoder, cosine};
use serde::Serialize;

/// Saturation and length normalization of BM25 (Robertson and Zaragoza 2009), the usual values.
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// Sentences encoded at a time.
const BATCH: usize = 512;

/// Two sentences, and whether they mean the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The one.
    pub left: String,
    /// The other.
    pub right: String,
    /// Whether they mean the same.
    pub same: bool,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairFigures {
    /// Pairs.
    pub pairs: usize,
    /// Of these, such as mean the same.
    pub same: usize,
    /// Area under the ROC curve of the cosine of the vectors of each encoder, by its name.
    pub vectors: BTreeMap<String, f64>,
    /// The same of BM25.
    pub bm25: f64,
}

/// Reads lines of sentence, sentence and 0 or 1, parted by tabs. Blank lines are left out.
///
/// # Errors
/// Line number and what is wrong there.
pub fn parse(text: &str) -> Result<Vec<Pair>, String> {
    let mut pairs = Vec::new();
    for (line, number) in text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split('\t').collect();
        let &[left, right, label] = fields.as_slice() else {
            return Err(format!("{number}: {} fields, not 3", fields.len()));
        };
        let same = match label.trim() {
            "1" => true,
            "0" => false,
            other => return Err(format!("{number}: the last field is {other:?}, not 0 or 1")),
        };
        pairs.push(Pair { left: left.to_owned(), right: right.to_owned(), same });
    }
    Ok(pairs)
}

/// Measures both similarities. `fold` brings a sentence into the form in which it is matched, `words` cuts that. The
/// sentences of all pairs are the corpus of BM25, and the mean of both directions is the similarity of a pair.
///
/// # Errors
/// When the encoder fails.
pub fn evaluate(
    pairs: &[Pair],
    encoders: &[&dyn Encoder],
    fold: impl Fn(&str) -> String,
    words: impl Fn(&str) -> Vec<String>,
) -> qingting_models::Result<PairFigures> {
    let sentences: Vec<String> = pairs.iter().flat_map(|pair| [fold(&pair.left), fold(&pair.right)]).collect();
    let corpus = Corpus::new(sentences.iter().map(|sentence| words(sentence)).collect());
    let scored = |score: &dyn Fn(usize) -> f64| {
        let scores = pairs.iter().enumerate().map(|(i, pair)| (score(2 * i), pair.same));
        roc_auc(scores.collect())
    };
    let mut areas = BTreeMap::new();
    for encoder in encoders {
        let mut vectors = Vec::with_capacity(sentences.len());
        for batch in sentences.chunks(BATCH) {
            vectors.extend(encoder.encode(&batch.iter().map(String::as_str).collect::<Vec<_>>())?);
        }
        let area = scored(&|at| match (vectors.get(at), vectors.get(at + 1)) {
            (Some(a), Some(b)) => f64::from(cosine(a, b)),
            _ => 0.0,
        });
        areas.insert(encoder.name().to_owned(), area);
    }
    Ok(PairFigures {
        pairs: pairs.len(),
        same: pairs.iter().filter(|pair| pair.same).count(),
        vectors: areas,
        bm25: scored(&|at| f64::midpoint(corpus.score(at, at + 1), corpus.score(at + 1, at))),
    })
}

/// The share of pairs of one of each kind in which the one that means the same has the higher score; equal scores count
/// a half (Mann and Whitney). 0.5 when there is only one kind.
fn roc_auc(mut scores: Vec<(f64, bool)>) -> f64 {
    scores.sort_by(|a, b| a.0.total_cmp(&b.0));
    let same = scores.iter().filter(|(_, same)| *same).count() as f64;
    let other = scores.len() as f64 - same;
    if same == 0.0 || other == 0.0 {
        return 0.5;
    }
    let (mut below, mut area) = (0.0, 0.0);
    for equal in scores.chunk_by(|a, b| a.0 == b.0) {
        let same = equal.iter().filter(|(_, same)| *same).count() as f64;
        let other = equal.len() as f64 - same;
        area += same * (below + other / 2.0);
        below += other;
    }
    area / (same * other)
}

/// Sentences as words, with how many sentences have each.
struct Corpus {
    sentences: Vec<Vec<String>>,
    frequency: HashMap<String, usize>,
    mean_length: f64,
}

impl Corpus {
    fn new(sentences: Vec<Vec<String>>) -> Self {
        let mut frequency: HashMap<String, usize> = HashMap::new();
        for sentence in &sentences {
            let mut distinct: Vec<&String> = sentence.iter().collect();
            distinct.sort();
            distinct.dedup();
            for word in distinct {
                *frequency.entry(word.clone()).or_default() += 1;
            }
        }
        let words: usize = sentences.iter().map(Vec::len).sum();
        let mean_length = (words as f64 / sentences.len().max(1) as f64).max(1.0);
        Self { sentences, frequency, mean_length }
    }

    /// BM25 of one sentence as the query on another as the document.
    fn score(&self, query: usize, document: usize) -> f64 {
        let (Some(query), Some(document)) = (self.sentences.get(query), self.sentences.get(document)) else {
            return 0.0;
        };
        let length = 1.0 - B + B * document.len() as f64 / self.mean_length;
        let all = self.sentences.len() as f64;
        query
            .iter()
            .map(|word| {
                let count = document.iter().filter(|other| *other == word).count() as f64;
                let having = self.frequency.get(word).copied().unwrap_or(0) as f64;
                let idf = (1.0 + (all - having + 0.5) / (having + 0.5)).ln();
                idf * count * (K1 + 1.0) / (count + K1 * length)
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use qingting_models::StaticVectors;

    use super::*;

    #[test]
    fn the_area_is_the_share_of_pairs_in_order() {
        assert_eq!(roc_auc(vec![(0.1, false), (0.4, true), (0.35, false), (0.8, true)]), 1.0);
        assert_eq!(roc_auc(vec![(0.1, true), (0.4, false)]), 0.0);
        // Of the four pairs two are in order, one is equal, one is not.
        assert_eq!(roc_auc(vec![(0.1, false), (0.4, true), (0.4, false), (0.05, true)]), 0.375);
        assert_eq!(roc_auc(vec![(0.3, true)]), 0.5);
    }

    #[test]
    fn lines_that_are_no_pairs_are_named() {
        let pairs = parse("甲\t乙\t1\n\n丙\t丁\t0\n").unwrap();
        assert_eq!(pairs.iter().map(|p| p.same).collect::<Vec<_>>(), [true, false]);
        assert_eq!(parse("甲\t乙\t1\n丙\t丁\n").unwrap_err(), "2: 2 fields, not 3");
        assert!(parse("甲\t乙\tyes\n").unwrap_err().starts_with("1:"));
    }

    #[test]
    fn rare_words_in_common_count_more_than_common_ones() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect();
        let corpus = Corpus::new(["路灯 坏 了", "路灯 好 了", "水管 好 了", "电梯 好 了"].map(words).to_vec());
        assert!(corpus.score(0, 1) > corpus.score(1, 2) && corpus.score(1, 2) > corpus.score(0, 3));
    }

    #[test]
    fn other_words_for_the_same_are_told_by_vectors_and_not_by_words() {
        let text = "小区停水三天了\t家里好几天没有自来水\t1\n社保卡怎么补办\t医保卡丢了去哪里重新办\t1\n\
                    小区停水三天了\t社保卡怎么补办\t0\n家里好几天没有自来水\t医保卡丢了去哪里重新办\t0\n";
        let cut = |text: &str| text.chars().map(String::from).collect();
        let encoder = StaticVectors::embedded().unwrap();
        let figures = evaluate(&parse(text).unwrap(), &[&*encoder], str::to_owned, cut).unwrap();
        assert_eq!((figures.pairs, figures.same, figures.vectors[encoder.name()]), (4, 2, 1.0));
    }
}
