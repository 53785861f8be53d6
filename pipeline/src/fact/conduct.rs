//! The conduct of a call with a demand, in six steps. Owns the judgement of each step out of
//! dialogue acts, cues and findings; the definition for readers is `docs/conduct.md`.

use super::need;
use crate::record::{Act, CallContext, Conduct, ConductStep, Facts, Finding, Role, StepResult, StepStatus};

/// Appeal types whose conduct is judged.
const DEMANDS: [&str; 3] = ["投诉", "举报", "求助"];
/// How many of the caller's last turns tell how they took the answer.
const ENDING: usize = 4;
/// Most turns that are named for a step.
const SHOWN: usize = 3;

/// The six steps of one call; `None` for a call without a demand, or in which one side says nothing.
pub(super) fn conduct(context: &CallContext<'_>, findings: &[Finding], facts: &Facts) -> Option<Conduct> {
    if !DEMANDS.contains(&facts.appeal_type.as_str()) {
        return None;
    }
    let agent: Vec<usize> = context.turns_of(Role::Agent).collect();
    let caller: Vec<usize> = context.turns_of(Role::Caller).collect();
    let matter = *caller.first()?;
    agent.first()?;
    let call = Call { context, findings, matter, agent, caller };
    let resolve = call.resolve();
    let agree = call.agree(&resolve);
    let steps = vec![
        call.receive(),
        call.calm(),
        call.find_out(),
        resolve,
        agree,
        call.follow_up(&facts.outcome),
    ];
    Some(Conduct { steps })
}

struct Call<'a> {
    context: &'a CallContext<'a>,
    findings: &'a [Finding],
    /// The caller's first turn.
    matter: usize,
    agent: Vec<usize>,
    caller: Vec<usize>,
}

impl Call<'_> {
    fn does(&self, turn: usize, acts: &[Act]) -> bool {
        acts.iter().any(|act| self.context.signal(turn).does(*act))
    }

    fn hears(&self, turn: usize, cue: &str) -> bool {
        self.context.signal(turn).cue(cue).is_some()
    }

    fn found(&self, turn: usize, codes: &[&str]) -> bool {
        self.findings.iter().any(|f| f.turn == Some(turn as u32) && codes.contains(&f.code.as_str()))
    }

    /// The agent's turns after the matter was told.
    fn answers(&self) -> impl Iterator<Item = usize> + '_ {
        self.agent.iter().copied().filter(|&turn| turn > self.matter)
    }

    /// Greets, and takes the matter on instead of pushing it away at once.
    fn receive(&self) -> StepResult {
        let greeting = self.agent.iter().copied().take(2).find(|&turn| self.does(turn, &[Act::Greeting]));
        let pushed = self
            .answers()
            .take(2)
            .find(|&turn| self.found(turn, &["deflection", "forbidden_phrase", "impatience"]));
        let taken = self.answers().find(|&turn| {
            self.does(
                turn,
                &[
                    Act::Probe,
                    Act::Empathy,
                    Act::Apology,
                    Act::Recap,
                    Act::NextStep,
                    Act::Explain,
                ],
            )
        });
        match (greeting, pushed, taken) {
            (_, Some(turn), _) => missed(ConductStep::Receive, [turn], "来电人刚说明来意，坐席就往外推或显得不耐烦。"),
            (None, None, _) => missed(ConductStep::Receive, self.agent.first().copied(), "开头没有问候。"),
            (Some(turn), None, Some(next)) => done(ConductStep::Receive, [turn, next], "有问候，并接下了来电人的事。"),
            (Some(turn), None, None) => missed(ConductStep::Receive, [turn], "问候之后没有接下来电人的事。"),
        }
    }

    /// Answers the feeling, where there is one that asks for it.
    fn calm(&self) -> StepResult {
        let upset = need::upset(self.context);
        let (Some(&first), true) = (upset.first(), need::distressed(self.context, &upset)) else {
            return not_needed(ConductStep::Calm, "来电人情绪平稳。");
        };
        let soothing = self
            .answers()
            .filter(|&turn| turn > first && self.does(turn, &[Act::Empathy, Act::Apology]))
            .take(SHOWN)
            .collect::<Vec<_>>();
        if soothing.is_empty() {
            missed(ConductStep::Calm, upset.into_iter().take(SHOWN), "来电人有情绪，坐席没有共情或致歉。")
        } else {
            done(ConductStep::Calm, soothing, "对来电人的情绪作了共情或致歉。")
        }
    }

    /// Asks after the facts, or restates them.
    fn find_out(&self) -> StepResult {
        let asked: Vec<usize> =
            self.answers().filter(|&turn| self.does(turn, &[Act::Probe, Act::Recap])).take(SHOWN).collect();
        if !asked.is_empty() {
            return done(ConductStep::FindOut, asked, "追问或复述了关键情况。");
        }
        missed(ConductStep::FindOut, self.answers().take(1), "没有追问情况，也没有复述核对。")
    }

    /// Explains, offers a way, or does what is asked.
    fn resolve(&self) -> StepResult {
        let helped: Vec<usize> = self
            .answers()
            .filter(|&turn| {
                let acts = self.does(turn, &[Act::NextStep, Act::Alternative])
                    || self.does(turn, &[Act::Explain]) && !self.does(turn, &[Act::Refuse]);
                let cues = self.hears(turn, "fact.done") || self.hears(turn, "fact.ticket");
                (acts || cues) && !self.found(turn, &["deflection", "forbidden_phrase", "dismissive"])
            })
            .take(SHOWN)
            .collect();
        if !helped.is_empty() {
            return done(ConductStep::Resolve, helped, "给出了解释、办法或处理。");
        }
        missed(ConductStep::Resolve, self.answers().last(), "没有给出解释、办法或处理。")
    }

    /// The caller takes the answer, or confirms what was restated.
    fn agree(&self, resolve: &StepResult) -> StepResult {
        if resolve.status == StepStatus::Missed {
            return missed(ConductStep::Agree, [], "没有可供商定的办法。");
        }
        let last = &self.caller[self.caller.len().saturating_sub(ENDING)..];
        let against = last
            .iter()
            .rev()
            .copied()
            .take(2)
            .find(|&turn| self.does(turn, &[Act::Object, Act::Complain]) || self.hears(turn, "fact.given_up"));
        let assent: Vec<usize> = last
            .iter()
            .copied()
            .filter(|&turn| {
                turn > self.matter
                    && (self.does(turn, &[Act::Agree, Act::Thank]) || self.hears(turn, "fact.understood"))
            })
            .collect();
        match (against, assent.last()) {
            (Some(turn), last) if last.is_none_or(|&last| last <= turn) => {
                missed(ConductStep::Agree, [turn], "来电人到最后仍不接受。")
            }
            (_, None) => missed(ConductStep::Agree, last.last().copied(), "没有得到来电人的认可。"),
            _ => done(ConductStep::Agree, assent, "来电人认可了处理。"),
        }
    }

    /// Says what happens next, where something is left to happen.
    fn follow_up(&self, outcome: &str) -> StepResult {
        let said: Vec<usize> = self
            .answers()
            .filter(|&turn| self.hears(turn, "fact.ticket") && !self.found(turn, &["deflection"]))
            .collect();
        let said: Vec<usize> = said.iter().rev().take(SHOWN).rev().copied().collect();
        if !said.is_empty() {
            return done(ConductStep::FollowUp, said, "说明了由谁、何时跟进或回复。");
        }
        if outcome == "resolved" {
            return not_needed(ConductStep::FollowUp, "当场办结，不需要后续跟进。");
        }
        missed(ConductStep::FollowUp, self.answers().last(), "事情没有办结，也没有说明后续安排。")
    }
}

fn done(step: ConductStep, turns: impl IntoIterator<Item = usize>, reason: &str) -> StepResult {
    result(step, StepStatus::Done, turns, reason)
}

fn missed(step: ConductStep, turns: impl IntoIterator<Item = usize>, reason: &str) -> StepResult {
    result(step, StepStatus::Missed, turns, reason)
}

fn not_needed(step: ConductStep, reason: &str) -> StepResult {
    result(step, StepStatus::NotNeeded, [], reason)
}

fn result(step: ConductStep, status: StepStatus, turns: impl IntoIterator<Item = usize>, reason: &str) -> StepResult {
    let mut turns: Vec<u32> = turns.into_iter().map(|turn| turn as u32).collect();
    turns.sort_unstable();
    turns.dedup();
    StepResult { step, status, turns, reason: reason.to_owned() }
}
