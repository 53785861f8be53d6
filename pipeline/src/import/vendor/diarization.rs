//! Timelines of who speaks when: an array of segments with `start`, `end`, `speaker`, with or
//! without text. Seconds, or milliseconds where the names say so.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::import::clean::without_markup;
use crate::import::draft::{Draft, Place, Segment, Unit, label, number, text};
use crate::import::fields::kind;
use crate::import::format::{Confidence, Format, Head};
use crate::import::source::Source;
use crate::import::{Context, Fault, Imported, Records, json};

/// Timelines.
pub(in crate::import) struct Diarization;

impl Format for Diarization {
    fn name(&self) -> &'static str {
        "diarization"
    }

    fn description(&self) -> &'static str {
        "a timeline of segments with start, end, speaker and perhaps text (JSON or JSON Lines)"
    }

    fn detect(&self, head: &Head<'_>) -> Confidence {
        let keys = &head.keys;
        let timed = TIMES.iter().any(|(start, end, _)| keys.all(&[start, end]));
        if keys.any(&["speaker", "spk"]) && timed {
            70
        } else if keys.all(&["segments.start", "segments.end", "segments.speaker"]) {
            60
        } else {
            0
        }
    }

    fn open(&self, source: Source, context: Arc<Context>) -> crate::Result<Records> {
        let mut place = Place::new(&source, self.name());
        let (mut values, mut warnings, mut raw) = (Vec::new(), Vec::new(), String::new());
        for document in json::documents(source, false) {
            match document {
                // A call with a hole in it is no call.
                Err(rejected) => return Ok(Box::new(std::iter::once(Imported::Rejected(*rejected)))),
                Ok(document) => {
                    warnings.extend(document.warnings);
                    raw.push_str(&document.raw);
                    values.push(document.value);
                }
            }
            if raw.len() > context.options.max_document_bytes {
                let fault =
                    Fault::new(format!("longer than the limit of {} bytes", context.options.max_document_bytes));
                let rejected = fault.reject(place.source(), None, Some(json::readable_in(&raw)));
                return Ok(Box::new(std::iter::once(Imported::Rejected(*rejected))));
            }
        }
        warnings.dedup();
        // One segment a line is one timeline, not many.
        let lines = values.len() > 1 && values.iter().all(|value| value.is_object() && value.get("segments").is_none());
        if lines {
            values = vec![Value::Array(values)];
        }
        place.line = None;
        let drafts: Result<Vec<Vec<Draft>>, Fault> = values.iter().map(drafts).collect();
        let imported: Vec<Imported> = match drafts {
            Err(fault) => vec![Imported::Rejected(*fault.reject(
                place.source(),
                None,
                Some(json::readable_in(&raw)),
            ))],
            Ok(drafts) => {
                let many = drafts.iter().map(Vec::len).sum::<usize>() > 1;
                let numbered = drafts.into_iter().flatten().zip(1..);
                numbered
                    .map(|(mut draft, ordinal)| {
                        draft.warnings.splice(0..0, warnings.iter().cloned());
                        draft.finish(&place, many.then_some(ordinal), &context)
                    })
                    .collect()
            }
        };
        Ok(Box::new(imported.into_iter()))
    }
}

/// Names of the times and whether they are in milliseconds.
const TIMES: &[(&str, &str, bool)] = &[
    ("start", "end", false),
    ("start_ms", "end_ms", true),
    ("start_time", "end_time", false),
    ("begin", "end", false),
];

fn drafts(value: &Value) -> Result<Vec<Draft>, Fault> {
    let single;
    let list = match value.get("segments").unwrap_or(value) {
        Value::Array(list) => list.as_slice(),
        // A timeline of one segment.
        Value::Object(_) => {
            single = [value.clone()];
            &single
        }
        other => return Err(Fault::new(format!("expected an array of segments, found {}", kind(other)))),
    };
    // Several recordings in one file are several calls, in order of their names.
    let mut calls: BTreeMap<Option<String>, Draft> = BTreeMap::new();
    for (index, item) in list.iter().enumerate() {
        let found = TIMES.iter().find(|(start, ..)| item.get(start).is_some());
        let Some(&(from, to, milliseconds)) = found else {
            return Err(Fault::at(format!("[{index}].start"), "missing"));
        };
        let (start, end) = (number(item.get(from)), number(item.get(to)));
        if start.is_none() || end.is_none() {
            let name = if start.is_none() { from } else { to };
            return Err(Fault::at(format!("[{index}].{name}"), "missing or no number"));
        }
        let unit = if milliseconds {
            Unit::Milliseconds
        } else {
            Unit::Seconds
        };
        let id = label(item.get("recording_id")).or_else(|| label(item.get("file_id")));
        let draft = calls.entry(id.clone()).or_insert_with(|| Draft { own_id: id, ..Draft::new(unit, "") });
        draft.segments.push(Segment {
            index,
            speaker: label(item.get("speaker")).or_else(|| label(item.get("spk"))),
            channel: label(item.get("channel")),
            start,
            end,
            text: without_markup(&text(item.get("text"))).into_owned(),
            ..Segment::default()
        });
    }
    if calls.is_empty() {
        calls.insert(None, Draft::new(Unit::Seconds, ""));
    }
    Ok(calls.into_values().collect())
}
