//! What the rules open, exactly, on a small set of calls; and that it is opened once.

use std::cell::RefCell;

use qingting_index::{CaseEntry, CaseQuery, ReviewEntry, ReviewQuery};
use qingting_pipeline::config::PipelineConfig;
use qingting_pipeline::record::{CallRecord, Evidence, Finding, Role, Severity, Turn};
use qingting_pipeline::{Analyzed, Pipeline};

use super::*;
use crate::review;

fn pipeline() -> &'static Pipeline {
    static PIPELINE: OnceLock<Pipeline> = OnceLock::new();
    PIPELINE.get_or_init(|| Pipeline::new(&PipelineConfig::default(), &Assets::embedded()).unwrap())
}

/// Cases and reviews in memory.
#[derive(Default)]
struct Kept {
    cases: RefCell<Vec<CaseEntry>>,
    reviews: RefCell<Vec<ReviewEntry>>,
}

impl Log for Kept {
    fn case_rows(&self, query: &CaseQuery) -> qingting_index::Result<Vec<CaseEntry>> {
        let rows = self.cases.borrow();
        let meant = |row: &&CaseEntry| query.call_id.as_ref().is_none_or(|id| *id == row.call_id);
        Ok(rows.iter().filter(meant).cloned().collect())
    }
}

impl review::Log for Kept {
    fn rows(&self, query: &ReviewQuery) -> qingting_index::Result<Vec<ReviewEntry>> {
        let rows = self.reviews.borrow();
        let meant = |row: &&ReviewEntry| {
            (query.kinds.is_empty() || query.kinds.contains(&row.kind))
                && query.call_id.as_ref().is_none_or(|id| row.call_id.as_ref() == Some(id))
        };
        Ok(rows.iter().filter(meant).cloned().collect())
    }
}

impl Kept {
    fn add(&self, rows: &[Recorded]) {
        let mut kept = self.cases.borrow_mut();
        for row in rows {
            let number = kept.len() as i64 + 1;
            kept.push(CaseEntry { number, ..row.to_entry().unwrap() });
        }
    }

    fn happened(&self, event: review::Event, call: &Analyzed, under: Option<i64>) -> i64 {
        let mut kept = self.reviews.borrow_mut();
        let number = kept.len() as i64 + 1;
        let who = review::Who { id: format!("key:{number}"), name: "质检员".into() };
        let row = review::Recorded::new(&who, at("2026-03-02T02:00:00Z"), under, event);
        let entry = row.on(&call.record.call_id, call.record.agent.as_ref()).to_entry().unwrap();
        kept.push(ReviewEntry { number, ..entry });
        number
    }

    /// A night over some calls: what is opened, as call and cause.
    fn night(&self, calls: &[Analyzed], bursts: &[Burst], now: DateTime<Utc>) -> Vec<(String, Cause)> {
        let rules = rules();
        let night = Night { rules: &rules, catalog: pipeline().finder().catalog(), now };
        let wanted = night.wanted(calls.iter().cloned().map(Ok), bursts, self).unwrap();
        let new = fresh(self, wanted, &rules).unwrap();
        self.add(&new);
        new.into_iter().map(|row| (row.call_id, row.cause)).collect()
    }
}

fn finding(code: &str, severity: Severity) -> Finding {
    let info = pipeline().finder().catalog().get(code).unwrap();
    Finding {
        code: code.into(),
        turn: Some(0),
        role: info.role,
        severity,
        confidence: 0.9,
        taboo: info.taboo,
        evidence: vec![Evidence {
            turn: 0,
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

fn call(id: &str, rating: Option<u8>, crisis: bool, findings: Vec<Finding>) -> Analyzed {
    let mut record = CallRecord::new(id);
    record.started_at = Some(DateTime::parse_from_rfc3339("2026-03-02T09:15:00+08:00").unwrap());
    record.agent = Some(agent());
    record.rating = rating;
    record.turns = vec![
        Turn::new(Role::Agent, "您好，请讲。"),
        Turn::new(Role::Caller, "路灯坏了三天了。"),
    ];
    let mut call = pipeline().analyze(&record);
    call.analysis.findings = findings;
    call.analysis.uncertain.clear();
    call.analysis.facts.crisis = crisis;
    call
}

fn verdict(call: &Analyzed, kind: review::Kind, code: &str) -> review::Review {
    let finding = review::Label { code: code.into(), turn: Some(0) };
    let opinion = review::Opinion { kind, finding, correct: None, reason: "听过录音".into() };
    review::Review::new(call, pipeline().finder().catalog(), &[opinion], "").unwrap()
}

const NOW: &str = "2026-03-03T01:00:00Z";

#[test]
fn cases_are_opened_exactly_where_the_rules_say() {
    let fatal = |code| vec![finding(code, Severity::Fatal)];
    let mut calls: Vec<Analyzed> =
        (1..=5).map(|rating| call(&format!("r{rating}"), Some(rating), false, Vec::new())).collect();
    calls.push(call("unrated", None, false, Vec::new()));
    calls.push(call("fatal", None, false, fatal("impatience")));
    calls.push(call("major", None, false, vec![finding("impatience", Severity::Major)]));
    // What a caller does is nobody's fault, however grave.
    calls.push(call("caller", None, false, fatal("crisis")));
    calls.push(call("danger", Some(1), true, Vec::new()));
    let mut doubtful = call("doubtful", None, false, Vec::new());
    doubtful.analysis.uncertain = fatal("impatience");
    calls.push(doubtful);
    for id in ["overruled", "upheld", "added", "appealed", "cleared"] {
        calls.push(call(id, None, false, if id == "added" { Vec::new() } else { fatal("impatience") }));
    }
    let kept = Kept::default();
    let by_id = |id: &str| calls.iter().find(|call| call.record.call_id == id).unwrap();
    use review::{Event as E, Kind as K};
    let reviewed =
        |id: &str, kind, code: &str| kept.happened(E::Reviewed(verdict(by_id(id), kind, code)), by_id(id), None);
    reviewed("overruled", K::Overrule, "impatience");
    reviewed("upheld", K::Agree, "impatience");
    reviewed("added", K::Add, "impatience");
    let against = reviewed("appealed", K::Agree, "impatience");
    kept.happened(E::Appealed { text: "不服".into(), against: Some(against) }, by_id("appealed"), None);
    let against = reviewed("cleared", K::Agree, "impatience");
    let appeal = kept.happened(E::Appealed { text: "不服".into(), against: Some(against) }, by_id("cleared"), None);
    let ruling = review::Ruling {
        granted: true,
        review: Some(verdict(by_id("cleared"), K::Overrule, "impatience")),
        reason: "误判".into(),
    };
    kept.happened(E::Decided(ruling), by_id("cleared"), Some(appeal));

    let opened = kept.night(&calls, &[], at(NOW));
    let expected = [
        ("r1", Cause::Rating),
        ("r2", Cause::Rating),
        ("fatal", Cause::Finding),
        ("danger", Cause::Rating),
        ("danger", Cause::Crisis),
        // What the machine found and people upheld is one matter.
        ("upheld", Cause::Finding),
        // What they added is theirs: as grave as its code.
        ("added", Cause::Review),
    ];
    let grave = pipeline().finder().catalog().get("impatience").unwrap().severity >= Severity::Major;
    assert!(grave, "else nothing is opened for what was added");
    assert_eq!(opened, expected.map(|(id, cause)| (id.to_owned(), cause)));
    let first = &cases(&kept, &CaseQuery::default()).unwrap()[0];
    assert_eq!((first.openings.reason.as_str(), first.openings.rating), ("来电人评价“非常不满意”", Some(1)));
    assert_eq!((first.agent.as_deref(), first.team.as_deref()), (Some("A01"), Some("一组")));
    assert_eq!(first.history[0].who, Who::rule());

    // A night that runs twice opens nothing twice, nor does one after a case was closed.
    assert_eq!(kept.night(&calls, &[], at("2026-03-04T01:00:00Z")), []);
    // The appeal is over: what it was about is opened now.
    let refused = review::Ruling { granted: false, review: None, reason: "维持".into() };
    let appeal = kept
        .reviews
        .borrow()
        .iter()
        .find(|row| row.kind == qingting_index::ReviewKind::Appealed)
        .unwrap()
        .number;
    kept.happened(E::Decided(refused), by_id("appealed"), Some(appeal));
    assert_eq!(kept.night(&calls, &[], at("2026-03-05T01:00:00Z")), [("appealed".to_owned(), Cause::Finding)]);
}

#[test]
fn a_night_that_broke_off_is_made_up_for() {
    let calls: Vec<Analyzed> = (0..6).map(|n| call(&format!("c{n}"), Some(1), false, Vec::new())).collect();
    let kept = Kept::default();
    let all = kept.night(&calls, &[], at(NOW));
    // Whatever part of it had been kept: the rest is opened, and nothing else.
    for part in 0..=all.len() {
        let after = Kept { cases: RefCell::new(kept.cases.borrow()[..part].to_vec()), ..Kept::default() };
        assert_eq!(after.night(&calls, &[], at(NOW)), all[part..]);
        assert_eq!(after.cases.borrow().len(), all.len());
    }
    // A call that comes in twice is one.
    let twice: Vec<Analyzed> = calls.iter().chain(&calls).cloned().collect();
    assert_eq!(Kept::default().night(&twice, &[], at(NOW)), all);
}

#[test]
fn a_burst_opens_one_case_until_it_is_over_and_another_one_comes() {
    let burst = |from: &str, until: &str, call_id: &str| Burst {
        topic: "t3@幸福路".into(),
        reason: "来电突增".into(),
        from: from.parse().unwrap(),
        until: until.parse().unwrap(),
        call_id: call_id.into(),
    };
    let kept = Kept::default();
    let first = burst("2026-03-02", "2026-03-03", "c1");
    assert_eq!(
        kept.night(&[], &[first.clone(), first.clone()], at("2026-03-03T15:00:00Z")),
        [("c1".into(), Cause::Alert)]
    );
    let case = cases(&kept, &CaseQuery::default()).unwrap().remove(0);
    assert_eq!((case.agent, case.team), (None, None), "nobody's fault");
    // The next night it goes on, with another newest call.
    let on = burst("2026-03-02", "2026-03-04", "c2");
    assert_eq!(kept.night(&[], std::slice::from_ref(&on), at("2026-03-04T15:00:00Z")), []);
    let row = |event, by: &str, version| {
        let case = super::super::case(&kept, 1).unwrap().unwrap();
        let row = case.take(event, &who(by), at("2026-03-04T16:00:00Z"), version, &rules()).unwrap();
        kept.add(&[row]);
    };
    row(Event::Verified { confirmed: false, note: "检修".into() }, "甲", 1);
    row(Event::Closed { result: "已告知".into() }, "甲", 2);
    assert_eq!(kept.night(&[], &[on], at("2026-03-05T15:00:00Z")), [], "closed, and the same burst");
    let again = burst("2026-03-20", "2026-03-21", "c9");
    assert_eq!(
        kept.night(&[], std::slice::from_ref(&again), at("2026-03-21T15:00:00Z")),
        [("c9".into(), Cause::Alert)]
    );
    let old = burst("2025-11-01", "2025-11-02", "c0");
    assert_eq!(Kept::default().night(&[], &[old], at("2026-03-21T15:00:00Z")), [], "beyond the look back");
}
