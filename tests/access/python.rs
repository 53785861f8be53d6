//! The example client in Python over TLS and with a key.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use qingting::access::AccessConfig;
use qingting::server::ServerConfig;
use serde_json::{Value, json};

use super::tls::{authority, files};
use super::{Guarded, folder_with, whole};

fn client(ca: &Path, port: u16, key: Option<&str>, calls: &Path) -> Output {
    let environment = std::env::var_os("QINGTING_PYTHON").expect("scripts/setup-python makes it");
    let mut command = Command::new(PathBuf::from(environment).join("bin/python"));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/examples/client.py"));
    command.arg("--server").arg(format!("localhost:{port}")).arg("--ca").arg(ca).arg(calls);
    match key {
        Some(key) => command.env("QINGTING_KEY", key),
        None => command.env_remove("QINGTING_KEY"),
    };
    command.output().unwrap()
}

fn said(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Python with grpcio: ./scripts/test runs it"]
async fn a_client_in_python_hands_in_calls_and_reads_findings_over_tls_with_a_key() {
    let (folder, secrets) = folder_with(&[whole("admin"), whole("viewer")]);
    let (authority, files_of) = (authority(), tempfile::tempdir().unwrap());
    let config = ServerConfig { tls: files(files_of.path(), &authority, None), ..ServerConfig::default() };
    let server = Guarded::start(folder.path(), config, AccessConfig::default()).await;
    let ca = files_of.path().join("ca.pem");
    std::fs::write(&ca, authority.pem()).unwrap();
    let calls = files_of.path().join("calls.jsonl");
    let call = |id: &str, started_at: Option<&str>| {
        json!({
            "call_id": id, "started_at": started_at, "direction": "inbound",
            "agent": {"id": "P01", "team": "一组"},
            "turns": [
                {"role": "agent", "start_ms": 0, "end_ms": 1500, "text": "您好，请讲。"},
                {"role": "caller", "start_ms": 1600, "end_ms": 4000, "text": "路灯坏了三天了，怎么没人来修？"},
                {"role": "agent", "start_ms": 4200, "end_ms": 6000, "text": "不归我们管，你到底听不听得懂？"}
            ]
        })
        .to_string()
    };
    let lines = [call("py-1", Some("2026-03-02T09:15:00+08:00")), call("py-2", None)];
    std::fs::write(&calls, lines.join("\n")).unwrap();
    let port = server.address.port();
    let run = async |key: Option<&str>| {
        let (ca, calls, key) = (ca.clone(), calls.clone(), key.map(str::to_owned));
        tokio::task::spawn_blocking(move || client(&ca, port, key.as_deref(), &calls)).await.unwrap()
    };

    let lines = said(&run(Some(&secrets[0])).await);
    assert_eq!((&lines[0]["kind"], &lines[0]["role"]), (&json!("principal"), &json!("admin")));
    let acknowledged: Vec<_> = lines.iter().filter(|line| line["kind"] == "acknowledged").collect();
    assert_eq!((&acknowledged[0]["call"], &acknowledged[0]["code"]), (&json!("py-1"), &json!(0)));
    assert_eq!(acknowledged[1]["code"], 3, "a call without a time: {}", acknowledged[1]);
    let found = lines.iter().find(|line| line["kind"] == "found").unwrap();
    assert_eq!(found["total"], 1);
    let finding = lines.iter().find(|line| line["kind"] == "finding" && line["code"] == "forbidden_phrase");
    let finding = finding.unwrap_or_else(|| panic!("{lines:?}"));
    assert!(finding["quotes"][0].as_str().unwrap().contains("不归我们管"));

    let refused = run(Some("qt_none_none")).await;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("UNAUTHENTICATED UNKNOWN_KEY"), "{told}");
    let viewer = run(Some(&secrets[1])).await;
    assert!(!viewer.status.success(), "a viewer hands in no calls");
    assert!(!run(None).await.status.success());
    server.stop().await;
}
