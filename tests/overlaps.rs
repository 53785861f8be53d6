//! Interruptions on overlaps that were written and labelled for it, in hotline calls and in talk
//! among colleagues: backchannels, help and two who start at once are none.

use qingting_pipeline::Pipeline;
use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::PipelineConfig;
use qingting_pipeline::record::CallRecord;

#[test]
fn interruptions_are_told_from_backchannels_and_help() {
    let pipeline = Pipeline::new(&PipelineConfig::default(), &Assets::embedded()).unwrap();
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/models/data/overlaps.jsonl")).unwrap();
    let (mut right, mut wrong, mut missed) = (0, 0, 0);
    for line in text.lines() {
        let record: CallRecord = serde_json::from_str(line).unwrap();
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let turn = value["labels"]["turn"].as_u64().unwrap() as u32;
        let findings = pipeline.analyze(&record).analysis.findings;
        let found = findings.iter().any(|f| f.code == "interruption" && f.turn == Some(turn));
        match (found, value["labels"]["label"] == "interruption") {
            (true, true) => right += 1,
            (true, false) => wrong += 1,
            (false, true) => missed += 1,
            (false, false) => {}
        }
    }
    assert_eq!(right + missed, 53, "labelled interruptions");
    let f1 = f64::from(2 * right) / f64::from(2 * right + wrong + missed);
    assert!(f1 >= 0.75 && wrong <= 12, "{right} right, {wrong} wrong, {missed} missed: F1 {f1:.3}");
}
