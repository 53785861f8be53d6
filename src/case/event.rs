//! What can happen in a case, and how it is written into the ledger.

use chrono::{DateTime, Utc};
use qingting_index::{CaseEntry, Error, Result};
use qingting_pipeline::record::Severity;
use serde::{Deserialize, Serialize};

use super::rules::Limits;
use super::state::{Cause, Step};
pub use crate::who::Who;

/// How a caller was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// By telephone.
    Phone,
    /// By text message.
    Message,
    /// By letter or e-mail.
    Letter,
    /// On the platform where the caller had rated or written.
    Platform,
    /// Face to face.
    Visit,
    /// Otherwise; the text says how.
    Other,
}

impl Channel {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Phone,
        Self::Message,
        Self::Letter,
        Self::Platform,
        Self::Visit,
        Self::Other,
    ];

    /// The name in files and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Message => "message",
            Self::Letter => "letter",
            Self::Platform => "platform",
            Self::Visit => "visit",
            Self::Other => "other",
        }
    }

    /// What supervisors read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Phone => "电话",
            Self::Message => "短信",
            Self::Letter => "信函或邮件",
            Self::Platform => "评价平台",
            Self::Visit => "上门或当面",
            Self::Other => "其他",
        }
    }

    /// The one of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// What a case is opened with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Openings {
    /// One sentence in Chinese: what happened.
    pub reason: String,
    /// How grave.
    pub severity: Severity,
    /// How long its steps may take, whatever the rules say later.
    pub limits: Limits,
    /// The caller's rating, where that is the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<u8>,
    /// Codes of the faults, where these are the cause.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<String>,
    /// The topic that burst, where that is the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The case was opened.
    Opened(Openings),
    /// It was looked into.
    Verified {
        /// Whether what it was opened for is so.
        confirmed: bool,
        /// What was seen.
        note: String,
    },
    /// It was given to somebody.
    Assigned {
        /// Who is to mend it: a person, team or department.
        to: String,
        /// What is asked of them.
        note: String,
    },
    /// It was mended.
    Rectified {
        /// What was done.
        measures: String,
    },
    /// The caller was told; not by this program.
    Replied {
        /// How.
        channel: Channel,
        /// When.
        at: DateTime<Utc>,
        /// Whether the caller could be reached.
        reached: bool,
        /// What the caller was told.
        told: String,
        /// What the caller said.
        answer: String,
        /// Whether the caller is satisfied now, where that is known.
        satisfied: Option<bool>,
    },
    /// Somebody else looked whether it is mended.
    Rechecked {
        /// It is; else it goes back to rectification.
        passed: bool,
        /// What was seen.
        note: String,
    },
    /// It was closed.
    Closed {
        /// What came of it.
        result: String,
    },
    /// The rating was called false.
    Contested {
        /// Why.
        reason: String,
    },
    /// That was decided.
    Decided {
        /// It is false: the case counts no more.
        upheld: bool,
        /// Why.
        reason: String,
    },
    /// It was opened again.
    Reopened {
        /// Why.
        reason: String,
    },
}

impl Event {
    /// The name in the ledger.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Opened(_) => "opened",
            Self::Verified { .. } => "verified",
            Self::Assigned { .. } => "assigned",
            Self::Rectified { .. } => "rectified",
            Self::Replied { .. } => "replied",
            Self::Rechecked { .. } => "rechecked",
            Self::Closed { .. } => "closed",
            Self::Contested { .. } => "contested",
            Self::Decided { .. } => "decided",
            Self::Reopened { .. } => "reopened",
        }
    }

    /// The step that it is; `None` for the opening.
    pub fn step(&self) -> Option<Step> {
        Some(match self {
            Self::Opened(_) => return None,
            Self::Verified { .. } => Step::Verify,
            Self::Assigned { .. } => Step::Assign,
            Self::Rectified { .. } => Step::Rectify,
            Self::Replied { .. } => Step::Reply,
            Self::Rechecked { .. } => Step::Recheck,
            Self::Closed { .. } => Step::Close,
            Self::Contested { .. } => Step::Contest,
            Self::Decided { .. } => Step::Decide,
            Self::Reopened { .. } => Step::Reopen,
        })
    }

    /// What happened, for supervisors: one line in Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::Opened(openings) => format!("立案：{}", openings.reason),
            Self::Verified { confirmed: true, note } => format!("核实属实：{note}"),
            Self::Verified { confirmed: false, note } => format!("核实不属实：{note}"),
            Self::Assigned { to, note } if note.is_empty() => format!("派单给{to}"),
            Self::Assigned { to, note } => format!("派单给{to}：{note}"),
            Self::Rectified { measures } => format!("整改：{measures}"),
            Self::Replied { channel, reached, told, answer, satisfied, .. } => {
                let reached = if *reached { "已联系上" } else { "未联系上" };
                let satisfied = match satisfied {
                    Some(true) => "，来电人满意",
                    Some(false) => "，来电人不满意",
                    None => "",
                };
                let answer = if answer.is_empty() {
                    String::new()
                } else {
                    format!("；来电人：{answer}")
                };
                format!("回复来电人（{}，{reached}{satisfied}）：{told}{answer}", channel.zh())
            }
            Self::Rechecked { passed: true, note } => format!("复核通过：{note}"),
            Self::Rechecked { passed: false, note } => format!("复核不通过，退回整改：{note}"),
            Self::Closed { result } => format!("办结：{result}"),
            Self::Contested { reason } => format!("申诉误评：{reason}"),
            Self::Decided { upheld: true, reason } => format!("裁定误评，不计入统计：{reason}"),
            Self::Decided { upheld: false, reason } => format!("裁定不是误评：{reason}"),
            Self::Reopened { reason } => format!("重新办理：{reason}"),
        }
    }
}

/// What is in the body of a row.
#[derive(Serialize, Deserialize)]
struct Body {
    event: Event,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<DateTime<Utc>>,
    total_due: DateTime<Utc>,
}

/// Something that happened, with when, by whom and in which case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its number; 0 until it is kept.
    pub number: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub who: Who,
    /// The case; 0: the one that it opens.
    pub case: i64,
    /// Which of its case, from 1.
    pub version: u32,
    /// The call that the case is about.
    pub call_id: String,
    /// Whose call it was when the case was opened; nobody's where the cause is not theirs.
    pub agent: Option<String>,
    /// Of which team.
    pub team: Option<String>,
    /// Why the case was opened.
    pub cause: Cause,
    /// What.
    pub event: Event,
    /// When the next step is due.
    pub due: Option<DateTime<Utc>>,
    /// When the case is to be closed.
    pub total_due: DateTime<Utc>,
}

impl Recorded {
    /// As a row of the ledger.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn to_entry(&self) -> Result<CaseEntry> {
        let body = Body { event: self.event.clone(), due: self.due, total_due: self.total_due };
        let body = serde_json::to_string(&body)
            .map_err(|e| Error::Refused { what: "case".to_owned(), message: e.to_string() })?;
        Ok(CaseEntry {
            number: self.number,
            at: self.at.to_rfc3339(),
            kind: self.event.as_str().to_owned(),
            who: self.who.id.clone(),
            name: self.who.name.clone(),
            opening: (self.case != 0).then_some(self.case),
            version: self.version,
            call_id: self.call_id.clone(),
            agent: self.agent.clone(),
            team: self.team.clone(),
            cause: self.cause.as_str().to_owned(),
            body,
        })
    }

    /// Reads a row of the ledger.
    ///
    /// # Errors
    /// When it is not of the form.
    pub fn of(entry: CaseEntry) -> Result<Self> {
        let number = entry.number;
        let corrupt = |e: &dyn std::fmt::Display| Error::corrupt("ledger.sqlite", format!("case row {number}: {e}"));
        let body: Body = serde_json::from_str(&entry.body).map_err(|e| corrupt(&e))?;
        Ok(Self {
            number,
            at: DateTime::parse_from_rfc3339(&entry.at).map_err(|e| corrupt(&e))?.to_utc(),
            who: Who { id: entry.who, name: entry.name },
            case: entry.opening.unwrap_or(number),
            version: entry.version,
            call_id: entry.call_id,
            agent: entry.agent,
            team: entry.team,
            cause: Cause::parse(&entry.cause).ok_or_else(|| corrupt(&entry.cause))?,
            event: body.event,
            due: body.due,
            total_due: body.total_due,
        })
    }
}
