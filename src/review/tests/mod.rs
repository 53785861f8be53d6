//! The rules as properties, and what they say of cases worked out by hand.

mod appeals;
mod figures;
mod sampling;
mod verdicts;

use std::sync::OnceLock;

use chrono::DateTime;
use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::PipelineConfig;
use qingting_pipeline::record::{Agent, CallRecord, Evidence, Finding, Role, Severity, Turn};
use qingting_pipeline::{Analyzed, Pipeline};

use super::*;

fn pipeline() -> &'static Pipeline {
    static PIPELINE: OnceLock<Pipeline> = OnceLock::new();
    PIPELINE.get_or_init(|| Pipeline::new(&PipelineConfig::default(), &Assets::embedded()).unwrap())
}

fn person(n: usize) -> Who {
    Who { id: format!("key:{n}"), name: format!("第{n}人") }
}

fn finding(code: &str, turn: Option<u32>, confidence: f32) -> Finding {
    let info = pipeline().finder().catalog().get(code).unwrap();
    Finding {
        code: code.into(),
        turn,
        role: info.role,
        severity: Severity::Major,
        confidence,
        taboo: info.taboo,
        evidence: vec![Evidence {
            turn: turn.unwrap_or(0),
            start_ms: None,
            end_ms: None,
            start_char: 0,
            end_char: 1,
            quote: "您".into(),
        }],
        rule: "judge".into(),
        explanation: "……".into(),
    }
}

/// A call of four turns, with these findings.
fn call(findings: Vec<Finding>, uncertain: Vec<Finding>) -> Analyzed {
    let mut record = CallRecord::new("c-1");
    record.started_at = Some(DateTime::parse_from_rfc3339("2026-03-02T09:15:00+08:00").unwrap());
    record.agent = Some(Agent { id: "A01".into(), team: Some("一组".into()), ..Agent::default() });
    for (role, text) in [
        (Role::Agent, "您好，请讲。"),
        (Role::Caller, "路灯坏了三天了。"),
        (Role::Agent, "急什么，等着吧。"),
        (Role::Ivr, "请对服务作出评价"),
    ] {
        record.turns.push(Turn::new(role, text));
    }
    let mut call = pipeline().analyze(&record);
    call.analysis.findings = findings;
    call.analysis.uncertain = uncertain;
    call
}

fn opinion(kind: Kind, code: &str, turn: Option<u32>, reason: &str) -> Opinion {
    Opinion { kind, finding: label(code, turn), correct: None, reason: reason.into() }
}

fn label(code: &str, turn: Option<u32>) -> Label {
    Label { code: code.into(), turn }
}

fn review(call: &Analyzed, opinions: &[Opinion]) -> Result<Review, Refusal> {
    Review::new(call, pipeline().finder().catalog(), opinions, "")
}
