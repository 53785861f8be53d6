//! Documents published with a server in a process of its own, under load, killed, rolled back; and by hand.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use qingting::documents::{Draft, Shelf};
use qingting::server::convert::{analysis_to_wire, record_to_wire};
use qingting_pipeline::Pipeline;
use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::PipelineConfig;
use qingting_pipeline::record::CallRecord;
use qingting_proto::v1;
use qingting_proto::v1::analysis_service_client::AnalysisServiceClient;
use qingting_proto::v1::call_service_client::CallServiceClient;
use qingting_proto::v1::rule_service_client::RuleServiceClient;
use serde_json::Value;
use tonic::transport::{Channel, Endpoint};

use crate::cli::{demo_calls, ok, qingting, serve, write};
use crate::grpc::{Server, call, pipeline};
use crate::live::{records, stored, with_key};
use crate::patience::eventually;

const NAME: &str = "rules/own.toml";

/// A rule that hits most calls, on words of the agent.
fn rule(version: u32) -> String {
    format!(
        r#"
[[code]]
code = "own_greeting"
title = "问候"
level = "turn"
role = "agent"

[[rule]]
id = "own-greeting"
version = {version}
title = "问候"
doc = "坐席说您好。"
code = "own_greeting"
confidence = 0.{version}
explanation = "坐席说“{{quote}}”。"

[rule.condition.a]
role = "agent"
keywords = {{ any = ["您好", "你好", "请问"] }}

[[rule.example]]
hit = true
turns = ["A: 您好，请讲。"]
"#
    )
}

fn with_rule(text: &str) -> Pipeline {
    let shelf = Shelf::new(Assets::embedded(), []);
    let assets = shelf.with(&[Draft { name: NAME.into(), text: Some(text.into()) }]);
    pipeline().renewed(&PipelineConfig::default(), &assets).unwrap()
}

/// A connection to the server of a folder, once it answers.
async fn connect(data: &Path) -> Channel {
    let (socket, _open) = qingting::server::local::address(data).unwrap();
    let endpoint = Endpoint::from_shared(format!("unix:{}", socket.display())).unwrap();
    eventually("the server answers", async || {
        let channel = endpoint.connect().await.ok()?;
        let listed = RuleServiceClient::new(channel.clone()).list_documents(v1::ListDocumentsRequest::default()).await;
        listed.is_ok().then_some(channel)
    })
    .await
}

async fn analyze(channel: &Channel, record: &CallRecord) -> v1::Analysis {
    let request = v1::AnalyzeCallRequest { call: Some(record_to_wire(record.clone())) };
    let answer = AnalysisServiceClient::new(channel.clone()).analyze_call(request).await;
    answer.expect("no request is dropped").into_inner().analysis.unwrap()
}

async fn publish(channel: &Channel, text: &str, expected_version: i32) -> v1::PublishDocumentsResponse {
    let draft = v1::Draft { name: format!("documents/{NAME}"), text: text.into(), expected_version };
    let request = v1::PublishDocumentsRequest { drafts: vec![draft], note: "试行".into() };
    RuleServiceClient::new(channel.clone()).publish_documents(request).await.unwrap().into_inner()
}

async fn roll_back(channel: &Channel, version: i32, expected_version: i32) {
    let name = format!("documents/{NAME}");
    let request = v1::RollBackDocumentRequest { name, version, expected_version, note: "撤回".into() };
    RuleServiceClient::new(channel.clone()).roll_back_document(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_requests_get_the_old_or_the_new_version_and_after_the_answer_the_new_one_alone() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let served = serve(dir.path());
    let calls: Arc<Vec<CallRecord>> = Arc::new(records(&demo_calls()));
    let wire = |pipeline: &Pipeline| -> Arc<Vec<v1::Analysis>> {
        Arc::new(calls.iter().map(|call| analysis_to_wire(pipeline.analyze(call).analysis)).collect())
    };
    let (old, new) = (wire(&pipeline()), wire(&with_rule(&rule(8))));
    assert!(old.iter().zip(&*new).filter(|(old, new)| old.findings != new.findings).count() > 20);
    let control = connect(&data).await;
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut clients = Vec::new();
    for client in 0..6 {
        let channel = connect(&data).await;
        let (calls, old, new) = (calls.clone(), old.clone(), new.clone());
        let (stop, answered) = (stop.clone(), answered.clone());
        clients.push(tokio::spawn(async move {
            // When each began, and whether it was answered by the new version.
            let mut answers: Vec<(Instant, bool)> = Vec::new();
            let mut at = client * 7;
            while !stop.load(Ordering::SeqCst) {
                at = (at + 1) % calls.len();
                let began = Instant::now();
                let answer = analyze(&channel, &calls[at]).await;
                let is_new = answer == new[at];
                assert!(is_new || answer == old[at], "neither the old nor the new answer: {answer:?}");
                answers.push((began, is_new));
                answered.fetch_add(1, Ordering::SeqCst);
            }
            answers
        }));
    }
    let more = async |many: usize| {
        let until = answered.load(Ordering::SeqCst) + many;
        eventually("more requests are answered", async || (answered.load(Ordering::SeqCst) >= until).then_some(()))
            .await;
    };
    more(120).await;
    let published = publish(&control, &rule(8), 0).await;
    let acknowledged = Instant::now();
    more(120).await;
    stop.store(true, Ordering::SeqCst);
    let mut answers = Vec::new();
    for client in clients {
        answers.extend(client.await.unwrap());
    }
    let by_new = answers.iter().filter(|(_, is_new)| *is_new).count();
    assert!(
        answers.len() >= 200 && by_new >= 50 && answers.len() - by_new >= 50,
        "{by_new} of {}",
        answers.len()
    );
    let late = answers.iter().filter(|(began, _)| *began > acknowledged);
    assert!(
        late.clone().count() >= 50 && late.clone().all(|(_, is_new)| *is_new),
        "the old version after the answer"
    );
    assert!(
        new.iter()
            .all(|a| a.provenance.as_ref().unwrap().config_fingerprint == published.config_fingerprint)
    );

    // Killed after the answer: the version is there.
    drop(served);
    let served = serve(dir.path());
    let control = connect(&data).await;
    for (call, expected) in calls.iter().zip(&*new) {
        assert_eq!(analyze(&control, call).await, *expected);
    }
    // Back again: to the byte.
    roll_back(&control, 0, 1).await;
    for (call, expected) in calls.iter().zip(&*old) {
        assert_eq!(analyze(&control, call).await, *expected);
    }
    drop(served);
    let served = serve(dir.path());
    let control = connect(&data).await;
    assert_eq!(analyze(&control, &calls[0]).await, old[0]);
    roll_back(&control, 1, 2).await;
    assert_eq!(analyze(&control, &calls[0]).await, new[0]);
    drop(served);
}

fn run(dir: &Path, data: &str, args: &[&str]) -> Output {
    qingting(dir, &[args, &["--data", data]].concat())
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_holds_for_live_calls_the_night_and_what_is_stored_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let [live, nightly, rescored] = ["data", "nightly", "rescored"].map(|name| with_key(dir.path(), name));
    let draft = write(dir.path(), "own.toml", rule(8));
    let input = demo_calls().display().to_string();
    let publish = ["rules", "publish", &draft, "--as", NAME, "--note", "试行"];

    let served = serve(dir.path());
    let said = run(dir.path(), "data", &publish);
    assert_eq!(ok(&said), "rules/own.toml version 1\n");
    assert!(stderr(&said).contains("calls are judged by it"), "{said:?}");
    ok(&run(dir.path(), "data", &["ingest", &input]));
    drop(served);

    ok(&run(dir.path(), "nightly", &["ingest", &write(dir.path(), "empty.jsonl", "")]));
    assert_eq!(ok(&run(dir.path(), "nightly", &publish)), "rules/own.toml version 1\n");
    ok(&run(dir.path(), "nightly", &["ingest", &input]));

    ok(&run(dir.path(), "rescored", &["ingest", &input]));
    let before = stored(&rescored);
    ok(&run(dir.path(), "rescored", &publish));
    let report: Value = serde_json::from_str(&ok(&run(dir.path(), "rescored", &["rescore", "--json"]))).unwrap();
    assert_eq!((&report["calls"], &report["ruled"]), (&34.into(), &34.into()));

    let expected = stored(&nightly);
    assert_eq!(expected.len(), 34);
    assert!(expected.iter().filter(|call| call.contains("own_greeting")).count() > 20);
    assert!(expected.iter().all(|call| call.contains(&with_rule(&rule(8)).provenance().config_fingerprint)));
    assert_eq!(stored(&live), expected);
    let judged =
        |calls: &[String]| -> Vec<String> { calls.iter().filter(|c| c.contains("own_greeting")).cloned().collect() };
    assert_eq!(judged(&stored(&rescored)), judged(&expected), "what was judged otherwise was written");
    let report: Value = serde_json::from_str(&ok(&run(dir.path(), "data", &["rescore", "--json"]))).unwrap();
    assert_eq!(report["current"], 34, "{report}");

    // A backup has it too, and back again everything is as before.
    ok(&run(dir.path(), "rescored", &["backup", "--out", "backup"]));
    ok(&qingting(dir.path(), &["restore", "backup", "--data", "restored"]));
    let documents = ok(&run(dir.path(), "restored", &["rules", "documents"]));
    assert!(documents.lines().any(|line| line.starts_with(NAME) && line.contains("published")), "{documents}");
    ok(&run(dir.path(), "restored", &["rules", "rollback", NAME, "0", "--note", "撤回"]));
    ok(&run(dir.path(), "restored", &["rescore"]));
    let findings = |calls: &[String]| calls.iter().filter(|call| call.contains("own_greeting")).count();
    let restored = stored(&dir.path().join("restored"));
    assert_eq!((findings(&restored), restored.len()), (0, 34));
    assert_eq!(restored, before);
}

#[test]
fn documents_are_checked_published_compared_and_rolled_back_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| run(dir.path(), "data", args);
    ok(&run(&["ingest", &demo_calls().display().to_string()]));
    std::fs::create_dir(dir.path().join("rules")).unwrap();
    let file = write(dir.path(), NAME, rule(8));
    ok(&run(&["rules", "check", &file]));
    let broken = write(
        dir.path(),
        "rules/broken.toml",
        rule(8).replace("own_greeting\"\nconfidence", "nowhere\"\nconfidence"),
    );
    for args in [
        vec!["rules", "check", &broken],
        vec!["rules", "publish", &broken, "--note", "试"],
    ] {
        let refused = run(&args);
        assert_eq!(refused.status.code(), Some(1));
        assert!(stderr(&refused).contains("rules/broken.toml:13:8: unknown code `nowhere`"), "{refused:?}");
    }
    ok(&run(&["rules", "publish", &file, "--note", "试行", "--expect", "0"]));
    let conflict = run(&[
        "rules",
        "publish",
        &write(dir.path(), NAME, rule(9)),
        "--note",
        "试",
        "--expect",
        "0",
    ]);
    assert!(
        conflict.status.code() == Some(1) && stderr(&conflict).contains("at version 1, not 0"),
        "{conflict:?}"
    );
    let diff = ok(&run(&["rules", "diff", NAME, &file]));
    assert!(diff.starts_with("~ rule:own-greeting  confidence, version\n--- rules/own.toml\n"), "{diff}");
    ok(&run(&["rules", "publish", &file, "--note", "再试"]));
    assert_eq!(ok(&run(&["rules", "show", NAME])), rule(9));
    assert_eq!(ok(&run(&["rules", "show", NAME, "--at", "1"])), rule(8));
    ok(&run(&["rules", "rollback", NAME, "1", "--note", "撤回"]));
    assert_eq!(ok(&run(&["rules", "show", NAME])), rule(8));
    assert!(ok(&run(&["rules", "list"])).contains("own-greeting"));
    let history = ok(&run(&["rules", "history", NAME, "--json"]));
    let history: Vec<Value> = history.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = history
        .iter()
        .map(|v| (v["version"].as_u64(), v["restores"].as_u64(), v["note"].as_str()))
        .collect();
    assert_eq!(told[0], (Some(3), Some(1), Some("撤回")));
    assert_eq!((told.len(), told[2]), (3, (Some(1), None, Some("试行"))));
    let trail = ok(&run(&["audit", "list", "--json"]));
    assert_eq!(trail.matches("document published").count(), 2);
    assert_eq!(trail.matches("document rolled back").count(), 1);
    ok(&run(&["audit", "verify"]));

    // A word of its own: the indexes hold it.
    std::fs::create_dir(dir.path().join("dict")).unwrap();
    let words = write(dir.path(), "dict/zz.txt", "费太贵\n");
    let refused = run(&["rules", "publish", &words, "--note", "词"]);
    assert!(refused.status.code() == Some(1) && stderr(&refused).contains("--reindex"), "{refused:?}");
    let found = |text: &str| -> Value { serde_json::from_str(&ok(&run(&["search", text, "--json"]))).unwrap() };
    let before = found("费太贵")["total"].clone();
    let published = run(&["rules", "publish", &words, "--note", "词", "--reindex"]);
    assert_eq!(ok(&published), "dict/zz.txt version 1\n");
    assert!(stderr(&published).contains("34 calls and 0 articles indexed"), "{published:?}");
    assert_eq!(found("费太贵")["total"], before);
}

/// Synonyms are no part of an analysis or of an index: the next search takes them up, the one before did not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn published_synonyms_hold_from_the_next_search_on() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    server
        .ingest(vec![call(
            "c-1",
            "2026-03-02T09:15:00+08:00",
            "A",
            "楼下天天吹唢呐，吵死了。",
        )])
        .await;
    server.searchable(1).await;
    let found = async |text: &str| {
        let request = v1::SearchCallsRequest { query: text.into(), ..Default::default() };
        let mut client = CallServiceClient::new(server.channel.clone());
        client.search_calls(request).await.unwrap().into_inner().total_size
    };
    let name = "documents/synonyms/zz.txt";
    let mut rules = RuleServiceClient::new(server.channel.clone());
    assert_eq!((found("唢呐").await, found("大喇叭").await), (1, 0));
    let draft = v1::Draft { name: name.into(), text: "唢呐 大喇叭\n".into(), expected_version: 0 };
    let request = v1::PublishDocumentsRequest { drafts: vec![draft], note: "试行".into() };
    let published = rules.publish_documents(request).await.unwrap().into_inner();
    assert_eq!(published.affected(), v1::AffectedStages::None);
    assert_eq!((found("唢呐").await, found("大喇叭").await), (1, 1));
    let request =
        v1::RollBackDocumentRequest { name: name.into(), version: 0, expected_version: 1, note: "撤回".into() };
    rules.roll_back_document(request).await.unwrap();
    assert_eq!(found("大喇叭").await, 0);
    server.stop().await;
}

/// Before, whoever had published what a later version of the program does not take any more could neither start it nor
/// roll it back.
#[test]
fn what_is_published_and_cannot_be_used_any_more_can_be_rolled_back() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| run(dir.path(), "data", args);
    ok(&run(&["ingest", &demo_calls().display().to_string()]));
    std::fs::create_dir(dir.path().join("rules")).unwrap();
    ok(&run(&["rules", "publish", &write(dir.path(), NAME, rule(8)), "--note", "试"]));
    let ledger = rusqlite::Connection::open(dir.path().join("data/ledger.sqlite")).unwrap();
    ledger
        .execute_batch("DROP TRIGGER publications_are_never_changed; UPDATE publications SET content = '[[rule'")
        .unwrap();
    drop(ledger);
    let broken = run(&["rules", "list"]);
    assert!(
        broken.status.code() == Some(1) && stderr(&broken).contains("published rules/own.toml@1:1"),
        "{broken:?}"
    );
    ok(&run(&["rules", "rollback", NAME, "0", "--note", "撤回"]));
    ok(&run(&["rules", "list"]));
    ok(&run(&["search", "停水"]));
}
