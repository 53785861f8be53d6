//! What goes with what: rules between the items of calls, such as "主题 供热 and 承办部门 住建局 →
//! 不满意". Owns the counting and the test; which items a call has is the business of [`super::view`].
//!
//! Definitions (Agrawal and Srikant 1994): of the `n` calls that say anything about the consequence,
//! `a` fulfil the condition, `c` the consequence, `b` both; support = b ÷ n, confidence = b ÷ a, lift =
//! (b ÷ a) ÷ (c ÷ n). A rule is kept when so many calls with both come about by chance with a probability
//! (one-sided Fisher's exact test) that passes Benjamini and Hochberg's bound on the share of
//! false discoveries, and when with each part of its condition left out it would be significantly weaker
//! (productive rules: Webb, Machine Learning 68, 2007). A rule says what comes together, not what
//! causes what.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use statrs::distribution::{DiscreteCDF, Hypergeometric};

use super::view::{DISSATISFIED, Field, Item, TopicView, YES};

/// Probability below which a part of a condition is needed.
const NEEDED: f64 = 0.05;

/// How associations are found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AssociationConfig {
    /// Fewest calls with condition and consequence.
    pub min_calls: usize,
    /// Least lift.
    pub min_lift: f64,
    /// Share of false rules that is accepted among those shown, 0 to 1.
    pub false_share: f64,
}

impl Default for AssociationConfig {
    fn default() -> Self {
        Self { min_calls: 5, min_lift: 1.2, false_share: 0.05 }
    }
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Association {
    /// One or two items: the condition.
    pub when: Vec<Item>,
    /// The consequence.
    pub then: Item,
    /// Calls with both.
    pub calls: usize,
    /// Calls with the condition.
    pub of: usize,
    /// Calls with both as a share of all that say anything about the consequence, 0 to 1.
    pub support: f64,
    /// Calls with both as a share of those with the condition, 0 to 1.
    pub confidence: f64,
    /// Confidence as a multiple of the consequence's share among all.
    pub lift: f64,
    /// Probability of as many calls with both by chance.
    pub chance: f64,
    /// The calls with both.
    pub call_ids: Vec<String>,
}

/// Consequences that are looked for when none is asked for.
fn worth_telling(item: &Item) -> bool {
    match item.field {
        Field::Satisfaction => item.value == DISSATISFIED,
        Field::Outcome => item.value == "unresolved",
        Field::Repeat => item.value == YES,
        _ => false,
    }
}

/// Fields whose items may be a condition.
fn may_condition(field: Field) -> bool {
    // Who the agent is explains nothing that can be changed here: scorecards compare agents. What the caller
    // thinks in the end is a consequence, and the needs say again what fault and outcome say.
    use Field::{Agent, Crisis, EmotionalNeed, FactualNeed, Rating, Satisfaction};
    !matches!(field, Agent | Crisis | Rating | Satisfaction | EmotionalNeed | FactualNeed)
}

/// Fields that say the same thing in another way, so that a rule between them tells nothing.
fn kin(a: Field, b: Field) -> bool {
    let family = |field| match field {
        Field::Topic | Field::Category | Field::Service => 0,
        Field::Place | Field::Organisation => 1,
        Field::Rating | Field::Satisfaction => 2,
        Field::Outcome | Field::FactualNeed => 3,
        Field::EmotionalNeed | Field::Style => 4,
        Field::Queue | Field::Team => 5,
        Field::Department => 6,
        Field::Agent => 7,
        Field::Channel => 8,
        Field::Appeal => 9,
        Field::Fault => 10,
        Field::Repeat => 11,
        Field::Crisis => 12,
    };
    family(a) == family(b) && (a != b || a != Field::Fault)
}

/// A set of calls.
#[derive(Clone)]
struct Set(Vec<u64>);

impl Set {
    fn new(calls: usize) -> Self {
        Self(vec![0; calls.div_ceil(64)])
    }

    fn insert(&mut self, call: usize) {
        self.0[call / 64] |= 1 << (call % 64);
    }

    fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a & b).collect())
    }

    fn common(&self, other: &Self) -> usize {
        self.0.iter().zip(&other.0).map(|(a, b)| (a & b).count_ones() as usize).sum()
    }

    fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    fn calls(&self) -> Vec<usize> {
        (0..self.0.len() * 64).filter(|call| self.0[call / 64] >> (call % 64) & 1 == 1).collect()
    }
}

/// The rules with `target` as their consequence, or with any that is worth telling; the strongest first.
pub fn associations(view: &TopicView, target: Option<&Item>, config: &AssociationConfig) -> Vec<Association> {
    let calls = view.calls.len();
    let mut sets: BTreeMap<Item, Set> = BTreeMap::new();
    let mut known: BTreeMap<Field, Set> = BTreeMap::new();
    for call in 0..calls {
        for item in view.items(call) {
            known.entry(item.field).or_insert_with(|| Set::new(calls)).insert(call);
            sets.entry(item).or_insert_with(|| Set::new(calls)).insert(call);
        }
    }
    let least = config.min_calls.max(1);
    let wanted = |item: &&Item| target.map_or_else(|| worth_telling(item), |target| *item == target);
    let mut rules: Vec<(Vec<&Item>, &Item, Set, f64, Counts)> = Vec::new();
    let mut tests = Vec::new();
    for then in sets.keys().filter(wanted) {
        let (consequence, universe) = (&sets[then], &known[&then.field]);
        // What has to hold for every call of a rule is counted among those that say anything.
        let singles: Vec<(&Item, Set)> = sets
            .iter()
            .filter(|(item, _)| may_condition(item.field) && !kin(item.field, then.field))
            .map(|(item, set)| (item, set.and(universe)))
            .filter(|(_, set)| set.common(consequence) >= least)
            .collect();
        let all = Counts { n: universe.len(), c: consequence.len(), a: 0, b: 0 };
        let mut consider = |set: &Set, parts: &[&Set]| {
            let both = set.and(consequence);
            let counts = Counts { a: set.len(), b: both.len(), ..all };
            if counts.b < least || counts.a == counts.n {
                return None;
            }
            let chance = counts.chance();
            tests.push(chance);
            let needed = parts.iter().all(|part| {
                let (c, n) = (part.common(consequence), part.len());
                Counts { n, c, a: counts.a, b: counts.b }.chance() < NEEDED
            });
            (counts.lift() >= config.min_lift && needed).then_some((both, chance, counts))
        };
        for (i, (first, set)) in singles.iter().enumerate() {
            if let Some((both, chance, counts)) = consider(set, &[]) {
                rules.push((vec![first], then, both, chance, counts));
            }
            for (second, other) in &singles[i + 1..] {
                if kin(first.field, second.field) || set.common(other) < least {
                    continue;
                }
                if let Some((both, chance, counts)) = consider(&set.and(other), &[set, other]) {
                    rules.push((vec![first, second], then, both, chance, counts));
                }
            }
        }
    }
    let bound = discoveries(tests, config.false_share);
    let mut kept: Vec<Association> = rules
        .into_iter()
        .filter(|(.., chance, _)| *chance <= bound)
        .map(|(when, then, both, chance, counts)| Association {
            when: when.into_iter().cloned().collect(),
            then: then.clone(),
            calls: counts.b,
            of: counts.a,
            support: counts.b as f64 / counts.n as f64,
            confidence: counts.b as f64 / counts.a as f64,
            lift: counts.lift(),
            chance,
            call_ids: view.ids(&both.calls()),
        })
        .collect();
    kept.sort_by(|a, b| {
        a.chance
            .total_cmp(&b.chance)
            .then(b.lift.total_cmp(&a.lift))
            .then_with(|| (&a.when, &a.then).cmp(&(&b.when, &b.then)))
    });
    kept
}

/// Calls in all, with the consequence, with the condition, with both.
#[derive(Clone, Copy)]
struct Counts {
    n: usize,
    c: usize,
    a: usize,
    b: usize,
}

impl Counts {
    fn lift(self) -> f64 {
        (self.b as f64 * self.n as f64) / (self.a as f64 * self.c as f64)
    }

    /// Probability of at least as many calls with both.
    fn chance(self) -> f64 {
        let Some(below) = self.b.checked_sub(1) else { return 1.0 };
        Hypergeometric::new(self.n as u64, self.c as u64, self.a as u64).map_or(1.0, |chance| chance.sf(below as u64))
    }
}

/// The largest probability that passes the bound of Benjamini and Hochberg (1995).
fn discoveries(mut tests: Vec<f64>, false_share: f64) -> f64 {
    tests.sort_by(f64::total_cmp);
    let count = tests.len() as f64;
    let passes = |(rank, chance): (usize, &f64)| *chance <= (rank + 1) as f64 / count * false_share;
    (0..tests.len()).rev().find(|&rank| passes((rank, &tests[rank]))).map_or(0.0, |rank| tests[rank])
}

#[cfg(test)]
mod tests {
    use rand_xoshiro::Xoshiro256Plus;
    use rand_xoshiro::rand_core::{RngCore, SeedableRng};

    use super::*;
    use crate::topic::testing::{call, view};

    /// Calls with departments, queues and faults at random; `planted` makes those of one department about
    /// one topic dissatisfied.
    fn calls(count: usize, planted: bool, seed: u64) -> TopicView {
        let mut rng = Xoshiro256Plus::seed_from_u64(seed);
        let mut below = move |n: u64| (rng.next_u64() >> 20) % n;
        let calls = (0..count)
            .map(|nth| {
                let topic = below(6) as usize;
                let mut call = call(format!("c{nth}"), below(30));
                call.department = Some(format!("部门{}", below(5)));
                call.queue = Some(format!("队列{}", below(3)));
                if below(4) == 0 {
                    call.faults = vec!["impatience".to_owned()];
                }
                let hit = planted && topic == 2 && call.department.as_deref() == Some("部门1");
                call.satisfaction = if below(100) < if hit { 80 } else { 15 } {
                    1.5
                } else {
                    4.5
                };
                (call, topic)
            })
            .collect();
        view(calls)
    }

    #[test]
    fn a_planted_rule_is_found_with_its_figures() {
        let view = calls(3000, true, 1);
        let target = Item::parse(DISSATISFIED).unwrap();
        let rules = associations(&view, Some(&target), &AssociationConfig::default());
        let rule = &rules[0];
        assert_eq!(rule.when, [Item::new(Field::Topic, "t3"), Item::new(Field::Department, "部门1")], "{rules:?}");
        let with = |items: &[Item]| view.select(items, None, None).len();
        let both = [rule.when.clone(), vec![target.clone()]].concat();
        assert_eq!((rule.calls, rule.of, rule.call_ids.len()), (with(&both), with(&rule.when), with(&both)));
        assert!((rule.confidence - rule.calls as f64 / rule.of as f64).abs() < 1e-12);
        assert!((rule.support - rule.calls as f64 / 3000.0).abs() < 1e-12);
        assert!((rule.lift - rule.confidence / (with(&[target]) as f64 / 3000.0)).abs() < 1e-9);
    }

    #[test]
    fn chance_alone_makes_hardly_a_rule() {
        // Twenty worlds without any association: with a twentieth of false discoveries allowed, a rule is to
        // turn up in about one of them.
        let worlds = (100..120)
            .filter(|&seed| !associations(&calls(1500, false, seed), None, &AssociationConfig::default()).is_empty());
        let count = worlds.count();
        assert!(count <= 3, "{count} of 20");
    }

    #[test]
    fn what_a_condition_does_not_need_is_left_out() {
        // The topic alone decides; no rule needs a department beside it.
        let mut view = calls(3000, false, 3);
        for at in 0..view.calls.len() {
            view.calls[at].satisfaction = if view.topic_of[at] == Some(0) { 1.0 } else { 5.0 };
        }
        let rules = associations(&view, None, &AssociationConfig::default());
        assert_eq!(rules.len(), 1, "{rules:#?}");
        assert_eq!(rules[0].when, [Item::new(Field::Topic, "t1")]);
        assert!((rules[0].confidence - 1.0).abs() < 1e-12);
    }

    #[test]
    fn missing_ratings_are_no_answer() {
        let mut view = calls(600, false, 4);
        for (at, call) in view.calls.iter_mut().enumerate() {
            // Every tenth caller rates; those of 部门1 badly.
            call.rating = (at % 10 == 0).then(|| {
                if call.department.as_deref() == Some("部门1") {
                    1
                } else {
                    5
                }
            });
        }
        let target = Item::parse("rating:不满意").unwrap();
        let rules = associations(&view, Some(&target), &AssociationConfig::default());
        assert_eq!(rules[0].when, [Item::new(Field::Department, "部门1")]);
        assert!((rules[0].confidence - 1.0).abs() < 1e-12 && rules[0].of < 30, "{:?}", rules[0]);
    }
}
