//! The `qingting` program: command line and gRPC server over the pipeline and the index.
//! This crate alone knows both the domain's types and the wire's.

pub mod batch;
pub mod cli;
pub mod config;
pub mod diagnostic;
pub mod evaluate;
pub mod insight;
pub mod knowledge;
pub mod labels;
pub mod report;
pub mod server;
pub mod telemetry;
pub mod training;
