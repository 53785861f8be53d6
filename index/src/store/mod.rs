//! The truth: Parquet files by date, and the write-ahead log of what is not in them yet.
//! Owns the files and their rows; which of two rows of a call counts is the ledger's to say.

mod merge;
mod pair;
mod partitions;
pub(crate) mod wal;

pub(crate) use merge::Merged;
pub use pair::Depth;
pub(crate) use pair::{PairReader, PairWriter};
pub(crate) use partitions::Partitions;

use std::sync::Arc;

use chrono::{DateTime, FixedOffset, NaiveDate};
use qingting_pipeline::record::{Analysis, CallRecord};
use serde::{Deserialize, Serialize};

use crate::originals::Sealed;

/// One stored version of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// Of two versions of a call the one with the higher number counts.
    pub(crate) seq: u64,
    /// Where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<Arc<str>>,
    /// What masking took out of the call, where that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sealed: Option<Sealed>,
    /// The call, masked, its caller under a pseudonym.
    pub(crate) record: CallRecord,
    /// Its analysis.
    pub(crate) analysis: Analysis,
}

/// The order of rows in a file and in every scan: by time, then id.
pub(crate) type SortKey = (Option<DateTime<FixedOffset>>, String);

impl Row {
    pub(crate) fn call_id(&self) -> &str {
        &self.record.call_id
    }

    pub(crate) fn sort_key(&self) -> SortKey {
        (self.record.started_at, self.record.call_id.clone())
    }

    /// The partition: the date where the call was taken.
    pub(crate) fn date(&self) -> Option<NaiveDate> {
        self.record.started_at.map(|at| at.date_naive())
    }
}

/// A pair of files, one of calls and one of analyses, with the same rows in the same order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Pair {
    /// The partition.
    pub(crate) date: NaiveDate,
    /// A number never given twice.
    pub(crate) number: u64,
}
