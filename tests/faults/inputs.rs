//! Inputs that change: before, between and while they are read.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::support::{Place, call, quarantine, said, same, state};

fn ids(place: &Place) -> Vec<String> {
    state(&place.path("data")).calls.into_keys().collect()
}

/// The next run takes the line once it is whole; before, the list says which line, why, and what to do.
#[test]
fn half_a_line_at_the_end_is_no_bad_record_for_ever() {
    let place = Place::new(&[]);
    place.data("data");
    let (whole, half) = (call("a", 0), call("b", 0));
    let (begin, end) = half.split_at(half.find("市民").unwrap());
    place.input("grows.jsonl", &format!("{whole}\n{begin}"));
    place.input("bad.jsonl", "{\"call_id\": \"c\", \"turns\": 7}\n");
    let output = place.run(&place.ingest("data", &[]));
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let listed = quarantine(&place.path("data"));
    assert_eq!(listed.len(), 2);
    let line = listed.iter().find(|line| line.contains("grows.jsonl")).unwrap();
    assert!(line.contains("grows.jsonl 第 2 行：记录只有一半") && line.contains("再运行一次"), "{line}");
    assert!(said(&output).contains("grows.jsonl 第 2 行：记录只有一半"), "{}", said(&output));
    place.input("grows.jsonl", &format!("{whole}\n{begin}{end}\n"));
    assert_eq!(place.ingested("data").status.code(), Some(0));
    assert_eq!(ids(&place), ["a", "b"]);
    let listed = quarantine(&place.path("data"));
    assert!(
        listed.len() == 1 && listed[0].contains("bad.jsonl"),
        "what is still bad is still listed: {listed:?}"
    );
}

#[test]
fn a_file_that_grows_while_it_is_read_is_taken_in_whole_in_the_end() {
    let place = Place::new(&[("other.jsonl", vec![call("other", 0)])]);
    place.data("data");
    place.input("grows.jsonl", "");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = std::fs::File::options().append(true).open(place.path("in/grows.jsonl")).unwrap();
            for n in 0..60 {
                let text = call(&format!("grows-{n:02}"), 0) + "\n";
                // In two writes: half a line is there to be read.
                let (one, other) = text.as_bytes().split_at(text.len() / 2);
                file.write_all(one).unwrap();
                std::thread::sleep(Duration::from_millis(20));
                file.write_all(other).unwrap();
            }
            done.store(true, Ordering::SeqCst);
        });
        while !done.load(Ordering::SeqCst) {
            let output = place.run(&place.ingest("data", &["--from", "native"]));
            assert!(matches!(output.status.code(), Some(0 | 3)), "{}", said(&output));
        }
    });
    let output = place.run(&place.ingest("data", &["--from", "native"]));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let mut expected: Vec<String> = (0..60).map(|n| format!("grows-{n:02}")).collect();
    expected.push("other".to_owned());
    assert_eq!(ids(&place), expected);
    assert_eq!(quarantine(&place.path("data")), Vec::<String>::new());
}

#[test]
fn a_file_that_is_replaced_while_it_is_read_counts_as_what_it_is_in_the_end() {
    let version = |v: u64| (0..20).map(|n| call(&format!("call-{n:02}"), v) + "\n").collect::<String>();
    let texts = [version(1), version(2)];
    let place = Place::new(&[]);
    place.input("calls.jsonl", &texts[0]);
    place.data("data");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in (0..).take_while(|_| !done.load(Ordering::SeqCst)) {
                // Always with the same time: that does not tell them apart.
                let beside = place.path("beside.jsonl");
                std::fs::write(&beside, &texts[n % 2]).unwrap();
                let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_000_000);
                std::fs::File::options().write(true).open(&beside).unwrap().set_modified(time).unwrap();
                std::fs::rename(&beside, place.path("in/calls.jsonl")).unwrap();
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        for _ in 0..3 {
            let output = place.run(&place.ingest("data", &[]));
            assert!(output.status.success(), "{}", said(&output));
        }
        done.store(true, Ordering::SeqCst);
    });
    place.input("calls.jsonl", &texts[1]);
    place.ingested("data");
    let replaced = state(&place.path("data"));
    place.data("reference");
    place.ingested("reference");
    same(&replaced, &state(&place.path("reference")), "in the end");
}

#[test]
fn what_a_file_loses_between_two_runs_stays_in_the_store() {
    let lines: Vec<String> = (0..10).map(|n| call(&format!("call-{n}"), 0)).collect();
    let place = Place::new(&[("calls.jsonl", lines.clone())]);
    place.data("data");
    place.ingested("data");
    let whole = state(&place.path("data"));
    let text = lines[..4].join("\n") + "\n" + &lines[4][..60];
    place.input("calls.jsonl", &text);
    let output = place.ingested("data");
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert_eq!(state(&place.path("data")).calls, whole.calls);
    place.input("calls.jsonl", "");
    place.ingested("data");
    assert_eq!(state(&place.path("data")).calls, whole.calls, "an empty file takes nothing away");
    std::fs::remove_file(place.path("in/calls.jsonl")).unwrap();
    place.input("other.jsonl", &call("other", 0));
    place.ingested("data");
    assert_eq!(state(&place.path("data")).calls.len(), 11);
}

/// Times of files that lie in the future, as after the clock was set back.
#[test]
fn inputs_are_told_apart_by_content_when_the_clock_goes_back() {
    let place = Place::new(&[("calls.jsonl", vec![call("a", 1)])]);
    place.data("data");
    let set = |seconds: i64| {
        let time = match u64::try_from(seconds) {
            Ok(ahead) => SystemTime::now() + Duration::from_secs(ahead),
            Err(_) => SystemTime::now() - Duration::from_secs(seconds.unsigned_abs()),
        };
        let file = std::fs::File::options().write(true).open(place.path("in/calls.jsonl")).unwrap();
        file.set_modified(time).unwrap();
    };
    set(3600);
    assert_eq!(place.ingested("data").status.code(), Some(0));
    let first = state(&place.path("data"));
    place.input("calls.jsonl", &(call("a", 2) + "\n"));
    set(-3600);
    place.ingested("data");
    let second = state(&place.path("data"));
    assert_ne!(first.calls, second.calls, "the later version counts, whatever the times say");
    place.data("reference");
    place.ingested("reference");
    assert_eq!(second.calls, state(&place.path("reference")).calls);
}
