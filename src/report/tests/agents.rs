//! Who is named, and who is not.

use super::*;
use crate::report::agents::AgentRow;
use crate::report::figures::Share;

fn calls(agent: &str, queue: &str, scores: &[f64]) -> Vec<Call> {
    let numbered = scores.iter().enumerate().map(|(nth, score)| {
        let mut call = by(call(&format!("{agent}-{queue}-{nth}"), "2026-11-26T09:00:00+08:00"), agent, *score);
        call.0.queue = Some(queue.to_owned());
        call
    });
    numbered.collect()
}

fn rows(calls: &[Call]) -> Vec<AgentRow> {
    collected(calls, ReportConfig { min_agent_calls: 4, ..ReportConfig::default() }).agents
}

fn named(rows: &[AgentRow]) -> Vec<&str> {
    rows.iter().filter(|row| row.below()).map(|row| row.id.as_str()).collect()
}

/// By hand: of nine calls with mean 85 in the queue, A has 60, 62, 64, 66: −22 ± 3.182 × √(20/3 ÷ 4) = 4.108.
#[test]
fn an_agent_far_below_the_queue_is_named_with_the_interval() {
    let calls = [calls("A", "q", &[60.0, 62.0, 64.0, 66.0]), calls("B", "q", &[102.6; 5])].concat();
    let rows = rows(&calls);
    let difference = rows[0].difference.unwrap();
    assert_eq!((rows[0].id.as_str(), rows[0].score.value()), ("A", Some(63.0)));
    assert!((rows[0].expected - 85.0).abs() < 1e-9, "{rows:?}");
    assert!((difference.low + 26.108).abs() < 2e-3 && (difference.high + 17.892).abs() < 2e-3, "{difference:?}");
    assert_eq!(named(&rows), ["A"]);
}

#[test]
fn who_has_few_calls_or_scores_that_scatter_is_not_named() {
    let others = calls("B", "q", &[95.0, 96.0, 97.0, 98.0, 99.0, 100.0]);
    assert!(
        named(&rows(&[calls("A", "q", &[0.0, 1.0, 2.0]), others.clone()].concat())).is_empty(),
        "three calls"
    );
    assert!(
        named(&rows(&[calls("A", "q", &[0.0, 100.0, 100.0, 100.0]), others].concat())).is_empty(),
        "one bad call"
    );
    let near = [calls("A", "q", &[95.0, 95.1, 95.0, 95.1]), calls("B", "q", &[97.0; 6])].concat();
    assert!(named(&rows(&near)).is_empty(), "a point is no reason to coach anybody");
}

/// All of a hard queue score lower; who only takes that queue is no worse than the others there.
#[test]
fn calls_are_compared_with_their_own_queue() {
    let hard = [59.0, 60.0, 61.0, 60.0];
    let easy = [95.0, 96.0, 95.0, 96.0];
    let rows = rows(
        &[
            calls("A", "投诉", &hard),
            calls("B", "投诉", &hard),
            calls("C", "咨询", &easy),
        ]
        .concat(),
    );
    assert!(named(&rows).is_empty(), "{rows:?}");
    assert!(rows.iter().all(|row| row.difference.unwrap().value.abs() < 1e-9));
}

#[test]
fn a_fault_that_waits_for_review_is_nobodys_fault() {
    let plain = calls("A", "q", &[60.0; 4]);
    let doubtful: Vec<Call> = plain.iter().cloned().map(|call| unsure(call, "deflection")).collect();
    let others = calls("B", "q", &[100.0; 4]);
    let rows_of = rows(&[doubtful.clone(), others.clone()].concat());
    assert!(rows_of.iter().all(|row| row.typical.is_none() && row.faults.is_empty()), "{rows_of:?}");
    let page = crate::report::page(&collected(
        &[doubtful.clone(), others.clone()].concat(),
        ReportConfig { min_agent_calls: 4, ..ReportConfig::default() },
    ));
    assert!(!page.contains("推诿") && !page.contains("您找别人"));

    let mut sure = doubtful;
    for call in &mut sure[..2] {
        call.1.findings.push(finding("impatience", "快点说", 0.7));
    }
    sure[1].1.findings[0].confidence = 0.9;
    let rows = rows(&[sure, others].concat());
    let typical = rows[0].typical.as_ref().unwrap();
    assert_eq!(
        (typical.code.as_str(), typical.share, typical.all),
        ("impatience", Share::new(2, 4), Share::new(2, 8))
    );
    assert_eq!((typical.call_id.as_str(), typical.point.quote.as_str()), ("A-q-1", "快点说"), "the surest example");
}

#[test]
fn once_is_not_typical() {
    let mut few = calls("A", "q", &[60.0; 4]);
    few[0] = with(few[0].clone(), "impatience");
    let rows = rows(&[few, calls("B", "q", &[100.0; 4])].concat());
    assert_eq!((rows[0].typical.as_ref(), rows[0].faults.len()), (None, 1));
}
