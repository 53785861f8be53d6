//! Agents, teams or queues beside each other: the figures of each, how its scores lie beside those of the same queues, and
//! its place. Counted by [`super::agents`] and [`super::kpis`], like the nightly report. What is held grows with agents, queues and codes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::{Analysis, CallRecord};

use super::agents::{AgentRow, Agents};
use super::contacts::{Contacts, RepeatFigures, RepeatRule};
use super::faults::faults_of;
use super::figures::{Interval, Mean};
use super::kpis::Kpis;
use super::listed::Figure;
use super::listening::Listening;
use super::selection::Selection;

/// What is put beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Agents, by id.
    Agent,
    /// Teams.
    Team,
    /// Queues.
    Queue,
}

impl By {
    fn key(self, record: &CallRecord) -> Option<&String> {
        let agent = record.agent.as_ref();
        match self {
            Self::Agent => agent.map(|agent| &agent.id),
            Self::Team => agent.and_then(|agent| agent.team.as_ref()),
            Self::Queue => record.queue.as_ref(),
        }
    }
}

/// How one of them stands.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Scores beside the queues', and faults.
    pub row: AgentRow,
    /// Its figures.
    pub kpis: Kpis,
    /// Repeats among its contacts.
    pub repeats: RepeatFigures,
    /// Calls to listen to, of an agent.
    pub listening: Listening,
    /// Place, 1 is the best; `None` with too few scored calls.
    pub rank: Option<u32>,
}

impl Standing {
    /// Its difference from what its queues let expect, where it is compared.
    pub fn difference(&self) -> Option<Interval> {
        self.row.difference.filter(|_| self.row.compared)
    }

    /// Every figure.
    pub fn figures(&self) -> Vec<Figure> {
        self.kpis.figures().into_iter().chain(self.repeats.figures()).collect()
    }
}

#[derive(Default)]
struct Running {
    name: Option<String>,
    team: Option<String>,
    kpis: Kpis,
    listening: Listening,
    /// Set of its contacts.
    set: usize,
}

/// Calls on their way into standings.
pub struct Standings<'a> {
    by: By,
    selection: &'a Selection,
    catalog: &'a Catalog,
    service_level_s: u32,
    agents: Agents,
    running: BTreeMap<String, Running>,
    anonymous: BTreeSet<String>,
    /// Compare within each queue.
    by_queue: bool,
    contacts: Contacts,
}

impl<'a> Standings<'a> {
    /// Nothing counted yet; `days` are the first and the last day with calls.
    pub fn new(
        by: By,
        selection: &'a Selection,
        catalog: &'a Catalog,
        service_level_s: u32,
        rule: RepeatRule,
        days: Option<(NaiveDate, NaiveDate)>,
    ) -> Self {
        Self {
            by,
            selection,
            catalog,
            service_level_s,
            agents: Agents::default(),
            running: BTreeMap::new(),
            anonymous: BTreeSet::new(),
            // Queues differ in what they ask for: whoever is no queue is compared within each of them.
            by_queue: by != By::Queue,
            contacts: Contacts::new(rule, days),
        }
    }

    /// Compares with all calls together, whatever their queues: in a queue of two, the mean tells of the other.
    #[must_use]
    pub fn together(self) -> Self {
        Self { by_queue: false, ..self }
    }

    /// How many are compared with and not told.
    pub fn others(&self) -> usize {
        self.anonymous.len()
    }

    /// Counts a call, in the order of time; one outside of the selection only tells that another was not the last.
    pub fn add(&mut self, record: &CallRecord, analysis: &Analysis) {
        let key = self.by.key(record).filter(|_| self.selection.has(record));
        let Some(key) = key else {
            self.contacts.add(record, analysis, None);
            return;
        };
        let next = self.running.len();
        let running = self.running.entry(key.clone()).or_insert_with(|| Running { set: next, ..Running::default() });
        let faults = faults_of(analysis, self.catalog);
        running.kpis.add(record, analysis, faults.is_empty(), self.service_level_s);
        if self.by == By::Agent
            && let Some(agent) = &record.agent
        {
            running.name = agent.name.clone().or(running.name.take());
            running.team = agent.team.clone().or(running.team.take());
            running.listening.add(record, analysis, &faults);
        }
        self.contacts.add(record, analysis, Some(running.set));
        self.agents.count(key, cell(record, self.by_queue), record, analysis, &faults, self.catalog);
    }

    /// Counts a call of somebody who is not told, for the sake of the comparison alone.
    pub fn compare_with(&mut self, record: &CallRecord, analysis: &Analysis) {
        let scored = analysis.score.is_some() && self.selection.has(record);
        if let Some(key) = self.by.key(record).filter(|_| scored) {
            self.anonymous.insert(key.clone());
            let faults = faults_of(analysis, self.catalog);
            self.agents.count(key, cell(record, self.by_queue), record, analysis, &faults, self.catalog);
        }
    }

    /// All of them in order of their places, those that are not compared last; and how many are ranked.
    pub fn finish(self, min_calls: u32) -> (Vec<Standing>, usize) {
        let mut repeats = self.contacts.finish(self.running.len());
        let mut rows = self.agents.rows(min_calls);
        let ranks = ranks(&mut rows);
        let ranked = ranks.iter().flatten().count();
        let mut running = self.running;
        let mut all: Vec<Standing> = Vec::with_capacity(running.len());
        for (row, rank) in rows.into_iter().zip(ranks) {
            if self.anonymous.contains(&row.id) {
                continue;
            }
            if let Some(of) = running.remove(&row.id) {
                all.push(standing(row, of, rank, &mut repeats));
            }
        }
        // Who has calls but no score.
        all.extend(running.into_iter().map(|(id, of)| {
            let row = AgentRow {
                id,
                name: of.name.clone(),
                team: of.team.clone(),
                score: Mean::default(),
                expected: 0.0,
                difference: None,
                compared: false,
                faults: Vec::new(),
                typical: None,
            };
            standing(row, of, None, &mut repeats)
        }));
        (all, ranked)
    }
}

/// What a call is compared within.
fn cell(record: &CallRecord, by_queue: bool) -> &str {
    record.queue.as_deref().filter(|_| by_queue).unwrap_or_default()
}

fn standing(row: AgentRow, of: Running, rank: Option<u32>, repeats: &mut [RepeatFigures]) -> Standing {
    let repeats = repeats.get_mut(of.set).map(std::mem::take).unwrap_or_default();
    Standing { row, kpis: of.kpis, repeats, listening: of.listening, rank }
}

/// Hundredths of a point between the scores of a row and those that its queues let expect.
fn hundredths(row: &AgentRow) -> i64 {
    ((row.score.value().unwrap_or_default() - row.expected) * 100.0).round() as i64
}

/// Puts rows into the order of their places, those that are not compared last, and tells the places: equals share the better one,
/// and as many places after it are left out ("1, 2, 2, 4").
pub fn ranks(rows: &mut [AgentRow]) -> Vec<Option<u32>> {
    rows.sort_by(|a, b| {
        let place = hundredths(b).cmp(&hundredths(a));
        b.compared.cmp(&a.compared).then(place).then_with(|| a.id.cmp(&b.id))
    });
    let mut ranks = Vec::with_capacity(rows.len());
    let mut last: Option<(i64, u32)> = None;
    for (nth, row) in rows.iter().enumerate() {
        let place = hundredths(row);
        let rank = match last {
            Some((before, rank)) if before == place => rank,
            _ => u32::try_from(nth + 1).unwrap_or(u32::MAX),
        };
        last = Some((place, rank));
        ranks.push(row.compared.then_some(rank));
    }
    ranks
}
