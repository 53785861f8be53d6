//! The disk is full, as the system says it: a limit on the size of files (no right is needed for that), and `/dev/full`.

use std::process::Command;

use crate::support::{Place, failed, quarantine, said, same, state};

/// Runs with no file growing over so many blocks of 512 bytes.
fn limited(place: &Place, blocks: u32, args: &[&str]) -> std::process::Output {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_qingting"))
        .args(args)
        .current_dir(place.root());
    command.output().unwrap()
}

#[test]
fn a_disk_that_is_full_at_any_size_loses_nothing() {
    let place = Place::with_batch(4, 16);
    place.data("reference");
    place.ingested("reference");
    let reference = state(&place.path("reference"));
    let data = place.data("data");
    for blocks in [0, 6, 30, 60, 120] {
        let output = limited(&place, blocks, &place.ingest("data", &[]));
        // SQLite has words of its own for it.
        failed(
            &output,
            &[
                "ulimit -f",
                "run this again; what was acknowledged is kept, and nothing is taken in twice",
            ],
        );
    }
    place.ingested("data");
    let filled = state(&data);
    same(&filled, &reference, "filled");
    // A full disk at the start does not harm what is there.
    failed(&limited(&place, 6, &place.ingest("data", &["--again"])), &["ulimit -f"]);
    place.ingested("data");
    same(&state(&data), &reference, "in the end");
    for command in [
        &["backup", "--data", "data", "--out", "b.zip"][..],
        &["reindex", "--data", "data"],
    ] {
        failed(&limited(&place, 6, command), &["ulimit -f"]);
    }
    assert!(!place.path("b.zip").exists(), "no half of a backup is taken for one");
    same(&state(&data), &reference, "in the end");
}

#[test]
fn outputs_that_cannot_be_written_are_told_of_and_nothing_is_lost() {
    if !std::path::Path::new("/dev/full").exists() {
        println!("skipped: there is no /dev/full on this system");
        return;
    }
    let place = Place::with_batch(2, 6);
    let data = place.data("data");
    // Where the bad records cannot be listed, their file does not count as read.
    let full = "free some space, then run this again";
    failed(&place.run(&place.ingest("data", &["--quarantine", "/dev/full"])), &["/dev/full", full]);
    let output = place.ingested("data");
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert_eq!((state(&data).calls.len(), quarantine(&data).len()), (12, 1));
    failed(&place.run(&place.ingest("data", &["--metrics", "/dev/full"])), &["metrics /dev/full", full]);
    failed(&place.run(&["analyze", "in", "--out", "/dev/full"]), &["/dev/full", full]);
    let stdout = std::fs::File::options().write(true).open("/dev/full").unwrap();
    failed(&place.command(&["analyze", "in"]).stdout(stdout).output().unwrap(), &[full]);
    use std::os::unix::fs::FileTypeExt;
    let kind = std::fs::metadata("/dev/full").unwrap().file_type();
    assert!(kind.is_char_device(), "a device was replaced by a file");
}
