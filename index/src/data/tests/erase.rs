//! What is erased is nowhere afterwards, whatever comes between.

use chrono::NaiveDate;
use qingting_pipeline::topic::Topics;
use serde_json::json;

use super::search::{ids, real_context, saying};
use super::*;
use crate::data::hook::Step;
use crate::data::{DateRange, Erase};
use crate::ledger::{Feedback, Question};
use crate::{AuditEntry, CaseEntry, CaseQuery, Error, ReviewEntry, ReviewKind, ReviewQuery};

const NUMBER: &str = "13800002222";

fn by(number: &str, mut call: Analyzed) -> Analyzed {
    call.record.caller = Some(Caller { id: None, number: Some(number.to_owned()) });
    call
}

fn digest(id: &str, started_at: &str) -> CallDigest {
    serde_json::from_value(json!({
        "call_id": id, "started_at": started_at, "caller": null, "agent": null, "team": null, "queue": null,
        "channel": "phone", "department": null, "places": [], "organisations": [], "services": [], "category": [],
        "appeal_type": "咨询", "outcome": "resolved", "satisfaction": 4.0, "rating": null, "faults": [],
        "crisis": true, "crisis_quote": "她说的话", "repeat_contact": false, "emotional": "none", "factual": "met",
        "lowest": 0.0, "style": null
    }))
    .unwrap()
}

fn topics(calls: &[&str], quotes: &[&str]) -> Topics {
    serde_json::from_value(json!({
        "topics": [{"id": "t1", "label": "供暖", "terms": ["暖气"], "size": calls.len(), "call_ids": calls, "quotes": quotes}],
        "groups": [], "unassigned": 1
    }))
    .unwrap()
}

fn write_digests(data: &DataDir, rows: &[CallDigest]) {
    let mut writer = data.write_digests().unwrap();
    writer.write(rows).unwrap();
    writer.publish().unwrap();
}

fn digested(data: &DataDir) -> Vec<String> {
    data.read_digests().unwrap().unwrap().map(|row| row.unwrap().call_id).collect()
}

fn stored(data: &DataDir) -> Vec<String> {
    data.scan(DateRange::ALL).unwrap().map(|call| call.unwrap().record.call_id).collect()
}

fn files_of(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for name in files::names(folder).unwrap() {
        let path = folder.join(name);
        if path.is_dir() {
            all.extend(files_of(&path));
        } else {
            all.push(path);
        }
    }
    all
}

/// Every file as somebody with an editor and the readers of its formats finds it: its bytes, the JSON of Parquet's
/// rows, the words and the stored texts of the call index.
fn everything(data: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for path in files_of(data) {
        let name = path.display().to_string();
        if name.ends_with(".parquet") {
            let mut text = String::new();
            if name.contains("assignments") {
                for row in qingting_pipeline::columnar::read_digests(&path).unwrap() {
                    text += &serde_json::to_string(&row.unwrap()).unwrap();
                }
            } else if name.contains("/calls/") {
                for row in qingting_pipeline::columnar::read_calls(&path).unwrap() {
                    text += &serde_json::to_string(&row.unwrap()).unwrap();
                }
            } else {
                for row in qingting_pipeline::columnar::read_analyses(&path).unwrap() {
                    text += &serde_json::to_string(&row.unwrap()).unwrap();
                }
            }
            all.push((format!("rows of {name}"), text.into_bytes()));
        }
        all.push((name, std::fs::read(path).unwrap()));
    }
    let index = tantivy::Index::open_in_dir(data.join("index/calls")).unwrap();
    for segment in index.reader().unwrap().searcher().segment_readers() {
        assert!(!segment.has_deletes(), "a segment that still holds deleted calls");
        for (field, entry) in index.schema().fields().filter(|(_, entry)| entry.is_indexed()) {
            let inverted = segment.inverted_index(field).unwrap();
            let mut terms = inverted.terms().stream().unwrap();
            let mut text = Vec::new();
            while terms.advance() {
                text.extend_from_slice(terms.key());
                text.push(b' ');
            }
            all.push((format!("words of {}", entry.name()), text));
        }
    }
    all
}

fn where_is(data: &Path, wanted: &str) -> Vec<String> {
    let wanted = wanted.as_bytes();
    let holds = |bytes: &[u8]| bytes.windows(wanted.len()).any(|window| window == wanted);
    everything(data).into_iter().filter(|(_, bytes)| holds(bytes)).map(|(name, _)| name).collect()
}

#[test]
fn the_text_of_a_forgotten_caller_is_in_no_file_of_the_data_folder() {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::open_writer(dir.path(), real_context(), "test").unwrap();
    let hers = "我家锅炉旁边的翡翠花瓶碎了";
    let others = "小区暖气一直不热";
    let day = "2026-03-01T09:00:00+08:00";
    ingest(
        &data,
        vec![
            by(NUMBER, saying("her-1", day, hers)),
            by("1", saying("2", day, others)),
        ],
    );
    ingest(&data, vec![by(NUMBER, saying("her-2", "2026-03-02T09:00:00+08:00", hers))]);
    data.append(vec![by(NUMBER, saying("her-3", day, hers))], "").unwrap();
    data.commit().unwrap();
    data.write_topics(&topics(&["her-1", "2"], &["翡翠花瓶碎了", "暖气一直不热"])).unwrap();
    write_digests(&data, &[digest("her-1", day), digest("2", day), digest("her-2", day)]);
    let question = |text: &str| Question { text: text.to_owned(), confidence: 0.1 };
    data.add_questions(&[question(&hers[..hers.len() - 3]), question("怎么办医保卡才快")], 10).unwrap();
    data.add_feedback(&Feedback { query: hers.into(), article: "k".into(), helpful: true, who: None })
        .unwrap();
    std::fs::write(
        dir.path().join("quarantine.jsonl"),
        "{\"file\":\"x\",\"call_id\":\"her-1\"}\n{\"file\":\"x\",\"call_id\":null}\n",
    )
    .unwrap();
    let review = |call: &str, body: &str| ReviewEntry {
        number: 0,
        at: "2026-03-02T00:00:00Z".into(),
        kind: ReviewKind::Reviewed,
        who: "key:1".into(),
        name: "质检员".into(),
        under: None,
        call_id: Some(call.into()),
        agent: None,
        team: None,
        body: format!("{{\"note\":\"{body}\"}}"),
    };
    data.add_reviews(&[review("her-1", hers), review("2", "记得回访"), review("her-3", hers)]).unwrap();
    let in_case = |call: &str, opening: Option<i64>, body: &str| CaseEntry {
        number: 0,
        at: "2026-03-02T00:00:00Z".into(),
        kind: "opened".into(),
        who: "key:1".into(),
        name: "质检员".into(),
        opening,
        version: if opening.is_none() { 1 } else { 2 },
        call_id: call.into(),
        agent: None,
        team: None,
        cause: "rating".into(),
        body: format!("{{\"note\":\"{body}\"}}"),
    };
    data.add_cases(&[in_case("her-1", None, hers), in_case("2", None, "不满意")]).unwrap();
    data.add_cases(&[in_case("her-1", Some(1), hers), in_case("2", Some(2), "属实")]).unwrap();
    assert_eq!(ids(&data, "翡翠"), ["her-1", "her-2", "her-3"]);
    for kind in ["rows of", "words of", ".wal", "topics.json", "ledger.sqlite"] {
        assert!(where_is(dir.path(), "翡翠").iter().any(|name| name.contains(kind)), "it looks into {kind}");
    }

    let would = data.erasable(Erase::Caller(NUMBER)).unwrap();
    assert_eq!(data.erase(Erase::Caller("+86 138-0000-2222"), "数据保护员").unwrap(), would);
    assert_eq!(would.calls, 3);
    assert_eq!(would.last_date, NaiveDate::from_ymd_opt(2026, 3, 2));
    drop(data);
    for text in ["翡翠", "her-1", "her-2", "her-3", NUMBER] {
        assert_eq!(where_is(dir.path(), text), Vec::<String>::new(), "{text}");
    }

    let data = DataDir::open_writer(dir.path(), real_context(), "test").unwrap();
    assert_eq!(stored(&data), ["2"]);
    assert_eq!((ids(&data, "翡翠"), ids(&data, "暖气")), (vec![], vec!["2".to_owned()]));
    assert_eq!(digested(&data), ["2"]);
    let left: Topics = data.read_topics().unwrap().unwrap();
    assert_eq!((left.topics[0].call_ids.as_slice(), left.unassigned), (["2".to_owned()].as_slice(), 0));
    assert_eq!(left.topics[0].quotes, ["暖气一直不热"]);
    assert_eq!(data.questions().unwrap(), [question("怎么办医保卡才快")]);
    assert!(data.feedback().unwrap().is_empty());
    let reviewed: Vec<_> = data.reviews(&ReviewQuery::default()).unwrap().into_iter().map(|row| row.call_id).collect();
    assert_eq!(reviewed, [Some("2".to_owned())], "what was decided on her calls goes with them");
    let in_cases: Vec<_> = data.cases(&CaseQuery::default()).unwrap().into_iter().map(|row| row.call_id).collect();
    assert_eq!(in_cases, ["2", "2"], "and so do their cases");
    assert_eq!(std::fs::read_to_string(dir.path().join("quarantine.jsonl")).unwrap().lines().count(), 1);
    let AuditEntry { who, action, subject, detail, .. } = data.audit_trail(None, 1).unwrap().remove(0);
    assert_eq!((who.as_str(), action.as_str()), ("数据保护员", "erase"));
    assert!(subject.starts_with("caller ") && detail.ends_with("3 calls"), "{subject} {detail}");
    assert_eq!(data.stats().unwrap().calls, 1);
}

#[test]
fn a_killed_erasure_is_finished_by_the_next_writer_at_whatever_step() {
    let steps = [
        Step::ErasureNoted,
        Step::ErasedFromIndex,
        Step::ErasedFromDerived,
        Step::ErasedFromLedger,
        Step::BetweenHalves,
        Step::MergePublished,
        Step::MergeEntered,
        Step::ErasedFromFiles,
        Step::ErasureAudited,
    ];
    for step in steps {
        let dir = tempfile::tempdir().unwrap();
        let data = open(dir.path());
        let day = "2026-03-01T09:00:00+08:00";
        ingest(&data, vec![by(NUMBER, call("1", day, "a")), by("1", call("2", day, "b"))]);
        ingest(&data, vec![by(NUMBER, call("3", "2026-03-02T09:00:00+08:00", "c"))]);
        data.write_topics(&topics(&["1", "2"], &["a", "b"])).unwrap();
        write_digests(&data, &[digest("1", day), digest("2", day)]);
        data.hook.set(move |at| at == step);
        data.erase(Erase::Caller(NUMBER), "t").unwrap_err();
        assert!(matches!(data.commit(), Err(Error::Refused { .. })), "{step:?}: nothing goes on as if all were well");
        drop(data);

        let data = open(dir.path());
        let expected = [("2".to_owned(), "b".to_owned())];
        assert_eq!(plain_rows(dir.path(), "calls"), expected, "{step:?}");
        assert_eq!(plain_rows(dir.path(), "analyses"), expected, "{step:?}");
        assert_eq!(indexed(&data).into_iter().collect::<Vec<_>>(), expected, "{step:?}");
        assert_eq!((stored(&data), digested(&data)), (vec!["2".to_owned()], vec!["2".to_owned()]), "{step:?}");
        let left: Topics = data.read_topics().unwrap().unwrap();
        assert_eq!((left.topics[0].size, left.topics[0].quotes.len()), (1, 1), "{step:?}");
        let trail = data.audit_trail(None, 9).unwrap();
        assert_eq!(trail.len(), 1, "{step:?}");
        assert!(trail[0].detail.ends_with("2 calls"), "{step:?}: {}", trail[0].detail);
        assert!(!dir.path().join("erasing.json").exists(), "{step:?}");
        assert!(!dir.path().join("calls/date=2026-03-02").exists(), "{step:?}");
    }
}

#[test]
fn a_single_call_goes_and_its_caller_stays() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    let day = "2026-03-01T09:00:00+08:00";
    ingest(&data, vec![call("1", day, "a"), call("2", day, "b")]);
    assert_eq!(data.erase(Erase::Call("1"), "t").unwrap().calls, 1);
    assert_eq!(data.erase(Erase::Call("1"), "t").unwrap().calls, 0);
    assert_eq!(stored(&data), ["2"]);
    assert_ne!(
        data.audit_trail(None, 1).unwrap()[0].subject,
        "call 1",
        "ids that happen to begin a pseudonym are no leak"
    );
    let pseudonym = data.get_call("2").unwrap().unwrap().record.caller.unwrap().number.unwrap();
    assert_eq!(data.erase(Erase::Caller(&pseudonym), "t").unwrap().calls, 1, "the pseudonym names a caller too");
    ingest(&data, vec![call("1", day, "z")]);
    assert_eq!(indexed(&data)["1"], "z", "what is imported again is there again");
}

#[test]
fn what_is_older_than_a_date_goes_and_all_parts_agree_on_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    let days = [
        "2026-03-01T09:00:00+08:00",
        "2026-03-02T09:00:00+08:00",
        "2026-03-03T00:10:00+08:00",
    ];
    let calls = (1..).zip(days).map(|(id, day)| call(&id.to_string(), day, "a")).collect();
    ingest(&data, calls);
    data.append(vec![call("4", days[0], "a"), call("5", days[2], "a")], "").unwrap();
    data.write_topics(&topics(&["1", "2", "3"], &[])).unwrap();
    write_digests(&data, &[digest("1", days[0]), digest("2", days[1]), digest("3", days[2])]);
    let before = Erase::Before(NaiveDate::from_ymd_opt(2026, 3, 3).unwrap());
    let reader = DataDir::open_reader(dir.path(), context()).unwrap();
    let would = reader.erasable(before).unwrap();
    assert_eq!(
        (would.calls, would.first_date, would.last_date),
        (3, NaiveDate::from_ymd_opt(2026, 3, 1), NaiveDate::from_ymd_opt(2026, 3, 2))
    );
    assert_eq!(stored(&reader).len(), 5, "a look changes nothing");
    assert_eq!(data.erase(before, "t").unwrap(), would);
    assert_eq!(stored(&data), ["3", "5"]);
    assert_eq!(indexed(&data).into_keys().collect::<Vec<_>>(), ["3", "5"]);
    assert_eq!(digested(&data), ["3"]);
    let left: Topics = data.read_topics().unwrap().unwrap();
    assert_eq!(left.topics[0].call_ids, ["3"]);
    assert_eq!(files::names(&dir.path().join("calls")).unwrap(), ["date=2026-03-03"]);
    assert_eq!(stored(&reader), ["3", "5"], "readers go on");
}

#[test]
fn bad_records_are_listed_as_long_as_calls_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    ingest(
        &data,
        vec![
            call("1", "2026-03-01T09:00:00+08:00", "a"),
            call("2", "2026-03-05T09:00:00+08:00", "a"),
        ],
    );
    let line = |at: &str| format!("{{\"file\":\"/x\",\"call_id\":null,\"at\":\"{at}\"}}\n");
    let list = dir.path().join("quarantine.jsonl");
    std::fs::write(&list, line("2026-03-02T01:00:00Z") + &line("2026-03-04T01:00:00Z")).unwrap();
    data.erase(Erase::Before(NaiveDate::from_ymd_opt(2026, 3, 3).unwrap()), "test").unwrap();
    assert_eq!(stored(&data), ["2"]);
    assert_eq!(std::fs::read_to_string(list).unwrap(), line("2026-03-04T01:00:00Z"));
}
