//! Cue lists: named lists of phrases, all of them found in one pass over a turn.
//! Owns loading and matching; what a cue means is said where it is used.

use std::sync::Arc;

use serde::Deserialize;

use crate::assets::{Asset, Assets, parse_toml};
use crate::phrases::Phrases;
use crate::record::CueHit;
use crate::{Error, Result};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    cue: Vec<List>,
}

/// One list of a file under `config/lexicon/cues/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    name: toml::Spanned<String>,
    /// What the list is for; read by people only.
    #[allow(dead_code)]
    title: String,
    phrases: Vec<String>,
    /// Longer phrases that make a hit inside them harmless.
    #[serde(default)]
    except: Vec<String>,
}

/// Every cue list, compiled.
#[derive(Debug)]
pub struct CueLists {
    phrases: Phrases,
    /// For each pattern: its list, and whether it is an exception.
    patterns: Vec<(usize, bool)>,
    names: Vec<Arc<str>>,
}

impl CueLists {
    /// Loads every file of `config/lexicon/cues/`.
    ///
    /// # Errors
    /// When a file is not of the form, a name comes twice, or a list is empty.
    pub fn load(assets: &Assets) -> Result<Self> {
        let mut names: Vec<Arc<str>> = Vec::new();
        let (mut texts, mut patterns) = (Vec::new(), Vec::new());
        for asset in assets.read_dir("lexicon/cues", "toml")? {
            for list in parse_toml::<File>(&asset)?.cue {
                let name = list.name.get_ref().as_str();
                if names.iter().any(|n| &**n == name) {
                    return Err(mistake(&asset, &list, format!("cue list `{name}` is defined twice")));
                }
                if list.phrases.iter().chain(&list.except).any(|p| p.trim().is_empty()) || list.phrases.is_empty() {
                    return Err(mistake(&asset, &list, format!("cue list `{name}` is empty or has an empty phrase")));
                }
                for (phrases, exception) in [(&list.phrases, false), (&list.except, true)] {
                    for phrase in phrases {
                        texts.push(phrase.to_lowercase());
                        patterns.push((names.len(), exception));
                    }
                }
                names.push(name.into());
            }
        }
        Ok(Self { phrases: Phrases::new(texts), patterns, names })
    }

    /// Whether there is a list of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.names.iter().any(|n| &**n == name)
    }

    /// Every hit in a folded text, by position. Of hits of one list that overlap, the longest stays.
    pub fn find(&self, fold: &str) -> Vec<CueHit> {
        let mut hits: Vec<(usize, std::ops::Range<usize>)> = Vec::new();
        let mut exceptions: Vec<(usize, std::ops::Range<usize>)> = Vec::new();
        self.phrases.each(fold, |found| {
            let (list, exception) = self.patterns[found.phrase];
            if exception { &mut exceptions } else { &mut hits }.push((list, found.bytes));
        });
        hits.retain(|(list, hit)| {
            !exceptions
                .iter()
                .any(|(other, wide)| other == list && wide.start <= hit.start && hit.end <= wide.end)
        });
        hits.sort_by_key(|(list, hit)| (*list, hit.start, std::cmp::Reverse(hit.end)));
        hits.dedup_by(|(list, hit), (kept_list, kept)| list == kept_list && hit.start < kept.end);
        hits.sort_by_key(|(list, hit)| (hit.start, hit.end, *list));
        hits.into_iter().map(|(list, bytes)| CueHit { cue: Arc::clone(&self.names[list]), bytes }).collect()
    }
}

fn mistake(asset: &Asset, list: &List, message: String) -> Error {
    Error::at(asset, list.name.span().start, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(text: &str) -> Result<CueLists> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("lexicon/cues")).unwrap();
        std::fs::write(dir.path().join("lexicon/cues/test.toml"), text).unwrap();
        CueLists::load(&Assets::with_overlay(dir.path()).unwrap())
    }

    #[test]
    fn an_exception_makes_the_hit_inside_it_harmless() {
        let cues = lists(
            "[[cue]]\nname = \"t.unknown\"\ntitle = \"x\"\nphrases = [\"不知道\", \"不知道啊\"]\nexcept = [\"不知道您\"]\n",
        )
        .unwrap();
        let found = |text: &str| cues.find(text).into_iter().filter(|h| &*h.cue == "t.unknown").collect::<Vec<_>>();
        assert!(found("不知道您方便吗").is_empty());
        let hits = found("这个我不知道啊");
        assert_eq!(hits.len(), 1);
        assert_eq!(&"这个我不知道啊"[hits[0].bytes.clone()], "不知道啊");
    }

    #[test]
    fn a_list_defined_twice_names_its_line() {
        let text = "[[cue]]\nname = \"t.a\"\ntitle = \"x\"\nphrases = [\"一\"]\n\n[[cue]]\nname = \"t.a\"\ntitle = \"x\"\nphrases = [\"二\"]\n";
        let error = lists(text).unwrap_err().to_string();
        assert!(error.ends_with("test.toml:7: cue list `t.a` is defined twice"), "{error}");
    }
}
