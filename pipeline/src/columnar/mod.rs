//! Records and analyses as Arrow batches, and back: the one form behind Parquet files,
//! exports and the store. Owns the column names and types; knows nothing of partitions.
//!
//! Columns carry the names of the JSON fields. Turns, words, findings and the like are
//! lists of structs, `attributes` is a map, `labels` JSON text. A time is a UTC
//! timestamp in milliseconds, with a companion `<name>_local` that holds it as recorded
//! (RFC 3339 with its offset): the first is for comparing, the second is exact.
//!
//! Reading is lenient about what other engines write: columns may be missing where the
//! JSON field may be, extra ones are ignored, numbers and strings of another width are cast.

mod codec;
mod file;
mod schema;

use arrow::array::StructArray;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;

use self::codec::Columnar;
use crate::record::{Analysis, CallDigest, CallRecord};
use crate::{Error, Result};

pub use self::file::{
    AnalysisWriter, CallWriter, DigestWriter, Records, TableWriter, read_analyses, read_calls, read_digests, unpanicked,
};

/// The schema of calls.
pub fn call_schema() -> SchemaRef {
    schema_of::<CallRecord>()
}

/// The schema of analyses.
pub fn analysis_schema() -> SchemaRef {
    schema_of::<Analysis>()
}

/// The schema of digests.
pub fn digest_schema() -> SchemaRef {
    schema_of::<CallDigest>()
}

/// Calls as a batch of [`call_schema`].
///
/// # Errors
/// When Arrow refuses, as for more text than a column of one batch can hold (2 GiB).
pub fn calls_to_batch<'a>(calls: impl IntoIterator<Item = &'a CallRecord>) -> Result<RecordBatch> {
    to_batch(calls)
}

/// The calls of a batch that holds the columns of [`call_schema`], perhaps among others.
///
/// # Errors
/// When a required column is missing or holds what it cannot hold.
pub fn calls_from_batch(batch: &RecordBatch) -> Result<Vec<CallRecord>> {
    from_batch(batch)
}

/// Analyses as a batch of [`analysis_schema`].
///
/// # Errors
/// When Arrow refuses, as for more text than a column of one batch can hold (2 GiB).
pub fn analyses_to_batch<'a>(analyses: impl IntoIterator<Item = &'a Analysis>) -> Result<RecordBatch> {
    to_batch(analyses)
}

/// The analyses of a batch that holds the columns of [`analysis_schema`], perhaps among others.
///
/// # Errors
/// When a required column is missing or holds what it cannot hold.
pub fn analyses_from_batch(batch: &RecordBatch) -> Result<Vec<Analysis>> {
    from_batch(batch)
}

fn schema_of<T: Columnar>() -> SchemaRef {
    let mut fields = Vec::new();
    if let arrow::datatypes::DataType::Struct(columns) = T::data_type() {
        fields.extend(columns.iter().cloned());
    }
    Schema::new(fields).into()
}

fn to_batch<'a, T: Columnar + 'a>(rows: impl IntoIterator<Item = &'a T>) -> Result<RecordBatch> {
    let rows: Vec<Option<&T>> = rows.into_iter().map(Some).collect();
    let array = T::encode(&rows)?;
    let columns = array
        .as_any()
        .downcast_ref::<StructArray>()
        .ok_or_else(|| Error::Column { column: "record", message: "not a struct".into() })?;
    Ok(RecordBatch::try_new(schema_of::<T>(), columns.columns().to_vec())?)
}

fn from_batch<T: Columnar>(batch: &RecordBatch) -> Result<Vec<T>> {
    let array: arrow::array::ArrayRef = std::sync::Arc::new(StructArray::from(batch.clone()));
    Ok(T::decode("record", &array)?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests;
