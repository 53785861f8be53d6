//! Whether calls are found although a recogniser, or the one who asks, wrote other characters of
//! the same sound: Recall@10 of known-item queries, clean and noisy, with and without listening.
//!
//! `cargo bench --bench noise -- [--queries N] [--rate R] [--copies N]`

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "a bench that cannot set up has nothing to measure"
)]

#[path = "../common/mod.rs"]
mod common;
mod confuse;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use confuse::Confusions;
use qingting_index::analyzer::is_content;
use qingting_index::calls::{CallIndex, CallPage, CallQuery, NoLookup};
use qingting_pipeline::record::{CallRecord, Role, Turn};
use qingting_pipeline::{Analyzed, Pipeline};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};

const SEED: u64 = 12345;
const MEMORY: usize = 64 << 20;
const ROUNDS: usize = 3;

#[derive(Parser)]
struct Options {
    /// Queries
    #[arg(long, default_value_t = 500)]
    queries: usize,
    /// Share of the characters that are replaced
    #[arg(long, default_value_t = 0.1)]
    rate: f64,
    /// Times that the calls are indexed for the measurement of time
    #[arg(long, default_value_t = 1)]
    copies: usize,
    /// Print the noisy queries whose call is not found
    #[arg(long)]
    misses: bool,
    /// Cargo says so
    #[arg(long, hide = true)]
    bench: bool,
    #[arg(hide = true)]
    filter: Vec<String>,
}

/// A query and the call that it was taken from.
#[derive(Clone)]
struct Item {
    call_id: String,
    text: String,
}

/// Calls and their index.
struct Corpus {
    index: CallIndex,
    calls: BTreeMap<String, CallRecord>,
}

impl Corpus {
    fn search(&self, query: &CallQuery) -> CallPage {
        self.index.search(query, &NoLookup, &self.calls).expect("a page")
    }
}

fn main() {
    let options = Options::parse();
    let mut random = StdRng::seed_from_u64(SEED);
    let confusions = Confusions::new();
    let pipeline = common::pipeline();
    let calls = pipeline.analyze_batch(&calls());
    let messages = pipeline.analyze_batch(&messages());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let clean = build(&folder.path().join("clean"), &pipeline, calls.iter().chain(&messages), 1);
    let garbled: Vec<Analyzed> = calls
        .iter()
        .chain(&messages)
        .map(|call| garbled(call, &confusions, options.rate, &mut random))
        .collect();
    let noisy = build(&folder.path().join("noisy"), &pipeline, &garbled, 1);

    let items = items(&calls, &clean, options.queries, &mut random);
    let spread = spread(&items, &confusions, options.rate, &mut random);
    let each = each(&items, &confusions, &mut random);
    let changed = items.iter().zip(&spread).filter(|(a, b)| a.text != b.text).count();
    let characters: usize = items.iter().map(|item| item.text.chars().count()).sum();
    println!(
        "{} calls and {} messages; the table of confusions has {} characters",
        calls.len(),
        messages.len(),
        confusions.len()
    );
    println!(
        "{} queries of {characters} characters; at a rate of {} the noise changes {changed} of them\n",
        items.len(),
        options.rate
    );

    println!(
        "| queries | transcripts | Recall@1 before | after | Recall@10 before | after | of clean, before | after |"
    );
    println!("|---|---|--:|--:|--:|--:|--:|--:|");
    let mut base = None;
    for (queries, transcripts, items, index) in [
        ("clean", "clean", &items, &clean),
        ("noisy", "clean", &spread, &clean),
        ("one character in every query", "clean", &each, &clean),
        ("clean", "noisy", &items, &noisy),
        ("noisy", "noisy", &spread, &noisy),
    ] {
        let [before, after] = [false, true].map(|by_sound| places(index, items, by_sound));
        let ten = [recall(&before, 10), recall(&after, 10)];
        let base = *base.get_or_insert(ten);
        println!(
            "| {queries} | {transcripts} | {:.3} | {:.3} | {:.3} | {:.3} | {:.3} | {:.3} |",
            recall(&before, 1),
            recall(&after, 1),
            ten[0],
            ten[1],
            ten[0] / base[0],
            ten[1] / base[1],
        );
        if options.misses {
            for (item, _) in items.iter().zip(&after).filter(|(_, place)| place.is_none()) {
                eprintln!("missed: {} of {}", item.text, item.call_id);
            }
        }
    }

    let large = match options.copies {
        0 | 1 => clean,
        copies => build(&folder.path().join("large"), &pipeline, calls.iter().chain(&messages), copies),
    };
    let ordinary: Vec<Item> = [
        "停水",
        "物业费",
        "投诉 物业",
        "\"没人管\"",
        "登记",
        "三百块",
        "医保 报销",
        "公积金",
        "噪音",
        "停车费",
    ]
    .map(|text| Item { call_id: String::new(), text: text.to_owned() })
    .to_vec();
    println!("\n{} calls in the index, milliseconds a query\n", large.calls.len());
    println!("| queries | median before | after | 95% before | after |");
    println!("|---|--:|--:|--:|--:|");
    for (name, items) in [("ordinary", &ordinary), ("clean", &items), ("noisy", &spread)] {
        let [before, after] = [false, true].map(|by_sound| times(&large, items, by_sound));
        println!("| {name} | {:.2} | {:.2} | {:.2} | {:.2} |", before.0, after.0, before.1, after.1);
    }
    let text: usize = calls.iter().chain(&messages).flat_map(|c| &c.analysis.turns).map(|turn| turn.text.len()).sum();
    let size = size(&folder.path().join("clean"));
    println!("\nindex: {size} bytes, {:.2} of the text ({text} bytes)", size as f64 / text as f64);
}

/// The calls of the training data.
fn calls() -> Vec<CallRecord> {
    let mut records = Vec::new();
    for file in files("calls", "jsonl") {
        for line in file.lines() {
            let mut call: serde_json::Value = serde_json::from_str(line).expect("a JSON object");
            if let Some(fields) = call.as_object_mut() {
                fields.remove("labels");
            }
            records.push(serde_json::from_value(call).expect("a call record"));
        }
    }
    records
}

/// The messages of the training data, each a call of one turn.
fn messages() -> Vec<CallRecord> {
    let texts = files("messages", "tsv").into_iter().flat_map(|file| {
        file.lines()
            .skip(1)
            .filter_map(|line| line.split('\t').nth(2).map(str::to_owned))
            .collect::<Vec<_>>()
    });
    texts
        .enumerate()
        .map(|(i, text)| {
            let mut record = CallRecord::new(format!("message-{i}"));
            record.turns = vec![Turn::timed(Role::Caller, 0, 1000, &text)];
            record
        })
        .collect()
}

fn files(folder: &str, extension: &str) -> Vec<String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/data").join(folder);
    let entries = std::fs::read_dir(&dir).expect("the training data");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == extension));
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).expect("a text")).collect()
}

fn build<'a>(dir: &Path, pipeline: &Pipeline, calls: impl IntoIterator<Item = &'a Analyzed>, copies: usize) -> Corpus {
    let mut kept = BTreeMap::new();
    let (segmenter, normalizer) = (Arc::clone(pipeline.segmenter()), Arc::clone(pipeline.normalizer()));
    let index = CallIndex::open_or_create(dir, segmenter, normalizer)
        .expect("a new index")
        .with_synonyms(Arc::clone(pipeline.synonyms()));
    let mut writer = index.writer(MEMORY).expect("a writer");
    for call in calls {
        for copy in 0..copies {
            let mut record = call.record.clone();
            if copy > 0 {
                record.call_id = format!("{}-{copy}", record.call_id);
            }
            writer.upsert(&record, &call.analysis).expect("a call to be written");
            kept.insert(record.call_id.clone(), record);
        }
    }
    writer.commit("").expect("a commit");
    writer.finish().expect("the end");
    index.reload().expect("a reader");
    Corpus { index, calls: kept }
}

fn garbled(call: &Analyzed, confusions: &Confusions, rate: f64, random: &mut StdRng) -> Analyzed {
    let mut call = call.clone();
    for (turn, analysed) in call.record.turns.iter_mut().zip(&mut call.analysis.turns) {
        analysed.text = confusions.garble(&analysed.text, rate, random);
        turn.text.clone_from(&analysed.text);
    }
    call
}

/// Snippets of 4 to 8 characters between punctuation, each of which is said in one call only.
fn items(calls: &[Analyzed], index: &Corpus, wanted: usize, random: &mut StdRng) -> Vec<Item> {
    let mut items = Vec::new();
    while items.len() < wanted {
        let call = calls.choose(random).expect("calls");
        let Some(turn) = call.analysis.turns.choose(random).filter(|turn| !turn.text.contains('[')) else {
            continue;
        };
        let runs: Vec<&str> = turn
            .text
            .split(|c| !is_content(c))
            .filter(|run| run.chars().count() >= 4 && !run.is_ascii())
            .collect();
        let Some(run) = runs.choose(random) else { continue };
        let length = random.random_range(4..=run.chars().count().min(8));
        let start = random.random_range(0..=run.chars().count() - length);
        let text: String = run.chars().skip(start).take(length).collect();
        let phrase = CallQuery { by_sound: false, turns_per_call: 0, ..CallQuery::text(format!("\"{text}\"")) };
        if index.search(&phrase).total == 1 {
            items.push(Item { call_id: call.record.call_id.clone(), text });
        }
    }
    items
}

/// So large a share of all characters replaced, wherever they are.
fn spread(items: &[Item], confusions: &Confusions, rate: f64, random: &mut StdRng) -> Vec<Item> {
    let mut texts: Vec<Vec<char>> = items.iter().map(|item| item.text.chars().collect()).collect();
    let total: usize = texts.iter().map(Vec::len).sum();
    let mut places: Vec<(usize, usize)> =
        texts.iter().enumerate().flat_map(|(i, text)| (0..text.len()).map(move |at| (i, at))).collect();
    places.retain(|&(i, at)| confusions.knows(texts[i][at]));
    places.shuffle(random);
    for &(i, at) in places.iter().take((total as f64 * rate).round() as usize) {
        let c = texts[i][at];
        texts[i][at] = confusions.instead(c, random).unwrap_or(c);
    }
    with_texts(items, &texts)
}

/// One character of every query replaced.
fn each(items: &[Item], confusions: &Confusions, random: &mut StdRng) -> Vec<Item> {
    let mut texts: Vec<Vec<char>> = items.iter().map(|item| item.text.chars().collect()).collect();
    for text in &mut texts {
        let places: Vec<usize> = (0..text.len()).filter(|&at| confusions.knows(text[at])).collect();
        if let Some(&at) = places.choose(random) {
            text[at] = confusions.instead(text[at], random).unwrap_or(text[at]);
        }
    }
    with_texts(items, &texts)
}

fn with_texts(items: &[Item], texts: &[Vec<char>]) -> Vec<Item> {
    items
        .iter()
        .zip(texts)
        .map(|(item, text)| Item { call_id: item.call_id.clone(), text: text.iter().collect() })
        .collect()
}

/// The place of each item's call among the first ten, from 0.
fn places(index: &Corpus, items: &[Item], by_sound: bool) -> Vec<Option<usize>> {
    let place = |item: &Item| {
        let query = CallQuery { by_sound, limit: 10, turns_per_call: 0, ..CallQuery::text(&item.text) };
        let page = index.search(&query);
        page.hits.iter().position(|hit| hit.call_id == item.call_id)
    };
    items.iter().map(place).collect()
}

/// Share of the items whose call is among the first so many.
fn recall(places: &[Option<usize>], first: usize) -> f64 {
    places.iter().flatten().filter(|&&place| place < first).count() as f64 / places.len() as f64
}

/// Median and 95th percentile of a whole search with its turns, milliseconds; of each query the
/// fastest of several times, in which other processes disturbed least.
fn times(index: &Corpus, items: &[Item], by_sound: bool) -> (f64, f64) {
    let time = |item: &Item| {
        let query = CallQuery { by_sound, limit: 10, ..CallQuery::text(&item.text) };
        let once = || {
            let start = Instant::now();
            std::hint::black_box(index.search(&query));
            start.elapsed()
        };
        (0..ROUNDS).map(|_| once()).min().unwrap_or_default()
    };
    let mut times: Vec<Duration> = items.iter().map(time).collect();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    (at(0.5), at(0.95))
}

fn size(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).expect("the index");
    entries.map(|entry| entry.and_then(|e| e.metadata()).map_or(0, |meta| meta.len())).sum()
}
