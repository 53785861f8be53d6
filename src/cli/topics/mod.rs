//! `qingting topics`: what many calls are about. The result is printed and kept beside the calls;
//! what people decide about topics is in [`edit`].

mod edit;
mod served;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use miette::{IntoDiagnostic, miette};
use qingting_index::DateRange;
use qingting_pipeline::topic::Topics;
use qingting_pipeline::topic::view::TopicView;

use self::served::Served;
use super::args::{ConfigArgs, Models};
use super::data::{DataArgs, DateArgs, Opened, index};
use crate::diagnostic;
use crate::insight::{self, nightly::Nightly};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct TopicsArgs {
    #[command(subcommand)]
    command: Option<TopicsCommand>,
    #[command(flatten)]
    find: FindArgs,
}

#[derive(Debug, Args)]
struct FindArgs {
    /// The data folder
    // Optional only for the commands beneath, which have their own.
    #[arg(long, value_name = "DIR", env = "QINGTING_DATA", required = true)]
    data: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    dates: DateArgs,
    /// Seed of the clustering; the same calls and seed give the same topics. A server that holds the folder uses 1
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Find all topics anew but those that somebody named, merged or pinned
    #[arg(long)]
    rebuild: bool,
    /// Which models decide
    #[arg(long, value_enum)]
    models: Option<Models>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum TopicsCommand {
    /// Show one topic: its words, quotes, history, and figures
    Show(edit::ShowArgs),
    /// List the calls behind a number, such as: topic:t3 place:幸福路
    Calls(edit::CallsArgs),
    /// Give a topic or a group a name of your own
    Rename(edit::RenameArgs),
    /// Put the calls of some topics into another, for good
    Merge(edit::MergeArgs),
    /// Keep a topic as it is: not divided, merged or given up
    Pin(edit::PinArgs),
    /// Let a pinned topic change again
    Unpin(edit::PinArgs),
}

/// # Errors
/// When the store cannot be read or holds no call, or a topic is not there.
pub(super) fn run(args: &TopicsArgs) -> miette::Result<u8> {
    match &args.command {
        None => update(&args.find),
        Some(TopicsCommand::Show(args)) => edit::show(args),
        Some(TopicsCommand::Calls(args)) => edit::calls(args),
        Some(TopicsCommand::Rename(args)) => edit::rename(args),
        Some(TopicsCommand::Merge(args)) => edit::merge(args),
        Some(TopicsCommand::Pin(args)) => edit::pin(args, true),
        Some(TopicsCommand::Unpin(args)) => edit::pin(args, false),
    }
}

fn update(args: &FindArgs) -> miette::Result<u8> {
    Models::only_static(args.models)?;
    let data = args.data.clone().ok_or_else(|| miette!("--data DIR is missing"))?;
    let data = DataArgs { data, config: args.config.clone() };
    let range = args.dates.range();
    let topics = match data.writer_or_holder("qingting topics")? {
        Ok(opened) => {
            let topics = find(&opened, range, args.seed, args.rebuild)?;
            // What the server does after the same step.
            let cases = super::cases::night(&opened, None)?;
            if !cases.is_empty() {
                eprintln!("{} cases opened by rule; qingting cases list shows them", cases.len());
            }
            topics
        }
        Err(holder) => match Served::connect(&data.data, &holder)? {
            Some(mut served) => {
                served.refresh(args.rebuild)?;
                shown(&insight::load(&data.reader()?.data, range).map_err(failure)?)
            }
            None => {
                eprintln!("warning: the data folder is being written by {holder}; the result is shown, not kept");
                find(&data.reader()?, range, args.seed, args.rebuild)?
            }
        },
    };
    if args.json {
        println!("{}", serde_json::to_string(&topics).into_diagnostic()?);
    } else {
        print(&topics);
    }
    Ok(super::GOOD)
}

/// The topics with the calls of a view.
fn shown(view: &TopicView) -> Topics {
    view.topics.restricted(&view.calls.iter().map(|call| call.call_id.as_str()).collect())
}

/// Finds or updates the topics of a range of days and keeps the result beside the calls.
pub(super) fn find(opened: &Opened, range: DateRange, seed: u64, rebuild: bool) -> miette::Result<Topics> {
    let nightly = Nightly {
        data: &opened.data,
        config: &opened.settings.topic,
        assets: opened.shelf.assets(),
        pipeline: &opened.pipeline,
        seed,
        rebuild,
    };
    nightly.run(range).map_err(failure)
}

/// An error of what is known over many calls, with what helps.
pub(super) fn failure(error: insight::Error) -> miette::Report {
    match error {
        insight::Error::Index(error) => index(error),
        insight::Error::Pipeline(error) => diagnostic::pipeline(error),
        other => miette!("{other}"),
    }
}

/// Prints topics for people, group by group.
pub(super) fn print(topics: &Topics) {
    let total = topics.topics.iter().map(|t| t.size).sum::<usize>() + topics.unassigned;
    println!("{total} 通，{} 个主题，未归类 {} 通", topics.topics.len(), topics.unassigned);
    for group in &topics.groups {
        println!("\n{}  {}", group.id, group.label);
        for topic in topics.topics.iter().filter(|t| group.children.contains(&t.id)) {
            let pinned = if topic.pinned { "（已锁定）" } else { "" };
            println!("  {:>5} 通  {}  {}{pinned}", topic.size, topic.id, topic.label);
            if let Some(quote) = topic.quotes.first() {
                println!("            “{quote}”");
            }
        }
    }
}
