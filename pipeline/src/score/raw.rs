//! The file format of `config/scorecards/*.toml`, as written. Owns the shape alone.

use serde::Deserialize;
use toml::Spanned;

use crate::record::{Act, Direction, Party, Severity};

/// A file: one scorecard.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCard {
    pub(super) id: Spanned<String>,
    pub(super) version: u32,
    pub(super) title: String,
    pub(super) doc: String,
    #[serde(default)]
    pub(super) applies_to: RawAppliesTo,
    #[serde(rename = "section")]
    pub(super) sections: Vec<RawSection>,
}

/// The calls that it is for, as globs.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawAppliesTo {
    pub(super) queues: Vec<String>,
    pub(super) channels: Vec<String>,
}

/// A group of items.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSection {
    pub(super) id: Spanned<String>,
    pub(super) title: String,
    #[serde(default = "one")]
    pub(super) weight: Spanned<f64>,
    #[serde(rename = "item")]
    pub(super) items: Vec<RawItem>,
}

fn one() -> Spanned<f64> {
    Spanned::new(0..0, 1.0)
}

/// One line of the scorecard.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawItem {
    pub(super) id: Spanned<String>,
    pub(super) title: String,
    pub(super) points: Spanned<f64>,
    /// Most points that findings may take; all of them without it.
    pub(super) cap: Option<Spanned<f64>>,
    #[serde(default)]
    pub(super) deduct: Vec<RawDeduction>,
    #[serde(default)]
    pub(super) na: Vec<RawNa>,
    pub(super) fatal: Option<RawFatal>,
    pub(super) bonus: Option<RawBonus>,
}

/// What each finding of these codes costs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDeduction {
    pub(super) codes: Vec<Spanned<String>>,
    pub(super) points: Spanned<f64>,
}

/// Findings that fail the call as a whole.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFatal {
    pub(super) codes: Vec<Spanned<String>>,
    #[serde(default = "minor")]
    pub(super) severity: Severity,
    #[serde(default)]
    pub(super) confidence: f32,
}

fn minor() -> Severity {
    Severity::Minor
}

/// Points on top for what the agent does, on a call without grave faults.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBonus {
    pub(super) acts: Vec<Act>,
    #[serde(default = "once")]
    pub(super) turns: usize,
}

fn once() -> usize {
    1
}

/// When an item does not apply: everything that is named must hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNa {
    /// What supervisors read.
    pub(super) reason: Spanned<String>,
    pub(super) appeal_types: Option<Vec<String>>,
    pub(super) outcomes: Option<Vec<String>>,
    pub(super) queues: Option<Vec<String>>,
    pub(super) channels: Option<Vec<String>>,
    pub(super) direction: Option<Direction>,
    pub(super) hangup_by: Option<Vec<Party>>,
    pub(super) transferred: Option<bool>,
    pub(super) crisis: Option<bool>,
    pub(super) timed: Option<bool>,
    /// Nobody in the call does any of these.
    pub(super) without_acts: Option<Vec<Act>>,
    pub(super) turns_under: Option<usize>,
}
