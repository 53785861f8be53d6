//! What an index was built with, kept beside it: tantivy does not record what its tokenizers do.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

const FILE: &str = "built_with.json";

/// What mends a call index that no longer fits.
pub(crate) const FIX: &str = "run `qingting reindex`";

/// What mends a knowledge base that no longer fits.
pub(crate) const KNOWLEDGE_FIX: &str = "run `qingting kb reindex`";

/// Everything that makes an index unusable when it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// Version of the fields.
    pub(crate) schema: u32,
    /// Fingerprint of the analyzer.
    pub(crate) analyzer: String,
    /// Fingerprint of the model whose vectors it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
}

/// Creates the folder if need be, and compares the stamp in it with what is wanted. A folder
/// without an index gets the stamp that is wanted.
///
/// # Errors
/// [`Error::Stale`] when they differ and there is an index.
pub(crate) fn check(dir: &Path, wanted: &Stamp) -> Result<()> {
    std::fs::create_dir_all(dir).map_err(|e| Error::io(dir, e))?;
    let path = dir.join(FILE);
    let found = match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice::<Stamp>(&bytes).ok(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => return Err(Error::io(path, e)),
    };
    if found.as_ref() == Some(wanted) {
        return Ok(());
    }
    if dir.join("meta.json").exists() {
        let why = match found {
            None => "it does not say what it was built with",
            Some(found) if found.schema != wanted.schema => "its layout is of another version",
            Some(found) if found.analyzer != wanted.analyzer => "the dictionary has changed",
            Some(_) => "the model has changed",
        };
        return Err(Error::Stale { why: why.to_owned(), fix: FIX.to_owned() });
    }
    // Before the index itself, so that a crash in between leaves nothing that looks like an old index.
    let temporary = dir.join(format!("{FILE}.tmp"));
    let bytes = serde_json::to_vec(wanted).map_err(|e| Error::json("the index stamp", e))?;
    std::fs::write(&temporary, bytes).map_err(|e| Error::io(&temporary, e))?;
    std::fs::rename(&temporary, &path).map_err(|e| Error::io(&path, e))
}
