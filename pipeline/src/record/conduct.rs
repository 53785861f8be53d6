//! The conduct of a complaint call in six steps, as the analysis record holds it. Owns the
//! names; what each step asks for is judged in `fact/conduct.rs` and defined in
//! `docs/conduct.md`.

use serde::{Deserialize, Serialize};

/// How a call with a demand (投诉, 举报, 求助) was conducted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conduct {
    /// Each of the six steps once, in their order.
    pub steps: Vec<StepResult>,
}

/// One step and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepResult {
    /// The step.
    pub step: ConductStep,
    /// What became of it.
    pub status: StepStatus,
    /// The turns that show it, ascending; empty where nothing could be shown.
    pub turns: Vec<u32>,
    /// Why, in Chinese.
    pub reason: String,
}

/// The six steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConductStep {
    /// Take the matter on.
    Receive,
    /// Answer the feeling.
    Calm,
    /// Find out the facts.
    FindOut,
    /// Explain or solve.
    Resolve,
    /// Come to an agreement.
    Agree,
    /// Say what follows.
    FollowUp,
}

impl ConductStep {
    /// Every step, in order.
    pub const ALL: [Self; 6] = [
        Self::Receive,
        Self::Calm,
        Self::FindOut,
        Self::Resolve,
        Self::Agree,
        Self::FollowUp,
    ];

    /// What supervisors read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Receive => "接待受理",
            Self::Calm => "安抚情绪",
            Self::FindOut => "了解情况",
            Self::Resolve => "解释处理",
            Self::Agree => "达成一致",
            Self::FollowUp => "跟进安排",
        }
    }
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Done.
    Done,
    /// Needed and not done.
    Missed,
    /// The call gave no occasion for it.
    NotNeeded,
}

impl StepStatus {
    /// What supervisors read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Done => "做到",
            Self::Missed => "缺失",
            Self::NotNeeded => "不需要",
        }
    }
}
