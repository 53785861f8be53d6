//! Topics over time: how many calls of each came on each day, what rose, what burst, and above all
//! whose life is in danger. Owns the days; what a burst is, is the business of [`super::burst`].

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate};
use serde::Serialize;

use super::burst::{Burst, BurstConfig, bursts};
use super::view::{Item, TopicView};

/// Most issues (a topic at a place or with an organisation) that are watched for bursts: those
/// with most calls.
const ISSUES: usize = 200;

/// A topic in the last days, beside the days before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trend {
    /// Topic id.
    pub topic: String,
    /// Its label.
    pub label: String,
    /// Calls in the period.
    pub calls: usize,
    /// Calls in the period of the same length before it.
    pub before: usize,
    /// First day of the period before.
    pub from: NaiveDate,
    /// Calls on each day of both, oldest first.
    pub daily: Vec<usize>,
    /// The calls in the period.
    pub call_ids: Vec<String>,
}

/// A call in which somebody's life is in danger.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CrisisAlert {
    /// The call.
    pub call_id: String,
    /// When it began.
    pub started_at: Option<DateTime<FixedOffset>>,
    /// What shows it.
    pub quote: String,
}

/// A topic, or a topic at a place, that came up more often than expected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BurstAlert {
    /// Topic id.
    pub topic: String,
    /// Its label.
    pub label: String,
    /// The place or organisation, where that is what burst.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Item>,
    /// First day.
    pub from: NaiveDate,
    /// Day on which it was seen.
    pub seen: NaiveDate,
    /// Last day.
    pub until: NaiveDate,
    /// Calls on these days.
    pub observed: u32,
    /// Calls that were to be expected.
    pub expected: f64,
    /// Probability of as many by chance.
    pub chance: f64,
    /// The calls.
    pub call_ids: Vec<String>,
}

/// What is to be looked at first.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Alerts {
    /// Lives in danger, newest first.
    pub crises: Vec<CrisisAlert>,
    /// Bursts, newest first. Those of topics and those of issues each keep to the accepted number
    /// of false alarms.
    pub bursts: Vec<BurstAlert>,
}

/// Every topic in the last `length` days beside the `length` days before; what rose most comes first.
pub fn trends(view: &TopicView, length: usize) -> Vec<Trend> {
    let Some((first, last)) = view.days() else {
        return Vec::new();
    };
    let days = usize::try_from((last - first).num_days()).unwrap_or(0) + 1;
    let middle = days.saturating_sub(length);
    let from = middle.saturating_sub(length);
    let mut trends: Vec<Trend> = view
        .topics
        .topics
        .iter()
        .zip(view.by_day())
        .map(|(topic, rows)| {
            let daily: Vec<usize> = rows[from..].iter().map(Vec::len).collect();
            Trend {
                topic: topic.id.clone(),
                label: topic.label.clone(),
                calls: daily[middle - from..].iter().sum(),
                before: daily[..middle - from].iter().sum(),
                from: date(first, from),
                daily,
                call_ids: view.ids(&rows[middle..].concat()),
            }
        })
        .collect();
    // The rise against what chance makes of so many calls.
    let rise = |t: &Trend| (t.calls as f64 - t.before as f64) / ((t.calls + t.before) as f64).sqrt().max(1.0);
    trends.sort_by(|a, b| rise(b).total_cmp(&rise(a)).then_with(|| a.topic.cmp(&b.topic)));
    trends
}

/// Crises and bursts.
pub fn alerts(view: &TopicView, config: &BurstConfig) -> Alerts {
    let mut crises: Vec<CrisisAlert> = view
        .calls
        .iter()
        .filter(|call| call.crisis)
        .map(|call| CrisisAlert {
            call_id: call.call_id.clone(),
            started_at: call.started_at,
            quote: call.crisis_quote.clone().unwrap_or_default(),
        })
        .collect();
    crises.sort_by(|a, b| b.started_at.cmp(&a.started_at).then_with(|| a.call_id.cmp(&b.call_id)));
    let Some((first, _)) = view.days() else {
        return Alerts { crises, bursts: Vec::new() };
    };

    let mut rows = view.by_day();
    rows.truncate(view.topics.topics.len());
    let issues = issues(view, &rows);
    let mut found: Vec<BurstAlert> = of_series(first, &rows, config)
        .map(|(burst, calls)| alert(view, first, &burst, burst.topic, None, &calls))
        .collect();
    let series: Vec<Vec<Vec<usize>>> = issues.iter().map(|(.., rows)| rows.clone()).collect();
    found.extend(of_series(first, &series, config).map(|(burst, calls)| {
        let (topic, at, _) = &issues[burst.topic];
        alert(view, first, &burst, *topic, Some(at.clone()), &calls)
    }));
    found.sort_by(|a, b| {
        b.seen
            .cmp(&a.seen)
            .then(a.at.is_some().cmp(&b.at.is_some()))
            .then(a.chance.total_cmp(&b.chance))
            .then_with(|| (&a.topic, &a.at).cmp(&(&b.topic, &b.at)))
    });
    Alerts { crises, bursts: found }
}

fn date(first: NaiveDate, day: usize) -> NaiveDate {
    first.checked_add_days(Days::new(day as u64)).unwrap_or(first)
}

fn alert(
    view: &TopicView,
    first: NaiveDate,
    burst: &Burst,
    topic: usize,
    at: Option<Item>,
    calls: &[usize],
) -> BurstAlert {
    let topic = &view.topics.topics[topic];
    BurstAlert {
        topic: topic.id.clone(),
        label: topic.label.clone(),
        at,
        from: date(first, burst.from),
        seen: date(first, burst.seen),
        until: date(first, burst.until),
        observed: burst.observed,
        expected: burst.expected,
        chance: burst.chance,
        call_ids: view.ids(calls),
    }
}

/// The bursts of some rows of calls by day, each with its calls.
fn of_series<'a>(
    first: NaiveDate,
    rows: &'a [Vec<Vec<usize>>],
    config: &BurstConfig,
) -> impl Iterator<Item = (Burst, Vec<usize>)> + use<'a> {
    let count = |calls: &Vec<usize>| u32::try_from(calls.len()).unwrap_or(u32::MAX);
    let counts: Vec<Vec<u32>> = rows.iter().map(|row| row.iter().map(count).collect()).collect();
    let weekday = first.weekday().num_days_from_monday() as usize;
    bursts(&counts, weekday, config).into_iter().map(|burst| {
        let calls = rows[burst.topic][burst.from..=burst.until].concat();
        (burst, calls)
    })
}

type Issue = (usize, Item, Vec<Vec<usize>>);

/// The issues with most calls, by day.
fn issues(view: &TopicView, rows: &[Vec<Vec<usize>>]) -> Vec<Issue> {
    let mut issues: BTreeMap<(usize, Item), Vec<Vec<usize>>> = BTreeMap::new();
    for (topic, days) in rows.iter().enumerate() {
        for (day, calls) in days.iter().enumerate() {
            for &call in calls {
                for at in view.sites(call) {
                    issues.entry((topic, at)).or_insert_with(|| vec![Vec::new(); days.len()])[day].push(call);
                }
            }
        }
    }
    let mut issues: Vec<Issue> = issues.into_iter().map(|((topic, at), rows)| (topic, at, rows)).collect();
    let calls = |rows: &[Vec<usize>]| rows.iter().map(Vec::len).sum::<usize>();
    issues.sort_by_key(|(.., rows)| std::cmp::Reverse(calls(rows)));
    issues.truncate(ISSUES);
    issues
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::testing::{call, day, view};
    use crate::topic::view::Field;

    /// Two topics over sixty days, three calls a day each, the second with more in the last three days, at one
    /// place.
    fn daily() -> TopicView {
        let mut calls = Vec::new();
        for offset in 0..60 {
            for topic in 0..2 {
                let count = if topic == 1 && offset >= 57 { 14 } else { 3 };
                for nth in 0..count {
                    let mut call = call(format!("c{topic}-{offset}-{nth}"), offset);
                    if topic == 1 && (offset >= 57 || nth == 0) {
                        call.places = vec!["锦绣路".to_owned()];
                    }
                    calls.push((call, topic));
                }
            }
        }
        view(calls)
    }

    #[test]
    fn what_rose_comes_first() {
        let trends = trends(&daily(), 7);
        assert_eq!((trends[0].topic.as_str(), trends[0].calls, trends[0].before), ("t2", 4 * 3 + 3 * 14, 21));
        assert_eq!((trends[1].topic.as_str(), trends[1].calls, trends[1].before), ("t1", 21, 21));
        assert_eq!((trends[0].daily.len(), trends[0].from), (14, day(46)));
        assert_eq!(trends[0].call_ids.len(), trends[0].calls);
    }

    #[test]
    fn a_burst_opens_to_its_calls_and_its_place() {
        let alerts = alerts(&daily(), &BurstConfig::default());
        assert_eq!(alerts.bursts.len(), 2, "{alerts:?}");
        for burst in &alerts.bursts {
            assert_eq!((burst.topic.as_str(), burst.seen), ("t2", day(57)));
            assert_eq!(burst.call_ids.len(), burst.observed as usize);
            assert!(burst.call_ids.iter().all(|id| id.starts_with("c1-")));
        }
        assert_eq!(alerts.bursts[0].at, None);
        assert_eq!(alerts.bursts[1].at, Some(Item::new(Field::Place, "锦绣路")));
    }

    #[test]
    fn lives_in_danger_are_told_newest_first_whatever_their_topic() {
        let mut view = daily();
        for (at, quote) in [(5, "不想活了"), (200, "救命")] {
            view.calls[at].crisis = true;
            view.calls[at].crisis_quote = Some(quote.to_owned());
            view.topic_of[at] = None;
        }
        let quotes: Vec<String> = alerts(&view, &BurstConfig::default()).crises.into_iter().map(|c| c.quote).collect();
        assert_eq!(quotes, ["救命", "不想活了"]);
    }

    #[test]
    fn nothing_kept_is_nothing_to_tell() {
        let empty = TopicView::default();
        assert!(trends(&empty, 7).is_empty());
        assert_eq!(alerts(&empty, &BurstConfig::default()), Alerts::default());
    }
}
