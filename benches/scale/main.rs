//! Call search by the number of calls: size of the index, times of a mixed set of questions, and the same
//! questions answered by a scan of all texts and by SQLite's FTS5.
//!
//! `cargo bench --bench scale -- [CALLS] [--folder DIR] [--no-sqlite]`

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "a bench that cannot set up has nothing to measure"
)]

mod calls;
#[path = "../common/mod.rs"]
mod common;
mod queries;
mod report;
mod scan;
mod sqlite;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use qingting_index::analyzer::Analyzer;
use qingting_index::calls::{CallQuery, NoLookup, Reading, Speaker, TextQuery};
use qingting_index::{Context, DataDir, DateRange};
use qingting_pipeline::Analyzed;
use rayon::prelude::*;

use self::calls::{Generator, TURNS};
use self::queries::Question;

const SEED: u64 = 12345;
/// Calls that are generated, indexed and forgotten together.
const BATCH: u64 = 2_000;
/// Calls whose words the questions are made of.
const SAMPLE: u64 = 3_000;
/// Times that a question is asked after the first; the median counts, so that other processes on the
/// machine do not.
const ROUNDS: usize = 5;

#[derive(Parser)]
struct Options {
    /// Number of calls.
    #[arg(default_value_t = 10_000)]
    calls: u64,
    /// Where the data folder is built; a temporary folder that is deleted otherwise.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Leave out the comparison with SQLite.
    #[arg(long)]
    no_sqlite: bool,
    /// Ask the folder of an earlier run of as many calls, without building it again.
    #[arg(long, requires = "folder")]
    built: bool,
    /// What `cargo bench` passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What was measured of one question, seconds.
struct Timing {
    class: &'static str,
    index: f64,
    total: u64,
    scan: Option<f64>,
    fts: Option<f64>,
}

fn main() {
    let options = Options::parse();
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let folder = options.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder).expect("a folder");
    let pipeline = common::pipeline();
    let analyzer = Analyzer::new(pipeline.segmenter().clone(), pipeline.normalizer().clone());
    let generator = Generator::new(SEED, options.calls, TURNS);
    let (path, texts, database) = (folder.join("data"), folder.join("texts"), folder.join("fts5.sqlite"));
    let context = Context::new(&pipeline);
    let data = DataDir::open_writer(&path, context, "scale bench").expect("a data folder");

    report::heading("Building");
    if !options.built {
        let seconds = build(&data, &generator, options.calls);
        println!("{:.0} calls/s stored and indexed\n", options.calls as f64 / seconds);
        write_texts(&texts, &generator, options.calls, &analyzer);
    }
    let text_bytes = said(&generator, options.calls);
    report::size(&path, options.calls, text_bytes);
    let fts = (!options.no_sqlite).then(|| {
        if options.built {
            return sqlite::Fts::open(&database);
        }
        let (fts, seconds) = build_fts(&database, &generator, options.calls, &analyzer);
        println!("\nSQLite FTS5: {:.0} calls/s", options.calls as f64 / seconds);
        fts
    });
    if fts.is_some() {
        report::sqlite_size(&database, text_bytes);
    }

    let step = (options.calls / SAMPLE).max(1);
    let sample: Vec<Analyzed> =
        (0..SAMPLE.min(options.calls)).into_par_iter().map(|i| generator.call(i * step)).collect();
    let questions = queries::questions(&sample, &analyzer, &data, SEED);
    drop(sample);
    let reading = Reading { analyzer: &analyzer, synonyms: pipeline.synonyms() };
    let timings = measure(&data, &questions, &texts, reading, fts.as_ref());
    let stored = scan_store(&data, &questions, &analyzer);
    report::times(&timings, stored);
}

/// Stores and indexes calls batch by batch; the seconds without those of generating.
fn build(data: &DataDir, generator: &Generator, calls: u64) -> f64 {
    let mut session = data.ingest().expect("an import");
    let mut seconds = 0.0;
    for start in (0..calls).step_by(BATCH as usize) {
        let batch: Vec<Analyzed> =
            (start..calls.min(start + BATCH)).into_par_iter().map(|number| generator.call(number)).collect();
        let begin = Instant::now();
        session.put_batch(batch, "").expect("room");
        seconds += begin.elapsed().as_secs_f64();
    }
    let begin = Instant::now();
    session.finish().expect("room");
    seconds + begin.elapsed().as_secs_f64()
}

fn write_texts(path: &Path, generator: &Generator, calls: u64, analyzer: &Analyzer) {
    let mut out = scan::Texts::create(path);
    for start in (0..calls).step_by(BATCH as usize) {
        let numbers = (start..calls.min(start + BATCH)).into_par_iter();
        let texts: Vec<String> = numbers.map(|number| scan::text(&generator.call(number), analyzer)).collect();
        texts.iter().for_each(|text| out.add(text));
    }
    out.finish();
}

/// Bytes of everything that is said in the calls.
fn said(generator: &Generator, calls: u64) -> u64 {
    let turns = |call: Analyzed| call.record.turns.iter().map(|turn| turn.text.len() as u64).sum::<u64>();
    (0..calls).into_par_iter().map(|number| turns(generator.call(number))).sum()
}

/// Seconds of answering one question by reading every stored call.
fn scan_store(data: &DataDir, questions: &[Question], analyzer: &Analyzer) -> f64 {
    let question = questions.iter().find(|q| q.class == "common word").expect("a question of each class");
    let text = question.query.text.as_deref().expect("a word");
    let expected = data.search(&question.query, &NoLookup).expect("hits").total;
    let begin = Instant::now();
    let calls = data.scan(DateRange::ALL).expect("the store").map(|call| call.expect("a call"));
    let found = calls.filter(|call| scan::has(call, text, analyzer)).count() as u64;
    assert_eq!(found, expected, "what a scan of the store finds, {text}");
    begin.elapsed().as_secs_f64()
}

fn build_fts(path: &Path, generator: &Generator, calls: u64, analyzer: &Analyzer) -> (sqlite::Fts, f64) {
    let mut fts = sqlite::Fts::create(path);
    let mut seconds = 0.0;
    for start in (0..calls).step_by(BATCH as usize) {
        let rows: Vec<String> = (start..calls.min(start + BATCH))
            .into_par_iter()
            .map(|number| sqlite::row(&generator.call(number), analyzer))
            .collect();
        let begin = Instant::now();
        fts.add(&rows);
        seconds += begin.elapsed().as_secs_f64();
    }
    let begin = Instant::now();
    fts.finish();
    (fts, seconds + begin.elapsed().as_secs_f64())
}

fn measure(
    data: &DataDir,
    questions: &[Question],
    texts: &Path,
    reading: Reading<'_>,
    fts: Option<&sqlite::Fts>,
) -> Vec<Timing> {
    let mut scanned: BTreeMap<&'static str, usize> = BTreeMap::new();
    let timing = |question: &Question| {
        let CallQuery { text, filter, spoken_by, page_token, .. } = &question.query;
        let total = data.search(&question.query, &NoLookup).expect("hits").total;
        let seconds = median(ROUNDS, || data.search(&question.query, &NoLookup).expect("hits").total);
        // A scan reads everything whatever is asked, so a few of a class tell its time.
        let seen = scanned.entry(question.class).or_default();
        *seen += 1;
        let text = text.as_ref().filter(|_| filter.is_none()).map(|text| TextQuery::parse(text, reading));
        let scan = text.as_ref().filter(|_| *seen <= report::SCANS).map(|text| {
            let by_agent = *spoken_by == Some(Speaker::Agent);
            let begin = Instant::now();
            let found = scan::count(texts, text, by_agent);
            let seconds = begin.elapsed().as_secs_f64();
            let literally = CallQuery { by_sound: false, page_token: None, ..question.query.clone() };
            let total = data.search(&literally, &NoLookup).expect("hits").total;
            assert_eq!(found, total, "what a scan finds, {:?}", question.query.text);
            seconds
        });
        let limit = if page_token.is_some() {
            1_020
        } else {
            question.query.limit
        };
        let expression = text.as_ref().and_then(|text| sqlite::expression(text, reading.analyzer));
        let fts = fts.zip(expression).map(|(fts, expression)| {
            fts.search(&expression, limit);
            median(ROUNDS.min(3), || fts.search(&expression, limit))
        });
        Timing { class: question.class, index: seconds, total, scan, fts }
    };
    questions.iter().map(timing).collect()
}

/// Median seconds of a work that is done several times.
fn median(rounds: usize, work: impl Fn() -> u64) -> f64 {
    let mut seconds: Vec<f64> = (0..rounds)
        .map(|_| {
            let begin = Instant::now();
            std::hint::black_box(work());
            begin.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[rounds / 2]
}
