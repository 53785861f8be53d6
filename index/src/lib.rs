//! What is kept and how it is found again: the data folder with its Parquet store,
//! write-ahead log, tantivy indexes and ledger. Analyses nothing and serves nobody.

#![doc(test(attr(deny(warnings))))]

pub mod analyzer;
pub mod calls;
mod error;
pub mod highlight;
mod stamp;
#[cfg(test)]
mod testing;

pub use error::{Error, Result};
