//! Reads names backwards from what ends them. Owns where a name begins and what its canonical form is;
//! which words end, break or make names is the lexicon's.

use std::collections::BTreeMap;

use super::lexicon::{Lexicon, Over, Proper, Suffix};
use super::{Candidate, EntityKind};
use crate::normalize::fold_char;
use crate::record::MaskKind;
use crate::segment::{Segmenter, TaggedToken};

/// Part-of-speech tags of words that names are made of: proper names, abbreviations, and nouns.
const PROPER_TAGS: [&str; 4] = ["nr", "ns", "nt", "nz"];
const NOUN_TAGS: [&str; 4] = ["n", "j", "ng", "an"];
/// Part-of-speech tags of single characters that no name has: prepositions, conjunctions, particles,
/// pronouns, adverbs, interjections, measure words.
const FUNCTION_TAGS: [&str; 10] = ["p", "c", "u", "uj", "ul", "r", "d", "y", "e", "q"];
/// Numerals in names (五一路, 枫林三路, 第二人民医院).
const NUMERALS: &str = "一二三四五六七八九十百零〇第";
/// What tells parts of a road or district from each other and names nothing by itself.
const DIRECTIONS: &str = "东西南北中上下新老前后内外";

/// A folded text with its words; what was masked is punctuation in it.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) chars: Vec<char>,
    pub(super) fold: String,
    /// The first byte of every character, and the length.
    bytes: Vec<usize>,
    words: Vec<Word>,
}

/// A word of the text.
#[derive(Debug, Clone)]
struct Word {
    /// In characters.
    start: usize,
    end: usize,
    tag: Tag,
}

/// What a part of speech means for names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Proper,
    Place,
    Noun,
    Activity,
    Function,
    Latin,
    Other,
}

impl Tag {
    fn of(tag: &str) -> Self {
        match tag {
            "ns" => Self::Place,
            _ if PROPER_TAGS.iter().any(|proper| tag.starts_with(proper)) => Self::Proper,
            _ if NOUN_TAGS.contains(&tag) => Self::Noun,
            "vn" => Self::Activity,
            "eng" => Self::Latin,
            _ if FUNCTION_TAGS.contains(&tag) => Self::Function,
            _ => Self::Other,
        }
    }
}

impl Text {
    /// Folds a normalized text, blots out what was masked and cuts it into words.
    pub(super) fn new(text: &str, segmenter: &Segmenter) -> Self {
        let mut chars: Vec<char> = text.chars().map(fold_char).collect();
        blot(&mut chars);
        let fold: String = chars.iter().collect();
        let bytes = fold.char_indices().map(|(byte, _)| byte).chain([fold.len()]).collect();
        let word = |TaggedToken { token, tag }: TaggedToken<'_>| Word {
            start: token.span.start as usize,
            end: token.span.end as usize,
            tag: Tag::of(tag),
        };
        let words = segmenter.cut_tagged(&fold).into_iter().map(word).collect();
        Self { chars, fold, bytes, words }
    }

    /// The character that begins at a byte of the folded text.
    pub(super) fn char_at(&self, byte: usize) -> Option<usize> {
        self.bytes.binary_search(&byte).ok()
    }

    fn slice(&self, start: usize, end: usize) -> &str {
        &self.fold[self.bytes[start]..self.bytes[end]]
    }

    /// The word that has the character at `at` in it.
    fn word_with(&self, at: usize) -> Option<usize> {
        let next = self.words.partition_point(|word| word.start <= at);
        next.checked_sub(1).filter(|&i| self.words[i].end > at)
    }
}

/// Puts commas in place of the placeholders of masked data, so that no name forms with them.
fn blot(chars: &mut [char]) {
    use MaskKind::{Address, BankCard, Email, IdCard, Name, Phone, Plate};
    let mut at = 0;
    while let Some(open) = chars[at..].iter().position(|&c| c == '[').map(|i| at + i) {
        at = open + 1;
        for kind in [IdCard, BankCard, Phone, Plate, Email, Name, Address] {
            let length = kind.placeholder().chars().count();
            if chars[open..].len() >= length && kind.placeholder().chars().zip(&chars[open..]).all(|(a, &b)| a == b) {
                chars[open..open + length].fill(',');
            }
        }
    }
}

/// Reads the names of one text, given the endings and known names in it in the order of their ends.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    lexicon: &'a Lexicon,
    segmenter: &'a Segmenter,
    text: &'a Text,
    candidates: Vec<Candidate>,
    /// The place or organisation that ends at a character: the last (longest) one read.
    ends: BTreeMap<usize, usize>,
}

/// What stands before an ending.
#[derive(Debug)]
struct Body {
    start: usize,
    /// Its words, last first.
    parts: Vec<Part>,
    /// The name that it begins with, when it is another entity's.
    over: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    start: usize,
    end: usize,
    proper: bool,
    /// Whether it is a city, which a name can go without.
    city: bool,
    /// Whether it is only a number or a direction.
    weak: bool,
    /// Whether it is something done (管理, 建筑), which names do not begin with.
    activity: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(lexicon: &'a Lexicon, segmenter: &'a Segmenter, text: &'a Text) -> Self {
        Self { lexicon, segmenter, text, candidates: Vec::new(), ends: BTreeMap::new() }
    }

    pub(super) fn into_candidates(self) -> Vec<Candidate> {
        self.candidates
    }

    /// Takes a known name, if words begin and end where it does. A service may also be the first part of a
    /// compound (房贷利率).
    pub(super) fn known(&mut self, kind: EntityKind, canonical: &str, start: usize, end: usize) {
        let compound = |i: usize| {
            let word = &self.text.words[i];
            kind == EntityKind::Service && word.start == start && word.end >= start + 4 && end >= start + 2
        };
        if self.parts_words(start) || self.parts_words(end) && !self.text.word_with(start).is_some_and(compound) {
            return;
        }
        let name = canonical.chars().map(fold_char).collect();
        self.push(Candidate { kind, name, start, end, suffix: None });
    }

    /// Whether the place before a character lies inside a word that a dictionary has.
    fn parts_words(&self, at: usize) -> bool {
        self.text.word_with(at).is_some_and(|i| {
            let word = &self.text.words[i];
            word.start < at && self.segmenter.knows(self.text.slice(word.start, word.end))
        })
    }

    /// Whether an ending is the first part of a longer word that is no other thing: 街上, 小区业主.
    fn heads_word(&self, start: usize, end: usize) -> bool {
        self.text.word_with(start).is_some_and(|i| {
            let word = &self.text.words[i];
            let where_at = word.end == end + 1 && self.lexicon.says_where(self.text.chars[end]);
            word.start == start && (where_at || end - start >= 2 && word.end >= end + 2)
        })
    }

    fn push(&mut self, candidate: Candidate) {
        if candidate.kind != EntityKind::Service {
            let longer = |&i: &usize| self.candidates[i].start <= candidate.start;
            if !self.ends.get(&candidate.end).is_some_and(longer) {
                self.ends.insert(candidate.end, self.candidates.len());
            }
        }
        self.candidates.push(candidate);
    }

    /// Reads the name that the ending at `start..end` closes, if there is one.
    pub(super) fn ending(&mut self, suffix: usize, start: usize, end: usize) {
        let group = &self.lexicon.suffixes[suffix];
        // Names of districts and persons in the dictionary can run into each other: 洪山|区雄楚.
        let runs_on = |i: usize| self.text.words[i].start == start && self.text.words[i].tag == Tag::Proper;
        let runs_on = group.division && self.text.word_with(start).is_some_and(runs_on);
        if self.ends.contains_key(&end) || self.parts_words(end) && !runs_on && !self.heads_word(start, end) {
            return;
        }
        let name = if group.numbered {
            self.number(start).map(|(from, number)| (from, number + self.text.slice(start, end)))
        } else {
            self.body(group, start).and_then(|body| self.name(group, body, start, end))
        };
        if let Some((from, name)) = name {
            self.push(Candidate { kind: group.kind, name, start: from, end, suffix: Some(suffix) });
        }
    }

    /// The number that ends at a character, in digits: 十二号线 is 12号线.
    fn number(&self, end: usize) -> Option<(usize, String)> {
        let numeral = |c: &&char| c.is_ascii_digit() || NUMERALS.contains(**c);
        let length = self.text.chars[..end].iter().rev().take(3).take_while(numeral).count();
        let start = end - length;
        let mut value = 0;
        for &c in &self.text.chars[start..end] {
            value = match "零一二三四五六七八九".chars().position(|n| n == c) {
                _ if c == '十' => value.max(1) * 10,
                Some(digit) if value >= 10 && value % 10 == 0 => value + digit,
                Some(digit) => value * 10 + digit,
                None => value * 10 + c.to_digit(10)? as usize,
            };
        }
        (length > 0 && value > 0).then(|| (start, value.to_string()))
    }

    /// What stands before an ending, from the first word that belongs to the name.
    fn body(&self, group: &Suffix, end: usize) -> Option<Body> {
        let mut body = Body { start: end, parts: Vec::new(), over: None };
        if let Some(&before) = self.ends.get(&end) {
            body.over = self.may_join(group, before, &body).then_some(before);
            return Some(body);
        }
        let mut next = self.text.word_with(end);
        if let Some(word) = next.map(|i| &self.text.words[i]).filter(|word| word.start < end) {
            let head = self.text.slice(word.start, end);
            let whole = self.text.slice(word.start, word.end);
            if weak(head) {
                body.take(Part { weak: true, ..Part::new(word.start, end, head.starts_with('第')) });
            } else if self.segmenter.knows(whole) {
                let named = matches!(word.tag, Tag::Proper | Tag::Place) || self.lexicon.is_part(head);
                if !named || self.lexicon.breaks(whole) || self.lexicon.breaks(head) {
                    return None;
                }
                body.take(Part::new(word.start, end, true));
                // One character is the rest of a name that was cut in two: 大|柳村.
                if end - word.start > 1 {
                    return Some(body);
                }
            } else {
                let start = self.after_break(word.start, end);
                if start == end {
                    return Some(body);
                }
                body.take(Part::new(start, end, true));
                if start > word.start {
                    return Some(body);
                }
            }
        } else if next.is_none() {
            next = Some(self.text.words.partition_point(|word| word.end <= end));
        }
        let mut i = next?;
        while let Some(word) = i.checked_sub(1).map(|i| &self.text.words[i]).filter(|word| word.end == body.start) {
            i -= 1;
            if let Some(&before) = self.ends.get(&word.end) {
                body.over = self.may_join(group, before, &body).then_some(before);
                break;
            }
            let Some(part) = self.part(group, word) else { break };
            if end - part.start > group.body[1] {
                break;
            }
            body.take(part);
            if part.start > word.start {
                break;
            }
        }
        Some(body)
    }

    /// Whether a name may begin with another one: an estate with its road (东风路小区), a branch with its
    /// bank and road, a bureau with its district. When it has a name of its own, it goes without.
    fn may_join(&self, group: &Suffix, before: usize, body: &Body) -> bool {
        let before = &self.candidates[before];
        match group.over {
            Over::No => false,
            Over::Any if before.kind == EntityKind::Organisation => true,
            _ if before.kind == EntityKind::Organisation
                || !body.parts.iter().all(|part| part.city || part.weak && !part.proper) =>
            {
                false
            }
            Over::Place => before.suffix.is_none_or(|i| !self.lexicon.suffixes[i].division),
            Over::Division | Over::Any => true,
        }
    }

    /// A word as part of a name; `None` when a name does not go on with it.
    fn part(&self, group: &Suffix, word: &Word) -> Option<Part> {
        let text = self.text.slice(word.start, word.end);
        if self.lexicon.breaks(text) {
            return None;
        }
        let part = |proper| Some(Part::new(word.start, word.end, proper));
        if weak(text) {
            return Some(Part { weak: true, ..Part::new(word.start, word.end, text.starts_with('第')) });
        }
        if self.lexicon.is_part(text) {
            return part(true);
        }
        if word.end - word.start == 1 {
            let c = self.text.chars[word.start];
            let fits = c.is_alphabetic() && word.tag != Tag::Function && !self.lexicon.breaks_at(c);
            return if fits { part(false) } else { None };
        }
        if !self.segmenter.knows(text) {
            if text.contains(|c: char| c.is_ascii_digit()) {
                let numbered = group.division && word.end - word.start <= 3 && word.tag == Tag::Latin;
                return if numbered { part(true) } else { None };
            }
            if word.tag == Tag::Latin {
                return part(true);
            }
            let start = self.after_break(word.start, word.end);
            let proper = word.end - start >= 2;
            return (start < word.end).then_some(Part::new(start, word.end, proper));
        }
        match word.tag {
            Tag::Proper => {
                let ends = self.ends.range(word.start + 1..word.end).next_back();
                part(true).map(|part| Part { start: ends.map_or(word.start, |(&end, _)| end), ..part })
            }
            Tag::Place => part(true).map(|part| Part { city: self.city(word).is_some(), ..part }),
            Tag::Noun if group.proper != Proper::All => part(false),
            Tag::Activity if group.proper == Proper::One => part(false).map(|part| Part { activity: true, ..part }),
            _ => None,
        }
    }

    /// Where a run of characters that no dictionary has goes on after the last one that breaks a name, or
    /// after a name that ends in it.
    fn after_break(&self, start: usize, end: usize) -> usize {
        let inner = |i: usize| i > start && i + 1 == end && self.lexicon.is_inner(self.text.chars[i]);
        let breaking =
            |&i: &usize| self.lexicon.breaks_at(self.text.chars[i]) && !inner(i) || self.ends.contains_key(&(i + 1));
        (start..end).rev().find(breaking).map_or(start, |i| i + 1)
    }

    /// The place or organisation's name, from its first character, if what stands before its ending will do.
    fn name(&self, group: &Suffix, mut body: Body, end: usize, close: usize) -> Option<(usize, String)> {
        let over = body.over.map(|i| &self.candidates[i]);
        // A city before a name of its own is not part of it: 长沙恒信物业, but 南京路.
        while over.is_none() && body.parts.len() > 1 {
            let rest: usize = body.parts[..body.parts.len() - 1].iter().map(|part| part.end - part.start).sum();
            let first = body.parts[body.parts.len() - 1];
            let rest_weak = weak(self.text.slice(first.end, end));
            if !first.city || rest < 2.max(group.body[0]) || rest_weak {
                break;
            }
            body.parts.pop();
            body.start = first.end;
        }
        if over.is_some() {
            while body.parts.last().is_some_and(|part| part.city) {
                body.parts.pop();
            }
        }
        self.trim(&mut body, end);
        let own_start = body.parts.last().map_or(end, |part| part.start);
        let own = self.text.slice(own_start, end);
        let length = end - own_start;
        let form = self.text.slice(end, close);
        if over.is_none() {
            if length == 0 {
                return group.alone.then(|| (end, group.written.as_deref().unwrap_or(form).to_owned()));
            }
            let proper = |part: &Part| part.proper;
            let singles = body.parts.iter().filter(|part| part.end - part.start == 1).count();
            let enough = match group.proper {
                Proper::None => true,
                Proper::One => body.parts.iter().any(proper) || singles >= 2,
                Proper::All => body.parts.iter().all(|part| part.proper || part.end - part.start == 1),
            };
            let numbers = own.chars().all(|c| NUMERALS.contains(c));
            let nothing =
                weak(own) && !(numbers && length >= 2 && group.proper == Proper::None) && !own.starts_with('第');
            if length < group.body[0] || !enough || nothing {
                return None;
            }
        }
        // A branch has its bank before its road.
        let bank = over.and_then(|over| self.ends.get(&over.start)).map(|&i| &self.candidates[i]);
        let bank = bank.filter(|bank| group.over == Over::Any && bank.kind == EntityKind::Organisation);
        let mut stem: String = bank.into_iter().chain(over).map(|before| before.name.as_str()).collect();
        stem.push_str(own);
        let written = group.written.as_deref().unwrap_or(form);
        let drops = match group.drop_from {
            Some(0) => over.is_some_and(|over| {
                over.kind == EntityKind::Place && over.suffix.is_none_or(|i| self.lexicon.suffixes[i].home)
            }),
            Some(from) => length >= from,
            None => false,
        };
        let name = if drops { stem } else { stem + written };
        let start = bank.or(over).map_or(own_start, |before| before.start);
        (!self.lexicon.ends_none(&name)).then_some((start, name))
    }

    /// Takes away what only stands before a name: a word that says where (滨江路|上|锦和苑) or what is done
    /// (建设|康宁医院), and common nouns when a proper name follows (负责人|恒信物业).
    fn trim(&self, body: &mut Body, end: usize) {
        while let [.., next, first] = body.parts[..] {
            let text = self.text.slice(first.start, first.end);
            let rest = end - first.end;
            let leads = self.lexicon.is_lead(text) && rest >= 2;
            let common = !first.proper && !first.weak && first.end - first.start >= 2;
            let named = next.proper && !next.weak && next.end - next.start >= 2;
            if !leads && !(common && (named || first.activity)) {
                break;
            }
            body.parts.pop();
            body.start = next.start;
        }
    }

    /// The city that a word names, without 市: one that the dictionary has with 市 too.
    fn city(&self, word: &Word) -> Option<String> {
        if word.tag != Tag::Place || word.end - word.start < 2 {
            return None;
        }
        let text = self.text.slice(word.start, word.end);
        if self.lexicon.is_no_city(text) {
            return None;
        }
        let bare = text.strip_suffix('市').filter(|bare| bare.chars().count() >= 2);
        match bare {
            Some(bare) => Some(bare.to_owned()),
            None => self.segmenter.knows(&format!("{text}市")).then(|| text.to_owned()),
        }
    }

    /// Adds the cities that are named without an ending.
    pub(super) fn cities(&mut self) {
        for word in &self.text.words {
            if let Some(name) = self.city(word) {
                let (start, end) = (word.start, word.end);
                self.candidates.push(Candidate { kind: EntityKind::Place, name, start, end, suffix: None });
            }
        }
    }
}

impl Part {
    fn new(start: usize, end: usize, proper: bool) -> Self {
        Self { start, end, proper, city: false, weak: false, activity: false }
    }
}

impl Body {
    fn take(&mut self, part: Part) {
        self.start = part.start;
        self.parts.push(part);
    }
}

/// Whether a text is only a number or a direction: 三路, 东路.
fn weak(text: &str) -> bool {
    text.chars().all(|c| NUMERALS.contains(c) || DIRECTIONS.contains(c))
}
