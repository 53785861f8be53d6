//! The one error type of this crate.

use std::path::PathBuf;

/// What can go wrong with what is kept and found again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The search index failed.
    #[error("search index: {0}")]
    Tantivy(#[from] tantivy::TantivyError),
    /// A query or filter cannot be understood.
    #[error("{message} (at character {position})")]
    InvalidQuery {
        /// What is wrong and what would be right.
        message: String,
        /// Character of the query, from 1.
        position: usize,
    },
    /// The index was built by other words or another layout and has to be rebuilt.
    #[error("the index has to be rebuilt: {why}")]
    Stale {
        /// What has changed.
        why: String,
    },
    /// An earlier error closed the writer; it has to be opened again.
    #[error("the index writer was closed by an earlier error")]
    WriterClosed,
    /// JSON that cannot be read or written.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// CSV that cannot be read.
    #[error("{}: {source}", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// Why.
        source: csv::Error,
    },
    /// An input file with content that is not what it should be.
    #[error("{}:{line}: {message}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// A model failed.
    #[error("model: {0}")]
    Model(#[from] qingting_models::Error),
}

/// `Result` of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An I/O error with the path that it happened on.
    pub(crate) fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), source }
    }

    /// A query that cannot be understood; `position` counts characters from 1.
    pub(crate) fn query(message: impl Into<String>, position: usize) -> Self {
        Self::InvalidQuery { message: message.into(), position }
    }
}
