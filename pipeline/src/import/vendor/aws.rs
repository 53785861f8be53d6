//! Amazon Transcribe Call Analytics, and Bedrock Data Automation for audio. Milliseconds.

use serde_json::Value;

use super::each;
use crate::import::Fault;
use crate::import::draft::{Draft, DraftWord, Segment, Unit, label, list, number, required, text};
use crate::import::format::JsonFormat;
use crate::import::roles;

/// Post-call analytics of Amazon Transcribe.
pub(in crate::import) const CALL_ANALYTICS: JsonFormat = JsonFormat {
    name: "aws-call-analytics",
    description: "Amazon Transcribe Call Analytics (JSON)",
    detect: |keys| {
        if keys.any(&["Transcript.ParticipantRole", "ConversationCharacteristics"]) {
            95
        } else {
            0
        }
    },
    drafts: |value| each(value, call_analytics),
};

/// Standard output of Bedrock Data Automation for audio.
pub(in crate::import) const BDA: JsonFormat = JsonFormat {
    name: "aws-bda",
    description: "Amazon Bedrock Data Automation, audio (JSON)",
    detect: |keys| {
        let signs = [
            "audio_segments.start_timestamp_millis",
            "audio_items.start_timestamp_millis",
            "metadata.semantic_modality",
        ];
        if keys.any(&signs) { 95 } else { 0 }
    },
    drafts: |value| each(value, bda),
};

fn call_analytics(value: &Value) -> Result<Draft, Fault> {
    if let Some(status) = value.get("JobStatus").and_then(Value::as_str).filter(|s| *s != "COMPLETED") {
        return Err(Fault::at("JobStatus", format!("the recogniser reports {status}")));
    }
    let mut draft = Draft::new(Unit::Milliseconds, "Transcript");
    draft.own_id = label(value.get("JobName"));
    draft.language = label(value.get("LanguageCode"));
    for (index, item) in required(value.get("Transcript"), "Transcript")?.iter().enumerate() {
        let speaker = label(item.get("ParticipantRole"));
        let loudness: Vec<f64> = list(item.get("LoudnessScores")).iter().filter_map(Value::as_f64).collect();
        let mut segment = Segment {
            index,
            role: speaker.as_deref().and_then(roles::known),
            speaker,
            start: number(item.get("BeginOffsetMillis")),
            end: number(item.get("EndOffsetMillis")),
            text: text(item.get("Content")),
            words: words(list(item.get("Items")), ["Content", "BeginOffsetMillis", "EndOffsetMillis"]),
            energy_db: mean(&loudness),
            emotion: label(item.get("Sentiment")),
            ..Segment::default()
        };
        segment.signal("loudness", item.get("LoudnessScores"));
        segment.signal("issues", item.get("IssuesDetected"));
        segment.signal("outcomes", item.get("OutcomesDetected"));
        segment.signal("action_items", item.get("ActionItemsDetected"));
        draft.segments.push(segment);
    }
    if draft.segments.iter().any(|segment| segment.energy_db.is_some()) {
        draft.attributes.insert("vendor.energy_scale".to_owned(), "0-100".to_owned());
    }
    let measured = value.get("ConversationCharacteristics");
    let of = |path: &[&str]| path.iter().try_fold(measured?, |value, key| value.get(key));
    draft.keep("vendor.interruptions", of(&["Interruptions"]));
    draft.keep("vendor.silence", of(&["NonTalkTime"]));
    draft.keep("vendor.speech_rate", of(&["TalkSpeed", "DetailsByParticipant"]));
    draft.keep("vendor.talk_time", of(&["TalkTime"]));
    draft.keep("vendor.sentiment", of(&["Sentiment"]));
    draft.keep("vendor.duration_ms", of(&["TotalConversationDurationMillis"]));
    draft.keep("vendor.categories", value.get("Categories").and_then(|c| c.get("MatchedCategories")));
    draft.keep("vendor.job", value.get("JobName"));
    Ok(draft)
}

fn bda(value: &Value) -> Result<Draft, Fault> {
    let mut draft = Draft::new(Unit::Milliseconds, "audio_segments");
    let items = list(value.get("audio_items"));
    for (index, item) in required(value.get("audio_segments"), "audio_segments")?.iter().enumerate() {
        let own = list(item.get("audio_item_indices"))
            .iter()
            .filter_map(|i| items.get(usize::try_from(i.as_u64()?).ok()?));
        let own: Vec<Value> = own.cloned().collect();
        let segment = Segment {
            index,
            speaker: label(item.pointer("/speaker/speaker_label")),
            channel: label(item.pointer("/channel/channel_label")),
            start: number(item.get("start_timestamp_millis")),
            end: number(item.get("end_timestamp_millis")),
            text: text(item.get("text")),
            words: words(&own, ["content", "start_timestamp_millis", "end_timestamp_millis"]),
            ..Segment::default()
        };
        draft.segments.push(segment);
    }
    let spoken = value.pointer("/metadata/dominant_asset_language").and_then(Value::as_str);
    draft.language = spoken.map(str::to_lowercase);
    draft.own_id = label(value.pointer("/metadata/s3_key"))
        .and_then(|key| std::path::Path::new(&key).file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    draft.keep("vendor.summary", value.pointer("/audio/summary"));
    draft.keep("vendor.duration_ms", value.pointer("/metadata/duration_millis"));
    Ok(draft)
}

/// Words out of items, of which punctuation has no times.
fn words(items: &[Value], [content, start, end]: [&str; 3]) -> Vec<DraftWord> {
    let word = |item: &Value| {
        Some(DraftWord {
            text: text(item.get(content)),
            start: number(item.get(start))?,
            end: number(item.get(end))?,
        })
    };
    items.iter().filter_map(word).collect()
}

fn mean(values: &[f64]) -> Option<f32> {
    (!values.is_empty()).then(|| (values.iter().sum::<f64>() / values.len() as f64) as f32)
}
