//! The phrase library, `config/phrases/*.toml`: for each fault of an agent what was said, what could be said instead, and why.
//! Owns the form and what is chosen for somebody; knows no calls. docs/coaching.md describes the form.

use std::collections::BTreeSet;

use qingting_pipeline::assets::{Asset, Assets, parse_toml};
use qingting_pipeline::finding::{Catalog, CodeInfo};
use qingting_pipeline::{Error, Result};
use serde::{Deserialize, Serialize};

const FOLDER: &str = "phrases";
/// Most characters of a field.
const LONGEST: usize = 400;
/// Fewest phrases of each code.
pub const FEWEST: usize = 4;

/// Whose hotline a phrase is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sector {
    /// Government hotlines, such as 12345.
    Government,
    /// Banks.
    Bank,
    /// Water, electricity, gas, heating.
    Utility,
    /// Telecommunication.
    Telecom,
}

impl Sector {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Government, Self::Bank, Self::Utility, Self::Telecom];

    /// The name in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Government => "government",
            Self::Bank => "bank",
            Self::Utility => "utility",
            Self::Telecom => "telecom",
        }
    }

    /// What supervisors read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Government => "政务",
            Self::Bank => "银行",
            Self::Utility => "公用事业",
            Self::Telecom => "通信",
        }
    }

    /// The one of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sector| sector.as_str() == name)
    }
}

/// One example of how it is said and how it could be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phrase {
    /// By which it is told apart; one in another file of the same id is a mistake.
    pub id: String,
    /// The fault.
    pub code: String,
    /// The sector; `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector: Option<Sector>,
    /// When it happens.
    pub situation: String,
    /// What the caller says before, where that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// What was said (不要说).
    pub said: String,
    /// What could be said (可以说).
    pub instead: String,
    /// Why.
    pub why: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    phrase: Vec<Phrase>,
}

/// Every phrase, in the order of the files and of the phrases in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Phrases(Vec<Phrase>);

impl Phrases {
    /// Reads the library: the embedded files, and over them those of the user's folder.
    ///
    /// # Errors
    /// The first mistake, with file and line: an unknown key or code, a field that is empty or too long, an id that comes
    /// twice.
    pub fn load(assets: &Assets, catalog: &Catalog) -> Result<Self> {
        let mut all = Self::default();
        for asset in assets.read_dir(FOLDER, "toml")? {
            all.add(&asset, catalog)?;
        }
        Ok(all)
    }

    /// Reads one file into the library.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn add(&mut self, asset: &Asset, catalog: &Catalog) -> Result<()> {
        let File { phrase } = parse_toml(asset)?;
        let mut known: BTreeSet<String> = self.0.iter().map(|phrase| phrase.id.clone()).collect();
        for phrase in phrase {
            if let Err(message) = phrase.check(catalog) {
                return Err(mistake(asset, &phrase.id, &message));
            }
            if !known.insert(phrase.id.clone()) {
                return Err(mistake(asset, &phrase.id, "the id is taken"));
            }
            self.0.push(phrase);
        }
        Ok(())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Phrase> {
        self.0.iter()
    }

    /// Those of a code and of a sector; what is written for any sector is of each.
    pub fn of<'a>(&'a self, code: Option<&'a str>, sector: Option<Sector>) -> impl Iterator<Item = &'a Phrase> {
        let in_sector =
            move |phrase: &Phrase| sector.is_none_or(|wanted| phrase.sector.is_none_or(|own| own == wanted));
        self.0.iter().filter(move |phrase| code.is_none_or(|code| phrase.code == code) && in_sector(phrase))
    }

    /// The best phrases for somebody who was heard saying `quotes`: those of the sector first, then those for any, then those of
    /// other sectors; among these the most alike by what is said, then in the order of the files.
    pub fn suggest<'a>(&'a self, code: &'a str, sector: Sector, quotes: &[&str], most: usize) -> Vec<&'a Phrase> {
        let heard: Vec<BTreeSet<[char; 2]>> = quotes.iter().map(|quote| pairs(quote)).collect();
        let likeness = |phrase: &Phrase| {
            let said = pairs(&phrase.said);
            // In thousandths, so that the order is one of integers.
            heard.iter().map(|quote| overlap(quote, &said)).max().unwrap_or(0)
        };
        let nearness = |phrase: &Phrase| match phrase.sector {
            Some(own) if own == sector => 0,
            None => 1,
            Some(_) => 2,
        };
        let mut found: Vec<(u8, std::cmp::Reverse<u64>, usize, &Phrase)> = self
            .of(Some(code), None)
            .enumerate()
            .map(|(nth, phrase)| (nearness(phrase), std::cmp::Reverse(likeness(phrase)), nth, phrase))
            .collect();
        found.sort_by_key(|(nearness, likeness, nth, _)| (*nearness, *likeness, *nth));
        found.into_iter().take(most).map(|(.., phrase)| phrase).collect()
    }
}

impl Phrase {
    fn check(&self, catalog: &Catalog) -> std::result::Result<(), String> {
        if !catalog.get(&self.code).is_some_and(CodeInfo::is_fault) {
            return Err(format!("\"{}\" is no fault of an agent", self.code));
        }
        let required = [
            ("id", Some(&self.id)),
            ("situation", Some(&self.situation)),
            ("caller", self.caller.as_ref()),
            ("said", Some(&self.said)),
            ("instead", Some(&self.instead)),
            ("why", Some(&self.why)),
        ];
        for (name, text) in required {
            let Some(text) = text else { continue };
            if text.trim().is_empty() {
                return Err(format!("{name} is empty"));
            }
            if text.chars().count() > LONGEST {
                return Err(format!("{name} is longer than {LONGEST} characters"));
            }
        }
        Ok(())
    }
}

fn mistake(asset: &Asset, id: &str, message: &str) -> Error {
    let written = format!("\"{id}\"");
    let last = asset.text.rmatch_indices(&written).next();
    Error::at(asset, last.map_or(0, |(at, _)| at), format!("phrase \"{id}\": {message}"))
}

/// Pairs of neighbouring letters and characters; punctuation parts them.
fn pairs(text: &str) -> BTreeSet<[char; 2]> {
    let characters: Vec<char> = text.chars().collect();
    let word = |pair: &&[char]| pair.iter().all(|c| c.is_alphanumeric());
    characters.windows(2).filter(word).map(|pair| [pair[0], pair[1]]).collect()
}

/// Shared pairs of all pairs of both (Jaccard), in thousandths.
fn overlap(a: &BTreeSet<[char; 2]>, b: &BTreeSet<[char; 2]>) -> u64 {
    let shared = a.intersection(b).count() as u64;
    let all = (a.len() + b.len()) as u64 - shared;
    (shared * 1000).checked_div(all).unwrap_or(0)
}
