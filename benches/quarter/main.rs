//! A quarter of a hotline from end to end, as `tests/quarter` has it, at its whole size: 30,000 calls of forty agents, cases worked
//! night by night, both indicator sets over gRPC. Whatever comes out otherwise than it was drawn ends it with a panic.
//!
//! `cargo bench --bench quarter -- [CALLS] [--data DIR] [--written]`

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a bench that comes out wrong has to end"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../../tests/quarter/count.rs"]
mod count;
#[path = "../../tests/quarter/desk.rs"]
mod desk;
#[path = "../../tests/quarter/hotline.rs"]
mod hotline;
#[path = "../../tests/quarter/minutes.rs"]
mod minutes;
#[path = "../../tests/quarter/mirror.rs"]
mod mirror;
#[allow(dead_code, reason = "tests wait in more ways")]
#[path = "../../tests/patience.rs"]
mod patience;
#[path = "../../tests/quarter/run.rs"]
mod run;
#[path = "../../tests/socket.rs"]
mod socket;
#[path = "../../tests/quarter/table.rs"]
mod table;

use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Instant;

use clap::Parser;

#[derive(Parser)]
struct Options {
    /// Calls of the quarter.
    #[arg(default_value_t = 30_000)]
    calls: usize,
    /// Prints both sets item by item, as `tests/quarter/*.csv` have them at the size of the tests, and ends.
    #[arg(long)]
    written: bool,
    /// A new folder for the data, to be looked at afterwards; a temporary one that is deleted otherwise.
    #[arg(long)]
    data: Option<PathBuf>,
    /// What `cargo bench` passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Ends with the bench.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        // It has ended where that fails.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::main]
async fn main() {
    let options = Options::parse();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = options.data.clone().unwrap_or_else(|| folder.path().join("data"));
    let began = Instant::now();
    let worked = run::work(&common::pipeline(), &data, options.calls);
    if options.written {
        for set in ["hotline-12345", "bank-branch"] {
            println!("{set}\n{}", worked.written(set));
        }
        return;
    }
    let (causes, [closed, excluded, open]) = worked.cases();
    let seen = &worked.seen;
    println!("{} calls in 92 nights, {:.0?}", options.calls, began.elapsed());
    println!(
        "cases {causes:?}: {closed} closed, {excluded} excluded, {open} open; every night exactly those of the rules"
    );
    println!(
        "{} steps; {} due dates warned of and {} escalations, each told from its minute on ({} looks, {} in hourly rounds)",
        seen.steps,
        seen.warnings.len(),
        seen.escalations.len(),
        seen.looks,
        seen.reminders
    );
    let process = Command::new(env!("CARGO_BIN_EXE_qingting"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .stderr(std::process::Stdio::null())
        .spawn();
    let _served = Served(process.expect("the program"));
    let channel = socket::connected(&data).await;
    let began = Instant::now();
    for (name, total) in worked.totals(&channel).await {
        println!("{name}: {}", total.total.as_deref().unwrap_or("-"));
    }
    println!("every item and total as counted by hand, {:.0?}", began.elapsed());
    let began = Instant::now();
    let calls = worked.explained(&channel).await;
    println!("five shares explained down to their {calls} calls, {:.0?}", began.elapsed());
    for set in ["hotline-12345", "bank-branch"] {
        println!("{set}, places by month: {:?}", worked.places(&channel, set).await);
    }
}
