//! Which calls a request is about, and by what they are counted: checked before anything is read.

use std::collections::BTreeSet;

use chrono::{Local, NaiveDate};
use qingting_proto::v1;

use super::super::backend::Reader;
use super::super::convert::Invalid;
use super::super::status::Failure;
use crate::report::contacts::{Basis, RepeatRule};
use crate::report::selection::Selection;
use crate::report::trend::Interval;
use crate::report::{MOST_WINDOW_DAYS, Period, ReportConfig};

/// Most days of a period.
const MOST_DAYS: u64 = 366;
/// Most values of a field that narrows.
const MOST_VALUES: usize = 1000;
/// Longest limit of the service level, seconds.
const MOST_SECONDS: i32 = 3600;

/// A selection whose days may still be the last that have calls.
#[derive(Debug, Clone)]
pub(in crate::server) struct Wanted {
    period: Option<Period>,
    teams: BTreeSet<String>,
    queues: BTreeSet<String>,
    agents: BTreeSet<String>,
}

/// For the audit trail: only what was asked for.
impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.period {
            Some(period) => write!(f, "{} to {}", period.from(), period.to())?,
            None => write!(f, "all days")?,
        }
        for (name, values) in [
            ("teams", &self.teams),
            ("queues", &self.queues),
            ("agents", &self.agents),
        ] {
            if !values.is_empty() {
                let values: Vec<&str> = values.iter().map(String::as_str).collect();
                write!(f, ", {name} {}", values.join(" "))?;
            }
        }
        Ok(())
    }
}

impl Wanted {
    /// # Errors
    /// When a day is none, the period is too long, or there are too many values.
    pub(in crate::server) fn parse(selection: Option<v1::CallSelection>) -> Result<Self, Invalid> {
        let v1::CallSelection { since, until, teams, queues, agent_ids } = selection.unwrap_or_default();
        let mut invalid = Invalid::default();
        let mut day = |field: &str, text: &str| {
            let parsed = text.parse::<NaiveDate>().ok().filter(|_| text.len() == "YYYY-MM-DD".len());
            if parsed.is_none() && !text.is_empty() {
                invalid.add(field, "must be YYYY-MM-DD");
            }
            parsed
        };
        let (since, until) = (day("selection.since", &since), day("selection.until", &until));
        let period = match (since.or(until), until.or(since)) {
            (Some(since), Some(until)) => match Period::new(since, until) {
                None => {
                    invalid.add("selection.until", "must not be before since");
                    None
                }
                Some(period) if period.length() > MOST_DAYS => {
                    invalid.add("selection.until", format!("must be less than {MOST_DAYS} days after since"));
                    None
                }
                period => period,
            },
            _ => None,
        };
        for (field, values) in [("teams", &teams), ("queues", &queues), ("agent_ids", &agent_ids)] {
            if values.len() > MOST_VALUES {
                invalid.add(format!("selection.{field}"), format!("must be {MOST_VALUES} at most"));
            }
        }
        let set = |values: Vec<String>| values.into_iter().collect();
        invalid.or(Self { period, teams: set(teams), queues: set(queues), agents: set(agent_ids) })
    }

    /// # Errors
    /// When there are values that this request has no place for.
    pub(in crate::server) fn only_days_and_queues(&self) -> Result<(), Invalid> {
        match self.teams.is_empty() && self.agents.is_empty() {
            true => Ok(()),
            false => Err(Invalid::field("selection", "only days and queues")),
        }
    }

    /// The selection with its days.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(in crate::server) fn resolve(self, reader: &dyn Reader) -> Result<Selection, Failure> {
        let period = match self.period {
            Some(period) => period,
            None => Period::day(reader.days()?.map_or_else(|| Local::now().date_naive(), |(_, last)| last)),
        };
        Ok(Selection { period, teams: self.teams, queues: self.queues, agents: self.agents })
    }
}

/// What identifies a selection among the pages of a list.
pub(super) fn texts(selection: Option<&v1::CallSelection>) -> Vec<String> {
    let Some(selection) = selection else { return Vec::new() };
    let mut texts = vec![selection.since.clone(), selection.until.clone()];
    for values in [&selection.teams, &selection.queues, &selection.agent_ids] {
        texts.push(values.len().to_string());
        texts.extend(values.iter().cloned());
    }
    texts
}

pub(in crate::server) fn interval(value: i32) -> Result<Interval, Invalid> {
    match v1::TrendInterval::try_from(value) {
        Ok(v1::TrendInterval::Unspecified | v1::TrendInterval::Day) => Ok(Interval::Day),
        Ok(v1::TrendInterval::Week) => Ok(Interval::Week),
        Ok(v1::TrendInterval::Month) => Ok(Interval::Month),
        Err(_) => Err(Invalid::field("interval", format!("unknown value {value}"))),
    }
}

/// What a repeat is, by request or by the settings.
pub(super) fn rule(days: i32, basis: i32, config: &ReportConfig) -> Result<RepeatRule, Invalid> {
    let days = match u16::try_from(days) {
        Ok(0) => config.repeat_window_days,
        Ok(days) if days <= MOST_WINDOW_DAYS => days,
        _ => return Err(Invalid::field("repeat_window_days", format!("must be 0 to {MOST_WINDOW_DAYS}"))),
    };
    let basis = match v1::RepeatBasis::try_from(basis) {
        Ok(v1::RepeatBasis::Unspecified | v1::RepeatBasis::Matter) => Basis::Matter,
        Ok(v1::RepeatBasis::Caller) => Basis::Caller,
        Err(_) => return Err(Invalid::field("repeat_basis", format!("unknown value {basis}"))),
    };
    Ok(RepeatRule { days, basis })
}

/// The limit of the service level in seconds, if the request says one.
pub(super) fn service_level(seconds: i32) -> Result<Option<u32>, Invalid> {
    match u32::try_from(seconds) {
        Ok(0) => Ok(None),
        Ok(limit) if seconds <= MOST_SECONDS => Ok(Some(limit)),
        _ => Err(Invalid::field("service_level_seconds", format!("must be 0 to {MOST_SECONDS}"))),
    }
}

/// Fewest scored calls of who is compared, if the request says one.
pub(super) fn min_calls(calls: i32) -> Result<Option<u32>, Invalid> {
    match u32::try_from(calls) {
        Ok(0) => Ok(None),
        Ok(calls) if calls > 1 => Ok(Some(calls)),
        _ => Err(Invalid::field("min_calls", "must be 0, or 2 or more")),
    }
}
