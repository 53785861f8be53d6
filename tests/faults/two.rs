//! Two batches at once.

use std::fs::TryLockError;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{Place, failed, same, snapshot, state, wait_for_lock};

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// A signal is sent long before every thread has got it.
fn wait_until_held(process: u32) {
    let held = |task: std::io::Result<std::fs::DirEntry>| {
        // A thread that has ended meanwhile writes nothing either.
        let Ok(stat) = std::fs::read_to_string(task.unwrap().path().join("stat")) else {
            return true;
        };
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with(['T', 't', 'Z', 'X']))
    };
    while !std::fs::read_dir(format!("/proc/{process}/task")).unwrap().all(held) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn has_parquet(folder: &Path) -> bool {
    // What is written into changes under one's eyes.
    let Ok(entries) = std::fs::read_dir(folder) else {
        return false;
    };
    let mut paths = entries.flatten().map(|entry| entry.path());
    paths.any(|path| path.extension().is_some_and(|kind| kind == "parquet") || path.is_dir() && has_parquet(&path))
}

/// Holds a batch still while it has the folder and has begun to write. False where it was done before: when this process
/// is not let on for a moment, the batch goes on.
fn held_while_it_writes(data: &Path, batch: &mut Child) -> bool {
    if !wait_for_lock(data, batch) {
        return false;
    }
    while !has_parquet(data) && batch.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    if batch.try_wait().unwrap().is_some() {
        return false;
    }
    signal(batch, "-STOP");
    wait_until_held(batch.id());
    let is_locked = || {
        let lock = std::fs::File::open(data.join("writer.lock")).unwrap();
        matches!(lock.try_lock(), Err(TryLockError::WouldBlock))
    };
    batch.try_wait().unwrap().is_none() && is_locked()
}

#[test]
fn the_second_of_two_batches_ends_with_a_clear_message_and_touches_nothing() {
    let place = Place::with_batch(4, 16);
    place.data("reference");
    place.ingested("reference");
    let met = (0..20).find_map(|attempt| {
        let name = format!("data-{attempt}");
        let data = place.data(&name);
        let mut first = place.command(&place.ingest(&name, &[])).stderr(Stdio::null()).spawn().unwrap();
        if held_while_it_writes(&data, &mut first) {
            return Some((name, data, first));
        }
        if first.try_wait().unwrap().is_none() {
            signal(&first, "-CONT");
        }
        assert_eq!(first.wait().unwrap().code(), Some(3));
        None
    });
    let (name, data, mut first) = met.expect("a batch that is met while it writes");
    // Held still, so that whatever changes is the second one's doing.
    let before = snapshot(&data);
    let holder = format!("is being written by qingting ingest (process {})", first.id());
    failed(&place.run(&place.ingest(&name, &[])), &[&holder, "wait until it is done, then run this again"]);
    failed(&place.run(&["reindex", "--data", &name]), &[&holder, "wait until it is done"]);
    assert_eq!(snapshot(&data), before);
    signal(&first, "-CONT");
    assert_eq!(first.wait().unwrap().code(), Some(3));
    same(&state(&data), &state(&place.path("reference")), "in the end");
    assert_eq!(place.ingested(&name).status.code(), Some(0), "then it is the turn of the second");
}
