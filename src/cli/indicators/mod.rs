//! `qingting indicators`: what sets of indicators there are, and what they give for the calls of a data folder.

mod count;
mod print;
mod sets;

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};

pub(super) use count::resolve;

use super::ConfigArgs;
use super::data::DataArgs;
use crate::indicator::By;

#[derive(Debug, Subcommand)]
pub(super) enum IndicatorsCommand {
    /// List the sets, or the figures that formulas may name
    List(ListArgs),
    /// Check the sets of the configuration, or files with drafts
    Check(CheckArgs),
    /// Evaluate the calls of a period
    Evaluate(EvaluateArgs),
    /// Put two periods beside each other
    Compare(CompareArgs),
    /// Rank teams, queues or regions
    Rank(RankArgs),
    /// Explain the total, a node, a deduction or a bonus, down to filters of its calls
    Explain(ExplainArgs),
    /// Evaluate with other weights, or with a draft of a set
    Simulate(SimulateArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// The figures that formulas may name, instead
    #[arg(long)]
    figures: bool,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Drafts to check
    #[arg(value_name = "FILE")]
    drafts: Vec<PathBuf>,
    /// Print one JSON array of mistakes
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// By which set which calls are evaluated.
#[derive(Debug, Args)]
struct OverArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The set [default: the first of the list]
    #[arg(long, value_name = "ID")]
    set: Option<String>,
    /// First day [default: the last day that has calls]
    #[arg(long, alias = "since", value_name = "YYYY-MM-DD", requires = "to")]
    from: Option<NaiveDate>,
    /// Last day
    #[arg(long, alias = "until", value_name = "YYYY-MM-DD", requires = "from")]
    to: Option<NaiveDate>,
    /// Calls of this team; may be given several times
    #[arg(long, value_name = "TEAM")]
    team: Vec<String>,
    /// Calls of this queue; may be given several times
    #[arg(long, value_name = "QUEUE")]
    queue: Vec<String>,
    /// Calls about matters of this region; may be given several times
    #[arg(long, value_name = "REGION")]
    region: Vec<String>,
    /// Calls of the agent of this id; may be given several times
    #[arg(long, value_name = "ID")]
    agent: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct EvaluateArgs {
    #[command(flatten)]
    over: OverArgs,
}

#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    #[command(flatten)]
    over: OverArgs,
    /// First day of the other period [default: the period before, as in the report]
    #[arg(long, value_name = "YYYY-MM-DD", requires = "before_to")]
    before_from: Option<NaiveDate>,
    /// Its last day
    #[arg(long, value_name = "YYYY-MM-DD", requires = "before_from")]
    before_to: Option<NaiveDate>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Dimension {
    /// Teams of agents
    Team,
    /// Queues
    Queue,
    /// Regions of the matter
    Region,
}

impl From<Dimension> for By {
    fn from(dimension: Dimension) -> Self {
        match dimension {
            Dimension::Team => Self::Team,
            Dimension::Queue => Self::Queue,
            Dimension::Region => Self::Region,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct RankArgs {
    #[command(flatten)]
    over: OverArgs,
    /// What is ranked
    #[arg(long, value_enum, default_value = "team")]
    by: Dimension,
    /// Fewest calls of what gets a place [default: `[report] min_agent_calls`]
    #[arg(long, value_name = "N")]
    min_calls: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    over: OverArgs,
    /// Path of a node, deduction:ID or bonus:ID [default: the total]
    #[arg(value_name = "PATH", default_value = "")]
    path: String,
}

#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    #[command(flatten)]
    over: OverArgs,
    /// Another weight, PATH=WEIGHT; may be given several times. What is beside and under it keeps its proportions
    #[arg(long, value_name = "PATH=WEIGHT", value_parser = count::weight)]
    weight: Vec<(String, rust_decimal::Decimal)>,
    /// A whole set to evaluate instead
    #[arg(long, value_name = "FILE")]
    draft: Option<PathBuf>,
}

/// # Errors
/// When a set cannot be used, there is none of that name, or the store cannot be read.
pub(super) fn run(command: &IndicatorsCommand) -> miette::Result<u8> {
    match command {
        IndicatorsCommand::List(args) => sets::list(args),
        IndicatorsCommand::Check(args) => sets::check(args),
        IndicatorsCommand::Evaluate(args) => count::evaluate(args),
        IndicatorsCommand::Compare(args) => count::compare(args),
        IndicatorsCommand::Rank(args) => count::rank(args),
        IndicatorsCommand::Explain(args) => count::explain(args),
        IndicatorsCommand::Simulate(args) => count::simulate(args),
    }
}
