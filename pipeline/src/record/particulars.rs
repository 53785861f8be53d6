//! What masking took out of a call: the least that has to be kept where somebody may have to ask for it later, such as
//! the number of a caller in danger.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CallRecord, Caller, NormalizedTurn, Ticket};

/// The personal data of a call that its masked record lacks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Particulars {
    /// The caller as recorded; the store keeps a pseudonym.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<Caller>,
    /// What was said, in order of turn and place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spoken: Vec<Particular>,
    /// The recorded values of attributes that were changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The work order as recorded, where it was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
}

/// One piece of personal data that was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Particular {
    /// Number of the turn, from 0.
    pub turn: u32,
    /// First character of its placeholder in the masked text.
    pub start_char: u32,
    /// One behind its last.
    pub end_char: u32,
    /// What was recorded there.
    pub text: String,
}

impl Particulars {
    /// What is in a recorded call and not in the masked one.
    pub fn of(record: &CallRecord, turns: &[NormalizedTurn], masked: &CallRecord) -> Self {
        let spoken = record.turns.iter().zip(turns).zip(0..).flat_map(|((recorded, turn), number)| {
            turn.masks.iter().map(move |mask| {
                let characters = recorded.text.chars().skip(mask.raw.start as usize);
                Particular {
                    turn: number,
                    start_char: mask.span.start,
                    end_char: mask.span.end,
                    text: characters.take(mask.raw.len() as usize).collect(),
                }
            })
        });
        let changed = |(key, _): &(&String, &String)| record.attributes.get(*key) != masked.attributes.get(*key);
        let attributes = record.attributes.iter().filter(changed);
        Self {
            caller: record.caller.clone().filter(|caller| *caller != Caller::default()),
            spoken: spoken.collect(),
            attributes: attributes.map(|(key, value)| (key.clone(), value.clone())).collect(),
            ticket: record.ticket.clone().filter(|_| record.ticket != masked.ticket),
        }
    }

    /// Whether nothing was taken out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Puts everything back into the masked call that it was taken from. What is changed beside it by cleaning, such as
    /// the width of digits, stays changed.
    pub fn restore(&self, masked: &mut CallRecord) {
        if self.caller.is_some() {
            masked.caller.clone_from(&self.caller);
        }
        if self.ticket.is_some() {
            masked.ticket.clone_from(&self.ticket);
        }
        masked.attributes.extend(self.attributes.clone());
        // From the end, so that the places before it still hold.
        for particular in self.spoken.iter().rev() {
            if let Some(turn) = masked.turns.get_mut(particular.turn as usize) {
                let mut at = turn.text.char_indices().map(|(at, _)| at).chain([turn.text.len()]);
                let start = at.nth(particular.start_char as usize);
                let length = particular.end_char.saturating_sub(particular.start_char) as usize;
                let end = length.checked_sub(1).and_then(|more| at.nth(more));
                if let (Some(start), Some(end)) = (start, end) {
                    turn.text.replace_range(start..end, &particular.text);
                }
            }
        }
    }
}
