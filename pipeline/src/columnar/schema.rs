//! The columns of each record type, field for field as in its JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StructArray};
use arrow::datatypes::{DataType, Field};
use chrono::{DateTime, FixedOffset};

use super::codec::{Columnar, text_enum, validity, wrong};
use crate::Result;
use crate::record::{
    Act, Agent, Analysis, CallDigest, CallRecord, Caller, CallerStyle, Conduct, ConductStep, Direction, Evidence,
    Facts, Finding, ItemScore, Need, Needs, Party, Provenance, Role, Score, Sentiment, SentimentLabel, Severity,
    SignalReport, StepResult, StepStatus, Taboo, Ticket, Turn, TurnAnalysis, Word,
};

/// A struct and its fields; `= value` is what stands where a file has none.
macro_rules! columns {
    ($type:ident { $($field:ident: $of:ty $(= $default:expr)?),+ $(,)? }) => {
        impl Columnar for $type {
            fn data_type() -> DataType {
                let mut fields: Vec<Field> = Vec::new();
                $(<$of as Columnar>::fields(stringify!($field), false, &mut fields);)+
                DataType::Struct(fields.into())
            }

            fn encode(values: &[Option<&Self>]) -> Result<ArrayRef> {
                let mut fields: Vec<Field> = Vec::new();
                let mut arrays: Vec<ArrayRef> = Vec::new();
                $(
                    let column: Vec<Option<&$of>> = values.iter().map(|v| v.map(|v| &v.$field)).collect();
                    <$of as Columnar>::fields(stringify!($field), false, &mut fields);
                    <$of as Columnar>::encode_fields(&column, &mut arrays)?;
                )+
                Ok(Arc::new(StructArray::try_new(fields.into(), arrays, validity(values))?))
            }

            fn decode(column: &'static str, array: &ArrayRef) -> Result<Vec<Option<Self>>> {
                let Some(columns) = array.as_struct_opt() else {
                    return Err(wrong(column, format!("a struct was expected, not {}", array.data_type())));
                };
                $(let mut $field = <$of as Columnar>::decode_fields(stringify!($field), columns)?.into_iter();)+
                let mut rows = Vec::with_capacity(columns.len());
                for row in 0..columns.len() {
                    $(let $field: Option<$of> = $field.next().flatten();)+
                    if columns.is_null(row) {
                        rows.push(None);
                        continue;
                    }
                    let missing = |name| wrong(name, format!("missing in row {row}"));
                    rows.push(Some($type {
                        $($field: $field
                            $(.or_else(|| Some($default)))?
                            .or_else(<$of as Columnar>::missing)
                            .ok_or_else(|| missing(stringify!($field)))?,)+
                    }));
                }
                Ok(rows)
            }
        }
    };
}

text_enum!(Direction, missing Some(Self::Inbound), unknown None, {
    Self::Inbound = "inbound",
    Self::Outbound = "outbound",
});
text_enum!(Party, missing None, unknown None, {
    Self::Agent = "agent",
    Self::Caller = "caller",
    Self::System = "system",
});
text_enum!(Role, missing Some(Self::Other), unknown Some(Self::Other), {
    Self::Agent = "agent",
    Self::Caller = "caller",
    Self::Bot = "bot",
    Self::Ivr = "ivr",
    Self::Other = "other",
});
text_enum!(SentimentLabel, missing None, unknown None, {
    Self::Pos = "pos",
    Self::Neu = "neu",
    Self::Neg = "neg",
});
text_enum!(Severity, missing None, unknown None, {
    Self::Minor = "minor",
    Self::Major = "major",
    Self::Fatal = "fatal",
});
text_enum!(Taboo, missing None, unknown None, {
    Self::T1 = "T1",
    Self::T2 = "T2",
    Self::T3 = "T3",
    Self::T4 = "T4",
    Self::T5 = "T5",
    Self::T6 = "T6",
    Self::T7 = "T7",
    Self::T8 = "T8",
});
text_enum!(Need, missing None, unknown None, {
    Self::Met = "met",
    Self::Unmet = "unmet",
    Self::None = "none",
});

text_enum!(CallerStyle, missing None, unknown None, {
    Self::Pressing = "pressing",
    Self::Upset = "upset",
    Self::Talkative = "talkative",
    Self::Brief = "brief",
    Self::Calm = "calm",
});
text_enum!(ConductStep, missing None, unknown None, {
    Self::Receive = "receive",
    Self::Calm = "calm",
    Self::FindOut = "find_out",
    Self::Resolve = "resolve",
    Self::Agree = "agree",
    Self::FollowUp = "follow_up",
});
text_enum!(StepStatus, missing None, unknown None, {
    Self::Done = "done",
    Self::Missed = "missed",
    Self::NotNeeded = "not_needed",
});

impl Columnar for Act {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn encode(values: &[Option<&Self>]) -> Result<ArrayRef> {
        let texts = values.iter().map(|v| v.map(|v| v.as_str()));
        Ok(Arc::new(texts.collect::<arrow::array::StringArray>()))
    }

    fn decode(column: &'static str, array: &ArrayRef) -> Result<Vec<Option<Self>>> {
        super::codec::decode_texts(column, array, Act::parse)
    }
}

columns!(CallRecord {
    call_id: String,
    started_at: Option<DateTime<FixedOffset>>,
    direction: Direction,
    channel: String = "phone".to_owned(),
    queue: Option<String>,
    region: Option<String>,
    language: Option<String>,
    agent: Option<Agent>,
    caller: Option<Caller>,
    wait_ms: Option<u64>,
    ring_ms: Option<u64>,
    hold_ms: Option<u64>,
    answered: Option<bool>,
    hangup_by: Option<Party>,
    transferred: Option<bool>,
    rating: Option<u8>,
    ticket: Option<Ticket>,
    turns: Vec<Turn>,
    attributes: BTreeMap<String, String>,
    labels: Option<serde_json::Value>,
});

columns!(Agent {
    id: String,
    name: Option<String>,
    team: Option<String>,
    site: Option<String>,
});

columns!(Caller {
    id: Option<String>,
    number: Option<String>,
});

columns!(Ticket {
    id: String,
    category: Option<String>,
    department: Option<String>,
    status: Option<String>,
    opened_at: Option<DateTime<FixedOffset>>,
    due_at: Option<DateTime<FixedOffset>>,
    closed_at: Option<DateTime<FixedOffset>>,
});

columns!(Turn {
    role: Role,
    start_ms: Option<u64>,
    end_ms: Option<u64>,
    text: String = String::new(),
    words: Vec<Word>,
    energy_db: Option<f32>,
    emotion: Option<String>,
});

columns!(Word { text: String, start_ms: u64, end_ms: u64 });

columns!(Analysis {
    call_id: String,
    turns: Vec<TurnAnalysis>,
    signals: SignalReport,
    findings: Vec<Finding>,
    uncertain: Vec<Finding>,
    facts: Facts,
    conduct: Option<Conduct>,
    score: Option<Score>,
    provenance: Provenance,
});

columns!(TurnAnalysis {
    turn: u32,
    text: String,
    sentiment: Sentiment,
    emotion: Option<String>,
    acts: Vec<Act>,
});

columns!(Sentiment { label: SentimentLabel, score: f32 });

columns!(SignalReport {
    duration_ms: Option<u64>,
    talk_ms: Option<u64>,
    silence_ms: Option<u64>,
    overlap_ms: Option<u64>,
    longest_silence_ms: Option<u64>,
    agent_rate: Option<f32>,
    caller_rate: Option<f32>,
    talk_ratio: Option<f32>,
    response_latency_ms: Option<i64>,
    interruptions: Option<u32>,
    sentiment_curve: Vec<f32>,
    peak: f32,
    end: f32,
    quarters: [f32; 4],
});

columns!(Finding {
    code: String,
    turn: Option<u32>,
    role: Role,
    severity: Severity,
    confidence: f32,
    taboo: Option<Taboo>,
    evidence: Vec<Evidence>,
    rule: String,
    explanation: String,
});

columns!(Evidence {
    turn: u32,
    start_ms: Option<u64>,
    end_ms: Option<u64>,
    start_char: u32,
    end_char: u32,
    quote: String,
});

columns!(Facts {
    appeal_type: String,
    outcome: String,
    satisfaction: f32,
    category: Vec<String>,
    category_confidence: f32,
    needs: Needs,
    repeat_contact: bool,
    crisis: bool,
    language: String,
});

columns!(Needs {
    emotional: Need,
    factual: Need,
    emotional_turns: Vec<u32>,
    factual_turns: Vec<u32>,
});

columns!(Conduct { steps: Vec<StepResult> });

columns!(StepResult {
    step: ConductStep,
    status: StepStatus,
    turns: Vec<u32>,
    reason: String,
});

columns!(Score {
    scorecard: String,
    total: f64,
    potential: f64,
    normalized: f64,
    fatal: Vec<String>,
    items: Vec<ItemScore>,
});

columns!(ItemScore {
    id: String,
    awarded: f64,
    potential: f64,
    na: bool,
    reason: String,
    findings: Vec<u32>,
});

columns!(Provenance {
    version: String,
    config_fingerprint: String,
    rules_version: String,
    scorecard_version: String,
    models: Vec<String>,
    dictionary_fingerprint: String,
});

columns!(CallDigest {
    call_id: String,
    started_at: Option<DateTime<FixedOffset>>,
    caller: Option<String>,
    agent: Option<String>,
    team: Option<String>,
    queue: Option<String>,
    channel: String,
    department: Option<String>,
    places: Vec<String>,
    organisations: Vec<String>,
    services: Vec<String>,
    category: Vec<String>,
    appeal_type: String,
    outcome: String,
    satisfaction: f32,
    rating: Option<u8>,
    faults: Vec<String>,
    crisis: bool,
    crisis_quote: Option<String>,
    repeat_contact: bool,
    emotional: Need,
    factual: Need,
    lowest: f32,
    style: Option<CallerStyle>,
});
