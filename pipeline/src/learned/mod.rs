//! The trained models as the stages see them, loaded once. Owns which text a head looks at
//! ([`documents`]) and the margins that come out; what is made of them is the business of
//! the signal, finding and fact stages.

mod documents;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use qingting_models::{Aligned, Judge, JudgeThreshold, Judges, Shelf};
use serde::{Deserialize, Serialize};

pub use documents::{CALL_MODEL, TurnModel, call_document, call_fields, turn_document, turn_fields};

use crate::record::{CallMargins, CallRecord, Margins, NormalizedTurn};
use crate::{Error, Result};

/// Settings of the models.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelsConfig {
    /// Folder with `heads.bin` and `judges.json` of one's own, as `qingting models train` writes it;
    /// empty for those inside the program.
    pub dir: PathBuf,
}

/// Heads and judgements.
#[derive(Debug, Clone)]
pub struct Learned {
    shelf: Arc<Shelf>,
    judges: Arc<Judges>,
    heads: BTreeMap<String, Arc<[String]>>,
}

/// A judgement with its features in a stage's order.
#[derive(Debug, Clone)]
pub struct Ready {
    model: Aligned,
    /// Its thresholds, where it has some.
    pub threshold: Option<JudgeThreshold>,
}

impl Ready {
    /// 0 to 1.
    pub fn probability(&self, values: &[f32]) -> f32 {
        self.model.probability(values)
    }
}

impl Learned {
    /// The models of a folder, or those inside the program.
    ///
    /// # Errors
    /// When a file is missing or not of this version.
    pub fn load(config: &ModelsConfig) -> Result<Self> {
        if config.dir.as_os_str().is_empty() {
            return Ok(Self::new(Shelf::embedded().map_err(Error::Model)?, Judges::embedded().map_err(Error::Model)?));
        }
        let shelf = Shelf::read(&config.dir.join("heads.bin")).map_err(Error::Model)?;
        let judges = Judges::read(&config.dir.join("judges.json")).map_err(Error::Model)?;
        Ok(Self::new(shelf, judges))
    }

    /// Models just trained.
    pub fn new(shelf: Shelf, judges: Judges) -> Self {
        let heads = shelf.iter().map(|(name, model)| (name.to_owned(), Arc::from(model.heads()))).collect();
        Self { shelf: Arc::new(shelf), judges: Arc::new(judges), heads }
    }

    /// The text models.
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// The judgements.
    pub fn judges(&self) -> &Judges {
        &self.judges
    }

    /// What an analysis says of the models.
    pub fn provenance(&self) -> Vec<String> {
        vec![
            format!("heads:{}", self.shelf.fingerprint()),
            format!("judges:{}", self.judges.fingerprint()),
        ]
    }

    /// The judgement of that name over a stage's features; `None` when there is none.
    ///
    /// # Errors
    /// When it weighs a feature that the stage does not have.
    pub fn judge(&self, name: &str, features: &[&str]) -> Result<Option<Ready>> {
        let Some(Judge { logistic, threshold, .. }) = self.judges.judges.get(name) else {
            return Ok(None);
        };
        let model = logistic.aligned(features).map_err(Error::Model)?;
        Ok(Some(Ready { model, threshold: *threshold }))
    }

    /// The margins of every head on every turn and on the call.
    pub fn read(&self, record: &CallRecord, turns: &[NormalizedTurn]) -> CallMargins {
        let of = |name: &str, document: &qingting_models::text::Document| match self.shelf.get(name) {
            Some(model) => Margins::new(Arc::clone(&self.heads[name]), model.margins(document)),
            None => Margins::default(),
        };
        let turn = |i: usize| match turn_document(record, turns, i) {
            Some((model, document)) => of(model.name(), &document),
            None => Margins::default(),
        };
        CallMargins {
            turns: (0..turns.len()).map(turn).collect(),
            call: of(CALL_MODEL, &call_document(record, turns)),
        }
    }
}
