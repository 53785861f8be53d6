//! Years of daily counts with bursts planted in them, to measure the detector by. Owns nothing that
//! the analysis uses.

use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};
use statrs::distribution::{Discrete, NegativeBinomial};

use super::burst::Burst;

/// Days before the first burst.
const QUIET: usize = 70;
/// Days within which a burst has to be seen.
const WITHIN: usize = 3;
/// Calls of a weekday as a multiple of the mean, Monday first.
const CYCLE: [f64; 7] = [1.15, 1.1, 1.1, 1.05, 1.0, 0.8, 0.8];

/// How a year is made.
#[derive(Debug, Clone, PartialEq)]
pub struct YearOptions {
    /// Topics.
    pub topics: usize,
    /// Days.
    pub days: usize,
    /// Lowest and highest mean number of calls of a topic a day.
    pub rates: (f64, f64),
    /// Variance of a day's calls as a multiple of their mean.
    pub spread: f64,
    /// How many times the usual a burst is at least and at most.
    pub strengths: (f64, f64),
    /// Bursts of each topic.
    pub bursts: usize,
}

impl Default for YearOptions {
    fn default() -> Self {
        Self {
            topics: 20,
            days: 365,
            rates: (5.0, 50.0),
            spread: 1.3,
            strengths: (1.5, 3.0),
            bursts: 3,
        }
    }
}

/// A burst that was planted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Planted {
    /// Topic.
    pub topic: usize,
    /// First day.
    pub from: usize,
    /// Last day.
    pub until: usize,
    /// How many times the usual.
    pub strength: f64,
}

/// Daily counts by topic, beginning on a Monday, and what was planted.
#[derive(Debug, Clone, PartialEq)]
pub struct Year {
    /// Counts.
    pub counts: Vec<Vec<u32>>,
    /// Bursts.
    pub planted: Vec<Planted>,
}

/// What a detector made of a year.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Outcome {
    /// Planted bursts.
    pub planted: usize,
    /// Of these seen within three days.
    pub seen: usize,
    /// Alarms outside of every planted burst.
    pub false_alarms: usize,
}

impl Year {
    /// A year; the same seed gives the same.
    pub fn new(options: &YearOptions, seed: u64) -> Self {
        let mut rng = Xoshiro256Plus::seed_from_u64(seed);
        let mut share = move || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let (mut counts, mut planted) = (Vec::new(), Vec::new());
        for topic in 0..options.topics {
            let rate = options.rates.0 + (options.rates.1 - options.rates.0) * share();
            let stretch = options.days.saturating_sub(QUIET) / options.bursts.max(1);
            for nth in 0..options.bursts {
                let length = 5 + (share() * 6.0) as usize;
                let room = stretch.saturating_sub(length + 30).max(1);
                let from = QUIET + nth * stretch + (share() * room as f64) as usize;
                let strength = options.strengths.0 + (options.strengths.1 - options.strengths.0) * share();
                planted.push(Planted { topic, from, until: from + length - 1, strength });
            }
            let day = |day: usize| {
                let burst = planted.iter().find(|p| p.topic == topic && (p.from..=p.until).contains(&day));
                rate * CYCLE[day % 7] * burst.map_or(1.0, |burst| burst.strength)
            };
            let means: Vec<f64> = (0..options.days).map(day).collect();
            counts.push(means.into_iter().map(|mean| draw(mean, options.spread, share())).collect());
        }
        Self { counts, planted }
    }

    /// Compares what was found with what was planted, of strengths from `least` to below `most`.
    pub fn judge(&self, found: &[Burst], least: f64, most: f64) -> Outcome {
        let planted = self.planted.iter().filter(|p| p.strength >= least && p.strength < most);
        let seen =
            |p: &&Planted| found.iter().any(|b| b.topic == p.topic && b.seen >= p.from && b.seen < p.from + WITHIN);
        let within = |b: &&Burst| {
            self.planted.iter().any(|p| p.topic == b.topic && b.seen >= p.from && b.seen <= p.until + WITHIN)
        };
        Outcome {
            planted: planted.clone().count(),
            seen: planted.filter(seen).count(),
            false_alarms: found.iter().filter(|burst| !within(burst)).count(),
        }
    }
}

/// The count at a share of a negative binomial distribution.
fn draw(mean: f64, spread: f64, share: f64) -> u32 {
    let Ok(chance) = NegativeBinomial::new(mean / (spread - 1.0), 1.0 / spread) else {
        return 0;
    };
    let most = (mean * 10.0) as u64 + 100;
    let mut below = 0.0;
    let reached = |count: &u64| {
        below += chance.pmf(*count);
        below >= share
    };
    u32::try_from((0..most).find(reached).unwrap_or(most)).unwrap_or(u32::MAX)
}
