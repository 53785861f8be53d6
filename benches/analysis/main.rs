//! What the whole analysis of a call costs beside the segmentation of its text alone, which of its parts
//! cost it, and what a second thread brings; all in one run, so that the ratios hold on a busy machine too.
//!
//! `cargo bench --bench analysis -- [--rounds N] [FILE...]`

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "a bench that cannot set up has nothing to measure"
)]

mod clock;
#[path = "../common/mod.rs"]
mod common;
mod threads;

use std::collections::BTreeSet;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use jieba_rs::Jieba;
use qingting_pipeline::Pipeline;
use qingting_pipeline::import::{ImportOptions, Imported, Importer};
use qingting_pipeline::pipeline::Stage;
use qingting_pipeline::record::{CallRecord, Provenance};
use sha2::{Digest, Sha256};

use clock::{median, thread_cpu};

#[derive(Parser)]
struct Options {
    /// Files of calls; those that the models were trained on and those of the demo when none is given.
    files: Vec<PathBuf>,
    /// Times that everything is measured; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only print a digest of all analyses, to tell whether two versions say the same.
    #[arg(long)]
    digest: bool,
    /// What `cargo bench` passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Milliseconds of one round on one thread.
struct Round {
    jieba: f64,
    analysis: f64,
    stages: [f64; Stage::ALL.len()],
}

fn main() {
    let options = Options::parse();
    let calls = calls(&options.files);
    let texts: BTreeSet<&str> = calls.iter().flat_map(|call| &call.turns).map(|turn| turn.text.as_str()).collect();
    let turns: usize = calls.iter().map(|call| call.turns.len()).sum();
    let characters: usize = texts.iter().map(|text| text.chars().count()).sum();
    println!(
        "{} calls, {turns} turns, {} distinct texts of {characters} characters; medians of {} rounds\n",
        calls.len(),
        texts.len(),
        options.rounds
    );
    let pipeline = common::pipeline();
    if options.digest {
        return println!("{}", digest(&pipeline, &calls));
    }
    let jieba = Jieba::new();
    // The first pass fills caches and compiles the lazy automata of the patterns.
    let _warm = round(&pipeline, &jieba, &calls, &texts);
    let rounds: Vec<Round> = (0..options.rounds).map(|_| round(&pipeline, &jieba, &calls, &texts)).collect();
    report(&rounds, turns, calls.len());
    threads::report(&pipeline, &calls, options.rounds);
}

/// SHA-256 over the masked record and the analysis of every call but for what says which version made it.
fn digest(pipeline: &Pipeline, calls: &[CallRecord]) -> String {
    let mut sha = Sha256::new();
    for mut analyzed in pipeline.analyze_batch(calls) {
        analyzed.analysis.provenance = Provenance::default();
        sha.update(serde_json::to_vec(&analyzed.record).expect("a record"));
        sha.update(serde_json::to_vec(&analyzed.analysis).expect("an analysis"));
    }
    sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The calls of the files, or those of `models/data/calls/` and of the demo.
fn calls(files: &[PathBuf]) -> Vec<CallRecord> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/data/calls");
    let importer = Importer::new(ImportOptions::default()).expect("an importer");
    let own = |files: &[PathBuf]| -> Vec<CallRecord> {
        let records = files.iter().flat_map(|file| importer.open(file).expect("a file of calls"));
        let call = |imported| match imported {
            Imported::Call { record, .. } => Some(*record),
            Imported::Rejected(_) => None,
        };
        records.filter_map(call).collect()
    };
    if !files.is_empty() {
        return own(files);
    }
    let mut files: Vec<PathBuf> = folder
        .read_dir()
        .expect("the training calls")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let mut calls = own(&files);
    calls.extend(common::demo_calls());
    calls
}

fn round(pipeline: &Pipeline, jieba: &Jieba, calls: &[CallRecord], texts: &BTreeSet<&str>) -> Round {
    let start = thread_cpu();
    for text in texts {
        black_box(jieba.cut(text, true));
    }
    let jieba = (thread_cpu() - start).as_secs_f64() * 1e3;
    let mut stages = [Duration::ZERO; Stage::ALL.len()];
    let start = thread_cpu();
    for call in calls {
        let mut last = Instant::now();
        black_box(pipeline.analyze_watched(call, |stage| {
            let now = Instant::now();
            stages[stage as usize] += now - last;
            last = now;
        }));
    }
    let analysis = (thread_cpu() - start).as_secs_f64() * 1e3;
    // The clock of the thread is too coarse for a part of one call: its parts are told by the wall
    // clock and share the time of the thread in that proportion.
    let wall: f64 = stages.iter().map(Duration::as_secs_f64).sum();
    Round {
        jieba,
        analysis,
        stages: stages.map(|stage| stage.as_secs_f64() / wall * analysis),
    }
}

fn report(rounds: &[Round], turns: usize, calls: usize) {
    let of = |value: &dyn Fn(&Round) -> f64| median(rounds.iter().map(value));
    let jieba = of(&|round| round.jieba);
    let analysis = of(&|round| round.analysis);
    let row = |name: &str, ms: f64| {
        let (times, share) = (ms / jieba, ms / analysis * 100.0);
        println!("| {name:24} | {ms:9.1} | {times:7.2} | {share:6.1} |");
    };
    println!("| one thread               |    ms CPU | x jieba | % of it|\n|---|---:|---:|---:|");
    println!("| {:24} | {jieba:9.1} | {:7.2} |        |", "jieba cut with HMM", 1.0);
    row("whole analysis", analysis);
    for (index, stage) in Stage::ALL.iter().enumerate() {
        row(&format!("  {stage:?}").to_lowercase(), of(&|round| round.stages[index]));
    }
    println!(
        "\n{:.0} calls and {:.0} turns a second and core; ratio to jieba {:.2}\n",
        calls as f64 / analysis * 1e3,
        turns as f64 / analysis * 1e3,
        of(&|round| round.analysis / round.jieba)
    );
}
