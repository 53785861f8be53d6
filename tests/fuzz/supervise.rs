//! Starts a process for each target, as many at a time as there are jobs, and judges how each ends. A process that is
//! killed by a signal (stack overflow, memory beyond the bound) or hangs leaves its input behind; it is kept, and the
//! target goes on in a new process for the rest of its time.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::targets::{TARGETS, Target};
use crate::worker::{FOUND, HUNG, name_of};

/// Processes of one target that may die before it is given up.
const MOST_DEATHS: u64 = 5;

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
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--work", target.name, "--seed", &(arguments.seed + death).to_string()]);
        // What targets write goes with the folder, also when their process dies.
        command.env("TMPDIR", scratch.path());
        command.arg("--findings").arg(&arguments.findings).arg("--current").arg(&current);
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
            _ => keep(target, status, &current, &arguments.findings),
        }
        good = false;
        if arguments.replay.is_some() || until.is_none_or(|until| Instant::now() >= until) {
            return false;
        }
    }
    eprintln!("{}: {MOST_DEATHS} processes died; given up", target.name);
    false
}

/// Keeps the input at which a process ended.
fn keep(target: &Target, status: ExitStatus, current: &Path, findings: &Path) {
    let input = fs::read(current).unwrap_or_default();
    let how = if status.code() == Some(HUNG.into()) {
        "hang"
    } else {
        "crash"
    };
    let folder = findings.join(target.name);
    fs::create_dir_all(&folder).expect("the folder of findings");
    let path = folder.join(format!("{how}-{}", name_of(&input)));
    fs::write(&path, &input).expect("the folder of findings");
    eprintln!("{}: {how} ({status}) on {} bytes\n  input: {}", target.name, input.len(), path.display());
}
