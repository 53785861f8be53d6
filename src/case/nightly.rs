//! Opening by rule over many calls: what is to be opened is found beside whoever writes, and what of it is new is decided where
//! it is written. Run twice, it opens nothing twice; broken off, it has opened all or nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use qingting_index::{CaseQuery, Result};
use qingting_pipeline::Analyzed;
use qingting_pipeline::finding::Catalog;
use qingting_pipeline::topic::burst::BurstConfig;
use qingting_pipeline::topic::trend;
use qingting_pipeline::topic::view::TopicView;

use super::event::{Event, Openings, Recorded, Who};
use super::log::{Log, cases};
use super::open::{Reason, reasons};
use super::rules::Rules;
use super::state::Cause;
use super::steps::Case;
use crate::review;

/// A topic that burst.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Burst {
    /// Its id, with the place or organisation where that is what burst.
    pub topic: String,
    /// One sentence in Chinese.
    pub reason: String,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub until: NaiveDate,
    /// Its newest call.
    pub call_id: String,
}

impl Burst {
    /// The bursts of a view, newest first.
    pub fn of(view: &TopicView, config: &BurstConfig) -> Vec<Self> {
        let began: BTreeMap<&str, _> = view.calls.iter().map(|call| (call.call_id.as_str(), call.started_at)).collect();
        let alerts = trend::alerts(view, config).bursts.into_iter();
        let of = |alert: trend::BurstAlert| {
            let newest = alert.call_ids.iter().max_by_key(|id| (began.get(id.as_str()), *id))?.clone();
            let at = alert.at.as_ref().map_or_else(String::new, |at| format!("@{}", at.value));
            let place = alert.at.as_ref().map_or_else(String::new, |at| format!("（{}）", at.value));
            Some(Self {
                topic: format!("{}{at}", alert.topic),
                reason: format!(
                    "“{}”{place}来电突增：{} 至 {} 共 {} 通，预期 {:.1} 通",
                    alert.label, alert.from, alert.until, alert.observed, alert.expected
                ),
                from: alert.from,
                until: alert.until,
                call_id: newest,
            })
        };
        alerts.filter_map(of).collect()
    }
}

/// What a night works with.
pub struct Night<'a> {
    /// What opens a case.
    pub rules: &'a Rules,
    /// What codes mean.
    pub catalog: &'a Catalog,
    /// The moment at which cases are opened.
    pub now: DateTime<Utc>,
}

impl Night<'_> {
    /// The first day whose calls are looked at.
    pub fn since(&self) -> NaiveDate {
        let now = self.rules.calendar.day(self.now);
        now.checked_sub_signed(TimeDelta::days(i64::from(self.rules.look_back_days))).unwrap_or(now)
    }

    /// The openings that the rules ask for, in the order of the calls: of bursts and of calls, whether or not there is a case
    /// already.
    ///
    /// # Errors
    /// When a call or what was decided on it cannot be read.
    pub fn wanted(
        &self,
        calls: impl IntoIterator<Item = Result<Analyzed>>,
        bursts: &[Burst],
        reviews: &(impl review::Log + ?Sized),
    ) -> Result<Vec<Recorded>> {
        let decided: BTreeSet<String> = review::decided(reviews)?.into_iter().collect();
        let who = Who::rule();
        let mut wanted = Vec::new();
        for call in calls {
            let call = call?;
            let id = &call.record.call_id;
            let decision = decided.contains(id).then(|| review::case(reviews, id)).transpose()?;
            // What is appealed against waits for the decision.
            let is_settled = decision.as_ref().is_none_or(review::Case::is_settled);
            let standing = decision.and_then(|case| {
                let (labels, source) = case.labels(&call);
                (source != review::Source::Machine).then_some(labels)
            });
            for reason in reasons(self.rules, &call.record, &call.analysis, standing.as_ref(), self.catalog) {
                if is_settled || matches!(reason.cause, Cause::Rating | Cause::Crisis) {
                    wanted.push(reason.open(id, call.record.agent.as_ref(), &who, self.now, self.rules));
                }
            }
        }
        let rule = self.rules.of_cause(Cause::Alert);
        for burst in bursts.iter().filter(|burst| rule.enabled && burst.until >= self.since()) {
            let openings = Openings {
                reason: burst.reason.clone(),
                severity: rule.severity,
                limits: rule.limits,
                rating: None,
                codes: Vec::new(),
                topic: Some(format!("{} {}", burst.topic, burst.from)),
            };
            let reason = Reason { cause: Cause::Alert, openings };
            wanted.push(reason.open(&burst.call_id, None, &who, self.now, self.rules));
        }
        Ok(wanted)
    }
}

/// The topic of an alert's case, and the first day of its burst.
fn burst_of(openings: &Openings) -> Option<(&str, &str)> {
    openings.topic.as_deref()?.rsplit_once(' ')
}

/// Of the openings that rules ask for those that are new: of a call and cause without any case, open or closed; of a burst
/// whose topic has no open case and none that was opened since the burst began. To be asked where it is written.
///
/// # Errors
/// When the cases cannot be read.
pub fn fresh(log: &(impl Log + ?Sized), wanted: Vec<Recorded>, rules: &Rules) -> Result<Vec<Recorded>> {
    if wanted.is_empty() {
        return Ok(wanted);
    }
    // One call is looked up by itself, many against everything.
    let one = wanted.iter().all(|row| row.call_id == wanted[0].call_id && row.cause != Cause::Alert);
    let query = CaseQuery { call_id: one.then(|| wanted[0].call_id.clone()), ..CaseQuery::default() };
    let known = cases(log, &query)?;
    let mut seen: BTreeSet<(&str, Cause)> = BTreeSet::new();
    let mut topics: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for case in &known {
        seen.insert((&case.call_id, case.cause));
        // A fault that the machine asserted and that people upheld is one matter, whichever came first.
        if matches!(case.cause, Cause::Finding | Cause::Review) {
            seen.insert((&case.call_id, Cause::Finding));
            seen.insert((&case.call_id, Cause::Review));
        }
        if let Some((topic, _)) = burst_of(&case.openings) {
            topics.entry(topic).or_default().push(case);
        }
    }
    let is_new = |row: &&Recorded| {
        if row.cause != Cause::Alert {
            return !seen.contains(&(row.call_id.as_str(), row.cause));
        }
        let Event::Opened(openings) = &row.event else {
            return false;
        };
        let Some((topic, from)) = burst_of(openings) else {
            return false;
        };
        let of_topic = topics.get(topic).map(Vec::as_slice).unwrap_or_default();
        let began = from.parse::<NaiveDate>().unwrap_or(NaiveDate::MIN);
        !of_topic.iter().any(|case| case.state.is_open() || rules.calendar.day(case.opened_at) >= began)
    };
    let mut new: Vec<Recorded> = Vec::new();
    let mut taken: BTreeSet<(String, Cause, Option<String>)> = BTreeSet::new();
    for row in wanted.iter().filter(is_new) {
        let topic = match &row.event {
            Event::Opened(openings) => burst_of(openings).map(|(topic, _)| topic.to_owned()),
            _ => None,
        };
        let call = if topic.is_some() {
            String::new()
        } else {
            row.call_id.clone()
        };
        if taken.insert((call, row.cause, topic)) {
            new.push(row.clone());
        }
    }
    Ok(new)
}
