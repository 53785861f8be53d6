//! Rights that are gone, and things that stand in the way. Who runs the tests as root, on whom rights have no effect, has the
//! program run as nobody.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Output;

use crate::support::{Place, failed, said, same, state};

const NOBODY: u32 = 65_534;

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs as somebody on whom rights have an effect; `None` where that is not to be had.
fn run(place: &Place, args: &[&str]) -> Option<Output> {
    let mut command = place.command(args);
    if std::fs::metadata("/proc/self").map_or(1, |meta| meta.uid()) == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            println!("skipped: nobody may not run {}: {error}", env!("CARGO_BIN_EXE_qingting"));
            None
        }
    }
}

#[test]
fn rights_that_are_lost_and_given_back_lose_no_call() {
    let place = Place::with_batch(2, 8);
    mode(place.root(), 0o777);
    let data = place.path("data");
    let Some(output) = run(&place, &place.ingest("data", &[])) else {
        return;
    };
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let before = state(&data);
    for (name, lost) in [
        ("calls/date=2026-03-01", 0o000),
        ("analyses/date=2026-03-02", 0o555),
        ("ledger.sqlite", 0o444),
        ("keys/caller.key", 0o000),
        ("wal", 0o000),
        ("index/calls", 0o555),
        ("", 0o555),
        ("../in/calls-00.jsonl", 0o000),
        ("../in", 0o000),
    ] {
        let path = data.join(name);
        let as_it_was = std::fs::metadata(&path).unwrap().permissions();
        mode(&path, lost);
        let output = run(&place, &place.ingest("data", &["--again"])).unwrap();
        std::fs::set_permissions(&path, as_it_was).unwrap();
        failed(&output, &["may not read or write there", "then run this again"]);
    }
    let output = run(&place, &place.ingest("data", &["--again"])).unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    same(&state(&data), &before, "in the end");
}

/// These go for root too.
#[test]
fn what_stands_in_the_way_is_named_and_nothing_is_lost() {
    let place = Place::with_batch(2, 8);
    let data = place.data("data");
    place.ingested("data");
    let before = state(&data);
    let way = "move it away, then run this again";
    let aside = |name: &str, as_file: bool| {
        let (path, kept) = (data.join(name), place.path("aside"));
        std::fs::rename(&path, &kept).unwrap();
        if as_file {
            std::fs::write(&path, "in the way").unwrap();
        } else {
            std::fs::create_dir(&path).unwrap();
        }
        let output = place.run(&place.ingest("data", &["--again"]));
        if as_file {
            std::fs::remove_file(&path).unwrap();
        } else {
            std::fs::remove_dir_all(&path).unwrap();
        }
        std::fs::rename(kept, path).unwrap();
        output
    };
    for (name, as_file) in [
        ("calls", true),
        ("analyses", true),
        ("wal", true),
        ("quarantine.jsonl", false),
        ("ledger.sqlite", false),
        ("writer.lock", false),
        ("manifest.json", false),
    ] {
        let output = aside(name, as_file);
        failed(&output, &[name, way]);
    }
    place.ingested("data");
    same(&state(&data), &before, "in the end");

    std::fs::write(place.path("file"), "").unwrap();
    failed(&place.run(&place.ingest("file/data", &[])), &["file/data", way]);
    failed(&place.run(&place.ingest("/proc/qingting", &[])), &["/proc/qingting"]);
    std::os::unix::fs::symlink("/nowhere/calls.jsonl", place.path("in/gone.jsonl")).unwrap();
    failed(&place.run(&place.ingest("data", &[])), &["gone.jsonl"]);
    std::fs::remove_file(place.path("in/gone.jsonl")).unwrap();
    // A file of which the system gives nothing.
    std::os::unix::fs::symlink("/proc/self/mem", place.path("in/broken.jsonl")).unwrap();
    failed(&place.run(&place.ingest("data", &[])), &["broken.jsonl", "check that, then run this again"]);
    same(&state(&data), &before, "in the end");
}
