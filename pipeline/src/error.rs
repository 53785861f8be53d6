//! The one error type of this crate. A bad *record* is not an error but an
//! [`crate::import::Rejected`]: the batch goes on without it.

use std::path::PathBuf;

use crate::assets::{Asset, column_of, line_of};

/// What can stop an analysis as a whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the configuration cannot be used.
    #[error("{file}:{line}: {message}")]
    Config {
        /// The file, as the user would find it (`config/rules/x.toml` when embedded).
        file: String,
        /// The line of the mistake, from 1.
        line: usize,
        /// The character of that line, from 1, where it is known.
        column: Option<usize>,
        /// What is wrong and what would be right.
        message: String,
    },
    /// A configuration file that the program needs is in neither place.
    #[error("configuration file {0} is missing")]
    MissingAsset(String),
    /// Reading or writing a file failed.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The format of an input file was not recognised.
    #[error("{path}: format not recognised; name it with --from (known formats: {known})", path = path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// The formats there are, comma separated.
        known: String,
    },
    /// An input file cannot be read as the format that it was said to be.
    #[error("{path}: {message}", path = path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// What is wrong with it as a whole.
        message: String,
    },
    /// An option of the command line has a value that cannot be used.
    #[error("{name}: {message}")]
    Setting {
        /// The option, as it is written (`--from`).
        name: &'static str,
        /// What is wrong and what would be right.
        message: String,
    },
    /// An Arrow conversion failed.
    #[error("columnar conversion")]
    Arrow(#[from] arrow::error::ArrowError),
    /// A Parquet file could not be read or written.
    #[error("parquet")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// A column of a stored file holds what no version of this program wrote.
    #[error("column {column}: {message}")]
    Column {
        /// The column.
        column: &'static str,
        /// What was found in it.
        message: String,
    },
    /// A model refused or failed.
    #[error("model")]
    Model(#[from] qingting_models::Error),
}

/// `Result` of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A mistake at a byte of a configuration file.
    pub fn at(asset: &Asset, byte: usize, message: impl Into<String>) -> Self {
        Self::Config {
            file: asset.origin.clone(),
            line: line_of(&asset.text, byte),
            column: Some(column_of(&asset.text, byte)),
            message: message.into(),
        }
    }

    /// A mistake somewhere in a line of a configuration file.
    pub fn in_line(asset: &Asset, line: usize, message: impl Into<String>) -> Self {
        Self::Config { file: asset.origin.clone(), line, column: None, message: message.into() }
    }

    /// An I/O error with the file it happened on.
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), source }
    }
}
