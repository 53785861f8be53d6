//! What is counted over many calls, a row a call: the facts of the analysis that trends, hot
//! spots, associations and caller patterns read, without the turns. Owns the names; what is made of
//! the rows is the business of `topic`.

use chrono::{DateTime, FixedOffset, NaiveDate};
use serde::{Deserialize, Serialize};

use super::Need;

/// The row of one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallDigest {
    /// The call.
    pub call_id: String,
    /// When it began.
    pub started_at: Option<DateTime<FixedOffset>>,
    /// Pseudonym of the caller, where the source knows callers.
    pub caller: Option<String>,
    /// Id of the agent.
    pub agent: Option<String>,
    /// The agent's team.
    pub team: Option<String>,
    /// Queue.
    pub queue: Option<String>,
    /// Channel.
    pub channel: String,
    /// Responsible department, out of the work order.
    pub department: Option<String>,
    /// Places that are spoken of.
    pub places: Vec<String>,
    /// Organisations that are spoken of.
    pub organisations: Vec<String>,
    /// Services that are spoken of.
    pub services: Vec<String>,
    /// Category, from broad to narrow.
    pub category: Vec<String>,
    /// Appeal type.
    pub appeal_type: String,
    /// `resolved`, `follow_up` or `unresolved`.
    pub outcome: String,
    /// Predicted satisfaction, 1 to 5.
    pub satisfaction: f32,
    /// The caller's own rating, 1 to 5.
    pub rating: Option<u8>,
    /// Codes of the agent's faults, each once.
    pub faults: Vec<String>,
    /// Somebody's life is in danger.
    pub crisis: bool,
    /// What shows it.
    pub crisis_quote: Option<String>,
    /// The caller says that this is not the first contact about it.
    pub repeat_contact: bool,
    /// The need to be heard.
    pub emotional: Need,
    /// The need to be helped.
    pub factual: Need,
    /// The caller's lowest feeling in the call, -1 to 0.
    pub lowest: f32,
    /// How the caller speaks; absent of written messages.
    pub style: Option<CallerStyle>,
}

impl CallDigest {
    /// The day of the call, at the offset that it carries.
    pub fn day(&self) -> Option<NaiveDate> {
        self.started_at.map(|at| at.date_naive())
    }

    /// Whether the caller is dissatisfied: by the caller's own rating (1 or 2), else by the predicted
    /// one (below 2.5).
    pub fn dissatisfied(&self) -> bool {
        self.rating.map_or(self.satisfaction < 2.5, |rating| rating <= 2)
    }
}

/// How a caller speaks. Tells agents what to expect of who calls again; it judges nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerStyle {
    /// Threatens to go further, or urges.
    Pressing,
    /// Distressed or angry.
    Upset,
    /// Tells at length.
    Talkative,
    /// A few words at a time.
    Brief,
    /// None of these.
    Calm,
}

impl CallerStyle {
    /// Every style.
    pub const ALL: [Self; 5] = [Self::Pressing, Self::Upset, Self::Talkative, Self::Brief, Self::Calm];

    /// The name used in every file format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pressing => "pressing",
            Self::Upset => "upset",
            Self::Talkative => "talkative",
            Self::Brief => "brief",
            Self::Calm => "calm",
        }
    }

    /// What supervisors read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Pressing => "施压催促型",
            Self::Upset => "情绪激动型",
            Self::Talkative => "细述型",
            Self::Brief => "简短型",
            Self::Calm => "平和型",
        }
    }
}
