//! What must stand in a text for a pattern to match it, as a tree of literals. Almost every pattern needs
//! some; all of them are looked for in one pass, and only patterns that have what they need run.
//! Owns reading the needs off a regular expression and asking whether a text meets them; it may let a
//! pattern run in vain, but never hides a match.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::phrases::Phrases;

/// Largest character class that is spelt out as literals.
const MAX_CLASS: usize = 24;

/// What every match has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Need {
    /// A literal, by its number.
    Literal(u32),
    /// All of these, none beginning before the one named before it.
    All(Vec<Need>),
    /// One of these.
    Any(Vec<Need>),
}

impl Need {
    /// The literals of which one must be there: of the sets that there are the one with the longest
    /// shortest literal; of those, the one of fewest. `None` where there is no such set.
    fn narrowest(&self, texts: &[String]) -> Option<Vec<u32>> {
        match self {
            Self::Literal(literal) => Some(vec![*literal]),
            Self::Any(needs) => {
                let sets: Option<Vec<_>> = needs.iter().map(|need| need.narrowest(texts)).collect();
                sets.map(|sets| sets.into_iter().flatten().collect())
            }
            Self::All(needs) => needs.iter().filter_map(|need| need.narrowest(texts)).min_by_key(|set| {
                let lengths = set.iter().map(|&literal| texts[literal as usize].chars().count());
                (Reverse(lengths.min().unwrap_or(0)), set.len())
            }),
        }
    }

    /// Where at the earliest the last of what is needed may begin, when none of it begins before
    /// `from`; `None` when something is missing.
    fn reach(&self, places: &Places, from: u32) -> Option<u32> {
        match self {
            Self::Literal(literal) => {
                let (first, last) = places.spans[*literal as usize];
                (first != u32::MAX && last >= from).then_some(first.max(from))
            }
            Self::All(needs) => needs.iter().try_fold(from, |from, need| need.reach(places, from)),
            Self::Any(needs) => needs.iter().filter_map(|need| need.reach(places, from)).min(),
        }
    }
}

/// Of each literal where it begins first and last in a text; one that is not there begins first beyond
/// every text. Kept from text to text, since clearing all would take longer than finding the few.
#[derive(Debug, Default)]
pub(super) struct Places {
    spans: Vec<(u32, u32)>,
    noted: Vec<usize>,
}

impl Places {
    const NOWHERE: (u32, u32) = (u32::MAX, 0);

    fn clear(&mut self, literals: usize) {
        self.spans.resize(literals, Self::NOWHERE);
        for literal in self.noted.drain(..) {
            self.spans[literal] = Self::NOWHERE;
        }
    }

    /// Notes a literal; whether it is the first of its kind.
    fn note(&mut self, literal: usize, at: usize) -> bool {
        let span = &mut self.spans[literal];
        let first = *span == Self::NOWHERE;
        if first {
            self.noted.push(literal);
            span.0 = at as u32;
        }
        span.1 = at as u32;
        first
    }
}

/// Collects the needs of patterns.
#[derive(Debug, Default)]
pub(super) struct Collector {
    numbers: BTreeMap<String, u32>,
    texts: Vec<String>,
    /// For each literal the patterns that wait for it.
    waiting: Vec<Vec<usize>>,
    needs: Vec<Need>,
    always: Vec<usize>,
}

impl Collector {
    /// Adds the next pattern.
    pub(super) fn add(&mut self, source: &str) {
        let need = regex_syntax::parse(source).map_or_else(|_| Need::All(Vec::new()), |hir| self.need(&hir));
        let pattern = self.needs.len();
        match need.narrowest(&self.texts) {
            Some(set) => set.into_iter().for_each(|literal| self.waiting[literal as usize].push(pattern)),
            None => self.always.push(pattern),
        }
        self.needs.push(need);
    }

    pub(super) fn ready(self) -> Needs {
        let Self { texts, waiting, needs, always, .. } = self;
        Needs { literals: Phrases::new(texts), waiting, needs, always }
    }

    fn literal(&mut self, text: &str) -> Need {
        let next = self.texts.len() as u32;
        let number = *self.numbers.entry(text.to_owned()).or_insert(next);
        if number == next {
            self.texts.push(text.to_owned());
            self.waiting.push(Vec::new());
        }
        Need::Literal(number)
    }

    fn need(&mut self, hir: &Hir) -> Need {
        let nothing = Need::All(Vec::new());
        match hir.kind() {
            HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
                Ok(text) => self.literal(text),
                Err(_) => nothing,
            },
            HirKind::Capture(capture) => self.need(&capture.sub),
            HirKind::Repetition(repetition) if repetition.min >= 1 => self.need(&repetition.sub),
            HirKind::Class(Class::Unicode(class)) => {
                let ranges = class.iter().take(MAX_CLASS + 1).flat_map(|range| range.start()..=range.end());
                let chars: Vec<String> = ranges.take(MAX_CLASS + 1).map(String::from).collect();
                if chars.len() > MAX_CLASS {
                    return nothing;
                }
                Need::Any(chars.iter().map(|c| self.literal(c)).collect())
            }
            HirKind::Concat(parts) => {
                let needs = parts.iter().map(|part| self.need(part));
                let mut needs: Vec<Need> = needs.filter(|need| *need != nothing).collect();
                if needs.len() == 1 {
                    needs.remove(0)
                } else {
                    Need::All(needs)
                }
            }
            HirKind::Alternation(parts) => {
                let needs: Vec<Need> = parts.iter().map(|part| self.need(part)).collect();
                if needs.contains(&nothing) {
                    nothing
                } else {
                    Need::Any(needs)
                }
            }
            HirKind::Class(_) | HirKind::Empty | HirKind::Look(_) | HirKind::Repetition(_) => nothing,
        }
    }
}

/// The needs of many patterns.
#[derive(Debug)]
pub(super) struct Needs {
    literals: Phrases,
    waiting: Vec<Vec<usize>>,
    needs: Vec<Need>,
    /// Patterns that need no literal.
    always: Vec<usize>,
}

impl Needs {
    /// The patterns among those wanted that may match a text, ascending.
    pub(super) fn met(&self, text: &str, places: &mut Places, wanted: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut met: Vec<usize> = self.always.clone();
        places.clear(self.waiting.len());
        self.literals.each(text, |found| {
            if places.note(found.phrase, found.bytes.start) {
                met.extend(&self.waiting[found.phrase]);
            }
        });
        met.retain(|&pattern| wanted(pattern) && self.needs[pattern].reach(places, 0).is_some());
        met.sort_unstable();
        met.dedup();
        met
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    fn waits_for(pattern: &str) -> Option<Vec<String>> {
        let mut collector = Collector::default();
        collector.add(pattern);
        let set = collector.needs[0].narrowest(&collector.texts)?;
        Some(set.into_iter().map(|literal| collector.texts[literal as usize].clone()).collect())
    }

    fn may_match(pattern: &str, text: &str) -> bool {
        let mut collector = Collector::default();
        collector.add(pattern);
        !collector.ready().met(text, &mut Places::default(), |_| true).is_empty()
    }

    #[test]
    fn a_pattern_waits_for_the_literals_that_narrow_most() {
        let set = |texts: &[&str]| Some(texts.iter().map(|&text| text.to_owned()).collect());
        assert_eq!(waits_for("(?:不|没)(?:知道|清楚)"), set(&["知道", "清楚"]));
        assert_eq!(waits_for("再.{0,4}说(?:一遍)?"), set(&["再"]));
        assert_eq!(waits_for("(?:啊)?[^,]{2,}"), None);
        assert_eq!(waits_for("(?:您)?(?:慢|走){1,2}"), set(&["慢", "走"]));
    }

    #[test]
    fn all_that_a_branch_needs_must_be_there_in_its_order() {
        let pattern = "拍了照|我(?:自己)?(?:看|量).{0,3}(?:过|了)";
        for text in ["拍了照", "我量了", "我自己看不过"] {
            assert!(may_match(pattern, text), "{text}");
        }
        for text in ["我去了", "你看了", "看了我", "照"] {
            assert!(!may_match(pattern, text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_match_is_hidden(text in "[不知道我说再的,]{0,10}", parts in prop::collection::vec(0usize..10, 1..5)) {
            const PARTS: [&str; 10] =
                ["不", "知道", "(?:我|再说)", "(?:说.{0,2}的|不知)", ".{0,3}", "(?:再)?", "[不我]{1,2}", "^", "(?:,|$)", "(?:知|)"];
            let pattern: String = parts.into_iter().map(|i| PARTS[i]).collect();
            if Regex::new(&pattern).unwrap().is_match(&text) {
                prop_assert!(may_match(&pattern, &text), "{} in {}", pattern, text);
            }
        }
    }
}
