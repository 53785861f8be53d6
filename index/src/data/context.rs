//! What a data folder has to know about the analyses put into it.

use std::sync::Arc;

use qingting_pipeline::Pipeline;

use super::index::OpenIndex;

/// The parts of the pipeline that a data folder needs. Cheap to clone.
#[derive(Clone, Default)]
pub struct Context {
    pub(super) dictionary_fingerprint: String,
    pub(super) config_fingerprint: String,
    index: Option<Arc<dyn OpenIndex>>,
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
            index: None,
        }
    }

    pub(super) fn opener(&self) -> Option<&dyn OpenIndex> {
        self.index.as_deref()
    }

    #[cfg(test)]
    pub(super) fn with_index(index: Arc<dyn OpenIndex>) -> Self {
        Self { index: Some(index), ..Self::default() }
    }
}
