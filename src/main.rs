//! The `qingting` binary: parses the command line and turns errors into exit codes.

use std::process::ExitCode;

use clap::Parser;
use qingting::cli::{Cli, run};

fn main() -> ExitCode {
    let cli = Cli::parse();
    qingting::telemetry::init();
    match run(cli) {
        Ok(code) => code,
        Err(report) => {
            eprintln!("{report:?}");
            ExitCode::FAILURE
        }
    }
}
