//! Clusters of document vectors: k-means from a seeded k-means++ start, clusters that are too
//! large divided, those that are too small given to their neighbours.

use linfa::DatasetBase;
use linfa::traits::{Fit, Predict};
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::{Array1, Array2, ArrayView1, Axis};
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;
use rayon::prelude::*;

use super::TopicConfig;
use super::features::MAX_FITTED;

/// Most topics of their own accord.
const MAX_TOPICS: usize = 150;

/// Documents of a small batch.
const SMALL: usize = 200;

/// Rounds in which documents move to the nearest mean after a start from categories. More would make the
/// topics more coherent, and less alike from one batch to the next.
const ROUNDS: usize = 2;

/// Documents in clusters.
#[derive(Debug, Default)]
pub(super) struct Clusters {
    /// For each document its cluster.
    pub(super) of: Vec<Option<usize>>,
    /// Mean direction of each cluster, unit length.
    pub(super) centroids: Vec<Array1<f32>>,
}

impl Clusters {
    /// Documents of each cluster, in order.
    pub(super) fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.centroids.len()];
        for (document, cluster) in self.of.iter().enumerate() {
            if let Some(list) = cluster.and_then(|c| members.get_mut(c)) {
                list.push(document);
            }
        }
        members
    }
}

/// Clusters the given documents; the others stay in none.
pub(super) fn find(
    vectors: &Array2<f32>,
    documents: &[usize],
    anchors: &[Vec<Option<usize>>],
    config: &TopicConfig,
    seed: u64,
) -> Clusters {
    let n = documents.len();
    if n == 0 {
        return Clusters { of: vec![None; vectors.nrows()], centroids: Vec::new() };
    }
    let k = count(n, config);
    let smallest = smallest(n, config);
    let largest = largest(n, config);

    // A category of a few calls is no start in a large batch, and better than none in a small one.
    let least = if n < SMALL { smallest } else { smallest * 2 };
    let start = anchors.iter().filter(|_| config.topics == 0).find_map(|at| anchored(vectors, documents, at, least));
    let mut parts = start.unwrap_or_else(|| divide(vectors, documents, k, seed));
    // Dividing what is too large; each round with a seed of its own.
    for round in 1..=4 {
        let mut next = Vec::new();
        for part in parts {
            if part.len() > largest && config.topics == 0 {
                let pieces = (part.len() * 2).div_ceil(largest).max(2);
                next.extend(divide(vectors, &part, pieces, seed.wrapping_add(round)));
            } else {
                next.push(part);
            }
        }
        parts = next;
    }
    let mut centroids = centroids_of(vectors, &parts);
    let keep: Vec<bool> = parts.iter().map(|part| part.len() >= smallest).collect();
    if keep.iter().any(|&k| k) {
        let mut kept = keep.iter();
        centroids.retain(|_| kept.next().copied().unwrap_or(true));
        let mut stay: Vec<Vec<usize>> = Vec::new();
        let mut move_on = Vec::new();
        for (part, keep) in parts.into_iter().zip(&keep) {
            if *keep { stay.push(part) } else { move_on.extend(part) }
        }
        for document in move_on {
            if let Some(nearest) = nearest(&centroids, vectors.row(document)) {
                stay[nearest].push(document);
            }
        }
        parts = stay;
        for part in &mut parts {
            part.sort_unstable();
        }
    }
    // Largest first; of equal ones, the one with the earliest document.
    parts.sort_by_key(|part| (std::cmp::Reverse(part.len()), part.first().copied()));
    let mut of = vec![None; vectors.nrows()];
    for (cluster, part) in parts.iter().enumerate() {
        for &document in part {
            of[document] = Some(cluster);
        }
    }
    Clusters { of, centroids: centroids_of(vectors, &parts) }
}

/// Number of clusters of so many documents.
fn count(documents: usize, config: &TopicConfig) -> usize {
    let count = match config.topics {
        0 => ((documents as f64).sqrt().round() as usize).clamp(1, MAX_TOPICS),
        k => k,
    };
    count.min(documents).max(1)
}

/// Fewest documents of a cluster.
pub(super) fn smallest(documents: usize, config: &TopicConfig) -> usize {
    if config.topics > 0 {
        1
    } else {
        (documents / (count(documents, config) * 8)).max(2)
    }
}

/// Most documents of a cluster.
pub(super) fn largest(documents: usize, config: &TopicConfig) -> usize {
    ((config.max_share * documents as f64).ceil() as usize)
        .max(documents.div_ceil(count(documents, config)))
        .max(smallest(documents, config) * 2)
}

/// Documents around the means of their anchors: a start that other documents of the same kind share.
/// `None` where too few documents have an anchor.
fn anchored(
    vectors: &Array2<f32>,
    documents: &[usize],
    anchors: &[Option<usize>],
    least: usize,
) -> Option<Vec<Vec<usize>>> {
    let of = |document: usize| anchors.get(document).copied().flatten();
    let count = documents.iter().filter_map(|&d| of(d)).max()? + 1;
    let mut parts = vec![Vec::new(); count];
    for &document in documents {
        if let Some(anchor) = of(document) {
            parts[anchor].push(document);
        }
    }
    parts.retain(|part| part.len() >= least);
    let held: usize = parts.iter().map(Vec::len).sum();
    if held * 2 < documents.len() {
        return None;
    }
    for _ in 0..ROUNDS {
        let centroids = centroids_of(vectors, &parts);
        let nearest: Vec<Option<usize>> =
            documents.par_iter().map(|&document| nearest(&centroids, vectors.row(document))).collect();
        parts = vec![Vec::new(); parts.len()];
        for (&document, nearest) in documents.iter().zip(nearest) {
            if let Some(part) = nearest {
                parts[part].push(document);
            }
        }
    }
    parts.retain(|part| !part.is_empty());
    Some(parts)
}

/// Cuts documents into at most `k` parts, none of them empty.
pub(super) fn divide(vectors: &Array2<f32>, documents: &[usize], k: usize, seed: u64) -> Vec<Vec<usize>> {
    let labels = k_means(vectors, documents, k, seed);
    let mut parts = vec![Vec::new(); labels.iter().max().map_or(0, |m| m + 1)];
    for (&document, &label) in documents.iter().zip(&labels) {
        parts[label].push(document);
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// k-means labels of the documents, fitted to some of them where there are many; all zero where k-means
/// refuses.
fn k_means(vectors: &Array2<f32>, documents: &[usize], k: usize, seed: u64) -> Vec<usize> {
    let n = documents.len();
    if k < 2 || n <= k {
        return if n <= k { (0..n).collect() } else { vec![0; n] };
    }
    let step = n.div_ceil(MAX_FITTED);
    let fitted: Vec<usize> = documents.iter().copied().step_by(step).collect();
    let data = DatasetBase::from(vectors.select(Axis(0), &fitted));
    let model = KMeans::params_with_rng(k.min(fitted.len()), Xoshiro256Plus::seed_from_u64(seed))
        .init_method(KMeansInit::KMeansPlusPlus)
        .n_runs(2)
        .max_n_iterations(40)
        .tolerance(1e-4)
        .fit(&data);
    match model {
        Ok(model) => documents.par_iter().map(|&document| model.predict(&vectors.row(document))).collect(),
        Err(_) => vec![0; n],
    }
}

fn centroids_of(vectors: &Array2<f32>, parts: &[Vec<usize>]) -> Vec<Array1<f32>> {
    parts.par_iter().map(|part| centroid(vectors, part)).collect()
}

pub(super) fn centroid(vectors: &Array2<f32>, part: &[usize]) -> Array1<f32> {
    // Of very many documents a sum in single precision would lose the last ones.
    let mut sum: Array1<f64> = Array1::zeros(vectors.ncols());
    for &document in part {
        sum.zip_mut_with(&vectors.row(document), |s, &v| *s += f64::from(v));
    }
    let norm = f64::sqrt(sum.dot(&sum));
    if norm > 1e-12 {
        sum /= norm;
    }
    sum.mapv(|v| v as f32)
}

/// The centroid of the closest direction; the first of equal ones.
pub(super) fn nearest(centroids: &[Array1<f32>], vector: ArrayView1<'_, f32>) -> Option<usize> {
    let mut best: Option<(usize, f32)> = None;
    for (i, centroid) in centroids.iter().enumerate() {
        let similarity = centroid.dot(&vector);
        if best.is_none_or(|(_, s)| similarity > s) {
            best = Some((i, similarity));
        }
    }
    best.map(|(i, _)| i)
}

/// Groups clusters by their centroids: the clusters of each group, in order.
pub(super) fn groups(centroids: &[Array1<f32>], seed: u64) -> Vec<Vec<usize>> {
    let n = centroids.len();
    let Some(width) = centroids.first().map(Array1::len) else {
        return Vec::new();
    };
    let k = if n < 4 {
        1
    } else {
        (n as f64 / 2.0).sqrt().ceil() as usize + 1
    };
    let mut rows = Array2::zeros((n, width));
    for (mut row, centroid) in rows.axis_iter_mut(Axis(0)).zip(centroids) {
        row.assign(centroid);
    }
    let mut parts = divide(&rows, &(0..n).collect::<Vec<_>>(), k, seed);
    parts.sort_by_key(|part| part.first().copied());
    parts
}
