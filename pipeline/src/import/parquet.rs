//! Our own columnar call records.

use std::sync::Arc;

use super::format::{Confidence, Format, Head};
use super::source::Source;
use super::{Context, Fault, Imported, Records, SourceRef};
use crate::Result;

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
        let mut failed = false;
        let imported = records.map_while(move |record| {
            if failed {
                return None;
            }
            let place = SourceRef { file: path.clone(), line: None };
            Some(match record {
                Ok(record) => {
                    let future = record.started_at.is_some_and(|time| time > context.now);
                    let warnings = future.then(|| "started_at: in the future".to_owned()).into_iter().collect();
                    Imported::Call { record: Box::new(record), source: place, warnings }
                }
                Err(error) => {
                    failed = true;
                    Imported::Rejected(Fault::new(format!("the file cannot be read on: {error}")).reject(place, None, None))
                }
            })
        });
        Ok(Box::new(imported))
    }
}
