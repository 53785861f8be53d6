//! One call with everything that the earlier stages found out about it: what the
//! finding, fact and score stages read.

use super::{CallRecord, CallSignals, NormalizedTurn, Role, Token, TurnSignals};

/// A borrowed view of one call after the signal stage.
#[derive(Debug, Clone, Copy)]
pub struct CallContext<'a> {
    /// The call as it came in. Its text is unmasked: quote from `turns`, never from here.
    pub record: &'a CallRecord,
    /// One normalized turn for every turn.
    pub turns: &'a [NormalizedTurn],
    /// The words of every turn.
    pub tokens: &'a [Vec<Token>],
    /// The measurements.
    pub signals: &'a CallSignals,
}

impl<'a> CallContext<'a> {
    /// Role of a turn.
    pub fn role(&self, turn: usize) -> Role {
        self.record.turns[turn].role
    }

    /// Indices of the turns of a role that say something.
    pub fn turns_of(&self, role: Role) -> impl DoubleEndedIterator<Item = usize> + 'a {
        let (record, turns) = (self.record, self.turns);
        (0..turns.len()).filter(move |&i| record.turns[i].role == role && !turns[i].fold.is_empty())
    }

    /// The folded text of a turn.
    pub fn fold(&self, turn: usize) -> &'a str {
        &self.turns[turn].fold
    }

    /// The measurements of a turn.
    pub fn signal(&self, turn: usize) -> &'a TurnSignals {
        &self.signals.turns[turn]
    }

    /// The last turn before `turn` of that role that says something.
    pub fn previous(&self, turn: usize, role: Role) -> Option<usize> {
        self.turns_of(role).take_while(|&i| i < turn).last()
    }

    /// The first turn after `turn` of that role that says something.
    pub fn next(&self, turn: usize, role: Role) -> Option<usize> {
        self.turns_of(role).find(|&i| i > turn)
    }
}
