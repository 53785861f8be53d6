//! Volcengine (ByteDance) recognition of recordings: `utterances` with what was measured in
//! `additions`, as strings. Milliseconds.

use serde_json::Value;

use super::each;
use crate::import::Fault;
use crate::import::draft::{Draft, DraftWord, Segment, Unit, label, list, number, required, text};
use crate::import::format::JsonFormat;

/// Results of the recording recognition.
pub(in crate::import) const VOLCENGINE: JsonFormat = JsonFormat {
    name: "volcengine",
    description: "Volcengine recording recognition (JSON)",
    detect: |keys| {
        if keys.any(&["result.utterances", "resp.utterances", "utterances.start_time"]) {
            90
        } else {
            0
        }
    },
    drafts: |value| each(value, call),
};

fn call(value: &Value) -> Result<Draft, Fault> {
    let resp = value.get("resp").unwrap_or(value);
    let result = match resp.get("result") {
        // One interface gives a list with one result.
        Some(Value::Array(list)) => list.first().unwrap_or(resp),
        Some(result) => result,
        None => resp,
    };
    let mut draft = Draft::new(Unit::Milliseconds, "utterances");
    for (index, item) in required(result.get("utterances"), "result.utterances")?.iter().enumerate() {
        let of = |name: &str| item.pointer(&format!("/additions/{name}")).or_else(|| item.get(name));
        let words = list(item.get("words")).iter().filter_map(|word| {
            Some(DraftWord {
                text: text(word.get("text")),
                // -1 stands for a word that could not be placed.
                start: number(word.get("start_time")).filter(|&t| t >= 0.0)?,
                end: number(word.get("end_time")).filter(|&t| t >= 0.0)?,
            })
        });
        let mut segment = Segment {
            index,
            speaker: label(of("speaker")),
            channel: label(of("channel_id")),
            start: number(item.get("start_time")),
            end: number(item.get("end_time")),
            text: text(item.get("text")),
            words: words.collect(),
            energy_db: number(of("volume")).map(|db| db as f32),
            emotion: label(of("emotion")),
            ..Segment::default()
        };
        segment.signal("speech_rate", of("speech_rate"));
        segment.signal("gender", of("gender"));
        draft.segments.push(segment);
    }
    draft.own_id = label(resp.get("id"));
    draft.keep(
        "vendor.duration_ms",
        value.pointer("/audio_info/duration").or_else(|| result.pointer("/additions/duration")),
    );
    Ok(draft)
}
