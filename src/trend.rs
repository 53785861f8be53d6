//! Topics over time: how many calls of each came on each day, what rose, and what burst. Reads the
//! topics that were kept beside the calls; how calls become topics is the topic stage's business.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};
use qingting_pipeline::topic::burst::{BurstConfig, bursts};
use serde::{Deserialize, Serialize};

/// The topics as they were kept.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct KeptTopics {
    /// Leaves.
    pub topics: Vec<KeptTopic>,
}

/// One of them.
#[derive(Debug, Clone, Deserialize)]
pub struct KeptTopic {
    /// Its id.
    pub id: String,
    /// Its name.
    pub label: String,
    /// Its calls.
    pub call_ids: Vec<String>,
}

/// Calls by topic and day.
#[derive(Debug, Clone, Default)]
pub struct Daily {
    /// The first day.
    pub first: Option<NaiveDate>,
    /// Number of days.
    pub days: usize,
    /// For each topic, for each day, the calls.
    pub calls: Vec<Vec<Vec<String>>>,
    topics: Vec<(String, String)>,
}

/// A topic in the last days, beside the days before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trend {
    /// Topic id.
    pub topic: String,
    /// Its name.
    pub label: String,
    /// Calls in the period.
    pub calls: usize,
    /// Calls in the period of the same length before it.
    pub before: usize,
    /// Calls on each day of both, oldest first.
    pub daily: Vec<usize>,
}

/// A burst, with its calls.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alert {
    /// Topic id.
    pub topic: String,
    /// Its name.
    pub label: String,
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

impl Daily {
    /// Counts the calls of `topics`, given each call's id and day.
    pub fn new(topics: &KeptTopics, calls: impl IntoIterator<Item = (String, NaiveDate)>) -> Self {
        let day_of: BTreeMap<String, NaiveDate> = calls.into_iter().collect();
        let first = day_of.values().min().copied();
        let last = day_of.values().max().copied();
        let (Some(first), Some(last)) = (first, last) else {
            return Self::default();
        };
        let at = |day: NaiveDate| usize::try_from((day - first).num_days()).unwrap_or(0);
        let days = at(last) + 1;
        let by_day = |topic: &KeptTopic| {
            let mut rows = vec![Vec::new(); days];
            for id in &topic.call_ids {
                if let Some(row) = day_of.get(id).and_then(|day| rows.get_mut(at(*day))) {
                    row.push(id.clone());
                }
            }
            rows
        };
        Self {
            first: Some(first),
            days,
            calls: topics.topics.iter().map(by_day).collect(),
            topics: topics.topics.iter().map(|topic| (topic.id.clone(), topic.label.clone())).collect(),
        }
    }

    fn date(&self, day: usize) -> NaiveDate {
        let first = self.first.unwrap_or_default();
        first.checked_add_days(Days::new(day as u64)).unwrap_or(first)
    }

    /// Every topic in the last `length` days beside the `length` days before; what rose most comes first.
    pub fn trends(&self, length: usize) -> Vec<Trend> {
        let middle = self.days.saturating_sub(length);
        let from = middle.saturating_sub(length);
        let trend = |((topic, label), rows): (&(String, String), &Vec<Vec<String>>)| {
            let daily: Vec<usize> = rows[from..].iter().map(Vec::len).collect();
            let before: usize = daily[..middle - from].iter().sum();
            let calls: usize = daily[middle - from..].iter().sum();
            Trend { topic: topic.clone(), label: label.clone(), calls, before, daily }
        };
        let mut trends: Vec<Trend> = self.topics.iter().zip(&self.calls).map(trend).collect();
        // The rise against what chance makes of so many calls.
        let rise = |t: &Trend| (t.calls as f64 - t.before as f64) / ((t.calls + t.before) as f64).sqrt().max(1.0);
        trends.sort_by(|a, b| rise(b).total_cmp(&rise(a)).then(a.topic.cmp(&b.topic)));
        trends
    }

    /// The bursts, the newest first.
    pub fn alerts(&self, config: &BurstConfig) -> Vec<Alert> {
        let Some(first) = self.first else { return Vec::new() };
        let counts: Vec<Vec<u32>> = self
            .calls
            .iter()
            .map(|rows| rows.iter().map(|ids| u32::try_from(ids.len()).unwrap_or(u32::MAX)).collect())
            .collect();
        let weekday = first.weekday().num_days_from_monday() as usize;
        let mut alerts: Vec<Alert> = bursts(&counts, weekday, config)
            .into_iter()
            .filter_map(|burst| {
                let (topic, label) = self.topics.get(burst.topic)?.clone();
                Some(Alert {
                    topic,
                    label,
                    from: self.date(burst.from),
                    seen: self.date(burst.seen),
                    until: self.date(burst.until),
                    observed: burst.observed,
                    expected: burst.expected,
                    chance: burst.chance,
                    call_ids: self.calls[burst.topic][burst.from..=burst.until].concat(),
                })
            })
            .collect();
        alerts.sort_by(|a, b| b.seen.cmp(&a.seen).then(a.chance.total_cmp(&b.chance)).then(a.topic.cmp(&b.topic)));
        alerts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(offset: u64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 5).unwrap().checked_add_days(Days::new(offset)).unwrap()
    }

    /// Two topics over sixty days, three calls a day each, the second with more in the last three days.
    fn daily() -> Daily {
        let (mut calls, mut ids) = (Vec::new(), [Vec::new(), Vec::new()]);
        for offset in 0..60 {
            for (topic, ids) in ids.iter_mut().enumerate() {
                let count = if topic == 1 && offset >= 57 { 14 } else { 3 };
                for nth in 0..count {
                    let id = format!("c{topic}-{offset}-{nth}");
                    calls.push((id.clone(), day(offset)));
                    ids.push(id);
                }
            }
        }
        let [first, second] = ids;
        let topic = |id: &str, call_ids| KeptTopic { id: id.to_owned(), label: id.to_owned(), call_ids };
        Daily::new(&KeptTopics { topics: vec![topic("t1", first), topic("t2", second)] }, calls)
    }

    #[test]
    fn what_rose_comes_first() {
        let trends = daily().trends(7);
        assert_eq!((trends[0].topic.as_str(), trends[0].calls, trends[0].before), ("t2", 4 * 3 + 3 * 14, 21));
        assert_eq!((trends[1].topic.as_str(), trends[1].calls, trends[1].before), ("t1", 21, 21));
        assert_eq!(trends[0].daily.len(), 14);
    }

    #[test]
    fn a_burst_opens_to_its_calls() {
        let alerts = daily().alerts(&BurstConfig::default());
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        assert_eq!((alerts[0].topic.as_str(), alerts[0].seen), ("t2", day(57)));
        assert_eq!(alerts[0].call_ids.len(), alerts[0].observed as usize);
        assert!(alerts[0].call_ids.iter().all(|id| id.starts_with("c1-")));
    }

    #[test]
    fn nothing_kept_is_nothing_to_tell() {
        let empty = Daily::new(&KeptTopics::default(), Vec::new());
        assert!(empty.trends(7).is_empty() && empty.alerts(&BurstConfig::default()).is_empty());
    }
}
