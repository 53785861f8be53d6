//! Shares and means with their uncertainty: what every figure of the report is made of. Nothing here
//! knows a call.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// The 97.5th percentile of the normal distribution: intervals are 95% intervals.
const Z: f64 = 1.959_963_984_540_054;

/// A share of calls: how many, of how many that carry the field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Calls that fulfil it.
    pub part: u64,
    /// Calls that say whether they do.
    pub of: u64,
}

/// A value and the bounds of its 95% interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The value.
    pub value: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

impl Interval {
    /// Whether chance alone is not enough to explain a difference from nothing.
    pub fn differs(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

impl Share {
    /// A share.
    pub fn new(part: u64, of: u64) -> Self {
        Self { part, of }
    }

    /// Counts one more call.
    pub fn add(&mut self, yes: bool) {
        self.of += 1;
        self.part += u64::from(yes);
    }

    /// Both sets of calls together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self { part: self.part + other.part, of: self.of + other.of }
    }

    /// 0 to 1; `None` when no call says.
    pub fn value(self) -> Option<f64> {
        (self.of > 0).then(|| self.part as f64 / self.of as f64)
    }

    /// With Wilson's score interval (Wilson, Journal of the American Statistical Association 22, 1927).
    pub fn interval(self) -> Option<Interval> {
        let value = self.value()?;
        let n = self.of as f64;
        let centre = value + Z * Z / (2.0 * n);
        let half = Z * (value * (1.0 - value) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        // The bounds meet the value at 0 and 1, which rounding must not undo.
        let low = ((centre - half) / scale).clamp(0.0, value);
        let high = ((centre + half) / scale).clamp(value, 1.0);
        Some(Interval { value, low, high })
    }

    /// This share less another, −1 to 1 (Newcombe, Statistics in Medicine 17, 1998, method 10).
    pub fn less(self, other: Self) -> Option<Interval> {
        let (a, b) = (self.interval()?, other.interval()?);
        let value = a.value - b.value;
        let low = value - ((a.value - a.low).powi(2) + (b.high - b.value).powi(2)).sqrt();
        let high = value + ((a.high - a.value).powi(2) + (b.value - b.low).powi(2)).sqrt();
        Some(Interval { value, low, high })
    }
}

/// A mean that is kept without its values (Welford, Technometrics 4, 1962).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Mean {
    n: u64,
    mean: f64,
    squares: f64,
}

impl Mean {
    /// Counts one more value.
    pub fn add(&mut self, value: f64) {
        self.n += 1;
        let before = value - self.mean;
        self.mean += before / self.n as f64;
        self.squares += before * (value - self.mean);
    }

    /// Number of values.
    pub fn count(&self) -> u64 {
        self.n
    }

    /// The mean; `None` without values.
    pub fn value(&self) -> Option<f64> {
        (self.n > 0).then_some(self.mean)
    }

    /// The same values, each greater by `by`.
    #[must_use]
    pub fn shifted(self, by: f64) -> Self {
        Self { mean: self.mean + by, ..self }
    }

    /// Both sets of values together (Chan, Golub and LeVeque 1979).
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        if self.n == 0 || other.n == 0 {
            return if self.n == 0 { other } else { self };
        }
        let n = self.n + other.n;
        let apart = other.mean - self.mean;
        let (a, b, all) = (self.n as f64, other.n as f64, n as f64);
        Self {
            n,
            mean: self.mean + apart * b / all,
            squares: self.squares + other.squares + apart * apart * a * b / all,
        }
    }

    /// Variance of the mean itself; needs two values.
    fn doubt(&self) -> Option<f64> {
        let n = self.n as f64;
        (self.n > 1).then(|| self.squares / (n - 1.0) / n)
    }

    /// With Student's interval; needs two values.
    pub fn interval(&self) -> Option<Interval> {
        let half = self.doubt()?.sqrt() * quantile(self.n as f64 - 1.0)?;
        Some(Interval { value: self.mean, low: self.mean - half, high: self.mean + half })
    }

    /// This mean less another, with Welch's interval (Welch, Biometrika 34, 1947); needs two values of each.
    pub fn less(&self, other: &Self) -> Option<Interval> {
        let (a, b) = (self.doubt()?, other.doubt()?);
        let value = self.mean - other.mean;
        let all = a + b;
        if all <= 0.0 {
            return Some(Interval { value, low: value, high: value });
        }
        let freedom = all * all / (a * a / (self.n as f64 - 1.0) + b * b / (other.n as f64 - 1.0));
        let half = all.sqrt() * quantile(freedom)?;
        Some(Interval { value, low: value - half, high: value + half })
    }
}

/// The 97.5th percentile of Student's distribution.
fn quantile(freedom: f64) -> Option<f64> {
    StudentsT::new(0.0, 1.0, freedom).ok().map(|t| t.inverse_cdf(0.975))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 5e-4
    }

    fn mean(values: &[f64]) -> Mean {
        let mut mean = Mean::default();
        values.iter().for_each(|&value| mean.add(value));
        mean
    }

    /// The examples of Newcombe's two papers of 1998: 81 of 263 (method 3), and 56/70 less 48/80 (method 10).
    #[test]
    fn shares_have_the_published_intervals() {
        let one = Share::new(81, 263).interval().unwrap();
        assert!(near(one.low, 0.2553) && near(one.high, 0.3662), "{one:?}");
        let two = Share::new(56, 70).less(Share::new(48, 80)).unwrap();
        assert!(near(two.value, 0.2) && near(two.low, 0.0524) && near(two.high, 0.3339), "{two:?}");
        assert!(two.differs());
        assert_eq!(Share::default().interval(), None);
    }

    /// By hand: 2, 4, 6 have mean 4 and variance 4; t(2) is 4.3027, so ± 4.3027 × √(4/3).
    #[test]
    fn means_have_students_interval() {
        let interval = mean(&[2.0, 4.0, 6.0]).interval().unwrap();
        assert!(near(interval.low, 4.0 - 4.9683) && near(interval.high, 4.0 + 4.9683), "{interval:?}");
        assert_eq!(mean(&[2.0]).interval(), None);
        assert_eq!(Mean::default().value(), None);
    }

    proptest! {
        #[test]
        fn intervals_hold_their_share(of in 1u64..5000, part in 0u64..5000, of2 in 1u64..50, part2 in 0u64..50) {
            let share = Share::new(part.min(of), of);
            let interval = share.interval().unwrap();
            prop_assert!(0.0 <= interval.low && interval.low <= interval.value);
            prop_assert!(interval.value <= interval.high && interval.high <= 1.0);
            let other = Share::new(part2.min(of2), of2);
            let (there, back) = (share.less(other).unwrap(), other.less(share).unwrap());
            prop_assert!(near(there.low, -back.high) && there.low >= -1.0 - 1e-9 && there.high <= 1.0 + 1e-9);
        }

        #[test]
        fn parts_have_the_mean_of_the_whole(a in prop::collection::vec(0.0f64..100.0, 0..30),
                                            b in prop::collection::vec(0.0f64..100.0, 0..30)) {
            let (joined, whole) = (mean(&a).with(mean(&b)), mean(&[a, b].concat()));
            prop_assert_eq!(joined.count(), whole.count());
            match (joined.interval(), whole.interval()) {
                (Some(joined), Some(whole)) => {
                    prop_assert!(near(joined.value, whole.value) && near(joined.low, whole.low));
                }
                (joined, whole) => prop_assert_eq!(joined, whole),
            }
        }
    }
}
