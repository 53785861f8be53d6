//! What is kept and how it is found again: the data folder with its Parquet store,
//! write-ahead log, tantivy indexes and ledger. Analyses nothing and serves nobody.
//!
//! [`DataDir`] is the whole of it. Beneath: the Parquet files and the log of live calls
//! (the truth), the ledger (what lies where, what came from where), the manifest, the
//! writer's lock and the callers' pseudonyms; and, derived from these, the search indexes.

#![doc(test(attr(deny(warnings))))]

pub mod analyzer;
mod caller;
pub mod calls;
mod data;
mod error;
pub mod fault;
mod files;
pub mod highlight;
pub mod knowledge;
mod ledger;
mod lock;
mod manifest;
mod numerals;
mod originals;
pub mod sound;
mod stamp;
mod store;
#[cfg(test)]
mod testing;
mod writing;

pub use data::{
    AssignmentsStamp, Backup, Context, Copied, DataDir, DateRange, DigestsWriter, Erase, Erased, IngestSession,
    IngestSummary, Scan, Stats, restore,
};
pub use error::{Error, Result};
pub use ledger::{
    ApiKey, AuditCheck, AuditEntry, CaseEntry, CaseQuery, ExampleEntry, ExperienceEntry, Feedback, Intake, Publication,
    Question, ReviewEntry, ReviewKind, ReviewQuery, SourceFile, document_publications, newest_publications,
};
pub use manifest::{FORMAT_VERSION, Manifest};
pub use originals::Originals;
pub use store::Depth;
