//! The fuzz harness: everything that reads what others wrote is given inputs that nobody would write. A program of
//! its own, so that it can watch over memory and outlive what it tests; `docs/fuzzing.md` says how it is used.
//!
//! `supervise` starts one process a target and judges its end, `worker` is that process, `mutate` makes inputs out of
//! those that there are, `targets` has what is tested and what must hold.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail as tests do"
)]

mod arguments;
mod minimise;
mod mutate;
mod supervise;
mod targets;
mod worker;

use std::alloc::System;
use std::process::ExitCode;

use cap::Cap;

use arguments::{Arguments, Job};

/// Counts what is allocated, and refuses what goes beyond the bound of an input.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

fn main() -> ExitCode {
    match Arguments::of(std::env::args().skip(1)) {
        Ok(Arguments { job: Job::List, .. }) => ExitCode::SUCCESS,
        Ok(arguments) if arguments.job == Job::Work => worker::run(&arguments),
        Ok(arguments) => supervise::run(&arguments),
        Err(message) => {
            eprintln!("{message}\n{}", arguments::USAGE);
            ExitCode::from(2)
        }
    }
}
