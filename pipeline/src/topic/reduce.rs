//! Reduction of documents to a few dimensions: latent semantic analysis by randomized
//! subspace iteration (Halko, Martinsson, Tropp 2011), fitted to a bounded number of documents; every
//! document is then projected. Owns the vectors; knows nothing of what is made of them.

use ndarray::{Array1, Array2, ArrayView1, Axis};
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;

use super::features::{Features, Rows};

/// Times that the subspace is turned towards the largest singular vectors.
const ITERATIONS: usize = 4;

/// Where words lie in the reduced space.
struct Basis {
    /// The row of each word; `None` where no fitted document has it.
    row: Vec<Option<u32>>,
    /// Word × dimension, columns orthonormal (or zero).
    of: Dense,
}

/// A dense matrix, row after row.
struct Dense {
    width: usize,
    cells: Vec<f64>,
}

impl Dense {
    fn row(&self, i: u32) -> &[f64] {
        &self.cells[i as usize * self.width..][..self.width]
    }
}

/// Documents as rows of unit length in at most `dimensions` dimensions; zero where nothing is known of a
/// document's words.
pub(super) fn reduce(features: &Features, dimensions: usize, seed: u64) -> Array2<f32> {
    let basis = fit(features, dimensions, seed);
    let rank = basis.of.width;
    let mut flat = vec![0.0_f32; features.counts.len() * rank];
    flat.par_chunks_mut(rank).enumerate().for_each(|(document, vector)| {
        let mut sum = vec![0.0; rank];
        for (word, value) in features.weighed(document) {
            if let Some(row) = basis.row[word as usize] {
                add(&mut sum, value, basis.of.row(row));
            }
        }
        let norm = sum.iter().map(|v| v * v).sum::<f64>().sqrt();
        if norm > 1e-12 {
            vector.iter_mut().zip(&sum).for_each(|(v, s)| *v = (s / norm) as f32);
        }
    });
    Array2::from_shape_vec((features.counts.len(), rank), flat).unwrap_or_default()
}

/// Documents that the vectors place anywhere, ascending.
pub(super) fn placed(vectors: &Array2<f32>) -> Vec<usize> {
    let placed = |&(_, row): &(usize, ArrayView1<'_, f32>)| row.iter().any(|v| *v != 0.0);
    vectors.axis_iter(Axis(0)).enumerate().filter(placed).map(|(document, _)| document).collect()
}

fn fit(features: &Features, dimensions: usize, seed: u64) -> Basis {
    let mut used = vec![false; features.words.len()];
    for &document in &features.fitted {
        features.counts.row(document).iter().for_each(|&(word, _)| used[word as usize] = true);
    }
    let mut width = 0;
    let number = |used: bool| {
        let row = width;
        width += u32::from(used);
        used.then_some(row)
    };
    let row: Vec<Option<u32>> = used.into_iter().map(number).collect();
    let (rows, width) = (fitted(features, &row), width as usize);
    let columns = rows.transposed(width);

    let rank = dimensions.min(width).min(rows.len()).max(1);
    let mut rng = Xoshiro256Plus::seed_from_u64(seed);
    let mut of = Dense { width: rank, cells: (0..width * rank).map(|_| uniform(&mut rng)).collect() };
    orthonormalize(&mut of);
    for _ in 0..ITERATIONS {
        let mut left = product(&rows, &of);
        orthonormalize(&mut left);
        of = product(&columns, &left);
        orthonormalize(&mut of);
    }
    Basis { row, of }
}

/// TF-IDF of the fitted documents, by the rows of the basis.
fn fitted(features: &Features, row: &[Option<u32>]) -> Rows {
    let mut rows = Rows::default();
    for &document in &features.fitted {
        let weighed = features.weighed(document);
        rows.push(weighed.into_iter().filter_map(|(word, value)| Some((row[word as usize]?, value as f32))));
    }
    rows
}

/// A number between -1 and 1.
fn uniform(rng: &mut Xoshiro256Plus) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

fn add(sum: &mut [f64], value: f64, row: &[f64]) {
    for (s, d) in sum.iter_mut().zip(row) {
        *s += value * d;
    }
}

/// Sparse rows times a dense matrix; each row is summed by one thread, in order.
fn product(rows: &Rows, dense: &Dense) -> Dense {
    let width = dense.width;
    let mut cells = vec![0.0; rows.len() * width];
    cells.par_chunks_mut(width).enumerate().for_each(|(i, sum)| {
        for &(j, value) in rows.row(i) {
            add(sum, f64::from(value), dense.row(j));
        }
    });
    Dense { width, cells }
}

/// Makes the columns orthonormal (modified Gram-Schmidt, on the transpose for locality); dependent
/// ones become zero. Each column is worked on by one thread, in order.
fn orthonormalize(matrix: &mut Dense) {
    let width = matrix.width;
    let mut columns: Vec<Array1<f64>> =
        (0..width).map(|j| matrix.cells.iter().skip(j).step_by(width).copied().collect()).collect();
    let before: Vec<f64> = columns.iter().map(|column| column.dot(column).sqrt()).collect();
    for (i, before) in before.into_iter().enumerate() {
        let (done, rest) = columns.split_at_mut(i + 1);
        let column = &mut done[i];
        let norm = column.dot(column).sqrt();
        *column *= if norm > 1e-10 * before.max(1e-300) {
            1.0 / norm
        } else {
            0.0
        };
        let column = &*column;
        rest.par_iter_mut().with_min_len(4).for_each(|other| {
            let share = other.dot(column);
            other.scaled_add(-share, column);
        });
    }
    for (j, column) in columns.iter().enumerate() {
        matrix.cells.iter_mut().skip(j).step_by(width).zip(column).for_each(|(cell, value)| *cell = *value);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Documents of so many words each, the given ones fitted.
    fn features(documents: &[&[u32]], fitted: Vec<usize>) -> Features {
        let mut counts = Rows::default();
        documents.iter().for_each(|words| counts.push(words.iter().map(|&word| (word, 1.0))));
        Features::of(counts, 6, fitted)
    }

    #[test]
    fn a_document_outside_the_sample_lies_where_its_like_inside_lies() {
        let documents: [&[u32]; 6] = [&[0, 1], &[0, 1, 2], &[3, 4], &[3, 4], &[0, 1], &[5]];
        let vectors = reduce(&features(&documents, vec![0, 1, 2, 3]), 2, 1);
        assert_eq!(vectors.dim(), (6, 2));
        assert_eq!(vectors.row(4), vectors.row(0));
        assert!(vectors.row(4).dot(&vectors.row(1)) > 0.9);
        assert!(vectors.row(4).dot(&vectors.row(2)).abs() < 0.1);
        // Of its word no fitted document tells anything.
        assert_eq!(placed(&vectors), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn nothing_gives_nothing() {
        assert_eq!(reduce(&features(&[], Vec::new()), 3, 1).nrows(), 0);
        assert!(placed(&reduce(&features(&[&[], &[]], vec![0, 1]), 3, 1)).is_empty());
    }

    proptest! {
        #[test]
        fn columns_become_orthonormal_or_zero(
            cells in prop::collection::vec(-1.0_f64..1.0, 28),
            dependent in any::<bool>(),
        ) {
            let mut matrix = Dense { width: 4, cells };
            if dependent {
                matrix.cells.chunks_mut(4).for_each(|row| row[3] = row[0] + row[1]);
            }
            orthonormalize(&mut matrix);
            for i in 0..4 {
                for j in i..4 {
                    let dot: f64 = matrix.cells.chunks(4).map(|row| row[i] * row[j]).sum();
                    let expected = if i != j || (dependent && i == 3) { 0.0 } else { 1.0 };
                    prop_assert!((dot - expected).abs() < 1e-5, "{i} {j} {dot}");
                }
            }
        }
    }
}
