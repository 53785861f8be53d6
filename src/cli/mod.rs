//! The command line: parses, loads settings, calls the library, prints. One file a
//! command; nothing here decides anything about a call.

mod analyze;
mod args;
mod audit;
mod backup;
mod callers;
mod cases;
mod coaching;
mod data;
mod demo;
mod eval;
mod experience;
mod export;
mod forget;
mod indicators;
mod ingest;
mod journey;
mod kb;
mod keys;
mod metrics;
mod models;
mod originals;
mod patterns;
mod progress;
mod reindex;
mod report;
mod rescore;
mod reviews;
mod rules;
mod search;
mod serve;
mod submit;
mod topics;
mod trends;
mod watch;

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
#[command(
    after_help = "Exit codes: 0 all good, 1 error, 2 usage, 3 finished with quarantined records, or an alarm that was asked for."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Analyse calls and write one analysis a call, in input order
    Analyze(analyze::AnalyzeArgs),
    /// Analyse calls, keep them and index them; can be interrupted and run again
    Ingest(ingest::IngestArgs),
    /// Find calls by what was said in them
    Search(search::SearchArgs),
    /// The knowledge base
    #[command(subcommand)]
    Kb(kb::KbCommand),
    /// Find out what the calls are about, and bring it up to date
    Topics(topics::TopicsArgs),
    /// Show which topics rose
    Trends(trends::TrendsArgs),
    /// Show calls with a life in danger, and topics that burst
    Alerts(trends::AlertsArgs),
    /// Show where it burns: topics at places and with organisations, by heat
    Hotspots(patterns::HotspotsArgs),
    /// Show what goes with what, such as what goes with 不满意
    Associations(patterns::AssociationsArgs),
    /// Show who calls again, what callers need, and how they speak; the history card of one, and whom a matter concerns
    Callers(callers::CallersArgs),
    /// Show how callers feel on the way through their calls, and what goes with dissatisfied ones
    #[command(subcommand)]
    Journey(journey::JourneyCommand),
    /// Write the report of a day as one HTML file
    Report(report::ReportArgs),
    /// Evaluate calls by indicator sets: scores, comparisons, rankings, explanations
    #[command(subcommand)]
    Indicators(indicators::IndicatorsCommand),
    /// Coach agents: sheets, phrases, bulletins, and the library of calls to learn from
    #[command(subcommand)]
    Coaching(coaching::CoachingCommand),
    /// Write calls, analyses or findings as an Arrow table for analysts
    Export(export::ExportArgs),
    /// Measure the analysis against calls that people have labelled
    Eval(eval::EvalArgs),
    /// List, check or try out detectors and rules
    #[command(subcommand)]
    Rules(rules::RulesCommand),
    /// Bring stored calls up to date with changed rules and scorecards, without their inputs
    Rescore(rescore::RescoreArgs),
    /// Show the models, or make them
    #[command(subcommand)]
    Models(models::ModelsCommand),
    /// Erase the calls of a caller, or a single one, everywhere in the data folder
    Forget(forget::ForgetArgs),
    /// Erase calls that are older than they are to be kept
    Prune(forget::PruneArgs),
    /// Copy a data folder, also while it is being written
    Backup(backup::BackupArgs),
    /// Make a data folder out of a backup, checked
    Restore(backup::RestoreArgs),
    /// Build the search indexes anew out of the store
    Reindex(reindex::ReindexArgs),
    /// Make, list and revoke the keys by which the server knows who asks
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// What masking took out of calls, where that is kept
    #[command(subcommand)]
    Originals(originals::OriginalsCommand),
    /// Show the audit trail, or check that nothing in it was changed
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// What people decided about calls: training data, agreement with the machine
    #[command(subcommand)]
    Reviews(reviews::ReviewsCommand),
    /// What is done about calls: cases with their steps, due dates and reminders
    #[command(subcommand)]
    Cases(cases::CasesCommand),
    /// Experience officers: their roster, tasks, reports, discussions and polls
    #[command(subcommand)]
    Experience(experience::ExperienceCommand),
    /// Answer over gRPC until told to stop
    Serve(serve::ServeArgs),
    /// The whole job on calls that the program ships
    Demo(demo::DemoArgs),
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
        Command::Rescore(args) => rescore::run(&args)?,
        Command::Ingest(args) => ingest::run(&args)?,
        Command::Search(args) => search::run(&args)?,
        Command::Kb(command) => kb::run(&command)?,
        Command::Topics(args) => topics::run(&args)?,
        Command::Trends(args) => trends::trends(&args)?,
        Command::Alerts(args) => trends::alerts(&args)?,
        Command::Hotspots(args) => patterns::hot(&args)?,
        Command::Associations(args) => patterns::associate(&args)?,
        Command::Callers(args) => callers::run(&args)?,
        Command::Journey(command) => journey::run(&command)?,
        Command::Report(args) => report::run(&args)?,
        Command::Indicators(command) => indicators::run(&command)?,
        Command::Coaching(command) => coaching::run(&command)?,
        Command::Export(args) => export::run(&args)?,
        Command::Models(command) => models::run(&command)?,
        Command::Forget(args) => forget::forget(&args)?,
        Command::Prune(args) => forget::prune(&args)?,
        Command::Backup(args) => backup::backup(&args)?,
        Command::Restore(args) => backup::restore(&args)?,
        Command::Reindex(args) => reindex::run(&args)?,
        Command::Keys(command) => keys::run(&command)?,
        Command::Originals(command) => originals::run(&command)?,
        Command::Audit(command) => audit::run(&command)?,
        Command::Reviews(command) => reviews::run(&command)?,
        Command::Cases(command) => cases::run(&command)?,
        Command::Experience(command) => experience::run(&command)?,
        Command::Serve(args) => serve::run(&args)?,
        Command::Demo(args) => demo::run(&args)?,
    };
    Ok(ExitCode::from(code))
}
