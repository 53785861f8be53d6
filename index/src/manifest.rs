//! `manifest.json`: which format a data folder has, and what its contents were made with.

use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, Result, files};

/// The format of data folders that this version writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// The oldest format that it reads. When the format changes, a step that brings an older folder up to date belongs where
/// a folder is opened for writing, and a test that opens one beside the others.
const OLDEST_FORMAT: u32 = 1;

const FILE: &str = "manifest.json";

/// The contents of `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format of the folder.
    pub format: u32,
    /// Version of the program that wrote last.
    pub written_by: String,
    /// Fingerprint of `keys/caller.key`: with another key the same caller would get another pseudonym.
    pub caller_key: String,
    /// Dictionaries that the last analyses were made with.
    #[serde(default)]
    pub dictionary_fingerprint: String,
    /// Configuration that the last analyses were made with.
    #[serde(default)]
    pub config_fingerprint: String,
}

/// The one field that every format has.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

impl Manifest {
    /// That of a new folder.
    pub(crate) fn new(caller_key: String) -> Self {
        Self {
            format: FORMAT_VERSION,
            written_by: env!("CARGO_PKG_VERSION").to_owned(),
            caller_key,
            dictionary_fingerprint: String::new(),
            config_fingerprint: String::new(),
        }
    }

    /// Reads the manifest of a data folder; `None` when there is none.
    ///
    /// # Errors
    /// [`Error::NewerFormat`], or [`Error::Corrupt`] of one that never was, before anything else is looked at.
    pub fn read(data: &Path) -> Result<Option<Self>> {
        let path = data.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io(path, e)),
        };
        let corrupt = |e: serde_json::Error| Error::corrupt(&path, e.to_string());
        let Format { format } = serde_json::from_str(&text).map_err(corrupt)?;
        if format > FORMAT_VERSION {
            return Err(Error::NewerFormat { path: data.to_owned(), found: format, supported: FORMAT_VERSION });
        }
        if format < OLDEST_FORMAT {
            return Err(Error::corrupt(path, format!("format {format} was never written by this program")));
        }
        serde_json::from_str(&text).map(Some).map_err(corrupt)
    }

    /// Writes it.
    pub(crate) fn write(&self, data: &Path) -> Result<()> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|e| Error::json(FILE, e))?;
        bytes.push(b'\n');
        files::write_atomically(&data.join(FILE), &bytes)
    }
}
