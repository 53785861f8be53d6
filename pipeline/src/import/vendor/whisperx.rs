//! Whisper and WhisperX: `segments` with or without speakers, words of which some have no
//! times. Seconds.

use serde_json::Value;

use super::each;
use crate::import::Fault;
use crate::import::draft::{Draft, DraftWord, Segment, Unit, label, list, number, required, text};
use crate::import::format::JsonFormat;

/// Results of Whisper and WhisperX.
pub(in crate::import) const WHISPERX: JsonFormat = JsonFormat {
    name: "whisperx",
    description: "WhisperX or Whisper, with or without speakers (JSON)",
    detect: |keys| {
        if keys.any(&["word_segments"]) || keys.all(&["segments.text", "segments.start"]) {
            85
        } else {
            0
        }
    },
    drafts: |value| each(value, call),
};

fn call(value: &Value) -> Result<Draft, Fault> {
    let mut draft = Draft::new(Unit::Seconds, "segments");
    draft.language = label(value.get("language"));
    for (index, item) in required(value.get("segments"), "segments")?.iter().enumerate() {
        let (start, end) = (number(item.get("start")), number(item.get("end")));
        draft.segments.push(Segment {
            index,
            // A segment without a speaker has the one that most of its words have.
            speaker: label(item.get("speaker")).or_else(|| speaker_of(list(item.get("words")))),
            start,
            end,
            text: text(item.get("text")),
            words: words(list(item.get("words")), start, end),
            ..Segment::default()
        });
    }
    Ok(draft)
}

/// Words with times. Digits and signs are not aligned and have none: they take what lies between
/// their neighbours.
fn words(items: &[Value], start: Option<f64>, end: Option<f64>) -> Vec<DraftWord> {
    let (Some(mut from), Some(end)) = (start, end) else {
        return Vec::new();
    };
    let mut words: Vec<DraftWord> = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let place = |open: &mut Vec<String>, words: &mut Vec<DraftWord>, from: f64, to: f64| {
        let to = to.max(from);
        let step = (to - from) / open.len().max(1) as f64;
        for (i, text) in open.drain(..).enumerate() {
            let start = from + step * i as f64;
            words.push(DraftWord { text, start, end: start + step });
        }
    };
    for item in items {
        let written = text(item.get("word").or_else(|| item.get("text")));
        match (number(item.get("start")), number(item.get("end"))) {
            (Some(start), Some(stop)) => {
                place(&mut open, &mut words, from, start);
                words.push(DraftWord { text: written, start, end: stop });
                from = stop;
            }
            _ => open.push(written),
        }
    }
    place(&mut open, &mut words, from, end);
    words
}

fn speaker_of(words: &[Value]) -> Option<String> {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for speaker in words.iter().filter_map(|word| word.get("speaker")?.as_str()) {
        *counts.entry(speaker).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(a.0)))
        .map(|(speaker, _)| speaker.to_owned())
}
