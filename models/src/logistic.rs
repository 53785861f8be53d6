//! A small logistic regression over a few dozen named numbers: how margins, detectors and
//! context become one calibrated probability. Owns training and prediction; what the
//! features are is the caller's business.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cholesky::Cholesky;
use crate::{Error, Result};

/// Newton steps at most; it takes less than ten.
const STEPS: usize = 40;

/// Weights by feature. Trained with a ridge penalty on standardised features.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logistic {
    /// Log-odds where every feature is 0.
    pub bias: f32,
    /// Log-odds for each unit of a feature.
    pub weights: BTreeMap<String, f32>,
}

/// A [`Logistic`] whose features are in the order of one list of names.
#[derive(Debug, Clone, PartialEq)]
pub struct Aligned {
    bias: f32,
    weights: Vec<f32>,
}

impl Logistic {
    /// Fits the weights to rows of features, in the order of `names`. `ridge` is the penalty on a
    /// standardised weight; `cost` what a row counts.
    pub fn train(names: &[&str], rows: &[Vec<f32>], labels: &[bool], cost: &dyn Fn(usize) -> f32, ridge: f32) -> Self {
        let width = names.len();
        let n = rows.len().max(1) as f64;
        let mut mean = vec![0.0f64; width];
        let mut deviation = vec![0.0f64; width];
        for row in rows {
            for (sum, &x) in mean.iter_mut().zip(row) {
                *sum += f64::from(x) / n;
            }
        }
        for row in rows {
            for ((sum, &x), mean) in deviation.iter_mut().zip(row).zip(&mean) {
                *sum += (f64::from(x) - mean).powi(2) / n;
            }
        }
        for sum in &mut deviation {
            *sum = sum.sqrt();
        }
        let standard = |row: &[f32]| -> Vec<f64> {
            let mut values: Vec<f64> = row
                .iter()
                .zip(mean.iter().zip(&deviation))
                .map(|(&x, (mean, deviation))| {
                    if *deviation > 1e-9 {
                        (f64::from(x) - mean) / deviation
                    } else {
                        0.0
                    }
                })
                .collect();
            values.push(1.0);
            values
        };
        let table: Vec<Vec<f64>> = rows.iter().map(|row| standard(row)).collect();
        let mut beta = vec![0.0f64; width + 1];
        for _ in 0..STEPS {
            let mut gradient = vec![0.0f64; width + 1];
            let mut hessian = vec![0.0f64; (width + 1) * (width + 1)];
            for (i, x) in table.iter().enumerate() {
                let c = f64::from(cost(i));
                let p = 1.0 / (1.0 + (-dot(&beta, x)).exp());
                let (residual, curvature) = (c * (p - f64::from(u8::from(labels[i]))), c * (p * (1.0 - p)).max(1e-6));
                for a in 0..=width {
                    gradient[a] += residual * x[a];
                    for b in 0..=a {
                        hessian[a * (width + 1) + b] += curvature * x[a] * x[b];
                    }
                }
            }
            for a in 0..=width {
                let penalty = if a == width { 1e-6 } else { f64::from(ridge) };
                gradient[a] += penalty * beta[a];
                hessian[a * (width + 1) + a] += penalty;
            }
            let step = Cholesky::nearest(hessian, width + 1).solve(&gradient);
            let mut largest = 0.0f64;
            for (b, s) in beta.iter_mut().zip(&step) {
                *b -= s.clamp(-2.0, 2.0);
                largest = largest.max(s.abs());
            }
            if largest < 1e-6 {
                break;
            }
        }
        let mut bias = beta[width];
        let mut weights = BTreeMap::new();
        for (i, name) in names.iter().enumerate() {
            if deviation[i] > 1e-9 {
                let weight = beta[i] / deviation[i];
                bias -= weight * mean[i];
                weights.insert((*name).to_owned(), rounded(weight));
            }
        }
        Self { bias: rounded(bias), weights }
    }

    /// The same with its weights in the order of `names`.
    ///
    /// # Errors
    /// When it has a weight for a feature that is not among the names.
    pub fn aligned(&self, names: &[&str]) -> Result<Aligned> {
        if let Some(unknown) = self.weights.keys().find(|name| !names.contains(&name.as_str())) {
            return Err(Error::Setting(format!("there is no feature `{unknown}`")));
        }
        let weights = names.iter().map(|name| self.weights.get(*name).copied().unwrap_or(0.0)).collect();
        Ok(Aligned { bias: self.bias, weights })
    }
}

impl Aligned {
    /// 0 to 1.
    pub fn probability(&self, values: &[f32]) -> f32 {
        let sum: f32 = self.weights.iter().zip(values).map(|(w, x)| w * x).sum();
        1.0 / (1.0 + (-(sum + self.bias)).exp())
    }
}

fn rounded(x: f64) -> f32 {
    ((x * 1e5).round() / 1e5) as f32
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_positives_is_the_probability_where_nothing_else_tells() {
        let rows: Vec<Vec<f32>> = (0..100).map(|i| vec![1.0, f32::from(u8::from(i % 2 == 0))]).collect();
        let labels: Vec<bool> = (0..100).map(|i| i % 2 == 0 && i % 10 != 0).collect();
        let model = Logistic::train(&["constant", "even"], &rows, &labels, &|_| 1.0, 0.01);
        assert!(!model.weights.contains_key("constant"));
        let aligned = model.aligned(&["constant", "even"]).unwrap();
        assert!((aligned.probability(&[1.0, 1.0]) - 0.8).abs() < 0.01);
        assert!(aligned.probability(&[1.0, 0.0]) < 0.02);
    }

    #[test]
    fn features_are_aligned_by_name() {
        let model = Logistic { bias: 0.0, weights: [("b".to_owned(), 2.0)].into() };
        assert_eq!(model.aligned(&["a", "b"]).unwrap().probability(&[5.0, 0.0]), 0.5);
        assert!(model.aligned(&["a"]).unwrap_err().to_string().contains("`b`"));
    }
}
