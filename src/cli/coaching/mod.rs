//! `qingting coaching`: sheets for agents, phrases, bulletins for teams, and the case library. Reads the data folder; a server may
//! run meanwhile, and then what is decided about examples goes through it ([`examples`]).

mod examples;
mod told;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum CoachingCommand {
    /// Show what an agent does well, habits beside the team's, calls to listen to, and what to practise
    Sheet(told::SheetArgs),
    /// List phrases: how it is said and how it could be
    Phrases(told::PhrasesArgs),
    /// Write the bulletin of a period, for everybody to read
    Bulletin(told::BulletinArgs),
    /// The case library: calls that others learn from
    #[command(subcommand)]
    Examples(examples::ExamplesCommand),
}

/// # Errors
/// When the data folder cannot be read or written.
pub(super) fn run(command: &CoachingCommand) -> miette::Result<u8> {
    match command {
        CoachingCommand::Sheet(args) => told::sheet(args),
        CoachingCommand::Phrases(args) => told::phrases(args),
        CoachingCommand::Bulletin(args) => told::bulletin(args),
        CoachingCommand::Examples(command) => examples::run(command),
    }
}
