//! Calls as people have left them.

use super::*;
use crate::coaching::reviewed::Taken;
use crate::review::{Kind, Label, Ruling};

fn opinion(kind: Kind, code: &str) -> Opinion {
    Opinion {
        kind,
        finding: Label { code: code.into(), turn: Some(2) },
        correct: None,
        reason: "听过了".into(),
    }
}

fn codes(call: &Analyzed) -> Vec<&str> {
    call.analysis.findings.iter().map(|finding| finding.code.as_str()).collect()
}

#[test]
fn what_was_overruled_is_gone_what_was_added_is_there_and_what_was_doubtful_stands_if_people_say_so() {
    let mut made =
        with(with(call("c", "2026-03-02", "A", "一组", 80.0), "impatience", "没办法"), "deflection", "没办法");
    made.analysis.uncertain.push(finding("dismissive", "没办法"));
    let mut decisions = Decisions::default();
    decisions.review(
        &made,
        &[
            opinion(Kind::Overrule, "impatience"),
            opinion(Kind::Agree, "deflection"),
            opinion(Kind::Agree, "dismissive"),
            opinion(Kind::Add, "forbidden_phrase"),
        ],
    );
    let reviewed = decisions.read();
    let mut now = made.clone();
    assert!(reviewed.apply(&mut now, catalog()));
    assert_eq!(codes(&now), ["deflection", "dismissive", "forbidden_phrase"]);
    assert!(now.analysis.uncertain.is_empty());
    let added = &now.analysis.findings[2];
    assert_eq!((added.evidence[0].quote.as_str(), added.evidence[0].turn), ("我没办法。", 2));
    assert!(!added.explanation.contains("听过了"), "reasons of reviewers are not for everybody");
    assert!(reviewed.agrees("c", &made.analysis.findings[1]) && !reviewed.agrees("c", &made.analysis.findings[0]));
    assert_eq!((reviewed.taken("c"), reviewed.taken("d")), (Taken::Reviewed, Taken::Machine));
}

#[test]
fn nothing_of_a_contested_call_is_taken_until_it_is_decided() {
    let made = with(call("c", "2026-03-02", "A", "一组", 80.0), "impatience", "没办法");
    let mut decisions = Decisions::default();
    decisions.review(&made, &[opinion(Kind::Agree, "impatience")]);
    decisions.add(&made, Event::Appealed { text: "语气平和".into(), against: Some(1) });
    let mut now = made.clone();
    assert!(!decisions.read().apply(&mut now, catalog()));
    assert_eq!(decisions.read().taken("c"), Taken::Contested);
    // Granted: overruled after all.
    let review = Review::new(&made, catalog(), &[opinion(Kind::Overrule, "impatience")], "").unwrap();
    let ruling = Ruling { granted: true, review: Some(review), reason: "是".into() };
    let mut row = Recorded::new(
        &Who { id: "key:9".into(), name: "乙".into() },
        chrono::Utc::now(),
        Some(2),
        Event::Decided(ruling),
    )
    .on("c", made.record.agent.as_ref())
    .to_entry()
    .unwrap();
    row.number = 3;
    decisions.0.push(row);
    let mut now = made.clone();
    assert!(decisions.read().apply(&mut now, catalog()));
    assert_eq!(codes(&now), [""; 0]);
}

#[test]
fn of_a_call_that_somebody_is_to_judge_nothing_is_taken_over() {
    let made = with(call("c", "2026-03-02", "A", "一组", 80.0), "impatience", "没办法");
    let mut decisions = Decisions::default();
    decisions.review(&made, &[opinion(Kind::Agree, "impatience"), opinion(Kind::Add, "deflection")]);
    let reviewed = Reviewed::read(&decisions, ["c".to_owned()].into()).unwrap();
    let mut hidden = made.clone();
    hidden.analysis.findings.clear();
    assert!(reviewed.apply(&mut hidden, catalog()));
    assert_eq!(codes(&hidden), [""; 0]);
}

#[test]
fn when_the_call_says_something_else_by_now_what_was_overruled_does_not_come_back_by_the_same_words() {
    let made = with(call("c", "2026-03-02", "A", "一组", 80.0), "impatience", "没办法");
    let mut decisions = Decisions::default();
    decisions.review(&made, &[opinion(Kind::Overrule, "impatience")]);
    let mut now = with(made.clone(), "impatience", "随便您");
    now.record.turns[1].text = "家里停电了。".into();
    assert!(decisions.read().apply(&mut now, catalog()));
    assert_eq!(now.analysis.findings.len(), 1);
    assert_eq!(now.analysis.findings[0].evidence[0].quote, "随便您");
}
