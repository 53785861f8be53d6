//! kill -9 at random instants, until fifty have hit; then everything is as if nothing had happened.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::{Place, State, calls, files_of, reader, said, same, state, wait_for_lock};

/// Printed, so that a run can be repeated as far as the machine allows: `QINGTING_KILL_SEED`.
fn seed() -> u64 {
    std::env::var("QINGTING_KILL_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| rand::rng().random())
}

/// Starts a command and kills it after so long, counted from when it holds the data folder. False when it was done
/// before, and well.
fn killed(place: &Place, data: &str, args: &[&str], after: Duration) -> bool {
    let told = place.path(&format!("{data}.stderr"));
    let stderr = std::fs::File::create(&told).unwrap();
    let mut child = place.command(args).stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
    wait_for_lock(&place.path(data), &mut child);
    std::thread::sleep(after);
    child.kill().unwrap(); // SIGKILL; of no effect on one that has ended
    let status = child.wait().unwrap();
    match status.code() {
        None => true,
        Some(code) => {
            let told = std::fs::read_to_string(told).unwrap();
            assert!(matches!(code, 0 | 3), "{args:?} ended with {code}: {told}");
            false
        }
    }
}

/// What a kill left, looked at in a copy, so that the next run finds it as it is: whoever reads finds no call twice, and none
/// that never was. Tells in which phase the kill hit, as far as the files tell it.
fn check_in_between(place: &Place, name: &str, reference: &State) -> &'static str {
    let copied = format!("copy-of-{name}");
    place.copy(name, &copied);
    let data = place.path(&copied);
    let count = |tree: &str, ending: &str| {
        let there = data.join(tree);
        if there.is_dir() {
            files_of(&there).iter().filter(|path| path.to_string_lossy().ends_with(ending)).count()
        } else {
            0
        }
    };
    let (calls_files, analyses_files) = (count("calls", ".parquet"), count("analyses", ".parquet"));
    let phase = if !data.join("manifest.json").is_file() || !data.join("ledger.sqlite").is_file() {
        "creating the folder"
    } else if count("calls", ".tmp") + count("analyses", ".tmp") > 0 || calls_files != analyses_files {
        "writing Parquet"
    } else {
        let ledger = rusqlite::Connection::open(data.join("ledger.sqlite")).unwrap();
        match ledger.query_row("SELECT count(*) FROM files", [], |row| row.get::<_, i64>(0)) {
            // Its tables are not made yet: the next writer makes them.
            Err(_) => "creating the folder",
            Ok(known) if known as usize != calls_files => "committing index or ledger, or merging",
            Ok(_) => "reading and analysing",
        }
    };
    if phase != "creating the folder" {
        assert!(calls(&reader(&data)).keys().all(|id| reference.calls.contains_key(id)));
    }
    std::fs::remove_dir_all(data).unwrap();
    phase
}

/// How long an import of everything takes once it holds the folder, and what it leaves.
fn uninterrupted(place: &Place, name: &str) -> (Duration, State) {
    let data = place.data(name);
    let mut child = place.command(&place.ingest(name, &[])).stderr(Stdio::null()).spawn().unwrap();
    assert!(wait_for_lock(&data, &mut child));
    let began = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    (began.elapsed(), state(&data))
}

#[test]
fn fifty_kills_lose_nothing_and_double_nothing() {
    const KILLS: usize = 50;
    let place = Place::with_batch(8, 20);
    let began = Instant::now();
    let (length, reference) = uninterrupted(&place, "reference");
    // The shorter of two: where the machine stood still during one, most kills would come too late.
    let length = length.min(uninterrupted(&place, "again").0);
    assert_eq!((reference.calls.len(), crate::support::quarantine(&place.path("reference")).len()), (160, 3));
    let seed = seed();
    println!("seed {seed}, an uninterrupted import takes {length:?}");
    // Kills so far, folders that were finished after kills, and what was going on.
    let counted = Mutex::new((0, 0, BTreeMap::<&str, usize>::new()));
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (place, reference, counted) = (&place, &reference, &counted);
            scope.spawn(move || {
                let mut random = StdRng::seed_from_u64(seed.wrapping_add(thread));
                for folder in 0.. {
                    if counted.lock().unwrap().0 >= KILLS {
                        return;
                    }
                    let name = format!("killed-{thread}-{folder}");
                    let data = place.data(&name);
                    // Until a run comes to its end before it is killed.
                    loop {
                        if counted.lock().unwrap().0 >= KILLS {
                            place.ingested(&name);
                            break;
                        }
                        let after = length.mul_f64(random.random_range(0.0..1.0));
                        if !killed(place, &name, &place.ingest(&name, &[]), after) {
                            break;
                        }
                        counted.lock().unwrap().0 += 1;
                        let phase = check_in_between(place, &name, reference);
                        *counted.lock().unwrap().2.entry(phase).or_default() += 1;
                    }
                    let finished = state(&data);
                    assert_eq!(finished.hash(), reference.hash(), "seed {seed}, {name}");
                    same(&finished, reference, &format!("seed {seed}, {name}"));
                    counted.lock().unwrap().1 += 1;
                    std::fs::remove_dir_all(&data).unwrap();
                }
            });
        }
    });
    let (kills, folders, phases) = counted.into_inner().unwrap();
    assert!(kills >= KILLS);
    println!("{kills} kills {phases:?}");
    println!("{folders} folders finished after them, 0 calls lost, 0 double, {:?}", began.elapsed());
}

/// The steps of the night after the import, and an import of everything over everything.
#[test]
fn kills_of_what_follows_the_import_leave_all_as_it_would_have_been() {
    let place = Place::with_batch(3, 12);
    place.data("reference");
    place.ingested("reference");
    let reference = state(&place.path("reference"));
    let topics = |data: &str| {
        let output = place.run(&["topics", "--data", data, "--config", "cfg", "--json"]);
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    place.copy("reference", "killed");
    let (first, second) = (topics("reference"), topics("reference"));
    let seed = seed();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let data = place.path("killed");
    let mut hit = 0;
    for command in [
        &["topics", "--data", "killed", "--config", "cfg"][..],
        &["reindex", "--data", "killed", "--config", "cfg"],
        &["ingest", "in", "--data", "killed", "--config", "cfg", "--again"],
    ] {
        for _ in 0..3 {
            hit += usize::from(killed(&place, "killed", command, Duration::from_millis(random.random_range(0..250))));
            let found = calls(&reader(&data));
            assert!(found.keys().eq(reference.calls.keys()), "seed {seed}: what is replaced is never away");
        }
    }
    place.ingested("killed");
    same(&state(&data), &reference, &format!("seed {seed}"));
    let after = topics("killed");
    assert!(after == first || after == second, "seed {seed}: the topics are those of one night or of two");
    println!("{hit} of 9 hit, 0 calls lost, 0 double");
}
