//! `qingting ingest`: analyse, store, index. What was ingested before and has not changed is skipped.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use qingting_index::{DataDir, Error, IngestSession, IngestSummary, SourceFile};

use super::InputArgs;
use super::args::{Loaded, report_deep, report_summary};
use super::data::{index, published_since};
use super::metrics::{self, Run};
use super::progress::Spinner;
use crate::batch::{Batch, Done, Quarantine, Sink, SourceDone, Summary};

#[derive(Debug, Args)]
pub(super) struct IngestArgs {
    #[command(flatten)]
    input: InputArgs,
    /// The data folder; created when it is missing
    #[arg(long, value_name = "DIR", env = "QINGTING_DATA")]
    data: PathBuf,
    /// Where bad records are listed [default: quarantine.jsonl in the data folder]
    #[arg(long, value_name = "PATH")]
    quarantine: Option<PathBuf>,
    /// Ingest files again that have not changed
    #[arg(long)]
    again: bool,
    /// Add this run to figures for Prometheus: a file for the textfile collector of node_exporter
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// Go on looking for new and changed files until told to stop (SIGTERM, Ctrl-C)
    #[arg(long)]
    watch: bool,
    /// With --watch: seconds for which a file has to be still before it is taken
    #[arg(long, value_name = "SECONDS", default_value_t = 10, requires = "watch")]
    still: u64,
}

/// # Errors
/// When an input cannot be read or the data folder cannot be written.
pub(super) fn run(args: &IngestArgs) -> miette::Result<u8> {
    if !args.watch {
        return counted(args, || {
            ingest(args, &mut args.input.load(Some(&args.data))?, Quarantine::keeping(quarantine_path(args)))
        });
    }
    let mut loaded = args.input.load_for(Vec::new(), Some(&args.data))?;
    super::watch::run(&args.input.inputs, Duration::from_secs(args.still), |files| {
        loaded.inputs = files.to_vec();
        counted(args, || ingest(args, &mut loaded, Quarantine::keeping(quarantine_path(args)))).map(drop)
    })?;
    Ok(super::GOOD)
}

fn quarantine_path(args: &IngestArgs) -> PathBuf {
    args.quarantine.clone().unwrap_or_else(|| args.data.join("quarantine.jsonl"))
}

/// Runs an import, says what it did, and adds it to the figures.
fn counted(args: &IngestArgs, ingest: impl FnOnce() -> miette::Result<(Summary, PathBuf)>) -> miette::Result<u8> {
    let began = Instant::now();
    let result = ingest();
    if let Some(path) = &args.metrics {
        let (calls, quarantined) = result.as_ref().map_or((0, 0), |(summary, _)| (summary.calls, summary.rejected));
        let run = Run { calls, quarantined, took: began.elapsed(), succeeded: result.is_ok() };
        match (metrics::add(path, run), &result) {
            // The error of the run is the one to tell.
            (Err(error), Err(_)) => eprintln!("warning: {error}"),
            (added, _) => added?,
        }
    }
    let (summary, quarantine) = result?;
    Ok(report_summary(&summary, &quarantine))
}

/// What was done, and where bad records are listed.
fn ingest(args: &IngestArgs, loaded: &mut Loaded, mut quarantine: Quarantine) -> miette::Result<(Summary, PathBuf)> {
    let data = loop {
        let context = loaded.settings.originals.context(&loaded.pipeline).map_err(index)?;
        let data = match DataDir::open_writer(&args.data, context, "qingting ingest") {
            Ok(data) => data,
            Err(Error::Locked { path, holder }) => {
                let summary = super::submit::through_server(loaded, &path, &holder, &mut quarantine)?;
                return Ok((summary, quarantine.path().to_owned()));
            }
            Err(error) => return Err(index(error)),
        };
        // Since the last round of --watch, say.
        match published_since(&data, &loaded.shelf).map_err(index)? {
            None => break data,
            Some(newer) => loaded.renew(newer)?,
        }
    };
    let mut session = data.ingest().map_err(index)?;
    session.commit_every(loaded.settings.batch.commit_calls).map_err(index)?;
    let options = args.input.fingerprint(loaded.pipeline.provenance());
    let (mut inputs, mut files, mut skipped) = (Vec::new(), HashMap::new(), 0);
    if args.again {
        session.forget_sources(&loaded.inputs).map_err(index)?;
    }
    for path in &loaded.inputs {
        match session.changed(path, &options).map_err(index)? {
            None => skipped += 1,
            Some(file) => {
                inputs.push(path.clone());
                files.insert(path.clone(), file);
            }
        }
    }
    let batch = Batch {
        importer: &loaded.importer,
        pipeline: &loaded.pipeline,
        pool: &loaded.pool,
        chunk_calls: loaded.settings.batch.chunk_calls,
        require_start: true,
    };
    let mut sink = Store { session, files };
    let spinner = Spinner::new();
    let summary = batch.run(&inputs, &mut sink, &mut quarantine, &spinner);
    spinner.done();
    let summary = summary?;
    let stored = sink.finish()?;
    if skipped > 0 {
        eprintln!("{skipped} files have not changed since they were ingested and were skipped");
    }
    if let (Some(first), Some(last)) = (stored.first_date, stored.last_date) {
        eprintln!("{} calls stored ({first} to {last}), {} of them replaced", stored.calls, stored.replaced);
    }
    report_deep(&loaded.pipeline);
    Ok((summary, quarantine.path().to_owned()))
}

/// The sink that keeps calls in a data folder.
pub(super) struct Store<'a> {
    session: IngestSession<'a>,
    /// Inputs whose end is to be noted, so that they are skipped while they do not change.
    files: HashMap<PathBuf, SourceFile>,
}

impl<'a> Store<'a> {
    /// A sink that notes nothing of its inputs.
    pub(super) fn new(session: IngestSession<'a>) -> Self {
        Self { session, files: HashMap::new() }
    }

    /// Makes sure that everything put is kept.
    pub(super) fn finish(self) -> miette::Result<IngestSummary> {
        self.session.finish().map_err(index)
    }
}

impl Sink for Store<'_> {
    fn put(&mut self, calls: Vec<Done>) -> miette::Result<()> {
        let mut calls = calls.into_iter().peekable();
        while let Some(first) = calls.next() {
            let source = first.source.file.display().to_string();
            let file = first.source.file;
            let mut batch = vec![first.analyzed];
            while let Some(next) = calls.next_if(|next| next.source.file == file) {
                batch.push(next.analyzed);
            }
            self.session.put_batch(batch, &source).map_err(index)?;
        }
        Ok(())
    }

    fn source_done(&mut self, done: &SourceDone) -> miette::Result<bool> {
        match self.files.remove(&done.path) {
            Some(file) => self.session.source_done(file, done.calls, done.rejected).map_err(index),
            None => Ok(true),
        }
    }
}
