//! Coaching over small sets of calls that were counted by hand, and over many that were not.

mod bulletin;
mod golden;
mod library;
mod phrases;
mod rates;
mod reviewed;
mod sheet;

use std::sync::OnceLock;

use qingting_index::{ReviewEntry, ReviewQuery};
use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::PipelineConfig;
use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::*;
use qingting_pipeline::{Analyzed, Pipeline};

use super::{Phrases, Reviewed};
use crate::review::{Event, Log, Opinion, Recorded, Review, Who};

/// One pipeline for all tests: loading the dictionary takes a while.
fn pipeline() -> &'static Pipeline {
    static PIPELINE: OnceLock<Pipeline> = OnceLock::new();
    PIPELINE.get_or_init(|| Pipeline::new(&PipelineConfig::default(), &Assets::embedded()).unwrap())
}

fn catalog() -> &'static Catalog {
    pipeline().finder().catalog()
}

fn library_of_phrases() -> Phrases {
    Phrases::load(&Assets::embedded(), catalog()).unwrap()
}

/// A call of an agent of a team with a score, without findings.
fn call(id: &str, day: &str, agent: &str, team: &str, score: f64) -> Analyzed {
    let record = CallRecord {
        started_at: Some(format!("{day}T09:00:00+08:00").parse().unwrap()),
        answered: Some(true),
        agent: Some(Agent { id: agent.into(), team: Some(team.into()), ..Agent::default() }),
        turns: vec![
            Turn::timed(Role::Agent, 0, 20_000, "您好，请讲。"),
            Turn::timed(Role::Caller, 20_000, 40_000, "家里停水了。"),
            Turn::timed(Role::Agent, 40_000, 60_000, "我没办法。"),
        ],
        ..CallRecord::new(id)
    };
    let mut call = base(&record);
    call.analysis.score = Some(Score {
        scorecard: "t".into(),
        total: score,
        potential: 100.0,
        normalized: score / 100.0,
        fatal: Vec::new(),
        items: Vec::new(),
    });
    call
}

/// The same analysis for every call, so that thousands cost nothing.
fn base(record: &CallRecord) -> Analyzed {
    static ANALYSIS: OnceLock<Analysis> = OnceLock::new();
    let analysis = ANALYSIS.get_or_init(|| pipeline().analyze(record).analysis);
    let mut analysis = analysis.clone();
    analysis.call_id.clone_from(&record.call_id);
    (analysis.findings, analysis.uncertain) = (Vec::new(), Vec::new());
    analysis.conduct = None;
    Analyzed::new(record.clone(), analysis)
}

fn finding(code: &str, quote: &str) -> Finding {
    let info = catalog().get(code).unwrap();
    Finding {
        code: code.into(),
        turn: Some(2),
        role: info.role,
        severity: info.severity,
        confidence: 0.9,
        taboo: info.taboo,
        evidence: vec![Evidence {
            turn: 2,
            start_ms: Some(40_000),
            end_ms: Some(60_000),
            start_char: 0,
            end_char: quote.chars().count() as u32,
            quote: quote.into(),
        }],
        rule: "t".into(),
        explanation: format!("坐席说“{quote}”。"),
    }
}

fn with(mut call: Analyzed, code: &str, quote: &str) -> Analyzed {
    call.analysis.findings.push(finding(code, quote));
    call
}

/// What people decided, in the order of the list.
#[derive(Default)]
struct Decisions(Vec<ReviewEntry>);

impl Log for Decisions {
    fn rows(&self, query: &ReviewQuery) -> qingting_index::Result<Vec<ReviewEntry>> {
        Ok(self.0.iter().filter(|row| query.kinds.contains(&row.kind)).cloned().collect())
    }
}

impl Decisions {
    fn add(&mut self, call: &Analyzed, event: Event) {
        let who = Who { id: format!("key:{}", self.0.len()), name: "甲".into() };
        let recorded =
            Recorded::new(&who, chrono::Utc::now(), None, event).on(&call.record.call_id, call.record.agent.as_ref());
        let mut row = recorded.to_entry().unwrap();
        row.number = self.0.len() as i64 + 1;
        self.0.push(row);
    }

    fn review(&mut self, call: &Analyzed, opinions: &[Opinion]) {
        let review = Review::new(call, catalog(), opinions, "").unwrap();
        self.add(call, Event::Reviewed(review));
    }

    fn read(&self) -> Reviewed {
        Reviewed::read(self, Default::default()).unwrap()
    }
}
