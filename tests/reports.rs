//! Figures and tables of a running server, a process of its own, beside what the command line tells of the same calls.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::AsArray;
use arrow_ipc::reader::StreamReader;
use qingting_proto::v1;
use qingting_proto::v1::report_service_client::ReportServiceClient;
use tonic::transport::Channel;

use crate::cli::{Served, demo_calls, ok, qingting, serve};
use crate::socket::connected;

const SINCE: &str = "2026-11-23";
const UNTIL: &str = "2026-11-27";

/// A server with the demo's calls; asked through the socket in the data folder, as programs on the same machine do.
async fn served(dir: &Path) -> (Served, ReportServiceClient<Channel>) {
    ok(&qingting(dir, &["ingest", &demo_calls().display().to_string(), "--data", "data"]));
    let process = serve(dir);
    (process, ReportServiceClient::new(connected(&dir.join("data")).await))
}

fn selection() -> Option<v1::CallSelection> {
    Some(v1::CallSelection { since: SINCE.into(), until: UNTIL.into(), ..Default::default() })
}

/// A table of `qingting report --csv`: rows by their first cell.
fn rows(dir: &Path, name: &str) -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(dir.join("tables").join(name)).unwrap();
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>());
    rows.map(|row| (row[0].clone(), row)).collect()
}

fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.decimals$}"))
}

/// A figure as kpis.csv writes it.
fn written(figure: &v1::Figure) -> [String; 3] {
    let part = |number: Option<i64>| number.map_or_else(String::new, |number| number.to_string());
    let decimals = match figure.unit() {
        v1::FigureUnit::Calls => 0,
        v1::FigureUnit::Share => 4,
        _ => 2,
    };
    [
        number(figure.value, decimals),
        part(figure.numerator),
        part(figure.denominator),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_and_the_nightly_report_tell_the_same_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let (_process, mut client) = served(dir.path()).await;
    let period = ["--from", SINCE, "--to", UNTIL];
    let report = ["report", "--data", "data", "--out", "r.html", "--csv", "tables"];
    ok(&qingting(dir.path(), &[&report[..], &period[..]].concat()));
    let tables = |name: &str| rows(dir.path(), name);

    let request = v1::GetPeriodReportRequest { selection: selection() };
    let told = client.get_period_report(request).await.unwrap().into_inner();
    assert_eq!(told.title, "热线质检报告（5 天）");
    let kpis = tables("kpis.csv");
    assert_eq!(told.figures.len() + 1, kpis.len(), "and the crises");
    for figure in &told.figures {
        let (now, before) = (figure.now.as_ref().unwrap(), figure.before.as_ref().unwrap());
        let row = &kpis[&now.id];
        assert_eq!((&row[1], &row[2..5]), (&now.title, &written(now)[..]), "{}", now.id);
        assert_eq!(row[5], written(before)[0], "{}", now.id);
        if now.unit() != v1::FigureUnit::Calls {
            assert_eq!(row[7], now.missing.to_string(), "{}", now.id);
        }
    }
    assert_eq!((told.figures[0].now.as_ref().unwrap().value, told.crisis_count), (Some(34.0), 3));
    assert_eq!(kpis["crises"][2], "3");

    let faults = tables("faults.csv");
    assert_eq!(told.faults.len(), faults.len());
    for fault in &told.faults {
        let row = &faults[&fault.code];
        let now = written(fault.now.as_ref().unwrap());
        assert_eq!((&row[1], &row[2], &row[3], &row[4]), (&fault.title, &now[1], &now[2], &now[0]), "{}", fault.code);
    }

    let request = v1::GetKpisRequest { selection: selection(), ..Default::default() };
    let again = client.get_kpis(request).await.unwrap().into_inner();
    let figures: Vec<_> = told.figures.iter().map(|figure| figure.now.clone().unwrap()).collect();
    assert_eq!(again.figures[..figures.len()], figures);
    assert_eq!((again.service_level_seconds, again.repeat_window_days, again.partial), (20, 7, false));
    let names: Vec<&str> = again.figures[figures.len()..].iter().map(|figure| figure.id.as_str()).collect();
    let tickets = ["tickets", "ticket_closed", "ticket_on_time", "ticket_responded"];
    assert_eq!(names, [&["repeat_contact", "not_again", "fcr"][..], &tickets].concat());
    // Five days of data hold no window of seven: nothing is told.
    assert!(
        again.figures[figures.len()..][..3]
            .iter()
            .all(|figure| figure.value.is_none() && figure.missing > 20)
    );

    let request = v1::ListAgentScorecardsRequest { selection: selection(), page_size: 200, ..Default::default() };
    let agents = client.list_agent_scorecards(request).await.unwrap().into_inner();
    let listed = tables("agents.csv");
    assert!(agents.ranked_count > 0 || agents.scorecards.iter().all(|agent| agent.rank.is_none()));
    for agent in agents.scorecards.iter().filter(|agent| agent.scored_count > 0) {
        let row = &listed[&agent.id];
        assert_eq!((&row[3], row[9] == "1"), (&agent.scored_count.to_string(), agent.rank.is_some()), "{}", agent.id);
        if agent.rank.is_some() {
            let difference = agent.difference.as_ref().unwrap();
            let told = [
                agent.score.as_ref().unwrap().value,
                agent.expected_score,
                Some(difference.value),
            ];
            assert_eq!(row[4..7], told.map(|value| number(value, 2)), "{}", agent.id);
        }
    }
    assert_eq!(listed.len(), agents.scorecards.iter().filter(|agent| agent.scored_count > 0).count());

    let request = v1::GetTrendRequest {
        selection: selection(),
        figures: vec!["offered".into()],
        codes: vec!["impatience".into()],
        ..Default::default()
    };
    let trend = client.get_trend(request).await.unwrap().into_inner();
    let daily: Vec<_> = trend.points.iter().map(|point| point.figures[0].value.unwrap() as i64).collect();
    assert_eq!(daily, told.daily_counts.iter().map(|day| day.count).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_and_the_command_line_export_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (_process, mut client) = served(dir.path()).await;
    for (name, table, texts) in [
        ("calls", v1::ExportTable::Calls, true),
        ("analyses", v1::ExportTable::Analyses, false),
        ("findings", v1::ExportTable::Findings, false),
    ] {
        let request = v1::ExportRequest { table: table.into(), selection: selection(), include_texts: texts };
        let mut stream = client.export(request).await.unwrap().into_inner();
        let (mut bytes, mut rows) = (Vec::new(), 0);
        while let Some(response) = stream.message().await.unwrap() {
            bytes.extend_from_slice(&response.data);
            rows = response.row_count;
        }
        let mut args = vec!["export", "--data", "data", "--table", name, "--out", "out.arrow"];
        args.extend(["--from", SINCE, "--to", UNTIL]);
        args.extend(texts.then_some("--texts"));
        let output = qingting(dir.path(), &args);
        ok(&output);
        assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("{rows} rows of {SINCE}")), "{output:?}");
        assert!(bytes == std::fs::read(dir.path().join("out.arrow")).unwrap(), "{name}");
        let batches: Vec<_> = StreamReader::try_new(bytes.as_slice(), None).unwrap().map(Result::unwrap).collect();
        assert_eq!(batches.iter().map(|batch| batch.num_rows() as i64).sum::<i64>(), rows);
        if name == "calls" {
            assert_eq!(rows, 34);
            assert_eq!(batches[0].column_by_name("call_id").unwrap().as_string::<i32>().value(0), "demo-001");
        }
    }
    let team = [
        "export",
        "--data",
        "data",
        "--table",
        "calls",
        "--team",
        "一组",
        "--out",
        "team.arrow",
    ];
    let output = qingting(dir.path(), &team);
    ok(&output);
    assert!(String::from_utf8_lossy(&output.stderr).contains("9 rows of"), "{output:?}");
    let turned = [
        "export", "--data", "data", "--table", "calls", "--from", UNTIL, "--to", SINCE, "--out", "x.arrow",
    ];
    assert_eq!(qingting(dir.path(), &turned).status.code(), Some(1));
    assert!(!dir.path().join("x.arrow").exists());
}
