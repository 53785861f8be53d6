//! What a set gives for the figures of some calls. Formulas are computed in binary numbers and rounded to four decimals at once; all
//! that follows is decimal and exact, and only what is shown is rounded, to hundredths, halves away from zero.

use rust_decimal::{Decimal, RoundingStrategy};

use super::expression::{Expression, NoValue};
use super::set::{Adjustment, FULL, Missing, Set};
use super::tally::{Data, Unit};

/// Decimals of the score of an item.
const DECIMALS: u32 = 4;

/// A number as it is shown: hundredths, halves away from zero.
pub fn shown(value: Decimal) -> Decimal {
    let mut rounded = value.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(2);
    rounded
}

/// Why an item has no data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoData {
    /// A figure has no value.
    Missing {
        /// Its name in formulas.
        figure: String,
    },
    /// A figure is over fewer calls than the item asks for.
    Few {
        /// Its name in formulas.
        figure: String,
        /// Calls that it is over.
        has: u64,
        /// Calls that the item asks for.
        least: u64,
    },
    /// Something is divided by nothing.
    Undefined,
}

impl NoData {
    /// In words.
    pub fn zh(&self, data: &Data) -> String {
        let title = |figure: &String| data.get(figure).map_or_else(|| figure.clone(), |datum| datum.title.clone());
        match self {
            Self::Missing { figure } => format!("数据不足：没有“{}”（{figure}）的数据", title(figure)),
            Self::Few { figure, has, least } => {
                format!("数据不足：“{}”（{figure}）只有 {has} 通，至少需要 {least} 通", title(figure))
            }
            Self::Undefined => "数据不足：公式的分母为零".to_owned(),
        }
    }
}

/// What a node gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeOutcome {
    /// 0 to 100, up to 120 where the cap allows: of an item what its formula gives, else points ÷ the weight they are out of.
    pub score: Option<Decimal>,
    /// Points, out of its weight with data; where the set counts missing items as nothing, out of its weight.
    pub points: Option<Decimal>,
    /// Weight of the items in it that have data.
    pub known_weight: Decimal,
    /// Of an item without data, why.
    pub no_data: Option<NoData>,
}

/// What a deduction or bonus gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdjustmentOutcome {
    /// Points, 0 or more.
    pub points: Option<Decimal>,
    /// Why there are none.
    pub no_data: Option<NoData>,
}

/// What a set gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// 0 to [`Set::most`]; `None` where too little is known.
    pub total: Option<Decimal>,
    /// Before deductions and bonuses.
    pub base: Option<Decimal>,
    /// Points of all items with data.
    pub points: Decimal,
    /// Weight of the items with data.
    pub known_weight: Decimal,
    /// Of every node of the set, in its order.
    pub nodes: Vec<NodeOutcome>,
    /// Of every deduction.
    pub deductions: Vec<AdjustmentOutcome>,
    /// Of every bonus.
    pub bonuses: Vec<AdjustmentOutcome>,
}

impl Outcome {
    /// Weight of the items without data.
    pub fn missing_weight(&self) -> Decimal {
        FULL - self.known_weight
    }

    /// Points taken off.
    pub fn deducted(&self) -> Decimal {
        self.deductions.iter().filter_map(|one| one.points).sum()
    }

    /// Points added.
    pub fn added(&self) -> Decimal {
        self.bonuses.iter().filter_map(|one| one.points).sum()
    }
}

impl Set {
    /// Evaluates figures.
    pub fn evaluate(&self, data: &Data) -> Outcome {
        let mut nodes: Vec<NodeOutcome> = self.nodes.iter().map(|node| self.item(node, data)).collect();
        // Every node stands before what is under it.
        for (number, node) in self.nodes.iter().enumerate().rev() {
            let of = nodes[number].clone();
            if let Some(above) = node.parent.and_then(|parent| nodes.get_mut(parent)) {
                above.known_weight += of.known_weight;
                above.points = match (above.points, of.points) {
                    (Some(sum), Some(points)) => Some(sum + points),
                    (sum, points) => sum.or(points),
                };
            }
            if node.item.is_none() {
                nodes[number].score = self.score(of.points, of.known_weight, node.weight);
            }
        }
        let first: Vec<&NodeOutcome> = self.children(None).filter_map(|(number, _)| nodes.get(number)).collect();
        let points: Decimal = first.iter().filter_map(|node| node.points).sum();
        let known_weight: Decimal = first.iter().map(|node| node.known_weight).sum();
        let deductions: Vec<_> = self.deductions.iter().map(|one| adjustment(one, data)).collect();
        let bonuses: Vec<_> = self.bonuses.iter().map(|one| adjustment(one, data)).collect();
        let enough = !known_weight.is_zero() && known_weight >= self.least_weight;
        let base = self.score(Some(points), known_weight, FULL).filter(|_| enough);
        let mut outcome = Outcome { total: None, base, points, known_weight, nodes, deductions, bonuses };
        let total = base.map(|base| base - outcome.deducted() + outcome.added());
        outcome.total = total.map(|total| total.clamp(Decimal::ZERO, self.most));
        outcome
    }

    /// Points out of what they are out of, 0 to 100.
    fn score(&self, points: Option<Decimal>, known: Decimal, weight: Decimal) -> Option<Decimal> {
        let out_of = match self.missing {
            Missing::Exclude => known,
            Missing::Zero => weight,
        };
        if known.is_zero() {
            return None;
        }
        (points? * FULL).checked_div(out_of)
    }

    fn item(&self, node: &super::set::Node, data: &Data) -> NodeOutcome {
        let nothing = NodeOutcome { score: None, points: None, known_weight: Decimal::ZERO, no_data: None };
        let Some(item) = &node.item else { return nothing };
        match value(&item.formula, item.least, data) {
            Ok(value) => {
                let score = value.clamp(Decimal::ZERO, FULL * item.cap);
                NodeOutcome {
                    score: Some(score),
                    points: Some(score * node.weight / FULL),
                    known_weight: node.weight,
                    no_data: None,
                }
            }
            Err(no_data) => NodeOutcome {
                points: matches!(self.missing, Missing::Zero).then_some(Decimal::ZERO),
                no_data: Some(no_data),
                ..nothing
            },
        }
    }
}

fn adjustment(one: &Adjustment, data: &Data) -> AdjustmentOutcome {
    match value(&one.formula, one.least, data) {
        Ok(points) => AdjustmentOutcome { points: Some(points.clamp(Decimal::ZERO, one.most)), no_data: None },
        Err(no_data) => AdjustmentOutcome { points: None, no_data: Some(no_data) },
    }
}

/// What a formula gives, where each of its figures is over enough calls.
fn value(formula: &Expression, least: u64, data: &Data) -> Result<Decimal, NoData> {
    for figure in formula.names() {
        let Some(datum) = data.get(figure).filter(|datum| datum.value.is_some()) else {
            return Err(NoData::Missing { figure: figure.clone() });
        };
        let has = match datum.unit {
            Unit::Calls => continue,
            _ => datum.denominator.unwrap_or(0),
        };
        if has < least {
            return Err(NoData::Few { figure: figure.clone(), has, least });
        }
    }
    let value = formula.value(&|figure| data.get(figure)?.value).map_err(|none| match none {
        NoValue::Missing(figure) => NoData::Missing { figure },
        NoValue::Undefined => NoData::Undefined,
    })?;
    // Far beyond what is ever given, so that what is left has a decimal form.
    let within = Decimal::try_from(value.clamp(-1e6, 1e6)).map_err(|_| NoData::Undefined)?;
    Ok(within.round_dp_with_strategy(DECIMALS, RoundingStrategy::MidpointAwayFromZero))
}
