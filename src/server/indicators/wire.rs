//! Sets and what they give, as they go over the wire. Decimals are text.

use qingting_proto::v1;
use rust_decimal::Decimal;

use super::super::reports::wire::count;
use crate::indicator::evaluate::{AdjustmentOutcome, shown};
use crate::indicator::explain::{Input, adjustment_zh, figure_zh, total_zh};
use crate::indicator::set::{Adjustment, Missing};
use crate::indicator::tally::{Data, Unit};
use crate::indicator::{Outcome, Scope, Set};
use crate::report::figures::Share;

/// A weight or bound as it is written.
pub(super) fn exact(value: Decimal) -> String {
    value.normalize().to_string()
}

pub(super) fn hundredths(value: Decimal) -> String {
    shown(value).to_string()
}

pub(super) fn info(set: &Set) -> v1::IndicatorSetInfo {
    v1::IndicatorSetInfo {
        id: set.id.clone(),
        version: i64::from(set.version),
        fingerprint: set.fingerprint.clone(),
        title: set.title.clone(),
        doc: set.doc.trim().to_owned(),
    }
}

pub(super) fn set(set: &Set) -> v1::IndicatorSet {
    let nodes = set.nodes.iter().map(|node| {
        let item = node.item.as_ref();
        v1::IndicatorNode {
            path: node.path.clone(),
            title: node.title.clone(),
            level: i32::from(node.level),
            weight: exact(node.weight),
            published: node.published,
            note: node.note.clone(),
            formula: item.map_or_else(String::new, |item| item.formula.text().to_owned()),
            cap: item.map_or_else(String::new, |item| exact(item.cap)),
            min_calls: item.map_or(0, |item| count(item.least)),
        }
    });
    let missing = match set.missing {
        Missing::Exclude => v1::IndicatorMissing::Exclude,
        Missing::Zero => v1::IndicatorMissing::Zero,
    };
    v1::IndicatorSet {
        info: Some(info(set)),
        missing: missing.into(),
        least_weight: exact(set.least_weight),
        max_total: exact(set.most),
        nodes: nodes.collect(),
        deductions: set.deductions.iter().map(adjustment).collect(),
        bonuses: set.bonuses.iter().map(adjustment).collect(),
    }
}

fn adjustment(one: &Adjustment) -> v1::IndicatorAdjustment {
    v1::IndicatorAdjustment {
        id: one.id.clone(),
        title: one.title.clone(),
        formula: one.formula.text().to_owned(),
        max_points: exact(one.most),
        note: one.note.clone(),
        min_calls: count(one.least),
    }
}

/// What a node gives.
pub(super) fn node(set: &Set, outcome: &Outcome, number: usize, data: &Data) -> Option<v1::IndicatorNodeResult> {
    let (node, of) = (set.nodes.get(number)?, outcome.nodes.get(number)?);
    Some(v1::IndicatorNodeResult {
        path: node.path.clone(),
        title: node.title.clone(),
        level: i32::from(node.level),
        weight: exact(node.weight),
        score: of.score.map(hundredths),
        points: of.points.map(hundredths),
        known_weight: exact(of.known_weight),
        reason: of.no_data.as_ref().map_or_else(String::new, |no_data| no_data.zh(data)),
    })
}

pub(super) fn adjustment_result(
    one: &Adjustment,
    of: &AdjustmentOutcome,
    data: &Data,
) -> v1::IndicatorAdjustmentResult {
    v1::IndicatorAdjustmentResult {
        id: one.id.clone(),
        title: one.title.clone(),
        points: of.points.map(hundredths),
        explanation: adjustment_zh(one, of, data),
    }
}

pub(super) fn adjustments(
    of: &[Adjustment],
    given: &[AdjustmentOutcome],
    data: &Data,
) -> Vec<v1::IndicatorAdjustmentResult> {
    of.iter().zip(given).map(|(one, given)| adjustment_result(one, given, data)).collect()
}

/// What a set gives for the calls of a scope.
pub(super) fn result(
    set: &Set,
    scope: &Scope,
    outcome: &Outcome,
    counted: &super::answer::Counted,
) -> v1::IndicatorResult {
    let data = &counted.group.data;
    v1::IndicatorResult {
        set: Some(info(set)),
        since: scope.period().from().to_string(),
        until: scope.period().to().to_string(),
        call_count: count(counted.group.calls),
        total: outcome.total.map(hundredths),
        base: outcome.base.map(hundredths),
        known_weight: exact(outcome.known_weight),
        missing_weight: exact(outcome.missing_weight()),
        explanation: total_zh(set, outcome),
        nodes: (0..set.nodes.len()).filter_map(|number| node(set, outcome, number, data)).collect(),
        deductions: adjustments(&set.deductions, &outcome.deductions, data),
        bonuses: adjustments(&set.bonuses, &outcome.bonuses, data),
        partial: counted.partial,
    }
}

pub(super) fn input(input: Input) -> v1::IndicatorInput {
    let datum = &input.datum;
    let unit = match datum.unit {
        Unit::Calls => v1::FigureUnit::Calls,
        Unit::Share => v1::FigureUnit::Share,
        Unit::Seconds => v1::FigureUnit::Seconds,
        Unit::Points => v1::FigureUnit::Points,
    };
    let share = datum.numerator.zip(datum.denominator).map(|(part, of)| Share::new(part, of));
    let interval = share.and_then(Share::interval);
    v1::IndicatorInput {
        explanation: figure_zh(datum),
        figure: Some(v1::Figure {
            id: input.figure,
            title: datum.title.clone(),
            unit: unit.into(),
            value: datum.value,
            numerator: datum.numerator.map(count),
            denominator: datum.denominator.map(count),
            missing: count(datum.missing),
            interval: interval.map(|of| v1::Interval { low: of.low, high: of.high }),
        }),
        numerator_filter: input.numerator_filter.unwrap_or_default(),
        denominator_filter: input.denominator_filter.unwrap_or_default(),
        missing_filter: input.missing_filter.unwrap_or_default(),
    }
}
