//! Two outcomes of a set beside each other.

use rust_decimal::Decimal;

use super::evaluate::Outcome;
use super::set::{FULL, Set};

/// How a node, or the whole set, changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Score now.
    pub now: Option<Decimal>,
    /// Score before.
    pub before: Option<Decimal>,
    /// The former less the latter.
    pub score: Option<Decimal>,
    /// What that change is worth in points of the whole set: its change of the score by its weight. Changes of the items add up to the
    /// change of the whole only where the same items have data in both.
    pub points: Option<Decimal>,
}

fn change(now: Option<Decimal>, before: Option<Decimal>, weight: Decimal) -> Change {
    let score = now.zip(before).map(|(now, before)| now - before);
    Change { now, before, score, points: score.map(|score| score * weight / FULL) }
}

/// The whole, and every node in the order of the set.
pub fn compare(set: &Set, now: &Outcome, before: &Outcome) -> (Change, Vec<Change>) {
    let nodes = set.nodes.iter().zip(now.nodes.iter().zip(&before.nodes));
    let nodes = nodes.map(|(node, (now, before))| change(now.score, before.score, node.weight));
    (change(now.total, before.total, FULL), nodes.collect())
}

/// Items that had data in one of the two only, in the order of the set: totals over other items are compared with care.
pub fn unlike(set: &Set, now: &Outcome, before: &Outcome) -> Vec<usize> {
    let items = set.nodes.iter().enumerate().filter(|(_, node)| node.item.is_some());
    let differs = |number: &usize| {
        let has = |outcome: &Outcome| outcome.nodes.get(*number).is_some_and(|node| node.no_data.is_none());
        has(now) != has(before)
    };
    items.map(|(number, _)| number).filter(differs).collect()
}
