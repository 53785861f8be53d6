//! What of a call may go with how the caller rates it: faults of the agent, what the agent does well, waits, handling, outcome,
//! feelings, and conditions that nobody in the call can change. Owns which factors there are and how each is read off a call.

use std::collections::BTreeSet;

use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::{Act, Analysis, CallRecord, Role};
use serde::Serialize;

use super::curve::Journey;
use crate::report::faults::faults_of;

/// What kind of thing a factor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A fault of the agent that the machine asserts.
    Fault,
    /// Something that the agent does.
    Conduct,
    /// Waits, holds, transfers, silence, length.
    Handling,
    /// How the matter ended.
    Outcome,
    /// What the caller felt on the way: a result of the call as much as a cause of the rating.
    Feeling,
    /// What was so before the agent said anything.
    Condition,
}

impl Kind {
    /// The name in JSON and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Conduct => "conduct",
            Self::Handling => "handling",
            Self::Outcome => "outcome",
            Self::Feeling => "feeling",
            Self::Condition => "condition",
        }
    }

    /// What supervisors read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Fault => "服务问题",
            Self::Conduct => "服务行为",
            Self::Handling => "等待与处理",
            Self::Outcome => "办理结果",
            Self::Feeling => "情绪过程",
            Self::Condition => "来电情况",
        }
    }
}

/// Of what an odds ratio is told.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// There, against not there.
    Presence,
    /// One minute more.
    Minute,
    /// Ten seconds more.
    TenSeconds,
    /// Half of the way from neutral to the strongest feeling, upwards.
    HalfPoint,
}

impl Unit {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Presence => "presence",
            Self::Minute => "minute",
            Self::TenSeconds => "ten_seconds",
            Self::HalfPoint => "half_point",
        }
    }

    /// One unit on the scale of the column.
    pub fn size(self) -> f64 {
        match self {
            Self::HalfPoint => 0.5,
            _ => 1.0,
        }
    }
}

/// A factor that every call is asked about, beside the faults.
pub(super) struct Fixed {
    pub(super) id: &'static str,
    pub(super) zh: &'static str,
    pub(super) kind: Kind,
    pub(super) unit: Unit,
    value: fn(&Seen<'_>) -> Option<f64>,
}

/// A call as factors are read off it.
pub(super) struct Seen<'a> {
    record: &'a CallRecord,
    analysis: &'a Analysis,
    journey: &'a Journey,
    acts: BTreeSet<Act>,
}

fn flag(is: bool) -> Option<f64> {
    Some(f64::from(u8::from(is)))
}

macro_rules! fixed {
    ($($id:literal $zh:literal $kind:ident $unit:ident $value:expr;)+) => {
        /// In the order in which they are preferred where there are too many for the calls, faults before all of them.
        pub(super) const FIXED: &[Fixed] = &[$(Fixed { id: $id, zh: $zh, kind: Kind::$kind, unit: Unit::$unit, value: $value },)+];
    };
}

fixed! {
    "empathy" "共情" Conduct Presence |seen| flag(seen.acts.contains(&Act::Empathy));
    "probe" "询问需求" Conduct Presence |seen| flag(seen.acts.contains(&Act::Probe));
    "recap" "复述确认" Conduct Presence |seen| flag(seen.acts.contains(&Act::Recap));
    "next_step" "说明后续步骤" Conduct Presence |seen| flag(seen.acts.contains(&Act::NextStep));
    "alternative" "提供替代方案" Conduct Presence |seen| flag(seen.acts.contains(&Act::Alternative));
    "thanks_praise" "感谢或赞美" Conduct Presence |seen| flag(seen.acts.contains(&Act::ThanksPraise));
    "apology" "致歉" Conduct Presence |seen| flag(seen.acts.contains(&Act::Apology));
    "refuse" "拒绝" Conduct Presence |seen| flag(seen.acts.contains(&Act::Refuse));
    "wait" "排队等待" Handling Minute |seen| seen.record.wait_ms.map(|ms| ms as f64 / 60_000.0);
    "hold" "通话保持" Handling Minute |seen| seen.record.hold_ms.map(|ms| ms as f64 / 60_000.0);
    "transferred" "被转接" Handling Presence |seen| seen.record.transferred.and_then(flag);
    "silence" "最长静默" Handling TenSeconds |seen| seen.analysis.signals.longest_silence_ms.map(|ms| ms as f64 / 10_000.0);
    "unresolved" "事情未解决" Outcome Presence |seen| flag(seen.analysis.facts.outcome == "unresolved");
    "follow_up" "转办待跟进" Outcome Presence |seen| flag(seen.analysis.facts.outcome == "follow_up");
    "lowest" "情绪最低点" Feeling HalfPoint |seen| Some(f64::from(seen.journey.lowest.as_ref().map_or(0.0, |m| m.score)));
    "end" "结束时的情绪" Feeling HalfPoint |seen| Some(f64::from(seen.journey.end));
    "start" "开始时的情绪" Condition HalfPoint |seen| Some(f64::from(seen.journey.start));
    "repeat" "自述重复来电" Condition Presence |seen| flag(seen.analysis.facts.repeat_contact);
    "duration" "通话时长" Handling Minute |seen| seen.analysis.signals.duration_ms.map(|ms| ms as f64 / 60_000.0);
}

/// Where a factor can be seen in a call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Example {
    /// The call.
    pub call_id: String,
    /// Index into its turns.
    pub turn: u32,
    /// What was said there, masked.
    pub quote: String,
}

/// Most characters of a quote.
const QUOTE: usize = 60;

/// What is kept of one call.
#[derive(Debug, Clone)]
pub(super) struct Observation {
    pub(super) rating: Option<u8>,
    pub(super) satisfaction: f32,
    pub(super) agent: Option<String>,
    pub(super) faults: Vec<String>,
    pub(super) fixed: Vec<Option<f32>>,
}

impl Observation {
    pub(super) fn of(record: &CallRecord, analysis: &Analysis, journey: &Journey, catalog: &Catalog) -> Self {
        let turns = record.turns.iter().zip(&analysis.turns).filter(|(turn, _)| turn.role == Role::Agent);
        let acts = turns.flat_map(|(_, analysed)| analysed.acts.iter().copied()).collect();
        let seen = Seen { record, analysis, journey, acts };
        Self {
            rating: record.rating,
            satisfaction: analysis.facts.satisfaction,
            agent: record.agent.as_ref().map(|agent| agent.id.clone()),
            faults: faults_of(analysis, catalog).into_iter().map(str::to_owned).collect(),
            fixed: FIXED.iter().map(|factor| (factor.value)(&seen).map(|value| value as f32)).collect(),
        }
    }

    /// Whether the caller is dissatisfied: rated 1 or 2, else predicted below 2.5.
    pub(super) fn dissatisfied(&self) -> bool {
        self.rating.map_or(self.satisfaction < 2.5, |rating| rating <= 2)
    }
}

/// Where a call shows each factor that can be pointed at, with how surely: faults by their findings, conduct by the first
/// turn of the agent that does it.
pub(super) fn shown(record: &CallRecord, analysis: &Analysis, catalog: &Catalog) -> Vec<(String, f32, Example)> {
    let example = |turn: u32, text: &str| Example {
        call_id: record.call_id.clone(),
        turn,
        quote: text.chars().take(QUOTE).collect(),
    };
    let is_fault = |code: &str| catalog.get(code).is_some_and(qingting_pipeline::finding::CodeInfo::is_fault);
    let faults = analysis.findings.iter().filter(|finding| is_fault(&finding.code)).filter_map(|finding| {
        let evidence = finding.evidence.first()?;
        Some((finding.code.clone(), finding.confidence, example(evidence.turn, &evidence.quote)))
    });
    let agent = || {
        let turns = record.turns.iter().zip(&analysis.turns).filter(|(turn, _)| turn.role == Role::Agent);
        turns.map(|(_, analysed)| analysed)
    };
    let conduct = FIXED.iter().filter(|factor| factor.kind == Kind::Conduct).filter_map(|factor| {
        let act = Act::parse(factor.id)?;
        let turn = agent().find(|turn| turn.acts.contains(&act))?;
        Some((factor.id.to_owned(), 0.5, example(turn.turn, &turn.text)))
    });
    faults.chain(conduct).collect()
}
