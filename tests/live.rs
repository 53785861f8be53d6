//! A day's calls that end one after another on the server, and the same calls in files of the night.

use std::path::Path;

use qingting::server::convert::record_to_wire;
use qingting_index::{Context, DataDir, DateRange};
use qingting_pipeline::Pipeline;
use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::PipelineConfig;
use qingting_pipeline::import::{ImportOptions, Imported, Importer};
use qingting_pipeline::record::CallRecord;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::cli::{demo_calls, ok, qingting};
use crate::grpc::Server;

pub(crate) fn records(path: &Path) -> Vec<CallRecord> {
    let importer = Importer::new(ImportOptions::default()).unwrap();
    let record = |imported| match imported {
        Imported::Call { record, .. } => *record,
        Imported::Rejected(rejected) => panic!("{rejected:?}"),
    };
    importer.open(path).unwrap().map(record).collect()
}

/// What a reader gets of every call, byte for byte.
pub(crate) fn stored(data: &Path) -> Vec<String> {
    let pipeline = Pipeline::new(&PipelineConfig::default(), &Assets::embedded()).unwrap();
    let folder = DataDir::open_reader(data, Context::new(&pipeline)).unwrap();
    let text = |call: qingting_index::Result<qingting_pipeline::Analyzed>| {
        let call = call.unwrap();
        format!(
            "{}\n{}",
            serde_json::to_string(&call.record).unwrap(),
            serde_json::to_string(&call.analysis).unwrap()
        )
    };
    folder.scan(DateRange::ALL).unwrap().map(text).collect()
}

/// Two data folders that pseudonymise alike.
pub(crate) fn with_key(dir: &Path, name: &str) -> std::path::PathBuf {
    let data = dir.join(name);
    std::fs::create_dir_all(data.join("keys")).unwrap();
    std::fs::write(data.join("keys/caller.key"), "5a".repeat(32) + "\n").unwrap();
    data
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_days_live_calls_are_those_of_the_nightly_batch_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let (live, nightly) = (with_key(dir.path(), "live"), with_key(dir.path(), "nightly"));
    let mut calls = records(&demo_calls());
    assert_eq!(calls.len(), 34);
    // Everything that a record can hold goes over the wire too.
    let odd = r#"{"call_id": "odd", "started_at": "2026-03-02T00:00:00.250-03:30", "direction": "outbound", "queue": "q",
        "channel": "callback", "region": "城东", "language": "zh-CN", "wait_ms": 0, "ring_ms": 1, "hold_ms": 2,
        "answered": true, "hangup_by": "caller", "transferred": false, "rating": 2, "shift": "夜班",
        "agent": {"id": "A1", "name": "王芳", "team": "一组", "site": "南"}, "caller": {"id": "C-1", "number": "+86 139-0000-1111"},
        "ticket": {"id": "T1", "category": "供水", "department": "水务局", "status": "open", "opened_at": "2026-03-02T00:01:00+08:00"},
        "labels": {"by": ["x", 1, 0.1, null]}, "attributes": {"z": "1", "a": "2"},
        "turns": [{"role": "ivr", "text": "请按一"}, {"role": "agent", "start_ms": 0, "end_ms": 1500, "text": "您好，请讲。",
        "energy_db": -23.7, "emotion": "neutral", "words": [{"text": "您好", "start_ms": 0, "end_ms": 700}]},
        {"role": "caller", "start_ms": 1600, "end_ms": 9000, "text": "我叫李建国，手机一三九零零零零一一一一，停水三天没人管！！"}]}"#;
    let odd_path = dir.path().join("odd.json");
    std::fs::write(&odd_path, odd).unwrap();
    calls.extend(records(&odd_path));
    let input = demo_calls().display().to_string();
    let odd_path = odd_path.display().to_string();
    ok(&qingting(dir.path(), &["ingest", &input, &odd_path, "--data", "nightly"]));
    let expected = stored(&nightly);

    calls.shuffle(&mut StdRng::seed_from_u64(7));
    let server = Server::start(&live).await;
    let (first, second) = calls.split_at(20);
    server.ingest(first.iter().cloned().map(record_to_wire).collect()).await;
    // Some come again, as after a connection that broke: they are the same.
    server.ingest(second.iter().chain(&first[..5]).cloned().map(record_to_wire).collect()).await;
    // Acknowledged from the log, before anything was moved into Parquet.
    assert!(!live.join("calls").exists());
    assert!(std::fs::read_dir(live.join("wal")).unwrap().next().is_some());
    let acknowledged = stored(&live);
    server.stop().await;
    let moved = stored(&live);
    for (name, live) in [("in the log", &acknowledged), ("in Parquet", &moved)] {
        assert_eq!(live.len(), expected.len(), "{name}");
        for (live, nightly) in live.iter().zip(&expected) {
            assert_eq!(live, nightly, "{name}");
        }
    }
}
