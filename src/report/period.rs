//! The days of a report and those that it is compared with.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, NaiveDate, Weekday};
use qingting_index::DateRange;

/// Days, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    from: NaiveDate,
    to: NaiveDate,
}

pub(super) fn back(date: NaiveDate, days: u64) -> NaiveDate {
    date.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN)
}

/// The first and last day of the month of a date.
fn month(date: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
    let first = date.with_day(1)?;
    let last = first.checked_add_months(chrono::Months::new(1))?.pred_opt()?;
    Some((first, last))
}

impl Period {
    /// `None` when it would end before it begins.
    pub fn new(from: NaiveDate, to: NaiveDate) -> Option<Self> {
        (from <= to).then_some(Self { from, to })
    }

    /// One day.
    pub fn day(date: NaiveDate) -> Self {
        Self { from: date, to: date }
    }

    /// First day.
    pub fn from(&self) -> NaiveDate {
        self.from
    }

    /// Last day.
    pub fn to(&self) -> NaiveDate {
        self.to
    }

    /// Number of days.
    pub fn length(&self) -> u64 {
        (self.to - self.from).num_days().unsigned_abs() + 1
    }

    /// Every day, in order.
    pub fn days(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        self.from.iter_days().take(usize::try_from(self.length()).unwrap_or(usize::MAX))
    }

    /// Whether a day is in it.
    pub fn contains(&self, day: NaiveDate) -> bool {
        (self.from..=self.to).contains(&day)
    }

    /// The same for the store.
    pub fn range(&self) -> DateRange {
        DateRange::from(self.from..=self.to)
    }

    fn whole_month(&self) -> bool {
        month(self.from) == Some((self.from, self.to))
    }

    /// What it is compared with: of a calendar month the month before; of less than a week the same
    /// weekdays of the week before, as weekdays differ more than weeks do; else as many days just before.
    pub fn before(&self) -> Self {
        let earlier = back(self.from, 1);
        if let Some((from, to)) = month(earlier).filter(|_| self.whole_month()) {
            return Self { from, to };
        }
        let shift = self.length().max(7);
        Self { from: back(self.from, shift), to: back(self.to, shift) }
    }

    /// The days of the `weeks` weeks before it that have one of its weekdays.
    pub fn baseline(&self, weeks: u16) -> BTreeSet<NaiveDate> {
        let weekdays: BTreeSet<u32> = self.days().take(7).map(|day| day.weekday().num_days_from_monday()).collect();
        (1..=u64::from(weeks) * 7)
            .map(|days| back(self.from, days))
            .filter(|day| weekdays.contains(&day.weekday().num_days_from_monday()))
            .collect()
    }

    /// The last days up to its end, and at least its own.
    pub fn trend(&self, days: u16) -> Self {
        Self { from: self.from.min(back(self.to, u64::from(days.max(1)) - 1)), to: self.to }
    }

    /// What the report is called.
    pub fn title(&self) -> String {
        match self.length() {
            1 => "热线质检日报".to_owned(),
            7 => "热线质检周报".to_owned(),
            _ if self.whole_month() => "热线质检月报".to_owned(),
            days => format!("热线质检报告（{days} 天）"),
        }
    }

    /// What the bulletin of it is called.
    pub fn bulletin_title(&self) -> &'static str {
        match self.length() {
            1 => "每日通报",
            7 => "每周通报",
            _ if self.whole_month() => "月度通报",
            _ => "期间通报",
        }
    }

    /// What the period before is called.
    pub fn before_name(&self) -> &'static str {
        match self.length() {
            1 => "上周同日",
            2..=6 => "上周同期",
            7 => "前一周",
            _ if self.whole_month() => "上月",
            _ => "前一期",
        }
    }

    /// The days in words.
    pub fn label(&self) -> String {
        if self.from == self.to {
            return format!("{} {}", self.from, weekday(self.from));
        }
        format!("{} 至 {}（{} 天）", self.from, self.to, self.length())
    }
}

/// The weekday in words.
pub(super) fn weekday(day: NaiveDate) -> &'static str {
    match day.weekday() {
        Weekday::Mon => "周一",
        Weekday::Tue => "周二",
        Weekday::Wed => "周三",
        Weekday::Thu => "周四",
        Weekday::Fri => "周五",
        Weekday::Sat => "周六",
        Weekday::Sun => "周日",
    }
}

/// Days as the fewest ranges.
pub(super) fn ranges(days: &BTreeSet<NaiveDate>) -> Vec<Period> {
    let mut ranges: Vec<Period> = Vec::new();
    for &day in days {
        match ranges.last_mut() {
            Some(last) if last.to.succ_opt() == Some(day) => last.to = day,
            _ => ranges.push(Period::day(day)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn period(from: &str, to: &str) -> Period {
        Period::new(date(from), date(to)).unwrap()
    }

    #[test]
    fn each_length_is_compared_with_what_is_like_it() {
        for (from, to, title, before) in [
            ("2026-11-26", "2026-11-26", "热线质检日报", ("2026-11-19", "2026-11-19")),
            ("2026-11-24", "2026-11-26", "热线质检报告（3 天）", ("2026-11-17", "2026-11-19")),
            ("2026-11-23", "2026-11-29", "热线质检周报", ("2026-11-16", "2026-11-22")),
            ("2026-03-01", "2026-03-31", "热线质检月报", ("2026-02-01", "2026-02-28")),
            ("2026-03-02", "2026-03-31", "热线质检报告（30 天）", ("2026-01-31", "2026-03-01")),
        ] {
            let period = period(from, to);
            assert_eq!(period.title(), title);
            assert_eq!(period.before(), self::period(before.0, before.1), "{from}");
        }
        assert!(Period::new(date("2026-11-26"), date("2026-11-25")).is_none());
    }

    #[test]
    fn the_baseline_of_a_day_is_its_weekday_in_the_weeks_before() {
        let days = period("2026-11-26", "2026-11-26").baseline(4);
        let wanted = ["2026-10-29", "2026-11-05", "2026-11-12", "2026-11-19"].map(date);
        assert_eq!(days, wanted.into());
        assert_eq!(period("2026-11-02", "2026-11-30").baseline(2).len(), 14);
    }

    #[test]
    fn days_become_the_fewest_ranges() {
        let days = ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-03"].map(date).into();
        assert_eq!(ranges(&days), [period("2026-02-27", "2026-03-01"), period("2026-03-03", "2026-03-03")]);
    }

    proptest! {
        #[test]
        fn what_is_compared_lies_before(start in 0u64..2000, length in 1u64..80, weeks in 1u16..9) {
            let from = date("2024-01-01") + Days::new(start);
            let period = Period::new(from, from + Days::new(length - 1)).unwrap();
            prop_assert_eq!(period.days().count() as u64, period.length());
            prop_assert!(period.before().to() < period.from());
            let baseline = period.baseline(weeks);
            prop_assert!(baseline.iter().all(|day| *day < period.from()));
            prop_assert_eq!(baseline.len() as u64, u64::from(weeks) * length.min(7));
            let listed: BTreeSet<_> = ranges(&baseline).iter().flat_map(Period::days).collect();
            prop_assert_eq!(listed, baseline);
        }
    }
}
