//! The file of settings.

use std::fs;

use qingting::config::Settings;
use tempfile::TempDir;

use super::{Run, fixtures};

pub(super) const WORDS: &[&str] = &[
    "[import]",
    "timezone",
    "\"Asia/Shanghai\"",
    "max_line_mib",
    "[finding]",
    "assert",
    "review",
    "[finding.codes]",
    "disabled",
    "[signal]",
    "silence_ms",
    "[batch]",
    "threads",
    "chunk_calls",
    "[server]",
    "listen",
    "[score]",
    "default_scorecard",
    "[topic]",
    "[retention]",
    "keep_days",
    "[knowledge]",
    "[report]",
    "inf",
    "nan",
    "0x",
    "'''",
    "1979-05-27T07:32:00Z",
    "a.b.c = 1",
];

struct File(TempDir);

pub(super) fn open() -> Box<dyn Run> {
    Box::new(File(tempfile::tempdir().unwrap()))
}

impl Run for File {
    fn seeds(&self) -> Vec<Vec<u8>> {
        fs::read(fixtures("../config/default.toml")).into_iter().collect()
    }

    fn run(&mut self, input: &[u8]) -> String {
        fs::write(self.0.path().join("default.toml"), input).unwrap();
        match Settings::load(Some(self.0.path())) {
            Ok((settings, _)) => {
                // What follows from settings that are right can be taken from them.
                let _ = (settings.pipeline(), settings.insight(), settings.import_options());
                "right".to_owned()
            }
            Err(error) => error.to_string(),
        }
    }
}
