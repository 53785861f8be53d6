//! What keeps a data folder in order, as processes: erasing, retention, backup beside those who write, figures.

use std::path::Path;

use crate::cli::{demo_calls, ok, qingting, serve, write};
use crate::patience::at_last;

fn ingested() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    ok(&qingting(dir.path(), &["ingest", &demo_calls().display().to_string(), "--data", "data"]));
    dir
}

/// The first words that a search finds of a call's text, if it finds any.
fn found(dir: &Path, data: &str, text: &str) -> String {
    ok(&qingting(dir, &["search", text, "--data", data]))
}

#[test]
fn a_caller_is_forgotten_and_the_rest_still_works() {
    let dir = ingested();
    ok(&qingting(dir.path(), &["topics", "--data", "data"]));
    let forget = |more: &[&str]| qingting(dir.path(), &[&["forget", "--data", "data"], more].concat());
    assert!(found(dir.path(), "data", "混凝土").contains("demo-002"));
    let would = ok(&forget(&["--caller", "caller-002", "--dry-run"]));
    assert!(would.contains("would be erased") && !would.starts_with("0 calls"), "{would}");
    assert!(found(dir.path(), "data", "混凝土").contains("demo-002"), "a dry run changes nothing");
    let erased = ok(&forget(&["--caller", "caller-002", "--who", "数据保护员"]));
    assert_eq!(erased.replace("erased", "would be erased"), would);
    assert!(!found(dir.path(), "data", "混凝土").contains("demo-002"));
    assert!(ok(&forget(&["--call", "demo-001"])).starts_with("1 calls"));
    assert!(ok(&forget(&["--call", "demo-001"])).starts_with("0 calls"));
    for command in [
        &["topics", "--data", "data"][..],
        &["report", "--data", "data", "--out", "r.html"],
        &["reindex", "--data", "data"],
    ] {
        ok(&qingting(dir.path(), command));
    }
    assert_eq!(forget(&[]).status.code(), Some(2), "somebody has to be named");
    assert_eq!(forget(&["--caller", "x", "--call", "y"]).status.code(), Some(2));
}

#[test]
fn nothing_is_erased_under_a_running_server_and_it_can_be_backed_up() {
    let dir = tempfile::tempdir().unwrap();
    let served = serve(dir.path());
    ok(&qingting(dir.path(), &["ingest", &demo_calls().display().to_string(), "--data", "data"]));
    for command in [
        &["forget", "--data", "data", "--call", "demo-001"][..],
        &["prune", "--data", "data", "--keep", "1d"],
    ] {
        let output = qingting(dir.path(), command);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert!(said.contains("qingting serve on") && said.contains("nothing was erased"), "{said}");
    }
    ok(&qingting(dir.path(), &["forget", "--data", "data", "--call", "demo-001", "--dry-run"]));
    ok(&qingting(dir.path(), &["backup", "--data", "data", "--out", "b.zip"]));
    drop(served); // SIGKILL
    std::fs::remove_dir_all(dir.path().join("data")).unwrap();
    // Names without a folder in front: the one that is synced after the renaming is the working directory.
    let restored = qingting(dir.path(), &["restore", "b.zip", "--data", "again"]);
    ok(&restored);
    assert!(String::from_utf8_lossy(&restored.stderr).contains("34 calls, as of"), "{restored:?}");
    assert!(found(dir.path(), "again", "混凝土").contains("demo-002"));
    assert_eq!(qingting(dir.path(), &["restore", "b.zip", "--data", "again"]).status.code(), Some(1));
}

#[test]
fn calls_are_kept_as_long_as_somebody_says() {
    let dir = tempfile::tempdir().unwrap();
    let call = |id: &str, at: &str| {
        format!(
            "{{\"call_id\": \"{id}\", \"started_at\": \"{at}\", \"turns\": [{{\"role\": \"caller\", \"text\": \"我家停水了\"}}]}}\n"
        )
    };
    let now = chrono::Utc::now().to_rfc3339();
    let input = write(dir.path(), "calls.jsonl", call("old", "2020-03-01T09:00:00+08:00") + &call("new", &now));
    ok(&qingting(dir.path(), &["ingest", &input, "--data", "data"]));
    let prune = |more: &[&str]| qingting(dir.path(), &[&["prune", "--data", "data"], more].concat());
    let unsaid = prune(&[]);
    assert_eq!(unsaid.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unsaid.stderr).contains("keep_days"), "{unsaid:?}");
    assert_eq!(ok(&prune(&["--keep", "400d", "--dry-run"])), "1 calls (2020-03-01 to 2020-03-01) would be erased\n");
    assert_eq!(ok(&prune(&["--keep", "400d"])), "1 calls (2020-03-01 to 2020-03-01) erased\n");
    assert_eq!(ok(&prune(&["--keep", "400d"])), "0 calls erased\n");
    let left = found(dir.path(), "data", "停水");
    assert!(left.contains("new") && !left.contains("old"), "{left}");
}

#[cfg(unix)]
#[test]
fn a_watched_folder_is_taken_in_as_it_fills_until_sigterm() {
    use std::process::{Command, Stdio};
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("in")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_qingting"))
        .args(["ingest", "in", "--data", "data", "--watch", "--still", "1"])
        .current_dir(dir.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let quarantined = || std::fs::read_to_string(dir.path().join("data/quarantine.jsonl")).unwrap_or_default();
    for (n, text) in [(1, "a"), (2, "b")] {
        let call = format!(
            "{{\"call_id\": \"{text}\", \"started_at\": \"2026-03-02T09:15:00+08:00\", \"turns\": [{{\"role\": \"caller\", \"text\": \"停水\"}}]}}\nbad\n"
        );
        write(&dir.path().join("in"), &format!("{text}.jsonl"), call);
        // The bad record of each file is added to those before.
        at_last("what is bad of each file is listed", || (quarantined().lines().count() == n).then_some(()));
    }
    // Its end may still be written.
    at_last("the calls can be searched", || {
        qingting(dir.path(), &["search", "停水", "--data", "data"]).status.success().then_some(())
    });
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(child.wait().unwrap().success(), "SIGTERM ends it well");
    let left = found(dir.path(), "data", "停水");
    assert!(left.contains('a') && left.contains('b'), "{left}");
}

#[test]
fn a_batch_leaves_its_figures_for_prometheus() {
    let dir = tempfile::tempdir().unwrap();
    let bad = write(dir.path(), "bad.jsonl", "{\"call_id\": \"x\", turns\n");
    let input = demo_calls().display().to_string();
    let ingest = |inputs: &[&str]| {
        qingting(dir.path(), &[&["ingest", "--data", "data", "--metrics", "q.prom"], inputs].concat())
            .status
            .code()
    };
    assert_eq!(ingest(&[&input, &bad]), Some(3));
    assert_eq!(ingest(&["nowhere.jsonl"]), Some(1));
    let text = std::fs::read_to_string(dir.path().join("q.prom")).unwrap();
    for line in [
        "qingting_ingest_runs_total 2",
        "qingting_ingest_failed_runs_total 1",
        "qingting_ingest_calls_total 34",
        "qingting_ingest_quarantined_total 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} in {text}");
    }
}
