//! What a review takes, what stands by it, and what training reads of it.

use qingting_index::ReviewKind;

use super::*;
use crate::training::Data;

fn reviewed() -> (Analyzed, Review) {
    let call = call(
        vec![
            finding("impatience", Some(2), 0.9),
            finding("no_recap", None, 0.8),
            finding("deflection", Some(0), 0.7),
        ],
        vec![finding("dismissive", Some(2), 0.4)],
    );
    let edit = Opinion {
        correct: Some(label("forbidden_phrase", Some(2))),
        ..opinion(Kind::Edit, "deflection", Some(0), "不是推诿，是禁语")
    };
    let opinions = [
        opinion(Kind::Agree, "impatience", Some(2), ""),
        opinion(Kind::Overrule, "dismissive", Some(2), "语气平和"),
        edit,
        opinion(Kind::Agree, "no_recap", None, ""),
        opinion(Kind::Add, "overpromise", Some(0), "承诺了时限"),
    ];
    let review = review(&call, &opinions).unwrap();
    (call, review)
}

#[test]
fn a_verdict_keeps_the_machines_finding_beside_it() {
    let (call, review) = reviewed();
    let kinds: Vec<Kind> = review.verdicts.iter().map(|verdict| verdict.kind).collect();
    assert_eq!(kinds, [Kind::Agree, Kind::Agree, Kind::Edit, Kind::Overrule, Kind::Add], "the machine's order");
    let kept: Vec<_> = review.verdicts.iter().filter_map(|verdict| verdict.machine.clone()).collect();
    let all: Vec<_> = call.analysis.findings.iter().chain(&call.analysis.uncertain).cloned().collect();
    assert_eq!(kept.iter().map(|kept| kept.finding.clone()).collect::<Vec<_>>(), all);
    assert_eq!(kept.iter().map(|kept| kept.asserted).collect::<Vec<_>>(), [true, true, true, false]);
    assert_eq!(review.provenance, call.analysis.provenance);
    let standing = [
        label("forbidden_phrase", Some(2)),
        label("impatience", Some(2)),
        label("no_recap", None),
        label("overpromise", Some(0)),
    ];
    assert_eq!(review.labels().into_iter().collect::<Vec<_>>(), standing);
    // Through the ledger and back.
    let recorded = Recorded::new(&person(1), chrono::Utc::now(), Some(3), Event::Reviewed(review))
        .on("c-1", call.record.agent.as_ref());
    let entry = recorded.to_entry().unwrap();
    assert_eq!((entry.kind, entry.team.as_deref()), (ReviewKind::Reviewed, Some("一组")));
    assert_eq!(Recorded::of(entry).unwrap(), recorded);
}

#[test]
fn what_is_wrong_with_a_review_is_named() {
    let call = call(vec![finding("impatience", Some(2), 0.9)], vec![finding("no_recap", None, 0.3)]);
    let agree = opinion(Kind::Agree, "impatience", Some(2), "");
    let recap = opinion(Kind::Agree, "no_recap", None, "");
    let wrong = |opinions: &[Opinion]| match review(&call, opinions).unwrap_err() {
        Refusal::Wrong { field, .. } => field,
        other => panic!("{other}"),
    };
    assert_eq!(wrong(std::slice::from_ref(&agree)), "verdicts", "one is missing");
    assert_eq!(wrong(&[agree.clone(), agree.clone(), recap.clone()]), "verdicts[1].finding");
    let with = |third: Opinion| wrong(&[agree.clone(), recap.clone(), third]);
    assert_eq!(with(opinion(Kind::Overrule, "deflection", Some(0), "没有")), "verdicts[2].finding");
    assert_eq!(with(opinion(Kind::Add, "deflection", Some(0), " ")), "verdicts[2].reason");
    assert_eq!(with(opinion(Kind::Add, "deflection", Some(4), "有")), "verdicts[2].finding", "there are four turns");
    assert_eq!(with(opinion(Kind::Add, "deflection", None, "有")), "verdicts[2].finding", "it stands on a turn");
    assert_eq!(with(opinion(Kind::Add, "dancing", Some(0), "有")), "verdicts[2].finding");
    assert_eq!(wrong(&[opinion(Kind::Add, "impatience", Some(2), "有"), recap.clone()]), "verdicts[0].finding");
    let edit = |correct| Opinion { kind: Kind::Edit, correct, reason: "不对".into(), ..agree.clone() };
    assert_eq!(wrong(&[edit(None), recap.clone()]), "verdicts[0].correct");
    assert_eq!(wrong(&[edit(Some(label("impatience", Some(2)))), recap.clone()]), "verdicts[0].correct");
    let stray = Opinion { correct: Some(label("deflection", Some(0))), ..agree.clone() };
    assert_eq!(wrong(&[stray, recap.clone()]), "verdicts[0].correct");
    let long = Opinion { reason: "长".repeat(4001), ..agree };
    assert_eq!(wrong(&[long, recap]), "verdicts[0].reason");
}

#[test]
fn training_reads_what_stands() {
    let (call, review) = reviewed();
    let codes = pipeline().finder().catalog();
    let record = training_record(&call.record, &review, codes).unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("calls")).unwrap();
    let line = serde_json::to_string(&record).unwrap();
    std::fs::write(dir.path().join("calls/reviews.jsonl"), line + "\n").unwrap();
    let data = Data::read(dir.path()).unwrap();
    let sample = &data.samples[0];
    assert!(sample.whole && sample.set == "reviews" && sample.record.turns.len() == 4);
    assert_eq!(sample.labels.call, ["no_recap"]);
    let turns: Vec<(u32, Vec<&str>)> = sample
        .labels
        .turns
        .iter()
        .map(|turn| (turn.turn, turn.codes.iter().map(String::as_str).collect()))
        .collect();
    // Turns without a code are labelled too, that of the menu is not.
    assert_eq!(
        turns,
        [
            (0, vec!["overpromise"]),
            (1, vec![]),
            (2, vec!["forbidden_phrase", "impatience"])
        ]
    );
    assert!(
        sample.labels.turns.iter().all(|turn| turn.sentiment.is_none() && turn.acts.is_none()),
        "nobody looked"
    );

    let mut other = call.record.clone();
    other.turns.swap(0, 1);
    assert!(training_record(&other, &review, codes).is_none(), "nobody knows which turns were meant");
}
