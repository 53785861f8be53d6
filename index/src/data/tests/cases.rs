//! Single promises of the data folder.

use super::*;
use crate::data::DateRange;
use crate::data::hook::Step;
use crate::{Depth, Error, FORMAT_VERSION, Manifest};

#[test]
fn a_call_that_comes_again_with_another_date_replaces_the_earlier_one() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    ingest(
        &data,
        vec![
            call("1", "2026-03-01T09:00:00+08:00", "a"),
            call("2", "2026-03-01T10:00:00+08:00", "a"),
        ],
    );
    let summary = ingest(&data, vec![call("1", "2026-03-02T09:00:00+08:00", "b")]);
    assert_eq!((summary.calls, summary.replaced, summary.duplicates), (1, 1, 0));
    let expected = [("1".to_owned(), "b".to_owned()), ("2".to_owned(), "a".to_owned())];
    assert_eq!(plain_rows(dir.path(), "calls"), expected);
    assert_eq!(plain_rows(dir.path(), "analyses"), expected);
    assert_eq!(version(&data.get_call("1").unwrap().unwrap()), "b");

    ingest(&data, vec![call("2", "2026-03-02T10:00:00+08:00", "c")]);
    assert!(!dir.path().join("calls/date=2026-03-01").exists(), "an emptied partition goes");
    assert!(!dir.path().join("analyses/date=2026-03-01").exists());
}

#[test]
fn of_a_call_that_comes_twice_in_one_import_the_last_counts_and_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    let mut session = data.ingest().unwrap();
    session.put_batch(vec![call("1", "2026-03-01T09:00:00+08:00", "a")], "x").unwrap();
    session.put_batch(vec![call("1", "2026-03-01T09:00:00+08:00", "b")], "x").unwrap();
    data.commit().unwrap();
    session.put_batch(vec![call("1", "2026-03-01T09:00:00+08:00", "c")], "x").unwrap();
    let summary = session.finish().unwrap();
    assert_eq!((summary.calls, summary.duplicates, summary.replaced), (1, 2, 0));
    assert_eq!(version(&data.get_call("1").unwrap().unwrap()), "c");
}

#[test]
fn the_partition_is_the_local_date_and_the_time_comes_back_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    ingest(&data, vec![call("1", "2026-03-02T00:30:00.5+08:00", "a")]);
    assert!(dir.path().join("calls/date=2026-03-02").is_dir());
    let read = data.get_call("1").unwrap().unwrap().record.started_at.unwrap();
    assert_eq!(read.to_rfc3339(), "2026-03-02T00:30:00.500+08:00");
    assert_eq!(data.scan(DateRange::day("2026-03-01".parse().unwrap())).unwrap().count(), 0);
    assert_eq!(data.scan(DateRange::day("2026-03-02".parse().unwrap())).unwrap().count(), 1);
}

/// Columns that a later version adds are in an outline unless they hold what was said.
#[test]
fn an_outline_is_the_whole_call_but_for_what_was_said() {
    let dir = tempfile::tempdir().unwrap();
    let data = Arc::new(open(dir.path()));
    let mut full = call("2", "2026-03-02T09:00:00+08:00", "b");
    full.record.labels = Some(serde_json::json!({"category": "x"}));
    full.record.turns[1].words = vec![Word { text: "b".into(), start_ms: 1000, end_ms: 2000 }];
    (full.record.turns[1].energy_db, full.record.turns[1].emotion) = (Some(-20.0), Some("angry".into()));
    full.record.ticket = Some(Ticket { id: "T".into(), ..Ticket::default() });
    full.analysis.signals.sentiment_curve = vec![0.5, -0.5];
    full.analysis.signals.duration_ms = Some(2000);
    ingest(&data, vec![call("1", "2026-03-01T09:00:00+08:00", "a"), full]);
    let whole: Vec<Analyzed> = data.scan(DateRange::ALL).unwrap().map(|call| call.unwrap()).collect();
    let owned = |depth| -> Vec<Analyzed> {
        data.scan_owned(DateRange::ALL, depth).unwrap().map(|call| call.unwrap()).collect()
    };
    let plain = |calls: &[Analyzed]| {
        let pairs = calls.iter().map(|call| (call.record.clone(), call.analysis.clone()));
        pairs.collect::<Vec<_>>()
    };
    assert_eq!(plain(&owned(Depth::Whole)), plain(&whole));
    let mut expected = plain(&whole);
    for (record, analysis) in &mut expected {
        record.labels = None;
        for turn in &mut record.turns {
            *turn = Turn { start_ms: turn.start_ms, end_ms: turn.end_ms, ..Turn::new(turn.role, "") };
        }
        analysis.turns.clear();
        analysis.signals.sentiment_curve.clear();
    }
    assert_eq!(plain(&owned(Depth::Outline)), expected);
}

#[test]
fn an_unanswered_call_is_stored_with_an_analysis_without_score() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    let mut unanswered = call("1", "2026-03-01T09:00:00+08:00", "a");
    unanswered.record.answered = Some(false);
    unanswered.record.turns.clear();
    unanswered.analysis.turns.clear();
    ingest(&data, vec![unanswered]);
    let stored = data.get_call("1").unwrap().unwrap();
    assert!(stored.record.unanswered() && stored.analysis.score.is_none());
}

#[test]
fn callers_are_stored_as_keyed_hashes_only() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    ingest(&data, vec![call("1", "2026-03-01T09:00:00+08:00", "a")]);
    data.append(vec![call("2", "2026-03-01T09:00:00+08:00", "a")], "").unwrap();
    let number = |id: &str| data.get_call(id).unwrap().unwrap().record.caller.unwrap().number.unwrap();
    assert_eq!(number("1"), number("2"));
    assert_eq!(number("1").len(), 64);
    let mut folders = vec![dir.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for name in files::names(&folder).unwrap() {
            let path = folder.join(name);
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(11).any(|w| w == b"13900001111"), "{}", path.display());
        }
    }
}

#[test]
fn a_call_without_time_is_refused_and_nothing_of_its_batch_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    let mut session = data.ingest().unwrap();
    let mut timeless = call("2", "2026-03-01T09:00:00+08:00", "a");
    timeless.record.started_at = None;
    let error = session.put_batch(vec![call("1", "2026-03-01T09:00:00+08:00", "a"), timeless], "x").unwrap_err();
    assert_eq!(error.to_string(), "call 2: started_at is missing");
    session.put_batch(vec![call("3", "2026-03-01T09:00:00+08:00", "a")], "x").unwrap();
    assert_eq!(session.finish().unwrap().calls, 1);
    assert!(data.get_call("1").unwrap().is_none());
}

#[test]
fn a_newer_format_is_refused_and_nothing_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    ingest(&data, vec![call("1", "2026-03-01T09:00:00+08:00", "a")]);
    drop(data);
    std::fs::write(dir.path().join("manifest.json"), format!("{{\"format\": {}, \"x\": 1}}", FORMAT_VERSION + 1))
        .unwrap();
    let before = state(dir.path());
    for error in [
        DataDir::open_writer(dir.path(), context(), "test").unwrap_err(),
        DataDir::open_reader(dir.path(), context()).unwrap_err(),
    ] {
        assert!(matches!(error, Error::NewerFormat { found, supported, .. } if found == supported + 1), "{error}");
    }
    assert_eq!(state(dir.path()), before);
}

#[test]
fn a_ledger_of_a_newer_version_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let ledger = rusqlite::Connection::open(dir.path().join("ledger.sqlite")).unwrap();
    ledger.pragma_update(None, "user_version", 99).unwrap();
    drop(ledger);
    let error = DataDir::open_writer(dir.path(), context(), "test").unwrap_err();
    assert!(matches!(error, Error::NewerFormat { found: 99, .. }), "{error}");
}

/// Name, length and time of every file, but for the ledger's shared memory: the kernel writes the time of a mapped change down
/// when it likes.
fn state(folder: &Path) -> Vec<(String, u64, std::time::SystemTime)> {
    let mut all = Vec::new();
    for name in files::names(folder).unwrap() {
        let path = folder.join(&name);
        let meta = std::fs::metadata(&path).unwrap();
        if meta.is_dir() {
            all.extend(state(&path));
        }
        if name.ends_with("sqlite-shm") {
            continue;
        }
        all.push((path.display().to_string(), meta.len(), meta.modified().unwrap()));
    }
    all
}

#[test]
fn a_folder_with_something_else_in_it_is_no_data_folder() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("thesis.doc"), "x").unwrap();
    let error = DataDir::open_writer(dir.path(), context(), "test").unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert_eq!(files::names(dir.path()).unwrap(), ["thesis.doc"]);
    let error = DataDir::open_reader(dir.path(), context()).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

#[test]
fn there_is_one_writer_and_any_number_of_readers() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    let error = DataDir::open_writer(dir.path(), context(), "qingting ingest").unwrap_err();
    assert!(matches!(&error, Error::Locked { holder, .. } if holder.starts_with("test (process ")), "{error}");
    let reader = DataDir::open_reader(dir.path(), context()).unwrap();
    data.append(vec![call("1", "2026-03-01T09:00:00+08:00", "a")], "").unwrap();
    assert_eq!(
        version(&reader.get_call("1").unwrap().unwrap()),
        "a",
        "acknowledged calls are seen by other processes"
    );
    ingest(&data, vec![call("1", "2026-03-01T09:00:00+08:00", "b")]);
    assert_eq!(version(&reader.get_call("1").unwrap().unwrap()), "b");
    let error = reader.append(vec![call("1", "2026-03-01T09:00:00+08:00", "c")], "").unwrap_err();
    assert!(error.to_string().ends_with("it was opened for reading"), "{error}");
}

#[test]
fn with_another_key_the_folder_is_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let key = dir.path().join("keys/caller.key");
    std::fs::write(&key, "00".repeat(32)).unwrap();
    assert!(matches!(DataDir::open_writer(dir.path(), context(), "test"), Err(Error::Corrupt { .. })));
    std::fs::remove_file(&key).unwrap();
    let error = DataDir::open_writer(dir.path(), context(), "test").unwrap_err();
    assert!(error.to_string().contains("the key is missing"), "{error}");
}

#[test]
fn calls_of_partitions_that_were_deleted_are_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    ingest(
        &data,
        vec![
            call("1", "2026-03-01T09:00:00+08:00", "a"),
            call("2", "2026-03-02T09:00:00+08:00", "a"),
        ],
    );
    drop(data);
    for tree in ["calls", "analyses"] {
        std::fs::remove_dir_all(dir.path().join(tree).join("date=2026-03-01")).unwrap();
    }
    let data = open(dir.path());
    assert!(data.get_call("1").unwrap().is_none());
    assert_eq!(indexed(&data).into_keys().collect::<Vec<_>>(), ["2"]);
}

#[test]
fn an_index_ahead_of_the_store_is_built_anew() {
    let dir = tempfile::tempdir().unwrap();
    let backup = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    ingest(&data, vec![call("1", "2026-03-01T09:00:00+08:00", "a")]);
    drop(data);
    std::fs::copy(dir.path().join("index/calls/meta.json"), backup.path().join("early.json")).unwrap();
    let data = open(dir.path());
    ingest(&data, vec![call("2", "2026-03-02T09:00:00+08:00", "a")]);
    let ahead = std::fs::read(dir.path().join("index/calls/meta.json")).unwrap();
    drop(data);
    // The store comes back from a backup without the second call; the index does not.
    for tree in ["calls", "analyses"] {
        std::fs::remove_dir_all(dir.path().join(tree).join("date=2026-03-02")).unwrap();
    }
    for name in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"] {
        files::remove(&dir.path().join(name)).unwrap();
    }
    std::fs::write(dir.path().join("index/calls/meta.json"), ahead).unwrap();
    let data = open(dir.path());
    assert_eq!(indexed(&data).into_keys().collect::<Vec<_>>(), ["1"]);
}

#[test]
fn a_source_file_is_ingested_again_only_when_content_or_options_change() {
    let (_folders, file, data) = with_source();
    let mut session = data.ingest().unwrap();
    let source = session.changed(&file, "o1").unwrap().unwrap();
    session.source_done(source, 1, 0).unwrap();
    assert!(session.changed(&file, "o1").unwrap().is_some(), "not before it is stored");
    assert_eq!(session.finish().unwrap().sources, 1);

    let session = data.ingest().unwrap();
    assert!(session.changed(&file, "o1").unwrap().is_none());
    assert!(session.changed(&file, "o2").unwrap().is_some());
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    std::fs::File::options().append(true).open(&file).unwrap().set_modified(later).unwrap();
    assert!(session.changed(&file, "o1").unwrap().is_none(), "touched, not changed");
    std::fs::write(&file, "two").unwrap();
    assert!(session.changed(&file, "o1").unwrap().is_some());
}

#[test]
fn a_source_is_not_noted_when_its_calls_were_lost_in_a_crash() {
    let ([dir, _input], file, data) = with_source();
    data.hook.set(|step| step == Step::IndexCommitted);
    let mut session = data.ingest().unwrap();
    let source = session.changed(&file, "").unwrap().unwrap();
    session.put_batch(vec![call("1", "2026-03-01T09:00:00+08:00", "a")], "calls.jsonl").unwrap();
    session.source_done(source, 1, 0).unwrap();
    session.finish().unwrap_err();
    let error = data.commit().unwrap_err();
    assert!(error.to_string().contains("open it again"), "{error}");
    drop(data);
    let data = open(dir.path());
    assert!(data.ingest().unwrap().changed(&file, "").unwrap().is_some());
    assert_eq!(version(&data.get_call("1").unwrap().unwrap()), "a", "what reached Parquet is kept");
}

#[test]
fn an_import_that_is_dropped_stores_nothing_that_was_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    let mut session = data.ingest().unwrap();
    session.put_batch(vec![call("1", "2026-03-01T09:00:00+08:00", "a")], "x").unwrap();
    assert!(matches!(data.ingest(), Err(Error::Refused { .. })), "one import at a time");
    drop(session);
    assert_eq!(ingest(&data, vec![]).calls, 0);
    assert!(data.get_call("1").unwrap().is_none());
}

#[test]
fn what_an_interrupted_write_left_is_removed_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    data.hook.set(|step| step == Step::BetweenHalves);
    let mut session = data.ingest().unwrap();
    session.put_batch(vec![call("1", "2026-03-01T09:00:00+08:00", "a")], "x").unwrap();
    session.finish().unwrap_err();
    drop(data);
    let names = |tree: &str| files::names(&dir.path().join(tree).join("date=2026-03-01")).unwrap();
    assert_eq!((names("calls").len(), names("analyses").len()), (1, 1));
    drop(open(dir.path()));
    assert_eq!((names("calls").len(), names("analyses").len()), (0, 0));
}

#[test]
fn one_data_folder_serves_all_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<DataDir>();
}

#[test]
fn a_crash_while_the_index_is_exchanged_leaves_one_that_works() {
    for step in [Step::IndexRebuilt, Step::IndexMoved] {
        let dir = tempfile::tempdir().unwrap();
        let data = open(dir.path());
        ingest(&data, vec![call("1", "2026-03-01T09:00:00+08:00", "a")]);
        data.hook.set(move |at| at == step);
        data.reindex(|_, _| {}).unwrap_err();
        drop(data);
        let data = open(dir.path());
        assert_eq!(indexed(&data).len(), 1, "{step:?}");
        assert_eq!(files::names(&dir.path().join("index")).unwrap(), ["calls"], "{step:?}");
    }
}

#[test]
fn reindexing_reports_its_progress() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    ingest(&data, (0..3).map(|i| call(&i.to_string(), "2026-03-01T09:00:00+08:00", "a")).collect());
    let mut reports = Vec::new();
    data.reindex(|done, total| reports.push((done, total))).unwrap();
    assert_eq!(reports, [(3, 3)]);
}

#[test]
fn many_small_files_of_a_date_become_one_and_the_order_stays() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    let order = |data: &DataDir| -> Vec<String> {
        data.scan(DateRange::ALL).unwrap().map(|c| c.unwrap().record.call_id).collect()
    };
    for i in 0..8 {
        ingest(
            &data,
            vec![call(
                &format!("{i}"),
                &format!("2026-03-01T{:02}:00:00+08:00", 20 - i),
                "a",
            )],
        );
    }
    let before = order(&data);
    assert_eq!((data.stats().unwrap().files, before.first().unwrap().as_str()), (8, "7"));
    ingest(&data, vec![call("8", "2026-03-01T01:00:00+08:00", "a")]);
    assert_eq!(data.stats().unwrap().files, 1);
    assert_eq!(order(&data)[1..], before);
}

#[test]
fn the_manifest_tells_what_the_analyses_were_made_with() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    assert_eq!(data.manifest().unwrap().config_fingerprint, "");
    ingest(&data, vec![call("1", "2026-03-01T09:00:00+08:00", "a")]);
    let Manifest { format, dictionary_fingerprint, config_fingerprint, .. } = data.manifest().unwrap();
    assert_eq!((format, dictionary_fingerprint.as_str(), config_fingerprint.as_str()), (FORMAT_VERSION, "d", "c"));
}

#[test]
fn topics_come_back_as_they_were_written() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    assert_eq!(data.read_topics::<Vec<String>>().unwrap(), None);
    data.write_topics(&["供暖", "退费"]).unwrap();
    let reader = DataDir::open_reader(dir.path(), context()).unwrap();
    assert_eq!(reader.read_topics::<Vec<String>>().unwrap().unwrap(), ["供暖", "退费"]);
}

#[test]
fn the_audit_trail_only_grows() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    data.audit("审核一组", "unmask", "call 1", "核实地址").unwrap();
    data.audit("审核一组", "unmask", "call 2", "").unwrap();
    let trail = data.audit_trail(None, 10).unwrap();
    assert_eq!(trail.iter().map(|e| e.subject.as_str()).collect::<Vec<_>>(), ["call 2", "call 1"]);
    let ledger = rusqlite::Connection::open(dir.path().join("ledger.sqlite")).unwrap();
    assert!(ledger.execute("DELETE FROM audit", []).is_err());
    assert!(ledger.execute("UPDATE audit SET who = 'x'", []).is_err());
}

#[test]
fn many_threads_append_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let data = &data;
            scope.spawn(move || {
                for i in 0..25 {
                    let id = format!("{thread}-{i}");
                    data.append(vec![call(&id, "2026-03-01T09:00:00+08:00", "a")], "").unwrap();
                    assert!(data.get_call(&id).unwrap().is_some());
                }
            });
        }
    });
    assert_eq!(data.stats().unwrap().live_calls, 100);
    data.close().unwrap();
    let reader = DataDir::open_reader(dir.path(), context()).unwrap();
    assert_eq!((reader.stats().unwrap().calls, reader.stats().unwrap().live_calls), (100, 0));
}

#[test]
fn reading_goes_on_while_files_are_merged() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    ingest(&data, (0..50).map(|i| call(&i.to_string(), "2026-03-01T09:00:00+08:00", "0")).collect());
    let reader = DataDir::open_reader(dir.path(), context()).unwrap();
    let done = &std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                assert!(reader.get_call("7").unwrap().is_some());
                assert_eq!(reader.scan(DateRange::ALL).unwrap().filter(Result::is_ok).count(), 50);
            }
        });
        for round in 1..12 {
            ingest(&data, vec![call("7", "2026-03-01T09:00:00+08:00", &round.to_string())]);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
