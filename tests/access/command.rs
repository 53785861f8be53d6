//! `qingting keys` and `qingting audit`, with and without a server on the data folder.

use serde_json::Value;

use crate::cli::{ok, qingting, serve};

/// Last line of what a command printed.
fn last(text: &str) -> &str {
    text.trim_end().lines().last().unwrap_or_default()
}

#[test]
fn keys_are_made_and_revoked_beside_a_running_server_and_the_trail_is_checked() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| qingting(dir.path(), &[args, &["--data", "data"]].concat());
    let first = ok(&run(&["keys", "create", "--name", "管理员", "--role", "admin"]));
    assert!(last(&first).starts_with("qt_"), "{first}");
    let forgotten = run(&["keys", "create", "--name", "质检", "--role", "viewer"]);
    assert_eq!(forgotten.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&forgotten.stderr).contains("say which teams"), "{forgotten:?}");
    let served = serve(dir.path());
    let made = ok(&run(&[
        "keys",
        "create",
        "--name",
        "质检",
        "--role",
        "viewer",
        "--team",
        "一组",
        "--expires",
        "90d",
    ]));
    let id = last(&made).split('_').nth(1).unwrap().to_owned();
    let revoked = ok(&run(&["keys", "revoke", &id]));
    assert!(revoked.contains("质检"), "{revoked}");
    assert_eq!(run(&["keys", "revoke", "none"]).status.code(), Some(1));
    let keys: Vec<Value> = ok(&run(&["keys", "list", "--json"]))
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let valid: Vec<bool> = keys.iter().map(|key| key["valid"].as_bool().unwrap()).collect();
    assert_eq!(valid, [true, false]);
    drop(served);
    let trail: Vec<Value> = ok(&run(&["audit", "list", "--json"]))
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let actions: Vec<&str> = trail.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["key revoked", "key created", "key created"]);
    let checked = ok(&run(&["audit", "verify"]));
    let head = last(&checked).to_owned();
    assert_eq!(trail[0]["hash"], head.as_str());
    // Cut off at the end: only who kept the hash can tell.
    let ledger = rusqlite::Connection::open(dir.path().join("data/ledger.sqlite")).unwrap();
    ledger
        .execute_batch("DROP TRIGGER audit_is_never_shortened; DELETE FROM audit WHERE id = 3;")
        .unwrap();
    drop(ledger);
    ok(&run(&["audit", "verify"]));
    assert_eq!(run(&["audit", "verify", "--expect", &head]).status.code(), Some(1));
}
