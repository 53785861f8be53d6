//! Reduction of documents to a few dimensions: latent semantic analysis by randomized
//! subspace iteration (Halko, Martinsson, Tropp 2011).

use ndarray::{Array2, ArrayView1, Axis};
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;

use super::features::Sparse;

/// Times that the subspace is turned towards the largest singular vectors.
const ITERATIONS: usize = 4;

/// Documents as rows of unit length (or zero) in at most `dimensions` dimensions.
pub(super) fn reduce(matrix: &Sparse, dimensions: usize, seed: u64) -> Array2<f64> {
    let (height, width) = (matrix.rows.len(), matrix.columns.len());
    let rank = dimensions.min(width).min(height).max(1);
    let mut rng = Xoshiro256Plus::seed_from_u64(seed);
    let mut basis = Array2::from_shape_simple_fn((width, rank), || uniform(&mut rng));
    orthonormalize(&mut basis);
    for _ in 0..ITERATIONS {
        let mut left = product(&matrix.rows, &basis);
        orthonormalize(&mut left);
        basis = product(&matrix.columns, &left);
        orthonormalize(&mut basis);
    }
    let mut vectors = product(&matrix.rows, &basis);
    for mut row in vectors.axis_iter_mut(Axis(0)) {
        let norm = row.dot(&row).sqrt();
        if norm > 1e-12 {
            row /= norm;
        }
    }
    vectors
}

/// A number between -1 and 1.
fn uniform(rng: &mut Xoshiro256Plus) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// Sparse rows times a dense matrix; each row is summed by one thread, in order.
fn product(rows: &[Vec<(u32, f64)>], dense: &Array2<f64>) -> Array2<f64> {
    let width = dense.ncols();
    let flat: Vec<f64> = rows
        .par_iter()
        .flat_map_iter(|row| {
            let mut sum = vec![0.0; width];
            for &(j, value) in row {
                for (s, d) in sum.iter_mut().zip(dense.row(j as usize)) {
                    *s += value * d;
                }
            }
            sum
        })
        .collect();
    Array2::from_shape_vec((rows.len(), width), flat).unwrap_or_else(|_| Array2::zeros((rows.len(), width)))
}

/// Makes the columns orthonormal (modified Gram-Schmidt, on the transpose for locality); dependent
/// ones become zero.
fn orthonormalize(matrix: &mut Array2<f64>) {
    let mut columns: Vec<Vec<f64>> = matrix.axis_iter(Axis(1)).map(|c: ArrayView1<'_, f64>| c.to_vec()).collect();
    for i in 0..columns.len() {
        let (done, rest) = columns.split_at_mut(i);
        let Some(column) = rest.first_mut() else { break };
        let before = dot(column, column).sqrt();
        for other in done.iter() {
            let share = dot(column, other);
            column.iter_mut().zip(other).for_each(|(c, o)| *c -= share * o);
        }
        let norm = dot(column, column).sqrt();
        let scale = if norm > 1e-10 * before.max(1e-300) {
            1.0 / norm
        } else {
            0.0
        };
        column.iter_mut().for_each(|c| *c *= scale);
    }
    for (mut target, column) in matrix.axis_iter_mut(Axis(1)).zip(columns) {
        target.iter_mut().zip(column).for_each(|(t, c)| *t = c);
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
