//! What the clustering of topics costs beside the segmentation of the same texts, and how that grows.
//!
//! `cargo bench --bench topics -- [SIZE...] [--plot FILE.svg]`

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "a bench that cannot set up has nothing to measure"
)]

mod messages;
mod plot;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::{NormalizeConfig, SegmentConfig};
use qingting_pipeline::normalize::Normalizer;
use qingting_pipeline::segment::Segmenter;
use qingting_pipeline::topic::{TopicConfig, TopicDocument, TopicFinder};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

const SEED: u64 = 12345;
/// Times that everything is timed; the fastest counts, in which other processes disturbed least.
const ROUNDS: usize = 3;

#[derive(Parser)]
struct Options {
    /// Numbers of messages.
    #[arg(default_values_t = [10_000, 20_000, 50_000, 100_000])]
    sizes: Vec<usize>,
    /// Where to draw the cost curve.
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Measures the one size and prints the figures as JSON: a process of its own, so that the peaks of
    /// memory do not mix.
    #[arg(long, hide = true)]
    measure: bool,
    /// What `cargo bench` passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The cost of one size.
#[derive(Debug, Serialize, Deserialize)]
struct Cost {
    messages: usize,
    /// Bytes of text.
    text: u64,
    /// Seconds in which the texts alone are cut into words.
    segmentation: f64,
    /// Seconds of the clustering, its own segmentation included.
    clustering: f64,
    topics: usize,
    /// Most bytes that the clustering held beside the texts.
    memory: u64,
}

fn main() {
    let options = Options::parse();
    if options.measure {
        for &size in &options.sizes {
            println!("{}", serde_json::to_string(&measure(size)).expect("figures"));
        }
        return;
    }
    println!("{} threads, fastest of {ROUNDS} runs\n", rayon::current_num_threads());
    println!(
        "| messages | text, MB | segmentation, s | clustering, s | ratio | topics | memory, MB | bytes a message |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|");
    let costs: Vec<Cost> = options.sizes.iter().map(|&size| in_own_process(size)).inspect(print).collect();
    if let [first, .., last] = costs.as_slice() {
        let growth = (last.clustering / first.clustering).ln() / (last.messages as f64 / first.messages as f64).ln();
        println!("\nThe time grows as the number of messages to the power of {growth:.2}.");
    }
    if let Some(path) = options.plot {
        plot::draw(&path, &costs).expect("the plot can be written");
    }
}

fn print(cost: &Cost) {
    println!(
        "| {} | {:.1} | {:.2} | {:.2} | {:.1} | {} | {:.0} | {} |",
        cost.messages,
        cost.text as f64 / 1e6,
        cost.segmentation,
        cost.clustering,
        cost.clustering / cost.segmentation,
        cost.topics,
        cost.memory as f64 / 1e6,
        cost.memory / cost.messages.max(1) as u64
    );
}

fn in_own_process(size: usize) -> Cost {
    let program = std::env::current_exe().expect("the path of the bench");
    let output = Command::new(program).args(["--measure", &size.to_string()]).output().expect("the bench runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("figures")
}

fn measure(size: usize) -> Cost {
    let assets = Assets::embedded();
    let segmenter = Arc::new(Segmenter::new(&SegmentConfig::default(), &assets).expect("the built-in dictionary"));
    let finder = TopicFinder::new(&TopicConfig::default(), &assets, Arc::clone(&segmenter)).expect("stop words");
    let documents = messages::generate(size, SEED);
    // Whatever is built at the first use is not part of the cost.
    let _ = finder.find(&documents[..documents.len().min(200)], None, SEED);

    let before = status("VmRSS");
    reset_peak();
    let topics = finder.find(&documents, None, SEED).topics.len();
    let memory = status("VmHWM").saturating_sub(before);

    let normalizer = Normalizer::new(&NormalizeConfig::default(), &assets).expect("the built-in lexicon");
    let texts: Vec<String> =
        documents.iter().flat_map(|d| &d.passages).map(|(text, _)| normalizer.fold(text)).collect();
    let (mut segmentation, mut clustering) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        segmentation.push(seconds(|| texts.par_iter().map(|text| segmenter.cut(text).len()).sum()));
        clustering.push(seconds(|| finder.find(&documents, None, SEED).topics.len()));
    }
    Cost {
        messages: size,
        text: text_bytes(&documents),
        segmentation: fastest(&segmentation),
        clustering: fastest(&clustering),
        topics,
        memory,
    }
}

fn text_bytes(documents: &[TopicDocument]) -> u64 {
    documents.iter().flat_map(|d| &d.passages).map(|(text, _)| text.len() as u64).sum()
}

fn seconds(work: impl Fn() -> usize) -> f64 {
    let start = Instant::now();
    std::hint::black_box(work());
    start.elapsed().as_secs_f64()
}

fn fastest(seconds: &[f64]) -> f64 {
    seconds.iter().copied().fold(f64::INFINITY, f64::min)
}

/// Bytes that the kernel tells under this name; 0 where there is no procfs.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value
        .and_then(|v| v.trim().trim_end_matches(" kB").trim().parse::<u64>().ok())
        .map_or(0, |kb| kb * 1024)
}

/// Lets the peak of resident memory begin again at what is resident now.
fn reset_peak() {
    // Where it cannot be reset, what was needed for the texts counts too: the figure is then too high.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
