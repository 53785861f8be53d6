//! Training of one head: a linear support vector machine with squared hinge loss by dual
//! coordinate descent (Hsieh et al., ICML 2008). Margins become probabilities elsewhere.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};

/// Passes over the data at most.
const PASSES: usize = 40;
/// Stops when no dual variable's gradient is further from its optimum.
const TOLERANCE: f64 = 0.1;

/// One training example of one head.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) vector: &'a [(u32, f32)],
    pub(super) positive: bool,
    /// How much a mistake costs.
    pub(super) cost: f32,
}

/// Weights and bias. The bias is a feature of value 1, regularised as the others are.
pub(super) fn train(rows: &[Row<'_>], dimensions: usize, seed: u64) -> (Vec<f32>, f32) {
    let mut weights = vec![0.0f64; dimensions];
    let mut bias = 0.0f64;
    let mut alpha = vec![0.0f64; rows.len()];
    let diagonal: Vec<f64> = rows.iter().map(|row| 0.5 / f64::from(row.cost)).collect();
    let norms: Vec<f64> = rows
        .iter()
        .map(|row| 1.0 + row.vector.iter().map(|(_, x)| f64::from(*x).powi(2)).sum::<f64>())
        .collect();
    let mut order: Vec<usize> = (0..rows.len()).collect();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    for _ in 0..PASSES {
        for i in (1..order.len()).rev() {
            order.swap(i, (rng.next_u64() % (i as u64 + 1)) as usize);
        }
        let mut furthest = 0.0f64;
        for &i in &order {
            let row = &rows[i];
            let y = if row.positive { 1.0 } else { -1.0 };
            let margin = bias + row.vector.iter().map(|&(j, x)| weights[j as usize] * f64::from(x)).sum::<f64>();
            let gradient = y * margin - 1.0 + diagonal[i] * alpha[i];
            let projected = if alpha[i] == 0.0 { gradient.min(0.0) } else { gradient };
            furthest = furthest.max(projected.abs());
            if projected == 0.0 {
                continue;
            }
            let old = alpha[i];
            alpha[i] = (old - gradient / (norms[i] + diagonal[i])).max(0.0);
            let step = (alpha[i] - old) * y;
            bias += step;
            for &(j, x) in row.vector {
                weights[j as usize] += step * f64::from(x);
            }
        }
        if furthest < TOLERANCE {
            break;
        }
    }
    (weights.into_iter().map(|w| w as f32).collect(), bias as f32)
}
