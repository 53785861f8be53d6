//! No input makes an importer panic.

use proptest::prelude::*;

use super::*;

/// Reads bytes as every format there is; what comes out is only looked at for panics and for
/// what every importer promises.
fn battery(bytes: &[u8], name: &str) {
    let (_folder, path) = file(name, bytes);
    let options = |from: &str| match from {
        messages::NAME => ImportOptions { from: Some(from.to_owned()), ..map("call_id=id,text=text,title=a.b[0]") },
        _ => ImportOptions { from: Some(from.to_owned()), ..ImportOptions::default() },
    };
    for format in formats() {
        let Ok(records) = Importer::new(options(format.name)).unwrap().open(&path) else {
            continue;
        };
        for imported in records {
            match imported {
                Imported::Call { record, .. } => {
                    assert!(!record.call_id.is_empty());
                    for turn in &record.turns {
                        assert!(turn.times().is_none_or(|(start, end)| start <= end), "{}: {turn:?}", format.name);
                        assert!(!turn.text.contains('\0'));
                    }
                }
                Imported::Rejected(rejected) => assert!(!rejected.reason.is_empty()),
            }
        }
    }
    let importer = Importer::new(ImportOptions::default()).unwrap();
    let _ = importer.open(&path).map(Iterator::count);
}

#[test]
fn no_importer_panics_on_a_sample_of_another_cut_anywhere() {
    for entry in fs::read_dir(fixture("")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        battery(&bytes, &name);
        for part in [bytes.len() / 3, bytes.len() * 2 / 3, bytes.len().saturating_sub(3)] {
            battery(&bytes[..part], &name);
        }
    }
}

/// JSON with the keys that importers look for and values that they do not expect.
fn odd_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-1e15..1e15f64).prop_map(Into::into),
        "[\\PC\u{0}\\n\"\\\\]{0,12}".prop_map(Into::into),
        Just("[0:1.0,0:2.0] 您好".into()),
        Just("{\"st\":{\"bg\":\"1\"}}".into()),
    ];
    let key = prop::sample::select(vec![
        "call_id",
        "turns",
        "text",
        "role",
        "start_ms",
        "end_ms",
        "words",
        "answered",
        "Result",
        "Sentences",
        "BeginTime",
        "EndTime",
        "Text",
        "transcripts",
        "sentences",
        "Response",
        "Data",
        "ResultDetail",
        "StartMs",
        "Words",
        "lattice",
        "json_1best",
        "st",
        "bg",
        "ed",
        "rt",
        "ws",
        "cw",
        "onebest",
        "utterances",
        "additions",
        "start_time",
        "end_time",
        "sentence_info",
        "timestamp",
        "key",
        "segments",
        "start",
        "end",
        "speaker",
        "Transcript",
        "BeginOffsetMillis",
        "audio_segments",
        "audio_item_indices",
        "id",
        "a",
        "b",
        "title",
        "rating",
        "agent",
        "ticket",
        "labels",
    ]);
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::Array),
            prop::collection::vec((key.clone().prop_map(str::to_owned), inner), 0..6)
                .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_importer_panics_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        battery(&bytes, "any.bin");
    }

    #[test]
    fn no_importer_panics_on_any_text(text in "(WEBVTT\\n|\\[0:1,0:2\\] |1\\n00:00:01,0 --> 00:00:02,0\\n|SPEAKER a 1 0 1 x x s x\\n|ooTextFile TextGrid |<v A|&amp;|\"|[0-9:,.>-]|\\PC|\\n){0,60}") {
        battery(text.as_bytes(), "any.txt");
    }

    #[test]
    fn no_importer_panics_on_any_json(value in odd_json()) {
        battery(value.to_string().as_bytes(), "any.json");
    }
}
