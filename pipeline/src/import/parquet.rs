//! Our own columnar call records.

use std::sync::Arc;

use super::format::{Confidence, Format, Head};
use super::source::Source;
use super::{Context, Fault, Imported, Records, SourceRef};
use crate::Result;
use crate::record::CallRecord;

/// Call records in Parquet, as `columnar` writes them.
pub(super) struct Parquet;

impl Format for Parquet {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn description(&self) -> &'static str {
        "call records in Parquet, as this program writes them"
    }

    fn detect(&self, head: &Head<'_>) -> Confidence {
        if head.bytes.starts_with(b"PAR1") { 100 } else { 0 }
    }

    fn open(&self, source: Source, context: Arc<Context>) -> Result<Records> {
        let path = source.path;
        let records = crate::columnar::read_calls(&path)?;
        let imported = records.map(move |record| {
            let place = SourceRef { file: path.clone(), line: None };
            match record {
                Ok(record) => match check(&record) {
                    Ok(()) => {
                        let future = record.started_at.is_some_and(|time| time > context.now);
                        let warnings = future.then(|| "started_at: in the future".to_owned()).into_iter().collect();
                        Imported::Call { record: Box::new(record), source: place, warnings }
                    }
                    Err(fault) => {
                        let heard = record.turns.iter().map(|turn| turn.text.as_str()).collect::<Vec<_>>().join("\n");
                        Imported::Rejected(*fault.reject(place, Some(record.call_id), Some(heard)))
                    }
                },
                Err(error) => Imported::Rejected(*Fault::new(reason(&error)).reject(place, None, None)),
            }
        });
        Ok(Box::new(imported))
    }
}

/// What the columns themselves do not rule out.
fn check(record: &CallRecord) -> std::result::Result<(), Fault> {
    if record.call_id.trim().is_empty() {
        return Err(Fault::at("call_id", "missing"));
    }
    if record.rating.is_some_and(|rating| !(1..=5).contains(&rating)) {
        return Err(Fault::at("rating", "not one of 1 to 5"));
    }
    for (i, turn) in record.turns.iter().enumerate() {
        if turn.times().is_some_and(|(start, end)| end < start) {
            return Err(Fault::at(format!("turns[{i}].end_ms"), "before start_ms"));
        }
    }
    Ok(())
}

/// The error with what caused it.
fn reason(error: &crate::Error) -> String {
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        reason = format!("{reason}: {cause}");
        source = cause.source();
    }
    reason
}
