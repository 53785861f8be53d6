//! What a number is made of, in words: the total out of the nodes, a node out of what is under it or out of its formula, a
//! figure out of its calls.

use rust_decimal::Decimal;

use super::evaluate::{AdjustmentOutcome, Outcome, shown};
use super::names::Names;
use super::scope::Scope;
use super::set::{Adjustment, FULL, Missing, Set};
use super::tally::{Data, Datum, Unit};
use super::trace::{Part, filter};

/// A figure that goes into a formula, with the filters that select its calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Name in formulas.
    pub figure: String,
    /// What was counted.
    pub datum: Datum,
    /// Selects the calls that fulfil a share.
    pub numerator_filter: Option<String>,
    /// Selects the calls that it is over; of a number, those that it counts.
    pub denominator_filter: Option<String>,
    /// Selects the calls that lack what it needs.
    pub missing_filter: Option<String>,
}

/// The figures of a formula.
pub fn inputs<'a>(
    figures: impl IntoIterator<Item = &'a String>,
    data: &Data,
    names: &Names,
    scope: &Scope,
) -> Vec<Input> {
    let input = |figure: &String| {
        let name = names.get(figure);
        let mut datum = data.get(figure).cloned().unwrap_or_else(|| Datum {
            title: figure.clone(),
            unit: name.map_or(Unit::Share, |name| name.unit),
            value: None,
            numerator: None,
            denominator: None,
            missing: 0,
        });
        if let Some(name) = name {
            datum.title.clone_from(&name.title);
        }
        Input {
            numerator_filter: filter(figure, &datum, Part::Yes, scope),
            denominator_filter: filter(figure, &datum, Part::Of, scope),
            missing_filter: filter(figure, &datum, Part::Missing, scope),
            figure: figure.clone(),
            datum,
        }
    };
    figures.into_iter().map(input).collect()
}

/// A figure in words, such as `接通率 = 95 ÷ 100 = 95.00%，另有 3 通没有数据`.
pub fn figure_zh(datum: &Datum) -> String {
    let value = match (datum.value, datum.unit) {
        (None, _) => "无数据".to_owned(),
        (Some(value), Unit::Share) => format!("{:.2}%", value * 100.0),
        (Some(value), Unit::Seconds) => format!("{value:.2} 秒"),
        (Some(value), Unit::Points) => format!("{value:.2} 分"),
        (Some(value), Unit::Calls) => format!("{value:.0}"),
    };
    let counted = match (datum.numerator, datum.denominator) {
        (Some(part), Some(of)) => format!(" = {part} ÷ {of}"),
        (None, Some(of)) => format!("（{of} 通平均）"),
        _ => String::new(),
    };
    let missing = if datum.missing > 0 {
        format!("，另有 {} 通没有数据", datum.missing)
    } else {
        String::new()
    };
    format!("{}{counted} = {value}{missing}", datum.title)
}

fn number(value: Decimal) -> String {
    value.normalize().to_string()
}

/// The total in words.
pub fn total_zh(set: &Set, outcome: &Outcome) -> String {
    let known = number(outcome.known_weight);
    let base = match (outcome.base, set.missing) {
        (None, _) => {
            let least = number(set.least_weight);
            return format!("有数据的权重为 {known}，不足 {least}，不给出总分");
        }
        (Some(base), Missing::Exclude) if outcome.known_weight < FULL => format!(
            "有数据的指标权重合计 {known}，得 {} 分，按 100 折算为 {} 分；没有数据的权重 {} 未计入",
            shown(outcome.points),
            shown(base),
            number(outcome.missing_weight())
        ),
        (Some(base), Missing::Zero) if outcome.known_weight < FULL => {
            format!("各指标合计 {} 分；没有数据的权重 {} 按零分计", shown(base), number(outcome.missing_weight()))
        }
        (Some(base), _) => format!("各指标合计 {} 分", shown(base)),
    };
    let (off, on) = (outcome.deducted(), outcome.added());
    let mut text = base;
    if !off.is_zero() {
        text.push_str(&format!("，扣 {} 分", shown(off)));
    }
    if !on.is_zero() {
        text.push_str(&format!("，加 {} 分", shown(on)));
    }
    let before = outcome.base.unwrap_or_default() - off + on;
    if let Some(total) = outcome.total {
        let bound = if before > set.most {
            format!("（上限 {}）", number(set.most))
        } else if before < Decimal::ZERO {
            "（下限 0）".to_owned()
        } else {
            String::new()
        };
        text.push_str(&format!("，总分 {}{bound}", shown(total)));
    }
    text
}

/// A node in words.
pub fn node_zh(set: &Set, outcome: &Outcome, number_of: usize, data: &Data) -> String {
    let (Some(node), Some(of)) = (set.nodes.get(number_of), outcome.nodes.get(number_of)) else {
        return String::new();
    };
    if let Some(no_data) = &of.no_data {
        let left_out = match set.missing {
            Missing::Exclude => "未计入总分",
            Missing::Zero => "按零分计",
        };
        return format!("{}；权重 {} {left_out}", no_data.zh(data), number(node.weight));
    }
    let (Some(score), Some(points)) = (of.score, of.points) else {
        return format!("下级指标都没有数据；权重 {}", number(node.weight));
    };
    let known = if of.known_weight < node.weight {
        format!("（其中 {} 没有数据）", number(node.weight - of.known_weight))
    } else {
        String::new()
    };
    match &node.item {
        Some(item) => {
            let capped = if score == FULL * item.cap && item.cap > Decimal::ONE {
                format!("，已达上限 {} 倍", number(item.cap))
            } else {
                String::new()
            };
            format!(
                "{} = {} 分{capped}；权重 {}，得 {} 分",
                item.formula.text(),
                shown(score),
                number(node.weight),
                shown(points)
            )
        }
        None => {
            format!("下级指标合计 {} 分；权重 {}{known}，得分率 {}", shown(points), number(node.weight), shown(score))
        }
    }
}

/// A deduction or bonus in words.
pub fn adjustment_zh(one: &Adjustment, of: &AdjustmentOutcome, data: &Data) -> String {
    match (&of.points, &of.no_data) {
        (Some(points), _) => format!("{} = {} 分，最多 {} 分", one.formula.text(), shown(*points), number(one.most)),
        (None, Some(no_data)) => format!("{}；不加不扣", no_data.zh(data)),
        (None, None) => String::new(),
    }
}
