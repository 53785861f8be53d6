//! Agents beside each other, fairly: each call is compared with the mean of its own queue, an agent only
//! with enough calls, and only one whose interval lies below the others' mean is named. What
//! waits for review counts for nobody.

use std::collections::{BTreeMap, BTreeSet};

use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::{Analysis, CallRecord};

use super::examples::{Point, point};
use super::figures::{Interval, Mean, Share};

/// Fewest calls with a fault that is called typical of an agent: once is not typical.
const TYPICAL: u64 = 2;
/// Points below the others from which an agent is named: less is no reason to coach anybody, however sure it is.
const LEAST: f64 = 2.0;

/// The figures of an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentRow {
    /// Id.
    pub id: String,
    /// Name, where the source gives one.
    pub name: Option<String>,
    /// Team, where the source gives one.
    pub team: Option<String>,
    /// Scores of the agent's calls.
    pub score: Mean,
    /// What the same calls would have got at the mean of their queues.
    pub expected: f64,
    /// Score less the mean of its queue; `None` with fewer than two calls.
    pub difference: Option<Interval>,
    /// Whether there are enough calls to compare.
    pub compared: bool,
    /// Calls with each fault, most frequent first.
    pub faults: Vec<(String, u64)>,
    /// The fault that most sets the agent apart.
    pub typical: Option<Typical>,
}

impl AgentRow {
    /// Whether the agent's calls are worse than those of the queue by at least two points, and by more than chance explains.
    pub fn below(&self) -> bool {
        self.compared && self.difference.is_some_and(|difference| difference.high < 0.0 && difference.value <= -LEAST)
    }
}

/// The fault that most sets an agent apart, with a call that shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Typical {
    /// The code.
    pub code: String,
    /// The agent's calls with it, of all of the agent's calls.
    pub share: Share,
    /// The same of all agents.
    pub all: Share,
    /// A call with it.
    pub call_id: String,
    /// What shows it.
    pub point: Point,
}

struct Shown {
    confidence: f32,
    call_id: String,
    point: Point,
}

struct Fault {
    calls: u64,
    shown: Shown,
}

#[derive(Default)]
struct Running {
    name: Option<String>,
    team: Option<String>,
    queues: BTreeMap<String, Mean>,
    faults: BTreeMap<String, Fault>,
}

/// Counts scored calls by agent.
#[derive(Default)]
pub struct Agents {
    agents: BTreeMap<String, Running>,
}

impl Agents {
    /// Counts a call; those without a score or an agent are left out.
    pub fn add(&mut self, record: &CallRecord, analysis: &Analysis, faults: &BTreeSet<&str>, catalog: &Catalog) {
        if let Some(agent) = &record.agent {
            self.count(&agent.id, record.queue.as_deref().unwrap_or_default(), record, analysis, faults, catalog);
        }
    }

    /// Counts a call as one of `key`, compared with the others of the same `cell`; one without a score is left out.
    pub fn count(
        &mut self,
        key: &str,
        cell: &str,
        record: &CallRecord,
        analysis: &Analysis,
        faults: &BTreeSet<&str>,
        catalog: &Catalog,
    ) {
        let Some(score) = &analysis.score else { return };
        let entry = self.agents.entry(key.to_owned()).or_default();
        if let Some(agent) = record.agent.as_ref().filter(|agent| agent.id == key) {
            entry.name = agent.name.clone().or(entry.name.take());
            entry.team = agent.team.clone().or(entry.team.take());
        }
        entry.queues.entry(cell.to_owned()).or_default().add(score.total);
        for &code in faults {
            let found = analysis.findings.iter().filter(|finding| finding.code == code);
            let Some(surest) = found.max_by(|a, b| a.confidence.total_cmp(&b.confidence)) else {
                continue;
            };
            let shown = || Shown {
                confidence: surest.confidence,
                call_id: record.call_id.clone(),
                point: point(surest, catalog),
            };
            match entry.faults.get_mut(code) {
                Some(fault) => {
                    fault.calls += 1;
                    if surest.confidence > fault.shown.confidence {
                        fault.shown = shown();
                    }
                }
                None => {
                    entry.faults.insert(code.to_owned(), Fault { calls: 1, shown: shown() });
                }
            }
        }
    }

    /// The agents, the one farthest below the others' mean first; those with fewer than `min_calls` come last.
    pub fn rows(self, min_calls: u32) -> Vec<AgentRow> {
        let mut queues: BTreeMap<String, Mean> = BTreeMap::new();
        let mut calls = 0;
        let mut faults: BTreeMap<String, u64> = BTreeMap::new();
        for agent in self.agents.values() {
            for (queue, mean) in &agent.queues {
                let sum = queues.entry(queue.clone()).or_default();
                *sum = sum.with(*mean);
                calls += mean.count();
            }
            for (code, fault) in &agent.faults {
                *faults.entry(code.clone()).or_default() += fault.calls;
            }
        }
        let all = |code: &str| Share::new(faults.get(code).copied().unwrap_or(0), calls);
        let usual = |queue: &str| queues.get(queue).and_then(Mean::value).unwrap_or_default();
        let mut rows: Vec<AgentRow> =
            self.agents.into_iter().map(|(id, running)| row(id, running, &usual, &all, min_calls)).collect();
        let place = |row: &AgentRow| row.score.value().unwrap_or_default() - row.expected;
        rows.sort_by(|a, b| {
            b.compared.cmp(&a.compared).then(place(a).total_cmp(&place(b))).then_with(|| a.id.cmp(&b.id))
        });
        rows
    }
}

fn row(
    id: String,
    running: Running,
    usual: &dyn Fn(&str) -> f64,
    all: &dyn Fn(&str) -> Share,
    min_calls: u32,
) -> AgentRow {
    let (mut score, mut apart) = (Mean::default(), Mean::default());
    for (queue, mean) in &running.queues {
        score = score.with(*mean);
        apart = apart.with(mean.shifted(-usual(queue)));
    }
    let calls = score.count();
    let excess = |code: &str, fault: &Fault| {
        let all = all(code).value().unwrap_or_default();
        fault.calls as f64 / calls.max(1) as f64 - all
    };
    let typical = running
        .faults
        .iter()
        .filter(|(code, fault)| fault.calls >= TYPICAL && excess(code, fault) > 0.0)
        .max_by(|a, b| excess(a.0, a.1).total_cmp(&excess(b.0, b.1)).then_with(|| b.0.cmp(a.0)))
        .map(|(code, fault)| Typical {
            code: code.clone(),
            share: Share::new(fault.calls, calls),
            all: all(code),
            call_id: fault.shown.call_id.clone(),
            point: fault.shown.point.clone(),
        });
    let mut faults: Vec<(String, u64)> = running.faults.iter().map(|(code, f)| (code.clone(), f.calls)).collect();
    faults.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mean = score.value().unwrap_or_default();
    AgentRow {
        id,
        name: running.name,
        team: running.team,
        score,
        expected: mean - apart.value().unwrap_or_default(),
        difference: apart.interval(),
        compared: calls >= u64::from(min_calls),
        faults,
        typical,
    }
}
