//! The tables of the bench.

use std::collections::BTreeMap;
use std::path::Path;

use tantivy::Index;

use super::Timing;
use super::common::folder_bytes as bytes;
use super::queries::CLASSES;

/// Questions of a class that are answered by a scan too.
pub(crate) const SCANS: usize = 3;

pub(crate) fn heading(text: &str) {
    println!("\n## {text}\n");
}

/// Size of the index beside the texts, by what takes it, and of the store.
pub(crate) fn size(data: &Path, calls: u64, text: u64) {
    let dir = data.join("index/calls");
    let (index, store) = (bytes(&dir), bytes(&data.join("calls")) + bytes(&data.join("analyses")));
    let ledger = bytes(data);
    let ratio = |bytes: u64| bytes as f64 / text as f64;
    println!(
        "| calls | text, MB | index, MB | index ÷ text | store, MB | ledger, MB |\n|---:|---:|---:|---:|---:|---:|"
    );
    println!(
        "| {calls} | {:.1} | {:.1} | {:.3} | {:.1} | {:.1} |\n",
        text as f64 / 1e6,
        index as f64 / 1e6,
        ratio(index),
        store as f64 / 1e6,
        (ledger - index - store) as f64 / 1e6,
    );
    let index = Index::open_in_dir(&dir).expect("the index");
    let reader = index.reader().expect("the index");
    let usage = reader.searcher().space_usage().expect("the sizes");
    let mut parts: BTreeMap<String, u64> = BTreeMap::new();
    for segment in usage.segments() {
        let fields = [
            ("terms", segment.termdict()),
            ("postings", segment.postings()),
            ("positions", segment.positions()),
            ("lengths", segment.fieldnorms()),
        ];
        for (what, fields) in fields {
            for field in fields.fields() {
                let name = field.field_name();
                let name = if is_text(name) { name } else { "filters" };
                *parts.entry(format!("{name}: {what}")).or_default() += field.total().get_bytes();
            }
        }
        *parts.entry("columns".to_owned()).or_default() += segment.fast_fields().total().get_bytes();
    }
    println!("| part | MB | ÷ text |\n|---|---:|---:|");
    for (name, bytes) in parts.iter().filter(|(_, bytes)| ratio(**bytes) >= 0.0005) {
        println!("| {name} | {:.1} | {:.3} |", *bytes as f64 / 1e6, ratio(*bytes));
    }
    println!("\n{} segments", usage.segments().len());
}

fn is_text(field: &str) -> bool {
    ["pairs", "chars"].contains(&field)
}

pub(crate) fn sqlite_size(path: &Path, text: u64) {
    let size = std::fs::metadata(path).map_or(0, |m| m.len());
    println!("\nSQLite FTS5: {:.1} MB, {:.3} of the text", size as f64 / 1e6, size as f64 / text as f64);
}

/// Times by class and of all questions, and their ratios.
pub(crate) fn times(timings: &[Timing], stored: f64) {
    heading("Questions");
    println!("| class | hits, median | p50, ms | p95, ms | p99, ms | scan, ms | FTS5 p50, ms | FTS5 p99, ms |");
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for class in CLASSES {
        row(class, &timings.iter().filter(|t| t.class == class).collect::<Vec<_>>());
    }
    let all: Vec<&Timing> = timings.iter().collect();
    row("all", &all);
    let comparable: Vec<&Timing> = timings.iter().filter(|t| t.fts.is_some()).collect();
    row("those FTS5 answers", &comparable);
    let index = sorted(all.iter().map(|t| t.index));
    let scans = sorted(all.iter().filter_map(|t| t.scan));
    let (p50, p99) = (percentile(&index, 0.5), percentile(&index, 0.99));
    println!("\np99 ÷ p50: {:.1}", p99 / p50);
    println!("scan of the store, seconds: {stored:.2}; ÷ p99: {:.0}", stored / p99);
    println!("scan of prepared texts in memory ÷ p99: {:.1}", percentile(&scans, 0.5) / p99);
}

fn row(class: &str, timings: &[&Timing]) {
    let index = sorted(timings.iter().map(|t| t.index));
    let fts = sorted(timings.iter().filter_map(|t| t.fts));
    let scan = sorted(timings.iter().filter_map(|t| t.scan));
    let mut totals: Vec<u64> = timings.iter().map(|t| t.total).collect();
    totals.sort_unstable();
    println!(
        "| {class} | {} | {} | {} | {} | {} | {} | {} |",
        totals.get(totals.len() / 2).copied().unwrap_or_default(),
        ms(&index, 0.5),
        ms(&index, 0.95),
        ms(&index, 0.99),
        ms(&scan, 0.5),
        ms(&fts, 0.5),
        ms(&fts, 0.99),
    );
}

fn ms(seconds: &[f64], share: f64) -> String {
    if seconds.is_empty() {
        "–".to_owned()
    } else {
        format!("{:.2}", percentile(seconds, share) * 1e3)
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The smallest of sorted values that this share of them does not exceed.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
