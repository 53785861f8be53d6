//! The one error type of this crate. Its variants follow what a caller can do about
//! them, so that the server maps each to one gRPC status.

use std::path::PathBuf;

/// What can go wrong with a data folder, or with a question asked of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was asked for is not there.
    #[error("{what} not found")]
    NotFound {
        /// What it is, with its id: `call 20260301-7`, `data folder /srv/q`.
        what: String,
    },
    /// What was handed in cannot be stored, and why.
    #[error("{what}: {message}")]
    Refused {
        /// What it is, with its id.
        what: String,
        /// What is wrong with it.
        message: String,
    },
    /// Another process holds the only writer of the data folder.
    #[error("{path} is being written by {holder}", path = path.display())]
    Locked {
        /// The data folder.
        path: PathBuf,
        /// Who holds it: process id and command.
        holder: String,
    },
    /// The data folder was written by a newer version of this program; nothing was touched.
    #[error(
        "{path} has format {found}, this program reads up to {supported}; nothing was touched, use a newer version",
        path = path.display()
    )]
    NewerFormat {
        /// The folder or file.
        path: PathBuf,
        /// The format found.
        found: u32,
        /// The newest format that this program knows.
        supported: u32,
    },
    /// What is derived from the store no longer fits it.
    #[error("{why}; {fix}")]
    Stale {
        /// What does not fit.
        why: String,
        /// What mends it, such as "run `qingting reindex`".
        fix: String,
    },
    /// A query that cannot be understood.
    #[error("invalid query at character {position}: {message}")]
    InvalidQuery {
        /// What is wrong and what would be right.
        message: String,
        /// The character of the query, from 1.
        position: usize,
    },
    /// What is kept of a call under seal cannot be opened here.
    #[error("the originals of call {call} cannot be opened: {message}")]
    Sealed {
        /// Id of the call.
        call: String,
        /// Why.
        message: String,
    },
    /// A file holds what no version of this program wrote.
    #[error("{path} is corrupt: {message}", path = path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was found in it.
        message: String,
    },
    /// Reading or writing a file failed.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A Parquet file could not be read or written.
    #[error("{path}: parquet", path = path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// An Arrow conversion failed.
    #[error("columnar conversion")]
    Arrow(#[from] arrow::error::ArrowError),
    /// The ledger refused.
    #[error("ledger")]
    Sqlite(#[from] rusqlite::Error),
    /// A search index refused.
    #[error("search index")]
    Tantivy(#[from] tantivy::TantivyError),
    /// An earlier error closed the index writer; it has to be opened again.
    #[error("the index writer was closed by an earlier error")]
    WriterClosed,
    /// A CSV file could not be read.
    #[error("{path}: {source}", path = path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: csv::Error,
    },
    /// An input file with content that is not what it should be.
    #[error("{path}:{line}: {message}", path = path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// A record could not be turned into JSON or back.
    #[error("{what}: JSON")]
    Json {
        /// What was being read or written.
        what: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A stage of the pipeline refused.
    #[error(transparent)]
    Pipeline(#[from] qingting_pipeline::Error),
    /// A model refused.
    #[error(transparent)]
    Model(#[from] qingting_models::Error),
}

/// `Result` of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An I/O error with the file it happened on.
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), source }
    }

    /// A Parquet error with the file it happened on.
    pub fn parquet(path: impl Into<PathBuf>, source: parquet::errors::ParquetError) -> Self {
        Self::Parquet { path: path.into(), source }
    }

    /// A file that holds what it should not.
    pub fn corrupt(path: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self::Corrupt { path: path.into(), message: message.into() }
    }

    /// Something that is not there.
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::NotFound { what: what.into() }
    }

    /// A JSON error with what was being read or written.
    pub fn json(what: impl Into<String>, source: serde_json::Error) -> Self {
        Self::Json { what: what.into(), source }
    }

    /// A query that cannot be understood; `position` counts characters from 1.
    pub(crate) fn query(message: impl Into<String>, position: usize) -> Self {
        Self::InvalidQuery { message: message.into(), position }
    }
}
