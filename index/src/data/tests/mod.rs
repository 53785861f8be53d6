//! The data folder as a whole, with an index that is simple enough to look into.

mod backup;
mod callers;
mod cases;
mod clocks;
mod erase;
mod litter;
mod model;
mod search;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, FixedOffset};
use qingting_pipeline::Analyzed;
use qingting_pipeline::record::*;
use serde::{Deserialize, Serialize};

use super::index::{IndexSink, OpenIndex};
use super::{Context, DataDir};
use crate::calls::CallIndex;
use crate::testing::plain_analysis;
use crate::{Result, files};

fn at(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).unwrap()
}

/// A call with a version that can be told from any other.
fn call(id: &str, started_at: &str, version: &str) -> Analyzed {
    let record = CallRecord {
        started_at: Some(at(started_at)),
        caller: Some(Caller { id: None, number: Some("13900001111".into()) }),
        turns: vec![
            Turn::timed(Role::Agent, 0, 900, "您好，市民热线"),
            Turn::timed(Role::Caller, 1000, 2000, version),
        ],
        attributes: BTreeMap::from([("version".to_owned(), version.to_owned())]),
        ..CallRecord::new(id)
    };
    let turns = vec![TurnAnalysis {
        turn: 0,
        text: version.to_owned(),
        sentiment: Sentiment::NEUTRAL,
        emotion: None,
        acts: vec![Act::Greeting],
    }];
    let analysis = plain_analysis(id, turns);
    Analyzed::new(record, analysis)
}

fn version(call: &Analyzed) -> String {
    let version = call.record.attributes["version"].clone();
    assert_eq!(call.analysis.turns[0].text, version, "record and analysis are of one version");
    version
}

/// An index that keeps the version of each call in one file.
struct PlainIndex;

#[derive(Default, Serialize, Deserialize)]
struct PlainState {
    seq: u64,
    versions: BTreeMap<String, String>,
}

struct PlainSink {
    path: std::path::PathBuf,
    committed: u64,
    state: PlainState,
}

fn plain_state(dir: &Path) -> PlainState {
    std::fs::read(dir.join("meta.json")).map_or_else(|_| PlainState::default(), |b| serde_json::from_slice(&b).unwrap())
}

impl OpenIndex for PlainIndex {
    fn open(&self, dir: &Path) -> Result<Box<dyn IndexSink>> {
        files::create_dir(dir)?;
        let state = plain_state(dir);
        Ok(Box::new(PlainSink { path: dir.join("meta.json"), committed: state.seq, state }))
    }

    fn open_reader(&self, _dir: &Path) -> Result<Option<Arc<CallIndex>>> {
        Ok(None)
    }
}

impl IndexSink for PlainSink {
    fn committed(&self) -> Result<u64> {
        Ok(self.committed)
    }

    fn put(&mut self, calls: &[(&CallRecord, &Analysis)]) -> Result<()> {
        for (record, _) in calls {
            self.state.versions.insert(record.call_id.clone(), record.attributes["version"].clone());
        }
        Ok(())
    }

    fn delete(&mut self, call_id: &str) -> Result<()> {
        self.state.versions.remove(call_id);
        Ok(())
    }

    fn commit(&mut self, seq: u64) -> Result<()> {
        self.state.seq = seq;
        self.committed = seq;
        files::write_atomically(&self.path, &serde_json::to_vec(&self.state).unwrap())
    }

    fn purge(&mut self) -> Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }

    fn searcher(&self) -> Option<Arc<CallIndex>> {
        None
    }
}

fn context() -> Context {
    Context::with_index(Arc::new(PlainIndex))
}

fn open(path: &Path) -> DataDir {
    DataDir::open_writer(path, context(), "test").unwrap()
}

fn ingest(data: &DataDir, calls: Vec<Analyzed>) -> super::IngestSummary {
    let mut session = data.ingest().unwrap();
    session.put_batch(calls, "test.jsonl").unwrap();
    session.finish().unwrap()
}

/// An empty data folder, and in another folder a file to take in.
fn with_source() -> ([tempfile::TempDir; 2], PathBuf, DataDir) {
    let [dir, input] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let file = input.path().join("calls.jsonl");
    std::fs::write(&file, "one").unwrap();
    let data = open(dir.path());
    ([dir, input], file, data)
}

/// What the call index holds, as of its last commit.
fn indexed(data: &DataDir) -> BTreeMap<String, String> {
    plain_state(&data.call_index_dir()).versions
}

/// Id and version of every row of every Parquet file, as any other engine would read them.
fn plain_rows(data: &Path, tree: &str) -> Vec<(String, String)> {
    use qingting_pipeline::columnar;
    let mut rows = Vec::new();
    for folder in files::names(&data.join(tree)).unwrap() {
        let folder = data.join(tree).join(folder);
        for name in files::names(&folder).unwrap() {
            let path = folder.join(name);
            if path.extension().is_none_or(|e| e != "parquet") {
                continue;
            }
            if tree == "calls" {
                for call in columnar::read_calls(&path).unwrap().map(|c| c.unwrap()) {
                    let date = format!("date={}", call.started_at.unwrap().date_naive());
                    assert_eq!(folder.file_name().unwrap().to_str().unwrap(), date);
                    rows.push((call.call_id.clone(), call.attributes["version"].clone()));
                }
            } else {
                for analysis in columnar::read_analyses(&path).unwrap().map(|a| a.unwrap()) {
                    rows.push((analysis.call_id.clone(), analysis.turns[0].text.clone()));
                }
            }
        }
    }
    rows.sort();
    rows
}
