//! What can happen in the programme, and how it is written into the ledger. No text of an officer is in it: that is in the call.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use qingting_index::{Error, ExperienceEntry, Result};
use serde::{Deserialize, Serialize};

use super::entry::{Evidence, Question};
use super::state::{Mode, Step};
use crate::case::Who;

/// What something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Matter {
    /// An officer; the rows that tell who they are.
    Officer,
    /// A task.
    Task,
    /// A report.
    Report,
    /// A discussion.
    Discussion,
    /// An opinion.
    Opinion,
    /// A poll.
    Poll,
    /// The vote of an officer in a poll.
    Vote,
}

impl Matter {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Officer,
        Self::Task,
        Self::Report,
        Self::Discussion,
        Self::Opinion,
        Self::Poll,
        Self::Vote,
    ];

    /// The name in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Officer => "officer",
            Self::Task => "task",
            Self::Report => "report",
            Self::Discussion => "discussion",
            Self::Opinion => "opinion",
            Self::Poll => "poll",
            Self::Vote => "vote",
        }
    }
}

/// What a turn of a report's call says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The remark on a step.
    Step(String),
    /// What went well.
    Good,
    /// What did not.
    Problems,
    /// What should be done.
    Suggestion,
}

/// A task as it was planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Theme (专题).
    pub theme: String,
    /// How.
    pub mode: Mode,
    /// Who goes with the officer; empty: nobody.
    pub companion: String,
    /// What is to be looked at.
    pub steps: Vec<Question>,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub due: NaiveDate,
}

/// To whom a task was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Pseudonym of the officer.
    pub officer: String,
    /// When their answer is due.
    pub answer_by: DateTime<Utc>,
}

/// A report, without what it says in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// The task, if it was asked for.
    pub task: Option<String>,
    /// When it was experienced.
    pub experienced_at: DateTime<Utc>,
    /// Minutes until it was the officer's turn.
    pub waiting_minutes: Option<u32>,
    /// Rating of each step.
    pub ratings: BTreeMap<String, u8>,
    /// What the turns of its call say, in their order.
    pub parts: Vec<Part>,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// Over all.
    pub rating: u8,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// An officer was enrolled, or their particulars are these from now on.
    Enrolled {
        /// Name.
        name: String,
        /// What the structure is told by.
        attributes: BTreeMap<String, String>,
        /// First day of the term.
        since: NaiveDate,
        /// Last day of the term.
        until: NaiveDate,
    },
    /// An officer ended.
    Retired {
        /// Why.
        reason: String,
    },
    /// A task was planned.
    Planned(Plan),
    /// It was given to an officer.
    Assigned(Assignment),
    /// Any other step of it, but the report and the check.
    Stepped {
        /// What.
        step: Step,
        /// Why.
        note: String,
    },
    /// It was reported.
    Reported {
        /// The report.
        report: String,
        /// When it is to be checked.
        check_by: DateTime<Utc>,
    },
    /// Its report was checked.
    Checked {
        /// Whether it is as it should be; else the officer reports again.
        passed: bool,
        /// What was seen.
        note: String,
    },
    /// A report came in.
    Submitted(Submitted),
    /// A discussion was opened.
    Opened {
        /// What about.
        title: String,
        /// The topic.
        topic: Option<String>,
    },
    /// Something was said in it.
    Said {
        /// The discussion.
        discussion: String,
    },
    /// A discussion or poll was ended.
    Ended {
        /// What came of it.
        result: String,
    },
    /// A poll was opened.
    Asked {
        /// The discussion.
        discussion: Option<String>,
        /// The question.
        question: String,
        /// What can be chosen.
        options: Vec<String>,
        /// Several may be chosen.
        multiple: bool,
        /// Nobody is told who chose what.
        secret: bool,
        /// Until when.
        closes_at: DateTime<Utc>,
        /// Pseudonyms of who is asked.
        asked: Vec<String>,
    },
    /// Somebody voted.
    Voted {
        /// The poll.
        poll: String,
        /// What was chosen, from 1, ascending.
        choices: Vec<u32>,
    },
}

impl Event {
    /// The name in the ledger.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Enrolled { .. } => "enrolled",
            Self::Retired { .. } => "retired",
            Self::Planned(_) => "planned",
            Self::Assigned(_) => "assigned",
            Self::Stepped { step, .. } => step.as_str(),
            Self::Reported { .. } => "reported",
            Self::Checked { .. } => "checked",
            Self::Submitted(_) => "submitted",
            Self::Opened { .. } => "opened",
            Self::Said { .. } => "said",
            Self::Ended { .. } => "ended",
            Self::Asked { .. } => "asked",
            Self::Voted { .. } => "voted",
        }
    }

    /// The step of a task that it is.
    pub fn step(&self) -> Option<Step> {
        Some(match self {
            Self::Assigned(_) => Step::Assign,
            Self::Stepped { step, .. } => *step,
            Self::Reported { .. } => Step::Report,
            Self::Checked { .. } => Step::Check,
            _ => return None,
        })
    }

    /// What happened to a task, for people: one line in Chinese.
    pub fn zh(&self) -> String {
        let noted = |what: &str, note: &str| match note {
            "" => what.to_owned(),
            note => format!("{what}：{note}"),
        };
        match self {
            Self::Planned(plan) => format!("策划专题“{}”（{}）", plan.theme, plan.mode.zh()),
            Self::Checked { passed: true, note } => noted("审核通过", note),
            Self::Checked { passed: false, note } => noted("审核退回", note),
            Self::Stepped { step, note } => noted(step.zh(), note),
            Self::Reported { report, .. } => format!("提交报告 {report}"),
            other => other.step().map_or_else(String::new, |step| step.zh().to_owned()),
        }
    }
}

/// Something that happened, with when, by whom and in what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its number; 0 until it is kept.
    pub number: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who noted it.
    pub who: Who,
    /// What it is about.
    pub matter: Matter,
    /// Which one.
    pub id: String,
    /// Which row of it, from 1.
    pub version: u32,
    /// Pseudonym of the officer.
    pub officer: Option<String>,
    /// The call that it became.
    pub call_id: Option<String>,
    /// Of what was imported.
    pub digest: Option<String>,
    /// What.
    pub event: Event,
}

impl Recorded {
    /// As a row of the ledger.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn to_entry(&self) -> Result<ExperienceEntry> {
        let body = serde_json::to_string(&self.event)
            .map_err(|e| Error::Refused { what: "experience".to_owned(), message: e.to_string() })?;
        Ok(ExperienceEntry {
            number: self.number,
            at: self.at.to_rfc3339(),
            kind: self.event.as_str().to_owned(),
            who: self.who.id.clone(),
            name: self.who.name.clone(),
            matter: self.matter.as_str().to_owned(),
            id: self.id.clone(),
            version: self.version,
            officer: self.officer.clone(),
            call_id: self.call_id.clone(),
            digest: self.digest.clone(),
            body,
        })
    }

    /// Reads a row of the ledger.
    ///
    /// # Errors
    /// When it is not of the form.
    pub fn of(entry: ExperienceEntry) -> Result<Self> {
        let number = entry.number;
        let corrupt =
            |e: &dyn std::fmt::Display| Error::corrupt("ledger.sqlite", format!("experience row {number}: {e}"));
        let matter = Matter::ALL.into_iter().find(|matter| matter.as_str() == entry.matter);
        Ok(Self {
            number,
            at: DateTime::parse_from_rfc3339(&entry.at).map_err(|e| corrupt(&e))?.to_utc(),
            who: Who { id: entry.who, name: entry.name },
            matter: matter.ok_or_else(|| corrupt(&entry.matter))?,
            id: entry.id,
            version: entry.version,
            officer: entry.officer,
            call_id: entry.call_id,
            digest: entry.digest,
            event: serde_json::from_str(&entry.body).map_err(|e| corrupt(&e))?,
        })
    }
}
