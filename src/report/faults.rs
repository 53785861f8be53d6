//! In how many conversations the agent made which fault, day by day. A fault is counted once a
//! conversation, and only where it is asserted: what waits for review is never counted.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use qingting_pipeline::finding::{Catalog, CodeInfo};
use qingting_pipeline::record::{Analysis, Severity};

use super::figures::{Interval, Share};
use super::period::Period;

/// Conversations of a day, and in how many of them which fault was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultDay {
    /// Conversations.
    pub conversations: u64,
    /// Of these, by code of the fault.
    pub faults: BTreeMap<String, u64>,
}

/// Every day that is known.
pub type FaultDays = BTreeMap<NaiveDate, FaultDay>;

/// A fault in the period, beside the period before and over the last days.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRow {
    /// The code.
    pub code: String,
    /// What supervisors read.
    pub title: String,
    /// How grave it usually is.
    pub severity: Severity,
    /// Conversations with it, of all.
    pub now: Share,
    /// The same in the period before.
    pub before: Share,
    /// Change of the share since then, −1 to 1; `None` when one of the periods has no conversations.
    pub change: Option<Interval>,
    /// Its share on each of the last days, oldest first; `None` on days without conversations.
    pub daily: Vec<Option<f64>>,
}

/// The codes of the agent's faults that are asserted in a conversation, each once.
pub fn faults_of<'a>(analysis: &'a Analysis, catalog: &Catalog) -> BTreeSet<&'a str> {
    let codes = analysis.findings.iter().map(|finding| finding.code.as_str());
    codes.filter(|code| catalog.get(code).is_some_and(CodeInfo::is_fault)).collect()
}

/// Counts a conversation.
pub fn add<'a>(days: &mut FaultDays, day: NaiveDate, faults: impl IntoIterator<Item = &'a str>) {
    let entry = days.entry(day).or_default();
    entry.conversations += 1;
    for code in faults {
        match entry.faults.get_mut(code) {
            Some(count) => *count += 1,
            None => {
                entry.faults.insert(code.to_owned(), 1);
            }
        }
    }
}

/// Conversations with a fault over some days, of all.
pub fn share(days: &FaultDays, code: &str, period: &Period) -> Share {
    let mut share = Share::default();
    for (_, day) in days.range(period.from()..=period.to()) {
        share.of += day.conversations;
        share.part += day.faults.get(code).copied().unwrap_or(0);
    }
    share
}

/// The faults of a period and of the one before, most frequent first.
pub fn rows(days: &FaultDays, period: &Period, trend_days: u16, catalog: &Catalog) -> Vec<FaultRow> {
    let before = period.before();
    let codes: BTreeSet<&String> = [period, &before]
        .iter()
        .flat_map(|part| days.range(part.from()..=part.to()))
        .flat_map(|(_, day)| day.faults.keys())
        .collect();
    let mut rows: Vec<FaultRow> = codes
        .into_iter()
        .map(|code| {
            let (now, before) = (share(days, code, period), share(days, code, &before));
            let info = catalog.get(code);
            FaultRow {
                code: code.clone(),
                title: info.map_or_else(|| code.clone(), |info| info.title.clone()),
                severity: info.map_or(Severity::Minor, |info| info.severity),
                now,
                before,
                change: now.less(before),
                daily: period
                    .trend(trend_days)
                    .days()
                    .map(|day| share(days, code, &Period::day(day)).value())
                    .collect(),
            }
        })
        .collect();
    rows.sort_by(|a, b| b.now.part.cmp(&a.now.part).then(b.before.part.cmp(&a.before.part)).then(a.code.cmp(&b.code)));
    rows
}
