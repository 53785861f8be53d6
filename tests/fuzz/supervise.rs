//! Starts a process for each target, as many at a time as there are jobs, and judges how each ends. A process that is
//! killed by a signal (stack overflow, memory beyond the bound) or hangs leaves its input behind; it is kept, and the
//! target goes on in a new process for the rest of its time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::targets::{TARGETS, Target};
use crate::worker::{FOUND, HUNG, SLOW, name_of};

/// Processes of one target that may die before it is given up.
const MOST_DEATHS: u64 = 5;
/// How often an input that took too much of the processor is run again: once in time, and the machine was at fault.
const REPLAYS: usize = 3;

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let wanted: Vec<&Target> = TARGETS.iter().filter(|target| arguments.wants(target.name)).collect();
    if arguments.replay.is_some() && wanted.len() != 1 {
        eprintln!(
            "--replay needs one target; there are {}",
            TARGETS.iter().map(|t| t.name).collect::<Vec<_>>().join(" ")
        );
        return ExitCode::from(2);
    }
    // Each target gets the same time; jobs run side by side.
    let share = arguments.time.map(|time| time * arguments.jobs as u32 / wanted.len().max(1) as u32);
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs {
            scope.spawn(|| {
                while let Some(target) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if !supervise(target, arguments, share) {
                        failed.lock().unwrap().push(target.name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    if failed.is_empty() {
        println!("fuzz: {} targets, nothing found", wanted.len());
        return ExitCode::SUCCESS;
    }
    eprintln!("fuzz: {} failed; their inputs are in {}", failed.join(", "), arguments.findings.display());
    ExitCode::FAILURE
}

/// Whether a target stood all of its time.
fn supervise(target: &Target, arguments: &Arguments, share: Option<Duration>) -> bool {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let current = scratch.path().join("current");
    let until = share.map(|share| Instant::now() + share);
    let mut good = true;
    for death in 0..MOST_DEATHS {
        let mut command = worker(target, arguments, scratch.path());
        command.args(["--seed", &(arguments.seed + death).to_string()]).arg("--current").arg(&current);
        if let Some(folder) = &arguments.corpus {
            command.arg("--corpus").arg(folder);
        }
        if let Some(file) = &arguments.replay {
            command.arg("--replay").arg(file);
        }
        if let Some(until) = until {
            let left = until.saturating_duration_since(Instant::now()).as_millis();
            command.args(["--millis", &left.to_string()]);
        }
        let status = command.status().expect("a process of this program");
        match status.code() {
            Some(0) => return good,
            Some(code) if code == i32::from(FOUND) => return false,
            _ => {}
        }
        let input = keep(target, status, &current, &arguments.findings);
        let by_chance = status.code() == Some(SLOW.into()) && {
            let replays = || worker(target, arguments, scratch.path()).arg("--replay").arg(&input).status();
            (0..REPLAYS).any(|_| replays().expect("a process of this program").success())
        };
        if by_chance {
            eprintln!("{}: in time when run again: the machine was slow, not the program", target.name);
        }
        good &= by_chance;
        // Without a time there is no more to do but what chance has broken off.
        let is_over = until.map_or(!by_chance, |until| Instant::now() >= until);
        if arguments.replay.is_some() || is_over {
            return good;
        }
    }
    eprintln!("{}: {MOST_DEATHS} processes died; given up", target.name);
    false
}

/// A process for a target.
fn worker(target: &Target, arguments: &Arguments, scratch: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--work", target.name]).arg("--findings").arg(&arguments.findings);
    // What targets write goes with the folder, also when their process dies.
    command.env("TMPDIR", scratch);
    command
}

/// Keeps the input at which a process ended; its file.
fn keep(target: &Target, status: ExitStatus, current: &Path, findings: &Path) -> PathBuf {
    let input = fs::read(current).unwrap_or_default();
    let how = match status.code() {
        Some(code) if code == i32::from(HUNG) || code == i32::from(SLOW) => "hang",
        _ => "crash",
    };
    let folder = findings.join(target.name);
    fs::create_dir_all(&folder).expect("the folder of findings");
    let path = folder.join(format!("{how}-{}", name_of(&input)));
    fs::write(&path, &input).expect("the folder of findings");
    eprintln!("{}: {how} ({status}) on {} bytes\n  input: {}", target.name, input.len(), path.display());
    path
}
