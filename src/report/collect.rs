//! One pass over the calls: every call is counted into what it belongs to and forgotten. What is held grows
//! with days, codes, agents and queues, not with calls; but for what the regression of drivers needs, which is bounded.

use std::collections::BTreeSet;

use chrono::{NaiveDate, Timelike};
use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::{Analysis, CallRecord};

use super::agents::Agents;
use super::config::ReportConfig;
use super::examples::{self, BestKey, Example, WorstKey};
use super::faults::{self, FaultDays, faults_of};
use super::kpis::{Kpis, conversation, offered};
use super::period::{Period, ranges};
use super::top::Top;
use super::volume::Volume;
use crate::journey::{Journey, MeanJourney, drivers};

/// Lives in danger that are shown; more are counted.
const MOST_CRISES: usize = 50;

/// Newest first.
type Newest = (std::cmp::Reverse<Option<i64>>, String);

/// Calls on their way into a report.
pub struct Collector<'a> {
    pub(super) config: &'a ReportConfig,
    pub(super) catalog: &'a Catalog,
    pub(super) period: Period,
    before_period: Period,
    baseline: BTreeSet<NaiveDate>,
    pub(super) now: Kpis,
    pub(super) before: Kpis,
    pub(super) volume: Volume,
    pub(super) faults: FaultDays,
    pub(super) agents: Agents,
    pub(super) crises: u64,
    pub(super) crisis_calls: Top<Newest, Example>,
    pub(super) doubtful_crises: u64,
    pub(super) doubtful_calls: Top<Newest, Example>,
    pub(super) worst: Top<WorstKey, Example>,
    pub(super) best: Top<BestKey, Example>,
    pub(super) journey: MeanJourney,
    pub(super) drivers: drivers::Collector,
}

impl<'a> Collector<'a> {
    /// Nothing counted yet.
    pub fn new(period: Period, config: &'a ReportConfig, catalog: &'a Catalog) -> Self {
        let most = usize::from(config.examples);
        Self {
            config,
            catalog,
            period,
            before_period: period.before(),
            baseline: period.baseline(config.baseline_weeks),
            now: Kpis::default(),
            before: Kpis::default(),
            volume: Volume::default(),
            faults: FaultDays::default(),
            agents: Agents::default(),
            crises: 0,
            crisis_calls: Top::new(MOST_CRISES),
            doubtful_crises: 0,
            doubtful_calls: Top::new(MOST_CRISES),
            worst: Top::new(most),
            best: Top::new(most),
            journey: MeanJourney::default(),
            drivers: drivers::Collector::default(),
        }
    }

    /// The days whose calls have to be counted one by one: the period and what it is compared with.
    pub fn days(&self) -> BTreeSet<NaiveDate> {
        self.period.days().chain(self.before_period.days()).chain(self.baseline.iter().copied()).collect()
    }

    /// The same as the fewest periods: the days that calls are shown of, and those that are only counted.
    pub fn ranges(&self) -> (Period, Vec<Period>) {
        let others = self.days().into_iter().filter(|day| !self.period.contains(*day));
        (self.period, ranges(&others.collect()))
    }

    /// Counts a call. One without a time belongs to no day and is left out; the store holds none.
    pub fn add(&mut self, record: &CallRecord, analysis: &Analysis) {
        let Some(at) = record.started_at else { return };
        let day = at.date_naive();
        let faults = faults_of(analysis, self.catalog);
        if offered(record) {
            if self.period.contains(day) {
                Volume::add(&mut self.volume.days, day, at.hour());
            } else if self.baseline.contains(&day) {
                Volume::add(&mut self.volume.baseline, day, at.hour());
            }
        }
        if conversation(record) {
            faults::add(&mut self.faults, day, faults.iter().copied());
        }
        let limit = self.config.service_level_s;
        if self.before_period.contains(day) {
            self.before.add(record, analysis, faults.is_empty(), limit);
        }
        if self.period.contains(day) {
            self.now.add(record, analysis, faults.is_empty(), limit);
            self.agents.add(record, analysis, &faults, self.catalog);
            self.show(record, analysis);
            if conversation(record) {
                match Journey::of(record, analysis) {
                    Some(journey) => self.journey.put(&journey),
                    None => self.journey.without += 1,
                }
                self.drivers.put(record, analysis, self.catalog);
            }
        }
    }

    fn show(&mut self, record: &CallRecord, analysis: &Analysis) {
        if let Some((asserted, example)) = examples::crisis(record, analysis, self.catalog) {
            let key = (std::cmp::Reverse(record.started_at.map(|at| at.timestamp())), record.call_id.clone());
            let (count, calls) = if asserted {
                (&mut self.crises, &mut self.crisis_calls)
            } else {
                (&mut self.doubtful_crises, &mut self.doubtful_calls)
            };
            *count += 1;
            calls.offer(key, || example);
        }
        if let Some(key) = examples::worst_key(record, analysis, self.catalog) {
            self.worst.offer(key, || examples::worst(record, analysis, self.catalog));
        }
        if let Some(key) = examples::best_key(record, analysis, self.catalog) {
            self.best.offer(key, || examples::best(record, analysis));
        }
    }
}
