//! Linear models over named features, read from `config/lexicon/facts.toml`. Owns the file
//! and the arithmetic; knows nothing of what the features mean.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::assets::{Asset, Assets, parse_toml};
use crate::{Error, Result};

const FILE: &str = "lexicon/facts.toml";

/// Feature name to weight; what is left out weighs nothing.
type Row = BTreeMap<Spanned<String>, f32>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    appeal: BTreeMap<Spanned<String>, Row>,
    outcome: BTreeMap<Spanned<String>, Row>,
    satisfaction: Row,
}

/// The weights of all models.
pub(super) struct Weights {
    asset: Asset,
    file: File,
}

/// Picks one of several classes.
#[derive(Debug)]
pub(super) struct Choice {
    classes: Vec<(&'static str, Vec<f32>)>,
}

/// Predicts a number.
#[derive(Debug)]
pub(super) struct Regression {
    weights: Vec<f32>,
}

impl Weights {
    pub(super) fn load(assets: &Assets) -> Result<Self> {
        let asset = assets.read(FILE)?;
        let file = parse_toml(&asset)?;
        Ok(Self { asset, file })
    }

    /// # Errors
    /// When a class or a feature has a name that is not known.
    pub(super) fn choice(&self, table: &str, classes: &[&'static str], names: &[String]) -> Result<Choice> {
        let rows = if table == "appeal" {
            &self.file.appeal
        } else {
            &self.file.outcome
        };
        if let Some(unknown) = rows.keys().find(|class| !classes.contains(&class.get_ref().as_str())) {
            return Err(self.mistake(unknown, &format!("`{table}` has no class of that name")));
        }
        let mut dense = Vec::with_capacity(classes.len());
        for class in classes {
            let row = rows.iter().find(|(name, _)| name.get_ref() == class).map(|(_, row)| row);
            dense.push((*class, row.map_or_else(|| Ok(vec![0.0; names.len()]), |row| self.dense(row, names))?));
        }
        Ok(Choice { classes: dense })
    }

    /// # Errors
    /// When a feature has a name that is not known.
    pub(super) fn regression(&self, names: &[String]) -> Result<Regression> {
        Ok(Regression { weights: self.dense(&self.file.satisfaction, names)? })
    }

    fn dense(&self, row: &Row, names: &[String]) -> Result<Vec<f32>> {
        if let Some(unknown) = row.keys().find(|name| !names.contains(name.get_ref())) {
            return Err(self.mistake(unknown, "no feature of that name"));
        }
        let weight = |name: &String| row.iter().find(|(n, _)| n.get_ref() == name).map_or(0.0, |(_, weight)| *weight);
        Ok(names.iter().map(weight).collect())
    }

    fn mistake(&self, at: &Spanned<String>, message: &str) -> Error {
        Error::at(&self.asset, at.span().start, format!("`{}`: {message}", at.get_ref()))
    }
}

impl Choice {
    /// The sum of every class, in the order of the classes.
    pub(super) fn sums(&self, values: &[f32]) -> Vec<f32> {
        self.classes.iter().map(|(_, weights)| dot(weights, values)).collect()
    }

    /// The class with the highest sum; of equal ones the first.
    pub(super) fn pick(&self, sums: &[f32]) -> &'static str {
        let mut best = ("", f32::NEG_INFINITY);
        for ((class, _), &sum) in self.classes.iter().zip(sums) {
            if sum > best.1 {
                best = (*class, sum);
            }
        }
        best.0
    }
}

impl Regression {
    /// The weighted sum.
    pub(super) fn predict(&self, values: &[f32]) -> f32 {
        dot(&self.weights, values)
    }
}

fn dot(weights: &[f32], values: &[f32]) -> f32 {
    weights.iter().zip(values).map(|(w, v)| w * v).sum()
}
