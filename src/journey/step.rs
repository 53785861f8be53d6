//! The steps of a call: 开场, 倾听诉求, 核实, 解决方案, 确认, 结束. Owns where each begins. The six steps of conduct
//! (`pipeline/src/fact/conduct.rs`) say whether something was done, not when; these cut the whole call into pieces.
//!
//! Every turn of agent and caller belongs to one step, and a call never goes back: of all such cuts the one is taken
//! that fits the dialogue acts best (the sum of [`fit`] over the turns), found by dynamic programming (Viterbi, IEEE
//! Transactions on Information Theory 13, 1967, without transition costs). Of equal ones the earlier step. The steps and their
//! weights are ours; a step that nothing speaks for has no turns.

use qingting_pipeline::record::{Act, Analysis, CallRecord, Role};
use serde::Serialize;

/// A step of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStep {
    /// Greetings.
    Opening,
    /// The caller tells the matter.
    Listening,
    /// The agent asks for what is missing.
    Checking,
    /// Information, a way, or a refusal.
    Solution,
    /// Both make sure that they mean the same.
    Confirming,
    /// Thanks and goodbye.
    Closing,
}

impl CallStep {
    /// Every step, in order.
    pub const ALL: [Self; 6] = [
        Self::Opening,
        Self::Listening,
        Self::Checking,
        Self::Solution,
        Self::Confirming,
        Self::Closing,
    ];

    /// The name in JSON and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Listening => "listening",
            Self::Checking => "checking",
            Self::Solution => "solution",
            Self::Confirming => "confirming",
            Self::Closing => "closing",
        }
    }

    /// What supervisors read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Opening => "开场",
            Self::Listening => "倾听诉求",
            Self::Checking => "核实",
            Self::Solution => "解决方案",
            Self::Confirming => "确认",
            Self::Closing => "结束",
        }
    }
}

/// How well a turn with these acts fits each step.
fn fit(role: Role, acts: &[Act]) -> [i32; 6] {
    // The opening ends with the caller's first words.
    let mut fits = [if role == Role::Caller { -1 } else { 0 }, 0, 0, 0, 0, 0];
    for act in acts {
        let of_act = match act {
            Act::Greeting => [4, 0, 0, 0, 0, 0],
            Act::Complain | Act::Report | Act::Suggest | Act::Praise => [0, 2, 0, 0, 0, 0],
            Act::Inform => [0, 2, 1, 0, 0, 0],
            Act::Ask => [0, 2, 0, 1, 0, 0],
            Act::Empathy | Act::Apology | Act::Backchannel => [0, 1, 0, 0, 0, 0],
            Act::Probe => [0, 0, 2, 0, 0, 0],
            Act::Explain | Act::Alternative | Act::Refuse | Act::HoldNotice => [0, 0, 0, 2, 0, 0],
            Act::Object => [0, 1, 0, 2, 0, 0],
            Act::NextStep => [0, 0, 0, 2, 1, 0],
            Act::Recap => [0, 0, 1, 0, 2, 0],
            Act::Agree => [0, 0, 1, 0, 1, 0],
            Act::ThanksPraise => [0, 0, 0, 0, 0, 1],
            Act::Thank => [0, 0, 0, 0, 1, 1],
            Act::Closing => [0, 0, 0, 0, 0, 4],
            Act::Close => [0, 0, 0, 0, 0, 3],
        };
        for (fit, more) in fits.iter_mut().zip(of_act) {
            *fit += more;
        }
    }
    fits
}

/// The step of every turn of a call; `None` for turns of neither party and for those of which nothing is known.
pub fn steps(record: &CallRecord, analysis: &Analysis) -> Vec<Option<CallStep>> {
    let mut found = vec![None; record.turns.len()];
    let spoken: Vec<(usize, [i32; 6])> = record
        .turns
        .iter()
        .zip(&analysis.turns)
        .enumerate()
        .filter(|(_, (turn, _))| matches!(turn.role, Role::Agent | Role::Caller))
        .map(|(at, (turn, analysed))| (at, fit(turn.role, &analysed.acts)))
        .collect();
    // best[s]: the best sum up to a turn that is in step s; from[t][s]: the step of the turn before.
    let mut best = [0_i32; 6];
    let mut from: Vec<[usize; 6]> = Vec::with_capacity(spoken.len());
    for (nth, (_, fits)) in spoken.iter().enumerate() {
        let (before, mut came) = (best, [0; 6]);
        let mut highest = 0;
        for step in 0..6 {
            if nth > 0 && before[step] > before[highest] {
                highest = step;
            }
            came[step] = highest;
            best[step] = fits[step] + if nth > 0 { before[highest] } else { 0 };
        }
        from.push(came);
    }
    let mut step = (0..6).rev().max_by_key(|&step| best[step]).unwrap_or(0);
    for ((turn, _), came) in spoken.iter().zip(&from).rev() {
        found[*turn] = Some(CallStep::ALL[step]);
        step = came[step];
    }
    found
}
