//! What the benches share: the demo's calls as input.

#![allow(dead_code, reason = "each bench uses a part")]

use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::PipelineConfig;
use qingting_pipeline::record::CallRecord;
use qingting_pipeline::{Analyzed, Pipeline};

/// The pipeline with its built-in configuration.
pub(crate) fn pipeline() -> Pipeline {
    Pipeline::new(&PipelineConfig::default(), &Assets::embedded()).expect("the built-in configuration")
}

/// The calls that the demo ships.
pub(crate) fn demo_calls() -> Vec<CallRecord> {
    let text = Assets::embedded().read("demo/calls.jsonl").expect("the demo's calls are embedded").text;
    text.lines().map(|line| serde_json::from_str(line).expect("a call record")).collect()
}

/// So many analysed calls: the demo's, again and again under other ids.
pub(crate) fn analyzed(pipeline: &Pipeline, count: usize) -> Vec<Analyzed> {
    let calls = pipeline.analyze_batch(&demo_calls());
    calls
        .iter()
        .cycle()
        .take(count)
        .enumerate()
        .map(|(i, call)| {
            let mut call = call.clone();
            call.record.call_id = format!("bench-{i:06}");
            call.analysis.call_id.clone_from(&call.record.call_id);
            call
        })
        .collect()
}

/// Bytes of a folder and everything below it.
pub(crate) fn folder_bytes(path: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => folder_bytes(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

/// A figure of a process's memory by its name in `/proc/PID/status`, bytes; 0 when it has ended.
pub(crate) fn memory(process: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|rest| rest.split_whitespace().next()).and_then(|kb| kb.parse().ok()).unwrap_or(0) * 1024
}
