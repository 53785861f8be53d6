//! Whether the caller's two needs, to be heard and to be helped, were met.

use crate::record::{Act, CallContext, Finding, Need, Needs, Role, SentimentLabel};

/// Below this score a single turn shows distress that asks to be heard.
const DISTRESS: f32 = -0.6;

/// The needs of one call.
pub(super) fn needs(context: &CallContext<'_>, findings: &[Finding], appeal_type: &str, outcome: &str) -> Needs {
    let found = |code: &str| findings.iter().any(|f| f.code == code);
    let upset: Vec<usize> = context
        .turns_of(Role::Caller)
        .filter(|&turn| context.signal(turn).sentiment.label == SentimentLabel::Neg)
        .collect();
    let distressed = upset.len() > 1 || upset.iter().any(|&turn| context.signal(turn).sentiment.score <= DISTRESS);
    let heard = || {
        let after = upset.first().copied().unwrap_or_default();
        context.turns_of(Role::Agent).any(|turn| {
            let signal = context.signal(turn);
            turn > after && (signal.does(Act::Empathy) || signal.does(Act::Apology))
        })
    };
    let emotional = if !distressed {
        Need::None
    } else if heard() && !found("no_acknowledgement") {
        Need::Met
    } else {
        Need::Unmet
    };
    let factual = if appeal_type == "表扬" || context.turns_of(Role::Caller).next().is_none() {
        Need::None
    } else if outcome != "unresolved" && !found("deflection") {
        Need::Met
    } else {
        Need::Unmet
    };
    Needs { emotional, factual }
}
