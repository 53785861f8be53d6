//! The trained judgements: for each name a logistic regression over margins, detectors and
//! context, the thresholds chosen for it on calls that it was not trained on, and how well
//! it did there. Owns the file; what the names and features mean is the caller's business.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Logistic, Result};

static EMBEDDED: &str = include_str!("../artifacts/judges.json");

/// All of them, and what they were trained on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judges {
    /// The training data.
    pub data: TrainingData,
    /// By name.
    pub judges: BTreeMap<String, Judge>,
}

/// What a model was trained on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingData {
    /// SHA-256 over the files, first 16 hex digits.
    pub fingerprint: String,
    /// Labelled calls.
    pub calls: usize,
    /// Labelled turns, those of the calls and single ones.
    pub turns: usize,
}

/// One judgement.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    /// The probability.
    pub logistic: Logistic,
    /// From where it is asserted, and from where shown to a person; absent where the largest of
    /// several probabilities decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<JudgeThreshold>,
    /// Figures on held-out calls, by name.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
}

/// Probabilities from which something is done.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgeThreshold {
    /// From here on it is asserted.
    pub assert: f32,
    /// From here on a person should look.
    pub review: f32,
}

impl Judges {
    /// Those that ship inside the program.
    ///
    /// # Errors
    /// When they are not of the form.
    pub fn embedded() -> Result<Self> {
        serde_json::from_str(EMBEDDED).map_err(|e| Error::Setting(format!("the judgements of this program: {e}")))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or is not of the form.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        serde_json::from_str(&text).map_err(|e| Error::Format { path: path.to_owned(), reason: e.to_string() })
    }

    /// SHA-256 over the content, first 16 hex digits.
    pub fn fingerprint(&self) -> String {
        let text = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(text).iter().take(8).map(|b| format!("{b:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_judgements_are_of_the_form() {
        let judges = Judges::embedded().unwrap();
        assert!(judges.judges.values().filter_map(|j| j.threshold).all(|t| t.review <= t.assert));
    }
}
