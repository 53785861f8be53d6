//! The transformer for finding passages by questions, whichever engine runs it: the seam at which a build without
//! an engine says so.

use std::path::Path;
use std::sync::Arc;

use crate::{Encoder, Error, Result};

/// Whether [`open`] has an engine and finds weights in the folder; `None` stands for the usual one.
pub fn installed(encoder: Option<&Path>) -> bool {
    #[cfg(feature = "bert")]
    return folder(encoder).is_ok_and(|dir| dir.join("model.safetensors").exists());
    #[cfg(not(feature = "bert"))]
    {
        let _ = encoder;
        false
    }
}

/// The pretrained transformer of a folder on `threads` threads (0: one a core), without what fine-tuning on calls
/// changed. `None` stands for the usual folder.
///
/// # Errors
/// When this build has no engine, or a file is missing or does not fit.
#[cfg(feature = "bert")]
pub fn open(encoder: Option<&Path>, threads: usize) -> Result<Arc<dyn Encoder>> {
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => n,
    };
    Ok(Arc::new(crate::bert::BertEncoder::open(&folder(encoder)?, threads)?))
}

#[cfg(feature = "bert")]
fn folder(named: Option<&Path>) -> Result<std::path::PathBuf> {
    let usual =
        || crate::bert::default_folder().ok_or_else(|| Error::Setting("no folder for models: set HOME".to_owned()));
    named.map_or_else(usual, |dir| Ok(dir.to_owned()))
}

/// The pretrained transformer of a folder.
///
/// # Errors
/// Always: this build has no engine.
#[cfg(not(feature = "bert"))]
pub fn open(_: Option<&Path>, _: usize) -> Result<Arc<dyn Encoder>> {
    Err(Error::Unavailable("bert".to_owned(), "static"))
}
