//! What the nightly batch costs by the number of its calls: CPU time a call and peak memory of a real
//! `qingting ingest`, from JSON Lines to Parquet, index and ledger, at four sizes in one run.
//!
//! `cargo bench --bench nightly -- [CALLS] [--turns N] [--folder DIR] [--plot FILE]`

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "a bench that cannot set up has nothing to measure"
)]

#[path = "../scale/calls.rs"]
mod calls;
#[path = "../common/mod.rs"]
mod common;
mod plot;
mod watched;

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use qingting_index::calls::{CallQuery, NoLookup};
use qingting_index::{Context, DataDir};
use rayon::prelude::*;

use self::calls::{Generator, TURNS};
use self::watched::Cost;

const SEED: u64 = 20_261_128;
/// Calls in a file of the input.
const FILE: u64 = 20_000;
/// Calls that are generated together.
const BATCH: u64 = 2_000;
/// What part of the calls each run gets. The reference of the memory is the second, that of the cost the first.
const PARTS: [u64; 4] = [100, 20, 10, 1];
/// Most memory that a batch may take, as a multiple of that of the second run, and in bytes.
const MEMORY: (f64, u64) = (1.3, 1 << 30);
/// Fewest calls of a run from which its start no longer tells in the cost of a call, and its buffers have been full.
const TELLING: u64 = 10_000;

#[derive(Parser)]
struct Options {
    /// Calls of the longest run; the others have a hundredth, a twentieth and a tenth of them.
    #[arg(default_value_t = 10_000)]
    calls: u64,
    /// Turns of a call.
    #[arg(long, default_value_t = TURNS)]
    turns: usize,
    /// Where inputs and data folders are built; a temporary folder that is deleted otherwise.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Where to draw the cost of a call by the number of calls, as SVG.
    #[arg(long)]
    plot: Option<PathBuf>,
    /// What `cargo bench` passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// One run of the batch.
pub(crate) struct Run {
    pub(crate) calls: u64,
    pub(crate) cost: Cost,
}

impl Run {
    /// CPU time of a call, milliseconds.
    pub(crate) fn cpu_ms(&self) -> f64 {
        self.cost.cpu.as_secs_f64() * 1e3 / self.calls as f64
    }
}

fn main() {
    let options = Options::parse();
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let folder = options.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    let input = folder.join("input");
    std::fs::create_dir_all(&input).expect("a folder");
    let bytes = write_calls(&input, &Generator::new(SEED, options.calls, options.turns), options.calls);
    println!(
        "{} calls of {} turns, {:.0} MB of JSON Lines in files of {FILE} calls (gzip)\n",
        options.calls,
        options.turns,
        bytes as f64 / 1e6
    );
    println!("| calls | CPU, ms a call | wall, s | calls/s | peak, MB | of it not file pages, MB | data, MB |");
    println!("|---:|---:|---:|---:|---:|---:|---:|");
    let runs: Vec<Run> = PARTS.iter().map(|part| run(&folder, &input, (options.calls / part).max(1))).collect();
    if let Some(path) = &options.plot {
        plot::draw(path, &runs).expect("a drawing");
    }
    judge(&runs);
}

/// Ingests the first calls of the input into a fresh folder and counts what is in it afterwards.
fn run(folder: &Path, input: &Path, calls: u64) -> Run {
    let data = folder.join("data");
    let mut command = Command::new(env!("CARGO_BIN_EXE_qingting"));
    command.arg("ingest").arg("--data").arg(&data).args(part(folder, input, calls));
    let cost = watched::run(command);
    let size = common::folder_bytes(&data);
    let held = found(&data);
    assert_eq!(held, calls, "calls in the folder after {calls} were put into it");
    std::fs::remove_dir_all(&data).expect("a folder of our own");
    let run = Run { calls, cost };
    println!(
        "| {calls} | {:.3} | {:.1} | {:.0} | {:.0} | {:.0} | {:.0} |",
        run.cpu_ms(),
        run.cost.wall.as_secs_f64(),
        calls as f64 / run.cost.wall.as_secs_f64(),
        run.cost.peak as f64 / 1e6,
        run.cost.peak_own as f64 / 1e6,
        size as f64 / 1e6,
    );
    run
}

/// The files with the first calls; where the last file has more of them, a file of its own.
fn part(folder: &Path, input: &Path, calls: u64) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = (0..calls / FILE).map(|number| file(input, number)).collect();
    if !calls.is_multiple_of(FILE) {
        let whole = file(input, calls / FILE);
        let reader = BufReader::new(GzDecoder::new(std::fs::File::open(whole).expect("a file")));
        let path = folder.join(format!("first-{calls}.jsonl"));
        let mut out = BufWriter::new(std::fs::File::create(&path).expect("a file"));
        for line in reader.lines().take((calls % FILE) as usize) {
            writeln!(out, "{}", line.expect("a line")).expect("room");
        }
        out.flush().expect("room");
        files.push(path);
    }
    files
}

fn file(input: &Path, number: u64) -> PathBuf {
    input.join(format!("calls-{number:04}.jsonl.gz"))
}

/// Writes the calls; bytes before they were compressed.
fn write_calls(input: &Path, generator: &Generator, calls: u64) -> u64 {
    let mut written = 0;
    for (number, start) in (0..calls).step_by(FILE as usize).enumerate() {
        let out = std::fs::File::create(file(input, number as u64)).expect("a file");
        let mut out = GzEncoder::new(out, Compression::fast());
        for start in (start..calls.min(start + FILE)).step_by(BATCH as usize) {
            let lines: Vec<String> = (start..calls.min(start + BATCH))
                .into_par_iter()
                .map(|number| serde_json::to_string(&generator.call(number).record).expect("a record"))
                .collect();
            for line in lines {
                written += line.len() as u64 + 1;
                writeln!(out, "{line}").expect("room");
            }
        }
        out.finish().expect("room");
    }
    written
}

/// How many calls a folder holds, as a search says that asks for all.
fn found(data: &Path) -> u64 {
    let data = DataDir::open_reader(data, Context::new(&common::pipeline())).expect("the folder just written");
    let all = CallQuery { limit: 1, ..CallQuery::default() };
    data.search(&all, &NoLookup).expect("an index").total
}

fn judge(runs: &[Run]) {
    let [first, second, .., last] = runs else { return };
    let dearest = runs.iter().map(Run::cpu_ms).fold(f64::MIN, f64::max);
    let cheapest = runs.iter().map(Run::cpu_ms).fold(f64::MAX, f64::min);
    println!(
        "\nA call costs between {cheapest:.3} and {dearest:.3} ms, {:+.0}%.",
        (dearest / cheapest - 1.0) * 100.0
    );
    if first.calls < TELLING {
        println!("Of {} calls the start of the program is a part of that.", first.calls);
    }
    let growth = last.cost.peak_own as f64 / second.cost.peak_own as f64;
    let mapped = last.cost.peak as f64 / second.cost.peak as f64;
    println!(
        "Peak memory at {} calls is {growth:.2} x that at {}, {mapped:.2} x with the pages of files that are mapped.",
        last.calls, second.calls
    );
    // Times are for reading on a quiet machine; memory does not depend on who else is working. Small batches end
    // before the buffers are full for the first time. Pages of the index that are mapped for a merge are the
    // system's to take back: they are told and not held against the batch.
    assert!(last.cost.peak_own <= MEMORY.1, "more memory than a batch may take");
    assert!(second.calls < TELLING || growth <= MEMORY.0, "memory grows with the batch");
}
