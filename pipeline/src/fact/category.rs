//! The category of a call in a tree of keywords (`config/taxonomy/*.toml`), from broad to
//! narrow. Cheap and explainable; finding new subjects is the topic stage's business.

use aho_corasick::{AhoCorasick, MatchKind};
use serde::Deserialize;
use toml::Spanned;

use super::FactConfig;
use crate::assets::{Assets, line_of, parse_toml};
use crate::record::{CallContext, Role};
use crate::{Error, Result};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    category: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: Spanned<Vec<String>>,
    words: Vec<String>,
}

/// Every category, compiled.
#[derive(Debug)]
pub(super) struct Taxonomy {
    automaton: AhoCorasick,
    /// For each pattern: its category.
    patterns: Vec<usize>,
    paths: Vec<Vec<String>>,
    least: u32,
}

impl Taxonomy {
    /// # Errors
    /// When a file is not of the form, or a category has no path, no words or an empty one.
    pub(super) fn load(config: &FactConfig, assets: &Assets) -> Result<Self> {
        let (mut texts, mut patterns, mut paths) = (Vec::new(), Vec::new(), Vec::new());
        for asset in assets.read_dir("taxonomy", "toml")? {
            for entry in parse_toml::<File>(&asset)?.category {
                let empty = |words: &[String]| words.is_empty() || words.iter().any(|word| word.trim().is_empty());
                if empty(entry.path.get_ref()) || empty(&entry.words) {
                    return Err(Error::Config {
                        line: line_of(&asset.text, entry.path.span().start),
                        file: asset.origin,
                        message: "a category needs a path and words".to_owned(),
                    });
                }
                for word in entry.words {
                    texts.push(word.to_lowercase());
                    patterns.push(paths.len());
                }
                paths.push(entry.path.into_inner());
            }
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&texts)
            .map_err(|e| Error::Config { file: "config/taxonomy".to_owned(), line: 1, message: e.to_string() })?;
        Ok(Self { automaton, patterns, paths, least: config.category_hits.max(1) })
    }

    /// The category with the most hits, the caller's words counting double; where several categories of
    /// one broad class only together have enough hits, that class; empty when nothing has enough.
    pub(super) fn of(&self, context: &CallContext<'_>) -> Vec<String> {
        let mut hits = vec![0_u32; self.paths.len()];
        for (turn, normalized) in context.turns.iter().enumerate() {
            let weight = if context.role(turn) == Role::Caller { 2 } else { 1 };
            for found in self.automaton.find_iter(&normalized.fold) {
                hits[self.patterns[found.pattern().as_usize()]] += weight;
            }
        }
        let first = |path: &[String]| path.first().cloned().unwrap_or_default();
        let broad = |wanted: &str| -> u32 {
            self.paths.iter().zip(&hits).filter(|(path, _)| first(path) == wanted).map(|(_, hits)| hits).sum()
        };
        let best = self.paths.iter().zip(&hits).rev().max_by_key(|(_, hits)| **hits);
        match best {
            Some((path, &count)) if count >= 2 * self.least => path.clone(),
            Some((path, _)) if broad(&first(path)) >= 2 * self.least => vec![first(path)],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{CallRecord, CallSignals, NormalizedTurn, Turn};

    fn category(texts: &[&str]) -> Vec<String> {
        let mut record = CallRecord::new("t");
        record.turns = texts.iter().map(|text| Turn::new(Role::Caller, *text)).collect();
        let turns: Vec<_> =
            texts.iter().map(|t| NormalizedTurn { fold: (*t).to_owned(), ..Default::default() }).collect();
        let signals = CallSignals::default();
        let taxonomy = Taxonomy::load(&FactConfig::default(), &Assets::embedded()).unwrap();
        taxonomy.of(&CallContext { record: &record, turns: &turns, tokens: &[], signals: &signals })
    }

    #[test]
    fn keywords_put_a_call_into_the_tree() {
        assert_eq!(category(&["我们小区停水了，水压一直低", "自来水公司说在抢修"])[..1], ["城乡建设"]);
        assert_eq!(category(&["公交车司机不停车", "就是那路公交，等了四十分钟"]), ["交通运输", "公共交通"]);
        assert!(category(&["喂，你好"]).is_empty());
        assert!(category(&[]).is_empty());
    }

    #[test]
    fn a_category_without_words_names_its_line() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("taxonomy")).unwrap();
        std::fs::write(dir.path().join("taxonomy/x.toml"), "\n[[category]]\npath = [\"甲\"]\nwords = []\n").unwrap();
        let assets = Assets::with_overlay(dir.path()).unwrap();
        let error = Taxonomy::load(&FactConfig::default(), &assets).unwrap_err().to_string();
        assert!(error.ends_with("x.toml:3: a category needs a path and words"), "{error}");
    }
}
