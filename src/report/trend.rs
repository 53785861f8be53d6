//! Figures by day, week or month. What is held grows with the parts of the period.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};
use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::{Analysis, CallRecord};

use super::faults::{FaultDay, FaultDays, faults_of};
use super::figures::Share;
use super::kpis::{Kpis, conversation};
use super::period::Period;
use super::{faults, period};

/// Length of the parts of a trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    /// Days.
    Day,
    /// Weeks, from Monday.
    Week,
    /// Calendar months.
    Month,
}

impl Interval {
    /// First day of the part that a day belongs to.
    fn start(self, day: NaiveDate) -> NaiveDate {
        match self {
            Self::Day => day,
            Self::Week => period::back(day, day.weekday().num_days_from_monday().into()),
            Self::Month => day.with_day(1).unwrap_or(day),
        }
    }
}

/// Figures of the parts of a period.
pub struct Trend<'a> {
    interval: Interval,
    period: Period,
    catalog: &'a Catalog,
    service_level_s: u32,
    /// By first day within the period; every part is there.
    parts: BTreeMap<NaiveDate, Kpis>,
    faults: FaultDays,
}

/// Figures of one part.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Its days, within the period.
    pub days: Period,
    /// Its figures.
    pub kpis: Kpis,
    faults: FaultDay,
}

impl Part {
    /// Conversations with a fault, of all.
    pub fn share(&self, code: &str) -> Share {
        Share::new(self.faults.faults.get(code).copied().unwrap_or(0), self.faults.conversations)
    }
}

impl<'a> Trend<'a> {
    /// Nothing counted yet.
    pub fn new(interval: Interval, period: Period, catalog: &'a Catalog, service_level_s: u32) -> Self {
        let mut trend = Self {
            interval,
            period,
            catalog,
            service_level_s,
            parts: BTreeMap::new(),
            faults: FaultDays::new(),
        };
        for day in period.days() {
            trend.parts.entry(trend.part(day)).or_default();
        }
        trend
    }

    fn part(&self, day: NaiveDate) -> NaiveDate {
        self.interval.start(day).max(self.period.from())
    }

    /// Counts a call of the period.
    pub fn add(&mut self, record: &CallRecord, analysis: &Analysis) {
        let Some(day) = record.started_at.map(|at| at.date_naive()).filter(|day| self.period.contains(*day)) else {
            return;
        };
        let part = self.part(day);
        let found = faults_of(analysis, self.catalog);
        let kpis = self.parts.entry(part).or_default();
        kpis.add(record, analysis, found.is_empty(), self.service_level_s);
        if conversation(record) {
            faults::add(&mut self.faults, part, found.iter().copied());
        }
    }

    /// The parts, in order.
    pub fn finish(mut self) -> Vec<Part> {
        let starts: Vec<NaiveDate> = self.parts.keys().copied().collect();
        let ends = starts
            .iter()
            .skip(1)
            .filter_map(|next| next.checked_sub_days(Days::new(1)))
            .chain([self.period.to()]);
        let parts = self.parts.into_iter().zip(ends);
        let parts = parts.filter_map(|((from, kpis), to)| {
            let faults = self.faults.remove(&from).unwrap_or_default();
            Some(Part { days: Period::new(from, to)?, kpis, faults })
        });
        parts.collect()
    }
}
