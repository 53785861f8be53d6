//! What a data folder has to know about the analyses put into it.

use std::sync::Arc;

use qingting_pipeline::Pipeline;
use qingting_pipeline::synonyms::Synonyms;

use super::index::{OpenCallIndex, OpenIndex};
use crate::originals::Originals;

/// The parts of the pipeline that a data folder needs. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub(super) dictionary_fingerprint: String,
    pub(super) config_fingerprint: String,
    pub(super) index: Arc<dyn OpenIndex>,
    /// What opens the particulars of calls.
    pub(super) originals: Option<Arc<Originals>>,
    /// Whether those of calls that come in are kept too.
    pub(super) keeps_originals: bool,
    pub(super) synonyms: Arc<Synonyms>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("config_fingerprint", &self.config_fingerprint)
            .finish_non_exhaustive()
    }
}

impl Context {
    /// That of a pipeline.
    pub fn new(pipeline: &Pipeline) -> Self {
        let provenance = pipeline.provenance();
        Self {
            dictionary_fingerprint: provenance.dictionary_fingerprint.clone(),
            config_fingerprint: provenance.config_fingerprint.clone(),
            index: Arc::new(OpenCallIndex {
                segmenter: Arc::clone(pipeline.segmenter()),
                normalizer: Arc::clone(pipeline.normalizer()),
                synonyms: Arc::clone(pipeline.synonyms()),
            }),
            originals: None,
            keeps_originals: false,
            synonyms: Arc::clone(pipeline.synonyms()),
        }
    }

    /// The same with keys that open what masking took out of calls, which is sealed with them where it is `kept`.
    #[must_use]
    pub fn with_originals(self, originals: Option<Arc<Originals>>, kept: bool) -> Self {
        Self { originals, keeps_originals: kept, ..self }
    }

    #[cfg(test)]
    pub(super) fn with_index(index: Arc<dyn OpenIndex>) -> Self {
        Self {
            dictionary_fingerprint: "d".to_owned(),
            config_fingerprint: "c".to_owned(),
            index,
            originals: None,
            keeps_originals: false,
            synonyms: Arc::default(),
        }
    }
}
