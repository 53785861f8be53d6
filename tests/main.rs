//! The one integration test binary, a module for each part of the program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail as tests do"
)]

mod access;
mod cli;
mod coaching;
mod encoders;
mod grpc;
mod indicators;
mod knowledge;
mod live;
mod operations;
mod originals;
mod output;
mod overlaps;
mod patience;
mod quarter;
mod report;
mod reports;
mod rescore;
mod rules;
mod search;
mod socket;
mod topics;
mod unmasked;
