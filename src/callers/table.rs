//! A list of affected callers as a file: an Arrow IPC stream, or CSV that no spreadsheet takes formulas from. Columns are in
//! docs/callers.md; new ones are added at the end. The column of numbers is there only where numbers were asked for.

use std::io;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow_ipc::writer::StreamWriter;

use super::AffectedCaller;
use crate::report::tables::guarded;

/// Columns, but for that of numbers.
pub const COLUMNS: [&str; 7] = [
    "caller",
    "calls",
    "last_call_id",
    "last_started_at",
    "region",
    "matter",
    "open",
];
/// The column of numbers.
pub const NUMBER: &str = "number";

/// As an Arrow IPC stream.
///
/// # Errors
/// When Arrow refuses.
pub fn arrow(callers: &[AffectedCaller], numbers: bool) -> Result<Vec<u8>, ArrowError> {
    let text = |of: fn(&AffectedCaller) -> Option<&str>| -> ArrayRef {
        Arc::new(callers.iter().map(of).collect::<StringArray>())
    };
    let counts: Int64Array = callers.iter().map(|row| i64::try_from(row.calls).ok()).collect();
    let at = callers.iter().map(|row| row.last.map(|at| at.timestamp_millis()));
    let at = at.collect::<TimestampMillisecondArray>().with_timezone("UTC");
    let mut columns: Vec<(&str, DataType, bool, ArrayRef)> = vec![
        (COLUMNS[0], DataType::Utf8, false, text(|row| Some(&row.caller))),
        (COLUMNS[1], DataType::Int64, false, Arc::new(counts)),
        (COLUMNS[2], DataType::Utf8, false, text(|row| Some(&row.last_call))),
        (COLUMNS[3], DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())), true, Arc::new(at)),
        (COLUMNS[4], DataType::Utf8, true, text(|row| row.region.as_deref())),
        (COLUMNS[5], DataType::Utf8, true, text(|row| row.matter.as_deref())),
        (COLUMNS[6], DataType::Utf8, false, text(|row| Some(&row.open))),
    ];
    if numbers {
        columns.push((NUMBER, DataType::Utf8, true, text(|row| row.number.as_deref())));
    }
    let fields: Vec<Field> = columns.iter().map(|(name, of, may, _)| Field::new(*name, of.clone(), *may)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.into_iter().map(|(.., column)| column).collect())?;
    let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
    writer.write(&batch)?;
    writer.finish()?;
    writer.into_inner()
}

/// As CSV in UTF-8 with a byte order mark.
///
/// # Errors
/// Never for a table in memory.
pub fn csv(callers: &[AffectedCaller], numbers: bool) -> io::Result<Vec<u8>> {
    let mut rows = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    let extra = numbers.then_some(NUMBER);
    rows.write_record(COLUMNS.into_iter().chain(extra))?;
    for row in callers {
        let number = numbers.then(|| row.number.clone().unwrap_or_default());
        let cells = [
            row.caller.clone(),
            row.calls.to_string(),
            row.last_call.clone(),
            row.last.map_or_else(String::new, |at| at.to_rfc3339()),
            row.region.clone().unwrap_or_default(),
            row.matter.clone().unwrap_or_default(),
            row.open.clone(),
        ];
        rows.write_record(cells.into_iter().chain(number).map(|cell| guarded(&cell)))?;
    }
    rows.into_inner().map_err(csv::IntoInnerError::into_error)
}
