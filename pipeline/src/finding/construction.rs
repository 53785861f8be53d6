//! Constructions: weighted patterns of speech, each with the reason that a supervisor
//! reads. Owns loading `config/lexicon/*.toml` (the files named in [`FILES`]) and finding
//! the constructions in a turn; which code follows from them is the detectors' business.

use std::ops::Range;

use regex::{Regex, RegexSet, RegexSetBuilder};
use serde::Deserialize;

use crate::assets::{Asset, Assets, line_of, parse_toml};
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
    pattern: Regex,
    except: Option<Regex>,
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
    agent: RegexSet,
    agent_index: Vec<usize>,
    caller: RegexSet,
    caller_index: Vec<usize>,
}

impl Constructions {
    /// Loads [`FILES`].
    ///
    /// # Errors
    /// When a file is missing or not of the form, a name comes twice, or a pattern does not compile.
    pub(super) fn load(assets: &Assets) -> Result<Self> {
        let mut list: Vec<Construction> = Vec::new();
        let mut sources = Vec::new();
        for name in FILES {
            let asset = assets.read(name)?;
            for entry in parse_toml::<File>(&asset)?.construction {
                let (construction, source) = compile(&asset, entry, &list)?;
                list.push(construction);
                sources.push(source);
            }
        }
        let set = |role: Role| {
            let index: Vec<usize> = (0..list.len()).filter(|&i| list[i].role == role).collect();
            let built = RegexSetBuilder::new(index.iter().map(|&i| &sources[i]))
                .size_limit(64 << 20)
                .dfa_size_limit(16 << 20)
                .build()
                .map_err(|e| Error::Config { file: "config/lexicon".to_owned(), line: 1, message: e.to_string() })?;
            Ok::<_, Error>((built, index))
        };
        let (agent, agent_index) = set(Role::Agent)?;
        let (caller, caller_index) = set(Role::Caller)?;
        Ok(Self { list, agent, agent_index, caller, caller_index })
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
    pub(super) fn find(&self, role: Role, fold: &str) -> Vec<Hit> {
        let (set, index) = match role {
            Role::Agent => (&self.agent, &self.agent_index),
            Role::Caller => (&self.caller, &self.caller_index),
            Role::Bot | Role::Ivr | Role::Other => return Vec::new(),
        };
        if fold.is_empty() {
            return Vec::new();
        }
        set.matches(fold)
            .into_iter()
            .filter_map(|matched| {
                let construction = index[matched];
                self.list[construction].locate(fold).map(|bytes| Hit { construction, bytes })
            })
            .collect()
    }
}

impl Construction {
    fn locate(&self, fold: &str) -> Option<Range<usize>> {
        let harmless: Vec<Range<usize>> =
            self.except.iter().flat_map(|except| except.find_iter(fold)).map(|found| found.range()).collect();
        self.pattern
            .find_iter(fold)
            .map(|found| trim(fold, found.range()))
            .find(|hit| !hit.is_empty() && !harmless.iter().any(|wide| wide.start < hit.end && hit.start < wide.end))
    }
}

fn trim(fold: &str, range: Range<usize>) -> Range<usize> {
    let text = &fold[range.clone()];
    let left = text.len() - text.trim_start_matches(is_punctuation).len();
    let kept = text[left..].trim_end_matches(is_punctuation).len();
    range.start + left..range.start + left + kept
}

/// Whether a character is neither a letter, a digit nor a Chinese character.
pub(super) fn is_punctuation(c: char) -> bool {
    !c.is_alphanumeric()
}

fn compile(asset: &Asset, entry: Entry, before: &[Construction]) -> Result<(Construction, String)> {
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
    for pattern in entry.patterns.iter().chain(&entry.except) {
        Regex::new(&expand(pattern)).map_err(|error| {
            let message = error.to_string();
            let reason = message.lines().last().unwrap_or_default().trim_start_matches("error: ");
            mistake(format!("pattern of `{name}`: {reason}: {pattern}"))
        })?;
    }
    let join = |patterns: &[String]| {
        let all: Vec<String> = patterns.iter().map(|p| format!("(?:{})", expand(p))).collect();
        all.join("|")
    };
    let build = |source: &str| Regex::new(source).map_err(|e| mistake(format!("patterns of `{name}`: {e}")));
    let source = join(&entry.patterns);
    let pattern = build(&source)?;
    let except = if entry.except.is_empty() {
        None
    } else {
        Some(build(&join(&entry.except))?)
    };
    let construction = Construction {
        name,
        code: entry.code,
        role: entry.role,
        weight: entry.weight,
        reason: entry.reason,
        pattern,
        except,
    };
    Ok((construction, source))
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
    fn a_pattern_that_does_not_compile_names_file_and_line() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("lexicon")).unwrap();
        let text = "# x\n\n[[construction]]\nname = \"t.a\"\ncode = \"impatience\"\nrole = \"agent\"\nweight = 0.5\nreason = \"理由\"\npatterns = ['(未闭合']\n";
        std::fs::write(dir.path().join("lexicon/tone.toml"), text).unwrap();
        let error = Constructions::load(&Assets::with_overlay(dir.path()).unwrap()).unwrap_err().to_string();
        assert!(error.contains("tone.toml:4: pattern of `t.a`"), "{error}");
    }
}
