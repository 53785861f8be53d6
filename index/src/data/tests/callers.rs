//! The calls of a caller: all of them, each once, the newest first.

use proptest::prelude::*;

use super::*;
use crate::data::{DateRange, Erase};

fn by(number: &str, mut call: Analyzed) -> Analyzed {
    call.record.caller = Some(Caller { id: None, number: Some(number.to_owned()) });
    call
}

fn ids(data: &DataDir, caller: &str, limit: usize) -> Vec<String> {
    let pseudonyms = data.caller_pseudonyms(caller).unwrap();
    data.calls_of(&pseudonyms, None, limit)
        .unwrap()
        .into_iter()
        .map(|call| call.record.call_id)
        .collect()
}

#[test]
fn the_calls_of_a_caller_come_newest_first_from_files_and_log() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    let one = "13800002222";
    ingest(
        &data,
        vec![
            by(one, call("a", "2026-03-01T10:00:00+08:00", "1")),
            by(one, call("b", "2026-03-01T09:00:00+08:00", "1")),
            by(one, call("c", "2026-03-03T09:00:00+08:00", "1")),
            call("other", "2026-03-02T09:00:00+08:00", "1"),
        ],
    );
    assert_eq!(ids(&data, one, 10), ["c", "a", "b"]);
    assert_eq!(ids(&data, "+86 138-0000-2222", 2), ["c", "a"]);
    // A version that says that it was somebody else's, and one that is still in the log.
    data.append(vec![call("c", "2026-03-03T09:00:00+08:00", "2")], "grpc").unwrap();
    data.append(vec![by(one, call("d", "2026-03-04T09:00:00+08:00", "1"))], "grpc").unwrap();
    assert_eq!(ids(&data, one, 10), ["d", "a", "b"]);
    let since = "2026-03-04".parse().ok();
    let pseudonyms = data.caller_pseudonyms(one).unwrap();
    assert_eq!(data.calls_of(&pseudonyms, since, 10).unwrap().len(), 1);
    assert!(data.calls_of(&["zz".repeat(32), "0".to_owned()], None, 10).unwrap().is_empty());
    // The pseudonym itself will do.
    let kept = data.calls_of(&pseudonyms, None, 1).unwrap().remove(0).record.caller.unwrap().number.unwrap();
    assert_eq!(ids(&data, &kept, 10), ["d", "a", "b"]);
    data.compact().unwrap();
    assert_eq!(ids(&data, one, 10), ["d", "a", "b"]);
    data.erase(Erase::Caller(one), "甲").unwrap();
    assert!(ids(&data, one, 10).is_empty());
    assert_eq!(ids(&data, "13900001111", 10), ["c", "other"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_call_is_of_its_caller_and_of_nobody_else(
        calls in prop::collection::vec((0u32..4, 1u32..6, 0u32..24), 1..20),
        parts in 1usize..4,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let data = open(dir.path());
        let made = |nth: usize, (caller, day, hour): (u32, u32, u32)| {
            by(&format!("1380000000{caller}"), call(&format!("c{nth}"), &format!("2026-03-0{day}T{hour:02}:00:00+08:00"), "1"))
        };
        let all: Vec<Analyzed> = calls.iter().enumerate().map(|(nth, of)| made(nth, *of)).collect();
        for part in all.chunks(all.len().div_ceil(parts)) {
            ingest(&data, part.to_vec());
        }
        let mut told = 0;
        for caller in 0..4 {
            let pseudonyms = data.caller_pseudonyms(&format!("1380000000{caller}")).unwrap();
            let found = data.calls_of(&pseudonyms, None, 100).unwrap();
            prop_assert!(found.is_sorted_by(|a, b| a.record.started_at >= b.record.started_at));
            prop_assert_eq!(found.len(), calls.iter().filter(|(of, ..)| *of == caller).count());
            told += found.len();
        }
        prop_assert_eq!(told, data.scan(DateRange::ALL).unwrap().count());
    }
}
