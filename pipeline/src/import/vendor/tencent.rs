//! Tencent Cloud ASR: `ResultDetail` in milliseconds, and the plain `Result` of lines such as
//! `[0:0.020,0:2.380,1]  text` in minutes and seconds.

use std::sync::Arc;

use serde_json::Value;

use super::each;
use crate::import::draft::{Draft, DraftWord, Place, Segment, Unit, label, list, number, text};
use crate::import::format::{Confidence, Format, Head, json_calls, text_calls};
use crate::import::source::Source;
use crate::import::{Context, Fault, Records};

/// Answers of the recording recognition.
pub(in crate::import) struct Tencent;

impl Format for Tencent {
    fn name(&self) -> &'static str {
        "tencent-asr"
    }

    fn description(&self) -> &'static str {
        "Tencent Cloud ASR recording recognition (JSON, or its plain lines)"
    }

    fn detect(&self, head: &Head<'_>) -> Confidence {
        let keys = &head.keys;
        if keys.ends("ResultDetail") || keys.any(&["Response.Data.Result", "Data.Result"]) {
            return 90;
        }
        let first = head.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        if keys.is_empty() && line(0, first).is_some() {
            80
        } else {
            0
        }
    }

    fn open(&self, source: Source, context: Arc<Context>) -> crate::Result<Records> {
        let json = source.head.trim_ascii_start().first().is_some_and(|b| b"{[".contains(b))
            && line(0, source.head_text().lines().next().unwrap_or_default()).is_none();
        if json {
            return Ok(json_calls(self.name(), |value| each(value, answer), source, context));
        }
        Ok(text_calls(self.name(), plain_file, source, &context))
    }
}

fn plain_file(text: &str, _: &Place) -> Result<Vec<Draft>, Fault> {
    let mut draft = Draft::new(Unit::Seconds, "Result");
    draft.segments = plain(text);
    Ok(vec![draft])
}

fn answer(value: &Value) -> Result<Draft, Fault> {
    let data = value.pointer("/Response/Data").or_else(|| value.get("Data")).unwrap_or(value);
    if let Some(message) = value.pointer("/Response/Error/Message").and_then(Value::as_str) {
        return Err(Fault::at("Response.Error", format!("the recogniser reports {message}")));
    }
    if let Some(status) = label(data.get("StatusStr")).filter(|status| status != "success") {
        let message = text(data.get("ErrorMsg"));
        return Err(Fault::at("StatusStr", format!("the recogniser reports {status} {message}").trim_end()));
    }
    let detail = list(data.get("ResultDetail"));
    let mut draft = if detail.is_empty() {
        let Some(plain_text) = data.get("Result").and_then(Value::as_str) else {
            return Err(Fault::at("ResultDetail", "missing, and Result too"));
        };
        let mut draft = Draft::new(Unit::Seconds, "Result");
        draft.segments = plain(plain_text);
        draft
    } else {
        let mut draft = Draft::new(Unit::Milliseconds, "ResultDetail");
        draft.segments = detail.iter().enumerate().map(|(index, item)| sentence(index, item)).collect();
        draft
    };
    draft.own_id = label(data.get("TaskId"));
    draft.keep("vendor.task", data.get("TaskId"));
    if let Some(seconds) = number(data.get("AudioDuration")) {
        draft.attributes.insert("vendor.duration_ms".to_owned(), format!("{:.0}", seconds * 1000.0));
    }
    Ok(draft)
}

fn sentence(index: usize, item: &Value) -> Segment {
    let start = number(item.get("StartMs"));
    let words = list(item.get("Words")).iter().filter_map(|word| {
        // Offsets count from the start of the sentence.
        Some(DraftWord {
            text: text(word.get("Word")),
            start: number(word.get("OffsetStartMs"))?,
            end: number(word.get("OffsetEndMs"))?,
        })
    });
    let mut words: Vec<DraftWord> = words.collect();
    let length = number(item.get("EndMs")).zip(start).map_or(f64::MAX, |(end, start)| end - start);
    if let Some(start) = start
        && words.iter().all(|word| word.end <= length)
    {
        for word in &mut words {
            word.start += start;
            word.end += start;
        }
    }
    let emotions = match item.get("EmotionType") {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        other => text(other),
    };
    let mut segment = Segment {
        index,
        speaker: label(item.get("SpeakerId")),
        start,
        end: number(item.get("EndMs")),
        text: text(item.get("FinalSentence")),
        words,
        // Tens of decibels; 0 where it was not measured.
        energy_db: number(item.get("EmotionalEnergy")).filter(|&level| level > 0.0).map(|level| (level * 10.0) as f32),
        emotion: Some(emotions).filter(|emotion| !emotion.is_empty()),
        ..Segment::default()
    };
    segment.signal("speech_rate", item.get("SpeechSpeed"));
    segment.signal("silence", item.get("SilenceTime"));
    segment.signal("energy", item.get("EmotionalEnergy"));
    segment
}

/// The sentences of the plain result. A line without times goes on with the one before.
fn plain(text: &str) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for raw in text.lines().filter(|line| !line.trim().is_empty()) {
        match (line(segments.len(), raw), segments.last_mut()) {
            (Some(segment), _) => segments.push(segment),
            (None, Some(last)) => last.text.push_str(raw.trim()),
            (None, None) => segments.push(Segment { text: raw.trim().to_owned(), ..Segment::default() }),
        }
    }
    segments
}

/// `[start,end]  text` or `[start,end,speaker]  text`.
fn line(index: usize, raw: &str) -> Option<Segment> {
    let (times, text) = raw.trim().strip_prefix('[')?.split_once(']')?;
    let mut parts = times.split(',').map(str::trim);
    let (start, end) = (clock(parts.next()?)?, clock(parts.next()?)?);
    let speaker = parts.next().map(str::to_owned).filter(|speaker| !speaker.is_empty());
    Some(Segment {
        index,
        speaker,
        start: Some(start),
        end: Some(end),
        text: text.trim().to_owned(),
        ..Segment::default()
    })
}

/// `m:s.mmm` or `h:m:s.mmm` in seconds.
fn clock(text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    let mut parts = 0;
    for part in text.split(':') {
        seconds = seconds * 60.0 + part.parse::<f64>().ok().filter(|n| n.is_finite())?;
        parts += 1;
    }
    (2..=3).contains(&parts).then_some(seconds)
}
