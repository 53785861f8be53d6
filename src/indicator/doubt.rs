//! How far chance alone may have moved a total: an interval from the totals without one part of the callers each. Items go up and down
//! together (a bad call costs score and rating), so the doubt of the total is no sum of theirs.
//!
//! The delete-a-group jackknife (Kott, Journal of Official Statistics 17, 2001), with Student's interval.

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::evaluate::Outcome;
use super::set::Set;
use super::tally::Data;

/// Parts into which callers are drawn: with fewer the intervals get wider, with more each part says less.
pub const PARTS: usize = 20;

/// The 95% interval of a total, within what totals may be; `None` where there is no total, or where some part takes an item's data
/// with it: then the totals are not over the same.
pub(super) fn interval(set: &Set, whole: &Outcome, without: &[Data]) -> Option<(Decimal, Decimal)> {
    let total = whole.total?;
    let parts = without.len();
    let totals = without.iter().map(|data| {
        let outcome = set.evaluate(data);
        let total = outcome.total.filter(|_| outcome.known_weight == whole.known_weight)?;
        total.to_f64()
    });
    let totals = totals.collect::<Option<Vec<f64>>>().filter(|_| parts > 1)?;
    let mean = totals.iter().sum::<f64>() / parts as f64;
    let squares: f64 = totals.iter().map(|total| (total - mean).powi(2)).sum();
    let freedom = parts as f64 - 1.0;
    let quantile = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.975);
    let half = Decimal::from_f64(quantile * (squares * freedom / parts as f64).sqrt())?;
    Some(((total - half).max(Decimal::ZERO), (total + half).min(set.most)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::tests::{data, set};

    const SET: &str = r#"
id = "one"
version = 1
title = "一项"
doc = "说明"
missing = "exclude"

[[first]]
id = "connected"
title = "接通率"
weight = 100
formula = "100 * kpi.connected"
"#;

    /// Totals 40, 50, 60 without one of three parts: squares of 100 + 0 + 100, times 2/3, and t(2) is 4.302653.
    #[test]
    fn the_interval_is_that_computed_by_hand() {
        let set = set(SET);
        let of = |connected: f64| data(&[("kpi.connected", connected)]);
        let whole = set.evaluate(&of(0.5));
        let (low, high) = interval(&set, &whole, &[of(0.4), of(0.5), of(0.6)]).unwrap();
        let half = 4.302_653 * (200.0_f64 * 2.0 / 3.0).sqrt();
        assert!((high.to_f64().unwrap() - (50.0 + half)).abs() < 1e-3, "{low} {high}");
        assert!((low.to_f64().unwrap() - (50.0 - half)).abs() < 1e-3, "{low} {high}");
        // Within what there can be.
        let (low, high) = interval(&set, &whole, &[of(0.0), of(0.5), of(1.0)]).unwrap();
        assert_eq!((low, high), (Decimal::ZERO, Decimal::from(100)));
        assert_eq!(interval(&set, &whole, &[of(0.4)]), None);
        assert_eq!(interval(&set, &whole, &[of(0.4), Data::new()]), None);
    }
}
