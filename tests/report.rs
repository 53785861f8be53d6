//! The report as a process: of a day and of a longer period, beside a running server, out of the store and of
//! the rows of the nightly step.

use std::path::Path;

use crate::cli::{demo_calls, ok, qingting, serve};

fn read(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join(name)).unwrap()
}

/// The data folder `data` with the demo's calls and their topics.
fn demo() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    ok(&qingting(dir.path(), &["ingest", &demo_calls().display().to_string(), "--data", "data"]));
    ok(&qingting(dir.path(), &["topics", "--data", "data"]));
    dir
}

#[test]
fn a_day_and_a_longer_period_are_reported_with_their_tables() {
    let dir = demo();
    let report = |args: &[&str]| qingting(dir.path(), &[&["report", "--data", "data"], args].concat());
    let last = report(&["--out", "day.html", "--csv", "tables"]);
    ok(&last);
    assert!(String::from_utf8_lossy(&last.stderr).contains("3 calls of 2026-11-27"), "{last:?}");
    let day = read(dir.path(), "day.html");
    assert!(day.contains("热线质检日报") && day.contains("2026-11-27 周五") && day.contains("demo-034"));
    let kpis = read(dir.path(), "tables/kpis.csv");
    assert!(kpis.starts_with('\u{feff}') && kpis.contains("connected,接通率,0.6667,2,3,,0"), "{kpis}");
    assert_eq!(read(dir.path(), "tables/calls.csv").lines().count(), 3, "the head and two scored calls");

    ok(&report(&[
        "--from",
        "2026-11-23",
        "--to",
        "2026-11-27",
        "--out",
        "days.html",
        "--csv",
        "tables",
    ]));
    let days = read(dir.path(), "days.html");
    assert!(days.contains("热线质检报告（5 天）") && days.contains("每日来电量"));
    assert!(days.find("危机情形 3 通").unwrap() < days.find("关键指标").unwrap());
    assert!(read(dir.path(), "tables/kpis.csv").contains("offered,来电量,34,"));
    assert_eq!(days, {
        ok(&report(&["--from", "2026-11-23", "--to", "2026-11-27", "--out", "again.html"]));
        read(dir.path(), "again.html")
    });

    let empty = report(&["--date", "2026-01-01", "--out", "empty.html"]);
    ok(&empty);
    assert!(String::from_utf8_lossy(&empty.stderr).contains("there are no calls of 2026-01-01"), "{empty:?}");
    assert!(read(dir.path(), "empty.html").contains("本期没有来电记录"));
    let turned = report(&["--from", "2026-11-27", "--to", "2026-11-23", "--out", "x.html"]);
    assert_eq!(turned.status.code(), Some(1));
    assert_eq!(report(&["--from", "2026-11-27", "--out", "x.html"]).status.code(), Some(2));
    assert!(!dir.path().join("x.html").exists());
}

#[test]
fn what_a_running_server_has_just_acknowledged_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let _served = serve(dir.path());
    ok(&qingting(dir.path(), &["ingest", &demo_calls().display().to_string(), "--data", "data"]));
    let args = [
        "report",
        "--data",
        "data",
        "--from",
        "2026-11-23",
        "--to",
        "2026-11-27",
        "--out",
        "served.html",
    ];
    let output = qingting(dir.path(), &args);
    ok(&output);
    assert!(String::from_utf8_lossy(&output.stderr).contains("34 calls of"), "{output:?}");
    let page = read(dir.path(), "served.html");
    assert!(page.contains("qingting topics"), "without topics it says what to do");
    assert!(page.contains("自本期开始没有从文件导入"), "what came over the wire has no files");
}

/// The rows of the nightly step give the trends that the calls themselves give.
#[test]
fn trends_are_the_same_out_of_the_rows_and_out_of_the_calls() {
    let dir = demo();
    let faults = |name: &str| {
        ok(&qingting(dir.path(), &["report", "--data", "data", "--date", "2026-11-26", "--out", name]));
        let page = read(dir.path(), name);
        let (from, to) = (page.find("<h2>服务问题").unwrap(), page.find("<h2>需要关注的通话").unwrap());
        page[from..to].to_owned()
    };
    let scanned = faults("scanned.html");
    assert!(scanned.contains("<polyline"), "{scanned}");
    // An hour after the import, which is when the nightly step may run.
    let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    let mut parts = 0;
    for date in std::fs::read_dir(dir.path().join("data/calls")).unwrap() {
        for file in std::fs::read_dir(date.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            std::fs::File::options().write(true).open(path).unwrap().set_modified(hour_ago).unwrap();
            parts += 1;
        }
    }
    assert_eq!(parts, 5);
    ok(&qingting(dir.path(), &["topics", "--data", "data"]));
    // A day that is only in the trends is not read from the store any more: it may even be broken.
    for file in std::fs::read_dir(dir.path().join("data/analyses/date=2026-11-23")).unwrap() {
        std::fs::write(file.unwrap().path(), "broken").unwrap();
    }
    assert_eq!(faults("rows.html"), scanned);
}
