//! The table of formats and the decision which one a file is. A format is one unit of code
//! with its name, its description, its signs and its reader.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::draft::{Draft, Place};
use super::json::{self, Keys};
use super::source::Source;
use super::{Context, Fault, Imported, Records, messages, native, parquet, rttm, subtitle, textgrid, vendor};
use crate::{Error, Result};

/// The formats, in the order of the help text. Among equally sure ones the first is taken.
pub(super) static FORMATS: &[&dyn Format] = &[
    &native::Native,
    &parquet::Parquet,
    &vendor::aws::CALL_ANALYTICS,
    &vendor::aws::BDA,
    &vendor::aliyun::NLS,
    &vendor::aliyun::PARAFORMER,
    &vendor::tencent::Tencent,
    &vendor::iflytek::LFASR,
    &vendor::volcengine::VOLCENGINE,
    &vendor::funasr::FUNASR,
    &vendor::whisperx::WHISPERX,
    &subtitle::WEBVTT,
    &subtitle::SRT,
    &textgrid::TEXTGRID,
    &rttm::RTTM,
    &vendor::diarization::Diarization,
    &messages::Messages,
];

/// A format by its name and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormatInfo {
    /// What `--from` takes.
    pub name: &'static str,
    /// One line for the help text.
    pub description: &'static str,
}

/// How sure a format is that a file is its own: 0 (no) to 100 (cannot be anything else).
pub(super) type Confidence = u8;

/// What the detection sees of a file.
pub(super) struct Head<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) text: &'a str,
    /// Keys of JSON; empty for anything else.
    pub(super) keys: Keys,
    /// Ending of the name, lower case, without `.gz` or `.zst`.
    pub(super) extension: String,
}

/// A kind of file that can be read.
pub(super) trait Format: Sync {
    /// What `--from` takes.
    fn name(&self) -> &'static str;

    /// One line for the help text.
    fn description(&self) -> &'static str;

    /// How sure it is that a file is its own.
    fn detect(&self, head: &Head<'_>) -> Confidence;

    /// Reads the file.
    ///
    /// # Errors
    /// When the file as a whole cannot be read.
    fn open(&self, source: Source, context: Arc<Context>) -> Result<Records>;
}

impl fmt::Debug for dyn Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The format of that name.
///
/// # Errors
/// When there is none.
pub(super) fn by_name(name: &str) -> Result<&'static dyn Format> {
    FORMATS.iter().copied().find(|format| format.name() == name).ok_or_else(|| {
        let known = FORMATS.iter().map(|f| f.name()).collect::<Vec<_>>().join(", ");
        Error::Setting {
            name: "--from",
            message: format!("unknown format {name:?} (known formats: {known})"),
        }
    })
}

/// The format that is surest of a file.
pub(super) fn detect(source: &Source) -> Option<&'static dyn Format> {
    let text = source.head_text();
    let head = Head {
        bytes: &source.head,
        text: &text,
        keys: Keys::of(&text),
        extension: source.extension(),
    };
    let mut best: Option<(Confidence, &'static dyn Format)> = None;
    for &format in FORMATS {
        let confidence = format.detect(&head);
        if confidence > best.map_or(0, |(most, _)| most) {
            best = Some((confidence, format));
        }
    }
    best.map(|(_, format)| format)
}

/// A recogniser whose output is JSON: one call a file, a line or an element of an array.
pub(super) struct JsonFormat {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) detect: fn(&Keys) -> Confidence,
    pub(super) drafts: fn(&Value) -> Result<Vec<Draft>, Fault>,
}

impl Format for JsonFormat {
    fn name(&self) -> &'static str {
        self.name
    }

    fn description(&self) -> &'static str {
        self.description
    }

    fn detect(&self, head: &Head<'_>) -> Confidence {
        if head.keys.is_empty() {
            0
        } else {
            (self.detect)(&head.keys)
        }
    }

    fn open(&self, source: Source, context: Arc<Context>) -> Result<Records> {
        Ok(json_calls(self.name, self.drafts, source, context))
    }
}

/// The calls of a JSON file whose values each give drafts.
pub(super) fn json_calls(
    format: &'static str,
    drafts: fn(&Value) -> Result<Vec<Draft>, Fault>,
    source: Source,
    context: Arc<Context>,
) -> Records {
    let mut place = Place::new(&source, format);
    let mut documents = json::documents(source, false).peekable();
    let mut ready: VecDeque<Imported> = VecDeque::new();
    let mut ordinal = 0;
    Box::new(std::iter::from_fn(move || {
        loop {
            if let Some(imported) = ready.pop_front() {
                return Some(imported);
            }
            let document = match documents.next()? {
                Ok(document) => document,
                Err(rejected) => return Some(Imported::Rejected(*rejected)),
            };
            let alone = ordinal == 0 && documents.peek().is_none();
            place.line = document.line;
            match drafts(&document.value) {
                Err(fault) => {
                    ordinal += 1;
                    let readable = Some(json::readable_in(&document.raw));
                    return Some(Imported::Rejected(*fault.reject(place.source(), None, readable)));
                }
                Ok(drafts) => {
                    let alone = alone && drafts.len() == 1;
                    for mut draft in drafts {
                        ordinal += 1;
                        draft.warnings.splice(0..0, document.warnings.iter().cloned());
                        ready.push_back(draft.finish(&place, (!alone).then_some(ordinal), &context));
                    }
                }
            }
        }
    }))
}

/// A format that is read as one text.
pub(super) struct TextFormat {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) detect: fn(&Head<'_>) -> Confidence,
    pub(super) drafts: fn(&str, &Place) -> Result<Vec<Draft>, Fault>,
}

impl Format for TextFormat {
    fn name(&self) -> &'static str {
        self.name
    }

    fn description(&self) -> &'static str {
        self.description
    }

    fn detect(&self, head: &Head<'_>) -> Confidence {
        (self.detect)(head)
    }

    fn open(&self, source: Source, context: Arc<Context>) -> Result<Records> {
        Ok(text_calls(self.name, self.drafts, source, &context))
    }
}

/// The calls of a file that is read as one text.
pub(super) fn text_calls(
    format: &'static str,
    drafts: fn(&str, &Place) -> Result<Vec<Draft>, Fault>,
    source: Source,
    context: &Context,
) -> Records {
    let place = Place::new(&source, format);
    let text = match source.document() {
        Ok(text) => text,
        Err(rejected) => return Box::new(std::iter::once(Imported::Rejected(*rejected))),
    };
    let imported = match drafts(&text.text, &place) {
        Err(fault) => vec![Imported::Rejected(*fault.reject(place.source(), None, Some(text.text)))],
        Ok(drafts) => {
            let many = drafts.len() > 1;
            drafts
                .into_iter()
                .zip(1..)
                .map(|(mut draft, ordinal)| {
                    draft.warnings.splice(0..0, text.warnings.iter().cloned());
                    draft.finish(&place, many.then_some(ordinal), context)
                })
                .collect()
        }
    };
    Box::new(imported.into_iter())
}
