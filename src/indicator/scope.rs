//! Which calls indicators are evaluated over, and by what they are put beside each other.

use std::collections::BTreeSet;

use qingting_pipeline::record::CallRecord;

use crate::report::Period;
use crate::report::selection::Selection;

/// A period, and what narrows it; an empty set narrows nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Days, teams, queues and agents.
    pub selection: Selection,
    /// Regions of the matter.
    pub regions: BTreeSet<String>,
}

impl Scope {
    /// Every call of a period.
    pub fn all(period: Period) -> Self {
        Self { selection: Selection::all(period), regions: BTreeSet::new() }
    }

    /// The same of other days.
    #[must_use]
    pub fn on(&self, period: Period) -> Self {
        Self {
            selection: Selection { period, ..self.selection.clone() },
            regions: self.regions.clone(),
        }
    }

    /// The days.
    pub fn period(&self) -> Period {
        self.selection.period
    }

    /// Whether a call is one of them.
    pub fn has(&self, record: &CallRecord) -> bool {
        let region = record.region.as_ref();
        self.selection.has(record)
            && (self.regions.is_empty() || region.is_some_and(|region| self.regions.contains(region)))
    }

    /// The same narrowed to one of those that are put beside each other.
    #[must_use]
    pub fn of(&self, by: By, key: &str) -> Self {
        let mut scope = self.clone();
        let one = BTreeSet::from([key.to_owned()]);
        match by {
            By::Team => scope.selection.teams = one,
            By::Queue => scope.selection.queues = one,
            By::Region => scope.regions = one,
        }
        scope
    }

    /// Conditions of a filter that select the calls of the scope, whatever their day, behind a blank each. `None` where a name
    /// cannot be written in a filter.
    pub(super) fn conditions(&self) -> Option<String> {
        let Selection { teams, queues, agents, .. } = &self.selection;
        let mut text = String::new();
        for (field, values) in [
            ("team", teams),
            ("queue", queues),
            ("agent", agents),
            ("region", &self.regions),
        ] {
            if values.iter().any(|value| value.contains(['"', '“', '”'])) {
                return None;
            }
            if !values.is_empty() {
                let values: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
                text.push_str(&format!(" {field}:{}", values.join(",")));
            }
        }
        Some(text)
    }
}

/// What is put beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Teams.
    Team,
    /// Queues.
    Queue,
    /// Regions of the matter.
    Region,
}

impl By {
    /// Which of them a call belongs to.
    pub(super) fn key(self, record: &CallRecord) -> Option<&String> {
        match self {
            Self::Team => record.agent.as_ref().and_then(|agent| agent.team.as_ref()),
            Self::Queue => record.queue.as_ref(),
            Self::Region => record.region.as_ref(),
        }
    }
}
