//! How errors look to the person at the terminal: what happened, where, what to do.
//! A mistake in a configuration file is shown with its line.

use miette::{Diagnostic, LabeledSpan, NamedSource, Report, SourceCode, SourceSpan};

/// An error of the pipeline, with the line of the configuration file that it is about.
pub fn pipeline(error: qingting_pipeline::Error) -> Report {
    let qingting_pipeline::Error::Config { file, line, message, .. } = &error else {
        return Report::new(Plain(error));
    };
    // Embedded files are not on disk; the message alone says enough then.
    let Ok(text) = std::fs::read_to_string(file) else {
        return Report::new(Plain(error));
    };
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let length = text[start.min(text.len())..].lines().next().map_or(0, str::len);
    Report::new(InFile {
        headline: error.to_string(),
        label: message.clone(),
        span: (start, length).into(),
        file: NamedSource::new(file, text),
    })
}

/// What the system's own words for an error mean to whoever runs the program, and what helps. Errors go through
/// libraries that keep nothing but these words, so words it is.
const REMEDIES: &[(&[&str], &str)] = &[
    (
        &["index writer was killed"],
        "the search index could not be written: the disk (or the quota) is full, a file may not grow that large \
         (ulimit -f), or whoever runs this may not read or write there; see to it, then run this again; what was \
         acknowledged is kept, and nothing is taken in twice",
    ),
    (
        &[
            "(os error 28)",
            "(os error 122)",
            "code: 28,",
            "no storage space",
            "database or disk is full",
        ],
        "the disk (or the quota) is full: free some space, then run this again; what was acknowledged is kept, and \
         nothing is taken in twice",
    ),
    (
        &["(os error 27)", "code: 27,"],
        "the file may not grow that large here (ulimit -f, or the file system): raise the limit, then run this again; \
         what was acknowledged is kept, and nothing is taken in twice",
    ),
    (
        &[
            "(os error 13)",
            "code: 13,",
            "(os error 1)",
            "(os error 30)",
            "readonly database",
            "permission denied",
        ],
        "whoever runs this may not read or write there: give the right back (the systemd unit runs as qingting), then \
         run this again; what was acknowledged is kept",
    ),
    (
        &[
            "(os error 17)",
            "(os error 20)",
            "(os error 21)",
            "unable to open database file",
        ],
        "something else stands where a file or a folder is expected: look what it is, move it away, then run this again",
    ),
    (
        &["(os error 5)", "disk I/O error", "(os error 116)"],
        "the disk or the network drive failed, or a file may not grow that large (ulimit -f): check that, then run this \
         again; what was acknowledged is kept, and nothing is taken in twice",
    ),
];

/// What to do about an error, where it says nothing of that itself and the system is the cause.
pub fn remedy(report: &Report) -> Option<&'static str> {
    if report.help().is_some() {
        return None;
    }
    let text: String = report.chain().map(|error| format!("{error}\n")).collect();
    REMEDIES
        .iter()
        .find(|(signs, _)| signs.iter().any(|sign| text.contains(sign)))
        .map(|(_, remedy)| *remedy)
}

#[derive(Debug, thiserror::Error, Diagnostic)]
#[error(transparent)]
struct Plain(qingting_pipeline::Error);

#[derive(Debug, thiserror::Error)]
#[error("{headline}")]
struct InFile {
    headline: String,
    label: String,
    span: SourceSpan,
    file: NamedSource<String>,
}

impl Diagnostic for InFile {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.file)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(Some(self.label.clone()), self.span))))
    }
}
