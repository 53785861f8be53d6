//! What is told by numbers and by contents, because clocks and file times cannot tell it.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::*;
use crate::Erase;

/// Gives every file of the store a time.
fn set_times(data: &Path, to: SystemTime) {
    for folder in files::names(&data.join("calls")).unwrap() {
        for name in files::names(&data.join("calls").join(&folder)).unwrap() {
            let path = data.join("calls").join(&folder).join(name);
            std::fs::File::options().write(true).open(path).unwrap().set_modified(to).unwrap();
        }
    }
}

fn two_days(data: &DataDir) {
    ingest(
        data,
        vec![
            call("1", "2026-03-01T09:00:00+08:00", "a"),
            call("2", "2026-03-02T09:00:00+08:00", "a"),
        ],
    );
}

fn dates(texts: &[&str]) -> std::collections::BTreeSet<chrono::NaiveDate> {
    texts.iter().map(|date| date.parse().unwrap()).collect()
}

#[test]
fn a_date_is_digested_while_none_of_its_files_came_after_the_digests() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    assert!(data.digested_dates().unwrap().is_empty(), "there are no digests");
    two_days(&data);
    data.write_digests().unwrap().publish().unwrap();
    assert_eq!(data.digested_dates().unwrap(), dates(&["2026-03-01", "2026-03-02"]));
    let later = data.write_digests().unwrap();
    ingest(&data, vec![call("3", "2026-03-02T10:00:00+08:00", "a")]);
    later.publish().unwrap();
    assert_eq!(data.digested_dates().unwrap(), dates(&["2026-03-01"]), "it was begun before");
    let reader = DataDir::open_reader(dir.path(), context()).unwrap();
    assert_eq!(reader.digested_dates().unwrap(), dates(&["2026-03-01"]));
    data.append(vec![call("4", "2026-03-01T10:00:00+08:00", "a")], "").unwrap();
    assert!(reader.digested_dates().unwrap().is_empty(), "a live call has no digest");
}

/// Whether a date was digested was told by the times of files: with the clock set back, calls taken in after the
/// nightly step were left out of the report.
#[test]
fn a_clock_set_back_hid_new_calls_from_the_report() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    two_days(&data);
    data.write_digests().unwrap().publish().unwrap();
    ingest(&data, vec![call("3", "2026-03-02T10:00:00+08:00", "a")]);
    set_times(dir.path(), SystemTime::now() - Duration::from_secs(86_400));
    assert_eq!(data.digested_dates().unwrap(), dates(&["2026-03-01"]));
}

/// The digests that an erasure copies were younger than files that they had never been made of.
#[test]
fn an_erasure_made_dates_digested_that_were_not() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    two_days(&data);
    data.write_digests().unwrap().publish().unwrap();
    ingest(&data, vec![call("3", "2026-03-02T10:00:00+08:00", "a")]);
    data.erase(Erase::Call("1"), "test").unwrap();
    set_times(dir.path(), SystemTime::now() - Duration::from_secs(86_400));
    assert!(data.digested_dates().unwrap().is_empty(), "the call of the second day has no digest");
}

#[test]
fn numbers_go_on_whatever_the_clock_says() {
    let dir = tempfile::tempdir().unwrap();
    for version in ["a", "b"] {
        let data = open(dir.path());
        ingest(&data, vec![call("1", "2026-03-01T09:00:00+08:00", version)]);
        drop(data);
        set_times(dir.path(), SystemTime::now() + Duration::from_secs(86_400));
    }
    let data = open(dir.path());
    assert_eq!(version(&data.get_call("1").unwrap().unwrap()), "b");
    assert_eq!(indexed(&data)["1"], "b");
}

/// What it was when it was looked at was noted, whatever had been read of it since.
#[test]
fn a_source_that_changed_while_it_was_read_was_noted_as_done() {
    let (_folders, file, data) = with_source();
    let mut session = data.ingest().unwrap();
    let grows = session.changed(&file, "").unwrap().unwrap();
    std::fs::write(&file, "one and a half").unwrap();
    assert!(!session.source_done(grows, 1, 0).unwrap());
    // Replaced by another while it is read, and put back.
    let first = std::fs::metadata(&file).unwrap().modified().unwrap();
    let replaced = session.changed(&file, "").unwrap().unwrap();
    std::fs::write(&file, "ONE AND A HALF").unwrap();
    std::fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_modified(first + Duration::from_secs(9))
        .unwrap();
    assert!(!session.source_done(replaced, 1, 0).unwrap());
    assert_eq!(session.finish().unwrap().sources, 0);
    assert!(data.ingest().unwrap().changed(&file, "").unwrap().is_some());
}

/// A file that took another's place with its size and time was taken for the other.
#[cfg(unix)]
#[test]
fn a_source_that_took_anothers_place_and_time_was_missed() {
    let dir = tempfile::tempdir().unwrap();
    let input = tempfile::tempdir().unwrap();
    let (file, beside) = (input.path().join("calls.jsonl"), input.path().join("beside"));
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_000_000);
    let write = |path: &Path, text: &str| {
        std::fs::write(path, text).unwrap();
        std::fs::File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
    };
    write(&file, "one");
    let data = open(dir.path());
    let mut session = data.ingest().unwrap();
    let source = session.changed(&file, "").unwrap().unwrap();
    write(&beside, "two");
    // While it is read, and after.
    std::thread::sleep(Duration::from_millis(50));
    std::fs::rename(&beside, &file).unwrap();
    assert!(!session.source_done(source, 1, 0).unwrap());
    let source = session.changed(&file, "").unwrap().unwrap();
    assert!(session.source_done(source, 1, 0).unwrap());
    session.finish().unwrap();
    write(&beside, "six");
    std::fs::rename(&beside, &file).unwrap();
    assert!(data.ingest().unwrap().changed(&file, "").unwrap().is_some());
}

/// A file that was changed twice within the grain of file times, once before and once after it was read, looked
/// unchanged for ever.
#[test]
fn a_change_that_the_file_time_does_not_show_was_missed() {
    let (_folders, file, data) = with_source();
    let mut session = data.ingest().unwrap();
    let source = session.changed(&file, "").unwrap().unwrap();
    assert!(session.source_done(source, 1, 0).unwrap());
    session.finish().unwrap();
    let time = std::fs::metadata(&file).unwrap().modified().unwrap();
    std::fs::write(&file, "two").unwrap();
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
    let session = data.ingest().unwrap();
    assert!(session.changed(&file, "").unwrap().is_some());
}

#[test]
fn what_was_asked_and_taken_in_is_told_by_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path());
    let now = chrono::Utc::now();
    let hour = chrono::TimeDelta::hours(1);
    data.add_questions(&[crate::Question { text: "停水找谁".into(), confidence: 0.1 }], 10).unwrap();
    assert_eq!(data.questions_between(now - hour, now + hour).unwrap().len(), 1);
    assert!(data.questions_between(now + hour, now + hour * 2).unwrap().is_empty());
    assert!(data.questions_between(now - hour * 2, now - hour).unwrap().is_empty());

    let mut session = data.ingest().unwrap();
    session.put_batch(vec![call("1", "2026-03-01T09:00:00+08:00", "a")], "x").unwrap();
    let input = tempfile::NamedTempFile::new().unwrap();
    let file = session.changed(input.path(), "").unwrap().unwrap();
    assert!(session.source_done(file, 1, 2).unwrap());
    session.finish().unwrap();
    assert_eq!(data.intake(now - hour).unwrap(), crate::Intake { files: 1, calls: 1, quarantined: 2 });
    assert_eq!(data.intake(now + hour).unwrap(), crate::Intake::default());
}
