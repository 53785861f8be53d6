//! Text between the stages: the normalized turn, its masks, its tokens and spans.
//!
//! Two strings of a turn matter downstream and have **the same number of characters**,
//! character `i` of one standing for character `i` of the other:
//! `text` is shown, stored and quoted; `fold` is only matched against.

use std::ops::Range;

/// A range of characters (Unicode scalars), end exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First character.
    pub start: u32,
    /// One past the last character.
    pub end: u32,
}

impl Span {
    /// A span; `start <= end` is the caller's duty.
    pub fn new(start: u32, end: u32) -> Self {
        debug_assert!(start <= end);
        Self { start, end }
    }

    /// Number of characters.
    pub fn len(self) -> u32 {
        self.end - self.start
    }

    /// Whether it covers nothing.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Whether the two share a character.
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// A turn after normalization.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NormalizedTurn {
    /// Normalized and masked: what is stored, shown and quoted.
    pub text: String,
    /// `text` folded for matching: simplified, lower case, half-width. Same number of characters.
    pub fold: String,
    /// Personal data that was masked, in order, not overlapping.
    pub masks: Vec<Mask>,
    /// Numbers, spoken or written, with their value, in order.
    pub numbers: Vec<NumberSpan>,
    /// Stuttered or doubled syllables that a recogniser writes out (我我我想 → the first two 我).
    pub repeats: Vec<Span>,
    /// For each character of `text`, plus one for its end: the character of the recorded text that it
    /// came from. Non-decreasing.
    pub raw_offsets: Vec<u32>,
    /// What takes time to say: Chinese characters, digits and Latin words of the recorded text.
    pub spoken_units: u32,
}

impl NormalizedTurn {
    /// The characters that a byte range of [`Self::fold`] covers. The range must lie on
    /// character boundaries, as every match does.
    pub fn span_of(&self, bytes: Range<usize>) -> Span {
        let start = self.fold[..bytes.start].chars().count() as u32;
        let len = self.fold[bytes].chars().count() as u32;
        Span::new(start, start + len)
    }

    /// The part of [`Self::text`] that a span covers; what it exceeds is left out.
    pub fn quote(&self, span: Span) -> &str {
        let mut indices = self.text.char_indices().map(|(i, _)| i).chain([self.text.len()]);
        let start = indices.nth(span.start as usize).unwrap_or(self.text.len());
        let end = match span.len() {
            0 => start,
            n => indices.nth(n as usize - 1).unwrap_or(self.text.len()),
        };
        &self.text[start..end]
    }

    /// The whole text as a span.
    pub fn whole(&self) -> Span {
        Span::new(0, self.text.chars().count() as u32)
    }

    /// The recorded characters behind a span of `text`.
    pub fn raw_span(&self, span: Span) -> Span {
        let at = |i: u32| self.raw_offsets.get(i as usize).or(self.raw_offsets.last()).copied().unwrap_or(i);
        Span::new(at(span.start), at(span.end).max(at(span.start)))
    }
}

/// One masked piece of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mask {
    /// What it was.
    pub kind: MaskKind,
    /// Where its placeholder stands in `text`.
    pub span: Span,
    /// Where it stood in the recorded text.
    pub raw: Span,
}

/// Kinds of personal data that are masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MaskKind {
    /// Resident identity card, checksum verified.
    IdCard,
    /// Bank card, Luhn verified.
    BankCard,
    /// Mobile or fixed telephone number of a person.
    Phone,
    /// Vehicle plate.
    Plate,
    /// E-mail address.
    Email,
    /// Name of a person.
    Name,
    /// House-level address.
    Address,
}

impl MaskKind {
    /// Every kind there is.
    pub const ALL: [Self; 7] = [
        Self::IdCard,
        Self::BankCard,
        Self::Phone,
        Self::Plate,
        Self::Email,
        Self::Name,
        Self::Address,
    ];

    /// The placeholder put in its place.
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::IdCard => "[身份证]",
            Self::BankCard => "[银行卡]",
            Self::Phone => "[电话]",
            Self::Plate => "[车牌]",
            Self::Email => "[邮箱]",
            Self::Name => "[姓名]",
            Self::Address => "[地址]",
        }
    }
}

/// A number in the text and its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberSpan {
    /// Where.
    pub span: Span,
    /// Its value (三百二十 → 320; 三幺零六 → 3106).
    pub value: f64,
}

/// A word of the segmented `fold` text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Byte range in `fold`.
    pub start: u32,
    /// End of the byte range, exclusive.
    pub end: u32,
    /// Character range in `fold` and `text`.
    pub span: Span,
}

impl Token {
    /// The word itself, out of the `fold` that was segmented.
    pub fn word<'a>(&self, fold: &'a str) -> &'a str {
        &fold[self.start as usize..self.end as usize]
    }
}
