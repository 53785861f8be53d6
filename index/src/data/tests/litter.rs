//! What interrupted runs leave behind.

use super::*;

/// A killed `topics` left `assignments/calls.parquet.tmp`, and an import after it did not remove it.
#[test]
fn what_a_killed_step_was_writing_goes_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    ingest(&open(dir.path()), vec![call("a", "2026-03-02T09:00:00+08:00", "一")]);
    let path = |name: &str| dir.path().join(name);
    let litter = [
        "assignments/calls.parquet.tmp",
        "assignments/topics.json.tmp",
        "quarantine.jsonl.tmp",
        "keys/x.tmp",
    ];
    std::fs::create_dir_all(path("assignments")).unwrap();
    for name in litter {
        std::fs::write(path(name), "half").unwrap();
    }
    std::fs::write(path("assignments/topics.json"), "{}").unwrap();
    std::fs::create_dir(path("mine.tmp")).unwrap();
    drop(open(dir.path()));
    for name in litter {
        assert!(!path(name).exists(), "{name}");
    }
    for name in ["assignments/topics.json", "keys/caller.key", "mine.tmp"] {
        assert!(path(name).exists(), "{name}");
    }
}
