//! The quarantine file: one JSON line a bad record, with where it stood and what is
//! wrong with it. It never holds the text of the record, which may be personal data.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, WrapErr};
use qingting_pipeline::import::Rejected;
use serde::Serialize;

/// Collects bad records; the file is only made when there is one.
#[derive(Debug)]
pub struct Quarantine {
    path: PathBuf,
    adds: bool,
    file: Option<BufWriter<File>>,
}

#[derive(Serialize)]
struct Line<'a> {
    file: String,
    line: Option<u64>,
    call_id: Option<&'a str>,
    field: Option<&'a str>,
    reason: &'a str,
    crisis: bool,
}

impl Quarantine {
    /// A quarantine that would be written to `path`, replacing an older one.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), adds: false, file: None }
    }

    /// One that goes on where an older one ends.
    pub fn adding(path: impl Into<PathBuf>) -> Self {
        Self { adds: true, ..Self::new(path) }
    }

    /// Where it is or would be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a record.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn put(&mut self, rejected: &Rejected, crisis: bool) -> miette::Result<()> {
        let line = Line {
            file: rejected.source.file.display().to_string(),
            line: rejected.source.line,
            call_id: rejected.call_id.as_deref(),
            field: rejected.field.as_deref(),
            reason: &rejected.reason,
            crisis,
        };
        let text = serde_json::to_string(&line).into_diagnostic()?;
        let path = self.path.clone();
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let mut options = File::options();
                options.create(true).write(true).append(self.adds).truncate(!self.adds);
                let created = options.open(&path).into_diagnostic().wrap_err_with(|| path.display().to_string())?;
                self.file.insert(BufWriter::new(created))
            }
        };
        writeln!(file, "{text}").into_diagnostic().wrap_err_with(|| path.display().to_string())
    }

    /// Writes out what is still buffered.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(&mut self) -> miette::Result<()> {
        let path = &self.path;
        match &mut self.file {
            Some(file) => file.flush().into_diagnostic().wrap_err_with(|| path.display().to_string()),
            None => Ok(()),
        }
    }
}
