//! Options of the commands that work on a data folder, and how they open it.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;
use miette::miette;
use qingting_index::knowledge::KnowledgeIndex;
use qingting_index::{Context, DataDir, DateRange, Error, Manifest};
use qingting_pipeline::Pipeline;
use qingting_pipeline::assets::Assets;

use super::ConfigArgs;
use super::args;
use crate::config::Settings;
use crate::diagnostic;
use crate::knowledge::{self, Choice};

/// Where the data is.
#[derive(Debug, Clone, Args)]
pub(crate) struct DataArgs {
    /// The data folder
    #[arg(long, value_name = "DIR", env = "QINGTING_DATA")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Which days.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct DateArgs {
    /// First day
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) since: Option<NaiveDate>,
    /// Last day
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) until: Option<NaiveDate>,
}

impl DateArgs {
    pub(crate) fn range(self) -> DateRange {
        DateRange { since: self.since, until: self.until }
    }
}

/// An open data folder with the pipeline whose words its indexes use.
pub(crate) struct Opened {
    pub(crate) settings: Settings,
    pub(crate) assets: Assets,
    pub(crate) pipeline: Pipeline,
    pub(crate) data: DataDir,
}

impl Opened {
    /// The knowledge base of the data folder, ranked with what was said about its answers.
    pub(crate) fn knowledge(&self) -> miette::Result<KnowledgeIndex> {
        let choice = Choice::new(&self.settings);
        let knowledge = knowledge::open(&self.data, &self.pipeline, &choice).map_err(index)?;
        if let Some(note) = knowledge::unused(&knowledge, &choice) {
            eprintln!("warning: {note}");
        }
        Ok(knowledge)
    }
}

/// Encoders of articles want the settings of the engine in the environment before it is loaded: starts the program
/// again with them where they are missing.
///
/// # Errors
/// When the program cannot be started.
pub(crate) fn prepare_engine() -> miette::Result<()> {
    #[cfg(feature = "bert")]
    qingting_models::bert::blas::restart_if_needed().map_err(|error| miette!("{error}"))?;
    Ok(())
}

impl DataArgs {
    pub(crate) fn reader(&self) -> miette::Result<Opened> {
        let (settings, assets) = self.config.load()?;
        let pipeline = args::pipeline(&settings, &assets)?;
        let data = DataDir::open_reader(&self.data, Context::new(&pipeline)).map_err(index)?;
        Ok(Opened { settings, assets, pipeline, data })
    }

    /// For commands that can also go through whoever writes the data folder: it opened for writing, or who
    /// holds it. A missing folder is not created just to find nothing in it.
    pub(crate) fn writer_or_holder(&self, who: &str) -> miette::Result<Result<Opened, String>> {
        if Manifest::read(&self.data).map_err(index)?.is_none() {
            return Err(index(Error::not_found(format!("data folder {}", self.data.display()))));
        }
        let (settings, assets) = self.config.load()?;
        let pipeline = args::pipeline(&settings, &assets)?;
        match DataDir::open_writer(&self.data, Context::new(&pipeline), who) {
            Ok(data) => Ok(Ok(Opened { settings, assets, pipeline, data })),
            Err(Error::Locked { holder, .. }) => Ok(Err(holder)),
            Err(error) => Err(index(error)),
        }
    }

    pub(crate) fn writer(&self, who: &str) -> miette::Result<Opened> {
        let (settings, assets) = self.config.load()?;
        let pipeline = args::pipeline(&settings, &assets)?;
        let data = DataDir::open_writer(&self.data, Context::new(&pipeline), who).map_err(index)?;
        Ok(Opened { settings, assets, pipeline, data })
    }
}

/// An error of the index, with what helps.
pub(crate) fn index(error: Error) -> miette::Report {
    let chain = |error: &dyn std::error::Error| {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            let inner_text = inner.to_string();
            if !text.ends_with(&inner_text) {
                text = format!("{text}: {inner_text}");
            }
            source = inner.source();
        }
        text
    };
    match error {
        Error::Pipeline(error) => diagnostic::pipeline(error),
        Error::NotFound { .. } => miette!(help = "qingting ingest creates a data folder", "{error}"),
        Error::Model(error) => miette!(
            help = "scripts/setup-bert fetches the weights of the transformer, a build with the feature bert runs them, \
                    and --models static does without",
            "{}",
            chain(&error)
        ),
        other => miette!("{}", chain(&other)),
    }
}
