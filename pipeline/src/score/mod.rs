//! Scorecards: what the findings cost. Owns sections, weights, caps, fatal items and
//! N/A; finds nothing itself.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::assets::Assets;
use crate::finding::Catalog;
use crate::record::{CallContext, Facts, Finding, Score};

/// Settings of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScoreConfig {
    /// The scorecard of calls whose queue no scorecard names.
    pub default_scorecard: String,
}

impl Default for ScoreConfig {
    fn default() -> Self {
        Self { default_scorecard: "hotline-12345".to_owned() }
    }
}

/// The stage.
#[derive(Debug)]
pub struct Scorer {}

impl Scorer {
    /// Loads the scorecards of `config/scorecards/` and checks them against the codes there are.
    ///
    /// # Errors
    /// When a scorecard is wrong; the error names file and line.
    pub fn new(_config: &ScoreConfig, _assets: &Assets, _catalog: &Catalog) -> Result<Self> {
        Ok(Self {})
    }

    /// Scores one call; `None` for a call that nobody answered or that is not a conversation.
    pub fn run(&self, _context: &CallContext<'_>, _findings: &[Finding], _facts: &Facts) -> Option<Score> {
        None
    }

    /// `id@version` of a scorecard.
    pub fn version_of(&self, id: &str) -> String {
        id.to_owned()
    }
}
