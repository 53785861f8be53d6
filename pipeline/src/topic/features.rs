//! Documents as weighted words (TF-IDF): which words count, and how much. Owns the vocabulary of a
//! batch; knows nothing of what the words are used for.
//!
//! A batch of any size takes 8 bytes for each word of each document, and its vocabulary. Texts are cut
//! by many threads, a chunk at a time with a vocabulary of its own; the chunks are joined in their
//! order, so that the numbers of the words do not depend on the threads.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{TopicConfig, TopicDocument};
use crate::segment::ContentWords;

/// Documents that a model is fitted to; in a larger batch the others are placed by it.
pub(super) const MAX_FITTED: usize = 20_000;
/// Documents that one thread takes at a time.
pub(super) const CHUNK: usize = 256;
/// Documents that are worked on before their results are joined: what bounds the memory for results
/// not yet joined.
pub(super) const WAVE: usize = CHUNK * 32;

/// A sparse matrix by rows: cells of (column, value), one row after the other.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    ends: Vec<usize>,
    cells: Vec<(u32, f32)>,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn row(&self, i: usize) -> &[(u32, f32)] {
        let start = i.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.cells[start..self.ends[i]]
    }

    pub(super) fn push(&mut self, row: impl IntoIterator<Item = (u32, f32)>) {
        self.cells.extend(row);
        self.ends.push(self.cells.len());
    }

    /// The same matrix by its columns, of which there are so many.
    pub(super) fn transposed(&self, width: usize) -> Self {
        let mut ends = vec![0; width];
        for &(column, _) in &self.cells {
            ends[column as usize] += 1;
        }
        let mut next = Vec::with_capacity(width);
        let mut sum = 0;
        for end in &mut ends {
            next.push(sum);
            sum += *end;
            *end = sum;
        }
        let mut cells = vec![(0, 0.0); self.cells.len()];
        for i in 0..self.len() {
            for &(column, value) in self.row(i) {
                let place = &mut next[column as usize];
                cells[*place] = (i as u32, value);
                *place += 1;
            }
        }
        Self { ends, cells }
    }

    /// Gives every column its new number and drops those without; cells in the order of their columns.
    fn renumber(&mut self, number: &[Option<u32>]) {
        let (mut read, mut write) = (0, 0);
        for end in &mut self.ends {
            let start = write;
            for from in read..*end {
                let (column, value) = self.cells[from];
                if let Some(column) = number[column as usize] {
                    self.cells[write] = (column, value);
                    write += 1;
                }
            }
            read = *end;
            *end = write;
            self.cells[start..write].sort_unstable_by_key(|&(column, _)| column);
        }
        self.cells.truncate(write);
        self.cells.shrink_to_fit();
    }
}

/// The words of a batch and the documents made of them.
#[derive(Debug, Default)]
pub(super) struct Features {
    /// The form in which each word is shown: the most frequent one in the texts.
    pub(super) words: Vec<String>,
    /// For each document, its words with their weighted counts.
    pub(super) counts: Rows,
    /// Documents that models are fitted to, ascending: all, or those with the smallest hashes of their
    /// ids, so that a batch that shares most of its documents with another shares most of these.
    pub(super) fitted: Vec<usize>,
    /// Inverse document frequency of each word.
    idf: Vec<f64>,
}

impl Features {
    /// Documents of given counts whose so many words all weigh the same.
    #[cfg(test)]
    pub(super) fn of(counts: Rows, words: usize, fitted: Vec<usize>) -> Self {
        Self {
            words: (0..words).map(|w| w.to_string()).collect(),
            counts,
            fitted,
            idf: vec![1.0; words],
        }
    }

    /// TF-IDF of a document, length 1.
    pub(super) fn weighed(&self, document: usize) -> Vec<(u32, f64)> {
        let weigh = |&(word, n): &(u32, f32)| (word, f64::from(n).ln_1p() * self.idf[word as usize]);
        let mut weighed: Vec<(u32, f64)> = self.counts.row(document).iter().map(weigh).collect();
        let norm = weighed.iter().map(|(_, v)| v * v).sum::<f64>().sqrt();
        if norm > 0.0 {
            weighed.iter_mut().for_each(|(_, v)| *v /= norm);
        }
        weighed
    }
}

/// In how many documents a word, by its number, has a form other than the folded one: few words do.
type Forms = BTreeMap<(u32, String), u32>;

/// Words in the order in which they were met, with the number of documents that each is in.
#[derive(Debug, Default)]
struct Vocabulary {
    numbers: HashMap<String, u32>,
    documents: Vec<u32>,
    forms: Forms,
}

impl Vocabulary {
    fn number(&mut self, word: &str) -> u32 {
        if let Some(&number) = self.numbers.get(word) {
            return number;
        }
        let number = self.documents.len() as u32;
        self.numbers.insert(word.to_owned(), number);
        self.documents.push(0);
        number
    }

    /// The words by number, the documents that each is in, and the forms.
    fn into_words(self) -> (Vec<String>, Vec<u32>, Forms) {
        let mut words = vec![String::new(); self.documents.len()];
        for (word, number) in self.numbers {
            words[number as usize] = word;
        }
        (words, self.documents, self.forms)
    }
}

/// Segments, counts and weighs. The last `standing` documents stand for what is known already: however
/// rare their words are, they count.
pub(super) fn extract(
    documents: &[TopicDocument],
    standing: usize,
    content: &ContentWords,
    config: &TopicConfig,
) -> Features {
    let mut all = Vocabulary::default();
    let mut counts = Rows::default();
    for wave in documents.chunks(WAVE) {
        let chunks: Vec<(Vocabulary, Rows)> = wave.par_chunks(CHUNK).map(|chunk| count(chunk, content)).collect();
        for (vocabulary, rows) in chunks {
            join(&mut all, &mut counts, vocabulary, &rows);
        }
    }
    let (words, documents_of, forms) = all.into_words();
    let first = documents.len() - standing.min(documents.len());
    let mut stands = vec![false; words.len()];
    (first..documents.len())
        .flat_map(|d| counts.row(d))
        .for_each(|&(word, _)| stands[word as usize] = true);

    let total = documents.len() as f64;
    // In a small batch a word cannot be asked to be in many documents, nor in a small share of them.
    let least = config.min_df.min(documents.len().div_ceil(20)).max(1);
    let most = (config.max_df * total).max(8.0);
    let mut kept: Vec<usize> = (0..words.len())
        .filter(|&word| {
            let n = documents_of[word];
            (n as usize >= least || stands[word]) && f64::from(n) <= most
        })
        .collect();
    kept.sort_unstable_by(|&a, &b| words[a].cmp(&words[b]));
    let mut number = vec![None; words.len()];
    for (new, &word) in (0..).zip(&kept) {
        number[word] = Some(new);
    }
    counts.renumber(&number);
    Features {
        words: kept.iter().map(|&word| shown(word as u32, &words[word], documents_of[word], &forms)).collect(),
        counts,
        fitted: fitted(&documents[..first], MAX_FITTED).into_iter().chain(first..documents.len()).collect(),
        idf: kept.iter().map(|&word| (1.0 + total / f64::from(documents_of[word])).ln()).collect(),
    }
}

/// The form that most documents have; of equally frequent ones the first.
fn shown(word: u32, folded: &str, documents: u32, forms: &Forms) -> String {
    let others = || forms.range((word, String::new())..(word + 1, String::new())).map(|((_, form), &n)| (form, n));
    let as_folded = documents - others().map(|(_, n)| n).sum::<u32>();
    let best = others().map(|(form, n)| (n, Reverse(form.as_str()))).max();
    match best {
        Some(best) if best > (as_folded, Reverse(folded)) => best.1.0.to_owned(),
        _ => folded.to_owned(),
    }
}

/// Adds the documents of a chunk to those before.
fn join(all: &mut Vocabulary, counts: &mut Rows, chunk: Vocabulary, rows: &Rows) {
    let (words, documents, forms) = chunk.into_words();
    let number: Vec<u32> = words.iter().map(|word| all.number(word)).collect();
    for (&word, n) in number.iter().zip(documents) {
        all.documents[word as usize] += n;
    }
    for ((word, form), n) in forms {
        *all.forms.entry((number[word as usize], form)).or_default() += n;
    }
    for i in 0..rows.len() {
        counts.push(rows.row(i).iter().map(|&(word, n)| (number[word as usize], n)));
    }
}

/// Words of a chunk of documents and their weighted counts.
fn count(documents: &[TopicDocument], content: &ContentWords) -> (Vocabulary, Rows) {
    let mut vocabulary = Vocabulary::default();
    let mut rows = Rows::default();
    // Where in the row of the present document each word is.
    let mut place: Vec<Option<usize>> = Vec::new();
    for document in documents {
        let mut row: Vec<(u32, f64)> = Vec::new();
        for (text, weight) in &document.passages {
            let content = content.of(text);
            let shown: Vec<char> = if content.text == content.fold {
                Vec::new()
            } else {
                content.text.chars().collect()
            };
            for token in &content.words {
                let folded = token.word(&content.fold);
                let word = vocabulary.number(folded);
                place.resize(vocabulary.documents.len(), None);
                if let Some(place) = place[word as usize] {
                    row[place].1 += weight;
                    continue;
                }
                place[word as usize] = Some(row.len());
                row.push((word, *weight));
                vocabulary.documents[word as usize] += 1;
                if let Some(form) = shown.get(token.span.start as usize..token.span.end as usize) {
                    let form: String = form.iter().collect();
                    if form != folded && !form.is_empty() {
                        *vocabulary.forms.entry((word, form)).or_default() += 1;
                    }
                }
            }
        }
        for &(word, _) in &row {
            place[word as usize] = None;
        }
        rows.push(row.into_iter().map(|(word, n)| (word, n as f32)));
    }
    (vocabulary, rows)
}

/// At most so many documents, ascending: those with the smallest hashes of their ids.
fn fitted(documents: &[TopicDocument], most: usize) -> Vec<usize> {
    if documents.len() <= most {
        return (0..documents.len()).collect();
    }
    let mut hashed: Vec<([u8; 32], usize)> =
        documents.par_iter().enumerate().map(|(i, d)| (Sha256::digest(&d.call_id).into(), i)).collect();
    hashed.select_nth_unstable(most);
    let mut fitted: Vec<usize> = hashed[..most].iter().map(|&(_, i)| i).collect();
    fitted.sort_unstable();
    fitted
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};

    use proptest::prelude::*;

    use super::*;
    use crate::assets::Assets;
    use crate::segment::{SegmentConfig, Segmenter};

    static CONTENT: LazyLock<ContentWords> = LazyLock::new(|| {
        let segmenter = Segmenter::new(&SegmentConfig::default(), &Assets::embedded()).unwrap();
        ContentWords::new(Arc::new(segmenter), &Assets::embedded()).unwrap()
    });

    fn documents(texts: &[&str]) -> Vec<TopicDocument> {
        let document = |(i, text): (usize, &&str)| TopicDocument {
            call_id: format!("c{i}"),
            passages: vec![((*text).to_owned(), 1.0)],
            category: Vec::new(),
        };
        texts.iter().enumerate().map(document).collect()
    }

    fn extracted(texts: &[&str]) -> Features {
        extract(&documents(texts), 0, &CONTENT, &TopicConfig { min_df: 1, max_df: 1.0, ..TopicConfig::default() })
    }

    #[test]
    fn words_are_counted_alike_in_one_chunk_and_in_many() {
        let few = ["电梯停运，电梯维修", "暖气漏水", "公交车晚点，电梯"];
        let many: Vec<&str> = few.iter().copied().cycle().take(CHUNK * 2 + 1).collect();
        let (few, many) = (extracted(&few), extracted(&many));
        assert_eq!(few.words, many.words);
        assert!(few.words.is_sorted() && !few.words.is_empty());
        assert_eq!(many.counts.len(), CHUNK * 2 + 1);
        for i in 0..many.counts.len() {
            assert_eq!(many.counts.row(i), few.counts.row(i % 3));
        }
        let elevator = few.words.iter().position(|word| word == "电梯").unwrap() as u32;
        assert!(few.counts.row(0).contains(&(elevator, 2.0)) && few.counts.row(2).contains(&(elevator, 1.0)));
    }

    #[test]
    fn a_word_is_shown_in_its_most_frequent_form() {
        let shown = |texts: &[&str]| extracted(texts).words.join(" ");
        assert!(shown(&["ETC办理", "ETC故障", "etc"]).contains("ETC"));
        assert!(!shown(&["ETC办理", "etc故障", "etc"]).contains("ETC"));
        // Of equally frequent forms the first.
        assert!(shown(&["etc办理", "ETC故障"]).contains("ETC"));
    }

    #[test]
    fn rare_words_count_where_something_known_stands_for_them() {
        let texts = [vec!["电梯停运"; 40], vec!["暖气漏水"]].concat();
        let config = TopicConfig { max_df: 1.0, ..TopicConfig::default() };
        let words = |standing| extract(&documents(&texts), standing, &CONTENT, &config).words;
        assert!(!words(0).contains(&"暖气".to_owned()) && words(1).contains(&"暖气".to_owned()));
    }

    #[test]
    fn a_sample_shares_with_that_of_a_smaller_batch() {
        let texts = vec![""; 2000];
        let all = documents(&texts);
        let most = 500;
        let ids = |documents: &[TopicDocument]| -> Vec<String> {
            fitted(documents, most).into_iter().map(|i| documents[i].call_id.clone()).collect()
        };
        let sample = ids(&all);
        assert_eq!(sample.len(), most);
        let mut reversed: Vec<TopicDocument> = all.iter().rev().cloned().collect();
        let mut sorted = [sample.clone(), ids(&reversed)];
        sorted.iter_mut().for_each(|ids| ids.sort());
        assert_eq!(sorted[0], sorted[1]);
        reversed.truncate(1800);
        let kept = ids(&reversed).iter().filter(|id| sample.contains(id)).count();
        assert!(kept > 400, "{kept}");
        assert_eq!(fitted(&all[..most], most), (0..most).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn a_matrix_transposed_twice_is_itself(
            cells in prop::collection::vec(prop::collection::btree_map(0_u32..7, -1.0_f32..1.0, 0..5), 0..9)
        ) {
            let mut rows = Rows::default();
            cells.iter().for_each(|row| rows.push(row.iter().map(|(&j, &v)| (j, v))));
            let columns = rows.transposed(7);
            prop_assert_eq!(columns.len(), 7);
            for (i, row) in cells.iter().enumerate() {
                for (&j, &value) in row {
                    prop_assert!(columns.row(j as usize).contains(&(i as u32, value)));
                }
            }
            let back = columns.transposed(cells.len());
            prop_assert!((0..cells.len()).all(|i| back.row(i) == rows.row(i)));
        }
    }
}
