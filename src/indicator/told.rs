//! Outcomes as the command line prints them as JSON; names as on the wire, decimals as text.

use rust_decimal::Decimal;
use serde::Serialize;

use super::evaluate::{AdjustmentOutcome, Outcome, shown};
use super::explain::{Input, adjustment_zh, figure_zh, total_zh};
use super::scope::Scope;
use super::set::{Adjustment, Set};
use super::tally::{Data, Group};

/// What a set gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    /// Id of the set.
    pub set_id: String,
    /// Its version.
    pub set_version: u32,
    /// SHA-256 over its text, first 16 hex digits.
    pub set_fingerprint: String,
    /// First day.
    pub since: String,
    /// Last day.
    pub until: String,
    /// Calls of the scope.
    pub call_count: u64,
    /// The total; `None` where too little is known.
    pub total: Option<String>,
    /// Before deductions and bonuses.
    pub base: Option<String>,
    /// Weight of the items with data.
    pub known_weight: String,
    /// Weight of the items without.
    pub missing_weight: String,
    /// How the total comes about.
    pub explanation: String,
    /// Every node.
    pub nodes: Vec<ToldNode>,
    /// Every deduction.
    pub deductions: Vec<ToldAdjustment>,
    /// Every bonus.
    pub bonuses: Vec<ToldAdjustment>,
}

/// What a node gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToldNode {
    /// The node.
    pub path: String,
    /// What supervisors read.
    pub title: String,
    /// 1 to 3.
    pub level: u8,
    /// Points that it is worth.
    pub weight: String,
    /// 0 to 100, or up to 120.
    pub score: Option<String>,
    /// Points.
    pub points: Option<String>,
    /// Weight of the items in it that have data.
    pub known_weight: String,
    /// Why an item has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a deduction or bonus gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToldAdjustment {
    /// Id.
    pub id: String,
    /// What supervisors read.
    pub title: String,
    /// Points, 0 or more.
    pub points: Option<String>,
    /// How they come about.
    pub explanation: String,
}

/// A figure that went into a formula.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToldInput {
    /// Name in formulas.
    pub id: String,
    /// What supervisors read.
    pub title: String,
    /// Its value.
    pub value: Option<f64>,
    /// Of a share: calls that fulfil it.
    pub numerator: Option<u64>,
    /// Calls that it is over.
    pub denominator: Option<u64>,
    /// Calls that lack what it needs.
    pub missing: u64,
    /// How it comes about.
    pub explanation: String,
    /// Selects the calls that fulfil a share.
    pub numerator_filter: Option<String>,
    /// Selects the calls that it is over.
    pub denominator_filter: Option<String>,
    /// Selects the calls that lack what it needs.
    pub missing_filter: Option<String>,
}

impl From<Input> for ToldInput {
    fn from(input: Input) -> Self {
        let explanation = figure_zh(&input.datum);
        let datum = input.datum;
        Self {
            id: input.figure,
            title: datum.title,
            value: datum.value,
            numerator: datum.numerator,
            denominator: datum.denominator,
            missing: datum.missing,
            explanation,
            numerator_filter: input.numerator_filter,
            denominator_filter: input.denominator_filter,
            missing_filter: input.missing_filter,
        }
    }
}

fn hundredths(value: Decimal) -> String {
    shown(value).to_string()
}

fn exact(value: Decimal) -> String {
    value.normalize().to_string()
}

/// What a set gives for the calls of a scope.
pub fn told(set: &Set, scope: &Scope, group: &Group, outcome: &Outcome) -> Told {
    let adjustments = |all: &[Adjustment], given: &[AdjustmentOutcome]| {
        let told = |(one, of): (&Adjustment, &AdjustmentOutcome)| ToldAdjustment {
            id: one.id.clone(),
            title: one.title.clone(),
            points: of.points.map(hundredths),
            explanation: adjustment_zh(one, of, &group.data),
        };
        all.iter().zip(given).map(told).collect()
    };
    Told {
        set_id: set.id.clone(),
        set_version: set.version,
        set_fingerprint: set.fingerprint.clone(),
        since: scope.period().from().to_string(),
        until: scope.period().to().to_string(),
        call_count: group.calls,
        total: outcome.total.map(hundredths),
        base: outcome.base.map(hundredths),
        known_weight: exact(outcome.known_weight),
        missing_weight: exact(outcome.missing_weight()),
        explanation: total_zh(set, outcome),
        nodes: (0..set.nodes.len()).filter_map(|number| node(set, outcome, number, &group.data)).collect(),
        deductions: adjustments(&set.deductions, &outcome.deductions),
        bonuses: adjustments(&set.bonuses, &outcome.bonuses),
    }
}

/// What a node gives.
pub fn node(set: &Set, outcome: &Outcome, number: usize, data: &Data) -> Option<ToldNode> {
    let (node, of) = (set.nodes.get(number)?, outcome.nodes.get(number)?);
    Some(ToldNode {
        path: node.path.clone(),
        title: node.title.clone(),
        level: node.level,
        weight: exact(node.weight),
        score: of.score.map(hundredths),
        points: of.points.map(hundredths),
        known_weight: exact(of.known_weight),
        reason: of.no_data.as_ref().map(|no_data| no_data.zh(data)),
    })
}
