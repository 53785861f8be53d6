//! The same set with other weights.

use rust_decimal::{Decimal, RoundingStrategy};

use super::set::{FULL, Set, Weights};

/// Decimals of weights that follow from others.
const DECIMALS: u32 = 4;

impl Set {
    /// The set with other weights of some nodes. What is beside them keeps its proportions within what they leave, and so does what
    /// is under a node whose weight changes.
    ///
    /// # Errors
    /// In Chinese: every path that is not there, and all weights that are none, leave nothing or do not add up.
    pub fn with_weights(&self, weights: &Weights) -> Result<Self, Vec<String>> {
        let mut wrong = Vec::new();
        for (path, weight) in weights {
            if self.find(path).is_none() {
                wrong.push(format!("没有编号为 {path} 的指标"));
            } else if *weight <= Decimal::ZERO || *weight > FULL {
                wrong.push(format!("{path} 的权重必须大于 0、不超过 100"));
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let mut set = self.clone();
        let parents = std::iter::once(None).chain((0..self.nodes.len()).map(Some));
        for parent in parents {
            set.share_out(self, parent, weights);
        }
        let empty = set.nodes.iter().filter(|node| node.weight <= Decimal::ZERO);
        wrong.extend(empty.map(|node| format!("没有给 {}（{}）留下权重", node.path, node.title)));
        wrong.extend(set.unbalanced().map(|(_, message)| message));
        if wrong.is_empty() { Ok(set) } else { Err(wrong) }
    }

    /// Weights of what is right under a node, which has its own by now: the given ones, and the others in proportion.
    fn share_out(&mut self, before: &Self, parent: Option<usize>, weights: &Weights) {
        let weight_of = |set: &Self| parent.and_then(|parent| set.nodes.get(parent)).map_or(FULL, |node| node.weight);
        let (was, mut left) = (weight_of(before), weight_of(self));
        let mut others = Vec::new();
        let mut changed = was != left;
        for (number, node) in before.children(parent) {
            match weights.get(&node.path) {
                Some(weight) => {
                    changed = true;
                    left -= *weight;
                    self.nodes[number].weight = *weight;
                }
                None => others.push((number, node.weight)),
            }
        }
        let Some((last, _)) = others.last().copied().filter(|_| changed) else {
            return;
        };
        let whole: Decimal = others.iter().map(|(_, weight)| *weight).sum();
        let shared = left;
        for (number, weight) in others {
            // The last one takes what rounding leaves, so that the sum is exact.
            let part = if number == last {
                left
            } else {
                (shared * weight / whole).round_dp_with_strategy(DECIMALS, RoundingStrategy::MidpointAwayFromZero)
            };
            self.nodes[number].weight = part;
            left -= part;
        }
    }
}
