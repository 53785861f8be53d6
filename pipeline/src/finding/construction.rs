//! Constructions: weighted patterns of speech, each with the reason that a supervisor
//! reads. Owns loading `config/lexicon/*.toml` (the files named in [`FILES`]) and finding
//! the constructions in a turn; which code follows from them is the detectors' business.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use regex::Regex;
use regex_syntax::hir::{Hir, HirKind};
use serde::Deserialize;

use crate::assets::{Asset, Assets, line_of, parse_toml};
use crate::letters::is_alphanumeric;
use crate::phrases::Phrases;
use crate::record::Role;
use crate::{Error, Result};

/// The files, relative to `config/`.
pub(super) const FILES: [&str; 6] = [
    "lexicon/tone.toml",
    "lexicon/stance.toml",
    "lexicon/phrase.toml",
    "lexicon/conduct.toml",
    "lexicon/caller.toml",
    "lexicon/crisis.toml",
];

/// Written `{p}`, `{s}` and `{e}` in a pattern: punctuation, the start and the end of a clause.
const PUNCTUATION: &str = r#"[,,，.。!！?？;；:：、…—~\s“”"]"#;
const START: &str = r#"(?:^|[,,，.。!！?？;；:：、…—~\s“”"])"#;
const END: &str = r#"(?:$|[,,，.。!！?？;；:：、…—~\s“”"])"#;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    construction: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: toml::Spanned<String>,
    code: String,
    role: Role,
    weight: f32,
    reason: String,
    patterns: Vec<String>,
    #[serde(default)]
    except: Vec<String>,
}

/// One construction.
#[derive(Debug)]
pub(super) struct Construction {
    /// Unique name.
    pub(super) name: String,
    /// The code that it speaks for, or a group that detectors ask for by name.
    pub(super) code: String,
    /// Who says it.
    pub(super) role: Role,
    /// How strongly it speaks for the code by itself, 0 to 1.
    pub(super) weight: f32,
    /// Why, in Chinese, to stand after 坐席 or 来电人.
    pub(super) reason: String,
    except: Option<Regex>,
}

/// One pattern of a construction. Almost every pattern needs one of a few literals in the text, most
/// need one of each of several sets; all of these are looked for in one pass, and only patterns whose
/// literals are there run.
#[derive(Debug)]
struct Pattern {
    construction: usize,
    regex: Regex,
    /// Of each of these sets of literals one must be there, in this order.
    needs: Vec<Vec<u32>>,
}

/// A construction found in a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    /// Index into [`Constructions::get`].
    pub(super) construction: usize,
    /// Byte range in the turn's `fold`, without punctuation at its ends.
    pub(super) bytes: Range<usize>,
}

/// Every construction, compiled.
#[derive(Debug)]
pub(super) struct Constructions {
    list: Vec<Construction>,
    patterns: Vec<Pattern>,
    /// The literals that patterns need, and for each literal the patterns that wait for it.
    literals: Phrases,
    needed_by: Vec<Vec<usize>>,
    /// Patterns that need no literal.
    always: Vec<usize>,
}

impl Constructions {
    /// Loads [`FILES`].
    ///
    /// # Errors
    /// When a file is missing or not of the form, a name comes twice, or a pattern does not compile.
    pub(super) fn load(assets: &Assets) -> Result<Self> {
        let mut list: Vec<Construction> = Vec::new();
        let mut patterns: Vec<Pattern> = Vec::new();
        let mut literals = Literals::default();
        let mut always = Vec::new();
        for name in FILES {
            let asset = assets.read(name)?;
            for entry in parse_toml::<File>(&asset)?.construction {
                let (construction, compiled) = compile(&asset, entry, &list)?;
                for (source, regex) in compiled {
                    let sets = regex_syntax::parse(&source).map_or_else(|_| Vec::new(), |hir| required(&hir));
                    match narrowest(&sets) {
                        Some(set) => literals.wait(set, patterns.len()),
                        None => always.push(patterns.len()),
                    }
                    let needs = sets.iter().map(|set| set.iter().map(|literal| literals.number(literal)).collect());
                    patterns.push(Pattern { construction: list.len(), regex, needs: needs.collect() });
                }
                list.push(construction);
            }
        }
        let Literals { texts, needed_by, .. } = literals;
        Ok(Self { list, patterns, literals: Phrases::new(texts), needed_by, always })
    }

    /// The construction of a hit.
    pub(super) fn get(&self, hit: &Hit) -> &Construction {
        &self.list[hit.construction]
    }

    /// Every construction, in the order of the files.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Construction> {
        self.list.iter()
    }

    /// The constructions of that role in a folded text, each at most once (its first hit), in the
    /// order of the files.
    pub(super) fn find(&self, role: Role, fold: &str, places: &mut Places) -> Vec<Hit> {
        if fold.is_empty() || !matches!(role, Role::Agent | Role::Caller) {
            return Vec::new();
        }
        let mut wanted: Vec<usize> = self.always.clone();
        places.clear(self.needed_by.len());
        self.literals.each(fold, |found| {
            if places.note(found.phrase, found.bytes.start) {
                wanted.extend(&self.needed_by[found.phrase]);
            }
        });
        wanted.retain(|&pattern| {
            let pattern = &self.patterns[pattern];
            self.list[pattern.construction].role == role && in_order(&pattern.needs, places)
        });
        wanted.sort_unstable();
        wanted.dedup();
        let mut hits: Vec<Hit> = Vec::new();
        let mut harmless: Vec<Range<usize>> = Vec::new();
        let mut harmless_of = usize::MAX;
        for pattern in wanted.into_iter().map(|i| &self.patterns[i]) {
            let construction = &self.list[pattern.construction];
            for found in pattern.regex.find_iter(fold) {
                let bytes = trim(fold, found.range());
                if bytes.is_empty() {
                    continue;
                }
                if harmless_of != pattern.construction {
                    harmless_of = pattern.construction;
                    harmless.clear();
                    harmless.extend(construction.except.iter().flat_map(|e| e.find_iter(fold)).map(|m| m.range()));
                }
                if harmless.iter().any(|wide| wide.start < bytes.end && bytes.start < wide.end) {
                    continue;
                }
                match hits.last_mut().filter(|last| last.construction == pattern.construction) {
                    Some(last) if last.bytes.start <= bytes.start => {}
                    Some(last) => last.bytes = bytes,
                    None => hits.push(Hit { construction: pattern.construction, bytes }),
                }
                break;
            }
        }
        hits
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

/// The literals of all patterns, each once.
#[derive(Default)]
struct Literals {
    numbers: BTreeMap<String, u32>,
    texts: Vec<String>,
    needed_by: Vec<Vec<usize>>,
}

impl Literals {
    fn number(&mut self, literal: &str) -> u32 {
        if let Some(&number) = self.numbers.get(literal) {
            return number;
        }
        let number = self.texts.len() as u32;
        self.numbers.insert(literal.to_owned(), number);
        self.texts.push(literal.to_owned());
        self.needed_by.push(Vec::new());
        number
    }

    /// Has a pattern wait for any of these literals.
    fn wait(&mut self, set: &[String], pattern: usize) {
        for literal in set {
            let number = self.number(literal) as usize;
            self.needed_by[number].push(pattern);
        }
    }
}

/// The set that narrows most: the one with the longest shortest literal; of those, the one of fewest.
fn narrowest(sets: &[Vec<String>]) -> Option<&Vec<String>> {
    let shortest = |set: &[String]| set.iter().map(|literal| literal.chars().count()).min().unwrap_or(0);
    sets.iter().min_by_key(|set| (Reverse(shortest(set)), set.len()))
}

/// Whether a text may have a literal of every set, each not before that of the set before.
fn in_order(sets: &[Vec<u32>], places: &Places) -> bool {
    let mut from = 0;
    sets.iter().all(|set| {
        let found = set.iter().map(|&literal| places.spans[literal as usize]);
        let earliest = found.filter(|(first, last)| *first != u32::MAX && *last >= from).map(|(first, _)| first).min();
        from = from.max(earliest.unwrap_or(0));
        earliest.is_some()
    })
}

/// Sets of literals: every match of `hir` has at least one literal of each set, in the order of the sets.
fn required(hir: &Hir) -> Vec<Vec<String>> {
    match hir.kind() {
        HirKind::Literal(literal) => {
            String::from_utf8(literal.0.to_vec()).map_or_else(|_| Vec::new(), |text| vec![vec![text]])
        }
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min >= 1 => required(&repetition.sub),
        HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => {
            let ranges = class.iter().take(MAX_CLASS + 1).flat_map(|range| range.start()..=range.end());
            let literals: Vec<String> = ranges.take(MAX_CLASS + 1).map(String::from).collect();
            if literals.len() <= MAX_CLASS { vec![literals] } else { Vec::new() }
        }
        HirKind::Concat(parts) => parts.iter().flat_map(required).collect(),
        HirKind::Alternation(parts) => {
            // Of every part its best set: one of them is there.
            let best: Option<Vec<_>> = parts.iter().map(|part| narrowest(&required(part)).cloned()).collect();
            best.map_or_else(Vec::new, |sets| vec![sets.into_iter().flatten().collect()])
        }
        HirKind::Class(_) | HirKind::Empty | HirKind::Look(_) | HirKind::Repetition(_) => Vec::new(),
    }
}

/// Largest character class that is spelt out as literals.
const MAX_CLASS: usize = 24;

fn trim(fold: &str, range: Range<usize>) -> Range<usize> {
    let text = &fold[range.clone()];
    let left = text.len() - text.trim_start_matches(is_punctuation).len();
    let kept = text[left..].trim_end_matches(is_punctuation).len();
    range.start + left..range.start + left + kept
}

/// Whether a character is neither a letter, a digit nor a Chinese character.
pub(super) fn is_punctuation(c: char) -> bool {
    !is_alphanumeric(c)
}

fn compile(asset: &Asset, entry: Entry, before: &[Construction]) -> Result<(Construction, Vec<(String, Regex)>)> {
    let line = line_of(&asset.text, entry.name.span().start);
    let mistake = |message: String| Error::Config { file: asset.origin.clone(), line, message };
    let name = entry.name.into_inner();
    if before.iter().any(|c| c.name == name) {
        return Err(mistake(format!("construction `{name}` is defined twice")));
    }
    if entry.patterns.is_empty() || entry.patterns.iter().chain(&entry.except).any(String::is_empty) {
        return Err(mistake(format!("construction `{name}` has no pattern or an empty one")));
    }
    if !(0.0..=1.0).contains(&entry.weight) {
        return Err(mistake(format!("weight of `{name}` is not between 0 and 1")));
    }
    if !matches!(entry.role, Role::Agent | Role::Caller) {
        return Err(mistake(format!("role of `{name}` must be agent or caller")));
    }
    let build = |pattern: &String| {
        let source = expand(pattern);
        match Regex::new(&source) {
            Ok(regex) => Ok((source, regex)),
            Err(error) => {
                let message = error.to_string();
                let reason = message.lines().last().unwrap_or_default().trim_start_matches("error: ");
                Err(mistake(format!("pattern of `{name}`: {reason}: {pattern}")))
            }
        }
    };
    let patterns = entry.patterns.iter().map(build).collect::<Result<Vec<_>>>()?;
    let exceptions = entry.except.iter().map(build).collect::<Result<Vec<_>>>()?;
    let except = if exceptions.is_empty() {
        None
    } else {
        let all: Vec<String> = exceptions.iter().map(|(source, _)| format!("(?:{source})")).collect();
        Some(Regex::new(&all.join("|")).map_err(|e| mistake(format!("exceptions of `{name}`: {e}")))?)
    };
    let construction = Construction {
        name,
        code: entry.code,
        role: entry.role,
        weight: entry.weight,
        reason: entry.reason,
        except,
    };
    Ok((construction, patterns))
}

fn expand(pattern: &str) -> String {
    pattern.replace("{p}", PUNCTUATION).replace("{s}", START).replace("{e}", END)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_construction_compiles_and_names_its_reason() {
        let all = Constructions::load(&Assets::embedded()).unwrap();
        for construction in all.iter() {
            assert!(!construction.reason.is_empty(), "{}", construction.name);
        }
    }

    #[test]
    fn the_literals_of_a_pattern_never_hide_a_match() {
        let sets = |pattern: &str| required(&regex_syntax::parse(pattern).unwrap());
        let literals = |pattern: &str| narrowest(&sets(pattern)).cloned();
        assert_eq!(literals("(?:不|没)(?:知道|清楚)"), Some(vec!["知道".to_owned(), "清楚".to_owned()]));
        assert_eq!(literals("再.{0,4}说(?:一遍)?"), Some(vec!["再".to_owned()]));
        assert_eq!(literals("(?:啊)?[^,]{2,}"), None);
        assert_eq!(literals("(?:您)?(?:慢|走){1,2}"), Some(vec!["慢".to_owned(), "走".to_owned()]));
        assert_eq!(sets("再.{0,4}(?:说|讲(?:完|好))[吗]?"), [vec!["再"], vec!["说", "讲"]]);
        assert!(sets("(?:^|快)来?").is_empty());
    }

    #[test]
    fn a_pattern_that_does_not_compile_names_file_and_line() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("lexicon")).unwrap();
        let text = "# x\n\n[[construction]]\nname = \"t.a\"\ncode = \"impatience\"\nrole = \"agent\"\nweight = 0.5\nreason = \"理由\"\npatterns = ['(未闭合']\n";
        std::fs::write(dir.path().join("lexicon/tone.toml"), text).unwrap();
        let error = Constructions::load(&Assets::with_overlay(dir.path()).unwrap()).unwrap_err().to_string();
        assert!(error.contains("tone.toml:4: pattern of `t.a`"), "{error}");
    }
}
