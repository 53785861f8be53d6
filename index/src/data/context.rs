//! What a data folder has to know about the analyses put into it.

use std::sync::Arc;

use qingting_pipeline::Pipeline;

use super::index::{OpenCallIndex, OpenIndex};

/// The parts of the pipeline that a data folder needs. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub(super) dictionary_fingerprint: String,
    pub(super) config_fingerprint: String,
    pub(super) index: Arc<dyn OpenIndex>,
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
        }
    }

    #[cfg(test)]
    pub(super) fn with_index(index: Arc<dyn OpenIndex>) -> Self {
        Self {
            dictionary_fingerprint: "d".to_owned(),
            config_fingerprint: "c".to_owned(),
            index,
        }
    }
}
