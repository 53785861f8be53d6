//! What is handed in: the lines of an import file, and what requests are read into. Owns their form; whether they may be is
//! decided elsewhere.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, NaiveDate};
use serde::{Deserialize, Serialize};

use super::state::{Mode, Step};

/// Something that is handed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// An officer who is enrolled, or whose particulars are others now.
    Officer(OfficerEntry),
    /// An officer who ends.
    Retirement(Retirement),
    /// A task.
    Task(TaskEntry),
    /// A step of a task.
    Step(StepEntry),
    /// A report.
    Report(ReportEntry),
    /// A discussion.
    Discussion(DiscussionEntry),
    /// What an officer says in a discussion.
    Opinion(OpinionEntry),
    /// The end of a discussion.
    DiscussionEnd(Closing),
    /// A poll.
    Poll(PollEntry),
    /// A vote in a poll.
    Vote(VoteEntry),
    /// The end of a poll before its time.
    PollEnd(Closing),
}

/// An officer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficerEntry {
    /// Id in the programme.
    pub id: String,
    /// Name, or whatever they want to be called.
    pub name: String,
    /// Age in years; checked and put into its group, and not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<u16>,
    /// Whether they work for the hotline; checked, and not kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub employee: bool,
    /// What the structure is told by, such as `occupation`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// First day of the term.
    pub since: NaiveDate,
}

/// The end of an officer's term before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retirement {
    /// The officer.
    pub officer: String,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What an officer is to look at, and to rate from 1 to 5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Id within the task.
    pub id: String,
    /// The question, or what is to be done.
    pub text: String,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskEntry {
    /// Id in the programme.
    pub id: String,
    /// Theme (专题).
    pub theme: String,
    /// How.
    pub mode: Mode,
    /// Who goes with the officer, where somebody does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub companion: String,
    /// What is to be looked at.
    pub steps: Vec<Question>,
    /// First day.
    pub from: NaiveDate,
    /// Day by whose end it is to be reported.
    pub due: NaiveDate,
    /// Who does it, where that is known already.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub officer: String,
}

/// A step of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepEntry {
    /// The task.
    pub task: String,
    /// What is done; a report comes as such.
    pub step: Step,
    /// Of assignments: to whom.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub officer: String,
    /// Of checks: whether the report is as it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<bool>,
    /// Why, or what was seen.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// When [default: now].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<FixedOffset>>,
}

/// How one thing was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepAnswer {
    /// 1 (very bad) to 5 (very good).
    pub rating: u8,
    /// In words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remark: String,
}

/// What a report rests on: a call, or a file that the programme keeps.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Id of a call.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub call: String,
    /// Name of a file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its SHA-256, 64 hex digits.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sha256: String,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportEntry {
    /// Id in the programme.
    pub id: String,
    /// The task; empty: the officer reports unasked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub task: String,
    /// Who.
    pub officer: String,
    /// When it was experienced.
    pub at: DateTime<FixedOffset>,
    /// The channel that was used, such as 12345电话 or 窗口.
    pub way: String,
    /// Where.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// Minutes until it was the officer's turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_minutes: Option<u32>,
    /// By id of the task's steps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub steps: BTreeMap<String, StepAnswer>,
    /// What went well.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub good: String,
    /// What did not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub problems: String,
    /// What should be done about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub suggestion: String,
    /// What it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// Over all, 1 to 5.
    pub rating: u8,
}

/// A discussion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscussionEntry {
    /// Id in the programme.
    pub id: String,
    /// What about.
    pub title: String,
    /// The topic that it is about, such as `t3`; empty: a free theme.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub topic: String,
    /// Since when [default: now].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<FixedOffset>>,
}

/// An opinion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpinionEntry {
    /// Id in the programme.
    pub id: String,
    /// The discussion.
    pub discussion: String,
    /// Who.
    pub officer: String,
    /// When.
    pub at: DateTime<FixedOffset>,
    /// What; paragraphs are lines.
    pub text: String,
}

/// The end of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closing {
    /// Its id.
    pub id: String,
    /// What came of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub result: String,
}

/// A poll.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PollEntry {
    /// Id in the programme.
    pub id: String,
    /// The discussion that it belongs to, if to any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub discussion: String,
    /// The question.
    pub question: String,
    /// What can be chosen, in this order.
    pub options: Vec<String>,
    /// Several may be chosen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub multiple: bool,
    /// Nobody is told who chose what.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// Until when.
    pub closes_at: DateTime<FixedOffset>,
    /// Who is asked; empty: everybody who serves when it is opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<String>,
    /// Since when [default: now].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<FixedOffset>>,
}

/// A vote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoteEntry {
    /// The poll.
    pub poll: String,
    /// Who.
    pub officer: String,
    /// Numbers of what was chosen, from 1.
    pub choices: Vec<u32>,
    /// When [default: now].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<FixedOffset>>,
}
