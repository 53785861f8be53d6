//! FunASR: `sentence_info` with speakers, or the text of a recording with the times of its
//! characters; tags of SenseVoice in the text. Milliseconds.

use serde_json::Value;

use crate::import::Fault;
use crate::import::draft::{Draft, DraftWord, Segment, Unit, label, list, number, text};
use crate::import::format::JsonFormat;

/// Results of `AutoModel.generate`.
pub(in crate::import) const FUNASR: JsonFormat = JsonFormat {
    name: "funasr",
    description: "FunASR results with sentence_info or timestamps (JSON)",
    detect: |keys| {
        if keys.any(&["sentence_info", "sentence_info.text"]) {
            90
        } else if keys.all(&["key", "text"]) {
            60
        } else {
            0
        }
    },
    drafts: |value| super::each(value, call),
};

fn call(value: &Value) -> Result<Draft, Fault> {
    let mut draft = Draft::new(Unit::Milliseconds, "sentence_info");
    draft.own_id = label(value.get("key"));
    match value.get("sentence_info") {
        Some(Value::Array(sentences)) => {
            for (index, item) in sentences.iter().enumerate() {
                // Older versions name the text `sentence` or `text_seg`.
                let written = ["text", "sentence", "text_seg"].iter().find_map(|name| item.get(name));
                let mut segment = segment(index, &text(written), list(item.get("timestamp")), &mut draft.language);
                segment.speaker = label(item.get("spk")).or_else(|| label(item.get("speaker")));
                segment.start = number(item.get("start")).or(segment.start);
                segment.end = number(item.get("end")).or(segment.end);
                segment.emotion = label(item.get("emotion")).or(segment.emotion);
                draft.segments.push(segment);
            }
        }
        Some(_) => return Err(Fault::at("sentence_info", "expected an array")),
        None => {
            let written = value.get("text").ok_or_else(|| Fault::at("text", "missing, and sentence_info too"))?;
            draft.list = "text";
            let segment = segment(0, &text(Some(written)), list(value.get("timestamp")), &mut draft.language);
            draft.segments.push(segment);
        }
    }
    Ok(draft)
}

fn segment(index: usize, written: &str, stamps: &[Value], language: &mut Option<String>) -> Segment {
    let (text, tags) = without_tags(written);
    if language.is_none() {
        *language = tags.language;
    }
    let stamps: Vec<(f64, f64)> =
        stamps.iter().filter_map(|pair| Some((pair.get(0)?.as_f64()?, pair.get(1)?.as_f64()?))).collect();
    let units = units(&text);
    // Times belong to characters and words, not to punctuation. Where the counts differ nobody
    // can say which belongs to which.
    let words = match units.len() == stamps.len() {
        true => units
            .into_iter()
            .zip(&stamps)
            .map(|(text, &(start, end))| DraftWord { text: text.to_owned(), start, end })
            .collect(),
        false => Vec::new(),
    };
    Segment {
        index,
        start: stamps.first().map(|stamp| stamp.0),
        end: stamps.last().map(|stamp| stamp.1),
        text,
        words,
        emotion: tags.emotion,
        ..Segment::default()
    }
}

/// What FunASR gives one time each: a Chinese character, a word of Latin letters or digits.
fn units(text: &str) -> Vec<&str> {
    let mut units = Vec::new();
    let mut word: Option<usize> = None;
    for (at, c) in text.char_indices() {
        let latin = c.is_ascii_alphanumeric() || c == '\'';
        if !latin && let Some(start) = word.take() {
            units.push(&text[start..at]);
        }
        if latin {
            word = word.or(Some(at));
        } else if c.is_alphanumeric() {
            units.push(&text[at..at + c.len_utf8()]);
        }
    }
    units.extend(word.map(|start| &text[start..]));
    units
}

/// What the tags of SenseVoice say.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Tags {
    pub(super) language: Option<String>,
    pub(super) emotion: Option<String>,
}

/// Text without tags such as `<|zh|><|ANGRY|><|Speech|><|withitn|>`, and what the first ones say.
pub(super) fn without_tags(text: &str) -> (String, Tags) {
    let mut tags = Tags::default();
    if !text.contains("<|") {
        return (text.to_owned(), tags);
    }
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("<|") {
        out.push_str(before);
        let Some((tag, behind)) = after.split_once("|>") else {
            rest = after;
            continue;
        };
        match tag {
            "zh" | "en" | "yue" | "ja" | "ko" => tags.language = tags.language.or_else(|| Some(tag.to_owned())),
            "HAPPY" | "SAD" | "ANGRY" | "NEUTRAL" | "FEARFUL" | "DISGUSTED" | "SURPRISED" => {
                tags.emotion = tags.emotion.or_else(|| Some(tag.to_owned()));
            }
            _ => {}
        }
        rest = behind;
    }
    out.push_str(rest);
    (out.trim().to_owned(), tags)
}
