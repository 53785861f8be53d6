//! Reviewed calls as training data: the call record with `labels`, as `qingting models train --data` reads it.

use std::collections::{BTreeMap, BTreeSet};

use qingting_pipeline::finding::{Catalog, Level};
use qingting_pipeline::record::{CallRecord, Role};
use serde_json::json;

use super::verdict::{Label, Review, transcript};

/// A reviewed call with what stands on it as its labels; `None` when the call says something else by now, so that
/// nobody knows which turns were meant. Every turn of agent and caller is labelled, those without a code too: a review covers
/// all codes. Sentiment, acts and facts are left out, since nobody has reviewed them.
pub fn training_record(call: &CallRecord, standing: &Review, codes: &Catalog) -> Option<CallRecord> {
    if transcript(call) != standing.transcript {
        return None;
    }
    let labels = standing.labels();
    let on_call = |label: &Label| codes.get(&label.code).map_or(label.turn.is_none(), |info| info.level == Level::Call);
    let (whole, turns): (BTreeSet<Label>, BTreeSet<Label>) = labels.into_iter().partition(on_call);
    let mut by_turn: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for Label { code, turn } in turns {
        if let Some(turn) = turn {
            by_turn.entry(turn).or_default().insert(code);
        }
    }
    let spoken = (0_u32..).zip(&call.turns).filter(|(_, turn)| matches!(turn.role, Role::Agent | Role::Caller));
    let turns: Vec<_> = spoken
        .map(|(turn, _)| json!({ "turn": turn, "codes": by_turn.remove(&turn).unwrap_or_default() }))
        .collect();
    let whole: BTreeSet<String> = whole.into_iter().map(|label| label.code).collect();
    let labels = json!({ "call": whole, "turns": turns });
    Some(CallRecord { labels: Some(labels), ..call.clone() })
}
