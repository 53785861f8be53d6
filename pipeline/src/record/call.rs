//! The call record: one transcribed call (or written message) as it comes in.
//! `docs/call.schema.json` is its published form.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

/// One call. A written message is a call with one turn of the caller and no times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Unique id. Integer ids are read as decimal strings.
    pub call_id: String,
    /// When the call began. `None` only where the source file has no time: `analyze`
    /// accepts that, `ingest` refuses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<FixedOffset>>,
    /// Who called whom.
    #[serde(default)]
    pub direction: Direction,
    /// `phone`, `web`, `app`, `letter`, `window`, ...
    #[serde(default = "phone")]
    pub channel: String,
    /// The queue or line that took the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Region of the matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// BCP 47 language of the call, when the source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The agent (坐席).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
    /// The caller (来电人).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<Caller>,
    /// Time in the queue before an agent answered, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// Ringing at the agent, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_ms: Option<u64>,
    /// Total hold, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_ms: Option<u64>,
    /// Whether an agent answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<bool>,
    /// Who hung up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hangup_by: Option<Party>,
    /// Whether the call was transferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transferred: Option<bool>,
    /// The caller's own rating (好差评), 1 to 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<u8>,
    /// The work order (工单).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
    /// What was said, in order of start.
    pub turns: Vec<Turn>,
    /// Everything else that the source carried, filterable.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Human labels. Never an input of the analysis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<serde_json::Value>,
}

fn phone() -> String {
    "phone".to_owned()
}

impl CallRecord {
    /// An empty inbound phone call.
    pub fn new(call_id: impl Into<String>) -> Self {
        Self {
            call_id: call_id.into(),
            started_at: None,
            direction: Direction::Inbound,
            channel: phone(),
            queue: None,
            region: None,
            language: None,
            agent: None,
            caller: None,
            wait_ms: None,
            ring_ms: None,
            hold_ms: None,
            answered: None,
            hangup_by: None,
            transferred: None,
            rating: None,
            ticket: None,
            turns: Vec::new(),
            attributes: BTreeMap::new(),
            labels: None,
        }
    }

    /// Whether nobody took the call: it counts in the KPIs and has no findings and no score.
    pub fn unanswered(&self) -> bool {
        self.answered == Some(false) && self.turns.is_empty()
    }

    /// Whether every turn carries its times. Timing signals exist only then.
    pub fn timed(&self) -> bool {
        !self.turns.is_empty() && self.turns.iter().all(|t| t.start_ms.is_some() && t.end_ms.is_some())
    }

    /// Whether this is a conversation (as against a letter or a web form).
    pub fn spoken(&self) -> bool {
        self.channel == "phone" || self.turns.iter().any(|t| t.role == Role::Agent)
    }
}

/// Who started the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The caller rang the hotline.
    #[default]
    Inbound,
    /// The hotline rang the caller.
    Outbound,
}

/// Who ended the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// The agent hung up.
    Agent,
    /// The caller hung up.
    Caller,
    /// The line or a time limit.
    System,
}

/// The agent of a call.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Agent {
    /// Id in the hotline's own system.
    pub id: String,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
}

/// The caller of a call.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Caller {
    /// Id in the hotline's own system; stored as a keyed HMAC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Telephone number; stored as a keyed HMAC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
}

/// The work order of a call.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ticket {
    /// Number of the work order.
    pub id: String,
    /// Category given by the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Responsible department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Status in the source system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// When it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<DateTime<FixedOffset>>,
    /// When it is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<FixedOffset>>,
    /// When it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<DateTime<FixedOffset>>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The hotline's agent.
    Agent,
    /// The person on the other side.
    Caller,
    /// A voice bot.
    Bot,
    /// The menu.
    Ivr,
    /// Anybody else, and every role that is not known.
    Other,
}

impl Role {
    /// The name used in every file format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Caller => "caller",
            Self::Bot => "bot",
            Self::Ivr => "ivr",
            Self::Other => "other",
        }
    }

    /// What supervisors read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Agent => "坐席",
            Self::Caller => "来电人",
            Self::Bot => "机器人",
            Self::Ivr => "语音菜单",
            Self::Other => "其他人",
        }
    }
}

/// One uninterrupted stretch of speech of one party. Turns may overlap in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// Start within the call, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<u64>,
    /// End within the call, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_ms: Option<u64>,
    /// What was said, as the recogniser wrote it.
    pub text: String,
    /// The words with their times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Word>,
    /// Mean loudness in decibels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_db: Option<f32>,
    /// The recogniser's own emotion label, as it gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emotion: Option<String>,
}

impl Turn {
    /// A turn without times.
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            start_ms: None,
            end_ms: None,
            text: text.into(),
            words: Vec::new(),
            energy_db: None,
            emotion: None,
        }
    }

    /// A turn with its times in milliseconds.
    pub fn timed(role: Role, start_ms: u64, end_ms: u64, text: impl Into<String>) -> Self {
        Self { start_ms: Some(start_ms), end_ms: Some(end_ms), ..Self::new(role, text) }
    }

    /// Start and end, when both are known.
    pub fn times(&self) -> Option<(u64, u64)> {
        Some((self.start_ms?, self.end_ms?))
    }
}

/// A word with its times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// The word.
    pub text: String,
    /// Start within the call, milliseconds.
    pub start_ms: u64,
    /// End within the call, milliseconds.
    pub end_ms: u64,
}
