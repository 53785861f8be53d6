//! Distillation: every word of a list through the transformer, what all words have in common
//! taken away, the rest turned to its main directions, evened out and rounded to 8 bits. The result is the
//! table behind [`crate::StaticVectors`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::encoder::BertEncoder;
use super::network::{guarded, rows};
use crate::static_vectors::{Layout, Lexicon};
use crate::{Encoder, Error, Result};

/// Words sent to the transformer at a time.
const CHUNK: usize = 1024;

/// How to distil.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DistillOptions {
    /// Words with a frequency that are taken, the most frequent first.
    pub words: usize,
    /// Most characters in a word.
    pub longest: usize,
    /// Length of the vectors.
    pub dimensions: usize,
    /// `a` of the weight `a / (a + p)` of a word of chance `p`.
    pub smoothing: f32,
    /// Threads.
    pub threads: usize,
}

impl Default for DistillOptions {
    fn default() -> Self {
        Self { words: 34_000, longest: 6, dimensions: 224, smoothing: 3e-3, threads: 1 }
    }
}

/// Distils the words of `lists` and returns the bytes of the table.
///
/// A list has a word a line, with a frequency and a tag or not, `#` for comments (jieba's
/// dictionary is one). Words without a frequency are all taken, and made likelier than the parts
/// they consist of.
///
/// # Errors
/// When the folder or a list cannot be read, or the lists hold too few words.
pub fn distill(
    encoder: &Path,
    lists: &[PathBuf],
    options: &DistillOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<u8>> {
    let mut texts = Vec::with_capacity(lists.len());
    for list in lists {
        texts.push(std::fs::read_to_string(list).map_err(Error::io(list))?);
    }
    let words = choose(&texts, options);
    if words.len() < options.dimensions {
        return Err(Error::Setting(format!("{} words are too few for {} dimensions", words.len(), options.dimensions)));
    }
    let encoder = BertEncoder::open(encoder, options.threads)?;
    let names: Vec<&str> = words.iter().map(|(word, _)| word.as_str()).collect();
    let mut vectors = Vec::with_capacity(names.len());
    for chunk in names.chunks(CHUNK) {
        vectors.extend(encoder.encode(chunk)?);
        progress(vectors.len(), names.len());
    }
    let reduced = reduce(&vectors, options.dimensions)?;
    let chances: Vec<f32> = words.iter().map(|&(_, chance)| chance).collect();
    Ok(Layout::write(&names, options.smoothing, &chances, &reduced))
}

/// Words and the logarithms of their chances, in the order of the words.
fn choose(lists: &[String], options: &DistillOptions) -> Vec<(String, f32)> {
    let (mut counted, mut named) = (BTreeMap::new(), Vec::new());
    for line in lists.iter().flat_map(|list| list.lines()) {
        let line = line.split('#').next().unwrap_or_default();
        let mut fields = line.split_whitespace();
        let Some(word) = fields.next().map(str::to_lowercase) else {
            continue;
        };
        let characters = word.chars().count();
        if characters > options.longest || !word.chars().all(char::is_alphanumeric) {
            continue;
        }
        match fields.next().and_then(|field| field.parse::<u64>().ok()) {
            Some(frequency) if word.chars().all(is_han) => *counted.entry(word).or_insert(0) += frequency,
            Some(_) => {}
            None => named.push(word),
        }
    }
    let total = counted.values().sum::<u64>().max(1) as f32;
    let mut frequent: Vec<(String, u64)> = counted.into_iter().filter(|&(_, frequency)| frequency > 0).collect();
    frequent.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    frequent.truncate(options.words);
    let mut words: BTreeMap<String, f32> =
        frequent.into_iter().map(|(word, frequency)| (word, (frequency as f32 / total).ln())).collect();
    let lexicon = Lexicon::new(words.iter().map(|(word, &chance)| (word.as_str(), chance)));
    for word in named {
        let least = (0.5 / total).ln();
        let parts = lexicon.chance(&word).map_or(least, |chance| (chance + 0.1).max(least));
        words.entry(word).and_modify(|chance| *chance = chance.max(parts)).or_insert(parts);
    }
    words.into_iter().collect()
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
}

/// Takes the mean away, keeps the `dimensions` directions in which the rest varies most, and makes
/// it vary alike in all of them: what few directions share drowns what tells words apart.
fn reduce(vectors: &[Vec<f32>], dimensions: usize) -> Result<Vec<Vec<f32>>> {
    guarded(|| {
        let _no_grad = tch::no_grad_guard();
        let width = vectors.first().map_or(0, Vec::len);
        if dimensions > width {
            return Err(Error::Setting(format!("{dimensions} dimensions out of {width}")));
        }
        let flat: Vec<f32> = vectors.concat();
        let all = Tensor::of_slice(&flat).view([vectors.len() as i64, width as i64]).to_kind(Kind::Double);
        let centred = &all - all.mean_dim(Some([0i64].as_slice()), true, Kind::Double);
        let (_, directions) = centred.tr().matmul(&centred).linalg_eigh("L");
        // Ascending eigenvalues: the last columns vary most.
        let kept = directions.narrow(1, (width - dimensions) as i64, dimensions as i64).flip(&[1]);
        // An eigenvector's sign is arbitrary: its largest entry shall be positive.
        let largest = kept.gather(0, &kept.abs().argmax(0, true), false);
        let turned = centred.matmul(&(kept * largest.sign()));
        Ok(rows(&(&turned / turned.std_dim(Some([0i64].as_slice()), false, true).clamp_min(1e-9))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> DistillOptions {
        DistillOptions { words: 4, longest: 4, dimensions: 2, ..DistillOptions::default() }
    }

    #[test]
    fn frequent_words_are_chosen_and_named_ones_beat_their_parts() {
        let counted = "的 900 u\n社保 50 n\n卡 40 n\n稀 1 g\n少 2 d\n一二三四五 99 n\nABC 99 n\n".to_owned();
        let named = "# comment\n社保卡 n\nWiFi\n".to_owned();
        let words: BTreeMap<String, f32> = choose(&[counted, named], &options()).into_iter().collect();
        assert_eq!(words.keys().map(String::as_str).collect::<Vec<_>>(), ["wifi", "卡", "少", "的", "社保", "社保卡"]);
        let lexicon = Lexicon::new(words.iter().map(|(word, &chance)| (word.as_str(), chance)));
        assert_eq!(lexicon.cut("社保卡").len(), 1);
    }

    #[test]
    fn reduction_keeps_what_varies_most() {
        // Of the three, one never varies, one a little, one much: with two kept, both vary alike.
        let vectors: Vec<Vec<f32>> = (0..20).map(|i| vec![5.0, i as f32, (i % 2) as f32 * 0.1]).collect();
        let reduced = reduce(&vectors, 2).unwrap();
        let slope = reduced[19][0] - reduced[0][0];
        for (i, row) in reduced.iter().enumerate() {
            assert!((row[0] - slope * (i as f32 - 9.5) / 19.0).abs() < 0.05, "{row:?}");
            assert!((row[1].abs() - 1.0).abs() < 0.2, "{row:?}");
        }
        assert!(reduce(&vectors, 4).is_err());
    }
}
