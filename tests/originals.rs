//! What masking takes out of calls, kept under seal: from the import to the one who may see it, and until it is erased.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::cli::{ok, write};
use crate::unmasked::{contents, leaks};

const NUMBER: &str = "13912345678";
const REASON: &str = "来电人有危险，需要回拨";

/// Runs the program in a folder with keys, keeping what is masked or not.
fn run(dir: &Path, keys: Option<&str>, keep: bool, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qingting"));
    command.args(args).current_dir(dir).env("QINGTING__ORIGINALS__KEEP", keep.to_string());
    match keys {
        Some(keys) => command.env("QINGTING_ORIGINALS_KEY", keys),
        None => command.env_remove("QINGTING_ORIGINALS_KEY"),
    };
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

fn new_key(dir: &Path) -> String {
    let output = run(dir, None, false, &["originals", "new-key"]);
    ok(&output);
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn calls() -> String {
    let call = |id: &str, text: &str| {
        json!({
            "call_id": id, "started_at": "2026-03-02T09:15:00+08:00", "caller": {"number": NUMBER},
            "turns": [{"role": "agent", "text": "您好，请讲。"}, {"role": "caller", "text": text}],
            "attributes": {"联系电话": "010-62345678"}
        })
        .to_string()
    };
    [
        call("c-1", &format!("我叫欧阳建国，手机号是{NUMBER}，停水三天了。")),
        call("c-2", "停水三天了。"),
    ]
    .join("\n")
}

fn show(dir: &Path, keys: Option<&str>, data: &str, call: &str) -> Output {
    run(dir, keys, false, &["originals", "show", call, "--data", data, "--reason", REASON, "--json"])
}

fn shown(output: &Output) -> Value {
    ok(output);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_was_masked_is_sealed_shown_for_a_reason_and_erased_with_its_call() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (key, other) = (new_key(dir), new_key(dir));
    assert_ne!(key, other);
    let input = write(dir, "calls.jsonl", calls());
    let missing = run(dir, None, true, &["ingest", &input, "--data", "data"]);
    assert!(!missing.status.success() && said(&missing).contains("originals new-key"), "{}", said(&missing));
    ok(&run(dir, Some(&key), true, &["ingest", &input, "--data", "data"]));
    let found = leaks(&contents(&dir.join("data")));
    assert!(found.is_empty(), "{found:#?}");

    let mute = run(dir, Some(&key), false, &["originals", "show", "c-1", "--data", "data", "--reason", "看看"]);
    assert!(!mute.status.success() && said(&mute).contains("--reason"));
    let call = shown(&show(dir, Some(&key), "data", "c-1"));
    assert_eq!(call["turns"][1]["text"], format!("我叫欧阳建国，手机号是{NUMBER}，停水三天了。"));
    assert_eq!(
        (&call["caller"]["number"], &call["attributes"]["联系电话"]),
        (&json!(NUMBER), &json!("010-62345678"))
    );
    assert_eq!(shown(&show(dir, Some(&key), "data", "c-2"))["caller"]["number"], NUMBER, "its number is kept too");
    let trail = run(dir, None, false, &["audit", "list", "--data", "data", "--json"]);
    let trail: Vec<Value> = said(&trail).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown_calls: Vec<_> =
        trail.iter().map(|entry| (&entry["action"], &entry["subject"], &entry["detail"])).collect();
    let unmasked = json!("call unmasked");
    let [c1, c2] = [json!("calls/c-1"), json!("calls/c-2")];
    assert_eq!(shown_calls, [(&unmasked, &c2, &json!(REASON)), (&unmasked, &c1, &json!(REASON))]);

    for (keys, why) in [
        (None, "the key is not here"),
        (Some(other.as_str()), "not among the keys"),
    ] {
        let refused = show(dir, keys, "data", "c-1");
        assert!(!refused.status.success() && said(&refused).contains(why), "{}", said(&refused));
    }
    let both = format!("{other}\n{key}");
    assert_eq!(shown(&show(dir, Some(&both), "data", "c-1"))["caller"]["number"], NUMBER, "after a change of keys");

    // What goes over a call without having its input leaves what is sealed as it is.
    ok(&run(dir, None, false, &["rescore", "--data", "data"]));
    ok(&run(dir, None, false, &["backup", "--data", "data", "--out", "backup"]));
    ok(&run(dir, None, false, &["restore", "backup", "--data", "again"]));
    assert_eq!(shown(&show(dir, Some(&key), "again", "c-1"))["caller"]["number"], NUMBER);

    // What comes in while nothing is kept has nothing.
    ok(&run(dir, Some(&key), false, &["ingest", &input, "--data", "data", "--again"]));
    let nothing = show(dir, Some(&key), "data", "c-1");
    assert!(!nothing.status.success() && said(&nothing).contains("nothing that was masked is kept"));
    ok(&run(dir, None, false, &["forget", "--call", "c-1", "--data", "again"]));
    assert!(!show(dir, Some(&key), "again", "c-1").status.success());
    assert_eq!(shown(&show(dir, Some(&key), "again", "c-2"))["caller"]["number"], NUMBER);
}
