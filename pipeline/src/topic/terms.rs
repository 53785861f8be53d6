//! What a cluster is called: the words in which it differs from the others (class-based
//! TF-IDF), of those the ones that belong together (NPMI), and its quotes.

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, MatchKind};
use ndarray::Array2;
use rayon::prelude::*;

use super::clusters::Clusters;
use super::features::{CHUNK, Features, WAVE};
use super::{TopicConfig, TopicDocument};

/// Words of a cluster that are considered as its terms.
const CANDIDATES: usize = 30;
/// What coherence weighs against distinctiveness when terms are chosen.
const COHERENCE: f64 = 0.6;
const QUOTES: usize = 3;
/// Longest quote, characters.
const QUOTE_CHARS: usize = 60;

/// Terms and quotes of a cluster.
#[derive(Debug, Default)]
pub(super) struct Described {
    pub(super) terms: Vec<String>,
    pub(super) quotes: Vec<String>,
}

/// Describes every cluster.
pub(super) fn describe(
    documents: &[TopicDocument],
    features: &Features,
    vectors: &Array2<f32>,
    clusters: &Clusters,
    config: &TopicConfig,
) -> Vec<Described> {
    let members = clusters.members();
    let ranked = rank(features, &members);
    let owner = owners(&ranked, features.words.len());
    let presence = Presence::new(documents, &features.words, &ranked);
    let mut taken = BTreeSet::new();
    let mut described: Vec<Described> = Vec::new();
    for (cluster, ranked) in ranked.iter().enumerate() {
        let terms = choose(cluster, ranked, &owner, &presence, features, config.terms.max(1), &mut taken);
        described.push(Described { terms, quotes: Vec::new() });
    }
    described.par_iter_mut().enumerate().for_each(|(cluster, described)| {
        described.quotes = quotes(documents, vectors, clusters, cluster, &members[cluster], &described.terms);
    });
    described
}

/// For each cluster its words by class-based TF-IDF, best first.
fn rank(features: &Features, members: &[Vec<usize>]) -> Vec<Vec<(u32, f64)>> {
    let mut total = vec![0.0; features.words.len()];
    let mut slots = vec![(0.0, 0); features.words.len()];
    let mut per_cluster = Vec::with_capacity(members.len());
    for documents in members {
        let mut words = Vec::new();
        for &document in documents {
            for &(word, n) in features.counts.row(document) {
                let (count, documents) = &mut slots[word as usize];
                if *documents == 0 {
                    words.push(word);
                }
                // A document that says a word twenty times does not make it a word of its topic.
                *count += f64::from(n).sqrt();
                *documents += 1;
            }
        }
        words.sort_unstable();
        let mut length = 0.0;
        // A word of a document or two is theirs, not the topic's, unless the cluster is not much more.
        let size = documents.len();
        let least = if size < 6 { 1 } else { size.div_ceil(16).max(2) };
        let mut used = Vec::new();
        for word in words {
            let (count, documents) = std::mem::take(&mut slots[word as usize]);
            total[word as usize] += count;
            length += count;
            if documents >= least && count > 0.0 {
                used.push((word, count));
            }
        }
        per_cluster.push((used, length.max(1.0)));
    }
    let average = total.iter().sum::<f64>() / members.len().max(1) as f64;
    per_cluster
        .into_iter()
        .map(|(used, length)| {
            let mut ranked: Vec<(u32, f64)> = used
                .into_iter()
                .map(|(word, count)| (word, count / length * (1.0 + average / total[word as usize]).ln()))
                .collect();
            ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            ranked
        })
        .collect()
}

/// For each word the cluster whose word it is most.
fn owners(ranked: &[Vec<(u32, f64)>], width: usize) -> Vec<Option<usize>> {
    let mut best: Vec<Option<(usize, f64)>> = vec![None; width];
    for (cluster, words) in ranked.iter().enumerate() {
        for &(word, score) in words {
            let slot = &mut best[word as usize];
            if slot.is_none_or(|(_, s)| score > s) {
                *slot = Some((cluster, score));
            }
        }
    }
    best.into_iter().map(|b| b.map(|(cluster, _)| cluster)).collect()
}

/// In which documents the candidate words occur, as substrings.
#[derive(Debug)]
struct Presence {
    /// Sorted documents of each word; empty for words that are no candidates.
    of: Vec<Vec<u32>>,
    documents: usize,
}

impl Presence {
    fn new(documents: &[TopicDocument], words: &[String], ranked: &[Vec<(u32, f64)>]) -> Self {
        let candidates: BTreeSet<u32> =
            ranked.iter().flat_map(|r| r.iter().take(CANDIDATES * 3).map(|&(word, _)| word)).collect();
        let patterns: Vec<u32> = candidates.into_iter().collect();
        let mut of = vec![Vec::new(); words.len()];
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(patterns.iter().map(|&word| words[word as usize].as_str()));
        if let Ok(automaton) = automaton {
            for (wave, start) in documents.chunks(WAVE).zip((0..).step_by(WAVE)) {
                let found: Vec<Vec<(u32, u32)>> = wave
                    .par_chunks(CHUNK)
                    .enumerate()
                    .map(|(i, chunk)| occurrences(&automaton, chunk, (start + i * CHUNK) as u32))
                    .collect();
                for (pattern, document) in found.into_iter().flatten() {
                    of[patterns[pattern as usize] as usize].push(document);
                }
            }
        }
        Self { of, documents: documents.len() }
    }

    /// Normalized pointwise mutual information of two words over documents, -1 to 1.
    fn npmi(&self, a: u32, b: u32) -> f64 {
        let (a, b) = (&self.of[a as usize], &self.of[b as usize]);
        let (mut i, mut j, mut both) = (0, 0, 0_usize);
        while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
            match x.cmp(y) {
                std::cmp::Ordering::Less => i += 1,
                std::cmp::Ordering::Greater => j += 1,
                std::cmp::Ordering::Equal => {
                    both += 1;
                    i += 1;
                    j += 1;
                }
            }
        }
        let n = self.documents as f64;
        if both == 0 {
            -1.0
        } else if both == self.documents {
            1.0
        } else {
            let both = both as f64;
            (both * n / (a.len() as f64 * b.len() as f64)).ln() / -(both / n).ln()
        }
    }
}

/// Which patterns occur in which documents, by document, each pair once; the first document has the
/// given number.
fn occurrences(automaton: &AhoCorasick, documents: &[TopicDocument], start: u32) -> Vec<(u32, u32)> {
    let mut occurrences = Vec::new();
    let mut last = vec![None; automaton.patterns_len()];
    for (document, number) in documents.iter().zip(start..) {
        for (text, _) in &document.passages {
            for found in automaton.find_overlapping_iter(text) {
                let pattern = found.pattern().as_usize();
                if last[pattern].replace(number) != Some(number) {
                    occurrences.push((pattern as u32, number));
                }
            }
        }
    }
    occurrences
}

/// A word that may become a term of a cluster.
struct Candidate {
    word: u32,
    score: f64,
    /// Sum of its NPMI with the terms chosen so far.
    together: f64,
}

/// Chooses the terms of a cluster: first its own words, then, if there are too few, words that it
/// shares with others.
fn choose(
    cluster: usize,
    ranked: &[(u32, f64)],
    owner: &[Option<usize>],
    presence: &Presence,
    features: &Features,
    wanted: usize,
    taken: &mut BTreeSet<u32>,
) -> Vec<String> {
    let own = || ranked.iter().filter(|(word, _)| owner[*word as usize] == Some(cluster));
    let shared = || ranked.iter().filter(|(word, _)| owner[*word as usize] != Some(cluster));
    let mut chosen: Vec<(u32, f64)> = Vec::new();
    let pools: [Vec<(u32, f64)>; 3] = [
        own().take(CANDIDATES).copied().collect(),
        ranked.iter().filter(|(word, _)| !taken.contains(word)).take(CANDIDATES * 3).copied().collect(),
        shared().take(CANDIDATES * 3).copied().collect(),
    ];
    let best = ranked.first().map_or(1.0, |&(_, score)| score);
    let text = |word: u32| features.words[word as usize].as_str();
    for pool in pools {
        if chosen.len() >= wanted {
            break;
        }
        let unchosen = pool.into_par_iter().filter(|(word, _)| chosen.iter().all(|(c, _)| c != word));
        let mut pool: Vec<Candidate> = unchosen
            .map(|(word, score)| Candidate {
                word,
                score,
                together: chosen.iter().map(|&(c, _)| presence.npmi(word, c)).sum(),
            })
            .collect();
        // 停车 says nothing beside 停车位.
        let contained = |a: u32, b: u32| text(a).contains(text(b)) || text(b).contains(text(a));
        pool.retain(|candidate| chosen.iter().all(|&(c, _)| !contained(c, candidate.word)));
        while chosen.len() < wanted {
            let value = |c: &Candidate| (c.score / best).sqrt() + COHERENCE * (c.together / chosen.len().max(1) as f64);
            let Some(next) =
                (0..pool.len()).max_by(|&a, &b| value(&pool[a]).total_cmp(&value(&pool[b])).then(b.cmp(&a)))
            else {
                break;
            };
            let next = pool.remove(next);
            chosen.push((next.word, next.score));
            pool.retain(|candidate| !contained(next.word, candidate.word));
            pool.par_iter_mut().for_each(|c| c.together += presence.npmi(c.word, next.word));
        }
    }
    taken.extend(chosen.iter().map(|(word, _)| *word));
    chosen.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    chosen.into_iter().map(|(word, _)| features.words[word as usize].clone()).collect()
}

/// The sentence with the most terms out of each of the most typical documents.
fn quotes(
    documents: &[TopicDocument],
    vectors: &Array2<f32>,
    clusters: &Clusters,
    cluster: usize,
    members: &[usize],
    terms: &[String],
) -> Vec<String> {
    let Some(centroid) = clusters.centroids.get(cluster) else {
        return Vec::new();
    };
    let mut typical: Vec<(f32, usize)> = members.iter().map(|&d| (vectors.row(d).dot(centroid), d)).collect();
    typical.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut quotes: Vec<String> = Vec::new();
    for (_, document) in typical {
        let sentences = documents[document]
            .passages
            .iter()
            .flat_map(|(text, _)| text.split_inclusive(['。', '！', '？', '!', '?', '；', '\n']))
            .map(str::trim)
            .filter(|sentence| sentence.chars().count() >= 6);
        let mut best: Option<(usize, &str)> = None;
        for sentence in sentences {
            let hits = terms.iter().filter(|term| sentence.contains(term.as_str())).count();
            if hits > 0 && best.is_none_or(|(most, _)| hits > most) {
                best = Some((hits, sentence));
            }
        }
        if let Some((_, sentence)) = best {
            let quote: String = sentence.chars().take(QUOTE_CHARS).collect();
            if !quotes.contains(&quote) {
                quotes.push(quote);
            }
        }
        if quotes.len() == QUOTES {
            break;
        }
    }
    quotes
}
