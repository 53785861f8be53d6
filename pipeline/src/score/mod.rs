//! Scorecards: what the findings cost. Owns sections, weights, caps, fatal items and
//! N/A; finds nothing itself. The format is documented in `docs/scorecards.md`.

mod arithmetic;
mod card;
mod compare;
mod raw;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use card::{Item, Scorecard, Section};
pub use compare::{
    CallChange, CodeChange, CompareOptions, Comparer, Comparison, FindingExample, ScoreChange, backtest,
};

use self::arithmetic::Scored;
use crate::assets::{Assets, parse_toml};
use crate::finding::Catalog;
use crate::pattern::suggestion;
use crate::record::{Act, Analysis, CallContext, CallRecord, Facts, Finding, Role, Score};
use crate::{Error, Result};

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
pub struct Scorer {
    /// In order of file name.
    cards: Vec<Scorecard>,
    default: usize,
}

impl Scorer {
    /// Loads the scorecards of `config/scorecards/` and checks them against the codes there are.
    ///
    /// # Errors
    /// When a scorecard is wrong; the error names file and line.
    pub fn new(config: &ScoreConfig, assets: &Assets, catalog: &Catalog) -> Result<Self> {
        let mut cards: Vec<Scorecard> = Vec::new();
        for asset in assets.read_dir("scorecards", "toml")? {
            let card = Scorecard::compile(&asset, parse_toml(&asset)?, catalog)?;
            if cards.iter().any(|other| other.id == card.id) {
                let message = format!("scorecard `{}` is defined in another file already", card.id);
                return Err(Error::Config { file: asset.origin, line: card.line, message });
            }
            cards.push(card);
        }
        let Some(default) = cards.iter().position(|card| card.id == config.default_scorecard) else {
            let hint = suggestion(&config.default_scorecard, cards.iter().map(|card| card.id.as_str()));
            let message = format!("`score.default_scorecard`: no scorecard `{}`{hint}", config.default_scorecard);
            return Err(Error::Config { file: "config/scorecards".to_owned(), line: 1, message });
        };
        Ok(Self { cards, default })
    }

    /// Scores one call; `None` for a call that nobody answered, that is not a conversation or in
    /// which no agent speaks.
    pub fn run(&self, context: &CallContext<'_>, findings: &[Finding], facts: &Facts) -> Option<Score> {
        let acts: Vec<&[Act]> = context.signals.turns.iter().map(|turn| turn.acts.as_slice()).collect();
        self.score(&Scored { record: context.record, acts: &acts, findings, facts })
    }

    /// Scores a call that was analysed before, out of its stored analysis: what a change of a
    /// scorecard would do takes no new analysis.
    pub fn rescore(&self, record: &CallRecord, analysis: &Analysis) -> Option<Score> {
        let acts: Vec<&[Act]> = analysis.turns.iter().map(|turn| turn.acts.as_slice()).collect();
        self.score(&Scored { record, acts: &acts, findings: &analysis.findings, facts: &analysis.facts })
    }

    fn score(&self, call: &Scored<'_>) -> Option<Score> {
        let record = call.record;
        let heard = record.turns.iter().any(|turn| turn.role == Role::Agent && !turn.text.trim().is_empty());
        if record.answered == Some(false) || !record.spoken() || !heard {
            return None;
        }
        self.card_for(record)?.score(call)
    }

    /// The scorecard of a call: the first that names its queue, else the default.
    pub fn card_for(&self, record: &CallRecord) -> Option<&Scorecard> {
        self.cards.iter().find(|card| card.is_for(record)).or_else(|| self.cards.get(self.default))
    }

    /// Every scorecard, in order of file name.
    pub fn iter(&self) -> impl Iterator<Item = &Scorecard> {
        self.cards.iter()
    }

    /// `id@version` of a scorecard.
    pub fn version_of(&self, id: &str) -> String {
        match self.cards.iter().find(|card| card.id == id) {
            Some(card) => format!("{id}@{}", card.version),
            None => id.to_owned(),
        }
    }
}
