//! The page and the tables: order, escaping, and what must not be in them.

use qingting_pipeline::record::{Caller, Turn};

use super::*;
use crate::report::{page, tables};

const HOSTILE: &str = "<script>alert(1)</script>&\"'";

/// A call with markup wherever a source can put text, and with personal data that the page must not show.
fn hostile() -> Call {
    let mut call = with(by(call(&format!("id{HOSTILE}"), "2026-11-26T09:00:00+08:00"), HOSTILE, 10.0), "impatience");
    call.0.queue = Some(HOSTILE.to_owned());
    call.0.agent.as_mut().unwrap().team = Some(HOSTILE.to_owned());
    call.0.caller = Some(Caller { id: Some("caller-secret".into()), number: Some("13900001111".into()) });
    call.0.attributes.insert("note".into(), "attribute-secret".into());
    call.0.turns.push(Turn::timed(Role::Caller, 60_000, 61_000, "raw-secret"));
    call.1.findings[0].explanation = HOSTILE.to_owned();
    call.1.findings[0].evidence[0].quote = HOSTILE.to_owned();
    call.1.findings.push(finding("crisis", HOSTILE, 0.9));
    call.1.facts.crisis = true;
    call.1.facts.appeal_type = HOSTILE.to_owned();
    call
}

fn config() -> ReportConfig {
    ReportConfig { min_agent_calls: 2, ..ReportConfig::default() }
}

fn hostile_report() -> Report {
    let mut calls = Vec::new();
    for nth in 0..3 {
        let mut bad = hostile();
        bad.0.call_id = format!("{}{nth}", bad.0.call_id);
        calls.push(bad);
        let mut good = by(call(&format!("good{nth}"), "2026-11-26T10:00:00+08:00"), "B", 100.0);
        good.0.queue = Some(HOSTILE.to_owned());
        calls.push(good);
    }
    collected(&calls, config())
}

#[test]
fn nothing_that_was_said_becomes_markup() {
    let report = hostile_report();
    assert!(report.agents.iter().any(crate::report::agents::AgentRow::below), "its cells are on the page");
    let page = page(&report);
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert!(!page.contains("<script"), "no script, of ours or of others");
    assert!(!page.contains("\"'"), "quotes in attributes are escaped");
}

#[test]
fn the_page_is_self_contained_and_names_no_caller() {
    let page = page(&hostile_report());
    for secret in ["caller-secret", "13900001111", "attribute-secret", "raw-secret"] {
        assert!(!page.contains(secret), "{secret}");
    }
    for outside in ["http:", "https:", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn lives_in_danger_come_before_every_figure() {
    let mut danger = call("c-1", "2026-11-26T09:00:00+08:00");
    danger.1.findings.push(finding("crisis", "我不想活了", 0.9));
    danger.1.facts.crisis = true;
    let doubtful = unsure(call("c-2", "2026-11-26T09:30:00+08:00"), "crisis");
    let page = page(&collected(&[danger, doubtful], config()));
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    assert!(at("危机情形 1 通，另有疑似 1 通") < at("我不想活了") && at("我不想活了") < at("疑似，待复核"));
    assert!(at("疑似，待复核") < at("要点") && at("要点") < at("接通率"));
    assert!(!super::super::page(&collected(&[], config())).contains("危机情形 0"));
}

#[test]
fn the_tables_open_in_a_spreadsheet_and_run_nothing() {
    let mut calls = vec![by(call("=1+1", "2026-11-26T09:00:00+08:00"), "@A", 60.0)];
    calls.push(by(call("c2", "2026-11-26T09:00:00+08:00"), "@A", 70.0));
    let report = collected(&calls, config());
    let folder = tempfile::tempdir().unwrap();
    let mut table = tables::CallTable::new(folder.path()).unwrap();
    for (record, analysis) in &calls {
        table.add(record, analysis, &Catalog::guide()).unwrap();
    }
    assert!(!folder.path().join("calls.csv").exists(), "not before it is complete");
    table.publish().unwrap();
    tables::write(&report, folder.path()).unwrap();
    for name in ["kpis.csv", "faults.csv", "agents.csv", "cases.csv", "calls.csv"] {
        let bytes = std::fs::read(folder.path().join(name)).unwrap();
        assert!(bytes.starts_with(&[0xef, 0xbb, 0xbf]), "{name}");
        let mut rows = csv::Reader::from_reader(&bytes[3..]);
        let width = rows.headers().unwrap().len();
        assert!(rows.records().all(|row| row.unwrap().len() == width), "{name}");
    }
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("calls.csv").contains("\n'=1+1,") && read("agents.csv").contains("\n'@A,"));
    assert!(read("kpis.csv").contains("score,质检均分,65.00,,2,,0"), "{}", read("kpis.csv"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5, "nothing temporary is left");
}
