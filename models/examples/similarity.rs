//! How well each encoder tells questions that mean the same from those that do not.
//!
//! `cargo run --release -p qingting-models --features bert --example similarity -- PAIRS.tsv [LIMIT]`
//!
//! A line of `PAIRS.tsv` is two questions and 1 or 0. Prints the area under the ROC curve of
//! their cosine, and how the cosines' ranks agree with the transformer's (Spearman).

use qingting_models::bert::{BertEncoder, default_folder};
use qingting_models::{Encoder, HashedNgrams, StaticVectors, cosine};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("PAIRS.tsv [LIMIT]")?;
    let limit = arguments.next().map_or(Ok(usize::MAX), |limit| limit.parse())?;
    let text = std::fs::read_to_string(file)?;
    let pairs: Vec<(&str, &str, bool)> = text.lines().filter_map(pair).take(limit).collect();
    println!("{} pairs, {} of them the same", pairs.len(), pairs.iter().filter(|p| p.2).count());

    let transformer = BertEncoder::open(&default_folder().ok_or("no folder for models")?, 1)?;
    let reference = cosines(&transformer, &pairs, true)?;
    let encoders: [&dyn Encoder; 2] = [&HashedNgrams::standard(), &StaticVectors::embedded()?];
    println!("{:24} AUC {:.4}", transformer.name(), auc(&reference, &pairs));
    for encoder in encoders {
        let started = std::time::Instant::now();
        let own = cosines(encoder, &pairs, false)?;
        let each = started.elapsed().as_secs_f64() * 1e6 / (2 * pairs.len().max(1)) as f64;
        let name = encoder.name();
        println!(
            "{name:24} AUC {:.4} Spearman {:.4} {each:.1} us a text",
            auc(&own, &pairs),
            spearman(&own, &reference)
        );
    }
    Ok(())
}

fn pair(line: &str) -> Option<(&str, &str, bool)> {
    let mut fields = line.split('\t');
    Some((fields.next()?, fields.next()?, fields.next()?.trim() == "1"))
}

/// Cosine of each pair; with `centred`, of the vectors without their mean.
fn cosines(encoder: &dyn Encoder, pairs: &[(&str, &str, bool)], centred: bool) -> qingting_models::Result<Vec<f32>> {
    let texts: Vec<&str> = pairs.iter().flat_map(|&(a, b, _)| [a, b]).collect();
    let mut vectors = encoder.encode(&texts)?;
    if centred {
        let mut mean = vec![0.0f32; encoder.dimensions()];
        let count = vectors.len() as f32;
        vectors.iter().for_each(|v| mean.iter_mut().zip(v).for_each(|(sum, x)| *sum += x / count));
        for vector in &mut vectors {
            vector.iter_mut().zip(&mean).for_each(|(x, mean)| *x -= mean);
            let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-9);
            vector.iter_mut().for_each(|x| *x /= norm);
        }
    }
    Ok(vectors.chunks_exact(2).map(|pair| cosine(&pair[0], &pair[1])).collect())
}

/// Ranks from 1, equal values sharing the mean of theirs.
fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let (mut ranks, mut before) = (vec![0.0; values.len()], 0);
    for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
        group.iter().for_each(|&i| ranks[i] = before as f64 + (group.len() as f64 + 1.0) / 2.0);
        before += group.len();
    }
    ranks
}

fn auc(values: &[f32], pairs: &[(&str, &str, bool)]) -> f64 {
    let same = pairs.iter().filter(|pair| pair.2).count() as f64;
    let sum: f64 = ranks(values).iter().zip(pairs).filter(|(_, pair)| pair.2).map(|(rank, _)| rank).sum();
    (sum - same * (same + 1.0) / 2.0) / (same * (pairs.len() as f64 - same))
}

fn spearman(a: &[f32], b: &[f32]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 + 1.0) / 2.0;
    let covariance = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>();
    covariance(&a, &b) / (covariance(&a, &a) * covariance(&b, &b)).sqrt()
}
