//! The examples of a rule: short calls that it must hit or miss. Owns their notation
//! (`"A 0-1500: 您好"`) and the check; the stages that turn a call into a context are the
//! caller's.

use super::compile::at;
use super::raw::RawExample;
use crate::Result;
use crate::assets::{Asset, line_of};
use crate::finding::Level;
use crate::record::{CallRecord, Role, Turn};

/// A compiled example.
#[derive(Debug)]
pub(super) struct Example {
    pub(super) record: CallRecord,
    pub(super) hit: bool,
    pub(super) turn: Option<usize>,
    pub(super) line: usize,
}

/// An example that came out otherwise than it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExampleFailure {
    /// Id of the rule.
    pub rule: String,
    /// File of the rule.
    pub file: String,
    /// Line of the example's turns.
    pub line: usize,
    /// What was expected and what came out.
    pub message: String,
}

impl Example {
    pub(super) fn compile(asset: &Asset, raw: RawExample, rule: &str, level: Level) -> Result<Self> {
        let line = line_of(&asset.text, raw.turns.span().start);
        let mut record = CallRecord::new(format!("{rule}:{line}"));
        for text in raw.turns.get_ref() {
            let turn = turn(text.get_ref()).ok_or_else(|| {
                let message =
                    "a turn is written `A: text` or `A 0-1500: text`; A agent, C caller, B bot, I menu, O other";
                at(asset, text, message.to_owned())
            })?;
            record.turns.push(turn);
        }
        let turn_count = record.turns.len();
        if turn_count == 0 {
            return Err(at(asset, &raw.turns, "an example needs at least one turn".to_owned()));
        }
        let pointless = raw.turn.is_some_and(|turn| turn >= turn_count || !raw.hit || level == Level::Call);
        if pointless {
            let message = "`turn` is the turn of the finding, from 0: only for a hit of a code on a turn";
            return Err(at(asset, &raw.turns, message.to_owned()));
        }
        let call = raw.call;
        record.queue = call.queue;
        record.region = call.region;
        record.hangup_by = call.hangup_by;
        record.transferred = call.transferred;
        record.wait_ms = call.wait_ms;
        record.hold_ms = call.hold_ms;
        record.rating = call.rating;
        record.attributes = call.attributes;
        if let Some(channel) = call.channel {
            record.channel = channel;
        }
        if let Some(direction) = call.direction {
            record.direction = direction;
        }
        Ok(Self { record, hit: raw.hit, turn: raw.turn, line })
    }

    /// Compares the turns of the rule's candidates with what the example says.
    pub(super) fn mismatch(&self, found: &[Option<usize>]) -> Option<String> {
        match (self.hit, self.turn) {
            (true, _) if found.is_empty() => Some("should hit and does not".to_owned()),
            (false, _) if !found.is_empty() => Some("should not hit and does".to_owned()),
            (true, Some(turn)) if !found.contains(&Some(turn)) => {
                let turns: Vec<String> = found.iter().flatten().map(ToString::to_string).collect();
                Some(format!("should hit turn {turn} and hits {}", turns.join(", ")))
            }
            _ => None,
        }
    }
}

/// Reads `A: text` or `A 0-1500: text`; the colon may be full-width.
pub(super) fn turn(text: &str) -> Option<Turn> {
    let (head, said) = text.split_once([':', '：'])?;
    let (letter, times) = match head.trim().split_once(' ') {
        Some((letter, times)) => (letter, Some(times)),
        None => (head.trim(), None),
    };
    let role = match letter {
        "A" => Role::Agent,
        "C" => Role::Caller,
        "B" => Role::Bot,
        "I" => Role::Ivr,
        "O" => Role::Other,
        _ => return None,
    };
    match times {
        None => Some(Turn::new(role, said.trim())),
        Some(times) => {
            let (start, end) = times.split_once('-')?;
            let (start, end) = (start.trim().parse().ok()?, end.trim().parse().ok()?);
            (start <= end).then(|| Turn::timed(role, start, end, said.trim()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_with_and_without_times() {
        assert_eq!(turn("A: 您好").unwrap(), Turn::new(Role::Agent, "您好"));
        assert_eq!(turn("C 100-2000：我问一下: 社保").unwrap(), Turn::timed(Role::Caller, 100, 2000, "我问一下: 社保"));
        assert!(turn("X: 您好").is_none());
        assert!(turn("A 5-1: 您好").is_none());
        assert!(turn("您好").is_none());
    }
}
