//! Parquet files of calls and of analyses: writers with bounded row groups, and readers
//! that stream. Where the files lie is the business of others.

use std::fs::File;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::codec::Columnar;
use super::{analysis_schema, call_schema, digest_schema, from_batch, to_batch};
use crate::record::{Analysis, CallDigest, CallRecord};
use crate::{Error, Result};

/// Rows that are encoded together.
const BATCH_ROWS: usize = 256;
/// A row group ends at whichever comes first.
const ROW_GROUP_ROWS: usize = 4096;
const ROW_GROUP_BYTES: usize = 64 << 20;
/// Pages are short, so that one call can be read without decoding its whole row group.
const PAGE_ROWS: usize = 16;

/// Columns of free text: a dictionary would only get in the way.
const TEXT_COLUMNS: &[&[&str]] = &[
    &["call_id"],
    &["started_at_local"],
    &["labels"],
    &["turns", "list", "element", "text"],
    &["findings", "list", "element", "evidence", "list", "element", "quote"],
    &["uncertain", "list", "element", "evidence", "list", "element", "quote"],
];

fn properties() -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("qingting ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Chunk);
    for path in TEXT_COLUMNS {
        let path = ColumnPath::new(path.iter().map(|&part| part.to_owned()).collect());
        properties = properties.set_column_dictionary_enabled(path, false);
    }
    properties.build()
}

/// Writes batches of one schema as zstd-compressed Parquet. Memory is bounded by one row group.
#[derive(Debug)]
pub struct TableWriter<W: Write + Send> {
    inner: ArrowWriter<W>,
}

impl<W: Write + Send> TableWriter<W> {
    /// Starts a file.
    ///
    /// # Errors
    /// When the head cannot be written.
    pub fn new(sink: W, schema: SchemaRef) -> Result<Self> {
        Ok(Self { inner: ArrowWriter::try_new(sink, schema, Some(properties()))? })
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// When it has another schema, or a row group cannot be written.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        Ok(self.inner.write(batch)?)
    }

    /// Puts a name and a value into the footer, beside the schema.
    pub fn note(&mut self, name: &str, value: String) {
        self.inner.append_key_value_metadata(KeyValue::new(name.to_owned(), value));
    }

    /// Writes what is left and the footer, and gives the sink back, flushed.
    ///
    /// # Errors
    /// When that fails; the file is then of no use.
    pub fn finish(self) -> Result<W> {
        Ok(self.inner.into_inner()?)
    }
}

macro_rules! record_writer {
    ($(#[$doc:meta])* $name:ident, $record:ty, $schema:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<W: Write + Send> {
            table: TableWriter<W>,
        }

        impl<W: Write + Send> $name<W> {
            /// Starts a file.
            ///
            /// # Errors
            /// When the head cannot be written.
            pub fn new(sink: W) -> Result<Self> {
                Ok(Self { table: TableWriter::new(sink, $schema())? })
            }

            /// Adds records.
            ///
            /// # Errors
            /// When a row group cannot be encoded or written.
            pub fn write(&mut self, records: &[$record]) -> Result<()> {
                records.chunks(BATCH_ROWS).try_for_each(|chunk| self.table.write(&to_batch(chunk)?))
            }

            /// Puts a name and a value into the footer, beside the schema.
            pub fn note(&mut self, name: &str, value: String) {
                self.table.note(name, value);
            }

            /// Writes what is left and the footer, and gives the sink back, flushed.
            ///
            /// # Errors
            /// When that fails; the file is then of no use.
            pub fn finish(self) -> Result<W> {
                self.table.finish()
            }
        }
    };
}

record_writer! {
    /// Writes calls as Parquet.
    CallWriter, CallRecord, call_schema
}
record_writer! {
    /// Writes analyses as Parquet.
    AnalysisWriter, Analysis, analysis_schema
}

record_writer! {
    /// Writes digests of calls as Parquet.
    DigestWriter, CallDigest, digest_schema
}

/// Records one after another. An error is that of one record or, when the file itself is
/// broken, the last item.
pub type Records<T> = Box<dyn Iterator<Item = Result<T>> + Send>;

/// Streams the calls of a Parquet file.
///
/// # Errors
/// When the file cannot be opened or is not Parquet.
pub fn read_calls(path: &Path) -> Result<Records<CallRecord>> {
    read(path)
}

/// Streams the analyses of a Parquet file.
///
/// # Errors
/// When the file cannot be opened or is not Parquet.
pub fn read_analyses(path: &Path) -> Result<Records<Analysis>> {
    read(path)
}

/// Streams the digests of a Parquet file.
///
/// # Errors
/// When the file cannot be opened or is not Parquet.
pub fn read_digests(path: &Path) -> Result<Records<CallDigest>> {
    read(path)
}

fn read<T: Columnar + Send + 'static>(path: &Path) -> Result<Records<T>> {
    let file = File::open(path).map_err(|source| Error::io(path, source))?;
    let open = || ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(BATCH_ROWS).build();
    let reader = unpanicked(open)?;
    Ok(Box::new(Reader { batches: Some(reader), rows: Vec::new().into_iter() }))
}

/// Runs a part of the Parquet library, which panics on some damaged files. What it was about is not used any more then.
///
/// # Errors
/// Its own, or that it gave up.
pub fn unpanicked<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(ParquetError::General("the file is damaged: its reader gave up".to_owned())))
}

struct Reader<T> {
    batches: Option<ParquetRecordBatchReader>,
    rows: std::vec::IntoIter<Result<T>>,
}

impl<T: Columnar> Iterator for Reader<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(row);
            }
            let batches = self.batches.as_mut()?;
            match unpanicked(|| batches.next().transpose().map_err(ParquetError::from)) {
                Ok(None) => self.batches = None,
                Ok(Some(batch)) => self.rows = decode_rows(&batch).into_iter(),
                Err(error) => {
                    self.batches = None;
                    return Some(Err(error.into()));
                }
            }
        }
    }
}

/// Decodes a batch; where that fails, row by row, so that one bad record costs one record.
fn decode_rows<T: Columnar>(batch: &RecordBatch) -> Vec<Result<T>> {
    match from_batch(batch) {
        Ok(rows) => rows.into_iter().map(Ok).collect(),
        Err(_) => (0..batch.num_rows())
            .flat_map(|row| match from_batch(&batch.slice(row, 1)) {
                Ok(rows) => rows.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            })
            .collect(),
    }
}
