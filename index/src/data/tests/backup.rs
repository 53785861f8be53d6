//! A backup is whole whenever it is taken, and comes back only as it was written.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sha2::{Digest, Sha256};

use super::*;
use crate::data::hook::Step;
use crate::data::{DateRange, Erase, restore};
use crate::{CaseEntry, CaseQuery, Error, FORMAT_VERSION, ReviewEntry, ReviewKind, ReviewQuery};

/// Fingerprint of a call and its analysis.
fn content(data: &DataDir, id: &str) -> Option<Vec<u8>> {
    let call = data.get_call(id).unwrap()?;
    let bytes = serde_json::to_vec(&(call.record, call.analysis)).unwrap();
    Some(Sha256::digest(bytes).to_vec())
}

fn reader(path: &Path) -> DataDir {
    DataDir::open_reader(path, context()).unwrap()
}

#[test]
fn a_backup_taken_while_calls_come_in_has_every_acknowledged_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    let data = open(&path);
    let (acknowledged, done, taken) = (Mutex::new(Vec::new()), AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Calls come in until backups were taken meanwhile.
            let mut round = 0;
            while round < 20 || (taken.load(Ordering::SeqCst) < 3 && round < 2000) {
                round += 1;
                let day = format!("2026-03-0{}T09:00:00+08:00", round % 3 + 1);
                let (live, batch) = (format!("live-{round}"), format!("batch-{round}"));
                data.append(vec![call(&live, &day, "a")], "").unwrap();
                acknowledged.lock().unwrap().push(live);
                ingest(&data, vec![call(&batch, &day, "b"), call("again", &day, &round.to_string())]);
                acknowledged.lock().unwrap().push(batch);
                if round % 4 == 0 {
                    data.compact().unwrap();
                }
                // More and more slowly, so that in the end a backup comes between two merges on any machine.
                std::thread::sleep(std::time::Duration::from_millis(10 * u64::saturating_sub(round, 20)));
            }
            done.store(true, Ordering::SeqCst);
        });
        let reader = reader(&path);
        for n in 0..10_000 {
            let last = done.load(Ordering::SeqCst);
            let before = acknowledged.lock().unwrap().clone();
            let out = dir.path().join(format!("backup-{n}{}", if n % 2 == 0 { ".zip" } else { "" }));
            match reader.backup(&out) {
                Ok(_) => taken.fetch_add(usize::from(!last), Ordering::SeqCst),
                // Merging all the time, as this thread does, is refused in the end; a quiet folder never is.
                Err(Error::Refused { .. }) if !last => continue,
                Err(error) => panic!("{error}"),
            };
            let again = dir.path().join(format!("again-{n}"));
            restore(&out, &again).unwrap();
            let restored = open(&again);
            for id in &before {
                assert_eq!(content(&restored, id).unwrap(), content(&data, id).unwrap(), "{id} of backup {n}");
            }
            assert_eq!(indexed(&restored).len() as u64, restored.stats().unwrap().calls);
            if last {
                assert!(taken.load(Ordering::SeqCst) >= 3, "none was taken while calls came in");
                let all = |data: &DataDir| data.scan(DateRange::ALL).unwrap().map(|c| c.unwrap()).collect::<Vec<_>>();
                assert_eq!(all(&restored), all(&data));
                break;
            }
        }
    });
}

#[test]
fn a_backup_keeps_what_cannot_be_built_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    let data = open(&path);
    ingest(&data, vec![call("1", "2026-03-01T09:00:00+08:00", "a")]);
    data.write_topics(&["供暖"]).unwrap();
    data.audit("t", "unmask", "call 1", "").unwrap();
    let review = ReviewEntry {
        number: 0,
        at: "2026-03-02T00:00:00Z".into(),
        kind: ReviewKind::Reviewed,
        who: "key:1".into(),
        name: "质检员".into(),
        under: None,
        call_id: Some("1".into()),
        agent: Some("A01".into()),
        team: None,
        body: "{}".into(),
    };
    data.add_reviews(&[review]).unwrap();
    let opened = CaseEntry {
        number: 0,
        at: "2026-03-02T00:00:00Z".into(),
        kind: "opened".into(),
        who: "rule".into(),
        name: "规则".into(),
        opening: None,
        version: 1,
        call_id: "1".into(),
        agent: Some("A01".into()),
        team: None,
        cause: "rating".into(),
        body: "{}".into(),
    };
    data.add_cases(&[opened]).unwrap();
    files::create_dir(&data.knowledge_index_dir()).unwrap();
    std::fs::write(data.knowledge_index_dir().join("meta.json"), "articles").unwrap();
    let out = dir.path().join("backup.zip");
    let backup = reader(&path).backup(&out).unwrap();
    assert!(!backup.files.iter().any(|file| file.path.starts_with("index/calls")), "it is built anew");
    assert!(matches!(reader(&path).backup(&out), Err(Error::Refused { .. })), "nothing is written over");
    let again = dir.path().join("again");
    assert_eq!(restore(&out, &again).unwrap(), backup);
    let restored = open(&again);
    assert_eq!(restored.read_topics::<Vec<String>>().unwrap().unwrap(), ["供暖"]);
    assert_eq!(restored.audit_trail(None, 1).unwrap(), data.audit_trail(None, 1).unwrap());
    let reviews = |data: &DataDir| data.reviews(&ReviewQuery::default()).unwrap();
    assert!(reviews(&restored).len() == 1 && reviews(&restored) == reviews(&data));
    let cases = |data: &DataDir| data.cases(&CaseQuery::default()).unwrap();
    assert!(cases(&restored).len() == 1 && cases(&restored) == cases(&data));
    assert_eq!(std::fs::read_to_string(restored.knowledge_index_dir().join("meta.json")).unwrap(), "articles");
    // The same key: a caller who calls again is known again.
    ingest(&restored, vec![call("2", "2026-03-01T09:00:00+08:00", "a")]);
    let number = |data: &DataDir, id: &str| data.get_call(id).unwrap().unwrap().record.caller.unwrap().number;
    assert_eq!(number(&restored, "2"), number(&data, "1"));
    assert_eq!(files::names(dir.path()).unwrap(), ["again", "backup.zip", "data"], "nothing is left beside");
    #[cfg(unix)]
    for secret in [out, again.join("keys/caller.key")] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(secret).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_backup_that_was_damaged_makes_no_data_folder() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    ingest(&open(&path), vec![call("1", "2026-03-01T09:00:00+08:00", "a")]);
    let (out, again) = (dir.path().join("backup"), dir.path().join("again"));
    let backup = reader(&path).backup(&out).unwrap();
    for file in &backup.files {
        let bytes = std::fs::read(out.join(&file.path)).unwrap();
        let mut flipped = bytes.clone();
        if let Some(byte) = flipped.last_mut() {
            *byte ^= 1;
        }
        std::fs::write(out.join(&file.path), flipped).unwrap();
        let error = restore(&out, &again).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }) && error.to_string().contains(&file.path), "{error}");
        std::fs::remove_file(out.join(&file.path)).unwrap();
        assert!(matches!(restore(&out, &again), Err(Error::Corrupt { .. })), "{} is missing", file.path);
        assert!(!again.exists());
        std::fs::write(out.join(&file.path), bytes).unwrap();
    }
    let list = std::fs::read_to_string(out.join("backup.json")).unwrap();
    std::fs::write(out.join("backup.json"), list.replace("manifest.json", "../manifest.json")).unwrap();
    assert!(restore(&out, &again).unwrap_err().to_string().contains("leads out"));
    let newer = format!("\"data_format\": {}", FORMAT_VERSION + 1);
    std::fs::write(out.join("backup.json"), list.replace(&format!("\"data_format\": {FORMAT_VERSION}"), &newer))
        .unwrap();
    assert!(matches!(restore(&out, &again), Err(Error::NewerFormat { .. })));
    std::fs::write(out.join("backup.json"), list).unwrap();
    restore(&out, &again).unwrap();
    assert!(
        matches!(restore(&out, &again), Err(Error::Refused { .. })),
        "a folder with data is not written over"
    );
}

/// It was unpacked to its end before its length was looked at.
#[test]
fn a_file_that_unpacks_into_more_than_is_listed_filled_the_disk() {
    use std::io::Write;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bomb.zip");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    let options = zip::write::FileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    archive.start_file("wal/1.wal", options).unwrap();
    archive.write_all(&vec![0; 8 << 20]).unwrap();
    archive.start_file("backup.json", options).unwrap();
    let list = r#"{"format": 1, "data_format": 1, "created_at": "", "written_by": "", "files": [
        {"path": "wal/1.wal", "bytes": 10, "sha256": ""}]}"#;
    archive.write_all(list.as_bytes()).unwrap();
    archive.finish().unwrap();
    let error = restore(&path, &dir.path().join("data")).unwrap_err().to_string();
    assert!(error.contains("(11 bytes"), "no more was unpacked than it takes to tell: {error}");
}

#[test]
fn no_backup_is_taken_of_a_half_finished_erasure() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    let data = open(&path);
    ingest(&data, vec![call("1", "2026-03-01T09:00:00+08:00", "a")]);
    data.hook.set(|step| step == Step::ErasedFromIndex);
    data.erase(Erase::Call("1"), "t").unwrap_err();
    drop(data);
    assert!(matches!(reader(&path).backup(&dir.path().join("b")), Err(Error::Refused { .. })));
    drop(open(&path));
    let backup = reader(&path).backup(&dir.path().join("b")).unwrap();
    assert!(!backup.files.iter().any(|file| file.path.starts_with("calls/")));
}

#[test]
fn a_ledger_of_the_first_version_is_brought_up_to_date_and_keeps_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    ingest(&data, vec![call("1", "2026-03-01T09:00:00+08:00", "a")]);
    data.audit("t", "unmask", "call 1", "").unwrap();
    data.close().unwrap();
    let ledger = rusqlite::Connection::open(dir.path().join("ledger.sqlite")).unwrap();
    let later = "DROP TABLE feedback; DROP TABLE questions; DROP TABLE keys; DROP TABLE reviews; DROP TABLE publications; \
                 DROP TABLE cases; DROP TABLE examples; DROP TABLE experience; ALTER TABLE audit DROP COLUMN hash;";
    ledger.execute_batch(&format!("{later} PRAGMA user_version = 1;")).unwrap();
    drop(ledger);
    // Whoever is about to open it asks first what is published.
    assert!(crate::newest_publications(dir.path()).unwrap().is_empty());
    let error = DataDir::open_reader(dir.path(), context()).unwrap_err();
    assert!(
        matches!(&error, Error::Stale { fix, .. } if fix.contains("ingest")),
        "a reader says what to do: {error}"
    );
    let data = open(dir.path());
    assert_eq!((data.stats().unwrap().calls, data.audit_trail(None, 9).unwrap().len()), (1, 1));
    assert!(data.questions().unwrap().is_empty() && data.keys().unwrap().is_empty());
    assert!(data.reviews(&ReviewQuery::default()).unwrap().is_empty());
    assert!(data.newest_publications().unwrap().is_empty());
    assert!(data.cases(&CaseQuery::default()).unwrap().is_empty());
    assert!(data.examples().unwrap().is_empty());
    assert!(data.check_audit().unwrap().broken.is_none());
    assert_eq!(version(&reader(dir.path()).get_call("1").unwrap().unwrap()), "a");
}

#[test]
fn a_manifest_of_the_first_release_with_only_the_first_fields_opens() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    ingest(&data, vec![call("1", "2026-03-01T09:00:00+08:00", "a")]);
    let key = data.manifest().unwrap().caller_key;
    data.close().unwrap();
    let first = format!("{{\"format\": 1, \"written_by\": \"0.1.0\", \"caller_key\": \"{key}\"}}");
    std::fs::write(dir.path().join("manifest.json"), first).unwrap();
    assert_eq!(open(dir.path()).stats().unwrap().calls, 1);
    // There was no format before the first: whoever wrote that is not this program.
    std::fs::write(dir.path().join("manifest.json"), format!("{{\"format\": 0, \"caller_key\": \"{key}\"}}")).unwrap();
    let error = DataDir::open_writer(dir.path(), context(), "test").unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }) && error.to_string().contains("format 0"), "{error}");
}
