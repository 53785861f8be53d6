//! Whether the caller's two needs, to be heard and to be helped, were met, and which turns
//! show it.

use crate::record::{Act, CallContext, Finding, Need, Needs, Role, SentimentLabel};

/// Below this score a single turn shows distress that asks to be heard.
const DISTRESS: f32 = -0.6;
/// Most turns that are named for a need.
const SHOWN: usize = 3;

/// The caller's turns that express a bad feeling.
pub(super) fn upset(context: &CallContext<'_>) -> Vec<usize> {
    let negative = |turn: &usize| context.signal(*turn).sentiment.label == SentimentLabel::Neg;
    context.turns_of(Role::Caller).filter(negative).collect()
}

/// Whether those turns amount to distress that asks to be heard.
pub(super) fn distressed(context: &CallContext<'_>, upset: &[usize]) -> bool {
    upset.len() > 1 || upset.iter().any(|&turn| context.signal(turn).sentiment.score <= DISTRESS)
}

/// The needs of one call.
pub(super) fn needs(context: &CallContext<'_>, findings: &[Finding], appeal_type: &str, outcome: &str) -> Needs {
    let (emotional, emotional_turns) = emotional(context, findings);
    let (factual, factual_turns) = factual(context, findings, appeal_type, outcome);
    Needs {
        emotional,
        factual,
        emotional_turns: shown(emotional_turns),
        factual_turns: shown(factual_turns),
    }
}

/// To be heard. A need that was met is shown by the turns that met it, one that was not by the
/// turns that expressed it.
fn emotional(context: &CallContext<'_>, findings: &[Finding]) -> (Need, Vec<usize>) {
    let upset = upset(context);
    if !distressed(context, &upset) {
        return (Need::None, Vec::new());
    }
    let after = upset.first().copied().unwrap_or_default();
    let soothing: Vec<usize> = context
        .turns_of(Role::Agent)
        .filter(|&turn| {
            let signal = context.signal(turn);
            turn > after && (signal.does(Act::Empathy) || signal.does(Act::Apology))
        })
        .collect();
    if soothing.is_empty() || findings.iter().any(|f| f.code == "no_acknowledgement") {
        (Need::Unmet, upset)
    } else {
        (Need::Met, soothing)
    }
}

/// To be helped. Met: the turns that help; not met: those that push away or refuse, or the caller's
/// last word.
fn factual(context: &CallContext<'_>, findings: &[Finding], appeal_type: &str, outcome: &str) -> (Need, Vec<usize>) {
    let Some(last) = context.turns_of(Role::Caller).last().filter(|_| appeal_type != "表扬") else {
        return (Need::None, Vec::new());
    };
    let pushed: Vec<usize> = findings
        .iter()
        .filter(|f| f.code == "deflection")
        .filter_map(|f| f.turn)
        .map(|turn| turn as usize)
        .collect();
    let of = |acts: &[Act], cues: &[&str]| -> Vec<usize> {
        context
            .turns_of(Role::Agent)
            .filter(|&turn| {
                let signal = context.signal(turn);
                acts.iter().any(|act| signal.does(*act)) || cues.iter().any(|cue| signal.cue(cue).is_some())
            })
            .collect()
    };
    if outcome != "unresolved" && pushed.is_empty() {
        let mut helped = of(&[], &["fact.done", "fact.ticket"]);
        if helped.is_empty() {
            helped = of(&[Act::NextStep, Act::Explain], &[]);
        }
        return (Need::Met, helped.split_off(helped.len().saturating_sub(SHOWN)));
    }
    if !pushed.is_empty() {
        return (Need::Unmet, pushed);
    }
    let refused = of(&[Act::Refuse], &["fact.pushed"]);
    (Need::Unmet, if refused.is_empty() { vec![last] } else { refused })
}

fn shown(turns: Vec<usize>) -> Vec<u32> {
    let mut turns: Vec<u32> = turns.into_iter().take(SHOWN).map(|turn| turn as u32).collect();
    turns.sort_unstable();
    turns.dedup();
    turns
}
