//! Working time the long way: a flag for each minute, counted one by one. Says the same as the calendar of the demo's cases in
//! other words: weekdays but the holidays at the end of September, nine to twelve and one to six.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc, Weekday};

/// Minutes of a working day.
pub(crate) const DAY: i64 = 8 * 60;

pub(crate) struct Minutes {
    start: DateTime<Utc>,
    /// Minutes worked before each minute.
    worked: Vec<i64>,
}

/// Moments are whole minutes.
impl Minutes {
    pub(crate) fn new(first: NaiveDate, days: u64) -> Self {
        let mut worked = vec![0];
        for day in (0..days).map(|nth| first + Days::new(nth)) {
            for minute in 0..24 * 60 {
                let is_worked = works(day) && ((540..720).contains(&minute) || (780..1080).contains(&minute));
                worked.push(worked.last().unwrap() + i64::from(is_worked));
            }
        }
        let start = first.and_hms_opt(0, 0, 0).unwrap().and_utc() - TimeDelta::hours(8);
        Self { start, worked }
    }

    fn minute(&self, at: DateTime<Utc>) -> usize {
        usize::try_from((at - self.start).num_minutes()).unwrap()
    }

    /// Minutes worked between two moments.
    pub(crate) fn between(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> i64 {
        (self.worked[self.minute(to)] - self.worked[self.minute(from)]).max(0)
    }

    /// The first moment at which so many minutes have been worked.
    pub(crate) fn after(&self, from: DateTime<Utc>, minutes: i64) -> DateTime<Utc> {
        let from = self.minute(from);
        let end = (from..self.worked.len()).find(|&at| self.worked[at] - self.worked[from] >= minutes).unwrap();
        self.start + TimeDelta::minutes(end as i64)
    }

    /// Six in the evening of the nth working day after the one of the moment.
    pub(crate) fn after_days(&self, from: DateTime<Utc>, days: usize) -> DateTime<Utc> {
        let day = (from + TimeDelta::hours(8)).date_naive();
        let last = day.iter_days().skip(1).filter(|&day| works(day)).nth(days - 1).unwrap();
        last.and_hms_opt(18, 0, 0).unwrap().and_utc() - TimeDelta::hours(8)
    }
}

fn works(day: NaiveDate) -> bool {
    let is_holiday =
        day >= NaiveDate::from_ymd_opt(2026, 9, 28).unwrap() && day <= NaiveDate::from_ymd_opt(2026, 10, 5).unwrap();
    let is_makeup = day == NaiveDate::from_ymd_opt(2026, 10, 10).unwrap();
    is_makeup || (!matches!(day.weekday(), Weekday::Sat | Weekday::Sun) && !is_holiday)
}
