//! The program as people run it: the real binary on real files.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::patience::{UNHURRIED_MS, at_last};

pub(crate) fn qingting(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_qingting")).args(args).current_dir(dir).output().unwrap()
}

pub(crate) fn ok(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub(crate) fn demo_calls() -> PathBuf {
    repository("config/demo/calls.jsonl")
}

fn call(id: &str, text: &str) -> Value {
    json!({"call_id": id, "started_at": "2026-03-02T09:15:00+08:00", "turns": [
        {"role": "agent", "start_ms": 0, "end_ms": 2000, "text": "您好，请问有什么可以帮您？"},
        {"role": "caller", "start_ms": 2500, "end_ms": 6000, "text": text},
        {"role": "agent", "start_ms": 6500, "end_ms": 9000, "text": "好的，马上为您登记，再见。"}]})
}

pub(crate) fn write(dir: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = dir.join(name);
    std::fs::write(&path, content).unwrap();
    path.display().to_string()
}

#[test]
fn the_output_does_not_depend_on_threads_or_on_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let input = demo_calls().display().to_string();
    let run = |threads: &str| ok(&qingting(dir.path(), &["analyze", &input, "--threads", threads]));
    let one = run("1");
    assert_eq!(lines(&one).len(), 34);
    assert_eq!(one, run("2"));
    assert_eq!(one, run("2"));
}

#[test]
fn both_records_follow_their_published_schemas() {
    let dir = tempfile::tempdir().unwrap();
    let schema = |name: &str| {
        let text = std::fs::read_to_string(repository(name)).unwrap();
        jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
    };
    let check = |schema: &jsonschema::Validator, records: &[Value]| {
        for record in records {
            let errors: Vec<String> =
                schema.iter_errors(record).map(|e| format!("{e} at {}", e.instance_path())).collect();
            assert!(errors.is_empty(), "{}: {errors:?}", record["call_id"]);
        }
    };
    let calls = lines(&std::fs::read_to_string(demo_calls()).unwrap());
    check(&schema("docs/call.schema.json"), &calls);
    let input = demo_calls().display().to_string();
    let analyses = lines(&ok(&qingting(dir.path(), &["analyze", &input])));
    let analysis_schema = schema("docs/analysis.schema.json");
    check(&analysis_schema, &analyses);
    let mut broken = analyses[0].clone();
    broken["facts"]["outcome"] = json!("maybe");
    assert!(!analysis_schema.is_valid(&broken), "a schema that accepts everything checks nothing");
}

#[test]
fn evidence_quotes_what_its_offsets_say() {
    let dir = tempfile::tempdir().unwrap();
    let input = demo_calls().display().to_string();
    let mut seen = 0;
    for analysis in lines(&ok(&qingting(dir.path(), &["analyze", &input]))) {
        for finding in analysis["findings"].as_array().unwrap() {
            for evidence in finding["evidence"].as_array().unwrap() {
                let text = analysis["turns"][evidence["turn"].as_u64().unwrap() as usize]["text"].as_str().unwrap();
                let (start, end) = (evidence["start_char"].as_u64().unwrap(), evidence["end_char"].as_u64().unwrap());
                let quote: String = text.chars().skip(start as usize).take((end - start) as usize).collect();
                assert_eq!(quote, evidence["quote"]);
                seen += 1;
            }
        }
    }
    assert!(seen > 30);
}

#[test]
fn each_kind_of_bad_record_is_quarantined_and_the_rest_is_analysed() {
    let good = call("good", "我家停水两天了").to_string();
    let mut inverted = call("inverted", "停水");
    inverted["turns"][1]["end_ms"] = json!(1);
    let mut no_text = call("no-text", "停水");
    no_text["turns"][1].as_object_mut().unwrap().remove("text");
    let mut negative = call("negative", "停水");
    negative["turns"][1]["start_ms"] = json!(-5);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("malformed", b"{\"call_id\": \"x\", turns".to_vec()),
        ("truncated", good.as_bytes()[..good.len() / 2].to_vec()),
        ("missing id", json!({"turns": [{"role": "agent", "text": "您好"}]}).to_string().into_bytes()),
        ("inverted", inverted.to_string().into_bytes()),
        ("no text", no_text.to_string().into_bytes()),
        ("negative", negative.to_string().into_bytes()),
        ("surrogate", br#"{"call_id": "s", "turns": [{"role": "caller", "text": "\ud800"}]}"#.to_vec()),
        (
            "undecodable",
            b"{\"call_id\": \"u\", \"turns\": [{\"role\": \"caller\", \"text\": \"\xff\xfe\xff\"}]}".to_vec(),
        ),
    ];
    for (name, bad) in cases {
        let dir = tempfile::tempdir().unwrap();
        let content = [
            good.as_bytes(),
            b"\n",
            &bad,
            b"\n",
            call("last", "谢谢").to_string().as_bytes(),
            b"\n",
        ]
        .concat();
        let input = write(dir.path(), "calls.jsonl", content);
        let output = qingting(dir.path(), &["analyze", &input, "--from", "native"]);
        assert_eq!(output.status.code(), Some(3), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let ids: Vec<_> =
            lines(&String::from_utf8(output.stdout).unwrap()).iter().map(|a| a["call_id"].clone()).collect();
        assert_eq!(ids, ["good", "last"], "{name}");
        let quarantine = lines(&std::fs::read_to_string(dir.path().join("quarantine.jsonl")).unwrap());
        assert_eq!(quarantine.len(), 1, "{name}");
        assert_eq!(quarantine[0]["line"], 2, "{name}");
        assert!(quarantine[0]["reason"].as_str().is_some_and(|r| !r.is_empty()), "{name}");
    }
}

#[test]
fn a_crisis_in_a_bad_record_is_raised() {
    let dir = tempfile::tempdir().unwrap();
    let mut bad = call("", "我不想活了，我现在就站在楼顶上");
    bad.as_object_mut().unwrap().remove("call_id");
    let input = write(dir.path(), "calls.jsonl", format!("{}\n{bad}\n", call("a", "停水了")));
    let output = qingting(dir.path(), &["analyze", &input]);
    assert_eq!(output.status.code(), Some(3));
    let quarantine = std::fs::read_to_string(dir.path().join("quarantine.jsonl")).unwrap();
    assert_eq!(lines(&quarantine)[0]["crisis"], true);
    assert!(!quarantine.contains("楼顶"), "the quarantine holds no text of the record");
    assert!(String::from_utf8_lossy(&output.stderr).contains("calls.jsonl:2"));
}

#[test]
fn what_can_be_read_is_read_with_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("{}\n", call("gb", "我家停水两天了"));
    let (gb18030, _, _) = encoding_rs::GB18030.encode(&text);
    let input = write(dir.path(), "gb.jsonl", gb18030);
    let output = qingting(dir.path(), &["analyze", &input]);
    assert!(ok(&output).contains("我家停水两天了"));
    let bom = write(dir.path(), "bom.jsonl", format!("\u{feff}{text}"));
    assert_eq!(lines(&ok(&qingting(dir.path(), &["analyze", &bom]))).len(), 1);
    let mut odd = call("odd", "😀 emoji и кириллица mixed ABC１２３");
    odd["turns"][1]["role"] = json!("supervisor");
    odd["started_at"] = json!("2099-01-01T00:00:00+08:00");
    let input = write(dir.path(), "odd.jsonl", format!("{odd}\n"));
    let output = qingting(dir.path(), &["analyze", &input]);
    assert_eq!(lines(&ok(&output)).len(), 1);
    assert!(String::from_utf8_lossy(&output.stderr).contains("warning"));
}

#[test]
fn ten_thousand_turns_and_an_unanswered_call_are_valid() {
    let dir = tempfile::tempdir().unwrap();
    let turns: Vec<Value> = (0..10_000u64)
        .map(|i| {
            let role = if i % 2 == 0 { "agent" } else { "caller" };
            json!({"role": role, "start_ms": i * 1000, "end_ms": i * 1000 + 1200, "text": "那个我想问一下"})
        })
        .collect();
    let long = json!({"call_id": "long", "started_at": "2026-03-02T09:15:00+08:00", "turns": turns});
    let unanswered =
        json!({"call_id": "missed", "started_at": "2026-03-02T09:15:00+08:00", "answered": false, "turns": []});
    let input = write(dir.path(), "calls.jsonl", format!("{long}\n{unanswered}\n"));
    let analyses = lines(&ok(&qingting(dir.path(), &["analyze", &input])));
    assert_eq!(analyses[0]["turns"].as_array().unwrap().len(), 10_000);
    assert_eq!(analyses[1]["findings"], json!([]));
    assert!(analyses[1].get("score").is_none());
}

#[test]
fn the_last_of_two_records_with_one_id_wins() {
    let dir = tempfile::tempdir().unwrap();
    let content = format!("{}\n{}\n{}\n", call("a", "停水"), call("b", "停电"), call("a", "停气"));
    let input = write(dir.path(), "calls.jsonl", content);
    let output = qingting(dir.path(), &["analyze", &input]);
    let analyses = lines(&ok(&output));
    assert_eq!(analyses.iter().map(|a| a["call_id"].as_str().unwrap()).collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(analyses[1]["turns"][1]["text"], "停气");
    assert!(String::from_utf8_lossy(&output.stderr).contains("calls.jsonl:3: call_id a came before"));
}

#[test]
fn what_is_refused_at_once_touches_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let good = write(dir.path(), "good.jsonl", format!("{}\n", call("a", "停水")));
    let unknown = write(dir.path(), "unknown.bin", "no format at all");
    for args in [
        vec!["ingest", &good, &unknown, "--data", "data"],
        vec!["ingest", &good, "nowhere.jsonl", "--data", "data"],
        vec!["ingest", &good, "--data", "data", "--from", "no-such-format"],
        vec!["ingest", &good, "--data", "data", "--config", "nowhere"],
    ] {
        let output = qingting(dir.path(), &args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(!output.stderr.is_empty());
        let stored = dir.path().join("data/calls");
        assert!(!stored.exists() || std::fs::read_dir(stored).unwrap().next().is_none(), "{args:?}");
    }
    assert_eq!(qingting(dir.path(), &["analyze"]).status.code(), Some(2));
}

#[test]
fn a_mistake_in_the_configuration_names_file_and_line() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("config")).unwrap();
    let input = write(dir.path(), "calls.jsonl", format!("{}\n", call("a", "停水")));
    write(dir.path(), "config/default.toml", "[batch]\nthreads = 1\nthreds = 2\n");
    let output = qingting(dir.path(), &["analyze", &input, "--config", "config"]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("default.toml") && message.contains("threds") && message.contains('3'), "{message}");
}

#[test]
fn every_sample_of_every_recogniser_is_recognised() {
    let dir = tempfile::tempdir().unwrap();
    let folder = repository("tests/fixtures/asr");
    for name in [
        "tencent_detail.json",
        "volcengine.json",
        "whisperx_diarized.json",
        "voices.vtt",
    ] {
        let path = folder.join(name);
        assert!(path.exists(), "{}", path.display());
        let output = qingting(dir.path(), &["analyze", &path.display().to_string(), "--date", "2026-03-02"]);
        assert!(!lines(&ok(&output)).is_empty(), "{name}");
    }
}

#[test]
fn from_files_to_search_topics_and_backtest() {
    let dir = tempfile::tempdir().unwrap();
    let input = demo_calls().display().to_string();
    let run = |args: &[&str]| qingting(dir.path(), &[args, &["--data", "data"]].concat());
    ok(&run(&["ingest", &input]));
    let again = run(&["ingest", &input]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("1 files have not changed"));
    let page: Value = serde_json::from_str(&ok(&run(&["search", "\"费太贵\"", "--json"]))).unwrap();
    assert_eq!(page["total"], 1);
    assert_eq!(page["hits"][0]["call_id"], "demo-034");
    let printed = ok(&run(&["search", "\"费太贵\""]));
    assert!(printed.contains("【费太贵】"), "{printed}");
    let filtered: Value = serde_json::from_str(&ok(&run(&["search", "", "--filter", "agent:A04", "--json"]))).unwrap();
    assert_eq!(filtered["total"], 2);
    assert_eq!(run(&["search", "停水", "--filter", "nowhere:1"]).status.code(), Some(1));
    let boxed: Value = serde_json::from_str(&ok(&run(&["search", "坐席:A04", "--json", "--facet", "hour"]))).unwrap();
    assert_eq!((boxed["total"].as_u64(), boxed["hits"].as_array().map(Vec::len)), (Some(2), Some(2)));
    assert_eq!(boxed["facets"][0]["values"].as_array().map(Vec::len), Some(24));
    let odd = run(&["search", "http://停水", "--facet", "weekday"]);
    assert!(String::from_utf8_lossy(&odd.stderr).contains("“http”不是条件"), "{odd:?}");
    assert!(ok(&run(&["search", "", "--facet", "weekday"])).contains("周二"));
    let like = ok(&run(&["search", "--like", "demo-034"]));
    assert!(like.contains("共同词：") && !like.contains("demo-034"), "{like}");
    let missing = run(&["search", "--like", "nowhere"]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("no such call"), "{missing:?}");
    let early = run(&["search", "主题:t1"]);
    assert!(String::from_utf8_lossy(&early.stderr).contains("还没有主题"), "{early:?}");
    let early = run(&["search", "", "--filter", "topic:t1"]);
    assert_eq!(early.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&early.stderr).contains("there are no topics yet"), "{early:?}");
    let early = run(&["trends"]);
    assert_eq!(early.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&early.stderr).contains("run `qingting topics"), "{early:?}");
    let topics: Value = serde_json::from_str(&ok(&run(&["topics", "--json"]))).unwrap();
    assert!(topics["topics"].as_array().is_some_and(|t| !t.is_empty()));
    let topic = format!("topic:{}", topics["topics"][0]["id"].as_str().unwrap());
    for args in [
        ["search", &topic, "--json"].as_slice(),
        &["search", "", "--filter", &topic, "--json"],
    ] {
        let page: Value = serde_json::from_str(&ok(&run(args))).unwrap();
        assert_eq!(page["total"], topics["topics"][0]["size"]);
    }
    let unknown = run(&["search", "主题:t99 停水"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("没有主题“t99”"), "{unknown:?}");
    let trends: Value = serde_json::from_str(&ok(&run(&["trends", "--days", "1", "--json"]))).unwrap();
    assert_eq!(trends.as_array().map(Vec::len), topics["topics"].as_array().map(Vec::len));
    let alerts: Value = serde_json::from_str(&ok(&run(&["alerts", "--json"]))).unwrap();
    let crises = alerts["crises"].as_array().unwrap();
    assert!(!crises.is_empty() && crises.iter().all(|c| !c["quote"].as_str().unwrap().is_empty()), "{alerts}");
    assert!(ok(&run(&["alerts"])).starts_with("危机情形"));
    ok(&run(&["reindex"]));
    let page: Value = serde_json::from_str(&ok(&run(&["search", "\"费太贵\"", "--json"]))).unwrap();
    assert_eq!(page["total"], 1);
    let articles = repository("config/demo/articles.jsonl").display().to_string();
    ok(&run(&["kb", "import", &articles]));
    let answer: Value = serde_json::from_str(&ok(&run(&["kb", "search", "身份证丢了在外地怎么补", "--json"]))).unwrap();
    assert_eq!(answer["hits"][0]["id"], "kb-002");
    write(
        dir.path(),
        "queries.jsonl",
        "{\"id\": 7, \"text\": \"暖气不热\"}\n{\"id\": \"x\", \"text\": \"电动车上牌\"}\n",
    );
    let answers = lines(&ok(&run(&["kb", "search", "--queries", "queries.jsonl", "--json"])));
    assert_eq!((answers[0]["id"].as_str(), answers[1]["id"].as_str()), (Some("7"), Some("x")));
    assert_eq!(answers[1]["hits"][0]["id"], "kb-009");
    let said = [
        "kb",
        "feedback",
        "kb-002",
        "--query",
        "身份证丢了在外地怎么补",
        "--helpful",
        "--who",
        "A01",
    ];
    assert!(ok(&run(&said)).contains("kb-002"));
    let again: Value = serde_json::from_str(&ok(&run(&["kb", "search", "身份证丢了在外地怎么补", "--json"]))).unwrap();
    assert!(again["hits"][0]["score"].as_f64() > answer["hits"][0]["score"].as_f64());
    assert!(!run(&["kb", "feedback", "none", "--query", "x", "--wrong"]).status.success());
    for gap in lines(&ok(&run(&["kb", "gaps", "--json"]))) {
        assert!(!gap["calls"].as_array().unwrap().is_empty(), "only calls can have left something open: {gap}");
    }
    let unchanged: Value = serde_json::from_str(&ok(&run(&[
        "rules",
        "backtest",
        "--rules",
        &repository("config").display().to_string(),
        "--json",
    ])))
    .unwrap();
    assert_eq!((unchanged["calls"].as_u64(), unchanged["changed"].as_u64()), (Some(34), Some(0)));
}

#[test]
fn topics_open_to_their_calls_and_keep_what_people_decide() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| qingting(dir.path(), &[args, &["--data", "data"]].concat());
    let json = |args: &[&str]| -> Value { serde_json::from_str(&ok(&run(&[args, &["--json"]].concat()))).unwrap() };
    ok(&run(&["ingest", &demo_calls().display().to_string()]));
    let topics = json(&["topics"]);
    let id = |at: usize| topics["topics"][at]["id"].as_str().unwrap().to_owned();
    let (first, second) = (id(0), id(1));
    let shown = json(&["topics", "show", &first]);
    assert_eq!(shown["call_ids"], topics["topics"][0]["call_ids"]);
    assert!(shown["figures"].as_array().is_some_and(|figures| !figures.is_empty()));
    assert!(ok(&run(&["topics", "show", &first])).contains("自动新建"));
    let opened = json(&["topics", "calls", &format!("topic:{first}"), "appeal:投诉"]);
    assert!(opened["total"].as_u64().unwrap() <= shown["size"].as_u64().unwrap());
    assert_eq!(run(&["topics", "calls", "nowhere:1"]).status.code(), Some(1));
    assert!(json(&["hotspots", "--days", "30"]).is_array());
    let rules = json(&["associations", "不满意"]);
    assert!(rules.as_array().is_some_and(|rules| rules.iter().all(|rule| rule["then"] == "satisfaction:不满意")));
    assert!(!rules.as_array().unwrap().is_empty());
    let callers = json(&["callers"]);
    assert_eq!(callers["contacts"], 33);
    assert!(ok(&run(&["callers"])).contains("来电人风格"));

    assert!(ok(&run(&["topics", "rename", &first, "停水停电"])).contains("停水停电"));
    assert_eq!(run(&["topics", "rename", "t99", "无"]).status.code(), Some(1));
    // While a server holds the folder, decisions and the refresh go through it.
    let served = serve(dir.path());
    let merged = run(&["topics", "merge", &second, "--into", &first]);
    assert!(String::from_utf8_lossy(&merged.stderr).contains("through the server"), "{merged:?}");
    assert!(ok(&merged).contains("停水停电"));
    ok(&run(&["topics", "pin", &first]));
    let refreshed = json(&["topics", "--rebuild"]);
    drop(served);
    let kept = refreshed["topics"].as_array().unwrap().iter().find(|topic| topic["id"] == first).unwrap();
    assert_eq!((&kept["label"], &kept["pinned"]), (&json!("停水停电"), &json!(true)));
    assert!(ok(&run(&["topics", "show", &second])).contains("已并入"));
}

#[test]
fn pairs_of_sentences_are_measured() {
    let dir = tempfile::tempdir().unwrap();
    let pairs = "小区停水三天了\t家里好几天没有自来水\t1\n小区停水三天了\t社保卡怎么补办\t0\n";
    let file = write(dir.path(), "pairs.tsv", pairs);
    let printed = lines(&ok(&qingting(dir.path(), &["kb", "eval-pairs", &file, "--json"])));
    assert_eq!(printed[0]["figures"]["pairs"], 2);
    assert_eq!(printed[0]["figures"]["vectors"]["static-vectors"], 1.0);
    let broken = write(dir.path(), "broken.tsv", "一\t二\n");
    assert!(!qingting(dir.path(), &["kb", "eval-pairs", &broken]).status.success());
}

#[test]
fn rules_are_listed_and_the_reference_is_up_to_date() {
    let dir = tempfile::tempdir().unwrap();
    ok(&qingting(dir.path(), &["rules", "check"]));
    assert!(ok(&qingting(dir.path(), &["rules", "list"])).contains("interruption"));
    let page = ok(&qingting(dir.path(), &["rules", "list", "--markdown"]));
    let kept = std::fs::read_to_string(repository("docs/rules.md")).unwrap();
    assert!(page == kept, "docs/rules.md is stale: qingting rules list --markdown > docs/rules.md");
}

#[test]
fn written_messages_are_read_by_their_field_names() {
    let dir = tempfile::tempdir().unwrap();
    let messages = "{\"id\": 17, \"time\": \"2026/2/28 11:25:05\", \"title\": \"路灯不亮\", \"text\": \"我们小区门口的路灯坏了一个月\"}\n";
    let input = write(dir.path(), "messages.jsonl", messages);
    let map = "call_id=id,started_at=time,title=title,text=text";
    let analyses = lines(&ok(&qingting(dir.path(), &["analyze", &input, "--map", map])));
    assert_eq!(analyses[0]["call_id"], "17");
    assert!(analyses[0]["turns"][0]["text"].as_str().unwrap().starts_with("路灯不亮\n"));
    assert!(analyses[0]["signals"].get("talk_ms").is_none());
}

#[test]
fn parquet_carries_the_same_analyses() {
    let dir = tempfile::tempdir().unwrap();
    let input = demo_calls().display().to_string();
    let jsonl = ok(&qingting(dir.path(), &["analyze", &input]));
    ok(&qingting(dir.path(), &["analyze", &input, "--format", "parquet", "--out", "a.parquet"]));
    let read = qingting_pipeline::columnar::read_analyses(&dir.path().join("a.parquet")).unwrap();
    let parquet: Vec<String> = read.map(|a| serde_json::to_string(&a.unwrap()).unwrap()).collect();
    assert_eq!(parquet, jsonl.lines().collect::<Vec<_>>());
    assert_eq!(qingting(dir.path(), &["analyze", &input, "--format", "parquet"]).status.code(), Some(1));
}

#[test]
fn the_demo_answers_with_evidence() {
    let dir = tempfile::tempdir().unwrap();
    let printed = ok(&qingting(dir.path(), &["demo", "--report", "report.html"]));
    let report = std::fs::read_to_string(dir.path().join("report.html")).unwrap();
    assert!(report.contains("热线质检报告（5 天）") && report.contains("demo-009"));
    for expected in ["34 通来电", "demo-009", "【费太贵】", "坐席 A04", "[kb-014]"] {
        assert!(printed.contains(expected), "{expected} is missing in {printed}");
    }
}

/// A server in a process of its own, killed when it is dropped.
pub(crate) struct Served(std::process::Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a server over the folder `data`, and waits until it holds it. Nobody reads its log any more then: it has
/// to go on none the less.
pub(crate) fn serve(dir: &Path) -> Served {
    serve_with(dir, &[]).0
}

/// The same with settings from the environment; tells its port.
pub(crate) fn serve_with(dir: &Path, environment: &[(&str, &str)]) -> (Served, u16) {
    use std::io::{BufRead, BufReader};
    let mut child = Command::new(env!("CARGO_BIN_EXE_qingting"))
        .args(["serve", "--data", "data", "--listen", "127.0.0.1:0"])
        .current_dir(dir)
        .env("QINGTING__SERVER__REQUEST_TIMEOUT_MS", UNHURRIED_MS.to_string())
        .envs(environment.iter().copied())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let served = Served(child);
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    let port = line.trim().strip_prefix("listening on 127.0.0.1:").and_then(|port| port.parse().ok());
    let port = port.unwrap_or_else(|| panic!("{line}"));
    // What an earlier server wrote into the lock is not this one's.
    let lock = dir.join("data/writer.lock");
    let holder = format!("(process {})", served.0.id());
    let held = || std::fs::read_to_string(&lock).is_ok_and(|text| text.contains(&holder));
    at_last("the server has the data folder", || held().then_some(()));
    (served, port)
}

#[test]
fn calls_acknowledged_by_a_running_server_survive_its_kill() {
    let dir = tempfile::tempdir().unwrap();
    let served = serve(dir.path());
    let output = qingting(dir.path(), &["ingest", &demo_calls().display().to_string(), "--data", "data"]);
    ok(&output);
    assert!(String::from_utf8_lossy(&output.stderr).contains("the calls go through the server"));
    drop(served); // SIGKILL
    ok(&qingting(dir.path(), &["reindex", "--data", "data"]));
    let found = ok(&qingting(dir.path(), &["search", "", "--data", "data", "--json"]));
    assert_eq!(serde_json::from_str::<Value>(&found).unwrap()["total"], 34);
}

#[test]
fn an_option_of_another_training_task_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (options, says) in [
        (["--tree", "finance"], "--task category"),
        (["--dialogues", "x.csv"], "--task emotion"),
    ] {
        let output = qingting(dir.path(), &[&["models", "train"][..], &options[..]].concat());
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains(says), "{output:?}");
    }
}
