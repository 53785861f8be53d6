//! Options of the commands that work on a data folder, and how they open it.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;
use miette::miette;
use qingting_index::knowledge::KnowledgeIndex;
use qingting_index::{DataDir, DateRange, Error, Manifest};
use qingting_pipeline::Pipeline;

use super::ConfigArgs;
use super::args;
use super::submit::{WAIT, address};
use crate::config::Settings;
use crate::diagnostic;
use crate::documents::Shelf;
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
    #[arg(long, alias = "from", value_name = "YYYY-MM-DD")]
    pub(crate) since: Option<NaiveDate>,
    /// Last day
    #[arg(long, alias = "to", value_name = "YYYY-MM-DD")]
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
    /// The documents that the pipeline was made of.
    pub(crate) shelf: Shelf,
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

/// The transformer wants the settings of its engine in the environment before it is loaded: starts the program
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
    /// The settings, and the documents with what is published in the data folder.
    pub(crate) fn load(&self) -> miette::Result<(Settings, Shelf)> {
        self.config.load_with(Some(&self.data))
    }

    pub(crate) fn reader(&self) -> miette::Result<Opened> {
        let (settings, shelf) = self.load()?;
        let pipeline = args::pipeline(&settings, shelf.assets())?;
        let data =
            DataDir::open_reader(&self.data, settings.originals.context(&pipeline).map_err(index)?).map_err(index)?;
        Ok(Opened { settings, shelf, pipeline, data })
    }

    /// For commands that can also go through whoever writes the data folder: it opened for writing, or who
    /// holds it. A missing folder is not created just to find nothing in it.
    pub(crate) fn writer_or_holder(&self, who: &str) -> miette::Result<Result<Opened, String>> {
        if Manifest::read(&self.data).map_err(index)?.is_none() {
            return Err(index(Error::not_found(format!("data folder {}", self.data.display()))));
        }
        match self.writing(who)? {
            Ok(opened) => Ok(Ok(opened)),
            Err(Error::Locked { holder, .. }) => Ok(Err(holder)),
            Err(error) => Err(index(error)),
        }
    }

    /// The same; nothing where a server holds it, which is to be asked then.
    ///
    /// # Errors
    /// When another command holds it, too.
    pub(crate) fn writer_or_server(&self, who: &str) -> miette::Result<Option<Opened>> {
        match self.writer_or_holder(who)? {
            Ok(opened) => Ok(Some(opened)),
            Err(holder) if address(&holder).is_some() => Ok(None),
            Err(holder) => Err(miette!(help = WAIT, "the data folder is being written by {holder}")),
        }
    }

    pub(crate) fn writer(&self, who: &str) -> miette::Result<Opened> {
        self.writing(who)?.map_err(index)
    }

    /// The folder opened for writing, or why it cannot be.
    pub(crate) fn writing(&self, who: &str) -> miette::Result<Result<Opened, Error>> {
        let (settings, mut shelf) = self.load()?;
        loop {
            let pipeline = args::pipeline(&settings, shelf.assets())?;
            let context = settings.originals.context(&pipeline).map_err(index)?;
            let data = match DataDir::open_writer(&self.data, context, who) {
                Ok(data) => data,
                Err(error) => return Ok(Err(error)),
            };
            match published_since(&data, &shelf).map_err(index)? {
                None => return Ok(Ok(Opened { settings, shelf, pipeline, data })),
                Some(newer) => shelf = newer,
            }
        }
    }
}

/// The documents as they are by now, where somebody has published since they were read: once the folder is opened for
/// writing nobody does any more.
pub(crate) fn published_since(data: &DataDir, shelf: &Shelf) -> Result<Option<Shelf>, Error> {
    let newest = Shelf::new(shelf.files().clone(), data.newest_publications()?);
    Ok((newest.number() != shelf.number()).then_some(newest))
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
        Error::Locked { ref holder, .. } => match super::submit::address(holder) {
            Some(_) => miette!(help = "stop the server, then run this again", "{error}"),
            None => miette!(help = super::submit::WAIT, "{error}"),
        },
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
