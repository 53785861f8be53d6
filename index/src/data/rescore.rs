//! Other analyses of stored calls: new versions of these calls, from where they came and with the callers' pseudonyms that
//! they have. What is to be said of a call is the caller's business.

use qingting_pipeline::Analyzed;
use qingting_pipeline::record::Analysis;

use super::scan::DateRange;
use super::{DataDir, IngestSummary};
use crate::store::Row;
use crate::{Error, Result, stamp};

/// Calls that are shown at a time.
const CHUNK: usize = 512;

impl DataDir {
    /// Shows every call of a range of dates to `judge`, some at a time, which answers for each in order, and stores those
    /// with another analysis as new versions. Goes the way of every import: what a crash leaves undone is done when the
    /// folder is opened again, and the rest by calling this again.
    ///
    /// # Errors
    /// When the folder was not opened for writing, an import runs, or something cannot be read or written.
    pub fn rescore(
        &self,
        range: DateRange,
        mut judge: impl FnMut(&[Analyzed]) -> Vec<Option<Analysis>>,
    ) -> Result<IngestSummary> {
        let session = self.ingest()?;
        let mut scan = self.scan(range)?;
        loop {
            let mut origins = Vec::new();
            let mut calls = Vec::new();
            while calls.len() < CHUNK
                && let Some(Row { seq: _, source, sealed, record, analysis }) = scan.next_row()?
            {
                origins.push((source, sealed));
                calls.push(Analyzed::new(record, analysis));
            }
            if calls.is_empty() {
                break;
            }
            let judged = judge(&calls);
            let changed = calls.into_iter().zip(origins).zip(judged);
            let changed: Vec<_> = changed
                .filter_map(|((call, origin), analysis)| Some((call.record, origin, analysis?)))
                .filter(|(record, _, analysis)| record.call_id == analysis.call_id)
                .collect();
            if changed.is_empty() {
                continue;
            }
            self.write(|wal, writer| {
                if let Some(why) = &writer.stale {
                    return Err(Error::Stale { why: why.clone(), fix: stamp::FIX.to_owned() });
                }
                let seq = writer.allocate();
                let row = |(record, (source, sealed), analysis)| Row { seq, source, sealed, record, analysis };
                if writer.buffer(changed.into_iter().map(row).collect()) {
                    writer.checkpoint(self, wal)?;
                }
                Ok(())
            })?;
        }
        session.finish()
    }
}
