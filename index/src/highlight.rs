//! Where the strings of a query stand in a text, as character spans, and which part of the
//! text to show. tantivy's own snippets count bytes and panic on overlapping tokens.

use std::collections::BTreeSet;

use qingting_pipeline::record::Span;

use crate::analyzer::is_content;
use crate::sound;

/// Spans beyond this number in one text are not looked for.
const MOST_SPANS: usize = 256;

/// The strings to look for, folded and reduced to content characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needles {
    needles: Vec<Vec<char>>,
    /// Strings that need only sound alike: for each character, those that sound like it.
    heard: Vec<Vec<Heard>>,
}

/// A character and all that sound like it, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Heard {
    own: char,
    class: Vec<char>,
}

/// What was found in one text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Characters that belong to a match: in order, not empty, not touching each other.
    pub spans: Vec<Span>,
    /// How many different needles there were.
    pub distinct: usize,
    /// Some of the characters only sound like those of a needle.
    pub by_sound: bool,
}

impl Needles {
    /// Needles out of folded strings; what has no content character is left out.
    pub fn new<S: AsRef<str>>(strings: impl IntoIterator<Item = S>) -> Self {
        let mut needles: Vec<Vec<char>> = strings
            .into_iter()
            .map(|s| s.as_ref().chars().filter(|&c| is_content(c)).collect::<Vec<_>>())
            .filter(|needle| !needle.is_empty())
            .collect();
        needles.sort();
        needles.dedup();
        Self { needles, heard: Vec::new() }
    }

    /// The needles and, with them, strings of which whatever sounds like them is a match too.
    #[must_use]
    pub fn or_heard<S: AsRef<str>>(mut self, strings: impl IntoIterator<Item = S>) -> Self {
        let strings: BTreeSet<String> =
            strings.into_iter().map(|s| s.as_ref().chars().filter(|&c| is_content(c)).collect()).collect();
        self.heard = strings
            .iter()
            .filter(|string| !string.is_empty())
            .map(|string| string.chars().map(|c| Heard { own: c, class: sound::class(c) }).collect())
            .collect();
        self
    }

    /// All of several.
    pub fn joined(parts: impl IntoIterator<Item = Self>) -> Self {
        let (mut needles, mut heard) = (Vec::new(), Vec::new());
        for part in parts {
            needles.extend(part.needles);
            heard.extend(part.heard);
        }
        needles.sort();
        needles.dedup();
        Self { needles, heard }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.needles.is_empty() && self.heard.is_empty()
    }

    /// Finds every needle in a folded text. The spans count the characters of that text, which are
    /// those of the text that it was folded from.
    pub fn find(&self, folded: &str) -> Found {
        let (chars, places): (Vec<char>, Vec<u32>) = folded.chars().zip(0u32..).filter(|&(c, _)| is_content(c)).unzip();
        let mut found = Found::default();
        for needle in &self.needles {
            let matches = chars.windows(needle.len()).enumerate().filter(|(_, window)| window == needle);
            found.add(matches, &places);
        }
        for needle in &self.heard {
            let alike = |window: &[char]| needle.iter().zip(window).all(|(h, c)| h.class.binary_search(c).is_ok());
            let matches: Vec<_> = chars.windows(needle.len()).enumerate().filter(|(_, window)| alike(window)).collect();
            found.by_sound |= matches.iter().any(|(_, window)| needle.iter().zip(*window).any(|(h, c)| h.own != *c));
            found.add(matches.into_iter(), &places);
        }
        found.spans = merge(found.spans);
        found
    }
}

impl Found {
    fn add<'a>(&mut self, matches: impl Iterator<Item = (usize, &'a [char])>, places: &[u32]) {
        let before = self.spans.len();
        for (at, window) in matches.take(MOST_SPANS) {
            if let (Some(&start), Some(&last)) = (places.get(at), places.get(at + window.len() - 1)) {
                self.spans.push(Span::new(start, last + 1));
            }
        }
        self.distinct += usize::from(self.spans.len() > before);
    }
}

/// Sorts spans and joins those that overlap or touch.
pub fn merge(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|span| !span.is_empty());
    spans.sort_unstable();
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// The part of a text of `length` characters to show: at most `longest` characters that hold as
/// many highlighted ones as possible, with some context before the first.
pub fn window(length: u32, spans: &[Span], longest: u32) -> Span {
    if length <= longest {
        return Span::new(0, length);
    }
    let covered = |start: u32| -> u32 {
        let end = start.saturating_add(longest);
        spans.iter().map(|s| s.end.min(end).saturating_sub(s.start.max(start))).sum()
    };
    let best = spans
        .iter()
        .take(MOST_SPANS)
        .map(|s| (covered(s.start), s.start))
        .max_by_key(|&(count, start)| (count, std::cmp::Reverse(start)));
    let Some((_, first)) = best else {
        return Span::new(0, longest);
    };
    let end = first.saturating_add(longest);
    let last = spans.iter().map(|s| s.end.min(end)).filter(|&e| e > first).max().unwrap_or(first);
    let slack = longest.saturating_sub(last.saturating_sub(first));
    let start = first.saturating_sub(slack / 3).min(length - longest);
    Span::new(start, start + longest)
}

/// The characters of a span; what exceeds the text is left out.
pub fn slice(text: &str, span: Span) -> &str {
    let mut indices = text.char_indices().map(|(i, _)| i);
    let start = indices.nth(span.start as usize).unwrap_or(text.len());
    let end = match span.len() {
        0 => start,
        n => text[start..].char_indices().nth(n as usize).map_or(text.len(), |(i, _)| start + i),
    };
    &text[start..end]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn overlapping_needles_become_one_span() {
        let found = Needles::new(["物业费", "费太贵"]).find("这物业费，太贵了");
        assert_eq!(found.spans, [Span::new(1, 7)]);
        assert_eq!(found.distinct, 2);
    }

    #[test]
    fn a_window_shows_the_match_with_some_context() {
        let text = "一二三四五六七八九十甲乙丙丁戊己庚辛壬癸";
        let found = Needles::new(["丙丁"]).find(text);
        let shown = window(20, &found.spans, 8);
        assert_eq!(slice(text, shown), "甲乙丙丁戊己庚辛");
        assert_eq!(slice(text, window(20, &[], 5)), "一二三四五");
    }

    #[test]
    fn what_sounds_alike_is_found_where_it_is_wanted() {
        let exact = Needles::new(["登机"]);
        assert_eq!(exact.find("我帮您登，记一下").spans, []);
        let found = exact.clone().or_heard(["登机"]).find("我帮您登，记一下");
        assert_eq!((found.spans, found.by_sound), (vec![Span::new(3, 6)], true));
        let found = exact.or_heard(["登机"]).find("登机口");
        assert_eq!((found.spans, found.by_sound), (vec![Span::new(0, 2)], false));
    }

    proptest! {
        #[test]
        fn spans_and_windows_lie_inside_the_text(
            text in "[a-c退款，。😀 ]{0,30}",
            needles in prop::collection::vec("[a-c退款，]{0,4}", 0..5),
            longest in 0u32..40,
        ) {
            let length = text.chars().count() as u32;
            let exact = Needles::new(&needles).find(&text);
            prop_assert!(!exact.by_sound);
            let found = Needles::new(&needles).or_heard(&needles).find(&text);
            for span in &exact.spans {
                prop_assert!(found.spans.iter().any(|wider| wider.start <= span.start && span.end <= wider.end));
            }
            for span in &found.spans {
                prop_assert!(span.start < span.end && span.end <= length);
            }
            for pair in found.spans.windows(2) {
                prop_assert!(pair[0].end < pair[1].start);
            }
            let shown = window(length, &found.spans, longest);
            prop_assert!(shown.end <= length && shown.len() == length.min(longest));
            prop_assert_eq!(slice(&text, shown).chars().count() as u32, shown.len());
        }

        #[test]
        fn slice_never_panics(text in "\\PC{0,20}", start in 0u32..30, len in 0u32..30) {
            let got = slice(&text, Span::new(start, start + len));
            let expected: String = text.chars().skip(start as usize).take(len as usize).collect();
            prop_assert_eq!(got, expected);
        }
    }
}
