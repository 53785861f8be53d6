//! Section `[report]` of the settings: what the report counts by. Definitions are in docs/report.md.

use serde::{Deserialize, Serialize};

/// Longest window of a repeat: open contacts are held for as long.
pub const MOST_WINDOW_DAYS: u16 = 90;

/// How the report is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReportConfig {
    /// Seconds within which an answered call counts for the service level.
    pub service_level_s: u32,
    /// Days up to the end of the period that the trends of faults show.
    pub trend_days: u16,
    /// Weeks before the period that the volume is compared with, weekday by weekday.
    pub baseline_weeks: u16,
    /// Fewest scored calls of an agent who is compared with others.
    pub min_agent_calls: u32,
    /// Calls shown as worst, and as best.
    pub examples: u16,
    /// Days within which another contact of the caller about the matter is a repeat, for first contact resolution.
    pub repeat_window_days: u16,
}

impl Default for ReportConfig {
    fn default() -> Self {
        Self {
            service_level_s: 20,
            trend_days: 28,
            baseline_weeks: 4,
            min_agent_calls: 10,
            examples: 5,
            repeat_window_days: 7,
        }
    }
}

impl ReportConfig {
    /// The key whose value makes no sense, with what would be right.
    ///
    /// # Errors
    /// When there is one.
    pub fn validate(&self) -> Result<(), (&'static str, String)> {
        let within = |key, value: u32, least: u32, most: u32| {
            (least..=most).contains(&value).then_some(()).ok_or((key, format!("must be {least} to {most}")))
        };
        within("service_level_s", self.service_level_s, 1, 3600)?;
        within("trend_days", self.trend_days.into(), 2, 366)?;
        within("baseline_weeks", self.baseline_weeks.into(), 1, 52)?;
        // An interval needs two calls.
        within("min_agent_calls", self.min_agent_calls, 2, 1_000_000)?;
        within("examples", self.examples.into(), 1, 100)?;
        within("repeat_window_days", self.repeat_window_days.into(), 1, MOST_WINDOW_DAYS.into())
    }
}
