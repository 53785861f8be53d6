//! Calls on their way into the figures that formulas name. Everything is counted by [`crate::report`], where each figure has its
//! one definition; this adds findings and items of scorecards by the same rules, and puts all of it under names.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::NaiveDate;
use qingting_pipeline::finding::{Catalog, CodeInfo};
use qingting_pipeline::record::{Analysis, CallRecord};

use super::cases::CaseSource;
use super::names::{NEEDS, step_id};
use super::scope::{By, Scope};
use crate::report::ReportConfig;
use crate::report::contacts::{Basis, Contacts, RepeatFigures, RepeatRule};
use crate::report::faults::faults_of;
use crate::report::figures::{Mean, Share};
use crate::report::kpis::{Kpis, conversation};
use crate::report::listed::{Figure, Measured};
use crate::report::tickets::{TicketFigures, Tickets};

/// In what a figure is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Calls, work orders or cases.
    Calls,
    /// A share, 0 to 1.
    Share,
    /// A mean of seconds.
    Seconds,
    /// A mean of scores, 0 to 100.
    Points,
}

/// In what something is measured.
pub(super) fn unit_of(measured: &Measured) -> Unit {
    match measured {
        Measured::Count(_) => Unit::Calls,
        Measured::Share(_) => Unit::Share,
        Measured::Mean { scale, .. } if *scale > 1.0 => Unit::Seconds,
        Measured::Mean { .. } => Unit::Points,
    }
}

/// A figure as formulas see it, and on how many calls it rests.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    /// What supervisors read.
    pub title: String,
    /// In what it is measured.
    pub unit: Unit,
    /// `None` when no call carries what it needs.
    pub value: Option<f64>,
    /// Of a share: calls that fulfil it.
    pub numerator: Option<u64>,
    /// Of a share or mean: calls that it is over.
    pub denominator: Option<u64>,
    /// Calls that it is about and that do not carry what it needs.
    pub missing: u64,
}

impl Datum {
    pub(super) fn share(title: &str, share: Share, about: u64) -> Self {
        Self {
            title: title.to_owned(),
            unit: Unit::Share,
            value: share.value(),
            numerator: Some(share.part),
            denominator: Some(share.of),
            missing: about.saturating_sub(share.of),
        }
    }

    pub(super) fn count(title: &str, count: Option<u64>) -> Self {
        Self {
            title: title.to_owned(),
            unit: Unit::Calls,
            value: count.map(|count| count as f64),
            numerator: None,
            denominator: None,
            missing: 0,
        }
    }

    fn of(figure: &Figure) -> Self {
        Self {
            title: figure.title.to_owned(),
            unit: unit_of(&figure.measured),
            value: figure.measured.value(),
            numerator: figure.measured.numerator(),
            denominator: figure.measured.denominator(),
            missing: figure.missing(),
        }
    }
}

/// Every figure of a set of calls, by its name in formulas.
pub type Data = BTreeMap<String, Datum>;

/// How figures are counted.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Limit of `kpi.service_level`, seconds.
    pub service_level_s: u32,
    /// What a repeat is.
    pub repeat: RepeatRule,
}

impl Rules {
    /// As the settings say.
    pub fn of(config: &ReportConfig) -> Self {
        let repeat = RepeatRule { days: config.repeat_window_days, basis: Basis::Matter };
        Self { service_level_s: config.service_level_s, repeat }
    }
}

/// What of the figures can be told call by call.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) kpis: Kpis,
    /// Conversations with an asserted finding, by code.
    findings: BTreeMap<String, u64>,
    /// Points given ÷ points that could be had, and scored calls that have the item, by item.
    items: BTreeMap<String, (Mean, u64)>,
}

impl Tally {
    pub(super) fn add(&mut self, record: &CallRecord, analysis: &Analysis, catalog: &Catalog, rules: &Rules) {
        let faultless = faults_of(analysis, catalog).is_empty();
        self.kpis.add(record, analysis, faultless, rules.service_level_s);
        if !conversation(record) {
            return;
        }
        let codes: std::collections::BTreeSet<&str> =
            analysis.findings.iter().map(|finding| finding.code.as_str()).collect();
        for code in codes {
            *self.findings.entry(code.to_owned()).or_default() += 1;
        }
        for item in analysis.score.iter().flat_map(|score| &score.items) {
            let (mean, about) = self.items.entry(item.id.replace('-', "_")).or_default();
            *about += 1;
            // An item that only gives a bonus has no points that could be had.
            if !item.na && item.potential > 0.0 {
                mean.add(item.awarded / item.potential);
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.kpis.merge(&other.kpis);
        for (code, calls) in &other.findings {
            *self.findings.entry(code.clone()).or_default() += calls;
        }
        for (id, (mean, about)) in &other.items {
            let of = self.items.entry(id.clone()).or_default();
            *of = (of.0.with(*mean), of.1 + about);
        }
    }

    /// The figures; of those whose name is not among them nothing was counted.
    pub(super) fn data(&self, catalog: &Catalog) -> Data {
        let mut data: Data =
            self.kpis.figures().iter().map(|figure| (format!("kpi.{}", figure.id), Datum::of(figure))).collect();
        for (step, share) in &self.kpis.conduct {
            data.insert(format!("step.{}", step_id(*step)), Datum::share(step.zh(), *share, share.of));
        }
        for ((id, title), share) in NEEDS.iter().zip(self.kpis.needs) {
            data.insert(format!("need.{id}"), Datum::share(title, share, share.of));
        }
        data.extend(catalog.iter().map(|info| (format!("finding.{}", info.code), self.finding(info))));
        data.extend(self.items.keys().filter_map(|id| Some((format!("item.{id}"), self.item(id)?))));
        data
    }

    /// One of them by itself, which costs a call less than all of them do.
    pub(super) fn datum(&self, name: &str, catalog: &Catalog) -> Option<Datum> {
        match name.split_once('.')? {
            ("kpi", id) => self.kpis.figures().iter().find(|figure| figure.id == id).map(Datum::of),
            ("finding", code) => catalog.get(code).map(|info| self.finding(info)),
            ("item", id) => self.item(id),
            _ => self.data(catalog).remove(name),
        }
    }

    fn finding(&self, info: &CodeInfo) -> Datum {
        let (part, about) = (self.findings.get(&info.code).copied().unwrap_or(0), self.kpis.conversations);
        Datum::share(&info.title, Share::new(part, about), about)
    }

    fn item(&self, id: &str) -> Option<Datum> {
        let (mean, about) = self.items.get(id)?;
        Some(Datum {
            title: id.to_owned(),
            unit: Unit::Share,
            value: mean.value(),
            numerator: None,
            denominator: Some(mean.count()),
            missing: about.saturating_sub(mean.count()),
        })
    }
}

/// The figures of one of those that are put beside each other, or of all calls together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Team, queue or region; empty for all calls together.
    pub key: String,
    /// All calls of it.
    pub calls: u64,
    /// Its figures.
    pub data: Data,
    /// Its figures without one part of its callers each, where intervals are wanted ([`Counting::by_parts`]).
    pub without: Vec<Data>,
}

impl Group {
    /// No calls.
    pub fn nothing() -> Self {
        Self { key: String::new(), calls: 0, data: Data::new(), without: Vec::new() }
    }
}

/// What is counted of a group.
struct Sums {
    number: usize,
    whole: Tally,
    parts: Vec<Tally>,
}

/// Calls on their way into groups of figures. They come in the order of time, those of the days around the period too, which only
/// tell whether a contact was the first and the last.
pub struct Counting<'a> {
    scope: &'a Scope,
    by: Option<By>,
    catalog: &'a Catalog,
    rules: Rules,
    /// In how many parts each group is counted beside the whole; 0: in none.
    parts: usize,
    groups: BTreeMap<String, Sums>,
    contacts: Contacts,
    tickets: Tickets,
}

impl<'a> Counting<'a> {
    /// Nothing counted yet; `days` are the first and the last day with calls.
    pub fn new(
        scope: &'a Scope,
        by: Option<By>,
        catalog: &'a Catalog,
        rules: Rules,
        days: Option<(NaiveDate, NaiveDate)>,
    ) -> Self {
        let mut counting = Self {
            scope,
            by,
            catalog,
            rules,
            parts: 0,
            groups: BTreeMap::new(),
            contacts: Contacts::new(rules.repeat, days),
            tickets: Tickets::new(days),
        };
        if by.is_none() {
            counting.group("");
        }
        counting
    }

    /// Also counts the calls of each group in so many parts, callers drawn by lot, so that totals get an interval.
    #[must_use]
    pub fn by_parts(mut self, parts: usize) -> Self {
        self.parts = parts;
        self.groups.values_mut().for_each(|sums| sums.parts = vec![Tally::default(); parts]);
        self
    }

    fn group(&mut self, key: &str) -> &mut Sums {
        let (number, parts) = (self.groups.len(), self.parts);
        let nothing = || Sums { number, whole: Tally::default(), parts: vec![Tally::default(); parts] };
        self.groups.entry(key.to_owned()).or_insert_with(nothing)
    }

    /// The days that have to be read.
    pub fn days(&self) -> crate::report::Period {
        self.rules.repeat.around(&self.scope.period())
    }

    /// Counts a call.
    pub fn add(&mut self, record: &CallRecord, analysis: &Analysis) {
        let key = match self.by {
            None => Some(""),
            Some(by) => by.key(record).map(String::as_str),
        };
        let key = key.filter(|_| self.scope.has(record));
        let (catalog, rules, parts) = (self.catalog, self.rules, self.parts);
        let of = key.map(|key| {
            let part = part_of(record, parts.max(1));
            let sums = self.group(key);
            sums.whole.add(record, analysis, catalog, &rules);
            if let Some(tally) = sums.parts.get_mut(part) {
                tally.add(record, analysis, catalog, &rules);
            }
            sums.number * parts.max(1) + part
        });
        self.contacts.add(record, analysis, of);
        // A work order counts by its last call of the period.
        if record.started_at.is_some_and(|at| self.scope.period().contains(at.date_naive())) {
            self.tickets.add(record, of);
        }
    }

    /// Every group, by name.
    pub fn finish(self, cases: &dyn CaseSource) -> Vec<Group> {
        let (each, sets) = (self.parts.max(1), self.groups.len() * self.parts.max(1));
        let (repeats, tickets) = (self.contacts.finish(sets), self.tickets.finish(sets));
        let groups = self.groups.into_iter().map(|(key, sums)| {
            let parts = sums.number * each..(sums.number + 1) * each;
            let scope = self.by.map_or_else(|| self.scope.clone(), |by| self.scope.of(by, &key));
            // Cases are counted whole: who was drawn into which part is not known of them.
            let cases: Data = cases.figures(&scope).data().collect();
            let data = |tally: &Tally, but: Option<usize>| {
                let counts = |part: &usize| but != Some(*part - parts.start);
                let mut data = tally.data(self.catalog);
                let of_parts = || parts.clone().filter(counts);
                let repeats = of_parts().filter_map(|part| repeats.get(part)).copied();
                let tickets = of_parts().filter_map(|part| tickets.get(part)).copied();
                let repeats = repeats.fold(RepeatFigures::default(), RepeatFigures::with);
                let tickets = tickets.fold(TicketFigures::default(), TicketFigures::with);
                let more = repeats.figures().into_iter().chain(tickets.figures());
                data.extend(more.map(|figure| (format!("kpi.{}", figure.id), Datum::of(&figure))));
                data.extend(cases.clone());
                data
            };
            let without = (0..sums.parts.len()).map(|but| {
                let mut rest = Tally::default();
                let others = sums.parts.iter().enumerate().filter(|(part, _)| *part != but);
                others.for_each(|(_, tally)| rest.merge(tally));
                data(&rest, Some(but))
            });
            Group {
                calls: sums.whole.kpis.records,
                without: without.collect(),
                data: data(&sums.whole, None),
                key,
            }
        });
        groups.collect()
    }
}

/// Which part a call is drawn into: all calls of a caller into the same, those of unknown callers each by itself.
pub(super) fn part_of(record: &CallRecord, parts: usize) -> usize {
    let caller = record.caller.as_ref().and_then(|caller| caller.id.as_deref().or(caller.number.as_deref()));
    let mut hash = DefaultHasher::new();
    caller.unwrap_or(&record.call_id).hash(&mut hash);
    (hash.finish() % parts as u64) as usize
}
