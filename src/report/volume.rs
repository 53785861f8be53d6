//! How many calls came when, beside what the weeks before let expect.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};

use super::period::Period;

/// Calls by hour of the day.
pub type Hours = [u64; 24];

/// Calls offered in a period, and in the days that it is compared with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Volume {
    /// Days of the period with a call, by hour.
    pub days: BTreeMap<NaiveDate, Hours>,
    /// Days of the baseline with a call, by hour.
    pub baseline: BTreeMap<NaiveDate, Hours>,
}

impl Volume {
    /// Counts a call into one of the two.
    pub fn add(days: &mut BTreeMap<NaiveDate, Hours>, day: NaiveDate, hour: u32) {
        if let Some(count) = days.entry(day).or_default().get_mut(hour as usize) {
            *count += 1;
        }
    }

    /// Calls of each hour over the whole period.
    pub fn by_hour(&self) -> Hours {
        let mut sum = [0; 24];
        for hours in self.days.values() {
            sum.iter_mut().zip(hours).for_each(|(sum, n)| *sum += n);
        }
        sum
    }

    /// Calls of a day; `None` where there is none at all, which is as likely missing data as a quiet day.
    pub fn on(&self, day: NaiveDate) -> Option<u64> {
        self.days.get(&day).map(|hours| hours.iter().sum())
    }

    /// Calls to be expected in each hour of a day: the mean of the same weekday in the baseline; `None` where
    /// the baseline has no such day.
    pub fn expected_on(&self, day: NaiveDate) -> Option<[f64; 24]> {
        let mut sum = [0.0; 24];
        let mut days = 0.0;
        for (_, hours) in self.baseline.iter().filter(|(before, _)| before.weekday() == day.weekday()) {
            days += 1.0;
            sum.iter_mut().zip(hours).for_each(|(sum, &n)| *sum += n as f64);
        }
        (days > 0.0).then(|| sum.map(|sum| sum / days))
    }

    /// Calls to be expected in each hour over the whole period; `None` when that of one of its days is not known.
    pub fn expected_by_hour(&self, period: &Period) -> Option<[f64; 24]> {
        let mut sum = [0.0; 24];
        for day in period.days() {
            sum.iter_mut().zip(self.expected_on(day)?).for_each(|(sum, n)| *sum += n);
        }
        Some(sum)
    }

    /// Calls to be expected over the whole period.
    pub fn expected(&self, period: &Period) -> Option<f64> {
        self.expected_by_hour(period).map(|hours| hours.iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use chrono::Days;
    use proptest::prelude::*;

    use super::*;

    fn day(offset: u64) -> NaiveDate {
        NaiveDate::default() + Days::new(offset)
    }

    #[test]
    fn what_is_expected_is_the_mean_of_the_weekday() {
        let mut volume = Volume::default();
        for (before, calls) in [(0, 2), (7, 6), (1, 50)] {
            (0..calls).for_each(|_| Volume::add(&mut volume.baseline, day(before), 9));
        }
        assert_eq!(volume.expected(&Period::day(day(14))), Some(4.0));
        assert_eq!(volume.expected_on(day(14)).unwrap()[9], 4.0);
        assert_eq!(volume.expected(&Period::new(day(14), day(15)).unwrap()), Some(54.0));
        assert_eq!(volume.expected(&Period::new(day(14), day(16)).unwrap()), None, "no such weekday before");
        assert_eq!(volume.on(day(14)), None);
    }

    proptest! {
        #[test]
        fn hours_and_days_add_up(calls in prop::collection::vec((0u64..10, 0u32..24), 0..200)) {
            let mut volume = Volume::default();
            calls.iter().for_each(|&(at, hour)| Volume::add(&mut volume.days, day(at), hour));
            prop_assert_eq!(volume.by_hour().iter().sum::<u64>(), calls.len() as u64);
            let days: u64 = (0..10).filter_map(|at| volume.on(day(at))).sum();
            prop_assert_eq!(days, calls.len() as u64);
        }
    }
}
