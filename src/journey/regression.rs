//! Logistic regression with intervals: what changes the odds that something is so, everything else that was asked about held
//! as it is. Owns the arithmetic; what the numbers stand for is its caller's business.
//!
//! Columns are standardised (mean 0, deviation 1) and the weights, but for the intercept, carry a ridge penalty of ½ λ β²
//! (Hoerl and Kennard, Technometrics 12, 1970; le Cessie and van Houwelingen, Applied Statistics 41, 1992), so that there is a
//! fit where a column parts the two outcomes completely. It is found by Newton's method. Intervals are Wald's: from the inverse
//! of the penalised information or, where rows belong to enough clusters, from its sandwich with the scores of the clusters
//! (Liang and Zeger, Biometrika 73, 1986), since the calls of one agent are like each other. The trainer of judgements
//! (`models/src/logistic.rs`) gives neither information nor intervals, nor do the usual crates; both need no more than the
//! same Cholesky factor.
//!
//! A column that the columns before it all but determine (variance inflation beyond [`MOST_INFLATION`]) is left out and told.

use qingting_models::Cholesky;

/// The 97.5th percentile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;
/// Newton steps at most; it takes less than ten.
const STEPS: usize = 60;
/// Variance inflation from which on a column says nothing of its own.
pub const MOST_INFLATION: f64 = 50.0;
/// Fewest clusters for which the sandwich is used: with fewer its intervals are too narrow.
pub const LEAST_CLUSTERS: usize = 30;

/// What is known of one column.
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficient {
    /// Index of the column.
    pub column: usize,
    /// Log-odds for one standard deviation of it.
    pub value: f64,
    /// Lower bound of the 95% interval.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// Standard deviation of the column.
    pub deviation: f64,
    /// Variance inflation factor: 1 where the column is unrelated to the others.
    pub inflation: f64,
}

/// A fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// Of every column that was used, in their order.
    pub coefficients: Vec<Coefficient>,
    /// Columns that those before them determine, or that do not vary.
    pub determined: Vec<usize>,
    /// The intervals allow for clusters.
    pub clustered: bool,
    /// How often a row with the outcome is given a higher probability than one without (area under the ROC curve), on the
    /// rows that it was fitted to.
    pub discrimination: f64,
}

/// Columns with mean 0 and deviation 1, by rows, an intercept behind; which columns they are, their deviations, and those
/// that were left out.
struct Standard {
    rows: Vec<Vec<f64>>,
    columns: Vec<usize>,
    deviations: Vec<f64>,
    inflations: Vec<f64>,
    determined: Vec<usize>,
}

fn standardised(rows: &[Vec<f64>]) -> Option<Standard> {
    let (width, n) = (rows.first()?.len(), rows.len() as f64);
    let mean: Vec<f64> = (0..width).map(|c| rows.iter().map(|row| row[c]).sum::<f64>() / n).collect();
    let deviation: Vec<f64> = (0..width)
        .map(|c| (rows.iter().map(|row| (row[c] - mean[c]).powi(2)).sum::<f64>() / n).sqrt())
        .collect();
    let z = |row: &[f64], c: usize| (row[c] - mean[c]) / deviation[c];
    let correlation = |a: usize, b: usize| rows.iter().map(|row| z(row, a) * z(row, b)).sum::<f64>() / n;
    let (mut columns, mut determined): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    // Row i holds the correlations of the i-th column with those before it.
    let mut related: Vec<Vec<f64>> = Vec::new();
    for (c, spread) in deviation.iter().enumerate() {
        if !spread.is_finite() || *spread < 1e-9 {
            determined.push(c);
            continue;
        }
        let mut row: Vec<f64> = columns.iter().map(|&other| correlation(c, other)).collect();
        // What of its variance the columns before it do not explain is 1 − r' R⁻¹ r.
        let explained = match square(&related).and_then(|(matrix, k)| Cholesky::of(matrix, k)) {
            Some(factor) => factor.solve(&row).iter().zip(&row).map(|(a, b)| a * b).sum::<f64>(),
            None => 0.0,
        };
        if 1.0 - explained < 1.0 / MOST_INFLATION {
            determined.push(c);
            continue;
        }
        row.push(1.0);
        related.push(row);
        columns.push(c);
    }
    let inverse = square(&related).and_then(|(matrix, k)| Cholesky::of(matrix, k))?.inverse();
    Some(Standard {
        rows: rows.iter().map(|row| columns.iter().map(|&c| z(row, c)).chain([1.0]).collect()).collect(),
        inflations: (0..columns.len()).map(|at| inverse[at][at]).collect(),
        deviations: columns.iter().map(|&c| deviation[c]).collect(),
        columns,
        determined,
    })
}

/// A lower triangle as a whole matrix; `None` of nothing.
fn square(lower: &[Vec<f64>]) -> Option<(Vec<f64>, usize)> {
    let n = lower.len();
    let at = |i: usize, j: usize| if j <= i { lower[i][j] } else { lower[j][i] };
    (n > 0).then(|| ((0..n * n).map(|cell| at(cell / n, cell % n)).collect(), n))
}

fn probability(weights: &[f64], row: &[f64]) -> f64 {
    let sum: f64 = weights.iter().zip(row).map(|(w, x)| w * x).sum();
    1.0 / (1.0 + (-sum).exp())
}

/// Fits the odds of `outcome` to rows of columns. `ridge` is λ, more than 0; `clusters` to what each row belongs, from 0 on.
/// `None` where there is nothing to fit: no rows, one outcome alone, or no column that varies.
pub fn logistic(rows: &[Vec<f64>], outcome: &[bool], clusters: Option<&[usize]>, ridge: f64) -> Option<Fit> {
    if outcome.iter().all(|is| *is) || !outcome.iter().any(|is| *is) {
        return None;
    }
    let standard = standardised(rows)?;
    let width = standard.columns.len() + 1;
    let penalty = |at: usize| if at + 1 == width { 0.0 } else { ridge };
    let mut weights = vec![0.0; width];
    let mut information = None;
    for _ in 0..STEPS {
        let (mut gradient, mut hessian) = (vec![0.0; width], vec![0.0; width * width]);
        for (row, is) in standard.rows.iter().zip(outcome) {
            let p = probability(&weights, row);
            let (residual, curvature) = (p - f64::from(u8::from(*is)), p * (1.0 - p));
            for a in 0..width {
                gradient[a] += residual * row[a];
                for b in 0..=a {
                    hessian[a * width + b] += curvature * row[a] * row[b];
                }
            }
        }
        for a in 0..width {
            gradient[a] += penalty(a) * weights[a];
            hessian[a * width + a] += penalty(a);
        }
        let factor = Cholesky::of(hessian, width)?;
        let step = factor.solve(&gradient);
        let largest = step.iter().fold(0.0_f64, |largest, s| largest.max(s.abs()));
        weights.iter_mut().zip(&step).for_each(|(w, s)| *w -= s.clamp(-2.0, 2.0));
        information = Some(factor);
        if largest < 1e-8 {
            break;
        }
    }
    let inverse = information?.inverse();
    let sandwich = clusters.and_then(|clusters| sandwich(&standard.rows, outcome, clusters, &weights, &inverse));
    let variance = |at: usize| sandwich.as_ref().map_or(inverse[at][at], |of| of[at]);
    let coefficient = |at: usize| {
        let half = Z * variance(at).max(0.0).sqrt();
        Coefficient {
            column: standard.columns[at],
            value: weights[at],
            low: weights[at] - half,
            high: weights[at] + half,
            deviation: standard.deviations[at],
            inflation: standard.inflations[at],
        }
    };
    Some(Fit {
        coefficients: (0..width - 1).map(coefficient).collect(),
        clustered: sandwich.is_some(),
        discrimination: discrimination(&standard.rows, outcome, &weights),
        determined: standard.determined,
    })
}

/// Variances that allow for clusters; `None` where these are too few.
fn sandwich(
    rows: &[Vec<f64>],
    outcome: &[bool],
    clusters: &[usize],
    weights: &[f64],
    inverse: &[Vec<f64>],
) -> Option<Vec<f64>> {
    let (count, width) = (clusters.iter().max()? + 1, weights.len());
    if count < LEAST_CLUSTERS {
        return None;
    }
    let mut scores = vec![vec![0.0; width]; count];
    for ((row, is), cluster) in rows.iter().zip(outcome).zip(clusters) {
        let residual = f64::from(u8::from(*is)) - probability(weights, row);
        scores[*cluster].iter_mut().zip(row).for_each(|(score, x)| *score += residual * x);
    }
    let few = count as f64 / (count as f64 - 1.0);
    let along = |direction: &Vec<f64>| {
        let of = |score: &Vec<f64>| score.iter().zip(direction).map(|(a, b)| a * b).sum::<f64>().powi(2);
        few * scores.iter().map(of).sum::<f64>()
    };
    Some(inverse.iter().map(along).collect())
}

/// The area under the ROC curve (Mann and Whitney's U ÷ n₁ n₀), ties counting half.
fn discrimination(rows: &[Vec<f64>], outcome: &[bool], weights: &[f64]) -> f64 {
    let mut ranked: Vec<(f64, bool)> =
        rows.iter().zip(outcome).map(|(row, is)| (probability(weights, row), *is)).collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut won) = (0.0, 0.0);
    let positives = ranked.iter().filter(|(_, is)| *is).count() as f64;
    for tied in ranked.chunk_by(|a, b| a.0 == b.0) {
        let with = tied.iter().filter(|(_, is)| *is).count() as f64;
        let without = tied.len() as f64 - with;
        won += with * (below + without / 2.0);
        below += without;
    }
    won / (positives * below)
}
