//! What people called about: topics of the last days, bursts and hot spots, out of what the nightly step keeps.
//! Holds a row a call of the days that bursts and hot spots look back on, as `qingting alerts` does.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use qingting_index::{DataDir, DateRange};
use qingting_pipeline::topic::callers::Repeats;
use qingting_pipeline::topic::hotspot::{Hotspot, hotspots};
use qingting_pipeline::topic::trend::{BurstAlert, Trend, alerts, trends};

use super::period::Period;
use crate::insight::{self, InsightSettings};

/// Topics shown as the most frequent, and at most as rising.
const TOPICS: usize = 8;
/// Hot spots shown.
const HOTSPOTS: usize = 8;
/// Bursts shown; more are counted.
const BURSTS: usize = 20;
/// Days that topics are compared over, at least: fewer are mostly chance.
const LEAST_DAYS: u64 = 7;
/// Rise, in standard deviations of the difference of two counts, from which a topic is rising.
const RISING: f64 = 2.0;
/// Days beyond the baseline of bursts: its guard, and earlier bursts that are left out of it.
const BURST_MARGIN: u64 = 28;

/// A topic in the last days.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicRow {
    /// Its calls, now and before.
    pub trend: Trend,
    /// Whether it rose by more than chance explains; never where there is nothing to compare with.
    pub rising: bool,
}

/// What people called about.
#[derive(Debug, Clone, PartialEq)]
pub struct Matters {
    /// The days that topics are counted over.
    pub days: Period,
    /// Whether calls are known of as many days before, so that the topics can be compared.
    pub compared: bool,
    /// Last day with a call that the nightly step has seen.
    pub until: NaiveDate,
    /// Most frequent first.
    pub topics: Vec<TopicRow>,
    /// Bursts that touch the period, newest first.
    pub bursts: Vec<BurstAlert>,
    /// Number of all of them.
    pub burst_count: usize,
    /// Hottest first.
    pub hotspots: Vec<Hotspot>,
    /// Days that hot spots are counted over.
    pub hotspot_days: u16,
}

/// Whether a topic has more calls than before by more than chance explains.
pub(crate) fn rises(trend: &Trend) -> bool {
    let (now, before) = (trend.calls as f64, trend.before as f64);
    (now - before) / (now + before).sqrt() >= RISING
}

/// Reads them; `None` when the nightly step has not seen a call of the period.
///
/// # Errors
/// When what the nightly step keeps cannot be read.
pub fn matters(data: &DataDir, settings: &InsightSettings, period: &Period) -> insight::Result<Option<Matters>> {
    let back = |days: u64| period.from().checked_sub_days(Days::new(days));
    let length = period.length().max(LEAST_DAYS);
    let bursts = settings.burst.baseline_days as u64 + BURST_MARGIN;
    let spots = u64::from(settings.hotspot.days) + u64::from(settings.hotspot.baseline_days);
    let range = DateRange { since: back(bursts.max(spots).max(2 * length)), until: Some(period.to()) };
    let view = match insight::load(data, range) {
        Err(insight::Error::NoTopics) => return Ok(None),
        view => view?,
    };
    let Some((earliest, until)) = view.days().filter(|(_, last)| *last >= period.from()) else {
        return Ok(None);
    };
    let first = until.checked_sub_days(Days::new(length - 1)).unwrap_or(until);
    let compared = first.checked_sub_days(Days::new(length)).is_some_and(|before| earliest <= before);
    let days = usize::try_from(length).unwrap_or(usize::MAX);
    let found = trends(&view, days).into_iter().filter(|trend| trend.calls > 0).map(|trend| {
        let rising = compared && rises(&trend);
        TopicRow { trend, rising }
    });
    // They come with the greatest rise first.
    let found: Vec<TopicRow> = found.collect();
    let rising = found.iter().filter(|row| row.rising).take(TOPICS).map(|row| row.trend.topic.clone());
    let mut shown: BTreeSet<String> = rising.collect();
    let mut topics = found;
    topics.sort_by(|a, b| b.trend.calls.cmp(&a.trend.calls).then_with(|| a.trend.topic.cmp(&b.trend.topic)));
    shown.extend(topics.iter().take(TOPICS).map(|row| row.trend.topic.clone()));
    topics.retain(|row| shown.contains(&row.trend.topic));

    let mut bursts = alerts(&view, &settings.burst).bursts;
    bursts.retain(|burst| burst.from <= period.to() && burst.until >= period.from());
    let burst_count = bursts.len();
    bursts.truncate(BURSTS);
    let repeats = Repeats::new(&view, &settings.callers);
    let mut hotspots = hotspots(&view, &repeats, period.to(), &settings.hotspot);
    hotspots.truncate(HOTSPOTS);
    let first = first.max(earliest);
    Ok(Some(Matters {
        days: Period::new(first, until).unwrap_or(Period::day(until)),
        compared,
        until,
        topics,
        bursts,
        burst_count,
        hotspots,
        hotspot_days: settings.hotspot.days,
    }))
}
