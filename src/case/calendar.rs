//! Working-day calendars: which hours count towards due dates. Owns the arithmetic; the days are a file of
//! `config/calendars/`.
//!
//! A day is worked when its weekday is no weekend day and it is no holiday, or when it is a make-up working day (调休). On a worked day
//! the hours of the file count. Days are those of the calendar's zone; moments go in and out in UTC.

use std::collections::BTreeSet;
use std::ops::Range;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Offset, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;
use qingting_pipeline::assets::{Asset, parse_toml};
use qingting_pipeline::{Error, Result};
use serde::Deserialize;

use super::limit::Limit;

/// Days that are looked through for working time before a calendar counts as having none; a validated one has a working
/// weekday, so that no search comes near it.
const FARTHEST: usize = 10_000;
/// Longest list of holidays or make-up days.
const MOST_DAYS: usize = 4000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    /// What it is for is said to people, in the file.
    #[serde(default, rename = "doc")]
    _doc: String,
    timezone: String,
    covers: Span,
    weekend: Vec<Weekday>,
    hours: Vec<String>,
    #[serde(default)]
    holiday: Vec<Named>,
    #[serde(default)]
    makeup: Vec<Named>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Span {
    from: NaiveDate,
    to: NaiveDate,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
    from: NaiveDate,
    to: Option<NaiveDate>,
}

/// A working-day calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    title: String,
    zone: Tz,
    /// The days whose holidays it knows; of others it knows weekends alone.
    covers: (NaiveDate, NaiveDate),
    weekend: BTreeSet<u8>,
    /// Minutes of the day, `[from, to)`, ascending.
    hours: Vec<(u32, u32)>,
    holidays: BTreeSet<NaiveDate>,
    makeups: BTreeSet<NaiveDate>,
}

impl Calendar {
    /// Reads a calendar.
    ///
    /// # Errors
    /// When it is not of the form, an unknown key is in it, or it says what cannot be.
    pub fn parse(asset: &Asset) -> Result<Self> {
        let file: File = parse_toml(asset)?;
        let line = |key: &str| {
            let at = asset.text.lines().position(|line| line.trim_start().starts_with(key));
            at.map_or(1, |at| at + 1)
        };
        let wrong = |key: &str, message: String| Err(Error::in_line(asset, line(key), message));
        if file.title.trim().is_empty() {
            return wrong("title", "title: required".to_owned());
        }
        let Ok(zone) = file.timezone.parse::<Tz>() else {
            return wrong("timezone", "timezone: name an IANA time zone such as Asia/Shanghai".to_owned());
        };
        let (from, to) = (file.covers.from, file.covers.to);
        if from > to || from.year() < 1970 || to.year() > 2200 {
            return wrong("covers", "covers: from must not be after to, within 1970 to 2200".to_owned());
        }
        let weekend: BTreeSet<u8> = file.weekend.iter().map(|&day| weekday(day)).collect();
        if weekend.len() == 7 {
            return wrong("weekend", "weekend: a week needs a working day".to_owned());
        }
        let mut hours: Vec<(u32, u32)> = Vec::new();
        for text in &file.hours {
            match span(text) {
                Some((from, to)) if hours.last().is_none_or(|(_, last)| *last <= from) => hours.push((from, to)),
                _ => {
                    let message = format!("hours: \"{text}\" must be HH:MM-HH:MM, behind the one before it");
                    return wrong("hours", message);
                }
            }
        }
        if hours.is_empty() {
            return wrong("hours", "hours: at least one".to_owned());
        }
        let known = |list: &[Named], key: &str| -> Result<BTreeSet<NaiveDate>> {
            let mut days = BTreeSet::new();
            for named in list {
                let last = named.to.unwrap_or(named.from);
                if named.from > last || named.from < from || last > to {
                    let message = format!("{key} {}: must lie within covers, from not after to", named.name);
                    return Err(Error::in_line(asset, line(&format!("[[{key}]]")), message));
                }
                days.extend(named.from.iter_days().take_while(|day| *day <= last).take(MOST_DAYS + 1));
                if days.len() > MOST_DAYS {
                    return Err(Error::in_line(asset, line(&format!("[[{key}]]")), format!("{key}: too many days")));
                }
            }
            Ok(days)
        };
        let (holidays, makeups) = (known(&file.holiday, "holiday")?, known(&file.makeup, "makeup")?);
        if let Some(day) = holidays.intersection(&makeups).next() {
            return wrong("[[makeup]]", format!("{day} is a holiday and a make-up day"));
        }
        if let Some(day) = makeups.iter().find(|day| !weekend.contains(&weekday(day.weekday()))) {
            return wrong("[[makeup]]", format!("{day} is worked without being a make-up day"));
        }
        Ok(Self { title: file.title, zone, covers: (from, to), weekend, hours, holidays, makeups })
    }

    /// What people call it.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The zone of its days.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// Whether it knows the holidays of the day of a moment.
    pub fn covers(&self, at: DateTime<Utc>) -> bool {
        let day = self.day(at);
        self.covers.0 <= day && day <= self.covers.1
    }

    /// The day of a moment.
    pub fn day(&self, at: DateTime<Utc>) -> NaiveDate {
        let (at, offset) = (at.naive_utc(), self.zone.offset_from_utc_datetime(&at.naive_utc()).fix());
        // The last hours that there are have no local time.
        at.checked_add_offset(offset).unwrap_or(at).date()
    }

    /// Whether a day is worked.
    pub fn is_worked(&self, day: NaiveDate) -> bool {
        self.makeups.contains(&day)
            || (!self.weekend.contains(&weekday(day.weekday())) && !self.holidays.contains(&day))
    }

    /// The working hours of a day as moments, `[from, to)`, ascending.
    pub fn working_hours(&self, day: NaiveDate) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
        if !self.is_worked(day) {
            return Vec::new();
        }
        let hours = self.hours.iter().map(|&(from, to)| (self.moment(day, from), self.moment(day, to)));
        hours.filter(|(from, to)| from < to).collect()
    }

    fn moment(&self, day: NaiveDate, minute: u32) -> DateTime<Utc> {
        let midnight = day.and_time(NaiveTime::MIN);
        let local = midnight.checked_add_signed(TimeDelta::minutes(i64::from(minute))).unwrap_or(midnight);
        // A time that a change of the clock leaves out is the one to which it goes forward; one that comes twice, the first.
        let known = |local| self.zone.from_local_datetime(&local).earliest();
        let at = known(local).or_else(|| known(local.checked_add_signed(TimeDelta::hours(1))?));
        at.map_or(local.and_utc(), |at| at.to_utc())
    }

    /// The moments of some days, both included.
    pub fn period(&self, from: NaiveDate, to: NaiveDate) -> Range<DateTime<Utc>> {
        self.moment(from, 0)..self.moment(to, 24 * 60)
    }

    /// The end of a limit that begins at a moment. Never before it, and never earlier for a later beginning.
    pub fn after(&self, from: DateTime<Utc>, limit: Limit) -> DateTime<Utc> {
        match limit {
            Limit::Minutes(minutes) => self.after_work(from, TimeDelta::minutes(i64::from(minutes))),
            Limit::Days(days) => {
                let later = self.day(from).iter_days().skip(1).take(FARTHEST);
                let worked = later.map(|day| self.working_hours(day)).filter(|hours| !hours.is_empty());
                let last = worked.filter_map(|hours| hours.last().map(|(_, end)| *end)).nth(days.max(1) as usize - 1);
                last.unwrap_or(DateTime::<Utc>::MAX_UTC).max(from)
            }
        }
    }

    /// The moment until which so much is worked from another one on: the moment itself where that is nothing.
    pub fn after_work(&self, from: DateTime<Utc>, work: TimeDelta) -> DateTime<Utc> {
        let mut left = work;
        if left <= TimeDelta::zero() {
            return from;
        }
        for day in self.day(from).iter_days().take(FARTHEST) {
            for (begin, end) in self.working_hours(day) {
                let begin = begin.max(from);
                if begin >= end {
                    continue;
                }
                if end - begin >= left {
                    return begin + left;
                }
                left -= end - begin;
            }
        }
        DateTime::<Utc>::MAX_UTC
    }

    /// How much is worked from one moment to another; nothing where that is not later.
    pub fn between(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> TimeDelta {
        let mut work = TimeDelta::zero();
        if to <= from {
            return work;
        }
        let last = self.day(to);
        for day in self.day(from).iter_days().take_while(|day| *day <= last).take(FARTHEST) {
            for (begin, end) in self.working_hours(day) {
                work += (end.min(to) - begin.max(from)).max(TimeDelta::zero());
            }
        }
        work
    }

    /// How long a limit is at least, in working time: what a duration of warnings and escalations is compared with.
    pub fn work_of(&self, limit: Limit) -> TimeDelta {
        match limit {
            Limit::Minutes(minutes) => TimeDelta::minutes(i64::from(minutes)),
            Limit::Days(days) => {
                let day: u32 = self.hours.iter().map(|(from, to)| to - from).sum();
                TimeDelta::minutes(i64::from(day) * i64::from(days))
            }
        }
    }
}

/// Monday is 0.
fn weekday(day: Weekday) -> u8 {
    day.num_days_from_monday() as u8
}

/// `09:00-12:00` as minutes of the day.
fn span(text: &str) -> Option<(u32, u32)> {
    let minute = |text: &str| -> Option<u32> {
        let (hour, minute) = text.split_once(':')?;
        let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(hour) || !digits(minute) {
            return None;
        }
        let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
        (minute < 60 && hour * 60 + minute <= 24 * 60).then_some(hour * 60 + minute)
    };
    let (from, to) = text.split_once('-')?;
    let (from, to) = (minute(from)?, minute(to)?);
    (from < to).then_some((from, to))
}
