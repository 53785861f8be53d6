//! Counts over time in their own order, with the days, weeks, months and hours that no call has.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};

use super::query::FacetValue;
use super::schema::field_info;

/// The fields whose counts have an order of their own and no gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Histogram {
    Day,
    Week,
    Month,
    /// Hours of the day.
    Hour,
    /// Days of the week.
    Weekday,
}

impl Histogram {
    /// The histogram that a facet of this name is.
    pub(super) fn of(field: &str) -> Option<Self> {
        match field {
            "week" => Some(Self::Week),
            "month" => Some(Self::Month),
            other => match field_info(other)?.name {
                "date" => Some(Self::Day),
                "hour" => Some(Self::Hour),
                "weekday" => Some(Self::Weekday),
                _ => None,
            },
        }
    }

    /// Counts without gaps: the latest `limit` of them where the first and the last are further apart.
    pub(super) fn filled(self, values: Vec<FacetValue>, limit: usize) -> Vec<FacetValue> {
        let counts: BTreeMap<String, u64> = values.into_iter().map(|v| (v.value, v.calls)).collect();
        let counted = |value: String| FacetValue { calls: counts.get(&value).copied().unwrap_or(0), value };
        if counts.is_empty() {
            return Vec::new();
        }
        match self {
            Self::Hour => return (0..24).map(|hour| counted(format!("{hour:02}"))).collect(),
            Self::Weekday => return (1..=7).map(|day: u32| counted(day.to_string())).collect(),
            _ => {}
        }
        let (first, last) = (counts.keys().next().cloned(), counts.keys().next_back().cloned());
        let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
        let mut filled = Vec::new();
        let mut at = self.day(&last);
        while let Some(day) = at.filter(|_| filled.len() < limit) {
            let value = self.name(day);
            let is_first = value <= first;
            filled.push(counted(value));
            at = if is_first { None } else { self.before(day) };
        }
        filled.reverse();
        filled
    }

    fn name(self, day: NaiveDate) -> String {
        match self {
            Self::Week => week_name(day),
            Self::Month => day.format("%Y-%m").to_string(),
            _ => day.format("%Y-%m-%d").to_string(),
        }
    }

    /// A day of it.
    fn day(self, name: &str) -> Option<NaiveDate> {
        match self {
            Self::Week => {
                let (year, week) = name.split_once("-W")?;
                NaiveDate::from_isoywd_opt(year.parse().ok()?, week.parse().ok()?, Weekday::Mon)
            }
            Self::Month => format!("{name}-01").parse().ok(),
            _ => name.parse().ok(),
        }
    }

    fn before(self, day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Week => day.checked_sub_days(Days::new(7)),
            Self::Month => day.checked_sub_months(Months::new(1)),
            _ => day.pred_opt(),
        }
    }
}

/// The Monday of the week of a day, both as the number `yyyymmdd`.
pub(super) fn monday(day: u64) -> Option<u64> {
    let date = date(day)?;
    let monday = date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_monday())))?;
    Some(u64::from(monday.year().unsigned_abs()) * 10_000 + u64::from(monday.month()) * 100 + u64::from(monday.day()))
}

/// Name of the ISO 8601 week of a day `yyyymmdd`, such as `2026-W10`.
pub(super) fn week(day: u64) -> String {
    date(day).map(week_name).unwrap_or_default()
}

fn week_name(day: NaiveDate) -> String {
    let week = day.iso_week();
    format!("{:04}-W{:02}", week.year(), week.week())
}

fn date(day: u64) -> Option<NaiveDate> {
    let part = |value: u64| u32::try_from(value).ok();
    NaiveDate::from_ymd_opt(i32::try_from(day / 10_000).ok()?, part(day / 100 % 100)?, part(day % 100)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(field: &str, values: &[(&str, u64)], limit: usize) -> Vec<(String, u64)> {
        let values = values.iter().map(|&(value, calls)| FacetValue { value: value.to_owned(), calls }).collect();
        let filled = Histogram::of(field).unwrap().filled(values, limit);
        filled.into_iter().map(|v| (v.value, v.calls)).collect()
    }

    #[test]
    fn gaps_are_filled_and_the_latest_are_kept() {
        let own = |values: &[(&str, u64)]| values.iter().map(|&(v, n)| (v.to_owned(), n)).collect::<Vec<_>>();
        assert_eq!(
            filled("日期", &[("2026-02-27", 1), ("2026-03-02", 2)], 10),
            own(&[
                ("2026-02-27", 1),
                ("2026-02-28", 0),
                ("2026-03-01", 0),
                ("2026-03-02", 2)
            ])
        );
        assert_eq!(
            filled("date", &[("1970-01-01", 1), ("2026-03-02", 2)], 2),
            own(&[("2026-03-01", 0), ("2026-03-02", 2)])
        );
        assert_eq!(
            filled("week", &[("2026-W52", 1), ("2027-W01", 2)], 10),
            own(&[("2026-W52", 1), ("2026-W53", 0), ("2027-W01", 2)])
        );
        assert_eq!(
            filled("month", &[("2025-11", 1), ("2026-01", 2)], 10),
            own(&[("2025-11", 1), ("2025-12", 0), ("2026-01", 2)])
        );
        assert_eq!(filled("hour", &[("09", 3)], 2).len(), 24);
        assert_eq!(filled("weekday", &[("7", 3)], 2)[6], ("7".to_owned(), 3));
        assert!(filled("date", &[], 5).is_empty() && filled("hour", &[], 5).is_empty());
    }

    #[test]
    fn weeks_begin_on_mondays() {
        assert_eq!((monday(20_260_301), week(20_260_301)), (Some(20_260_223), "2026-W09".to_owned()));
        assert_eq!((monday(20_270_101), week(20_270_101)), (Some(20_261_228), "2026-W53".to_owned()));
    }
}
