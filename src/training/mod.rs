//! `qingting models train`: from labelled calls and turns to the heads and judgements that the
//! pipeline loads. Owns folds, labels, thresholds and the figures; reads the numbers that the
//! stages compute, so that training sees exactly what the analysis will.
//!
//! Three steps, each on predictions of models that have not seen the call:
//! heads over text ([`heads`]), judgements over heads and detectors ([`judgements`]), and
//! thresholds over whole calls ([`thresholds`]). Folds are made of whole files (sets), so that
//! calls of one hand never stand on both sides.

mod category;
pub mod data;
#[cfg(feature = "bert")]
mod dialogues;
mod emotion;
mod figures;
mod heads;
mod judgements;
mod thresholds;

use std::collections::BTreeMap;

use qingting_models::deep::DeepScores;
use qingting_models::{Judges, Shelf, TrainingData};
use qingting_pipeline::Pipeline;
use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::PipelineConfig;
use qingting_pipeline::learned::{Documents, Learned};
use rayon::prelude::*;

pub use category::{CategoryTrainer, TrainedCategories};
pub use data::{Data, Sample};
#[cfg(feature = "bert")]
pub use dialogues::dialogues;
pub use emotion::{TrainedEmotions, train_emotions};

/// How to train.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Parts that take turns to be held out.
    pub folds: usize,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// What a single labelled turn counts beside a turn of a call.
    pub single_weight: f32,
    /// Cost of a mistake on a positive turn, and on a negative one.
    pub cost: (f32, f32),
    /// Penalty on the judgements' standardised weights.
    pub ridge: f32,
    /// What accusing a share of the faultless calls costs beside the mean F1.
    pub caution: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            folds: 6,
            seed: 7,
            single_weight: 0.6,
            cost: (2.0, 1.0),
            ridge: 20.0,
            caution: 1.0,
        }
    }
}

/// What came out.
#[derive(Debug)]
pub struct Trained {
    /// The text models.
    pub shelf: Shelf,
    /// The judgements, with thresholds and figures.
    pub judges: Judges,
}

/// What stops a training.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The data cannot be used.
    #[error("{0}")]
    Data(String),
    /// A stage cannot be loaded.
    #[error(transparent)]
    Pipeline(#[from] qingting_pipeline::Error),
    /// A model cannot be made.
    #[error(transparent)]
    Model(#[from] qingting_models::Error),
}

/// Trains everything. `deep` is what the transformer says of calls that were held out of its training,
/// by call; without it there are no judgements for `--models bert` and `cascade`.
///
/// # Errors
/// When the data holds too few sets for the folds, or the pipeline cannot be loaded.
pub fn train(
    config: &PipelineConfig,
    assets: &Assets,
    data: &Data,
    deep: &BTreeMap<String, Vec<DeepScores>>,
    options: &Options,
    mut progress: impl FnMut(&str),
) -> Result<Trained, Error> {
    let folds = data.folds(options.folds)?;
    let with = |shelf: Shelf, judges: Judges| Pipeline::with_learned(config, assets, Learned::new(shelf, judges)?);
    let plain = with(Shelf::default(), Judges::default())?;
    let documents = Documents::load()?;
    let examples = heads::examples(&plain, &documents, data);
    let mut margins = vec![None; data.samples.len()];
    for fold in 0..options.folds {
        progress(&format!("heads without part {} of {}", fold + 1, options.folds));
        let shelf = heads::train(&examples, &documents, |sample| folds[sample] != fold, options)?;
        let learned = Learned::new(shelf, Judges::default())?;
        let held: Vec<usize> = (0..data.samples.len()).filter(|&i| folds[i] == fold).collect();
        let read: Vec<_> = held
            .par_iter()
            .map(|&i| {
                let turns = plain.normalizer().call(&data.samples[i].record);
                (i, learned.read(&data.samples[i].record, &turns))
            })
            .collect();
        for (i, found) in read {
            margins[i] = Some(found);
        }
    }
    let margins: Vec<_> = margins.into_iter().map(Option::unwrap_or_default).collect();
    progress("heads on all data");
    let shelf = heads::train(&examples, &documents, |_| true, options)?;

    let data_of = TrainingData { fingerprint: data.fingerprint.clone(), calls: data.calls(), turns: data.turns() };
    let mut judges = Judges { data: data_of, judges: BTreeMap::new() };
    let held_out = judgements::HeldOut { data, folds: &folds, margins: &margins, deep, options };
    for (what, step) in judgements::STEPS {
        progress(what);
        // Each step sees the calls as the judgements before it leave them.
        let pipeline = with(Shelf::default(), judges.clone())?;
        judges.judges.extend(step(&pipeline, &held_out)?);
    }
    Ok(Trained { shelf, judges })
}
