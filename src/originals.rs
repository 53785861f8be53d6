//! Whether what masking takes out of calls is kept, and where the key is. Owns the settings; how it is sealed is the
//! store's business.

use std::path::Path;
use std::sync::Arc;

use qingting_index::{Context, Error, Originals};
use qingting_pipeline::Pipeline;
use serde::{Deserialize, Serialize};

/// The environment variable with the keys, in place of a file.
pub const KEY_VARIABLE: &str = "QINGTING_ORIGINALS_KEY";

/// Section `[originals]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OriginalsConfig {
    /// Keep, sealed, what masking takes out of the calls that come in.
    pub keep: bool,
    /// File with the keys: one a line as 64 hex digits, the one that seals first. Empty: [`KEY_VARIABLE`] has them.
    pub key_file: String,
}

impl OriginalsConfig {
    /// The keys; `None` where none are set.
    ///
    /// # Errors
    /// When they cannot be read, or are needed and missing.
    fn keys(&self) -> Result<Option<Originals>, Error> {
        if !self.key_file.is_empty() {
            return Originals::read(Path::new(&self.key_file)).map(Some);
        }
        match std::env::var(KEY_VARIABLE) {
            Ok(text) => Originals::parse(&text).map(Some),
            Err(_) if self.keep => Err(Error::Refused {
                what: "[originals] keep".to_owned(),
                message: format!(
                    "needs a key: make one with `qingting originals new-key`, and name its file in [originals] \
                     key_file or put it into {KEY_VARIABLE}"
                ),
            }),
            Err(_) => Ok(None),
        }
    }

    /// What a data folder has to know of the pipeline, with the keys.
    ///
    /// # Errors
    /// When the keys cannot be read, or are needed and missing.
    pub fn context(&self, pipeline: &Pipeline) -> Result<Context, Error> {
        Ok(Context::new(pipeline).with_originals(self.keys()?.map(Arc::new), self.keep))
    }
}
