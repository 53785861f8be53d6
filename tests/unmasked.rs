//! Nothing that tells who somebody is may lie anywhere in clear: every file of a data folder, its backup, what the program
//! says. Calls full of invented particulars, good ones, bad ones and broken ones, go through a batch and through a server.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use qingting_pipeline::columnar;
use serde_json::json;

use crate::cli::{ok, qingting, serve, write};

/// Made up, with right check digits where there are any.
const PARTICULARS: [&str; 10] = [
    "13912345678",
    "18687654321",
    "11010519491231002X",
    "6222020200012345670",
    "6222020200012345675",
    "京A12345",
    "wangxiaoming@example.com",
    "欧阳建国",
    "翠微路88号院3号楼2单元1502",
    "010-62345678",
];

fn said_by_caller() -> String {
    "我叫欧阳建国，手机号是13912345678，另一个是186 8765 4321，身份证11010519491231002X，银行卡6222020200012345670，账号6222020200012345675，\
     车牌京A12345，邮箱wangxiaoming@example.com，家住翠微路88号院3号楼2单元1502，家里电话010-62345678，停水三天没人管。"
        .to_owned()
}

fn call(id: &str) -> serde_json::Value {
    json!({
        "call_id": id, "started_at": "2026-03-02T09:15:00+08:00",
        "caller": {"id": "13912345678", "number": "186-8765-4321"},
        "turns": [
            {"role": "agent", "start_ms": 0, "end_ms": 2000, "text": "您好，请问您贵姓？手机号码是多少？"},
            {"role": "caller", "start_ms": 2500, "end_ms": 20000, "text": said_by_caller(),
             "words": [{"text": "13912345678", "start_ms": 3000, "end_ms": 4000}], "phone": "13912345678"},
            {"role": "agent", "start_ms": 21000, "end_ms": 24000, "text": "好的，欧阳建国先生，号码13912345678，地址翠微路88号院3号楼2单元1502，对吗？"},
            {"role": "caller", "start_ms": 24500, "end_ms": 26000, "text": "对，一三九一二三四五六七八。"}
        ],
        "customer": {"name": "欧阳建国", "phone": "13912345678", "address": "翠微路88号院3号楼2单元1502"},
        "customer_name": "欧阳建国",
        "attributes": {"联系电话": "010-62345678", "remark": "车主京A12345，机主电话13912345678", "vendor.summary": "客户身份证11010519491231002X"},
        "labels": {"note": "回访13912345678", "who": {"姓名": "欧阳建国"}},
        "ticket": {"id": "T1", "category": "供水", "status": "已电话13912345678回访"}
    })
}

/// Good, bad in each way that quotes something, and broken.
fn inputs(dir: &Path) -> Vec<String> {
    let changed = |id: &str, change: &dyn Fn(&mut serde_json::Value)| {
        let mut call = call(id);
        change(&mut call);
        call.to_string()
    };
    let good = call("good").to_string();
    let lines = [
        good.clone(),
        changed("bad-time", &|call| call["started_at"] = json!("13912345678")),
        changed("bad-rating", &|call| call["rating"] = json!(13_912_345_678_u64)),
        changed("bad-start", &|call| call["turns"][1]["start_ms"] = json!("欧阳建国 13912345678")),
        changed("bad-agent", &|call| call["agent"] = json!("欧阳建国")),
        changed("odd", &|call| {
            call["direction"] = json!("打给13912345678");
            call["hangup_by"] = json!("wangxiaoming@example.com");
            call["turns"][0]["role"] = json!("欧阳建国");
            call["started_at"] = json!("2099-03-02T09:15:00+08:00");
        }),
        good.chars().take(good.chars().count() / 2).collect(),
        good.replace("\"turns\":", "turns:"),
        said_by_caller(),
        format!("{{\"13912345678\": {good}}}"),
    ];
    let plain = write(dir, "calls.jsonl", lines.join("\n"));
    let undecodable = [good.as_bytes(), b"\n\xff\xfe", said_by_caller().as_bytes(), b"\xff\n"].concat();
    let undecodable = write(dir, "undecodable.jsonl", undecodable);
    let dated = "WEBVTT\n\n00:00.000 --> 00:05.000\n欧阳建国：".to_owned() + &said_by_caller() + "\n";
    let subtitle = write(dir, "subtitle.vtt", dated);
    vec![plain, undecodable, subtitle]
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files_of(&path));
        // Not the socket of a server that was killed.
        } else if path.is_file() {
            all.push(path);
        }
    }
    all
}

/// The files with what somebody with the readers of their formats finds in them.
pub(crate) fn contents(folder: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for path in files_of(folder) {
        let name = path.display().to_string();
        if name.ends_with(".parquet") {
            let mut rows = String::new();
            if name.contains("assignments") {
                columnar::read_digests(&path).unwrap().for_each(|row| rows += &text(&row.unwrap()));
            } else if name.contains("/calls/") {
                columnar::read_calls(&path).unwrap().for_each(|row| rows += &text(&row.unwrap()));
            } else {
                columnar::read_analyses(&path).unwrap().for_each(|row| rows += &text(&row.unwrap()));
            }
            assert!(!rows.is_empty(), "{name}");
            all.push((format!("rows of {name}"), rows));
        }
        all.push((name, String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()));
    }
    let index = folder.join("index/calls");
    if index.is_dir() {
        let index = tantivy::Index::open_in_dir(index).unwrap();
        for segment in index.reader().unwrap().searcher().segment_readers() {
            for (field, entry) in index.schema().fields().filter(|(_, entry)| entry.is_indexed()) {
                let inverted = segment.inverted_index(field).unwrap();
                let mut terms = inverted.terms().stream().unwrap();
                let mut text = String::new();
                while terms.advance() {
                    text += &String::from_utf8_lossy(terms.key());
                    text.push(' ');
                }
                all.push((format!("words of {}", entry.name()), text));
            }
            let store = segment.get_store_reader(10).unwrap();
            for document in store.iter::<tantivy::TantivyDocument>(None) {
                all.push(("stored texts of the index".to_owned(), format!("{:?}", document.unwrap())));
            }
        }
    }
    all
}

fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

/// Where a particular stands in clear, in whichever way it is written.
pub(crate) fn leaks(all: &[(String, String)]) -> Vec<String> {
    let plain = |text: &str| -> String {
        text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>().to_uppercase()
    };
    let mut found = Vec::new();
    for (name, text) in all {
        let text = plain(text);
        for particular in PARTICULARS.iter().chain(&["一三九一二三四五六七八", "建国先生", "1502"]) {
            let particular = plain(particular);
            // Four digits stand in many a moment, count and digest: a number of a flat stands by itself, behind the rest of
            // its address or what is there in its place, or at the start of a text.
            let stands = |(at, found): &(usize, &str)| {
                let is_text = |c: char| (c >= '\u{2e80}' && c != char::REPLACEMENT_CHARACTER) || matches!(c, ']' | '"');
                let behind_text = text[..*at].chars().next_back().is_none_or(is_text);
                let goes_on = text[at + found.len()..].starts_with(|c: char| c.is_ascii_alphanumeric());
                found.len() > 4 || behind_text && !goes_on
            };
            if let Some((at, _)) = text.match_indices(&particular).find(stands) {
                let around: String = text[..at].chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
                found.push(format!("{particular} in {name}: …{around}"));
            }
        }
    }
    found
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

fn debugged(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qingting"));
    command.args(args).current_dir(dir).env("QINGTING_LOG", "debug").output().unwrap()
}

#[test]
fn no_particular_of_anybody_lies_anywhere_in_clear() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = inputs(dir.path());
    assert!(!leaks(&[("the input".to_owned(), std::fs::read_to_string(&inputs[0]).unwrap())]).is_empty());
    let mut args = vec![
        "ingest",
        "--data",
        "data",
        "--metrics",
        "q.prom",
        "--date",
        "2026-03-02",
    ];
    args.extend(inputs.iter().map(String::as_str));
    let ingest = debugged(dir.path(), &args);
    assert_eq!(ingest.status.code(), Some(3), "{}", said(&ingest));
    let mut strict = args.clone();
    strict[2] = "strict";
    strict.push("--strict");
    let mut all = vec![("what ingest said".to_owned(), said(&ingest))];
    all.push(("what ingest --strict said".to_owned(), said(&debugged(dir.path(), &strict))));
    for (name, args) in [
        ("topics", &["topics", "--data", "data"][..]),
        (
            "report",
            &[
                "report",
                "--data",
                "data",
                "--date",
                "2026-03-02",
                "--out",
                "report.html",
                "--csv",
                "tables",
            ],
        ),
        ("search", &["search", "停水", "--data", "data", "--json"]),
        ("backup", &["backup", "--data", "data", "--out", "backup"]),
    ] {
        let output = debugged(dir.path(), args);
        ok(&output);
        all.push((format!("what {name} said"), said(&output)));
    }
    let quarantine = std::fs::read_to_string(dir.path().join("data/quarantine.jsonl")).unwrap();
    assert!(quarantine.lines().count() >= 8, "{quarantine}");
    for folder in ["data", "strict", "backup", "tables"] {
        all.extend(contents(&dir.path().join(folder)));
    }
    for file in ["q.prom", "report.html"] {
        all.push((file.to_owned(), std::fs::read_to_string(dir.path().join(file)).unwrap()));
    }
    assert!(all.iter().any(|(name, text)| name.starts_with("rows of") && text.contains("停水三天")));
    assert!(all.iter().any(|(name, text)| name.starts_with("words of") && text.contains("停水")));
    let found = leaks(&all);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_particular_of_anybody_lies_in_the_log_of_live_calls() {
    let dir = tempfile::tempdir().unwrap();
    let served = serve(dir.path());
    let inputs = inputs(dir.path());
    let mut args = vec!["ingest", "--data", "data", "--date", "2026-03-02"];
    args.extend(inputs.iter().map(String::as_str));
    let ingest = debugged(dir.path(), &args);
    assert_eq!(ingest.status.code(), Some(3), "{}", said(&ingest));
    ok(&qingting(dir.path(), &["backup", "--data", "data", "--out", "backup"]));
    drop(served); // SIGKILL: the calls are in the log
    let mut all = contents(&dir.path().join("data"));
    all.extend(contents(&dir.path().join("backup")));
    assert!(all.iter().any(|(name, text)| name.ends_with(".wal") && text.contains("停水三天")));
    all.push(("what ingest said".to_owned(), said(&ingest)));
    let found = leaks(&all);
    assert!(found.is_empty(), "{found:#?}");
}

/// The microseconds of a line of the log were taken for the number of a flat.
#[test]
fn digits_within_a_moment_are_no_number_of_a_flat() {
    let found = |text: &str| leaks(&[("a text".to_owned(), text.to_owned())]).len();
    for chance in [
        "2026-11-29T04:14:55.341502Z",
        "bytes=1502 ",
        "{\"ms\":1502}",
        "\u{fffd}1502\u{fffd}",
        "\u{1}1502\u{2}",
    ] {
        assert_eq!(found(chance), 0, "{chance}");
    }
    for leak in ["2单元1502，", "[地址]1502", "家住 1502", "{\"room\":\"1502\"}", "1502"] {
        assert_eq!(found(leak), 1, "{leak}");
    }
}
