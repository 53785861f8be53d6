//! What several conditions ask of the same turn, worked out once a call: phrases found,
//! vectors, character pairs, lengths. Owns no judgement.

use std::cell::{OnceCell, RefCell, RefMut};
use std::ops::Range;
use std::rc::Rc;

use qingting_models::Encoder;

use crate::letters::is_alphanumeric;
use crate::phrases::Phrases;
use crate::record::{CallContext, Span};
use crate::shape::Chars;

/// The lazily filled tables of one call.
pub(super) struct Scan<'a> {
    pub(super) context: &'a CallContext<'a>,
    all: &'a Phrases,
    encoder: &'a dyn Encoder,
    turns: Vec<TurnScan>,
    vectors: RefCell<Vec<Option<Rc<[f32]>>>>,
}

#[derive(Default)]
struct TurnScan {
    phrases: OnceCell<Vec<(usize, Range<usize>)>>,
    pairs: OnceCell<Vec<u64>>,
    chars: OnceCell<usize>,
    letters: OnceCell<RefCell<Chars>>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(context: &'a CallContext<'a>, all: &'a Phrases, encoder: &'a dyn Encoder) -> Self {
        let turns = context.turns.iter().map(|_| TurnScan::default()).collect();
        Self { context, all, encoder, turns, vectors: RefCell::default() }
    }

    /// Spans of a phrase in a turn.
    pub(super) fn phrase(&self, turn: usize, pattern: usize) -> impl Iterator<Item = Span> + '_ {
        let fold = self.context.fold(turn);
        let found = self.turns[turn].phrases.get_or_init(|| {
            let mut found = Vec::new();
            self.all.each(fold, |hit| found.push((hit.phrase, hit.bytes)));
            found
        });
        let spans = found.iter().filter(move |(id, _)| *id == pattern).map(|(_, range)| range.clone());
        spans.map(move |bytes| self.context.turns[turn].span_of(bytes))
    }

    /// Spans of a cue list's hits in a turn.
    pub(super) fn cue<'b>(&'b self, turn: usize, name: &'b str) -> impl Iterator<Item = Span> + 'b {
        let hits = self.context.signal(turn).cues.iter().filter(move |hit| &*hit.cue == name);
        hits.map(move |hit| self.context.turns[turn].span_of(hit.bytes.clone()))
    }

    /// The characters of a turn, for patterns to be looked for in.
    pub(super) fn letters(&self, turn: usize) -> RefMut<'_, Chars> {
        let set = || {
            let mut chars = Chars::default();
            chars.set(self.context.fold(turn));
            RefCell::new(chars)
        };
        self.turns[turn].letters.get_or_init(set).borrow_mut()
    }

    /// Letters, digits and Chinese characters of a turn.
    pub(super) fn chars(&self, turn: usize) -> usize {
        let count = || self.context.fold(turn).chars().filter(|c| is_alphanumeric(*c)).count();
        *self.turns[turn].chars.get_or_init(count)
    }

    /// Dice coefficient of the two turns' character pairs, 0 to 1.
    pub(super) fn likeness(&self, a: usize, b: usize) -> f32 {
        let (a, b) = (self.pairs(a), self.pairs(b));
        if a.is_empty() || b.is_empty() {
            return 0.0;
        }
        let (mut i, mut j, mut shared) = (0, 0, 0usize);
        while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
            match x.cmp(y) {
                std::cmp::Ordering::Less => i += 1,
                std::cmp::Ordering::Greater => j += 1,
                std::cmp::Ordering::Equal => {
                    shared += 1;
                    i += 1;
                    j += 1;
                }
            }
        }
        (2 * shared) as f32 / (a.len() + b.len()) as f32
    }

    /// Every pair of neighbouring characters of a turn, sorted.
    fn pairs(&self, turn: usize) -> &[u64] {
        self.turns[turn].pairs.get_or_init(|| {
            let mut pairs = Vec::new();
            let mut previous: Option<char> = None;
            for c in self.context.fold(turn).chars().filter(|c| is_alphanumeric(*c)) {
                if let Some(p) = previous {
                    pairs.push(u64::from(u32::from(p)) << 32 | u64::from(u32::from(c)));
                }
                previous = Some(c);
            }
            pairs.sort_unstable();
            pairs
        })
    }

    /// Vectors of these turns, in order, encoded in one batch where they are not known yet;
    /// `None` when the model fails.
    pub(super) fn vectors(&self, turns: &[usize]) -> Option<Vec<Rc<[f32]>>> {
        let mut known = self.vectors.borrow_mut();
        known.resize(self.turns.len(), None);
        let missing: Vec<usize> = turns.iter().copied().filter(|&turn| known[turn].is_none()).collect();
        if !missing.is_empty() {
            let texts: Vec<&str> = missing.iter().map(|&turn| self.context.fold(turn)).collect();
            for (turn, vector) in missing.iter().zip(self.encoder.encode(&texts).ok()?) {
                known[*turn] = Some(vector.into());
            }
        }
        turns.iter().map(|&turn| known[turn].clone()).collect()
    }
}
