//! Fail points: a crash, and a full disk, at every single step of a write. They are there in builds with debug assertions.

#![cfg(debug_assertions)]

use std::collections::BTreeMap;

use crate::support::{Place, State, calls, failed, reader, said, same, state};

fn at(place: &Place, fault: &str, args: &[&str]) -> std::process::Output {
    place.command(args).env("QINGTING_FAULT", fault).output().unwrap()
}

/// Runs until the point is met, and makes sure that the process ended there as it should.
fn ends_at(place: &Place, point: &str, kill: bool, args: &[&str]) {
    use std::os::unix::process::ExitStatusExt;
    let output = at(place, &format!("{point}:{}", if kill { "kill" } else { "full" }), args);
    if kill {
        assert!(output.status.signal().is_some(), "{point} is never met: {}", said(&output));
    } else {
        failed(&output, &["no storage space", "free some space, then run this again"]);
    }
}

fn finished(place: &Place, data: &str, reference: &State) {
    place.ingested(data);
    same(&state(&place.path(data)), reference, "in the end");
}

#[test]
fn a_crash_or_a_full_disk_at_any_step_of_an_import_loses_nothing() {
    let place = Place::with_batch(2, 16);
    place.data("reference");
    place.ingested("reference");
    let reference = state(&place.path("reference"));
    place.data("data");
    // Into a new folder: nothing is there yet that could stand for what is lost.
    for (n, (point, kill)) in [
        ("WriteHalf:1", true),
        ("Publish:1", false),
        ("BetweenHalves:2", true),
        ("Quarantine:1", true),
        ("IndexCommitted:1", true),
        ("Published:6", true),
        ("Indexed:1", false),
        ("MergePublished:1", true),
    ]
    .into_iter()
    .enumerate()
    {
        ends_at(&place, point, kill, &place.ingest("data", &[]));
        assert!(n < 2 || calls(&reader(&place.path("data"))).keys().all(|id| reference.calls.contains_key(id)));
    }
    finished(&place, "data", &reference);
    // Over the same calls: at every moment all of them are there once. One comes twice, with two texts, and the later
    // one counts only in the end.
    let but_for_one = |mut calls: BTreeMap<String, String>| {
        assert!(calls.remove("call-00-01").is_some());
        calls
    };
    for (point, kill) in [
        ("BetweenHalves:1", false),
        ("PairPublished:3", true),
        ("Publish:4", false),
        ("Published:5", true),
        ("Indexed:2", true),
        ("IndexCommitted:1", false),
        ("LedgerWritten:2", false),
        ("MergePublished:1", false),
        ("MergeEntered:2", true),
        // The run after this one has to go on with what --again had begun.
        ("LedgerWritten:1", true),
    ] {
        ends_at(&place, point, kill, &place.ingest("data", &["--again"]));
        let found = calls(&reader(&place.path("data")));
        assert!(but_for_one(found) == but_for_one(reference.calls.clone()), "{point}");
    }
    finished(&place, "data", &reference);
}

#[test]
fn a_crash_or_a_full_disk_in_reindex_and_topics_is_made_good_by_the_next_run() {
    let place = Place::with_batch(2, 10);
    place.data("data");
    place.ingested("data");
    let reference = state(&place.path("data"));
    let reindex = ["reindex", "--data", "data", "--config", "cfg"];
    let topics = ["topics", "--data", "data", "--config", "cfg", "--json"];
    for (point, kill, command) in [
        ("IndexRebuilt:1", false, &reindex[..]),
        ("IndexMoved:1", true, &reindex),
        ("Publish:1", false, &topics),
        ("WriteHalf:1", true, &topics),
        ("WriteHalf:1", false, &topics),
        ("Published:2", true, &topics),
    ] {
        ends_at(&place, point, kill, command);
        assert!(calls(&reader(&place.path("data"))) == reference.calls, "{point}");
    }
    for command in [&reindex[..], &topics] {
        let output = place.run(command);
        assert!(output.status.success(), "{}", said(&output));
    }
    same(&state(&place.path("data")), &reference, "in the end");
}
