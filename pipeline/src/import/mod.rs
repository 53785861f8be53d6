//! Files of any recogniser into call records. Owns formats and their traps; cleans no
//! text beyond what cannot be shown (control characters, a format's own markup) and
//! judges nothing.
//!
//! A bad record becomes a [`Rejected`] and the rest goes on; only a file that cannot be
//! read at all is an error. The way of a file:
//!
//! 1. [`source`] opens it: decompression with a guard, encoding, lines with a limit.
//! 2. [`format`] has the table of formats and decides which one it is.
//! 3. The format's own module reads records (`native`, `messages`, `parquet`) or drafts of calls
//!    ([`draft`]), which know the vendor's labels but not who is who.
//! 4. A draft is finished: units, checks, [`roles`], and ids and times from [`meta`].
//!
//! A new format is one file beside these and one line in [`format::FORMATS`].

mod clean;
mod csv_lines;
mod draft;
mod fields;
mod format;
mod json;
mod messages;
mod meta;
mod native;
mod parquet;
mod roles;
mod rttm;
mod source;
mod subtitle;
#[cfg(test)]
mod tests;
mod textgrid;
mod time;
mod vendor;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::record::CallRecord;
use crate::{Error, Result};

pub use format::FormatInfo;
pub use time::parse_time;

/// How inputs are to be read.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// The format; detected when `None`.
    pub from: Option<String>,
    /// Written messages: which field of the record is which field of the source.
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
    /// Longest file of a format that must be read as a whole, bytes after decompression.
    pub max_document_bytes: usize,
    /// Longest file of any kind, bytes after decompression.
    pub max_file_bytes: u64,
    /// How many times longer than all that was read of its compressed file one line may become;
    /// more is taken for a decompression bomb. Looked at in lines over 4 MiB.
    pub max_ratio: u64,
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
            max_document_bytes: 64 << 20,
            max_file_bytes: 64 << 30,
            max_ratio: 200,
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
    /// Whether the system refused to go on reading, and may not another time: what follows in the file is not known yet.
    pub passing: bool,
}

/// The records of one input, read as they are asked for.
pub type Records = Box<dyn Iterator<Item = Imported> + Send>;

/// The formats there are, in the order of the help text.
pub fn formats() -> Vec<FormatInfo> {
    format::FORMATS
        .iter()
        .map(|f| FormatInfo { name: f.name(), description: f.description() })
        .collect()
}

/// What every format reads by.
#[derive(Debug)]
struct Context {
    options: ImportOptions,
    meta: meta::Meta,
    /// Times after this are read with a warning.
    now: DateTime<Utc>,
}

/// The stage.
#[derive(Debug)]
pub struct Importer {
    context: Arc<Context>,
    format: Option<&'static dyn format::Format>,
}

impl Importer {
    /// Reads the `meta` table and checks the options.
    ///
    /// # Errors
    /// When the table or an option is wrong.
    pub fn new(options: ImportOptions) -> Result<Self> {
        let format = match options.from.as_deref() {
            Some(name) => Some(format::by_name(name)?),
            None if options.map.is_empty() => None,
            None => Some(format::by_name(messages::NAME)?),
        };
        messages::check(&options.map, format.map(format::Format::name))?;
        let meta = match &options.meta {
            Some(path) => meta::Meta::read(path, &options)?,
            None => meta::Meta::default(),
        };
        let context = Context { options, meta, now: Utc::now() };
        Ok(Self { context: Arc::new(context), format })
    }

    /// Opens one input file.
    ///
    /// # Errors
    /// When the file cannot be read or its format is unknown.
    pub fn open(&self, path: &Path) -> Result<Records> {
        let source = source::Source::open(path, &self.context.options)?;
        let format = match self.format {
            Some(format) => format,
            None => format::detect(&source).ok_or_else(|| Error::UnknownFormat {
                path: path.to_owned(),
                known: format::FORMATS.iter().map(|f| f.name()).collect::<Vec<_>>().join(", "),
            })?,
        };
        format.open(source, Arc::clone(&self.context))
    }

    /// The name of the format that [`Self::open`] would read the file as.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn detect(&self, path: &Path) -> Result<Option<&'static str>> {
        let source = source::Source::open(path, &self.context.options)?;
        Ok(self.format.or_else(|| format::detect(&source)).map(format::Format::name))
    }
}

/// What is wrong with a record, before it is known where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    field: Option<String>,
    reason: String,
    passing: bool,
}

impl Fault {
    fn new(reason: impl Into<String>) -> Self {
        Self { field: None, reason: reason.into(), passing: false }
    }

    /// Reading stopped. What is wrong with the bytes stays so; an error of the system may pass.
    fn broken(error: &std::io::Error) -> Self {
        Self { passing: error.raw_os_error().is_some(), ..Self::new(source::broken(error)) }
    }

    fn at(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::new(reason) }
    }

    fn reject(self, source: SourceRef, call_id: Option<String>, readable: Option<String>) -> Box<Rejected> {
        let readable = readable.filter(|text| !text.trim().is_empty());
        let Self { field, reason, passing } = self;
        Box::new(Rejected { source, call_id, field, reason, readable, passing })
    }
}
