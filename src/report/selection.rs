//! Which calls figures are of.

use std::collections::BTreeSet;

use qingting_pipeline::record::CallRecord;

use super::period::Period;

/// Days, teams, queues and agents; an empty set narrows nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The days.
    pub period: Period,
    /// Teams.
    pub teams: BTreeSet<String>,
    /// Queues.
    pub queues: BTreeSet<String>,
    /// Ids of agents.
    pub agents: BTreeSet<String>,
}

impl Selection {
    /// Every call of a period.
    pub fn all(period: Period) -> Self {
        Self { period, teams: BTreeSet::new(), queues: BTreeSet::new(), agents: BTreeSet::new() }
    }

    /// Whether a call is one of them.
    pub fn has(&self, record: &CallRecord) -> bool {
        record.started_at.is_some_and(|at| self.period.contains(at.date_naive())) && self.is_of(record)
    }

    /// Whether a call is one of them but for its day.
    pub fn is_of(&self, record: &CallRecord) -> bool {
        let among = |wanted: &BTreeSet<String>, value: Option<&String>| {
            wanted.is_empty() || value.is_some_and(|value| wanted.contains(value))
        };
        let agent = record.agent.as_ref();
        among(&self.teams, agent.and_then(|agent| agent.team.as_ref()))
            && among(&self.queues, record.queue.as_ref())
            && among(&self.agents, agent.map(|agent| &agent.id))
    }
}
