//! Files of any recogniser into call records. Owns formats and their traps; cleans no
//! text and judges nothing.
//!
//! A bad record becomes a [`Rejected`] and the rest goes on; only a file that cannot be
//! read at all is an error.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::record::CallRecord;

/// How inputs are to be read.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// The format; detected when `None`.
    pub from: Option<String>,
    /// Written messages: which field of the source is which field of the record.
    pub map: Vec<(String, String)>,
    /// Table that supplies ids, times and agents for files without them.
    pub meta: Option<PathBuf>,
    /// Date for files that carry no time.
    pub date: Option<chrono::NaiveDate>,
    /// Zone of times without an offset.
    pub timezone: chrono_tz::Tz,
    /// Refuse unknown fields instead of keeping them as attributes.
    pub strict: bool,
    /// Longest line, bytes; longer ones are quarantined.
    pub max_line_bytes: usize,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            from: None,
            map: Vec::new(),
            meta: None,
            date: None,
            timezone: chrono_tz::Asia::Shanghai,
            strict: false,
            max_line_bytes: 16 << 20,
        }
    }
}

/// Where a record stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRef {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1, for formats of one record a line.
    pub line: Option<u64>,
}

/// One record of an input.
#[derive(Debug, Clone, PartialEq)]
pub enum Imported {
    /// A call, with what was changed to be able to read it.
    Call {
        /// The call.
        record: Box<CallRecord>,
        /// Where it stood.
        source: SourceRef,
        /// What was changed, in words.
        warnings: Vec<String>,
    },
    /// A record that could not be read.
    Rejected(Rejected),
}

/// A record that goes to the quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Where it stood.
    pub source: SourceRef,
    /// Its id, when that could be read.
    pub call_id: Option<String>,
    /// The field, as a path such as `turns[3].end_ms`.
    pub field: Option<String>,
    /// What is wrong with it.
    pub reason: String,
    /// Whatever speech could be read, to be checked for a crisis. Never written out.
    pub readable: Option<String>,
}

/// The records of one input, read as they are asked for.
pub type Records = Box<dyn Iterator<Item = Imported> + Send>;

/// The stage.
#[derive(Debug)]
pub struct Importer {
    options: ImportOptions,
}

impl Importer {
    /// Reads the `meta` table and checks the options.
    ///
    /// # Errors
    /// When the table or an option is wrong.
    pub fn new(options: ImportOptions) -> Result<Self> {
        Ok(Self { options })
    }

    /// Opens one input file.
    ///
    /// # Errors
    /// When the file cannot be read or its format is unknown.
    pub fn open(&self, path: &Path) -> Result<Records> {
        let _ = &self.options;
        Err(crate::Error::UnknownFormat { path: path.to_owned(), known: String::new() })
    }
}
