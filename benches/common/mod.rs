//! What the benches share: the demo's calls as input.

use qingting_pipeline::assets::Assets;
use qingting_pipeline::record::CallRecord;

/// The calls that the demo ships.
pub(crate) fn demo_calls() -> Vec<CallRecord> {
    let text = Assets::embedded().read("demo/calls.jsonl").expect("the demo's calls are embedded").text;
    text.lines().map(|line| serde_json::from_str(line).expect("a call record")).collect()
}
