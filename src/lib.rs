//! The `qingting` program: command line and gRPC server over the pipeline and the index.
pub mod server;
