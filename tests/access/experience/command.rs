//! `qingting experience`, with and without a server on the data folder; what is found, counted and erased of it.

use serde_json::Value;

use crate::cli::{demo_calls, ok, qingting, serve, write};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn sample() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo/experience.jsonl");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_sample_is_imported_once_found_joined_counted_and_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| qingting(dir.path(), &[&["experience"], args, &["--data", "data"]].concat());
    let on = |args: &[&str]| qingting(dir.path(), &[args, &["--data", "data"]].concat());
    ok(&on(&["ingest", &demo_calls().display().to_string()]));
    let kpis = |name: &str| {
        ok(&on(&["report", "--date", "2026-11-23", "--out", "report.html", "--csv", name]));
        std::fs::read_to_string(dir.path().join(name).join("kpis.csv")).unwrap()
    };
    let before = kpis("before");
    write(dir.path(), "sample.jsonl", sample());
    let imported = run(&["import", "sample.jsonl", "--who", "体验官办公室"]);
    assert!(ok(&imported).contains("新增 56 条，已有 0 条，未收 0 条"), "{imported:?}");
    assert!(ok(&run(&["import", "sample.jsonl"])).contains("新增 0 条，已有 56 条，未收 0 条"));
    assert_eq!(kpis("after"), before, "calls are counted as before");

    // A bad line keeps its place, and nothing from being taken in.
    let bad =
        "{\"kind\":\"officer\",\"id\":\"o-20\",\"name\":\"晚照\",\"age\":9,\"since\":\"2026-01-05\"}\n{\"kind\":\n";
    write(dir.path(), "bad.jsonl", bad);
    let refused = run(&["import", "bad.jsonl"]);
    assert_eq!(refused.status.code(), Some(3));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("bad.jsonl:1: age: must be at least 18") && said.contains("bad.jsonl:2: not JSON"),
        "{said}"
    );
    let quarantine = lines(&std::fs::read_to_string(dir.path().join("data/quarantine.jsonl")).unwrap());
    assert_eq!(quarantine.iter().map(|line| line["line"].as_u64()).collect::<Vec<_>>(), [Some(1), Some(2)]);

    // Found, with topics, and with the cases that the rules open.
    let found = lines(&ok(&on(&["search", "停水", "--filter", "channel:experience", "--json"])));
    let found = serde_json::to_string(&found).unwrap();
    assert!(found.contains("experience-report-r-05") && found.contains("experience-opinion-p-02"), "{found}");
    let cases = lines(&ok(&on(&["cases", "list", "--cause", "experience", "--json"])));
    let about: Vec<&str> = cases.iter().map(|case| case["call_id"].as_str().unwrap()).collect();
    assert_eq!(about, ["experience-report-r-02", "experience-report-r-05"]);
    ok(&on(&["topics"]));
    assert_eq!(
        lines(&ok(&on(&["cases", "list", "--cause", "experience", "--json"]))).len(),
        2,
        "at night no second ones"
    );
    ok(&on(&["report", "--date", "2026-03-10", "--out", "march.html"]));
    let page = std::fs::read_to_string(dir.path().join("march.html")).unwrap();
    assert!(page.contains("体验官") && page.contains("体验报告"), "the day has a report");

    let reports = lines(&ok(&run(&["reports", "--json"])));
    assert_eq!(reports.len(), 6);
    let second = reports.iter().find(|report| report["id"] == "r-02").unwrap();
    assert_eq!((second["officer"].as_str(), second["rating"].as_u64()), (Some("o-02"), Some(2)));
    let problems = second["problems"].as_str().unwrap();
    assert!(problems.contains("[电话]") && !problems.contains("1391"), "{problems}");
    let overdue = lines(&ok(&run(&["tasks", "--overdue", "--json"])));
    assert!(overdue.iter().any(|task| task["id"] == "t-08"), "{overdue:?}");
    assert!(ok(&run(&["remind", "--at", "2026-03-27T09:00:00+08:00"])).contains("任务 t-07"));
    assert!(ok(&run(&["structure", "--date", "2026-03-01"])).contains("合计  目标 20，现有 12，缺 8"));
    let polls = ok(&run(&["polls"]));
    assert!(polls.contains("12 人中 11 人投票") && polls.contains("短信 6 票"), "{polls}");

    // Beside a server.
    let served = serve(dir.path());
    let more = "{\"kind\":\"report\",\"id\":\"r-07\",\"officer\":\"o-08\",\"at\":\"2026-03-25T09:00:00+08:00\",\
                \"way\":\"12345电话\",\"rating\":5,\"good\":\"问公交绕行，一句话就说明白了\"}\n";
    write(dir.path(), "more.jsonl", more);
    assert!(ok(&run(&["import", "more.jsonl"])).contains("新增 1 条"));
    assert!(ok(&run(&["import", "more.jsonl"])).contains("新增 0 条，已有 1 条"));
    drop(served);

    // Who an officer was is forgotten; what they reported stays. A report goes with its call, and its case with it.
    assert!(ok(&on(&["forget", "--officer", "o-02", "--dry-run"])).contains("would be forgotten"));
    ok(&on(&["forget", "--officer", "o-02"]));
    assert_eq!(on(&["forget", "--officer", "o-02"]).status.code(), Some(1));
    let ledger = std::fs::read(dir.path().join("data/ledger.sqlite")).unwrap();
    let is_there = |text: &str| ledger.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(
        is_there("拾荷") && is_there("officero-03") && !is_there("老槐") && !is_there("officero-02"),
        "in no byte of the ledger"
    );
    let reports = lines(&ok(&run(&["reports", "--json"])));
    assert_eq!(reports.iter().find(|report| report["id"] == "r-02").unwrap()["officer"], "已退出");
    ok(&on(&["forget", "--call", "experience-report-r-02"]));
    assert!(!ok(&run(&["reports"])).contains("r-02"));
    assert_eq!(lines(&ok(&on(&["cases", "list", "--cause", "experience", "--json"]))).len(), 1);
    // In backups with everything else.
    ok(&on(&["backup", "--out", "copy"]));
    let restored = qingting(dir.path(), &["restore", "copy", "--data", "again"]);
    ok(&restored);
    let again = qingting(dir.path(), &["experience", "reports", "--json", "--data", "again"]);
    assert_eq!(lines(&ok(&again)).len(), 6);
}
