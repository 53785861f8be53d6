//! Measurements on words and times. Owns rates, overlaps, silences, sentiment, acts and
//! cue hits; whether any of it is good or bad is the finding stage's business.

mod acts;
mod cue;
mod report;
mod sentiment;
pub(crate) mod shape;
mod timing;

use serde::{Deserialize, Serialize};

pub use cue::CueLists;
pub use report::report;

use self::sentiment::SentimentLexicon;
use crate::Result;
use crate::assets::Assets;
use crate::record::{CallRecord, CallSignals, NormalizedTurn, Token, TurnSignals};

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
    config: SignalConfig,
    cues: CueLists,
    lexicon: SentimentLexicon,
}

impl Signaler {
    /// Loads the lexicons.
    ///
    /// # Errors
    /// When a lexicon is wrong.
    pub fn new(config: &SignalConfig, assets: &Assets) -> Result<Self> {
        Ok(Self {
            config: config.clone(),
            cues: CueLists::load(assets)?,
            lexicon: SentimentLexicon::load(assets)?,
        })
    }

    /// Measures one call. `turns` has one entry for every turn of the call.
    pub fn run(&self, record: &CallRecord, turns: &[NormalizedTurn], _tokens: &[Vec<Token>]) -> CallSignals {
        let cues: Vec<_> = turns.iter().map(|turn| self.cues.find(&turn.fold)).collect();
        let sentiments = self.lexicon.call(record, turns);
        let acts = acts::label(record, turns, &cues, &sentiments);
        let measured = record.turns.iter().zip(turns).zip(cues).zip(sentiments.into_iter().zip(acts)).map(
            |(((recorded, turn), cues), (sentiment, acts))| TurnSignals {
                rate: timing::turn_rate(&self.config, recorded.times(), turn.spoken_units),
                sentiment,
                emotion: recorded.emotion.clone(),
                acts,
                cues,
            },
        );
        CallSignals { turns: measured.collect(), timing: timing::measure(&self.config, record, turns) }
    }
}
