//! A batch: read, analyse, hand on. Owns the threads and the bounded channels between
//! reader, workers and sink, the quarantine and the summary; where the results go is the
//! sink's business.

mod explain;
mod inputs;
mod quarantine;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use qingting_pipeline::import::{Imported, Importer, Rejected, SourceRef};
use qingting_pipeline::record::{CallRecord, Role, Turn};
use qingting_pipeline::{Analyzed, Pipeline};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

pub use inputs::expand;
pub use quarantine::Quarantine;

/// Chunks that may wait between two stages: enough that none idles, few enough that memory stays bounded.
const CHUNKS_WAITING: usize = 2;

/// Warnings that are kept word for word; the rest is counted.
const WARNINGS_KEPT: usize = 20;

/// Bad records that are explained at the end; the rest is in the quarantine.
const EXPLAINED: usize = 5;

/// One analysed call and where it came from.
#[derive(Debug)]
pub struct Done {
    /// The call and its analysis.
    pub analyzed: Analyzed,
    /// Where the record stood.
    pub source: SourceRef,
}

/// Where analysed calls go, in input order.
pub trait Sink: Send {
    /// Takes the next calls.
    ///
    /// # Errors
    /// When they cannot be kept; the batch stops.
    fn put(&mut self, calls: Vec<Done>) -> miette::Result<()>;

    /// All calls of an input were put. False when the input has changed meanwhile, so that it does not count as read.
    ///
    /// # Errors
    /// When that cannot be noted; the batch stops.
    fn source_done(&mut self, _done: &SourceDone) -> miette::Result<bool> {
        Ok(true)
    }
}

/// An input that was read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceDone {
    /// The file.
    pub path: PathBuf,
    /// Calls in it.
    pub calls: u64,
    /// Records of it that went to the quarantine.
    pub rejected: u64,
}

/// What a batch did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Calls analysed.
    pub calls: u64,
    /// Records that went to the quarantine.
    pub rejected: u64,
    /// What is wrong with the first of them, and what to do.
    pub explained: Vec<String>,
    /// Quarantined records in whose text somebody may be in danger.
    pub crisis_rejected: Vec<String>,
    /// Calls with a crisis finding, by id.
    pub crisis_calls: Vec<String>,
    /// Positions, in the order given to the sink, of calls whose id came again later: the last one wins.
    pub superseded: BTreeSet<u64>,
    /// The first warnings.
    pub warnings: Vec<String>,
    /// How many warnings there were.
    pub warning_count: u64,
}

impl Summary {
    /// Counts a bad record.
    pub(crate) fn reject(&mut self, rejected: &Rejected, crisis: bool) {
        self.rejected += 1;
        if self.explained.len() < EXPLAINED {
            self.explained.push(explain::explain(rejected));
        }
        if crisis {
            self.crisis_rejected.push(place(&rejected.source));
        }
    }

    fn warn(&mut self, warning: impl FnOnce() -> String) {
        self.warning_count += 1;
        if self.warnings.len() < WARNINGS_KEPT {
            self.warnings.push(warning());
        }
    }
}

/// Told how far the batch is.
pub trait Progress: Send + Sync {
    /// A file is about to be read.
    fn file(&self, path: &std::path::Path, index: usize, of: usize);
    /// So many calls were handed to the sink.
    fn calls(&self, count: u64);
}

/// Everything that a batch runs on.
#[derive(Debug)]
pub struct Batch<'a> {
    /// Reads the inputs.
    pub importer: &'a Importer,
    /// Analyses the calls.
    pub pipeline: &'a Pipeline,
    /// The workers.
    pub pool: &'a rayon::ThreadPool,
    /// Calls that are analysed together.
    pub chunk_calls: usize,
    /// Quarantine records without `started_at`.
    pub require_start: bool,
}

#[derive(Default)]
struct Chunk {
    calls: Vec<(CallRecord, SourceRef)>,
    rejected: Vec<Rejected>,
    warnings: Vec<(SourceRef, String)>,
    /// Inputs whose last record is in this chunk or an earlier one.
    done: Vec<SourceDone>,
}

struct Worked {
    calls: Vec<Done>,
    /// With whether the readable text sounds like a crisis.
    rejected: Vec<(Rejected, bool)>,
    warnings: Vec<(SourceRef, String)>,
    done: Vec<SourceDone>,
}

impl Batch<'_> {
    /// Works through the inputs in order. Every input is opened once before anything is written, so
    /// that an unknown format or an unreadable file touches nothing.
    ///
    /// # Errors
    /// When an input cannot be read, or the sink or the quarantine fails.
    pub fn run(
        &self,
        inputs: &[PathBuf],
        sink: &mut dyn Sink,
        quarantine: &mut Quarantine,
        progress: &dyn Progress,
    ) -> miette::Result<Summary> {
        for path in inputs {
            drop(self.importer.open(path).map_err(crate::diagnostic::pipeline)?);
        }
        std::thread::scope(|scope| {
            let (read, to_work) = sync_channel::<Chunk>(CHUNKS_WAITING);
            let (worked, to_keep) = sync_channel::<Worked>(CHUNKS_WAITING);
            let reader = scope.spawn(move || self.read(inputs, &read, progress));
            let keeper = scope.spawn(move || keep(&to_keep, sink, quarantine, progress));
            for chunk in to_work {
                if worked.send(self.pool.install(|| self.work(chunk))).is_err() {
                    break; // the keeper failed; its error is returned below
                }
            }
            drop(worked);
            let kept = join(keeper)?;
            join(reader)?;
            kept.quarantine_settled()
        })
    }

    fn read(&self, inputs: &[PathBuf], out: &SyncSender<Chunk>, progress: &dyn Progress) -> miette::Result<()> {
        let mut chunk = Chunk::default();
        for (index, path) in inputs.iter().enumerate() {
            progress.file(path, index, inputs.len());
            let (mut calls, mut rejected, mut stopped) = (0, 0, false);
            for imported in self.importer.open(path).map_err(crate::diagnostic::pipeline)? {
                match imported {
                    Imported::Call { record, source, warnings } => {
                        chunk.warnings.extend(warnings.into_iter().map(|w| (source.clone(), w)));
                        if self.require_start && record.started_at.is_none() {
                            rejected += 1;
                            chunk.rejected.push(without_start(&record, source));
                        } else {
                            calls += 1;
                            chunk.calls.push((*record, source));
                        }
                    }
                    Imported::Rejected(bad) => {
                        rejected += 1;
                        stopped |= bad.passing;
                        chunk.rejected.push(bad);
                    }
                }
                if chunk.calls.len() + chunk.rejected.len() >= self.chunk_calls
                    && out.send(std::mem::take(&mut chunk)).is_err()
                {
                    return Ok(()); // nobody keeps the results any more
                }
            }
            // What the system refused to read, the next run tries again.
            if !stopped {
                chunk.done.push(SourceDone { path: path.clone(), calls, rejected });
            }
        }
        let _ = out.send(chunk);
        Ok(())
    }

    fn work(&self, chunk: Chunk) -> Worked {
        let calls = chunk
            .calls
            .into_par_iter()
            .map(|(record, source)| Done { analyzed: self.pipeline.analyze(&record), source })
            .collect();
        let rejected = chunk
            .rejected
            .into_par_iter()
            .map(|rejected| {
                let crisis = self.sounds_like_crisis(rejected.readable.as_deref());
                (self.masked(rejected), crisis)
            })
            .collect();
        let warnings = chunk.warnings.into_iter().map(|(source, text)| (source, self.without_persons(text))).collect();
        Worked { calls, rejected, warnings, done: chunk.done }
    }

    /// A reason may quote the value that it is about.
    pub(crate) fn masked(&self, rejected: Rejected) -> Rejected {
        Rejected {
            field: rejected.field.map(|field| self.without_persons(field)),
            reason: self.without_persons(rejected.reason),
            ..rejected
        }
    }

    fn without_persons(&self, text: String) -> String {
        let normalized = self.pipeline.normalizer().text(&text);
        if normalized.masks.is_empty() {
            text
        } else {
            normalized.text
        }
    }

    /// A record that cannot be kept may still be a call for help.
    pub(crate) fn sounds_like_crisis(&self, readable: Option<&str>) -> bool {
        let Some(text) = readable else { return false };
        let mut record = CallRecord::new("quarantined");
        record.turns.push(Turn::new(Role::Caller, text));
        let analysis = self.pipeline.analyze(&record).analysis;
        analysis.findings.iter().chain(&analysis.uncertain).any(|finding| finding.code == "crisis")
    }
}

/// What becomes of a record without `started_at` that is to be kept.
pub(crate) fn without_start(record: &CallRecord, source: SourceRef) -> Rejected {
    Rejected {
        source,
        call_id: Some(record.call_id.clone()),
        field: Some("started_at".to_owned()),
        reason: "missing; give it in the record, with --meta or with --date".to_owned(),
        readable: Some(record.turns.iter().map(|t| t.text.as_str()).collect::<Vec<_>>().join("\n")),
        passing: false,
    }
}

struct Kept<'a> {
    summary: Summary,
    quarantine: &'a mut Quarantine,
}

impl Kept<'_> {
    fn quarantine_settled(self) -> miette::Result<Summary> {
        self.quarantine.settle([])?;
        Ok(self.summary)
    }
}

fn keep<'a>(
    chunks: &Receiver<Worked>,
    sink: &mut dyn Sink,
    quarantine: &'a mut Quarantine,
    progress: &dyn Progress,
) -> miette::Result<Kept<'a>> {
    let mut summary = Summary::default();
    // A digest instead of the id bounds what a long batch has to remember. It is as short as it can be: that two of a
    // hundred million calls have the same one is less likely than 1e-12.
    let mut last_of: HashMap<[u8; 12], u32> = HashMap::new();
    for chunk in chunks {
        for (source, warning) in chunk.warnings {
            summary.warn(|| format!("{}: {warning}", place(&source)));
        }
        for (rejected, crisis) in chunk.rejected {
            summary.reject(&rejected, crisis);
            quarantine.put(&rejected, crisis)?;
        }
        for (position, done) in (summary.calls as u32..).zip(&chunk.calls) {
            let call_id = &done.analyzed.analysis.call_id;
            if let Some(earlier) = last_of.insert(digest(call_id), position) {
                summary.superseded.insert(u64::from(earlier));
                summary
                    .warn(|| format!("{}: call_id {call_id} came before; this one replaces it", place(&done.source)));
            }
        }
        summary.calls += chunk.calls.len() as u64;
        let in_crisis = chunk.calls.iter().filter(|done| done.analyzed.analysis.facts.crisis);
        summary.crisis_calls.extend(in_crisis.map(|done| done.analyzed.analysis.call_id.clone()));
        let count = chunk.calls.len() as u64;
        sink.put(chunk.calls)?;
        if !chunk.done.is_empty() {
            // What counts as read is not read again: what is wrong with it has to be on disk.
            quarantine.settle(chunk.done.iter().map(|done| done.path.as_path()))?;
        }
        for done in &chunk.done {
            if !sink.source_done(done)? {
                summary.warn(|| {
                    format!("{}: changed while it was read; run this again to read it again", done.path.display())
                });
            }
        }
        progress.calls(count);
    }
    Ok(Kept { summary, quarantine })
}

fn digest(call_id: &str) -> [u8; 12] {
    let mut short = [0; 12];
    short.copy_from_slice(&Sha256::digest(call_id)[..12]);
    short
}

/// A place in an input, as people write it.
pub fn place(source: &SourceRef) -> String {
    match source.line {
        Some(line) => format!("{}:{line}", source.file.display()),
        None => source.file.display().to_string(),
    }
}

fn join<T>(thread: std::thread::ScopedJoinHandle<'_, miette::Result<T>>) -> miette::Result<T> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
