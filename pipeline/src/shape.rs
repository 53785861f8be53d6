//! Regular expressions matched by backtracking over the characters of a short text. The patterns of the
//! lexicons are short and so are turns: what a general engine costs before its first step, a cache of
//! states that is cold for each of hundreds of patterns above all, is more than the match itself. Owns
//! the compiled form and the search, which finds what the `regex` crate finds; what this form has no word
//! for, or takes too many steps, is left to that crate.

use std::ops::Range;
use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Longest program, in steps.
const LONGEST: usize = 1500;
/// Steps of a search after which the `regex` crate, which is linear, takes over.
const PATIENCE: u32 = 20_000;

/// What comes next. Where there is a choice the first branch is taken first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Char(char),
    /// One of some ranges of characters.
    Set {
        from: u32,
        to: u32,
    },
    Split {
        first: u32,
        second: u32,
    },
    Jump(u32),
    Start,
    End,
    Match,
}

/// How a pattern is to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// Whether small and capital letters are the same.
    pub(crate) any_case: bool,
    /// Largest compiled form that the `regex` crate may make, bytes.
    pub(crate) size: usize,
}

impl Default for Reading {
    fn default() -> Self {
        Self { any_case: false, size: 10 << 20 }
    }
}

/// A pattern.
#[derive(Debug)]
pub(crate) struct Shape {
    source: String,
    reading: Reading,
    program: Option<Program>,
    regex: OnceLock<Option<Regex>>,
}

#[derive(Debug, Default)]
struct Program {
    steps: Vec<Step>,
    ranges: Vec<(char, char)>,
    /// A bit for the end of the code of every character that a match may begin with, and of every one that
    /// may come next.
    begins: [u64; 2],
}

/// The characters of a text that several patterns are looked for in.
#[derive(Debug, Default)]
pub(crate) struct Chars {
    chars: Vec<char>,
    /// The bit of each, and all for the end.
    bits: Vec<u64>,
    /// Where each begins, and the end.
    bytes: Vec<u32>,
    waiting: Vec<(u32, u32)>,
}

impl Chars {
    /// Takes another text.
    pub(crate) fn set(&mut self, text: &str) {
        self.chars.clear();
        self.bytes.clear();
        self.bits.clear();
        for (byte, c) in text.char_indices() {
            self.chars.push(c);
            self.bytes.push(byte as u32);
            self.bits.push(bit(c));
        }
        self.bits.push(u64::MAX);
        self.bytes.push(text.len() as u32);
    }
}

impl Shape {
    /// Compiles a pattern in the syntax of the `regex` crate.
    ///
    /// # Errors
    /// As that crate has them.
    pub(crate) fn new(source: &str, reading: Reading) -> Result<Self, regex::Error> {
        let mut parser = regex_syntax::ParserBuilder::new().case_insensitive(reading.any_case).build();
        let program = parser.parse(source).ok().and_then(|hir| Program::new(&hir));
        let regex = OnceLock::new();
        if program.is_none() {
            let _ = regex.set(Some(compile(source, reading)?));
        }
        Ok(Self { source: source.to_owned(), reading, program, regex })
    }

    /// Whether it matches the text of no characters.
    pub(crate) fn matches_nothing(&self) -> bool {
        self.program.is_none() && self.regex().is_some_and(|regex| regex.is_match(""))
    }

    /// What has a program compiles: it is far smaller than the limit.
    fn regex(&self) -> Option<&Regex> {
        self.regex.get_or_init(|| compile(&self.source, self.reading).ok()).as_ref()
    }

    /// Shows the matches one after the other, as [`Regex::find_iter`], until `show` has enough.
    pub(crate) fn each(&self, text: &str, chars: &mut Chars, mut show: impl FnMut(Range<usize>) -> bool) {
        let Some(program) = &self.program else {
            return self.slowly(text, 0, show);
        };
        let mut from = 0;
        loop {
            match program.find(chars, from) {
                Ok(Some((start, end))) => {
                    if show(chars.bytes[start] as usize..chars.bytes[end] as usize) {
                        return;
                    }
                    from = end;
                }
                Ok(None) => return,
                Err(Impatient) => return self.slowly(text, chars.bytes[from] as usize, show),
            }
        }
    }

    fn slowly(&self, text: &str, mut from: usize, mut show: impl FnMut(Range<usize>) -> bool) {
        let Some(regex) = self.regex() else {
            return;
        };
        if from == 0 {
            regex.find_iter(text).any(|found| show(found.range()));
            return;
        }
        // A pattern with a program never matches the empty text.
        while let Some(found) = regex.find_at(text, from) {
            if show(found.range()) {
                return;
            }
            from = found.end();
        }
    }
}

fn compile(source: &str, reading: Reading) -> Result<Regex, regex::Error> {
    RegexBuilder::new(source).case_insensitive(reading.any_case).size_limit(reading.size).build()
}

/// The search took too many steps.
struct Impatient;

impl Program {
    /// `None` where the pattern has something that there is no step for, or matches the empty text.
    fn new(hir: &Hir) -> Option<Self> {
        if hir.properties().minimum_len().is_none_or(|least| least == 0) {
            return None;
        }
        let mut program = Self::default();
        program.add(hir)?;
        program.push(Step::Match)?;
        program.begins = program.begins();
        Some(program)
    }

    fn push(&mut self, step: Step) -> Option<usize> {
        self.steps.push(step);
        (self.steps.len() <= LONGEST).then_some(self.steps.len() - 1)
    }

    fn here(&self) -> u32 {
        self.steps.len() as u32
    }

    fn add(&mut self, hir: &Hir) -> Option<()> {
        match hir.kind() {
            HirKind::Empty => {}
            HirKind::Literal(literal) => {
                for c in std::str::from_utf8(&literal.0).ok()?.chars() {
                    self.push(Step::Char(c))?;
                }
            }
            HirKind::Class(Class::Unicode(class)) => {
                let from = self.ranges.len() as u32;
                self.ranges.extend(class.iter().map(|range| (range.start(), range.end())));
                self.push(Step::Set { from, to: self.ranges.len() as u32 })?;
            }
            HirKind::Look(Look::Start) => self.push(Step::Start).map(|_| ())?,
            HirKind::Look(Look::End) => self.push(Step::End).map(|_| ())?,
            HirKind::Class(Class::Bytes(_)) | HirKind::Look(_) => return None,
            HirKind::Capture(capture) => self.add(&capture.sub)?,
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.add(part))?,
            HirKind::Alternation(parts) => {
                let mut ends = Vec::new();
                for (at, part) in parts.iter().enumerate() {
                    if at + 1 == parts.len() {
                        self.add(part)?;
                        break;
                    }
                    let split = self.push(Step::Match)?;
                    self.add(part)?;
                    ends.push(self.push(Step::Match)?);
                    self.steps[split] = Step::Split { first: split as u32 + 1, second: self.here() };
                }
                let end = self.here();
                ends.into_iter().for_each(|jump| self.steps[jump] = Step::Jump(end));
            }
            HirKind::Repetition(repetition) => {
                let once = repetition.min == 0 && repetition.max == Some(1);
                // What may be repeated without getting on would go round for ever.
                if !once && repetition.sub.properties().minimum_len().is_none_or(|least| least == 0) {
                    return None;
                }
                for _ in 0..repetition.min {
                    self.add(&repetition.sub)?;
                }
                let mut splits = Vec::new();
                match repetition.max {
                    Some(max) => {
                        for _ in repetition.min..max {
                            splits.push(self.push(Step::Match)?);
                            self.add(&repetition.sub)?;
                        }
                    }
                    None => {
                        let split = self.push(Step::Match)?;
                        splits.push(split);
                        self.add(&repetition.sub)?;
                        self.push(Step::Jump(split as u32))?;
                    }
                }
                let out = self.here();
                for split in splits {
                    let on = split as u32 + 1;
                    let (first, second) = if repetition.greedy { (on, out) } else { (out, on) };
                    self.steps[split] = Step::Split { first, second };
                }
            }
        }
        Some(())
    }

    /// The bits of the characters that a match may begin with, and of those that may come next.
    fn begins(&self) -> [u64; 2] {
        let (first, after) = self.next(vec![0]);
        [first, self.next(after).0]
    }

    /// The bits of the characters that may be read at one of these steps, and the steps after them; where
    /// nothing need be read all bits.
    fn next(&self, mut open: Vec<u32>) -> (u64, Vec<u32>) {
        let (mut bits, mut seen, mut after) = (0, vec![false; self.steps.len()], Vec::new());
        while let Some(at) = open.pop() {
            if std::mem::replace(&mut seen[at as usize], true) {
                continue;
            }
            match self.steps[at as usize] {
                Step::Char(c) => {
                    bits |= bit(c);
                    after.push(at + 1);
                }
                Step::Set { from, to } => {
                    after.push(at + 1);
                    for &(start, end) in &self.ranges[from as usize..to as usize] {
                        let some = (u32::from(start)..=u32::from(end)).take(64);
                        bits |= some.fold(0, |bits, code| bits | 1 << (code & 63));
                    }
                }
                Step::Split { first, second } => open.extend([first, second]),
                Step::Jump(to) => open.push(to),
                Step::Start | Step::End => open.push(at + 1),
                Step::Match => bits = u64::MAX,
            }
        }
        (bits, after)
    }

    /// The first match from a place on, and of those that begin there the one that is tried first.
    fn find(&self, text: &mut Chars, from: usize) -> Result<Option<(usize, usize)>, Impatient> {
        let mut patience = PATIENCE;
        let Chars { chars, bits, waiting, .. } = text;
        let [first, second] = self.begins;
        let begins = bits.windows(2).enumerate().skip(from);
        for start in begins.filter(|(_, two)| first & two[0] != 0 && second & two[1] != 0).map(|(start, _)| start) {
            waiting.clear();
            let (mut step, mut at) = (0, start);
            loop {
                patience = patience.checked_sub(1).ok_or(Impatient)?;
                let goes_on = match self.steps[step] {
                    Step::Char(c) => {
                        at += 1;
                        chars.get(at - 1) == Some(&c)
                    }
                    Step::Set { from, to } => {
                        at += 1;
                        let ranges = &self.ranges[from as usize..to as usize];
                        chars.get(at - 1).is_some_and(|c| ranges.iter().any(|(start, end)| start <= c && c <= end))
                    }
                    Step::Split { first, second } => {
                        waiting.push((second, at as u32));
                        step = first as usize;
                        continue;
                    }
                    Step::Jump(to) => {
                        step = to as usize;
                        continue;
                    }
                    Step::Start => at == 0,
                    Step::End => at == chars.len(),
                    Step::Match => return Ok(Some((start, at))),
                };
                if goes_on {
                    step += 1;
                } else if let Some((next, place)) = waiting.pop() {
                    (step, at) = (next as usize, place as usize);
                } else {
                    break;
                }
            }
        }
        Ok(None)
    }
}

fn bit(c: char) -> u64 {
    1 << (u32::from(c) & 63)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(shape: &Shape, text: &str) -> Vec<Range<usize>> {
        let (mut chars, mut all) = (Chars::default(), Vec::new());
        chars.set(text);
        shape.each(text, &mut chars, |range| {
            all.push(range);
            false
        });
        all
    }

    #[test]
    fn what_has_no_program_is_left_to_the_crate() {
        for source in [r"\bab\b", "(?:a|)*b", "a*", "(?:a?){2}", "a{2000}"] {
            let shape = Shape::new(source, Reading::default()).unwrap();
            assert!(shape.program.is_none(), "{source}");
            let text = "ab b aab";
            assert_eq!(
                found(&shape, text),
                Regex::new(source).unwrap().find_iter(text).map(|m| m.range()).collect::<Vec<_>>()
            );
        }
        assert!(Shape::new("(a", Reading::default()).is_err());
    }

    #[test]
    fn a_search_that_would_never_end_is_left_to_the_crate() {
        let shape = Shape::new("(?:a+)+(?:a+)+c|b", Reading::default()).unwrap();
        assert!(shape.program.is_some());
        let text = format!("b{}b", "a".repeat(60));
        assert_eq!(found(&shape, &text), [0..1, 61..62]);
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_the_crate_finds(
            text in "[不知道我说再,a\\n]{0,14}", parts in prop::collection::vec(0usize..16, 1..7)
        ) {
            const PARTS: [&str; 16] = [
                "不", "知道", "(?:我|再说)", "(?:说.{0,2}的|不知)", ".{0,3}", "(?:再)?", "[不我]{1,2}", "^", "(?:,|$)", "(?:知|)",
                "[^,，]*", "(?:再|说)+", "我??", "(?:不.{0,4}?说|不)", "(?:^|,)", "(?i:A)"
            ];
            let source: String = parts.into_iter().map(|i| PARTS[i]).collect();
            let expected: Vec<_> = Regex::new(&source).unwrap().find_iter(&text).map(|m| m.range()).collect();
            prop_assert_eq!(found(&Shape::new(&source, Reading::default()).unwrap(), &text), expected, "{}", source);
        }
    }
}
