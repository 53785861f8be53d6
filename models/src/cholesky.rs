//! Equations with a symmetric positive definite matrix, as the fits of logistic regressions solve them.

/// Below this a pivot counts as nothing: its column is determined by those before it.
const LEAST_PIVOT: f64 = 1e-12;

/// The Cholesky factor of a matrix.
pub struct Cholesky {
    n: usize,
    lower: Vec<f64>,
}

impl Cholesky {
    /// Of a matrix of `n` rows, given by rows, of which the lower triangle is read; `None` where it is not positive definite.
    pub fn of(matrix: Vec<f64>, n: usize) -> Option<Self> {
        let (factor, is_definite) = Self::factor(matrix, n);
        is_definite.then_some(factor)
    }

    /// The same of one that may not quite be so: pivots that come to nothing are taken for the least there is.
    pub(crate) fn nearest(matrix: Vec<f64>, n: usize) -> Self {
        Self::factor(matrix, n).0
    }

    /// Its factor, and whether every pivot came to something.
    fn factor(mut a: Vec<f64>, n: usize) -> (Self, bool) {
        let mut is_definite = true;
        for j in 0..n {
            for k in 0..j {
                let factor = a[j * n + k];
                for i in j..n {
                    a[i * n + j] -= a[i * n + k] * factor;
                }
            }
            let pivot = a[j * n + j];
            is_definite &= pivot.is_finite() && pivot > LEAST_PIVOT;
            let root = pivot.max(LEAST_PIVOT).sqrt();
            for i in j..n {
                a[i * n + j] /= root;
            }
        }
        (Self { n, lower: a }, is_definite)
    }

    /// `x` of matrix · `x` = `b`.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let (n, a) = (self.n, &self.lower);
        let mut x = b.to_vec();
        for i in 0..n {
            for k in 0..i {
                x[i] -= a[i * n + k] * x[k];
            }
            x[i] /= a[i * n + i];
        }
        for i in (0..n).rev() {
            for k in i + 1..n {
                x[i] -= a[k * n + i] * x[k];
            }
            x[i] /= a[i * n + i];
        }
        x
    }

    /// The inverse of the matrix, by columns.
    pub fn inverse(&self) -> Vec<Vec<f64>> {
        let unit = |at: usize| (0..self.n).map(|i| f64::from(u8::from(i == at))).collect::<Vec<_>>();
        (0..self.n).map(|at| self.solve(&unit(at))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cholesky_solves() {
        for factor in [Cholesky::nearest, |a, n| Cholesky::of(a, n).unwrap()] {
            let x = factor(vec![4.0, 0.0, 2.0, 3.0], 2).solve(&[10.0, 8.0]);
            assert!((x[0] - 1.75).abs() < 1e-9 && (x[1] - 1.5).abs() < 1e-9, "{x:?}");
        }
    }

    #[test]
    fn what_is_not_positive_definite_has_no_factor() {
        // The second column is the first: 1 1, 1 1.
        let equal = || vec![1.0, 0.0, 1.0, 1.0];
        assert!(Cholesky::of(equal(), 2).is_none());
        assert!(Cholesky::of(vec![f64::NAN], 1).is_none());
        // 4 2, 2 3: the inverse is 3 -2, -2 4 by 8.
        let inverse = Cholesky::of(vec![4.0, 0.0, 2.0, 3.0], 2).unwrap().inverse();
        let expected = [[0.375, -0.25], [-0.25, 0.5]];
        assert!(
            inverse
                .iter()
                .flatten()
                .zip(expected.iter().flatten())
                .all(|(one, other)| (one - other).abs() < 1e-12)
        );
    }
}
