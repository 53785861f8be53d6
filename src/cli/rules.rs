//! `qingting rules`: what is looked for, whether a rule folder is right, what it would change, and what is published.

mod backtest;
mod drafts;
mod publish;
mod reference;
mod versions;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use miette::{IntoDiagnostic, miette};

use super::ConfigArgs;
use super::args;
use crate::documents::{Refusal, check as check_drafts};

#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    /// List every detector and rule
    List(ListArgs),
    /// Check rules, word lists and scorecards, or drafts of them, and run the examples of every rule
    #[command(visible_alias = "validate")]
    Check(CheckArgs),
    /// Try changed rules on stored calls: which would be judged differently, by how much
    Backtest(backtest::BacktestArgs),
    /// List rules, scorecards and word lists as documents: where each comes from, its newest version
    Documents(versions::DocumentsArgs),
    /// Show a document, as it counts or as of a version
    Show(versions::ShowArgs),
    /// List the versions of a document that were published
    History(versions::HistoryArgs),
    /// Compare two versions of a document, or a draft with what counts
    Diff(versions::DiffArgs),
    /// Publish documents: calls are judged by them from now on, by the server and by every night
    Publish(publish::PublishArgs),
    /// Publish an earlier version of a document anew
    Rollback(publish::RollbackArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Write the rule reference as Markdown
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// With what is published in this data folder
    #[arg(long, value_name = "DIR", env = "QINGTING_DATA")]
    data: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Drafts to check together with what there is: files whose paths end like those of config/, or folders of that layout
    #[arg(value_name = "FILE")]
    drafts: Vec<PathBuf>,
    /// With what is published in this data folder
    #[arg(long, value_name = "DIR", env = "QINGTING_DATA")]
    data: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// # Errors
/// When the configuration is wrong, an example fails, or the store cannot be read.
pub(super) fn run(command: RulesCommand) -> miette::Result<u8> {
    match command {
        RulesCommand::List(args) => list(&args),
        RulesCommand::Check(args) => check(&args),
        RulesCommand::Backtest(args) => backtest::run(&args),
        RulesCommand::Documents(args) => versions::documents(&args),
        RulesCommand::Show(args) => versions::show(&args),
        RulesCommand::History(args) => versions::history(&args),
        RulesCommand::Diff(args) => versions::diff(&args),
        RulesCommand::Publish(args) => publish::publish(&args),
        RulesCommand::Rollback(args) => publish::rollback(&args),
    }
}

fn list(args: &ListArgs) -> miette::Result<u8> {
    let (settings, shelf) = args.config.load_with(args.data.as_deref())?;
    let pipeline = args::pipeline(&settings, shelf.assets())?;
    if args.markdown {
        print!("{}", reference::markdown(pipeline.finder()));
    } else if args.json {
        println!("{}", reference::json(pipeline.finder()).into_diagnostic()?);
    } else {
        print!("{}", reference::table(pipeline.finder()));
    }
    Ok(super::GOOD)
}

fn check(args: &CheckArgs) -> miette::Result<u8> {
    let (settings, shelf) = args.config.load_with(args.data.as_deref())?;
    let mut pipeline = Arc::new(args::pipeline(&settings, shelf.assets())?);
    let mut drafts = Vec::new();
    for path in &args.drafts {
        drafts.extend(drafts::all(path)?.into_iter().map(|read| read.draft));
    }
    if !drafts.is_empty() {
        let checked = check_drafts(&pipeline, &settings.pipeline(), &shelf, &drafts);
        let checked = checked.map_err(|mistakes| publish::refused(Refusal::Mistakes(mistakes)))?;
        checked.warnings.iter().for_each(publish::warn);
        pipeline = checked.pipeline;
    }
    let failures = pipeline.check_rule_examples();
    for failure in &failures {
        eprintln!("{}:{}: rule `{}`: {}", failure.file, failure.line, failure.rule, failure.message);
    }
    if !failures.is_empty() {
        return Err(miette!("{} examples do not hold", failures.len()));
    }
    let rules = pipeline.finder().rules();
    let examples: usize = rules.iter().map(|r| r.positive_examples + r.negative_examples).sum();
    println!(
        "{} detectors, {} rules with {examples} examples, {} scorecards: all right",
        qingting_pipeline::finding::detector_docs().len(),
        rules.iter().count(),
        pipeline.scorer().iter().count()
    );
    Ok(super::GOOD)
}
