//! Where the pairs of files lie: `calls/date=YYYY-MM-DD/N.parquet` and the same under
//! `analyses/`. The file of calls is what counts: it appears last and goes first.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use chrono::NaiveDate;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use qingting_pipeline::record::{CallRecord, Caller};

use super::merge::Source;
use super::pair::{self, Footers};
use super::{Depth, Pair, PairReader, PairWriter};
use crate::files::{self, TEMPORARY};
use crate::{Error, Result};

/// The two trees of a data folder.
#[derive(Debug, Clone)]
pub(crate) struct Partitions {
    calls: PathBuf,
    analyses: PathBuf,
    footers: Arc<Footers>,
}

impl Partitions {
    pub(crate) fn new(data: &Path) -> Self {
        Self {
            calls: data.join("calls"),
            analyses: data.join("analyses"),
            footers: Arc::default(),
        }
    }

    /// The file of calls and that of analyses.
    pub(crate) fn paths(&self, pair: &Pair) -> (PathBuf, PathBuf) {
        let file = format!("date={}/{:012}.parquet", pair.date, pair.number);
        (self.calls.join(&file), self.analyses.join(&file))
    }

    /// Every pair there is. Fails on a file of calls without its analyses.
    pub(crate) fn list(&self) -> Result<Vec<Pair>> {
        let mut pairs = Vec::new();
        for (date, name) in entries(&self.calls)? {
            let Some(pair) = parse(&date, &name) else { continue };
            let analyses = self.paths(&pair).1;
            if !analyses.is_file() {
                return Err(Error::corrupt(
                    analyses,
                    "missing, while its file of calls is there; restore it, or move both away and ingest that date again",
                ));
            }
            pairs.push(pair);
        }
        pairs.sort_unstable();
        Ok(pairs)
    }

    /// Removes what an interrupted writer left: temporary files, and analyses whose calls
    /// did not get their name any more or lost it already.
    pub(crate) fn clean(&self) -> Result<()> {
        for root in [&self.calls, &self.analyses] {
            for (date, name) in entries(root)? {
                let path = root.join(&date).join(&name);
                let orphan =
                    root == &self.analyses && parse(&date, &name).is_some_and(|pair| !self.paths(&pair).0.exists());
                if name.ends_with(TEMPORARY) || orphan {
                    tracing::info!(path = %path.display(), "removing what an interrupted run left");
                    files::remove(&path)?;
                }
            }
        }
        Ok(())
    }

    /// Starts a pair.
    pub(crate) fn create(&self, pair: &Pair) -> Result<PairWriter> {
        let (calls, analyses) = self.paths(pair);
        for path in [&calls, &analyses] {
            if let Some(folder) = path.parent() {
                files::create_dir(folder)?;
            }
        }
        PairWriter::new(calls, analyses)
    }

    /// Opens a pair; `rows` are the wanted ones, ascending, or all.
    pub(crate) fn open(&self, pair: &Pair, rows: Option<&[u32]>, batch: usize) -> Result<PairReader> {
        let (calls, analyses) = self.paths(pair);
        PairReader::open(&calls, &analyses, rows, batch, Depth::Whole, &self.footers)
    }

    /// The transcripts of some rows of a pair, ascending, with their versions.
    pub(crate) fn transcripts(&self, pair: &Pair, rows: &[u32]) -> Result<Vec<(CallRecord, u64)>> {
        pair::transcripts(&self.paths(pair).0, rows, &self.footers)
    }

    /// Id and caller of every row of a pair, in order.
    pub(crate) fn callers(&self, pair: &Pair) -> Result<Vec<(String, Option<Caller>)>> {
        pair::callers(&self.paths(pair).0, &self.footers)
    }

    /// The rows of a pair, as a source to merge.
    pub(crate) fn source(&self, pair: &Pair, rows: Option<&[u32]>, batch: usize, depth: Depth) -> Result<Source> {
        let (calls, analyses) = self.paths(pair);
        Ok(Box::new(PairReader::open(&calls, &analyses, rows, batch, depth, &self.footers)?))
    }

    /// Id and sequence number of every row of a pair, in order.
    pub(crate) fn keys(&self, pair: &Pair) -> Result<Vec<(String, u64)>> {
        let path = self.paths(pair).0;
        let wrong = || Error::corrupt(&path, "no columns call_id and seq as this program writes them");
        let file = std::fs::File::open(&path).map_err(|e| Error::io(&path, e))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| Error::parquet(&path, e))?;
        let mask = ProjectionMask::columns(builder.parquet_schema(), ["call_id", "seq"]);
        let reader = builder.with_projection(mask).build().map_err(|e| Error::parquet(&path, e))?;
        let mut keys = Vec::new();
        for batch in reader {
            let batch = batch?;
            let ids = batch.column_by_name("call_id").and_then(|c| c.as_string_opt::<i32>()).ok_or_else(wrong)?;
            let seqs =
                batch.column_by_name("seq").and_then(|c| c.as_primitive_opt::<UInt64Type>()).ok_or_else(wrong)?;
            for (id, seq) in ids.iter().zip(seqs.iter()) {
                keys.push((id.ok_or_else(wrong)?.to_owned(), seq.ok_or_else(wrong)?));
            }
        }
        Ok(keys)
    }

    /// Removes a pair, and its partition when it was the last.
    pub(crate) fn remove(&self, pair: &Pair) -> Result<()> {
        let (calls, analyses) = self.paths(pair);
        for path in [calls, analyses] {
            files::remove(&path)?;
            if let Some(folder) = path.parent() {
                // Fails as long as something is in it.
                let _ = std::fs::remove_dir(folder);
            }
        }
        Ok(())
    }

    /// Bytes of a pair on disk.
    pub(crate) fn bytes(&self, pair: &Pair) -> u64 {
        let (calls, analyses) = self.paths(pair);
        [calls, analyses].iter().filter_map(|path| std::fs::metadata(path).ok()).map(|m| m.len()).sum()
    }
}

/// Folder and name of everything in the partitions below a tree.
fn entries(root: &Path) -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    for folder in files::names(root)? {
        if !root.join(&folder).is_dir() {
            continue;
        }
        let names = files::names(&root.join(&folder))?;
        all.extend(names.into_iter().map(|name| (folder.clone(), name)));
    }
    Ok(all)
}

fn parse(folder: &str, name: &str) -> Option<Pair> {
    Some(Pair {
        date: folder.strip_prefix("date=")?.parse::<NaiveDate>().ok()?,
        number: name.strip_suffix(".parquet")?.parse().ok()?,
    })
}
