//! Alibaba Cloud: file transcription of NLS (answer of a poll, call-back in both spellings,
//! with or without words) and Paraformer of DashScope. Milliseconds.

use serde_json::Value;

use super::each;
use crate::import::draft::{Draft, DraftWord, Segment, Unit, label, list, number, required, text};
use crate::import::format::JsonFormat;
use crate::import::{Fault, json};

/// File transcription of NLS.
pub(in crate::import) const NLS: JsonFormat = JsonFormat {
    name: "aliyun-nls",
    description: "Alibaba Cloud NLS file transcription, poll and call-back (JSON)",
    detect: |keys| {
        let sentences = [
            "Result.Sentences",
            "Sentences.BeginTime",
            "result.Sentences",
            "result.sentences",
        ];
        let legacy =
            keys.any(&["result.begin_time", "result.text"]) && keys.any(&["task_id", "status_code", "biz_duration"]);
        let task = keys.all(&["StatusText", "TaskId"]) && keys.any(&["StatusCode", "BizDuration"]);
        if keys.any(&sentences) || legacy || task { 90 } else { 0 }
    },
    drafts: |value| each(value, nls),
};

/// Paraformer and SenseVoice of DashScope.
pub(in crate::import) const PARAFORMER: JsonFormat = JsonFormat {
    name: "dashscope-paraformer",
    description: "Alibaba DashScope Paraformer or SenseVoice (JSON)",
    detect: |keys| {
        if keys.any(&["transcripts.sentences", "transcripts.channel_id"]) {
            90
        } else {
            0
        }
    },
    drafts: |value| each(value, paraformer),
};

/// A field by any of its spellings.
fn any<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| value.get(name))
}

fn nls(value: &Value) -> Result<Draft, Fault> {
    // Some clients store the result as a string of JSON.
    let parsed;
    let result = match any(value, &["Result", "result"]) {
        Some(Value::String(inner)) if !inner.trim().is_empty() => {
            parsed = json::parse(inner).map_err(|fault| Fault::at("Result", fault.reason))?.0;
            Some(&parsed)
        }
        Some(Value::String(_)) => None,
        Some(other) => Some(other),
        None => value.get("Sentences").map(|_| value),
    };
    let status = any(value, &["StatusText", "status_text"]).and_then(Value::as_str).unwrap_or_default();
    let silent = status == "SUCCESS_WITH_NO_VALID_FRAGMENT";
    if !silent && !matches!(status, "" | "SUCCESS") {
        return Err(Fault::at("StatusText", format!("the recogniser reports {status}")));
    }
    let mut draft = Draft::new(Unit::Milliseconds, "Result.Sentences");
    let sentences = match result {
        Some(Value::Array(sentences)) => sentences.as_slice(),
        Some(result) => match any(result, &["Sentences", "sentences"]) {
            None if silent => &[],
            sentences => required(sentences, "Result.Sentences")?,
        },
        None if silent => &[],
        None => return Err(Fault::at("Result", "missing")),
    };
    for (index, item) in sentences.iter().enumerate() {
        let energy = number(any(item, &["EmotionValue", "emotion_value"]));
        let mut segment = Segment {
            index,
            channel: label(any(item, &["ChannelId", "channel_id"])),
            speaker: label(any(item, &["SpeakerId", "speaker_id"])),
            start: number(any(item, &["BeginTime", "begin_time"])),
            end: number(any(item, &["EndTime", "end_time"])),
            text: text(any(item, &["Text", "text"])),
            // The "emotion" is the mean loudness in tens of decibels.
            energy_db: energy.filter(|&level| level > 0.0).map(|level| (level * 10.0) as f32),
            ..Segment::default()
        };
        segment.signal("speech_rate", any(item, &["SpeechRate", "speech_rate"]));
        segment.signal("silence", any(item, &["SilenceDuration", "silence_duration"]));
        segment.signal("energy", any(item, &["EmotionValue", "emotion_value"]));
        draft.segments.push(segment);
    }
    let words = result.filter(|r| r.is_object()).and_then(|result| any(result, &["Words", "words"]));
    place_words(list(words), &mut draft.segments);
    draft.own_id = label(any(value, &["TaskId", "task_id"]));
    draft.keep("vendor.task", any(value, &["TaskId", "task_id"]));
    draft.keep("vendor.duration_ms", any(value, &["BizDuration", "biz_duration"]));
    Ok(draft)
}

/// Puts the words of the whole recording into the sentences of their channel.
fn place_words(words: &[Value], segments: &mut [Segment]) {
    for item in words {
        let (Some(start), Some(end)) =
            (number(any(item, &["BeginTime", "begin_time"])), number(any(item, &["EndTime", "end_time"])))
        else {
            continue;
        };
        let channel = label(any(item, &["ChannelId", "channel_id"]));
        let middle = f64::midpoint(start, end);
        let home = segments.iter_mut().find(|segment| {
            let within = segment.start.zip(segment.end).is_some_and(|(from, to)| from <= middle && middle <= to);
            within && (channel.is_none() || segment.channel.is_none() || segment.channel == channel)
        });
        if let Some(segment) = home {
            segment.words.push(DraftWord { text: text(any(item, &["Word", "word"])), start, end });
        }
    }
}

fn paraformer(value: &Value) -> Result<Draft, Fault> {
    let mut draft = Draft::new(Unit::Milliseconds, "transcripts.sentences");
    for transcript in required(value.get("transcripts"), "transcripts")? {
        let channel = label(transcript.get("channel_id"));
        let sentences = list(transcript.get("sentences"));
        if sentences.is_empty() && !text(transcript.get("text")).is_empty() {
            let text = text(transcript.get("text"));
            draft.segments.push(Segment { index: draft.segments.len(), channel, text, ..Segment::default() });
            continue;
        }
        for item in sentences {
            let words = list(item.get("words")).iter().filter_map(|word| {
                let text = text(word.get("text")) + &self::text(word.get("punctuation"));
                Some(DraftWord { text, start: number(word.get("begin_time"))?, end: number(word.get("end_time"))? })
            });
            let (text, tags) = super::funasr::without_tags(&text(item.get("text")));
            draft.segments.push(Segment {
                index: draft.segments.len(),
                channel: channel.clone(),
                speaker: label(item.get("speaker_id")),
                start: number(item.get("begin_time")),
                end: number(item.get("end_time")),
                text,
                words: words.collect(),
                emotion: label(item.get("emotion")).or(tags.emotion),
                ..Segment::default()
            });
        }
    }
    draft.own_id = label(value.get("file_url"))
        .and_then(|url| std::path::Path::new(&url).file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    draft.keep("vendor.duration_ms", value.pointer("/properties/original_duration_in_milliseconds"));
    draft.keep("vendor.file", value.get("file_url"));
    Ok(draft)
}
