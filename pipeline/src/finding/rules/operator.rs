//! The operators of a condition, compiled: what must be in a turn, or true of the call.
//! Owns matching one turn at a time; where to look is [`super::condition`]'s business.

use std::cmp::Reverse;

use super::expr::Truth;
use super::scan::Scan;
use crate::pattern::Globs;
use crate::record::{
    Act, CallRecord, Direction, MaskKind, Overlap, Party, Role, SentimentLabel, Silence, Span, Timing,
};

use super::condition::Hit;
use crate::shape::Shape;

/// A phrase of the rule, or a cue list.
#[derive(Debug, Clone)]
pub(super) enum Term {
    /// Index into the automaton of all rules.
    Phrase(usize),
    /// Name of the list.
    Cue(String),
}

/// What a turn is asked. The variants that cost more come later and are asked last.
#[derive(Debug)]
pub(super) enum Operator {
    Act {
        any: Vec<Act>,
        all: Vec<Act>,
        none: Vec<Act>,
    },
    Sentiment {
        labels: Vec<SentimentLabel>,
        below: Option<f32>,
        above: Option<f32>,
    },
    Mask {
        kinds: Vec<MaskKind>,
    },
    Rate {
        over: Option<f32>,
        under: Option<f32>,
    },
    Overlap {
        over_ms: u64,
        with: Option<Role>,
        delay_ms: u64,
    },
    Silence {
        over_ms: u64,
        next: Option<Role>,
    },
    Keywords {
        any: Vec<Term>,
        at_least: usize,
        all: Vec<Term>,
        none: Vec<Term>,
    },
    Regex {
        pattern: Box<Shape>,
        exclude: Option<Box<Shape>>,
    },
    Repeats {
        at_least: f32,
        nth: usize,
        within: usize,
        min_chars: usize,
        except: Vec<Term>,
    },
}

impl Operator {
    /// Whether it needs the times of the turns.
    pub(super) fn needs_times(&self) -> bool {
        matches!(self, Self::Rate { .. } | Self::Overlap { .. } | Self::Silence { .. })
    }

    /// Whether `hit`'s turn has what is asked for; adds what was seen to the hit.
    pub(super) fn matches(&self, scan: &Scan<'_>, timing: &Timing, hit: &mut Hit) -> bool {
        let turn = hit.turn;
        match self {
            Self::Act { any, all, none } => {
                let does = |act: &Act| scan.context.signal(turn).does(*act);
                (any.is_empty() || any.iter().any(does)) && all.iter().all(does) && !none.iter().any(does)
            }
            Self::Sentiment { labels, below, above } => {
                let sentiment = scan.context.signal(turn).sentiment;
                (labels.is_empty() || labels.contains(&sentiment.label))
                    && below.is_none_or(|limit| sentiment.score < limit)
                    && above.is_none_or(|limit| sentiment.score > limit)
            }
            Self::Mask { kinds } => {
                let masks = scan.context.turns[turn].masks.iter().filter(|mask| kinds.contains(&mask.kind));
                let before = hit.spans.len();
                hit.spans.extend(masks.map(|mask| mask.span));
                hit.spans.len() > before
            }
            Self::Rate { over, under } => match scan.context.signal(turn).rate {
                Some(rate) => {
                    hit.rate = Some(rate);
                    within_limits(rate, *over, *under)
                }
                None => false,
            },
            Self::Overlap { over_ms, with, delay_ms } => {
                let start_of = |turn: usize| scan.context.record.turns.get(turn).and_then(|t| t.start_ms);
                let longest = timing
                    .overlaps
                    .iter()
                    .filter(|o| o.second == turn && with.is_none_or(|role| scan.context.role(o.first) == role))
                    .filter(|o| start_of(o.first).is_some_and(|start| o.start_ms >= start.saturating_add(*delay_ms)))
                    .max_by_key(|o| (o.ms(), Reverse(o.first)));
                hit.take_ms(longest.map(Overlap::ms).filter(|ms| ms > over_ms))
            }
            Self::Silence { over_ms, next } => {
                let longest = timing
                    .silences
                    .iter()
                    .filter(|s| s.after == turn && next.is_none_or(|role| scan.context.role(s.before) == role))
                    .map(Silence::ms)
                    .max();
                hit.take_ms(longest.filter(|ms| ms > over_ms))
            }
            Self::Keywords { any, at_least, all, none } => {
                if none.iter().any(|term| scan.has(turn, term)) || !all.iter().all(|term| scan.has(turn, term)) {
                    return false;
                }
                let there: Vec<&Term> = any.iter().filter(|term| scan.has(turn, term)).collect();
                if !any.is_empty() && there.len() < *at_least {
                    return false;
                }
                for term in all.iter().chain(there) {
                    scan.spans(turn, term, &mut hit.spans);
                }
                true
            }
            Self::Regex { pattern, exclude } => {
                let fold = scan.context.fold(turn);
                let mut chars = scan.letters(turn);
                let mut found = Vec::new();
                pattern.each(fold, &mut chars, |range| {
                    found.push(range);
                    false
                });
                if let Some(exclude) = exclude.as_deref().filter(|_| !found.is_empty()) {
                    exclude.each(fold, &mut chars, |wide| {
                        found.retain(|range| wide.end <= range.start || range.end <= wide.start);
                        false
                    });
                }
                hit.spans.extend(found.iter().map(|range| scan.context.turns[turn].span_of(range.clone())));
                !found.is_empty()
            }
            Self::Repeats { at_least, nth, within, min_chars, except } => {
                let long = |turn: usize| scan.chars(turn) >= *min_chars;
                if !long(turn) || except.iter().any(|term| scan.has(turn, term)) {
                    return false;
                }
                let role = scan.context.role(turn);
                let earlier = (0..turn).rev().filter(|&i| scan.context.role(i) == role && long(i));
                let (mut count, mut greatest) = (0, 0.0f32);
                for other in earlier.take(*within) {
                    let likeness = scan.likeness(turn, other);
                    count += usize::from(likeness >= *at_least);
                    greatest = greatest.max(likeness);
                }
                hit.similarity = Some(greatest);
                count >= *nth
            }
        }
    }
}

/// Strictly above the one and below the other limit, where they are given.
pub(super) fn within_limits(value: f32, over: Option<f32>, under: Option<f32>) -> bool {
    over.is_none_or(|limit| value > limit) && under.is_none_or(|limit| value < limit)
}

impl Scan<'_> {
    fn has(&self, turn: usize, term: &Term) -> bool {
        match term {
            Term::Phrase(pattern) => self.phrase(turn, *pattern).next().is_some(),
            Term::Cue(name) => self.cue(turn, name).next().is_some(),
        }
    }

    fn spans(&self, turn: usize, term: &Term, into: &mut Vec<Span>) {
        match term {
            Term::Phrase(pattern) => into.extend(self.phrase(turn, *pattern)),
            Term::Cue(name) => into.extend(self.cue(turn, name)),
        }
    }
}

/// What is asked of the call as a whole.
#[derive(Debug)]
pub(super) struct CallTest {
    pub(super) queue: Option<Globs>,
    pub(super) channel: Option<Globs>,
    pub(super) region: Option<Globs>,
    pub(super) direction: Option<Direction>,
    pub(super) hangup_by: Option<Vec<Party>>,
    pub(super) transferred: Option<bool>,
    pub(super) duration_over_ms: Option<u64>,
    pub(super) duration_under_ms: Option<u64>,
    pub(super) wait_over_ms: Option<u64>,
    pub(super) hold_over_ms: Option<u64>,
    pub(super) turns_over: Option<usize>,
    pub(super) turns_under: Option<usize>,
    pub(super) rating_under: Option<u8>,
    pub(super) attributes: Vec<(String, Globs)>,
}

impl CallTest {
    /// Whether the call is of this kind; unknown when something asked for was not recorded and
    /// nothing else rules it out. An attribute that is not there does not match.
    pub(super) fn test(&self, record: &CallRecord, timing: Option<&Timing>) -> Truth {
        let text = |globs: &Option<Globs>, value: Option<&str>| known(globs.as_ref(), value, Globs::matches);
        let duration = timing.map(|t| t.duration_ms);
        let tests = [
            text(&self.queue, record.queue.as_deref()),
            text(&self.channel, Some(&record.channel)),
            text(&self.region, record.region.as_deref()),
            known(self.direction, Some(record.direction), |a, b| a == b),
            known(self.hangup_by.as_deref(), record.hangup_by, |parties, by| parties.contains(&by)),
            known(self.transferred, record.transferred, |a, b| a == b),
            known(self.duration_over_ms, duration, |limit, ms| ms > limit),
            known(self.duration_under_ms, duration, |limit, ms| ms < limit),
            known(self.wait_over_ms, record.wait_ms, |limit, ms| ms > limit),
            known(self.hold_over_ms, record.hold_ms, |limit, ms| ms > limit),
            known(self.turns_over, Some(record.turns.len()), |limit, n| n > limit),
            known(self.turns_under, Some(record.turns.len()), |limit, n| n < limit),
            known(self.rating_under, record.rating, |limit, stars| stars < limit),
        ];
        let attributes = self
            .attributes
            .iter()
            .map(|(name, globs)| Truth::from(record.attributes.get(name).is_some_and(|value| globs.matches(value))));
        let mut result = Truth::Yes;
        for truth in tests.into_iter().chain(attributes) {
            match truth {
                Truth::No => return Truth::No,
                Truth::Unknown => result = Truth::Unknown,
                Truth::Yes => {}
            }
        }
        result
    }
}

/// Nothing asked holds; something asked of a value that was not recorded is unknown.
fn known<W, V>(wanted: Option<W>, value: Option<V>, test: impl Fn(W, V) -> bool) -> Truth {
    match (wanted, value) {
        (None, _) => Truth::Yes,
        (Some(_), None) => Truth::Unknown,
        (Some(wanted), Some(value)) => test(wanted, value).into(),
    }
}
