//! `config/lexicon/entities.toml` and the tagged words of `config/dict/`: what ends a name, what a name
//! cannot be made of, and the names that are known as wholes. Owns reading and checking them, not finding.

use std::collections::{BTreeMap, HashSet};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use serde::Deserialize;
use toml::Spanned;

use super::EntityKind;
use crate::assets::{Asset, Assets, line_of, parse_toml};
use crate::normalize::fold_char;
use crate::segment::Segmenter;
use crate::{Error, Result};

/// The file, relative to `config/`.
const FILE: &str = "lexicon/entities.toml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    words: Words,
    suffix: Vec<Entry>,
    places: Names,
    organisations: Names,
    services: Names,
}

/// Canonical names, each with the other forms of it.
type Names = BTreeMap<String, Spanned<Vec<String>>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    breaks: Vec<String>,
    break_chars: String,
    inner_chars: String,
    leads: Vec<String>,
    no_endings: Vec<String>,
    place_chars: String,
    parts: Vec<String>,
    generic: Vec<String>,
    not_cities: Vec<String>,
    locatives: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kind: EntityKind,
    forms: Spanned<Vec<String>>,
    body: Spanned<[usize; 2]>,
    #[serde(default)]
    proper: Proper,
    #[serde(default)]
    alone: bool,
    #[serde(default)]
    over: Over,
    #[serde(default)]
    home: bool,
    #[serde(default)]
    division: bool,
    #[serde(default)]
    numbered: bool,
    #[serde(rename = "as")]
    written: Option<String>,
    drop_from: Option<usize>,
}

/// How much of what stands before a suffix must be a proper name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Proper {
    /// Common nouns will do: 香樟路.
    #[default]
    None,
    /// One word of it: 盛达建筑公司, but not 建筑公司.
    One,
    /// Every word: 洪山区, but not 施工区.
    All,
}

/// Which other name may stand right before an ending and be part of the name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Over {
    /// None.
    #[default]
    No,
    /// A place's, other than a division's: 东风路小区.
    Place,
    /// A division's too: 洪山区教育局.
    Division,
    /// An organisation's too: 工商银行东风路支行.
    Any,
}

/// A group of endings that are treated alike.
#[derive(Debug)]
pub(super) struct Suffix {
    pub(super) kind: EntityKind,
    /// Fewest and most characters before the ending.
    pub(super) body: [usize; 2],
    pub(super) proper: Proper,
    /// Whether the ending is a name by itself.
    pub(super) alone: bool,
    pub(super) over: Over,
    /// Whether it ends the name of a housing estate, after which 小区 says nothing more.
    pub(super) home: bool,
    /// Whether it ends the name of an administrative division, which no other place's name begins with.
    pub(super) division: bool,
    /// Whether only a number may stand before it.
    pub(super) numbered: bool,
    /// What the canonical name has in its place.
    pub(super) written: Option<String>,
    /// From how many characters before it on the canonical name goes without it; with 0, when they are the
    /// name of an estate or a known place.
    pub(super) drop_from: Option<usize>,
}

/// What a string of the automaton means. One string can mean several things.
#[derive(Debug, Clone)]
pub(super) enum Meaning {
    /// A known name or another form of one.
    Name { kind: EntityKind, canonical: String },
    /// An ending, by its index in [`Lexicon::suffixes`].
    Ending(usize),
}

/// Everything that the finder looks up. All of it is folded.
#[derive(Debug)]
pub(super) struct Lexicon {
    pub(super) automaton: AhoCorasick,
    /// For each pattern of the automaton.
    pub(super) meanings: Vec<Vec<Meaning>>,
    pub(super) suffixes: Vec<Suffix>,
    pub(super) locatives: Vec<Vec<char>>,
    breaks: HashSet<String>,
    break_chars: HashSet<char>,
    inner_chars: HashSet<char>,
    leads: HashSet<String>,
    no_endings: Vec<String>,
    place_chars: HashSet<char>,
    parts: HashSet<String>,
    generic: HashSet<String>,
    not_cities: HashSet<String>,
    aliases: BTreeMap<(EntityKind, String), String>,
}

impl Lexicon {
    /// Loads the file and the words that `config/dict/` tags `ns`, `nt` or `service`.
    ///
    /// # Errors
    /// A missing file, an unknown key, an empty word, a form that stands for two names, a body whose
    /// fewest characters are more than its most.
    pub(super) fn load(assets: &Assets, segmenter: &Segmenter) -> Result<Self> {
        let asset = assets.read(FILE)?;
        let file: File = parse_toml(&asset)?;
        let mut patterns: BTreeMap<String, Vec<Meaning>> = BTreeMap::new();
        let mut aliases = BTreeMap::new();
        let tables = [
            (EntityKind::Place, &file.places),
            (EntityKind::Organisation, &file.organisations),
            (EntityKind::Service, &file.services),
        ];
        for (kind, names) in tables {
            for (canonical, forms) in names {
                let line = line_of(&asset.text, forms.span().start);
                for form in std::iter::once(canonical).chain(forms.get_ref()) {
                    let key = (kind, checked(&asset, line, form)?);
                    if let Some(other) = aliases.insert(key, canonical.clone()).filter(|other| other != canonical) {
                        let message = format!("`{form}` is a form of `{other}` and of `{canonical}`; keep it at one");
                        return Err(Error::in_line(&asset, line, message));
                    }
                }
            }
        }
        for (word, tag) in segmenter.tagged_words() {
            let kind = match tag {
                "ns" => EntityKind::Place,
                "nt" => EntityKind::Organisation,
                "service" => EntityKind::Service,
                _ => continue,
            };
            aliases.entry((kind, word.to_owned())).or_insert_with(|| upper(word));
        }
        for ((kind, form), canonical) in &aliases {
            let meaning = Meaning::Name { kind: *kind, canonical: canonical.clone() };
            patterns.entry(form.clone()).or_default().push(meaning);
        }
        let mut suffixes = Vec::new();
        for entry in file.suffix {
            let (group, forms) = suffix(&asset, &entry)?;
            for form in forms {
                patterns.entry(form).or_default().push(Meaning::Ending(suffixes.len()));
            }
            suffixes.push(group);
        }
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::DFA))
            .build(patterns.keys())
            .map_err(|error| Error::in_line(&asset, 1, error.to_string()))?;
        let folded = |words: &[String]| -> HashSet<String> { words.iter().map(|word| fold(word)).collect() };
        let words = &file.words;
        Ok(Self {
            automaton,
            meanings: patterns.into_values().collect(),
            suffixes,
            locatives: words.locatives.iter().map(|word| fold(word).chars().collect()).collect(),
            breaks: folded(&words.breaks),
            break_chars: words.break_chars.chars().map(fold_char).collect(),
            leads: folded(&words.leads),
            inner_chars: words.inner_chars.chars().map(fold_char).collect(),
            no_endings: words.no_endings.iter().map(|word| fold(word)).collect(),
            place_chars: words.place_chars.chars().map(fold_char).collect(),
            parts: folded(&words.parts),
            generic: folded(&words.generic),
            not_cities: folded(&words.not_cities),
            aliases,
        })
    }

    /// Whether a name cannot go on with this word.
    pub(super) fn breaks(&self, word: &str) -> bool {
        self.breaks.contains(word)
    }

    /// Whether a name that was pieced together cannot have this character where a word begins.
    pub(super) fn breaks_at(&self, c: char) -> bool {
        self.break_chars.contains(&c)
    }

    /// Whether a word that can be part of a name does not begin one.
    pub(super) fn is_lead(&self, word: &str) -> bool {
        self.leads.contains(word)
    }

    /// Whether such a character may also be the last one before an ending: 锦和苑.
    pub(super) fn is_inner(&self, c: char) -> bool {
        self.inner_chars.contains(&c)
    }

    /// Whether a character after an ending says where at the place, as one word with it: 街上, 巷里.
    pub(super) fn says_where(&self, c: char) -> bool {
        self.place_chars.contains(&c)
    }

    /// Whether what looks like a name ends as no name does: 周边地区 is no 区.
    pub(super) fn ends_none(&self, name: &str) -> bool {
        self.no_endings.iter().any(|ending| name.ends_with(ending.as_str()))
    }

    /// Whether the word, though no noun, is often part of a name: 建设, 解放.
    pub(super) fn is_part(&self, word: &str) -> bool {
        self.parts.contains(word)
    }

    /// Whether what looks like a name names nothing in particular.
    pub(super) fn is_generic(&self, name: &str) -> bool {
        self.generic.contains(name)
    }

    /// Whether a word that could be a city is seldom meant as one: 东方.
    pub(super) fn is_no_city(&self, word: &str) -> bool {
        self.not_cities.contains(word)
    }

    /// The canonical form of a (folded) name that was pieced together.
    pub(super) fn canonical(&self, kind: EntityKind, name: &str) -> String {
        match self.aliases.get(&(kind, name.to_owned())) {
            Some(canonical) => canonical.clone(),
            None => upper(name),
        }
    }
}

/// Latin letters are shown as capitals: A区, SOHO.
fn upper(name: &str) -> String {
    name.chars().map(|c| c.to_ascii_uppercase()).collect()
}

fn fold(word: &str) -> String {
    word.chars().map(fold_char).collect()
}

fn checked(asset: &Asset, line: usize, word: &str) -> Result<String> {
    if word.is_empty() || word.contains(char::is_whitespace) {
        let message = format!("`{word}` is empty or has white space in it");
        return Err(Error::in_line(asset, line, message));
    }
    Ok(fold(word))
}

fn suffix(asset: &Asset, entry: &Entry) -> Result<(Suffix, Vec<String>)> {
    let [fewest, most] = *entry.body.get_ref();
    if fewest > most || most == 0 {
        let message = format!("body = [{fewest}, {most}]: the first number must not exceed the second, nor that be 0");
        let line = line_of(&asset.text, entry.body.span().start);
        return Err(Error::in_line(asset, line, message));
    }
    let line = line_of(&asset.text, entry.forms.span().start);
    let forms: Vec<String> =
        entry.forms.get_ref().iter().map(|form| checked(asset, line, form)).collect::<Result<_>>()?;
    let suffix = Suffix {
        kind: entry.kind,
        body: [fewest, most],
        proper: entry.proper,
        alone: entry.alone,
        over: entry.over,
        home: entry.home,
        division: entry.division,
        numbered: entry.numbered,
        written: entry.written.as_deref().map(fold),
        drop_from: entry.drop_from,
    };
    Ok((suffix, forms))
}
