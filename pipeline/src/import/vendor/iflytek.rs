//! iFLYTEK long-form recognition (lfasr): the list of `onebest` sentences and the lattice, whose
//! inner JSON is an object or a string. Numbers are strings; milliseconds, words in frames of 10 ms.

use serde_json::Value;

use crate::import::draft::{Draft, DraftWord, Segment, Unit, label, list, number, text};
use crate::import::format::JsonFormat;
use crate::import::{Fault, json};

/// Length of a word frame, milliseconds.
const FRAME_MS: f64 = 10.0;

/// Results of lfasr.
pub(in crate::import) const LFASR: JsonFormat = JsonFormat {
    name: "iflytek-lfasr",
    description: "iFLYTEK long-form recognition, onebest list or lattice (JSON)",
    detect: |keys| {
        if keys.ends("onebest") || keys.ends("json_1best") || keys.any(&["content.orderResult", "orderResult"]) {
            90
        } else if keys.all(&["err_no", "data", "ok"]) {
            60
        } else {
            0
        }
    },
    drafts,
};

fn drafts(value: &Value) -> Result<Vec<Draft>, Fault> {
    for (path, field) in [
        ("/content/orderResult", "content.orderResult"),
        ("/orderResult", "orderResult"),
        ("/data", "data"),
    ] {
        match value.pointer(path) {
            Some(Value::String(inner)) if !inner.trim().is_empty() => {
                let (inner, _) = json::parse(inner).map_err(|fault| Fault::at(field, fault.reason))?;
                return drafts(&inner);
            }
            Some(inner @ (Value::Array(_) | Value::Object(_))) => return drafts(inner),
            _ => {}
        }
    }
    if let Some(lattice) = value.get("lattice").or_else(|| value.get("lattice2")) {
        return Ok(vec![lattice_call(list(Some(lattice)))?]);
    }
    if let Some(status) = label(value.get("failed")).or_else(|| label(value.get("descInfo"))) {
        return Err(Fault::new(format!("the recogniser reports {status}")));
    }
    match value {
        Value::Array(sentences) => Ok(vec![onebest_call(sentences)]),
        Value::Object(map) => {
            let lists = map.iter().filter_map(|(name, value)| Some((name, value.as_array()?)));
            let calls: Vec<Draft> = lists
                .filter(|(_, list)| list.iter().any(|item| item.get("onebest").is_some()))
                .map(|(name, list)| Draft { own_id: Some(name.clone()), ..onebest_call(list) })
                .collect();
            if calls.is_empty() {
                Err(Fault::new("neither a lattice nor a list of onebest"))
            } else {
                Ok(calls)
            }
        }
        _ => Err(Fault::new("neither a lattice nor a list of onebest")),
    }
}

fn onebest_call(sentences: &[Value]) -> Draft {
    let mut draft = Draft::new(Unit::Milliseconds, "onebest");
    for (index, item) in sentences.iter().enumerate() {
        let start = number(item.get("bg"));
        let words = list(item.get("wordsResultList")).iter().filter_map(|word| {
            let at = |key: &str| Some(start? + number(word.get(key))? * FRAME_MS);
            Some(DraftWord { text: text(word.get("wordsName")), start: at("wordBg")?, end: at("wordEd")? })
        });
        let mut segment = Segment {
            index,
            speaker: label(item.get("speaker")),
            start,
            end: number(item.get("ed")),
            text: text(item.get("onebest")),
            words: words.collect(),
            ..Segment::default()
        };
        segment.signal("speech_rate", item.get("speed"));
        draft.segments.push(segment);
    }
    draft
}

fn lattice_call(lattice: &[Value]) -> Result<Draft, Fault> {
    let mut draft = Draft::new(Unit::Milliseconds, "lattice");
    for (index, item) in lattice.iter().enumerate() {
        let parsed;
        let best = match item.get("json_1best") {
            Some(Value::String(inner)) => {
                let at = format!("lattice[{index}].json_1best");
                parsed = json::parse(inner).map_err(|fault| Fault::at(at, fault.reason))?.0;
                &parsed
            }
            Some(best) => best,
            None => return Err(Fault::at(format!("lattice[{index}].json_1best"), "missing")),
        };
        let Some(st) = best.get("st") else {
            return Err(Fault::at(format!("lattice[{index}].json_1best.st"), "missing"));
        };
        let start = number(st.get("bg"));
        let mut segment = Segment {
            index,
            speaker: label(st.get("rl")).or_else(|| label(item.get("spk"))),
            start,
            end: number(st.get("ed")),
            ..Segment::default()
        };
        for word in list(st.get("rt")).iter().flat_map(|rt| list(rt.get("ws"))) {
            // The first candidate is the best; `g` marks the end of a paragraph and says nothing.
            let Some(best) = list(word.get("cw")).first() else {
                continue;
            };
            let written = best.get("w").and_then(Value::as_str).unwrap_or_default();
            let kind = best.get("wp").and_then(Value::as_str).unwrap_or("n");
            if written.is_empty() || kind == "g" {
                continue;
            }
            segment.text.push_str(written);
            let at = |key: &str| Some(start? + number(word.get(key))? * FRAME_MS);
            if let (Some(start), Some(end)) = (at("wb"), at("we"))
                && kind != "p"
            {
                segment.words.push(DraftWord { text: written.to_owned(), start, end });
            }
        }
        segment.signal("confidence", st.get("sc"));
        draft.segments.push(segment);
    }
    Ok(draft)
}
