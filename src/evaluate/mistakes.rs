//! The disagreements one by one, with the words that they are about.

use qingting_pipeline::finding::{Catalog, Level};
use qingting_pipeline::record::Analysis;
use serde::Serialize;

use super::Compared;

/// A code that only one side sees.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mistake {
    /// The call.
    pub call_id: String,
    /// The code.
    pub code: String,
    /// `false_alarm` (only the machine) or `missed` (only people).
    pub kind: &'static str,
    /// The turn; `None` for a code of the whole call.
    pub turn: Option<u32>,
    /// The turn before it.
    pub before: Option<String>,
    /// Its words.
    pub text: Option<String>,
    /// How sure the machine was, where it took note of it at all.
    pub confidence: Option<f32>,
    /// What the machine said.
    pub explanation: Option<String>,
}

pub(super) fn collect(mistakes: &mut Vec<Mistake>, compared: &Compared, analysis: &Analysis, catalog: &Catalog) {
    let text = |turn: Option<u32>| analysis.turns.get(turn? as usize).map(|t| t.text.clone());
    let mut add = |kind: &'static str, code: &str, turn: Option<u32>| {
        let mut noted = analysis.findings.iter().chain(&analysis.uncertain);
        let noted = noted.find(|f| f.code == code && f.turn == turn);
        mistakes.push(Mistake {
            call_id: analysis.call_id.clone(),
            code: code.to_owned(),
            kind,
            turn,
            before: text(turn.and_then(|turn| turn.checked_sub(1))),
            text: text(turn),
            confidence: noted.map(|f| f.confidence),
            explanation: noted.map(|f| f.explanation.clone()),
        });
    };
    let on_turn = |code: &str| catalog.get(code).is_some_and(|info| info.level == Level::Turn);
    for (code, turns) in &compared.found {
        for &turn in turns {
            let right = if on_turn(code) {
                compared.is_gold(code, turn)
            } else {
                compared.gold.contains_key(code)
            };
            if !right {
                add("false_alarm", code, turn);
            }
        }
    }
    for (code, turns) in &compared.gold {
        for &turn in turns {
            let right = if on_turn(code) {
                compared.is_found(code, turn)
            } else {
                compared.found.contains_key(code)
            };
            if !right {
                add("missed", code, turn);
            }
        }
    }
}
