//! What is kept and how it is found again: the data folder with its Parquet store,
//! write-ahead log, tantivy indexes and ledger. Analyses nothing and serves nobody.

pub mod analyzer;
pub mod calls;
mod error;
pub mod highlight;
mod stamp;

pub use error::{Error, Result};

#[cfg(test)]
mod testing;
