//! The gRPC server.

pub mod convert;
