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
    CallChange, CodeChange, CompareOptions, Comparer, Comparison, FindingExample, Moves, ScoreChange, backtest,
};

use self::arithmetic::Scored;
use crate::assets::{Asset, Assets, parse_toml};
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
            cards.push(card(&asset, &cards, catalog)?);
        }
        let Some(default) = cards.iter().position(|card| card.id == config.default_scorecard) else {
            let hint = suggestion(&config.default_scorecard, cards.iter().map(|card| card.id.as_str()));
            let message = format!("`score.default_scorecard`: no scorecard `{}`{hint}", config.default_scorecard);
            return Err(Error::Config { file: "config/scorecards".to_owned(), line: 1, column: None, message });
        };
        Ok(Self { cards, default })
    }

    /// Tells of every file that [`Self::new`] would refuse, each with its first mistake.
    pub(crate) fn mistakes(config: &ScoreConfig, assets: &Assets, catalog: &Catalog, note: &mut dyn FnMut(Error)) {
        let files = match assets.read_dir("scorecards", "toml") {
            Ok(files) => files,
            Err(error) => return note(error),
        };
        let (mut cards, mut wrong) = (Vec::new(), false);
        for asset in &files {
            match card(asset, &cards, catalog) {
                Ok(card) => cards.push(card),
                Err(error) => {
                    wrong = true;
                    note(error);
                }
            }
        }
        // A default that is missing may be in a file that is wrong.
        if !wrong && let Err(error) = Self::new(config, assets, catalog) {
            note(error);
        }
    }

    /// Scores one call; `None` for a call that nobody answered, that is not a conversation or in
    /// which no agent speaks.
    pub fn run(&self, context: &CallContext<'_>, findings: &[Finding], facts: &Facts) -> Option<Score> {
        let acts: Vec<&[Act]> = context.signals.turns.iter().map(|turn| turn.acts.as_slice()).collect();
        let heard = context.turns_of(Role::Agent).next().is_some();
        self.score(&Scored { record: context.record, acts: &acts, findings, facts }, heard)
    }

    /// Scores a call that was analysed before, out of its stored analysis: what a change of a
    /// scorecard would do takes no new analysis.
    pub fn rescore(&self, record: &CallRecord, analysis: &Analysis) -> Option<Score> {
        let acts: Vec<&[Act]> = analysis.turns.iter().map(|turn| turn.acts.as_slice()).collect();
        let said = record.turns.iter().zip(&analysis.turns);
        let heard = said.into_iter().any(|(turn, said)| turn.role == Role::Agent && !said.text.is_empty());
        let scored = Scored { record, acts: &acts, findings: &analysis.findings, facts: &analysis.facts };
        self.score(&scored, heard)
    }

    /// `heard` is whether the agent says anything.
    fn score(&self, call: &Scored<'_>, heard: bool) -> Option<Score> {
        let record = call.record;
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

/// The scorecard of a file, which no earlier one may be called like.
fn card(asset: &Asset, before: &[Scorecard], catalog: &Catalog) -> Result<Scorecard> {
    let card = Scorecard::compile(asset, parse_toml(asset)?, catalog)?;
    if before.iter().any(|other| other.id == card.id) {
        let message = format!("scorecard `{}` is defined in another file already", card.id);
        return Err(Error::in_line(asset, card.line, message));
    }
    Ok(card)
}
