//! The server under load: mixed questions while calls come in, then ten times as much as it can answer, then as much as
//! before; and whether every answer was right and every acknowledged call is there after a kill.
//!
//! `cargo bench --bench load -- [CALLS] [--seconds N]`

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "a bench that cannot set up has nothing to measure"
)]

#[path = "../scale/calls.rs"]
mod calls;
mod clients;
#[path = "../common/mod.rs"]
mod common;
mod served;

use std::time::Duration;

use clap::Parser;

use self::clients::{Load, Phase};
use self::served::Served;

/// How much more than it can answer the server is asked in the second phase.
const OVERLOAD: f64 = 10.0;
/// How often the second phase is tried, each time with so much more: a machine that was slow for the first may be quick for
/// the second, which then is no overload.
const FLOODS: i32 = 3;
/// Most questions a second, which no machine answers: what has not been turned away has to be held here.
const MOST_PER_SECOND: f64 = 50_000.0;
/// Memory that the server may take more under overload: its queues are bounded, so it is a matter of megabytes.
const MORE_MEMORY: u64 = 300 << 20;

#[derive(Parser)]
struct Options {
    /// Calls in the store before the load begins.
    #[arg(default_value_t = 2_000)]
    calls: u64,
    /// Seconds of each phase.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Clients of the first and third phase, each with one question at a time.
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// What `cargo bench` passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure(&options, folder.path()));
}

async fn measure(options: &Options, folder: &std::path::Path) {
    let length = Duration::from_secs(options.seconds);
    let server = Served::start(folder).await;
    let load = Load::prepare(&server, options.calls).await;
    println!(
        "{} calls in the store; {} clients; phases of {} s\n",
        options.calls, options.clients, options.seconds
    );
    println!(
        "| phase | questions/s | answered/s | p50, ms | p99, ms | shed | failed | wrong | calls in/s | peak, MB |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    let steady = load.closed(options.clients, length).await;
    row("steady", &steady, &server);
    let before = server.peak();
    let mut floods = Vec::new();
    for nth in 1..=FLOODS {
        let times = OVERLOAD.powi(nth);
        // A phase in which nothing at all was answered tells no rate.
        let rate = (steady.answered_per_second().max(1.0) * times).min(MOST_PER_SECOND);
        let flood = load.open(rate, length).await;
        row(&format!("{times} times as much"), &flood, &server);
        let is_flooded = flood.shed > 0;
        floods.push(flood);
        if is_flooded {
            break;
        }
    }
    let grown = server.peak() - before;
    let after = load.closed(options.clients, length).await;
    row("as before", &after, &server);
    let acknowledged = load.acknowledged();
    server.kill();
    let lost = Load::lost(&Served::start(folder).await, &acknowledged).await;
    println!("\n{} calls were acknowledged; after a kill {} of them are missing.", acknowledged.len(), lost);
    println!("The peak of memory grew by {} MB under overload.", grown >> 20);

    let phases = || floods.iter().chain([&steady, &after]);
    assert_eq!(phases().map(|phase| phase.wrong).sum::<u64>(), 0, "wrong answers");
    assert_eq!(phases().map(|phase| phase.failed).sum::<u64>(), 0, "errors other than being turned away");
    // A machine that stands still for a moment lets questions pile up.
    let reasons = [&steady.reason, &after.reason];
    let calm = [&steady, &after].iter().all(|phase| phase.shed * 100 <= phase.asked);
    assert!(calm, "turned away although there was room: {reasons:?}");
    assert!(floods.iter().any(|flood| flood.shed > 0), "nobody was turned away under overload");
    assert_eq!(lost, 0, "acknowledged calls that are gone");
    assert!(grown <= MORE_MEMORY, "memory grew with the load");
}

fn row(name: &str, phase: &Phase, server: &Served) {
    println!(
        "| {name} | {:.0} | {:.0} | {:.1} | {:.1} | {} | {} | {} | {:.0} | {} |",
        phase.asked as f64 / phase.seconds,
        phase.answered_per_second(),
        phase.percentile(0.5),
        phase.percentile(0.99),
        phase.shed,
        phase.failed,
        phase.wrong,
        phase.taken_in as f64 / phase.seconds,
        server.peak() >> 20,
    );
}
