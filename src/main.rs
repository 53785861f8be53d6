//! The `qingting` binary: parses the command line and turns errors into exit codes.

use std::process::ExitCode;

use clap::Parser;
use qingting::cli::{Cli, run};

/// What a shell reports for a program that was ended because nobody read its output any more.
const NO_READER: i32 = 141;

/// Whoever pipes into `head` does not want to hear of it. Printing panics then, and that alone ends the program.
fn end_quietly_without_a_reader() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload_as_str().unwrap_or_default();
        if text.starts_with("failed printing to stdout") && text.contains("Broken pipe") {
            std::process::exit(NO_READER);
        }
        usual(panic);
    }));
}

fn main() -> ExitCode {
    end_quietly_without_a_reader();
    let cli = Cli::parse();
    qingting::telemetry::init();
    match run(cli) {
        Ok(code) => code,
        Err(report) => {
            eprintln!("{report:?}");
            if let Some(remedy) = qingting::diagnostic::remedy(&report) {
                eprintln!("  help: {remedy}");
            }
            ExitCode::FAILURE
        }
    }
}
