//! Hot spots: an issue is a topic at a place, or with an organisation, in a period. Owns the heat
//! index; which places a call speaks of is the business of [`super::entity`].
//!
//! Heat, 0 to 100, is ours: the weighted mean of four parts, each 0 to 1. *Volume*: ln(1 + calls) ÷
//! ln(1 + calls of the most frequent issue). *Growth*: (r − 1) ÷ (r + 1), at least 0, with r = (calls + 1) ÷
//! (expected + 1) and expected the mean of as many days in the baseline before. *Negativity*: share of calls
//! whose caller is dissatisfied or upset. *Repeats*: share of calls that are not the first about the matter.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use super::callers::Repeats;
use super::view::{Item, TopicView};

/// Feeling at or below which a caller is upset.
const UPSET: f32 = -0.5;

/// How hot spots are found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HotspotConfig {
    /// Days of the period.
    pub days: u16,
    /// Days before it that are compared.
    pub baseline_days: u16,
    /// Fewest calls of a hot spot in the period.
    pub min_calls: usize,
    /// Weight of the number of calls.
    pub volume: f64,
    /// Weight of the growth.
    pub growth: f64,
    /// Weight of bad feelings.
    pub negativity: f64,
    /// Weight of repeat contacts.
    pub repeats: f64,
}

impl Default for HotspotConfig {
    fn default() -> Self {
        Self {
            days: 7,
            baseline_days: 28,
            min_calls: 3,
            volume: 0.35,
            growth: 0.3,
            negativity: 0.2,
            repeats: 0.15,
        }
    }
}

/// An issue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hotspot {
    /// Id of the topic.
    pub topic: String,
    /// Its label.
    pub label: String,
    /// Place or organisation.
    pub at: Item,
    /// First day of the period.
    pub from: NaiveDate,
    /// Last day.
    pub until: NaiveDate,
    /// Calls in the period.
    pub calls: usize,
    /// Calls that the days before let expect.
    pub expected: f64,
    /// Share of calls with a dissatisfied or upset caller, 0 to 1.
    pub negative: f64,
    /// Share of calls that are not the first about the matter, 0 to 1.
    pub repeated: f64,
    /// 0 to 100.
    pub heat: f64,
    /// The calls.
    pub call_ids: Vec<String>,
}

/// The hot spots of the last days up to `until`, hottest first.
pub fn hotspots(view: &TopicView, repeats: &Repeats, until: NaiveDate, config: &HotspotConfig) -> Vec<Hotspot> {
    let back = |days: u64| until.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN);
    let length = u64::from(config.days.max(1));
    let from = back(length - 1);
    let before = back(length - 1 + u64::from(config.baseline_days));
    let mut spots: BTreeMap<(usize, Item), (Vec<usize>, usize)> = BTreeMap::new();
    for (call, digest) in view.calls.iter().enumerate() {
        let (Some(topic), Some(day)) = (view.topic_of[call], digest.day()) else {
            continue;
        };
        if day < before || day > until {
            continue;
        }
        for at in view.sites(call) {
            let spot = spots.entry((topic, at)).or_default();
            if day >= from {
                spot.0.push(call);
            } else {
                spot.1 += 1;
            }
        }
    }
    spots.retain(|_, (calls, _)| calls.len() >= config.min_calls.max(1));
    let most = spots.values().map(|(calls, _)| calls.len()).max().unwrap_or(1);
    let weights = config.volume + config.growth + config.negativity + config.repeats;
    let mut found: Vec<Hotspot> = spots
        .into_iter()
        .filter_map(|((topic, at), (calls, earlier))| {
            let topic = view.topics.topics.get(topic)?;
            let count = calls.len() as f64;
            let share = |is: &dyn Fn(usize) -> bool| calls.iter().filter(|&&call| is(call)).count() as f64 / count;
            let negative = share(&|call| view.calls[call].dissatisfied() || view.calls[call].lowest <= UPSET);
            let repeated = share(&|call| repeats.is_repeat(call));
            let expected = earlier as f64 * length as f64 / f64::from(config.baseline_days.max(1));
            let ratio = (count + 1.0) / (expected + 1.0);
            let parts = config.volume * (1.0 + count).ln() / (1.0 + most as f64).ln()
                + config.growth * ((ratio - 1.0) / (ratio + 1.0)).max(0.0)
                + config.negativity * negative
                + config.repeats * repeated;
            Some(Hotspot {
                topic: topic.id.clone(),
                label: topic.label.clone(),
                at,
                from,
                until,
                calls: calls.len(),
                expected,
                negative,
                repeated,
                heat: if weights > 0.0 { 100.0 * parts / weights } else { 0.0 },
                call_ids: view.ids(&calls),
            })
        })
        .collect();
    found.sort_by(|a, b| {
        b.heat
            .total_cmp(&a.heat)
            .then(b.calls.cmp(&a.calls))
            .then_with(|| (&a.topic, &a.at).cmp(&(&b.topic, &b.at)))
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::callers::CallerConfig;
    use crate::topic::testing::{call, day, view};

    fn spots(calls: Vec<(crate::record::CallDigest, usize)>) -> Vec<Hotspot> {
        let view = view(calls);
        let repeats = Repeats::new(&view, &CallerConfig::default());
        hotspots(&view, &repeats, day(34), &HotspotConfig::default())
    }

    fn at(id: String, offset: u64, place: &str) -> crate::record::CallDigest {
        let mut call = call(id, offset);
        call.places = vec![place.to_owned()];
        call
    }

    #[test]
    fn growth_anger_and_repeats_make_an_issue_hotter() {
        // Four a week at both places; at the second they come out of nothing, angry, and again.
        let mut calls = Vec::new();
        for offset in 0..35 {
            if offset % 7 < 4 {
                calls.push((at(format!("a{offset}"), offset, "东门路"), 0));
            }
        }
        for nth in 0..4 {
            let mut call = at(format!("b{nth}"), 31, "西门路");
            (call.lowest, call.repeat_contact) = (-0.8, nth > 0);
            calls.push((call, 0));
        }
        let spots = spots(calls);
        let names: Vec<&str> = spots.iter().map(|spot| spot.at.value.as_str()).collect();
        assert_eq!(names, ["西门路", "东门路"]);
        let (hot, usual) = (&spots[0], &spots[1]);
        assert_eq!((hot.calls, hot.expected, hot.negative, hot.repeated), (4, 0.0, 1.0, 0.75));
        assert_eq!((usual.calls, usual.expected, usual.negative), (4, 4.0, 0.0));
        // Volume is full for both; growth (5 − 1) ÷ (5 + 1); the weights add up to one.
        let heat = 100.0 * (0.35 + 0.3 * 4.0 / 6.0 + 0.2 + 0.15 * 0.75);
        assert!((hot.heat - heat).abs() < 1e-9 && (usual.heat - 35.0).abs() < 1e-9, "{spots:?}");
        assert_eq!(hot.call_ids.len(), hot.calls);
    }

    #[test]
    fn few_calls_and_calls_of_other_days_are_no_hot_spot() {
        let mut calls: Vec<_> = (0..2).map(|nth| (at(format!("a{nth}"), 34, "东门路"), 0)).collect();
        calls.extend((0..9).map(|nth| (at(format!("b{nth}"), 35, "西门路"), 0)));
        assert!(spots(calls).is_empty());
        assert!(spots(Vec::new()).is_empty());
    }
}
