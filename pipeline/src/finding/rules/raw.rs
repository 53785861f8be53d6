//! The file format of `config/rules/*.toml`, as written. Owns the shape alone: names,
//! numbers and patterns are checked when a file is compiled.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::record::{Direction, Party, Role, SentimentLabel, Severity, Taboo};

/// A file of rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    #[serde(default)]
    pub(super) code: Vec<RawCode>,
    #[serde(default)]
    pub(super) rule: Vec<RawRule>,
}

/// A code of the file's own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCode {
    pub(super) code: Spanned<String>,
    pub(super) title: String,
    pub(super) level: RawLevel,
    pub(super) role: Role,
    #[serde(default = "minor")]
    pub(super) severity: Severity,
    pub(super) taboo: Option<Taboo>,
}

fn minor() -> Severity {
    Severity::Minor
}

/// Where a code stands.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawLevel {
    Turn,
    Call,
}

/// A rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    pub(super) id: Spanned<String>,
    pub(super) version: u32,
    pub(super) title: String,
    pub(super) doc: String,
    pub(super) code: Spanned<String>,
    #[serde(default = "yes")]
    pub(super) enabled: bool,
    pub(super) confidence: Spanned<f32>,
    pub(super) severity: Option<Severity>,
    pub(super) when: Option<Spanned<String>>,
    pub(super) on: Option<Spanned<String>>,
    pub(super) explanation: Spanned<String>,
    pub(super) condition: BTreeMap<Spanned<String>, RawCondition>,
    #[serde(default)]
    pub(super) example: Vec<RawExample>,
}

fn yes() -> bool {
    true
}

/// A condition: where it looks, and what must be there.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawCondition {
    // Where.
    pub(super) role: Option<OneOrMany<Role>>,
    pub(super) first_turns: Option<usize>,
    pub(super) last_turns: Option<usize>,
    pub(super) first_ms: Option<u64>,
    pub(super) last_ms: Option<u64>,
    pub(super) percent: Option<Spanned<(f32, f32)>>,
    pub(super) min_chars: Option<usize>,
    pub(super) max_chars: Option<usize>,
    pub(super) anchor: Option<RawAnchor>,
    pub(super) unless: Vec<RawUnless>,
    pub(super) min_hits: Option<usize>,
    // What.
    pub(super) keywords: Option<Spanned<RawKeywords>>,
    pub(super) regex: Option<RawRegex>,
    pub(super) similar: Option<RawSimilar>,
    pub(super) mask: Option<Spanned<OneOrMany<String>>>,
    pub(super) act: Option<Spanned<RawActs>>,
    pub(super) sentiment: Option<RawSentiment>,
    pub(super) overlap: Option<RawOverlap>,
    pub(super) silence: Option<RawSilence>,
    pub(super) rate: Option<Spanned<RawRate>>,
    pub(super) repeats: Option<RawRepeats>,
    pub(super) call: Option<RawCall>,
}

/// Position relative to the hits of another condition.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAnchor {
    pub(super) to: Spanned<String>,
    #[serde(rename = "where")]
    pub(super) place: Place,
    #[serde(default)]
    pub(super) nth: Nth,
    pub(super) turns: Option<Spanned<RawWindow>>,
    pub(super) ms: Option<u64>,
}

/// What makes a hit harmless: a hit of another condition near it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUnless {
    pub(super) condition: Spanned<String>,
    #[serde(rename = "where")]
    pub(super) place: Place,
    pub(super) turns: Option<Spanned<RawWindow>>,
    pub(super) ms: Option<u64>,
}

/// On which side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Place {
    Before,
    After,
    Around,
    Current,
}

/// Which hits of the anchor count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Nth {
    /// At least one of them.
    #[default]
    Any,
    /// All of them, each on its own.
    Every,
    /// The last.
    Last,
    /// The n-th, from 1.
    At(usize),
}

impl<'de> Deserialize<'de> for Nth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NthVisitor;
        impl Visitor<'_> for NthVisitor {
            type Value = Nth;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"any\", \"every\", \"first\", \"last\" or a number from 1")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Nth, E> {
                match text {
                    "any" => Ok(Nth::Any),
                    "every" => Ok(Nth::Every),
                    "first" => Ok(Nth::At(1)),
                    "last" => Ok(Nth::Last),
                    other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
                }
            }
            fn visit_i64<E: serde::de::Error>(self, n: i64) -> Result<Nth, E> {
                match usize::try_from(n) {
                    Ok(n) if n > 0 => Ok(Nth::At(n)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Signed(n), &self)),
                }
            }
        }
        deserializer.deserialize_any(NthVisitor)
    }
}

/// A distance in turns: `3` or `[1, 3]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RawWindow {
    /// Up to so many.
    UpTo(usize),
    /// From, to.
    Range(usize, usize),
}

impl<'de> Deserialize<'de> for RawWindow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WindowVisitor;
        impl<'de> Visitor<'de> for WindowVisitor {
            type Value = RawWindow;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of turns, or [from, to]")
            }
            fn visit_i64<E: serde::de::Error>(self, n: i64) -> Result<RawWindow, E> {
                usize::try_from(n)
                    .map(RawWindow::UpTo)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(n), &self))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<RawWindow, A::Error> {
                let (from, to) = <(usize, usize)>::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(RawWindow::Range(from, to))
            }
        }
        deserializer.deserialize_any(WindowVisitor)
    }
}

/// Phrases; `@name` stands for a cue list.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawKeywords {
    pub(super) any: Vec<Spanned<String>>,
    pub(super) at_least: Option<usize>,
    pub(super) all: Vec<Spanned<String>>,
    pub(super) none: Vec<Spanned<String>>,
}

/// A pattern and what makes a match of it harmless.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRegex {
    pub(super) pattern: Spanned<String>,
    pub(super) exclude: Option<Spanned<String>>,
}

/// Sentences that the turn resembles.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSimilar {
    pub(super) to: Spanned<Vec<String>>,
    pub(super) at_least: Spanned<f32>,
}

/// Dialogue acts.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawActs {
    pub(super) any: Vec<Spanned<String>>,
    pub(super) all: Vec<Spanned<String>>,
    pub(super) none: Vec<Spanned<String>>,
}

/// The feeling of the turn.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSentiment {
    pub(super) label: Option<OneOrMany<SentimentLabel>>,
    pub(super) below: Option<f32>,
    pub(super) above: Option<f32>,
}

/// The turn came in while another role was speaking.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOverlap {
    pub(super) over_ms: u64,
    pub(super) with: Option<Role>,
    #[serde(default)]
    pub(super) delay_ms: u64,
}

/// Nobody spoke after the turn.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSilence {
    pub(super) over_ms: u64,
    pub(super) next: Option<Role>,
}

/// Speech rate in spoken units a second.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRate {
    pub(super) over: Option<f32>,
    pub(super) under: Option<f32>,
    #[serde(default)]
    pub(super) average: bool,
}

/// The turn repeats earlier turns of the same role.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRepeats {
    #[serde(default = "similarity")]
    pub(super) at_least: Spanned<f32>,
    #[serde(default = "once")]
    pub(super) nth: usize,
    #[serde(default = "recent")]
    pub(super) within: usize,
    #[serde(default = "short")]
    pub(super) min_chars: usize,
    #[serde(default)]
    pub(super) except: Vec<String>,
}

fn similarity() -> Spanned<f32> {
    Spanned::new(0..0, 0.6)
}

fn once() -> usize {
    1
}

fn recent() -> usize {
    20
}

fn short() -> usize {
    5
}

/// What was recorded about the call as a whole. Text is a glob with `*` and `?`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawCall {
    pub(super) queue: Option<OneOrMany<String>>,
    pub(super) channel: Option<OneOrMany<String>>,
    pub(super) region: Option<OneOrMany<String>>,
    pub(super) direction: Option<Direction>,
    pub(super) hangup_by: Option<OneOrMany<Party>>,
    pub(super) transferred: Option<bool>,
    pub(super) duration_over_ms: Option<u64>,
    pub(super) duration_under_ms: Option<u64>,
    pub(super) wait_over_ms: Option<u64>,
    pub(super) hold_over_ms: Option<u64>,
    pub(super) turns_over: Option<usize>,
    pub(super) turns_under: Option<usize>,
    pub(super) rating_under: Option<u8>,
    pub(super) attributes: BTreeMap<String, OneOrMany<String>>,
}

/// A short call that the rule must hit or miss.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExample {
    pub(super) hit: bool,
    /// The turn of the finding, from 0.
    pub(super) turn: Option<usize>,
    #[serde(default)]
    pub(super) call: RawExampleCall,
    pub(super) turns: Spanned<Vec<Spanned<String>>>,
}

/// What an example's call carries besides its turns.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawExampleCall {
    pub(super) queue: Option<String>,
    pub(super) channel: Option<String>,
    pub(super) region: Option<String>,
    pub(super) direction: Option<Direction>,
    pub(super) hangup_by: Option<Party>,
    pub(super) transferred: Option<bool>,
    pub(super) wait_ms: Option<u64>,
    pub(super) hold_ms: Option<u64>,
    pub(super) rating: Option<u8>,
    pub(super) attributes: BTreeMap<String, String>,
}

/// `x` or `[x, y]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
            type Value = Vec<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or a list of values")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<T>, E> {
                T::deserialize(serde::de::value::StrDeserializer::new(text)).map(|value| vec![value])
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(value) = seq.next_element()? {
                    list.push(value);
                }
                if list.is_empty() {
                    return Err(A::Error::custom("the list is empty"));
                }
                Ok(list)
            }
        }
        deserializer.deserialize_any(ListVisitor(PhantomData)).map(OneOrMany)
    }
}
