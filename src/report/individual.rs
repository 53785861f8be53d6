//! One agent beside the others of the team: scores, items of the scorecards, and faults by code. Nobody else is named.

use std::collections::{BTreeMap, BTreeSet};

use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::{Analysis, CallRecord};

use super::faults::faults_of;
use super::figures::{Mean, Share};

/// What an item of a scorecard gave, over some calls.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ItemSum {
    /// Numbers of the agents in whose calls it applied.
    agents: BTreeSet<usize>,
    /// Calls to which it applied.
    pub applied: u64,
    /// Of these, calls that lost points in it.
    pub deducted: u64,
    /// Points given.
    pub awarded: f64,
    /// Points that could be had.
    pub potential: f64,
}

impl ItemSum {
    /// Points given of those that could be had, 0 to 1; `None` where none could be had.
    pub fn value(&self) -> Option<f64> {
        (self.potential > 0.0).then(|| self.awarded / self.potential)
    }
}

/// Scorecard and item.
pub type ItemKey = (String, String);

/// Scored calls of one or more agents.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// Whose they are, numbered.
    agents: BTreeMap<String, usize>,
    /// Their scores.
    pub score: Mean,
    /// Items of the scorecards.
    pub items: BTreeMap<ItemKey, ItemSum>,
    /// Calls with each fault.
    faults: BTreeMap<String, u64>,
}

impl Side {
    fn add(&mut self, agent: &str, analysis: &Analysis, faults: &BTreeSet<&str>) {
        let Some(score) = &analysis.score else { return };
        let next = self.agents.len();
        let number = *self.agents.entry(agent.to_owned()).or_insert(next);
        self.score.add(score.total);
        for item in score.items.iter().filter(|item| !item.na) {
            let sum = self.items.entry((score.scorecard.clone(), item.id.clone())).or_default();
            sum.agents.insert(number);
            sum.applied += 1;
            sum.deducted += u64::from(item.awarded < item.potential);
            sum.awarded += item.awarded;
            sum.potential += item.potential;
        }
        for &code in faults {
            *self.faults.entry(code.to_owned()).or_default() += 1;
        }
    }

    /// How many agents there are.
    pub fn agents(&self) -> usize {
        self.agents.len()
    }

    /// Scored calls with a fault, of all.
    pub fn share(&self, code: &str) -> Share {
        Share::new(self.faults.get(code).copied().unwrap_or(0), self.score.count())
    }

    /// The faults, the most frequent first.
    pub fn codes(&self) -> Vec<&str> {
        let mut codes: Vec<(&str, u64)> = self.faults.iter().map(|(code, calls)| (code.as_str(), *calls)).collect();
        codes.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        codes.into_iter().map(|(code, _)| code).collect()
    }
}

/// An agent, and every team from which the others are told.
pub struct Individual<'a> {
    agent: &'a str,
    catalog: &'a Catalog,
    own: Side,
    /// Scored calls of the agent by team.
    teams: BTreeMap<String, u64>,
    others: BTreeMap<String, Side>,
}

impl<'a> Individual<'a> {
    /// Nothing counted yet.
    pub fn new(agent: &'a str, catalog: &'a Catalog) -> Self {
        Self {
            agent,
            catalog,
            own: Side::default(),
            teams: BTreeMap::new(),
            others: BTreeMap::new(),
        }
    }

    /// Counts a call, the agent's or somebody else's.
    pub fn add(&mut self, record: &CallRecord, analysis: &Analysis) {
        let Some(agent) = record.agent.as_ref().filter(|_| analysis.score.is_some()) else {
            return;
        };
        let faults = faults_of(analysis, self.catalog);
        if agent.id == self.agent {
            self.own.add(&agent.id, analysis, &faults);
            if let Some(team) = &agent.team {
                *self.teams.entry(team.clone()).or_default() += 1;
            }
        } else if let Some(team) = &agent.team {
            self.others.entry(team.clone()).or_default().add(&agent.id, analysis, &faults);
        }
    }

    /// The agent's own side, and that of at least `fewest` others of the team in which the agent took most calls; of those
    /// the items that applied to calls of as many.
    pub fn finish(mut self, fewest: usize) -> (Side, Option<(String, Side)>) {
        let most = self.teams.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)));
        let team = most.and_then(|(team, _)| self.others.remove(&team).map(|side| (team, side)));
        let mut team = team.filter(|(_, side)| side.agents() >= fewest.max(1));
        if let Some((_, side)) = &mut team {
            side.items.retain(|_, sum| sum.agents.len() >= fewest);
        }
        (self.own, team)
    }
}
