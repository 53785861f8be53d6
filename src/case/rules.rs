//! `config/cases.toml`: what opens a case, how long each step may take, who is reminded when. Refused as a whole when it says
//! what cannot be.

use std::collections::BTreeSet;

use qingting_pipeline::assets::{Asset, Assets, parse_toml};
use qingting_pipeline::record::Severity;
use qingting_pipeline::{Error, Result};
use serde::{Deserialize, Serialize};

use super::calendar::Calendar;
use super::limit::Limit;
use super::state::{Cause, State};

/// The file.
const FILE: &str = "cases.toml";
/// Longest look back, days.
const MOST_LOOK_BACK: u16 = 3660;

/// How long each step of a case may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// From opening to verification.
    pub verify: Limit,
    /// To assignment.
    pub assign: Limit,
    /// To rectification.
    pub rectify: Limit,
    /// To the reply to the caller.
    pub reply: Limit,
    /// To the recheck.
    pub recheck: Limit,
    /// To closing.
    pub close: Limit,
    /// From a contest to its decision.
    pub contest: Limit,
    /// From opening to closing.
    pub total: Limit,
}

impl Limits {
    /// The limit of a state; `None` for those that wait for nothing.
    pub fn of(&self, state: State) -> Option<Limit> {
        Some(match state {
            State::Opened => self.verify,
            State::Confirmed => self.assign,
            State::Assigned => self.rectify,
            State::Rectified => self.reply,
            State::Replied => self.recheck,
            State::Rechecked | State::Unfounded => self.close,
            State::Contested => self.contest,
            State::Closed | State::Excluded => return None,
        })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Overrides {
    verify: Option<Limit>,
    assign: Option<Limit>,
    rectify: Option<Limit>,
    reply: Option<Limit>,
    recheck: Option<Limit>,
    close: Option<Limit>,
    contest: Option<Limit>,
    total: Option<Limit>,
}

impl Overrides {
    fn over(&self, limits: &Limits) -> Limits {
        Limits {
            verify: self.verify.unwrap_or(limits.verify),
            assign: self.assign.unwrap_or(limits.assign),
            rectify: self.rectify.unwrap_or(limits.rectify),
            reply: self.reply.unwrap_or(limits.reply),
            recheck: self.recheck.unwrap_or(limits.recheck),
            close: self.close.unwrap_or(limits.close),
            contest: self.contest.unwrap_or(limits.contest),
            total: self.total.unwrap_or(limits.total),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    calendar: String,
    look_back_days: u16,
    limits: Limits,
    remind: Remind,
    #[serde(default)]
    open: Vec<Open>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Remind {
    before: Limit,
    #[serde(default)]
    escalate: Vec<Escalation>,
}

/// To whom a case goes that is overdue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// After how much working time.
    pub after: Limit,
    /// Who is told, as people call them.
    pub to: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Open {
    cause: Cause,
    #[serde(default = "yes")]
    enabled: bool,
    at_most: Option<u8>,
    step_at_most: Option<u8>,
    findings: Option<Severity>,
    severity: Severity,
    #[serde(default)]
    limits: Overrides,
}

fn yes() -> bool {
    true
}

/// When a case is opened for one cause, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRule {
    /// Whether it opens any by itself.
    pub enabled: bool,
    /// Of ratings, and of reports of experience officers: the best one that opens a case.
    pub at_most: u8,
    /// Of reports of experience officers: the best rating of a step that opens one.
    pub step_at_most: u8,
    /// Of findings and reviews: how grave a fault has to be.
    pub findings: Severity,
    /// How grave the case is.
    pub severity: Severity,
    /// How long its steps may take.
    pub limits: Limits,
}

/// The rules of cases with their calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Which hours count.
    pub calendar: Calendar,
    /// Days of calls that are looked at for opening by rule.
    pub look_back_days: u16,
    /// Working time before a due date from which on a reminder is given.
    pub remind_before: Limit,
    /// Whom overdue cases go to, soonest first.
    pub escalate: Vec<Escalation>,
    /// By cause, in the order of [`Cause::ALL`].
    open: Vec<OpenRule>,
}

impl Rules {
    /// Reads the rules and their calendar.
    ///
    /// # Errors
    /// When a file is missing or says what cannot be; with file and line.
    pub fn load(assets: &Assets) -> Result<Self> {
        let asset = assets.read(FILE)?;
        let file: File = parse_toml(&asset)?;
        let line = |key: &str| asset.text.lines().position(|line| line.trim_start().starts_with(key));
        let wrong = |key: &str, message: &str| Error::in_line(&asset, line(key).map_or(1, |at| at + 1), message);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if file.calendar.is_empty() || !file.calendar.chars().all(is_name) {
            return Err(wrong("calendar", "calendar: the name of a file in calendars/, without .toml"));
        }
        let calendar = Calendar::parse(&assets.read(&format!("calendars/{}.toml", file.calendar))?)?;
        Self::of(&asset, file, calendar)
    }

    /// Reads the text of a file of rules beside a calendar.
    ///
    /// # Errors
    /// When it says what cannot be.
    pub fn parse(asset: &Asset, calendar: Calendar) -> Result<Self> {
        Self::of(asset, parse_toml(asset)?, calendar)
    }

    fn of(asset: &Asset, file: File, calendar: Calendar) -> Result<Self> {
        let line = |key: &str| asset.text.lines().position(|line| line.trim_start().starts_with(key));
        let wrong = |key: &str, message: &str| Error::in_line(asset, line(key).map_or(1, |at| at + 1), message);
        if !(1..=MOST_LOOK_BACK).contains(&file.look_back_days) {
            return Err(wrong("look_back_days", "look_back_days: must be 1 to 3660"));
        }
        let mut seen = BTreeSet::new();
        for open in &file.open {
            if !seen.insert(open.cause) {
                return Err(wrong("[[open]]", &format!("two rules for cause \"{}\"", open.cause.as_str())));
            }
            if open.at_most.is_some() && !matches!(open.cause, Cause::Rating | Cause::Experience) {
                return Err(wrong("at_most", "at_most: of ratings and experience alone"));
            }
            if open.step_at_most.is_some() && open.cause != Cause::Experience {
                return Err(wrong("step_at_most", "step_at_most: of experience alone"));
            }
            if [open.at_most, open.step_at_most].into_iter().flatten().any(|most| !(1..=5).contains(&most)) {
                return Err(wrong("at_most", "at_most: a rating is 1 to 5"));
            }
            if open.findings.is_some() && !matches!(open.cause, Cause::Finding | Cause::Review) {
                return Err(wrong("findings", "findings: of findings and reviews alone"));
            }
        }
        let work: Vec<_> = file.remind.escalate.iter().map(|e| calendar.work_of(e.after)).collect();
        if !work.is_sorted_by(|a, b| a < b) {
            return Err(wrong("escalate", "escalate: each after later than the one before"));
        }
        if file.remind.escalate.iter().any(|escalation| escalation.to.trim().is_empty()) {
            return Err(wrong("escalate", "escalate: say to whom"));
        }
        let rule = |cause: &Cause| {
            let open = file.open.iter().find(|open| open.cause == *cause);
            OpenRule {
                enabled: open.is_some_and(|open| open.enabled),
                at_most: open.and_then(|open| open.at_most).unwrap_or(2),
                step_at_most: open.and_then(|open| open.step_at_most).unwrap_or(1),
                findings: open.and_then(|open| open.findings).unwrap_or(Severity::Fatal),
                severity: open.map_or(Severity::Minor, |open| open.severity),
                limits: open.map_or(file.limits, |open| open.limits.over(&file.limits)),
            }
        };
        Ok(Self {
            open: Cause::ALL.iter().map(rule).collect(),
            calendar,
            look_back_days: file.look_back_days,
            remind_before: file.remind.before,
            escalate: file.remind.escalate,
        })
    }

    /// The rule of a cause.
    pub fn of_cause(&self, cause: Cause) -> &OpenRule {
        // One for each cause, in their order.
        &self.open[cause as usize]
    }
}
