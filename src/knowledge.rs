//! Opening a knowledge base with the vectors that were chosen. Owns the choice; what the vectors are worth belongs to
//! the index, and how they are made to the models.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use qingting_index as index;
use qingting_index::DataDir;
use qingting_index::knowledge::{Encoded, ImportSummary, KnowledgeIndex};
use qingting_models::{Encoder, StaticVectors, retrieval};
use qingting_pipeline::Pipeline;

use crate::config::Settings;
use crate::insight::gaps::ArticleModels;

/// Which vectors, and where the transformer is.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    models: ArticleModels,
    folder: Option<PathBuf>,
    threads: usize,
}

impl Choice {
    /// What the sections `[knowledge]` and `[models]` say.
    pub fn new(settings: &Settings) -> Self {
        let folder = Some(settings.models.encoder.clone()).filter(|dir| !dir.as_os_str().is_empty());
        Self {
            models: settings.knowledge.models,
            folder,
            threads: settings.models.encoder_threads,
        }
    }

    /// Whether the transformer may be asked for.
    pub fn may_need_engine(&self) -> bool {
        match self.models {
            ArticleModels::Static => false,
            ArticleModels::Bert => true,
            ArticleModels::Auto => retrieval::installed(self.folder.as_deref()),
        }
    }

    /// The transformer.
    ///
    /// # Errors
    /// When this build has no engine, or its files are missing or do not fit.
    pub fn transformer(&self) -> index::Result<Arc<dyn Encoder>> {
        Ok(retrieval::open(self.folder.as_deref(), self.threads)?)
    }

    /// The transformer, when the choice is to compare sentences by it.
    ///
    /// # Errors
    /// As [`Self::transformer`], when it is to be had.
    pub fn comparing(&self) -> index::Result<Option<Arc<dyn Encoder>>> {
        self.may_need_engine().then(|| self.transformer()).transpose()
    }

    /// The transformer, when articles that are encoded so are to be found by it.
    fn finding(&self, encoded: &Encoded) -> index::Result<Option<Arc<dyn Encoder>>> {
        match (self.models, encoded) {
            (ArticleModels::Static, _) | (ArticleModels::Auto, Encoded::Static) => Ok(None),
            (ArticleModels::Bert, _) => self.transformer().map(Some),
            (ArticleModels::Auto, Encoded::Nothing) => self.comparing(),
            (ArticleModels::Auto, Encoded::Transformer(made_by)) => {
                let Some(transformer) = self.comparing()? else {
                    return Ok(None);
                };
                Ok(Some(transformer).filter(|transformer| transformer.fingerprint() == made_by.fingerprint))
            }
        }
    }
}

/// Opens the knowledge base of a data folder, ranked with what was said about its answers.
///
/// # Errors
/// When the index was built with something else, or the transformer was chosen and cannot be had.
pub fn open(data: &DataDir, pipeline: &Pipeline, choice: &Choice) -> index::Result<KnowledgeIndex> {
    let dir = data.knowledge_index_dir();
    let transformer = choice.finding(&KnowledgeIndex::encoded(&dir)?)?;
    let knowledge = open_in(&dir, pipeline, transformer)?;
    knowledge.set_feedback(&data.feedback()?)?;
    Ok(knowledge)
}

/// Encodes all articles of a data folder anew as they would be if they were the first ones.
///
/// # Errors
/// When the articles cannot be read or encoded, or the transformer was chosen and cannot be had; the knowledge base
/// stays as it is then.
pub fn rebuild(data: &DataDir, pipeline: &Pipeline, choice: &Choice) -> index::Result<ImportSummary> {
    let transformer = choice.finding(&Encoded::Nothing)?;
    data.rebuild_knowledge(|dir| open_in(dir, pipeline, transformer.clone()))
}

fn open_in(dir: &Path, pipeline: &Pipeline, transformer: Option<Arc<dyn Encoder>>) -> index::Result<KnowledgeIndex> {
    let (segmenter, normalizer) = (pipeline.segmenter().clone(), pipeline.normalizer().clone());
    let encoder = StaticVectors::embedded()?;
    KnowledgeIndex::open_with(dir, segmenter, normalizer, encoder, transformer)
}

/// What to tell somebody whose knowledge base has vectors that are not used although nobody said so.
pub fn unused(knowledge: &KnowledgeIndex, choice: &Choice) -> Option<String> {
    let unused = knowledge.unused_transformer().filter(|_| choice.models != ArticleModels::Static)?;
    Some(format!(
        "the articles are encoded by {} ({}), which {}; they are found by the static vectors, and none can be added. \
         `qingting kb reindex` encodes them anew with what is here",
        unused.name,
        unused.fingerprint,
        if cfg!(feature = "bert") {
            "is not in the folder for models, or another one is"
        } else {
            "is not part of this build (cargo feature `bert`)"
        }
    ))
}
