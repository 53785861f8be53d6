//! Files of recognisers: of any format, as it is detected and as it is not; with the files and tables beside them.

use std::fs;
use std::path::{Path, PathBuf};

use qingting_pipeline::columnar::CallWriter;
use qingting_pipeline::import::{ImportOptions, Imported, Importer, formats};
use qingting_pipeline::record::CallRecord;
use tempfile::TempDir;

use super::{Run, demo_calls, few, fixtures, invariants, sections};
use crate::worker::files;

pub(super) const WORDS: &[&str] = &[
    "call_id",
    "turns",
    "text",
    "role",
    "start_ms",
    "end_ms",
    "started_at",
    "answered",
    "words",
    "agent",
    "caller",
    "rating",
    "direction",
    "hangup_by",
    "attributes",
    "Transcript",
    "ParticipantRole",
    "LoudnessScores",
    "Items",
    "audio_segments",
    "start_timestamp_millis",
    "audio_item_indices",
    "Result",
    "Sentences",
    "BeginTime",
    "EndTime",
    "ChannelId",
    "Words",
    "transcripts",
    "sentences",
    "begin_time",
    "end_time",
    "ResultDetail",
    "Response",
    "Data",
    "StartMs",
    "EndMs",
    "onebest",
    "json_1best",
    "orderResult",
    "lattice",
    "rt",
    "ws",
    "cw",
    "bg",
    "ed",
    "rl",
    "result",
    "utterances",
    "additions",
    "sentence_info",
    "key",
    "timestamp",
    "spk",
    "segments",
    "word_segments",
    "start",
    "end",
    "speaker",
    "recording_id",
    "WEBVTT",
    "<v Agent>",
    "00:00:01.000 --> 00:00:02.000",
    "[0:0.020,0:2.380]",
    "<|ANGRY|>",
    "intervals [1]:",
    "xmin = 0",
    "xmax = 1e9",
    "IntervalTier",
    "SPEAKER",
    "LEXEME",
    "坐席：",
    "客户：",
    "2026-03-02T09:15:00+08:00",
    "agent_channel",
    "file",
];

/// Endings of names, of which some formats make something.
const ENDINGS: &[&str] = &["json", "jsonl", "txt", "rttm", "srt", "csv", "TextGrid"];

/// Calls of an input that are looked at closely, and their turns.
const LOOKED_AT: usize = 20;
const MOST_TURNS: usize = 200;

struct Files {
    folder: TempDir,
    importers: Vec<Importer>,
    native: Importer,
}

impl Files {
    fn new(options: Vec<ImportOptions>) -> Self {
        let native = ImportOptions { from: Some("native".to_owned()), ..ImportOptions::default() };
        Self {
            folder: tempfile::tempdir().unwrap(),
            importers: options.into_iter().map(|options| Importer::new(options).unwrap()).collect(),
            native: Importer::new(native).unwrap(),
        }
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Reads a file to its end.
    fn read(&self, importer: &Importer, path: &Path) -> String {
        let records = match importer.open(path) {
            Ok(records) => records,
            Err(error) => return error.to_string(),
        };
        let mut shapes = Vec::new();
        for imported in records {
            match imported {
                Imported::Call { record, warnings, .. } => {
                    if shapes.len() < LOOKED_AT {
                        invariants::record(&record);
                        self.again(&record);
                        shapes.push(format!("call {} {}", few(record.turns.len()), warnings.join(";")));
                    }
                }
                Imported::Rejected(rejected) => {
                    assert!(!rejected.reason.is_empty(), "a refusal without a reason");
                    if shapes.len() < LOOKED_AT {
                        shapes.push(format!("{:?} {}", rejected.field, rejected.reason));
                    }
                }
            }
        }
        shapes.sort();
        shapes.dedup();
        shapes.join("|")
    }

    /// A call that was read is written as a native record and read again as what it is.
    fn again(&self, record: &CallRecord) {
        if record.turns.len() > MOST_TURNS {
            return;
        }
        let path = self.write("again.jsonl", &serde_json::to_vec(record).unwrap());
        let read: Vec<_> = self.native.open(&path).unwrap().collect();
        match read.as_slice() {
            [Imported::Call { record: other, .. }] => assert_eq!(**other, *record, "not the same call when read again"),
            other => panic!("no call when read again: {other:?}"),
        }
    }
}

/// Any format: detected, and forced.
struct Any(Files);

pub(super) fn open() -> Box<dyn Run> {
    let mut options = vec![ImportOptions::default()];
    for format in formats().iter().filter(|format| !["parquet", "messages"].contains(&format.name)) {
        options.push(ImportOptions { from: Some(format.name.to_owned()), ..ImportOptions::default() });
    }
    options.push(ImportOptions { strict: true, ..ImportOptions::default() });
    // Limits as they are met in earnest by files that are too large for a test.
    options.push(ImportOptions {
        max_line_bytes: 300,
        max_document_bytes: 2000,
        max_file_bytes: 3000,
        ..ImportOptions::default()
    });
    Box::new(Any(Files::new(options)))
}

impl Run for Any {
    fn seeds(&self) -> Vec<Vec<u8>> {
        files(&fixtures("fixtures/asr"))
    }

    fn run(&mut self, input: &[u8]) -> String {
        let sum: usize = input.iter().map(|&byte| usize::from(byte)).sum();
        let name = format!("call.{}", ENDINGS[sum % ENDINGS.len()]);
        let path = self.0.write(&name, input);
        let detected = self.0.read(&self.0.importers[0], &path);
        let forced = 1 + sum % (self.0.importers.len() - 1);
        let shape = self.0.read(&self.0.importers[forced], &path);
        fs::remove_file(path).unwrap();
        format!("{detected} {forced} {shape}")
    }
}

/// A diarization with words, lines and a table beside it.
struct Beside(Files);

pub(super) fn open_beside() -> Box<dyn Run> {
    Box::new(Beside(Files::new(Vec::new())))
}

impl Run for Beside {
    fn run(&mut self, input: &[u8]) -> String {
        let parts = sections(input);
        let part = |at: usize| parts.get(at).copied().unwrap_or_default();
        let path = self.0.write("call.rttm", part(0));
        for (at, name) in [(1, "call.ctm"), (2, "call.txt")] {
            let beside = self.0.write(name, part(at));
            if part(at).is_empty() {
                fs::remove_file(beside).unwrap();
            }
        }
        let table = self.0.write("meta.csv", part(3));
        let lines = self.0.write("meta.jsonl", part(4));
        let meta = if part(4).is_empty() { table } else { lines };
        match Importer::new(ImportOptions { meta: Some(meta), ..ImportOptions::default() }) {
            Ok(importer) => self.0.read(&importer, &path),
            Err(error) => error.to_string(),
        }
    }
}

/// Written messages, with a map.
struct Messages(Files);

pub(super) fn open_messages() -> Box<dyn Run> {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(to, from)| ((*to).to_owned(), (*from).to_owned())).collect();
    let options = |map| ImportOptions { map, ..ImportOptions::default() };
    Box::new(Messages(Files::new(vec![
        options(map(&[
            ("call_id", "id"),
            ("started_at", "time"),
            ("title", "title"),
            ("text", "text"),
        ])),
        options(map(&[
            ("call_id", "id"),
            ("text", "a.b[0].c"),
            ("rating", "r"),
            ("ticket.id", "t[1]"),
            ("attributes.x", "id"),
            ("caller.number", "phone"),
        ])),
    ])))
}

impl Run for Messages {
    fn run(&mut self, input: &[u8]) -> String {
        let path = self.0.write("messages", input);
        let shapes: Vec<_> = self.0.importers.iter().map(|importer| self.0.read(importer, &path)).collect();
        shapes.join(" ")
    }
}

/// Files of this program's own form, damaged.
struct Parquet(Files);

pub(super) fn open_parquet() -> Box<dyn Run> {
    let from = Some("parquet".to_owned());
    Box::new(Parquet(Files::new(vec![ImportOptions { from, ..ImportOptions::default() }])))
}

impl Run for Parquet {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let calls = demo_calls(3);
        let seed = |calls: &[CallRecord]| {
            let mut writer = CallWriter::new(Vec::new()).unwrap();
            writer.write(calls).unwrap();
            writer.finish().unwrap()
        };
        vec![seed(&calls), seed(&calls[..1]), seed(&[CallRecord::new("empty")])]
    }

    fn run(&mut self, input: &[u8]) -> String {
        let path = self.0.write("calls.parquet", input);
        match self.0.importers[0].open(&path) {
            Ok(records) => {
                let mut shapes: Vec<_> = records
                    .take(LOOKED_AT)
                    .map(|imported| match imported {
                        Imported::Call { .. } => "call".to_owned(),
                        Imported::Rejected(rejected) => rejected.reason,
                    })
                    .collect();
                shapes.dedup();
                shapes.join("|")
            }
            Err(error) => error.to_string(),
        }
    }
}
