//! The one integration test binary, a module for each part of the program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail as tests do"
)]

mod cli;
mod encoders;
mod grpc;
mod knowledge;
mod operations;
mod overlaps;
mod report;
mod search;
mod topics;
