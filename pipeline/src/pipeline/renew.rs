//! The same pipeline over changed files, while the old one goes on working. Owns what is told about files that cannot be
//! used: every mistake, as far as one does not hide another.

use std::sync::Arc;

use super::Pipeline;
use crate::assets::Assets;
use crate::config::PipelineConfig;
use crate::fact::FactFinder;
use crate::finding::Finder;
use crate::score::Scorer;
use crate::segment::{self, Segmenter};
use crate::signal::Signaler;
use crate::synonyms::Synonyms;
use crate::topic::TopicFinder;
use crate::topic::entity::EntityFinder;
use crate::{Error, Result};

/// The files of the dictionaries.
pub(super) const DICTIONARIES: (&str, &str) = ("dict", "txt");

impl Pipeline {
    /// A pipeline over other files with the same models and, where the dictionaries are the same, the same words. What
    /// finds topics is built too, so that it will not fail later, but not kept.
    ///
    /// # Errors
    /// Every mistake in the files: of rules each, of dictionaries and synonyms every line, of other files the first. A
    /// mistake can hide others in the same rule or file, and those that follow from it in other ones.
    pub fn renewed(&self, config: &PipelineConfig, assets: &Assets) -> Result<Self, Vec<Error>> {
        let made = self.over(config, assets).and_then(|made| {
            TopicFinder::new(&config.topic, assets, Arc::clone(&made.segmenter))?;
            EntityFinder::new(assets, Arc::clone(&made.segmenter))?;
            Ok(made)
        });
        made.map_err(|first| {
            let found = self.mistakes(config, assets);
            // What is no mistake in a file, such as a folder that cannot be read.
            if found.is_empty() { vec![first] } else { found }
        })
    }

    fn over(&self, config: &PipelineConfig, assets: &Assets) -> Result<Self> {
        let segmenter = if self.dictionaries == assets.fingerprint(&[DICTIONARIES])? {
            Arc::clone(&self.segmenter)
        } else {
            Arc::new(Segmenter::new(&config.segment, assets)?)
        };
        Self::with_segmenter(config, assets, self.learned.clone(), segmenter)
    }

    fn mistakes(&self, config: &PipelineConfig, assets: &Assets) -> Vec<Error> {
        let mut found = Vec::new();
        let mut note = |mistake| {
            // Cue lists are read by signals and by rules.
            if !found.iter().any(|known: &Error| known.to_string() == Error::to_string(&mistake)) {
                found.push(mistake);
            }
        };
        segment::mistakes(assets, &mut note);
        Synonyms::mistakes(assets, &mut note);
        let catalog = Finder::mistakes(assets, &mut note);
        Scorer::mistakes(&config.score, assets, &catalog, &mut note);
        let rest = [
            Signaler::new(&config.signal, assets, &self.learned).map(drop),
            FactFinder::new(&config.fact, assets, &self.learned, &self.segmenter).map(drop),
            TopicFinder::new(&config.topic, assets, Arc::clone(&self.segmenter)).map(drop),
            EntityFinder::new(assets, Arc::clone(&self.segmenter)).map(drop),
        ];
        rest.into_iter().filter_map(Result::err).for_each(note);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::Asset;
    use crate::record::{CallRecord, Role, Turn};

    fn over(files: &[(&str, &str)]) -> Assets {
        let asset = |(name, text): &(&str, &str)| {
            ((*name).to_owned(), Asset { origin: (*name).to_owned(), text: (*text).to_owned().into() })
        };
        Assets::embedded().with_files(files.iter().map(asset))
    }

    fn rule(id: &str, code: &str) -> String {
        format!(
            "[[rule]]\nid = \"{id}\"\nversion = 1\ntitle = \"x\"\ndoc = \"x\"\ncode = \"{code}\"\nconfidence = 0.9\n\
             explanation = \"说了“{{quote}}”。\"\n[rule.condition.a]\nrole = \"agent\"\nkeywords = {{ any = [\"您好\"] }}\n"
        )
    }

    #[test]
    fn a_renewed_pipeline_is_the_one_that_the_files_give() {
        let config = PipelineConfig::default();
        let old = Pipeline::new(&config, &Assets::embedded()).unwrap();
        let assets = over(&[("rules/own.toml", &rule("own", "impatience"))]);
        let renewed = old.renewed(&config, &assets).unwrap();
        let fresh = Pipeline::new(&config, &assets).unwrap();
        assert_eq!(renewed.provenance(), fresh.provenance());
        assert!(Arc::ptr_eq(renewed.segmenter(), old.segmenter()), "the words are the same");
        let mut call = CallRecord::new("c");
        call.turns = vec![
            Turn::new(Role::Agent, "您好，请讲。"),
            Turn::new(Role::Caller, "停水了。"),
        ];
        assert_eq!(renewed.analyze(&call), fresh.analyze(&call));
        assert_ne!(renewed.analyze(&call), old.analyze(&call));
        let words = over(&[("dict/zz.txt", "停水了\n")]);
        let renewed = old.renewed(&config, &words).unwrap();
        assert_eq!(renewed.provenance(), Pipeline::new(&config, &words).unwrap().provenance());
        assert!(renewed.segmenter().knows("停水了"));
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let config = PipelineConfig::default();
        let old = Pipeline::new(&config, &Assets::embedded()).unwrap();
        let rules = format!("{}{}{}", rule("a", "nowhere"), rule("b", "impatience"), rule("c!", "impatience"));
        let assets = over(&[
            ("rules/own.toml", &rules),
            ("rules/broken.toml", "[[rule]\n"),
            ("dict/zz.txt", "停 水 了\n好词\n 空\n"),
            ("synonyms/zz.txt", "独\n停水 断水\n孤零零\n"),
            ("scorecards/own.toml", "id = \"own\"\n"),
            ("lexicon/sentiment.toml", "x = 1\n"),
        ]);
        let told: Vec<(String, usize, Option<usize>)> = old
            .renewed(&config, &assets)
            .unwrap_err()
            .into_iter()
            .map(|mistake| match mistake {
                Error::Config { file, line, column, .. } => (file, line, column),
                other => panic!("{other}"),
            })
            .collect();
        let at = |file: &str, line, column| (file.to_owned(), line, column);
        for expected in [
            at("rules/own.toml", 6, Some(8)),
            at("rules/own.toml", 24, Some(6)),
            at("dict/zz.txt", 1, None),
            at("dict/zz.txt", 3, None),
            at("synonyms/zz.txt", 1, None),
            at("synonyms/zz.txt", 3, None),
        ] {
            assert!(told.contains(&expected), "{expected:?} in {told:?}");
        }
        for file in ["rules/broken.toml", "scorecards/own.toml", "lexicon/sentiment.toml"] {
            assert_eq!(told.iter().filter(|(of, ..)| of == file).count(), 1, "{file} in {told:?}");
        }
        assert_eq!(told.len(), 9, "{told:?}");
    }
}
