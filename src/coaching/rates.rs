//! How often something happens in an hour of talk, and in how many of a hundred calls. Owns the formulas.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Gamma};

use crate::report::figures::{Interval, Share};

/// Half of what lies outside of a 95% interval.
const TAIL: f64 = 0.025;

/// Events over a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Rate {
    /// Events.
    pub events: u64,
    /// Hours.
    pub hours: f64,
}

impl Rate {
    /// Events an hour with the exact interval of a Poisson number (Garwood, Biometrika 28, 1936); `None` without time.
    pub fn interval(self) -> Option<Interval> {
        if !(self.hours > 0.0 && self.hours.is_finite()) {
            return None;
        }
        // Quantiles of χ²(2k) / 2 are those of Γ(k, 1).
        let quantile = |shape: f64, at: f64| Gamma::new(shape, 1.0).ok().map(|gamma| gamma.inverse_cdf(at));
        let events = self.events as f64;
        let low = if self.events == 0 { 0.0 } else { quantile(events, TAIL)? };
        let high = quantile(events + 1.0, 1.0 - TAIL)?;
        Some(Interval {
            value: events / self.hours,
            low: low.min(events) / self.hours,
            high: high.max(events) / self.hours,
        })
    }
}

/// How something stands beside something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Beside {
    /// Fewer, by more than chance explains.
    Fewer,
    /// Chance alone explains the difference.
    Alike,
    /// More, by more than chance explains.
    More,
    /// Too few calls on one of the sides to say.
    Unknown,
}

/// Compares two shares by the interval of their difference; with fewer than `least` calls on a side nothing is said.
pub fn beside(own: Share, other: Share, least: u32) -> (Beside, Option<Interval>) {
    if own.of.min(other.of) < u64::from(least) {
        return (Beside::Unknown, None);
    }
    match own.less(other) {
        None => (Beside::Unknown, None),
        Some(difference) if difference.low > 0.0 => (Beside::More, Some(difference)),
        Some(difference) if difference.high < 0.0 => (Beside::Fewer, Some(difference)),
        Some(difference) => (Beside::Alike, Some(difference)),
    }
}
