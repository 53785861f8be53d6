//! The command line: parses, loads settings, calls the library, prints. One file a
//! command; nothing here decides anything about a call.

mod analyze;
mod args;
mod eval;
mod progress;
mod rules;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub(crate) use args::{ConfigArgs, InputArgs};

/// All went well.
const GOOD: u8 = 0;
/// Finished, but some records went to the quarantine.
const QUARANTINED: u8 = 3;

/// Qingting (倾听): every call of a hotline analysed, scored with its evidence, and found again.
#[derive(Debug, Parser)]
#[command(name = "qingting", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 all good, 1 error, 2 usage, 3 finished with quarantined records.")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Analyse calls and write one analysis a call, in input order
    Analyze(analyze::AnalyzeArgs),
    /// Measure the analysis against calls that people have labelled
    Eval(eval::EvalArgs),
    /// List, check or try out detectors and rules
    #[command(subcommand)]
    Rules(rules::RulesCommand),
}

/// Runs the command line and returns the exit code.
///
/// # Errors
/// Whatever stopped the command, ready to be shown.
pub fn run(cli: Cli) -> miette::Result<ExitCode> {
    let code = match cli.command {
        Command::Analyze(args) => analyze::run(&args)?,
        Command::Eval(args) => eval::run(&args)?,
        Command::Rules(command) => rules::run(command)?,
    };
    Ok(ExitCode::from(code))
}
