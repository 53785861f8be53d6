//! How errors look to the person at the terminal: what happened, where, what to do.
//! A mistake in a configuration file is shown with its line.

use miette::{Diagnostic, LabeledSpan, NamedSource, Report, SourceCode, SourceSpan};

/// An error of the pipeline, with the line of the configuration file that it is about.
pub fn pipeline(error: qingting_pipeline::Error) -> Report {
    let qingting_pipeline::Error::Config { file, line, message } = &error else {
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
