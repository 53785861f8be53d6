//! `qingting cases`, with and without a server on the data folder, and the cases of a report.

use serde_json::Value;

use crate::cli::{demo_calls, ok, qingting, serve};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn cases_are_opened_at_night_worked_on_beside_a_server_and_counted_in_the_report() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| qingting(dir.path(), &[&["cases"], args, &["--data", "data"]].concat());
    let calls = std::fs::read_to_string(demo_calls()).unwrap();
    // Of the moment, in the zone in which days are told; and cases that are opened on the next day, where this one ends meanwhile.
    let zone = chrono::FixedOffset::east_opt(8 * 3600).unwrap();
    let now = chrono::Utc::now().with_timezone(&zone);
    let days = [now, now + chrono::TimeDelta::days(1)].map(|at| at.date_naive().to_string());
    let calls: Vec<String> = calls
        .lines()
        .map(|line| {
            let mut call: Value = serde_json::from_str(line).unwrap();
            call["started_at"] = now.to_rfc3339_opts(chrono::SecondsFormat::Secs, false).into();
            call.to_string()
        })
        .collect();
    std::fs::write(dir.path().join("calls.jsonl"), calls.join("\n")).unwrap();
    ok(&qingting(dir.path(), &["ingest", "calls.jsonl", "--data", "data"]));
    let night = qingting(dir.path(), &["topics", "--data", "data"]);
    ok(&night);
    assert!(String::from_utf8_lossy(&night.stderr).contains("cases opened by rule"), "{night:?}");
    let opened = lines(&ok(&run(&["list", "--json"])));
    assert!(opened.iter().any(|case| case["cause"] == "rating"), "the demo has a bad rating");
    assert!(ok(&run(&["open"])).contains("新立案 0 件"));

    let number = opened.iter().find(|case| case["cause"] == "rating").unwrap()["number"].to_string();
    ok(&run(&["step", "verify", &number, "--note", "属实", "--who", "甲"]));
    let wrong = run(&["step", "close", &number, "--result", "好"]);
    assert_eq!(wrong.status.code(), Some(1));
    let served = serve(dir.path());
    assert!(ok(&run(&["open"])).contains("新立案 0 件"), "through the server");
    ok(&run(&["step", "assign", &number, "--to", "一组", "--who", "甲"]));
    ok(&run(&["step", "rectify", &number, "--measures", "已培训", "--who", "甲"]));
    let reply = [
        "step",
        "reply",
        &number,
        "--by",
        "phone",
        "--told",
        "已致歉",
        "--answer",
        "好",
        "--who",
        "甲",
    ];
    ok(&run(&reply));
    let own = run(&["step", "recheck", &number, "--note", "已改", "--who", "甲"]);
    assert!(String::from_utf8_lossy(&own.stderr).contains("nobody rechecks"), "{own:?}");
    let stale = run(&[
        "step", "recheck", &number, "--note", "已改", "--who", "乙", "--seen", "2",
    ]);
    assert!(String::from_utf8_lossy(&stale.stderr).contains("version"), "{stale:?}");
    ok(&run(&["step", "recheck", &number, "--note", "已改", "--who", "乙"]));
    drop(served);
    ok(&run(&["step", "close", &number, "--result", "已整改", "--who", "乙"]));
    let shown: Value = serde_json::from_str(&ok(&run(&["show", &number, "--json"]))).unwrap();
    let names: Vec<&str> =
        shown["history"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["规则", "甲", "甲", "甲", "甲", "乙", "乙"]);
    assert_eq!((&shown["state"], &shown["on_time"]), (&"closed".into(), &true.into()));
    let late = (chrono::Utc::now() + chrono::TimeDelta::days(60)).to_rfc3339();
    let reminders = lines(&ok(&run(&["remind", "--at", &late, "--json"])));
    assert_eq!(reminders.len(), opened.len() - 1);
    let counts = lines(&ok(&run(&["counts", "--by", "cause", "--json"])));
    assert_eq!(counts[0]["opened"], opened.len());
    assert_eq!(counts[0]["closed"], 1);

    let report = ["report", "--data", "data", "--out", "r.html", "--csv", "tables"];
    ok(&qingting(
        dir.path(),
        &[&report[..], &["--from", days[0].as_str(), "--to", days[1].as_str()]].concat(),
    ));
    let page = std::fs::read_to_string(dir.path().join("r.html")).unwrap();
    assert!(page.contains("督办与整改") && page.contains("按期办结率"));
    let table = std::fs::read_to_string(dir.path().join("tables/cases.csv")).unwrap();
    let whole = table.lines().nth(1).unwrap();
    assert!(whole.starts_with(&format!("all,,{},1,1,1.0000,", opened.len())), "{whole}");
    // A call takes its cases with it.
    let call = shown["call_id"].as_str().unwrap();
    ok(&qingting(dir.path(), &["forget", "--call", call, "--data", "data"]));
    assert_eq!(run(&["show", &number]).status.code(), Some(1));
}
