//! What `rules backtest` costs beside a full analysis of the same calls, in one run and on one thread: CPU time of the calls
//! judged under changed rules, and under a changed scorecard, out of what is kept of them.
//!
//! `cargo bench --bench backtest -- [--rounds N]`

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "a bench that cannot set up has nothing to measure"
)]

#[path = "analysis/clock.rs"]
mod clock;
#[path = "common/mod.rs"]
mod common;

use std::hint::black_box;
use std::path::Path;

use clap::Parser;
use qingting_index::{Context, DataDir, DateRange};
use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::PipelineConfig;
use qingting_pipeline::import::{ImportOptions, Imported, Importer};
use qingting_pipeline::pipeline::{Stale, compare};
use qingting_pipeline::record::CallRecord;
use qingting_pipeline::{Analyzed, Pipeline};

use clock::{median, thread_cpu};

#[derive(Parser)]
struct Options {
    /// Times that everything is measured; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// What `cargo bench` passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

const RULE: &str = r#"
[[code]]
code = "promise_without_day"
title = "承诺未说明哪天"
level = "turn"
role = "agent"

[[rule]]
id = "promise-without-day"
version = 1
title = "承诺回复但没有说哪天"
doc = "坐席说会有人联系，前后三轮没有说时间。"
code = "promise_without_day"
confidence = 0.7
on = "promise"
when = "promise"
explanation = "坐席说“{quote}”，没有说哪天。"

[rule.condition.promise]
role = "agent"
keywords = { any = ["联系您", "回复您", "给您回", "会有人"] }
unless = [{ condition = "day", where = "around", turns = [3, 3] }]

[rule.condition.day]
role = "agent"
regex = { pattern = '([0-9一二两三四五六七八九十]+个?(工作日|天|小时)|今天|明天|下周)' }
"#;

const ITEM: &str = "\n[[section]]\nid = \"extra\"\ntitle = \"x\"\n[[section.item]]\nid = \"extra\"\ntitle = \"x\"\npoints = 5\n\
                    deduct = [{ codes = [\"urging\"], points = 2 }]\n";

fn changed(name: &str, text: &str) -> Pipeline {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, text).expect("a file");
    let assets = Assets::with_overlay(folder.path()).expect("a folder");
    Pipeline::new(&PipelineConfig::default(), &assets).expect("a configuration")
}

/// Milliseconds of CPU time of this thread.
fn cpu(work: impl FnOnce()) -> f64 {
    let began = thread_cpu();
    work();
    (thread_cpu() - began).as_secs_f64() * 1000.0
}

fn main() {
    let options = Options::parse();
    let old = common::pipeline();
    let rules = changed("rules/promise.toml", RULE);
    let card = Assets::embedded().read("scorecards/hotline-12345.toml").expect("a scorecard").text.into_owned();
    let cards = changed("scorecards/hotline-12345.toml", &(card + ITEM));
    assert_eq!((rules.stale(old.provenance()), cards.stale(old.provenance())), (Stale::Rules, Stale::Score));

    let folder = tempfile::tempdir().expect("a folder");
    let data = DataDir::open_writer(folder.path(), Context::new(&old), "bench").expect("a data folder");
    let mut session = data.ingest().expect("an import");
    session.put_batch(old.analyze_batch(&calls()), "bench").expect("calls are kept");
    session.finish().expect("calls are kept");
    let scan = || -> Vec<Analyzed> { data.scan(DateRange::ALL).expect("a scan").map(|c| c.expect("a call")).collect() };
    let stored = scan();

    let judge = |new: &Pipeline| {
        let (mut afresh, mut changed) = (0, 0);
        for call in &stored {
            let compared = compare(&old, new, call);
            afresh += usize::from(compared.afresh);
            changed += usize::from(compared.before.findings != compared.after.findings);
            black_box(compared);
        }
        (afresh, changed)
    };
    println!("{} calls; analysed afresh, with other findings: {:?}", stored.len(), judge(&rules));
    let round = |_| {
        [
            cpu(|| stored.iter().for_each(|call| drop(black_box(rules.analyze(&call.record))))),
            cpu(|| _ = black_box(judge(&rules))),
            cpu(|| _ = black_box(judge(&cards))),
            cpu(|| drop(black_box(scan()))),
        ]
    };
    let rounds: Vec<[f64; 4]> = (0..options.rounds).map(round).collect();
    let of = |at: usize| median(rounds.iter().map(|round| round[at]));
    let (full, scan) = (of(0), of(3));
    println!("\n| one thread | ms CPU | µs a call | times faster than one full analysis |\n|---|---:|---:|---:|");
    for (name, ms) in [
        ("full analysis of the masked records", full),
        ("changed rules", of(1)),
        ("changed scorecard", of(2)),
        ("reading the calls from the store, for either", scan),
    ] {
        println!("| {name} | {ms:.0} | {:.0} | {:.1} |", ms * 1000.0 / stored.len() as f64, full / ms);
    }
    println!(
        "\nwith reading: changed rules {:.1} ×, changed scorecard {:.1} ×",
        (full + scan) / (of(1) + scan),
        (full + scan) / (of(2) + scan)
    );
}

/// The calls of `models/data/calls/` and of the demo, each on some day.
fn calls() -> Vec<CallRecord> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/data/calls");
    let importer = Importer::new(ImportOptions::default()).expect("an importer");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path()).collect();
    files.sort();
    let own = files.iter().flat_map(|file| importer.open(file).expect("a file of calls"));
    let own = own.filter_map(|imported| match imported {
        Imported::Call { record, .. } => Some(*record),
        Imported::Rejected(_) => None,
    });
    let day = chrono::DateTime::parse_from_rfc3339("2026-03-02T09:00:00+08:00").expect("a time");
    let dated = |mut call: CallRecord| {
        call.started_at = call.started_at.or(Some(day));
        call
    };
    own.chain(common::demo_calls()).map(dated).collect()
}
