//! The analysis record: what the program says of one call.
//! `docs/analysis.schema.json` is its published form.

use serde::{Deserialize, Serialize};

use super::{Act, Conduct, Role};

/// The analysis of one call. It depends on that call and the configuration alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// The call.
    pub call_id: String,
    /// One entry for every turn, empty ones too.
    pub turns: Vec<TurnAnalysis>,
    /// Measurements.
    pub signals: SignalReport,
    /// What the machine asserts.
    pub findings: Vec<Finding>,
    /// For human review: never scored, never deducted.
    pub uncertain: Vec<Finding>,
    /// What the call was about and how it ended.
    pub facts: Facts,
    /// The six steps of a call with a demand (投诉, 举报, 求助); absent for other calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conduct: Option<Conduct>,
    /// The scorecard's result; absent for a call that nobody answered or that is not a conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Score>,
    /// What produced this analysis.
    pub provenance: Provenance,
}

/// One turn of an analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnAnalysis {
    /// Index into the call's turns.
    pub turn: u32,
    /// Normalized and masked text: what every quote and offset refers to.
    pub text: String,
    /// The feeling that the words express.
    pub sentiment: Sentiment,
    /// Emotion, when a recogniser or model gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emotion: Option<String>,
    /// What the turn does.
    pub acts: Vec<Act>,
}

/// A feeling, with its strength.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sentiment {
    /// Positive, neutral or negative.
    pub label: SentimentLabel,
    /// -1 (negative) to 1 (positive).
    pub score: f32,
}

impl Sentiment {
    /// No feeling expressed.
    pub const NEUTRAL: Self = Self { label: SentimentLabel::Neu, score: 0.0 };
}

/// Three-way sentiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SentimentLabel {
    /// Positive.
    Pos,
    /// Neutral.
    Neu,
    /// Negative.
    Neg,
}

impl SentimentLabel {
    /// The name used in every file format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pos => "pos",
            Self::Neu => "neu",
            Self::Neg => "neg",
        }
    }
}

/// The signals that are reported. Everything that needs times is absent without them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SignalReport {
    /// First start to last end, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Speech of all parties, overlap counted for both, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub talk_ms: Option<u64>,
    /// Time in which nobody speaks, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence_ms: Option<u64>,
    /// Time in which two parties speak, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_ms: Option<u64>,
    /// Longest silence (dead air), milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_silence_ms: Option<u64>,
    /// The agent's speech rate, spoken units a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_rate: Option<f32>,
    /// The caller's speech rate, spoken units a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_rate: Option<f32>,
    /// The agent's share of the talk of agent and caller, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub talk_ratio: Option<f32>,
    /// Median time from the caller's end to the agent's start, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_latency_ms: Option<i64>,
    /// Interruptions by the agent that were asserted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interruptions: Option<u32>,
    /// Sentiment score of every turn of the caller, smoothed, in order.
    pub sentiment_curve: Vec<f32>,
    /// The caller's strongest feeling (the point of the curve farthest from 0).
    pub peak: f32,
    /// The caller's feeling at the end.
    pub end: f32,
    /// Mean sentiment of the caller in each quarter of the call.
    pub quarters: [f32; 4],
}

/// One behaviour that was found, with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Code, as in the rule reference.
    pub code: String,
    /// The turn that it is on; `None` for a finding on the whole call.
    pub turn: Option<u32>,
    /// Whose behaviour it is.
    pub role: Role,
    /// How grave.
    pub severity: Severity,
    /// 0 to 1.
    pub confidence: f32,
    /// Which of the eight taboos, if one.
    pub taboo: Option<Taboo>,
    /// At least one.
    pub evidence: Vec<Evidence>,
    /// Detector or rule that asserted it.
    pub rule: String,
    /// One sentence in Chinese.
    pub explanation: String,
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A remark.
    Minor,
    /// A fault.
    Major,
    /// Fails the call on a scorecard that says so.
    Fatal,
}

/// The eight taboos (电话沟通八大禁忌).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Taboo {
    T1,
    T2,
    T3,
    T4,
    T5,
    T6,
    T7,
    T8,
}

/// Where it can be seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Index into the call's turns.
    pub turn: u32,
    /// Start of the turn or of the event, milliseconds.
    #[serde(default)]
    pub start_ms: Option<u64>,
    /// End, milliseconds.
    #[serde(default)]
    pub end_ms: Option<u64>,
    /// First character in `turns[turn].text`.
    pub start_char: u32,
    /// One past the last character.
    pub end_char: u32,
    /// Those characters.
    pub quote: String,
}

/// Facts of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// 咨询 求助 投诉 举报 建议 表扬.
    pub appeal_type: String,
    /// `resolved`, `follow_up` or `unresolved`.
    pub outcome: String,
    /// Predicted rating of the service, 1 to 5.
    pub satisfaction: f32,
    /// From broad to narrow; empty while no category is told.
    pub category: Vec<String>,
    /// Probability that the category is right, 0 to 1; 0 while none is told.
    #[serde(default)]
    pub category_confidence: f32,
    /// The emotional and the factual need.
    pub needs: Needs,
    /// The caller says that this is not the first contact about it.
    pub repeat_contact: bool,
    /// Somebody's life is in danger.
    pub crisis: bool,
    /// BCP 47 language.
    pub language: String,
}

/// What the caller needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// To be heard.
    pub emotional: Need,
    /// To be helped.
    pub factual: Need,
    /// Turns that show the first, ascending: what met it, or where it was expressed in vain.
    #[serde(default)]
    pub emotional_turns: Vec<u32>,
    /// The same of the second.
    #[serde(default)]
    pub factual_turns: Vec<u32>,
}

/// Whether a need was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// There and met.
    Met,
    /// There and not met.
    Unmet,
    /// Not there.
    None,
}

impl Need {
    /// What supervisors read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Met => "已满足",
            Self::Unmet => "未满足",
            Self::None => "无此诉求",
        }
    }
}

/// The result of a scorecard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Id of the scorecard.
    pub scorecard: String,
    /// 0 to 100: `normalized` × 100, or 0 when a fatal item failed.
    pub total: f64,
    /// Points that could be had, N/A left out.
    pub potential: f64,
    /// Awarded ÷ potential, 0 to 1.
    pub normalized: f64,
    /// Items that failed the call as a whole.
    pub fatal: Vec<String>,
    /// Every item.
    pub items: Vec<ItemScore>,
}

/// One item of a scorecard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemScore {
    /// Id of the item.
    pub id: String,
    /// Points given.
    pub awarded: f64,
    /// Points that could be had.
    pub potential: f64,
    /// Not applicable: left out of the denominator.
    pub na: bool,
    /// Why, in Chinese.
    pub reason: String,
    /// Indexes into the analysis' findings: the evidence of the deduction.
    pub findings: Vec<u32>,
}

/// What produced an analysis.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of the program.
    pub version: String,
    /// SHA-256 over everything configurable, first 16 hex digits each, joined by `-`: what comes before the declarative
    /// rules, the rules, the scorecards.
    pub config_fingerprint: String,
    /// SHA-256 over rules and lexicons, first 16 hex digits.
    pub rules_version: String,
    /// Id and version of the scorecard.
    pub scorecard_version: String,
    /// Names and fingerprints of the models.
    pub models: Vec<String>,
    /// SHA-256 over the dictionaries, first 16 hex digits.
    pub dictionary_fingerprint: String,
}
