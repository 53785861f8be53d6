//! Two batches at once.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Place, failed, files_of, same, snapshot, state, wait_for_lock};

fn signal(child: &std::process::Child, name: &str) {
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

#[test]
fn the_second_of_two_batches_ends_with_a_clear_message_and_touches_nothing() {
    let place = Place::with_batch(4, 16);
    place.data("reference");
    place.ingested("reference");
    let data = place.data("data");
    let mut first = place.command(&place.ingest("data", &[])).stderr(Stdio::null()).spawn().unwrap();
    assert!(wait_for_lock(&data, &mut first));
    while !files_of(&data).iter().any(|path| path.extension().is_some_and(|kind| kind == "parquet")) {
        assert!(first.try_wait().unwrap().is_none(), "it ended before it wrote");
        std::thread::sleep(Duration::from_millis(1));
    }
    // Held still, so that whatever changes is the second one's doing.
    signal(&first, "-STOP");
    wait_until_held(first.id());
    let before = snapshot(&data);
    let holder = format!("is being written by qingting ingest (process {})", first.id());
    failed(&place.run(&place.ingest("data", &[])), &[&holder, "wait until it is done, then run this again"]);
    failed(&place.run(&["reindex", "--data", "data"]), &[&holder, "wait until it is done"]);
    assert_eq!(snapshot(&data), before);
    signal(&first, "-CONT");
    assert_eq!(first.wait().unwrap().code(), Some(3));
    same(&state(&data), &state(&place.path("reference")), "in the end");
    assert_eq!(place.ingested("data").status.code(), Some(0), "then it is the turn of the second");
}
