//! What becomes of the calls when something happens to the program: real processes that are killed, whose disk is full,
//! whose inputs change under their hands, compared by count and by hash with a run to which nothing happened.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail as tests do"
)]

mod disk;
mod inputs;
mod kills;
mod permission;
mod points;
mod support;
mod two;
