//! Teams, queues or regions in order of what a set gives for each.

use rust_decimal::Decimal;

use super::doubt;
use super::evaluate::{Outcome, shown};
use super::set::Set;
use super::tally::Group;

/// How one of them stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Its name.
    pub key: String,
    /// All calls of it.
    pub calls: u64,
    /// Place, 1 is the best; equals, to a hundredth, share the better one, and as many after it are left out. `None` without a total
    /// or with too few calls.
    pub place: Option<u32>,
    /// What the set gives.
    pub outcome: Outcome,
    /// The 95% interval of the total, where the calls were counted by parts and it can be told.
    pub interval: Option<(Decimal, Decimal)>,
}

/// All of them in order of their places, those without one last; of equals, by name.
pub fn rank(set: &Set, groups: Vec<Group>, min_calls: u64) -> Vec<Ranked> {
    let outcome = |group: Group| {
        let outcome = set.evaluate(&group.data);
        let total = outcome.total.filter(|_| group.calls >= min_calls).map(shown);
        let interval = doubt::interval(set, &outcome, &group.without);
        (total, Ranked { key: group.key, calls: group.calls, place: None, outcome, interval })
    };
    let mut rows: Vec<(Option<Decimal>, Ranked)> = groups.into_iter().map(outcome).collect();
    rows.sort_by(|(a, left), (b, right)| b.cmp(a).then_with(|| left.key.cmp(&right.key)));
    let mut last: Option<(Decimal, u32)> = None;
    for (nth, (total, row)) in (1u32..).zip(&mut rows) {
        let Some(total) = *total else { continue };
        let place = last.filter(|(before, _)| *before == total).map_or(nth, |(_, place)| place);
        last = Some((total, place));
        row.place = Some(place);
    }
    rows.into_iter().map(|(_, row)| row).collect()
}
