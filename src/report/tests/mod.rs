//! The report over small sets of calls that were counted by hand, and over many that were not.

mod agents;
mod contacts;
mod figures;
mod page;
mod standings;

use chrono::NaiveDate;
use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::*;

use super::collect::Collector;
use super::{Period, Report, ReportConfig};
use crate::testing::plain_analysis;

pub(super) const DAY: &str = "2026-11-26";

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(super) type Call = (CallRecord, Analysis);

/// A taken call with two timed turns of a minute in all, without agent, rating, score or finding.
pub(super) fn call(id: &str, at: &str) -> Call {
    let record = CallRecord {
        started_at: Some(at.parse().unwrap()),
        answered: Some(true),
        turns: vec![
            Turn::timed(Role::Agent, 0, 20_000, "您好，请讲。"),
            Turn::timed(Role::Caller, 20_000, 60_000, "家里停水了。"),
        ],
        ..CallRecord::new(id)
    };
    let said = |turn: u32, text: &str| TurnAnalysis {
        turn,
        text: text.to_owned(),
        sentiment: Sentiment::NEUTRAL,
        emotion: None,
        acts: Vec::new(),
    };
    let turns = vec![said(0, "您好，请讲。"), said(1, "家里停水了。")];
    (record, Analysis { turns, ..plain_analysis(id) })
}

pub(super) fn by((record, analysis): Call, agent: &str, score: f64) -> Call {
    let agent = Agent { id: agent.to_owned(), ..Agent::default() };
    let fatal = if score > 0.0 {
        Vec::new()
    } else {
        vec!["forbidden".to_owned()]
    };
    let score = Score {
        scorecard: "t".into(),
        total: score,
        potential: 100.0,
        normalized: score / 100.0,
        fatal,
        items: Vec::new(),
    };
    (CallRecord { agent: Some(agent), ..record }, Analysis { score: Some(score), ..analysis })
}

pub(super) fn finding(code: &str, quote: &str, confidence: f32) -> Finding {
    let info = Catalog::guide().get(code).cloned().unwrap();
    Finding {
        code: code.to_owned(),
        turn: Some(0),
        role: info.role,
        severity: info.severity,
        confidence,
        taboo: info.taboo,
        evidence: vec![Evidence {
            turn: 0,
            start_ms: Some(63_000),
            end_ms: Some(64_000),
            start_char: 0,
            end_char: quote.chars().count() as u32,
            quote: quote.to_owned(),
        }],
        rule: "t".into(),
        explanation: format!("坐席说了“{quote}”。"),
    }
}

pub(super) fn with((record, mut analysis): Call, code: &str) -> Call {
    analysis.findings.push(finding(code, "我也没办法", 0.8));
    (record, analysis)
}

pub(super) fn unsure((record, mut analysis): Call, code: &str) -> Call {
    analysis.uncertain.push(finding(code, "您找别人", 0.4));
    (record, analysis)
}

pub(super) fn collected(calls: &[Call], config: ReportConfig) -> Report {
    let catalog = Catalog::guide();
    let mut collector = Collector::new(Period::day(day(DAY)), &config, &catalog);
    calls.iter().for_each(|(record, analysis)| collector.add(record, analysis));
    Report::new(collector)
}
