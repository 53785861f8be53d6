//! What is tested: everything that reads what others wrote. A target takes bytes, uses them as the program would, and
//! asserts what must hold of the result; it answers with a few words on what came of it, by which the worker tells
//! inputs that lead somewhere new.

mod calls;
mod cases;
mod data;
mod documents;
mod experience;
mod grpc;
mod import;
mod indicators;
mod invariants;
mod knowledge;
mod phrases;
mod rules;
mod settings;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use qingting_pipeline::Pipeline;
use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::PipelineConfig;
use qingting_pipeline::import::{ImportOptions, Imported, Importer};
use qingting_pipeline::record::CallRecord;

/// A target that is ready.
pub(crate) trait Run {
    /// Inputs to begin with, besides those of the corpus folder: what cannot lie there as text, or lies elsewhere.
    fn seeds(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    /// Uses an input and tells what came of it.
    fn run(&mut self, input: &[u8]) -> String;
}

/// Something to test, and how much of time and memory an input may take.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) open: fn() -> Box<dyn Run>,
    /// Words of its language.
    pub(crate) words: &'static [&'static str],
    /// Time of one input. Ample, since machines are shared; what grows with the square of its input exceeds it anyway.
    pub(crate) longest: Duration,
    /// Bytes of memory that an input may take, beside those for each of its bytes.
    pub(crate) most_memory: usize,
    pub(crate) memory_per_byte: usize,
}

const fn target(name: &'static str, open: fn() -> Box<dyn Run>, words: &'static [&'static str]) -> Target {
    Target {
        name,
        open,
        words,
        longest: Duration::from_secs(10),
        most_memory: 64 << 20,
        memory_per_byte: 1024,
    }
}

pub(crate) static TARGETS: &[Target] = &[
    target("import", import::open, import::WORDS),
    target("import_beside", import::open_beside, import::WORDS),
    target("messages", import::open_messages, import::WORDS),
    target("parquet", import::open_parquet, &[]),
    target("analysis", calls::open, calls::WORDS),
    target("settings", settings::open, settings::WORDS),
    target("rules", rules::open, rules::WORDS),
    target("when", rules::open_when, &["!", "&&", "||", "(", ")", "asked", "told", "late"]),
    Target { most_memory: 512 << 20, ..target("documents", documents::open, rules::WORDS) },
    target("cases", cases::open, cases::WORDS),
    target("experience", experience::open, experience::WORDS),
    target("scorecards", rules::open_scorecards, rules::WORDS),
    target("indicators", indicators::open, indicators::WORDS),
    target("phrases", phrases::open, phrases::WORDS),
    Target { most_memory: 256 << 20, ..target("query", data::open_query, data::WORDS) },
    Target { most_memory: 256 << 20, ..target("log", data::open_log, data::LOG_WORDS) },
    Target { most_memory: 256 << 20, ..target("restore", data::open_restore, data::LOG_WORDS) },
    Target {
        most_memory: 512 << 20,
        ..target("articles", knowledge::open_files, knowledge::WORDS)
    },
    target("questions", knowledge::open_questions, knowledge::WORDS),
    Target { most_memory: 256 << 20, ..target("grpc", grpc::open, data::WORDS) },
];

/// The pipeline as it is shipped.
fn pipeline() -> Arc<Pipeline> {
    Arc::new(Pipeline::new(&PipelineConfig::default(), &Assets::embedded()).unwrap())
}

/// The calls that the program ships.
fn demo_calls(count: usize) -> Vec<CallRecord> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.jsonl");
    std::fs::write(&path, &*Assets::embedded().read("demo/calls.jsonl").unwrap().text).unwrap();
    let records = Importer::new(ImportOptions::default()).unwrap().open(&path).unwrap();
    let calls = records.filter_map(|imported| match imported {
        Imported::Call { record, .. } => Some(*record),
        Imported::Rejected(_) => None,
    });
    calls.take(count).collect()
}

/// A file under `tests/`.
fn fixtures(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder)
}

/// A number as it shows in what came of an input, of which digits are left out.
fn few(count: usize) -> &'static str {
    match count {
        0 => "none",
        1 => "one",
        2..10 => "some",
        _ => "many",
    }
}

/// The parts of an input between lines of `====`.
fn sections(input: &[u8]) -> Vec<&[u8]> {
    const BETWEEN: &[u8] = b"\n====\n";
    let mut parts = Vec::new();
    let mut rest = input;
    while let Some(at) = rest.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
        parts.push(&rest[..at]);
        rest = &rest[at + BETWEEN.len()..];
    }
    parts.push(rest);
    parts
}
