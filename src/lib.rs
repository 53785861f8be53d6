//! The `qingting` program: command line and gRPC server over the pipeline and the index.
//! This crate alone knows both the domain's types and the wire's.

pub mod access;
pub mod batch;
pub mod callers;
pub mod case;
pub mod cli;
pub mod coaching;
pub mod config;
pub mod diagnostic;
pub mod documents;
pub mod evaluate;
pub mod experience;
pub mod export;
pub mod indicator;
pub mod insight;
pub mod journey;
pub mod knowledge;
pub mod labels;
mod named;
pub mod originals;
pub mod report;
pub mod review;
pub mod server;
pub mod telemetry;
#[cfg(test)]
mod testing;
pub mod training;
mod who;
