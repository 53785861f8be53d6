//! Days on which a topic comes up more often than it should. Owns what "should" means: a mean of the
//! weeks before with the cycle of the week, a spread wider than chance alone gives, and a limit
//! that keeps to a stated number of false alarms.
//!
//! For each topic and day the calls of the last one, two and three days are compared with what the
//! weeks before let expect. Counts are taken as negative binomial (Poisson with a rate that varies;
//! the usual model of surveillance, e.g. Noufaily et al., Statistics in Medicine 32, 2013), with
//! the baseline's own uncertainty added to the variance; an alarm is a sum that so many or more
//! calls reach with less than the allowed probability. The allowed probability is the false alarms
//! asked for, divided by the tests that are made (Bonferroni); as the three sums of a day overlap, and an
//! alarm that goes on is one, they count as [`INDEPENDENT`] tests (measured on simulated years).

use serde::{Deserialize, Serialize};
use statrs::distribution::{DiscreteCDF, NegativeBinomial, Poisson};

/// Days of the longest sum that is compared.
const LONGEST: usize = 3;
/// Independent tests that the three sums of a day amount to.
const INDEPENDENT: f64 = 1.9;
/// Days between the baseline and the day that is judged, so that a burst is not its own baseline.
const GUARD: usize = 3;
/// Fewest days of a baseline.
const FEWEST: usize = 14;
/// Days that the spread of all topics together counts beside a topic's own.
const SPREAD_PRIOR: f64 = 112.0;
/// Days of a month.
const MONTH: f64 = 30.0;

/// How bursts are found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BurstConfig {
    /// Days before that are the baseline.
    pub baseline_days: usize,
    /// False alarms that are accepted in thirty days over all topics together.
    pub false_alarms: f64,
    /// Fewest calls of a burst.
    pub min_calls: u32,
}

impl Default for BurstConfig {
    fn default() -> Self {
        Self { baseline_days: 56, false_alarms: 1.0, min_calls: 5 }
    }
}

/// A topic that comes up more often than expected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Burst {
    /// Index of the topic.
    pub topic: usize,
    /// First day of it, as an index into the days.
    pub from: usize,
    /// The day on which it was seen first.
    pub seen: usize,
    /// Its last day.
    pub until: usize,
    /// Calls on these days.
    pub observed: u32,
    /// Calls that were to be expected on them.
    pub expected: f64,
    /// Probability of as many calls by chance, the least over its days.
    pub chance: f64,
}

/// What is to be expected on each day of a topic.
struct Expected {
    mean: f64,
    /// Variance of a day's count as a multiple of its mean.
    spread: f64,
    /// Variance of the mean as a multiple of its square.
    doubt: f64,
}

/// Bursts in the daily counts of several topics, ordered by the day on which they were seen. All
/// topics have as many days; `weekday` is that of the first day, 0 to 6.
pub fn bursts(counts: &[Vec<u32>], weekday: usize, config: &BurstConfig) -> Vec<Burst> {
    let days = counts.iter().map(Vec::len).min().unwrap_or(0);
    let tests = counts.len().max(1) as f64 * INDEPENDENT * MONTH;
    let allowed = config.false_alarms / tests;
    let mut found: Vec<Burst> = Vec::new();
    let mut alarmed = vec![vec![false; days]; counts.len()];
    for day in FEWEST + GUARD..days {
        let cycle = cycle(counts, day.saturating_sub(GUARD), weekday, config.baseline_days);
        let factor = |day: usize| cycle[(weekday + day) % 7];
        let expected = baselines(counts, &alarmed, day - GUARD, &factor, config.baseline_days);
        for (topic, expected) in expected.iter().enumerate() {
            let Some(expected) = expected else { continue };
            let mut best: Option<(f64, usize, u32, f64)> = None;
            for length in 1..=LONGEST {
                let from = day + 1 - length;
                let observed: u32 = counts[topic][from..=day].iter().sum();
                let mean = expected.mean * (from..=day).map(factor).sum::<f64>();
                let chance = at_least(observed, mean, expected);
                if observed >= config.min_calls && chance < allowed && best.is_none_or(|(least, ..)| chance < least) {
                    best = Some((chance, from, observed, mean));
                }
            }
            let Some((chance, from, _, _)) = best else { continue };
            alarmed[topic][from..=day].fill(true);
            // A burst that goes on is not another one.
            match found.iter_mut().rev().find(|burst| burst.topic == topic) {
                Some(burst) if from <= burst.until + GUARD => {
                    burst.until = day;
                    burst.chance = burst.chance.min(chance);
                }
                _ => found.push(Burst { topic, from, seen: day, until: day, observed: 0, expected: 0.0, chance }),
            }
            if let Some(burst) = found.iter_mut().rev().find(|burst| burst.topic == topic) {
                burst.observed = counts[topic][burst.from..=burst.until].iter().sum();
                burst.expected = expected.mean * (burst.from..=burst.until).map(factor).sum::<f64>();
            }
        }
    }
    found
}

/// Share of each weekday in the calls of all topics before a day; 1 on average.
fn cycle(counts: &[Vec<u32>], before: usize, weekday: usize, length: usize) -> [f64; 7] {
    let from = before.saturating_sub(length);
    let (mut sums, mut days) = ([0.0; 7], [0.0; 7]);
    for day in from..before {
        let at = (weekday + day) % 7;
        days[at] += 1.0;
        sums[at] += counts.iter().map(|topic| f64::from(topic[day])).sum::<f64>();
    }
    let mean = sums.iter().sum::<f64>() / days.iter().sum::<f64>().max(1.0);
    std::array::from_fn(|at| {
        // A week of evenness, so that a weekday seen once is not taken at its word.
        let (sum, days) = (sums[at] + mean, days[at] + 1.0);
        if mean > 0.0 { sum / days / mean } else { 1.0 }
    })
}

/// What each topic lets expect after the days before `until`; `None` with too few days.
fn baselines(
    counts: &[Vec<u32>],
    alarmed: &[Vec<bool>],
    until: usize,
    factor: &impl Fn(usize) -> f64,
    length: usize,
) -> Vec<Option<Expected>> {
    let from = until.saturating_sub(length);
    let mut pooled = (0.0, 0.0);
    let each: Vec<Option<(f64, f64, f64)>> = counts
        .iter()
        .zip(alarmed)
        .map(|(topic, alarmed)| {
            let days: Vec<(f64, f64)> =
                (from..until).filter(|&day| !alarmed[day]).map(|day| (f64::from(topic[day]), factor(day))).collect();
            if days.len() < FEWEST {
                return None;
            }
            let weight = days.iter().map(|(_, factor)| factor).sum::<f64>();
            // Half a call more than there were: a silent topic is not impossible.
            let mean = (days.iter().map(|(count, _)| count).sum::<f64>() + 0.5) / weight;
            let pearson: f64 =
                days.iter().map(|(count, factor)| (count - mean * factor).powi(2) / (mean * factor)).sum();
            let freedom = days.len() as f64 - 1.0;
            pooled = (pooled.0 + pearson, pooled.1 + freedom);
            Some((mean, pearson, freedom))
        })
        .collect();
    let common = if pooled.1 > 0.0 { pooled.0 / pooled.1 } else { 1.0 };
    each.into_iter()
        .map(|own| {
            let (mean, pearson, freedom) = own?;
            let spread = ((pearson + common * SPREAD_PRIOR) / (freedom + SPREAD_PRIOR)).max(1.0);
            Some(Expected { mean, spread, doubt: spread / (mean * (freedom + 1.0)) })
        })
        .collect()
}

/// Probability of at least so many calls.
fn at_least(observed: u32, mean: f64, expected: &Expected) -> f64 {
    let Some(below) = observed.checked_sub(1).map(u64::from) else {
        return 1.0;
    };
    let variance = mean * expected.spread + mean * mean * expected.doubt;
    let share = mean / variance;
    let above = if share > 0.999 {
        Poisson::new(mean).map(|chance| chance.sf(below)).ok()
    } else {
        NegativeBinomial::new(mean * share / (1.0 - share), share).map(|chance| chance.sf(below)).ok()
    };
    above.unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::simulation::{Year, YearOptions};

    #[test]
    fn a_burst_is_seen_with_its_days_and_counts() {
        let mut calm: Vec<u32> = (0..60).map(|day| 10 + day % 3).collect();
        let other = calm.clone();
        calm[50..54].fill(30);
        let found = bursts(&[calm, other], 0, &BurstConfig::default());
        assert_eq!(found.len(), 1, "{found:?}");
        let burst = &found[0];
        assert_eq!((burst.topic, burst.seen), (0, 50));
        assert!(burst.until >= 53 && burst.observed >= 120 && burst.expected < 80.0, "{burst:?}");
    }

    #[test]
    fn silence_and_short_histories_raise_nothing() {
        assert!(bursts(&[vec![0; 100], vec![3; 100]], 0, &BurstConfig::default()).is_empty());
        assert!(bursts(&[vec![9; 10]], 0, &BurstConfig::default()).is_empty());
        assert!(bursts(&[], 0, &BurstConfig::default()).is_empty());
    }

    #[test]
    fn a_busy_monday_is_no_burst() {
        let weeks: Vec<u32> = (0..120).map(|day| if day % 7 == 0 { 40 } else { 10 }).collect();
        assert!(bursts(&[weeks], 0, &BurstConfig::default()).is_empty());
    }

    #[test]
    fn simulated_years_keep_to_the_stated_false_alarms() {
        let (mut planted, mut seen, mut wrong, mut months) = (0, 0, 0, 0.0);
        for seed in 1..=3 {
            let year = Year::new(&YearOptions::default(), seed);
            let found = bursts(&year.counts, 0, &BurstConfig::default());
            let outcome = year.judge(&found, 0.0, f64::INFINITY);
            planted += outcome.planted;
            seen += outcome.seen;
            wrong += outcome.false_alarms;
            months += year.counts[0].len() as f64 / MONTH;
        }
        assert!(wrong as f64 / months <= 1.0, "{wrong} false alarms in {months:.0} months");
        assert!(seen as f64 / planted as f64 >= 0.9, "{seen} of {planted} seen");
    }
}
