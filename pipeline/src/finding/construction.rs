//! Constructions: weighted patterns of speech, each with the reason that a supervisor
//! reads. Owns loading `config/lexicon/*.toml` (the files named in [`FILES`]) and finding
//! the constructions in a turn; which code follows from them is the detectors' business.

use std::ops::Range;

use serde::Deserialize;

use super::needs::{Collector, Needs, Places};
use crate::assets::{Asset, Assets, parse_toml};
use crate::letters::is_alphanumeric;
use crate::record::Role;
use crate::shape::{Chars, Reading, Shape};
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
    except: Option<Shape>,
}

/// One pattern of a construction.
#[derive(Debug)]
struct Pattern {
    construction: usize,
    shape: Shape,
}

/// A construction found in a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    /// Index into [`Constructions::get`].
    pub(super) construction: usize,
    /// Byte range in the turn's `fold`, without punctuation at its ends.
    pub(super) bytes: Range<usize>,
}

/// Room for looking into one text after another.
#[derive(Debug, Default)]
pub(super) struct Room {
    places: Places,
    chars: Chars,
    harmless: Vec<Range<usize>>,
}

/// Every construction, compiled.
#[derive(Debug)]
pub(super) struct Constructions {
    list: Vec<Construction>,
    patterns: Vec<Pattern>,
    /// What a text must have for each pattern.
    needs: Needs,
}

impl Constructions {
    /// Loads [`FILES`].
    ///
    /// # Errors
    /// When a file is missing or not of the form, a name comes twice, or a pattern does not compile.
    pub(super) fn load(assets: &Assets) -> Result<Self> {
        let mut list: Vec<Construction> = Vec::new();
        let mut patterns: Vec<Pattern> = Vec::new();
        let mut needs = Collector::default();
        for name in FILES {
            let asset = assets.read(name)?;
            for entry in parse_toml::<File>(&asset)?.construction {
                let (construction, compiled) = compile(&asset, entry, &list)?;
                for (source, shape) in compiled {
                    needs.add(&source);
                    patterns.push(Pattern { construction: list.len(), shape });
                }
                list.push(construction);
            }
        }
        Ok(Self { list, patterns, needs: needs.ready() })
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
    pub(super) fn find(&self, role: Role, fold: &str, room: &mut Room) -> Vec<Hit> {
        if fold.is_empty() || !matches!(role, Role::Agent | Role::Caller) {
            return Vec::new();
        }
        let Room { places, chars, harmless } = room;
        let spoken = |pattern: usize| self.list[self.patterns[pattern].construction].role == role;
        let wanted = self.needs.met(fold, places, spoken);
        if wanted.is_empty() {
            return Vec::new();
        }
        chars.set(fold);
        let mut hits: Vec<Hit> = Vec::new();
        let mut harmless_of = usize::MAX;
        for pattern in wanted.into_iter().map(|i| &self.patterns[i]) {
            let construction = &self.list[pattern.construction];
            let mut first = None;
            // Of a pattern without exceptions the first match that has letters counts.
            let mut later = Vec::new();
            pattern.shape.each(fold, chars, |found| {
                let bytes = trim(fold, found);
                if !bytes.is_empty() && construction.except.is_none() {
                    first = Some(bytes);
                } else if !bytes.is_empty() {
                    later.push(bytes);
                }
                first.is_some()
            });
            if let Some(except) = construction.except.as_ref().filter(|_| !later.is_empty()) {
                if harmless_of != pattern.construction {
                    harmless_of = pattern.construction;
                    harmless.clear();
                    except.each(fold, chars, |wide| {
                        harmless.push(wide);
                        false
                    });
                }
                let inside =
                    |bytes: &Range<usize>| harmless.iter().any(|wide| wide.start < bytes.end && bytes.start < wide.end);
                first = later.into_iter().find(|bytes| !inside(bytes));
            }
            let Some(bytes) = first else { continue };
            match hits.last_mut().filter(|last| last.construction == pattern.construction) {
                Some(last) if last.bytes.start <= bytes.start => {}
                Some(last) => last.bytes = bytes,
                None => hits.push(Hit { construction: pattern.construction, bytes }),
            }
        }
        hits
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
    !is_alphanumeric(c)
}

fn compile(asset: &Asset, entry: Entry, before: &[Construction]) -> Result<(Construction, Vec<(String, Shape)>)> {
    let start = entry.name.span().start;
    let mistake = |message: String| Error::at(asset, start, message);
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
        match Shape::new(&source, Reading::default()) {
            Ok(shape) => Ok((source, shape)),
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
        Some(
            Shape::new(&all.join("|"), Reading::default())
                .map_err(|e| mistake(format!("exceptions of `{name}`: {e}")))?,
        )
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
    fn a_pattern_that_does_not_compile_names_file_and_line() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("lexicon")).unwrap();
        let text = "# x\n\n[[construction]]\nname = \"t.a\"\ncode = \"impatience\"\nrole = \"agent\"\nweight = 0.5\nreason = \"理由\"\npatterns = ['(未闭合']\n";
        std::fs::write(dir.path().join("lexicon/tone.toml"), text).unwrap();
        let error = Constructions::load(&Assets::with_overlay(dir.path()).unwrap()).unwrap_err().to_string();
        assert!(error.contains("tone.toml:4: pattern of `t.a`"), "{error}");
    }
}
