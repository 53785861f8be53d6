//! The one error type of this crate.

#[cfg(feature = "bert")]
use std::path::Path;
use std::path::PathBuf;

/// What a model can answer instead of a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model is not part of this build.
    #[error("model {0} is not part of this build; models there are: {1}")]
    Unavailable(String, &'static str),
    /// A setting is outside of what the model can do.
    #[error("{0}")]
    Setting(String),
    /// A file cannot be read or written.
    #[error("{}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file is there and is not what it should be.
    #[error("{}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The engine under the model failed.
    #[error("{0}")]
    Engine(String),
}

impl Error {
    #[cfg(feature = "bert")]
    /// For `map_err` on what reads or writes `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// For `map_err` on what parses `path`.
    #[cfg(feature = "bert")]
    pub(crate) fn format<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.to_owned();
        move |error| Self::Format { path, reason: error.to_string() }
    }
}

/// `Result` of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
