//! Writing and reading one pair of files. Beside the columns of the records a file has
//! `seq`, the version of the row, and that of calls `source`, where it came from, and `sealed`, what masking took out
//! of it; the last is missing in files of before it was kept.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arrow::array::{ArrayRef, AsArray, BinaryArray, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
    RowSelector,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::PageIndexPolicy;
use parquet::schema::types::SchemaDescriptor;
use qingting_pipeline::columnar::{self, TableWriter, unpanicked};
use qingting_pipeline::record::{Analysis, CallRecord, Caller};

use super::Row;
use crate::files::{self, TEMPORARY};
use crate::originals::Sealed;
use crate::{Error, Result};

/// Rows that are encoded together.
const BATCH: usize = 256;

fn with(schema: &Schema, extra: &[Field]) -> SchemaRef {
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    fields.extend(extra.iter().cloned().map(Arc::new));
    Schema::new(fields).into()
}

fn seq_field() -> Field {
    Field::new("seq", DataType::UInt64, false)
}

fn source_field() -> Field {
    Field::new("source", DataType::Utf8, true)
}

fn sealed_field() -> Field {
    Field::new("sealed", DataType::Binary, true)
}

/// A pair of files being written. Nothing is seen of it before [`PairWriter::publish`].
#[derive(Debug)]
pub(crate) struct PairWriter {
    calls: Half,
    analyses: Half,
}

#[derive(Debug)]
struct Half {
    path: PathBuf,
    temporary: PathBuf,
    schema: SchemaRef,
    table: TableWriter<BufWriter<File>>,
}

impl Half {
    fn new(path: PathBuf, schema: SchemaRef) -> Result<Self> {
        let mut temporary = path.clone().into_os_string();
        temporary.push(TEMPORARY);
        let temporary = PathBuf::from(temporary);
        let file = File::create(&temporary).map_err(|e| Error::io(&temporary, e))?;
        let table = TableWriter::new(BufWriter::new(file), Arc::clone(&schema))?;
        Ok(Self { path, temporary, schema, table })
    }

    fn write(&mut self, batch: &RecordBatch, extra: impl IntoIterator<Item = ArrayRef>) -> Result<()> {
        let mut columns = batch.columns().to_vec();
        columns.extend(extra);
        Ok(self.table.write(&RecordBatch::try_new(Arc::clone(&self.schema), columns)?)?)
    }

    /// Everything on disk, under its temporary name.
    fn finish(self) -> Result<(PathBuf, PathBuf)> {
        let file = self.table.finish()?.into_inner().map_err(|e| Error::io(&self.temporary, e.into_error()))?;
        file.sync_all().map_err(|e| Error::io(&self.temporary, e))?;
        Ok((self.temporary, self.path))
    }
}

impl PairWriter {
    pub(super) fn new(calls: PathBuf, analyses: PathBuf) -> Result<Self> {
        Ok(Self {
            calls: Half::new(calls, with(&columnar::call_schema(), &[seq_field(), source_field(), sealed_field()]))?,
            analyses: Half::new(analyses, with(&columnar::analysis_schema(), &[seq_field()]))?,
        })
    }

    /// Adds rows. They have to come in the order of [`Row::sort_key`], over all calls of this function.
    pub(crate) fn write(&mut self, rows: &[&Row]) -> Result<()> {
        for rows in rows.chunks(BATCH) {
            let calls = columnar::calls_to_batch(rows.iter().map(|row| &row.record))?;
            let analyses = columnar::analyses_to_batch(rows.iter().map(|row| &row.analysis))?;
            let seq: ArrayRef = Arc::new(rows.iter().map(|row| row.seq).collect::<UInt64Array>());
            let source: StringArray = rows.iter().map(|row| row.source.as_deref()).collect();
            let sealed: BinaryArray = rows.iter().map(|row| row.sealed.as_ref().map(|sealed| &sealed.0)).collect();
            let more: [ArrayRef; 3] = [Arc::clone(&seq), Arc::new(source), Arc::new(sealed)];
            let (one, other) = rayon::join(|| self.calls.write(&calls, more), || self.analyses.write(&analyses, [seq]));
            one.and(other)?;
        }
        Ok(())
    }

    /// Makes the pair durable, then gives it its names: analyses first, since the file of calls
    /// is what makes the pair count. `between` runs between the two.
    pub(crate) fn publish(self, between: impl FnOnce() -> Result<()>) -> Result<()> {
        let calls = self.calls.finish()?;
        let analyses = self.analyses.finish()?;
        files::publish(&analyses.0, &analyses.1)?;
        between()?;
        files::publish(&calls.0, &calls.1)
    }
}

/// A call, the version of its row, where it came from, and what masking took out of it.
type CallRow = (CallRecord, u64, Option<Arc<str>>, Option<Sealed>);

/// The rows of a pair, decoded batch by batch.
pub(crate) struct PairReader {
    calls: Table<CallRow>,
    analyses: Table<(Analysis, u64)>,
}

impl std::fmt::Debug for PairReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PairReader").field("calls", &self.calls.path).finish_non_exhaustive()
    }
}

impl PairReader {
    pub(super) fn open(
        calls: &Path,
        analyses: &Path,
        rows: Option<&[u32]>,
        batch: usize,
        depth: Depth,
        footers: &Footers,
    ) -> Result<Self> {
        let of = |said: &'static [&'static str]| match depth {
            Depth::Whole => Columns::All,
            Depth::Outline => Columns::Without(said),
        };
        Ok(Self {
            calls: Table::open(calls, rows, batch, footers, of(SAID), decode_calls)?,
            analyses: Table::open(analyses, rows, batch, footers, of(SAID_IN_ANALYSES), decode_analyses)?,
        })
    }

    fn read(&mut self) -> Result<Option<Row>> {
        match (self.calls.next()?, self.analyses.next()?) {
            (None, None) => Ok(None),
            (Some((record, seq, source, sealed)), Some((analysis, analysis_seq)))
                if seq == analysis_seq && record.call_id == analysis.call_id =>
            {
                Ok(Some(Row { seq, source, sealed, record, analysis }))
            }
            _ => Err(Error::corrupt(&self.analyses.path, "its rows are not those of its file of calls")),
        }
    }
}

/// How much is read of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Everything.
    Whole,
    /// Everything but what was said and how each turn was understood: turns of the record have roles and times alone, those
    /// of the analysis are left out. Of a long call that is most of it.
    Outline,
}

/// Columns of the file of calls that an outline leaves out, with everything below them.
const SAID: &[&str] = &[
    "turns.list.element.text",
    "turns.list.element.words",
    "turns.list.element.energy_db",
    "turns.list.element.emotion",
    "labels",
];
/// The same of the file of analyses.
const SAID_IN_ANALYSES: &[&str] = &["turns", "signals.sentiment_curve"];

/// Columns that are read.
#[derive(Debug, Clone, Copy)]
enum Columns {
    All,
    /// Those of these names, with everything below them.
    Only(&'static [&'static str]),
    /// All others.
    Without(&'static [&'static str]),
}

impl Columns {
    fn mask(self, schema: &SchemaDescriptor) -> Option<ProjectionMask> {
        let below = |path: &str, name: &str| {
            path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        match self {
            Self::All => None,
            Self::Only(names) => Some(ProjectionMask::columns(schema, names.iter().copied())),
            Self::Without(names) => {
                let wanted = schema.columns().iter().enumerate().filter(|(_, column)| {
                    let path = column.path().string();
                    !names.iter().any(|name| below(&path, name))
                });
                Some(ProjectionMask::leaves(schema, wanted.map(|(nth, _)| nth)))
            }
        }
    }
}

/// Columns of the file of calls that make a transcript.
const TRANSCRIPT: &[&str] = &[
    "call_id",
    "started_at",
    "started_at_local",
    "turns.list.element.role",
    "turns.list.element.start_ms",
    "turns.list.element.end_ms",
    "turns.list.element.text",
    "seq",
];

/// The transcripts of some rows of a file of calls, with their versions: calls of which nothing else is read.
pub(super) fn transcripts(calls: &Path, rows: &[u32], footers: &Footers) -> Result<Vec<(CallRecord, u64)>> {
    let decode = |batch: &RecordBatch| {
        let seqs = seqs(batch)?;
        let calls = columnar::calls_from_batch(batch).map_err(Error::from);
        Some(calls.map(|calls| calls.into_iter().zip(seqs).collect()))
    };
    let mut table = Table::open(calls, Some(rows), rows.len(), footers, Columns::Only(TRANSCRIPT), decode)?;
    std::iter::from_fn(|| table.next().transpose()).collect()
}

/// Columns of the file of calls that say whose they are.
const CALLERS: &[&str] = &["call_id", "caller", "seq"];

/// Id and caller of every row of a file of calls, in order; a caller is the pseudonyms that it is kept under.
pub(super) fn callers(calls: &Path, footers: &Footers) -> Result<Vec<(String, Option<Caller>)>> {
    let decode = |batch: &RecordBatch| Some(columnar::calls_from_batch(batch).map_err(Error::from));
    let mut table = Table::open(calls, None, 4 * BATCH, footers, Columns::Only(CALLERS), decode)?;
    let calls = std::iter::from_fn(|| table.next().transpose());
    calls.map(|call| call.map(|call| (call.call_id, call.caller))).collect()
}

impl Iterator for PairReader {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        self.read().transpose()
    }
}

fn decode_calls(batch: &RecordBatch) -> Option<Result<Vec<CallRow>>> {
    let seqs = seqs(batch)?;
    let sources = batch.column_by_name("source")?.as_string_opt::<i32>()?;
    let sources = sources.iter().map(|source| source.map(Arc::from));
    let sealed: Vec<Option<Sealed>> = match batch.column_by_name("sealed") {
        Some(column) => column.as_binary_opt::<i32>()?.iter().map(|bytes| bytes.map(|b| Sealed(b.to_vec()))).collect(),
        None => vec![None; batch.num_rows()],
    };
    Some(columnar::calls_from_batch(batch).map_err(Error::from).map(|calls| {
        let rows = calls.into_iter().zip(seqs).zip(sources).zip(sealed);
        rows.map(|(((call, seq), source), sealed)| (call, seq, source, sealed)).collect()
    }))
}

fn decode_analyses(batch: &RecordBatch) -> Option<Result<Vec<(Analysis, u64)>>> {
    let seqs = seqs(batch)?;
    Some(
        columnar::analyses_from_batch(batch)
            .map_err(Error::from)
            .map(|rows| rows.into_iter().zip(seqs).collect()),
    )
}

fn seqs(batch: &RecordBatch) -> Option<Vec<u64>> {
    batch.column_by_name("seq")?.as_primitive_opt::<UInt64Type>()?.iter().collect()
}

/// One file of a pair.
struct Table<T> {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    rows: std::vec::IntoIter<T>,
    /// `None` when the columns of the store are not there.
    decode: fn(&RecordBatch) -> Option<Result<Vec<T>>>,
}

impl<T> Table<T> {
    fn open(
        path: &Path,
        rows: Option<&[u32]>,
        batch: usize,
        footers: &Footers,
        columns: Columns,
        decode: fn(&RecordBatch) -> Option<Result<Vec<T>>>,
    ) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        let parquet = |e| Error::parquet(path, e);
        let footer = match rows {
            Some(_) => footers.get(path, &file)?,
            None => unpanicked(|| ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())).map_err(parquet)?,
        };
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer).with_batch_size(batch);
        if let Some(rows) = rows {
            builder = builder.with_row_selection(selection(rows));
        }
        if let Some(mask) = columns.mask(builder.parquet_schema()) {
            builder = builder.with_projection(mask);
        }
        let batches = builder.build().map_err(parquet)?;
        Ok(Self { path: path.to_owned(), batches, rows: Vec::new().into_iter(), decode })
    }

    fn next(&mut self) -> Result<Option<T>> {
        loop {
            if let Some(row) = self.rows.next() {
                return Ok(Some(row));
            }
            let next = unpanicked(|| self.batches.next().transpose().map_err(ParquetError::from));
            let Some(batch) = next.map_err(|e| Error::parquet(&self.path, e))? else {
                return Ok(None);
            };
            let rows = (self.decode)(&batch).ok_or_else(|| Error::corrupt(&self.path, "not a file of this store"))?;
            self.rows = rows?.into_iter();
        }
    }
}

/// Footers of the files that were asked for single rows lately, with the offset index: with it, pages
/// that hold none of the wanted rows are never read.
#[derive(Debug, Default)]
pub(super) struct Footers {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    footers: HashMap<PathBuf, Footer>,
    /// Counts the questions.
    now: u64,
}

#[derive(Debug)]
struct Footer {
    /// A file never changes, but a folder may be exchanged for another.
    state: (u64, Option<SystemTime>),
    metadata: ArrowReaderMetadata,
    used: u64,
}

impl Footers {
    /// More than the days of a year, whose files a page of hits may be spread over.
    const KEPT: usize = 512;

    fn get(&self, path: &Path, file: &File) -> Result<ArrowReaderMetadata> {
        let meta = file.metadata().map_err(|e| Error::io(path, e))?;
        let state = (meta.len(), meta.modified().ok());
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut kept = lock();
            kept.now += 1;
            let now = kept.now;
            if let Some(known) = kept.footers.get_mut(path).filter(|footer| footer.state == state) {
                known.used = now;
                return Ok(known.metadata.clone());
            }
        }
        let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Optional);
        let metadata = ArrowReaderMetadata::load(file, options).map_err(|e| Error::parquet(path, e))?;
        let mut kept = lock();
        if kept.footers.len() >= Self::KEPT {
            let mut uses: Vec<u64> = kept.footers.values().map(|footer| footer.used).collect();
            let (_, middle, _) = uses.select_nth_unstable(Self::KEPT / 2);
            let middle = *middle;
            kept.footers.retain(|_, footer| footer.used > middle);
        }
        let used = kept.now;
        kept.footers.insert(path.to_owned(), Footer { state, metadata: metadata.clone(), used });
        Ok(metadata)
    }
}

fn selection(rows: &[u32]) -> RowSelection {
    let mut selectors: Vec<RowSelector> = Vec::new();
    let mut next = 0;
    for &row in rows {
        let row = row as usize;
        if row > next {
            selectors.push(RowSelector::skip(row - next));
        }
        match selectors.last_mut() {
            Some(last) if !last.skip => last.row_count += 1,
            _ => selectors.push(RowSelector::select(1)),
        }
        next = row + 1;
    }
    selectors.into()
}
