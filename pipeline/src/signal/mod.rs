//! Measurements on words and times. Owns rates, overlaps, silences, sentiment, acts and
//! cue hits; whether any of it is good or bad is the finding stage's business.

mod cue;

use serde::{Deserialize, Serialize};

pub use cue::CueLists;

use crate::Result;
use crate::assets::Assets;
use crate::record::{
    CallContext, CallRecord, CallSignals, Finding, NormalizedTurn, Sentiment, SignalReport, Token, TurnSignals,
};

/// Settings of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignalConfig {
    /// Shortest stretch without speech that is listed as a silence, milliseconds.
    pub silence_ms: u64,
    /// Fewest spoken units of a turn whose rate is measured.
    pub rate_min_units: u32,
}

impl Default for SignalConfig {
    fn default() -> Self {
        Self { silence_ms: 2_000, rate_min_units: 6 }
    }
}

/// The stage.
#[derive(Debug)]
pub struct Signaler {
    cues: CueLists,
}

impl Signaler {
    /// Loads the lexicons.
    ///
    /// # Errors
    /// When a lexicon is wrong.
    pub fn new(_config: &SignalConfig, assets: &Assets) -> Result<Self> {
        Ok(Self { cues: CueLists::load(assets)? })
    }

    /// Measures one call.
    pub fn run(&self, _record: &CallRecord, turns: &[NormalizedTurn], _tokens: &[Vec<Token>]) -> CallSignals {
        CallSignals {
            turns: turns
                .iter()
                .map(|turn| TurnSignals {
                    rate: None,
                    sentiment: Sentiment::NEUTRAL,
                    emotion: None,
                    acts: Vec::new(),
                    cues: self.cues.find(&turn.fold),
                })
                .collect(),
            timing: None,
        }
    }
}

/// The part of the signals that the analysis reports.
pub fn report(_context: &CallContext<'_>, _findings: &[Finding]) -> SignalReport {
    SignalReport::default()
}
