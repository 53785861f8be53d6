//! Taking in files: into the data folder, or through the server that holds it.

use std::path::{Path, PathBuf};

use chrono::Utc;
use clap::Args;
use miette::{IntoDiagnostic, WrapErr, miette};
use qingting_index::Error;
use qingting_pipeline::Pipeline;
use qingting_pipeline::import::{Rejected, SourceRef};
use qingting_pipeline::record::{CallRecord, Role, Turn};
use qingting_proto::v1;
use qingting_proto::v1::experience_service_client::ExperienceServiceClient;
use rayon::prelude::*;

use super::super::data::{DataArgs, Opened, index};
use super::super::submit::{self, WAIT, address, status};
use super::super::{GOOD, QUARANTINED};
use super::rules;
use crate::batch::Quarantine;
use crate::case::{self, Recorded, Who};
use crate::diagnostic;
use crate::experience::{Bad, Entry, Line, Outcome, call_of, digest, keep, load, prepare, read};

/// What the lock names this command.
const WHO: &str = "qingting experience import";
/// Where the ledger says that the calls came from.
const SOURCE: &str = "experience";
/// Things that are kept at a time.
const CHUNK: usize = 200;
/// Largest file, bytes.
const LARGEST: u64 = 64 << 20;

#[derive(Debug, Args)]
pub(in crate::cli) struct ImportArgs {
    /// Files of JSON Lines or CSV (docs/experience.md)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
    /// Who enters it, as people call them
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    who: String,
    /// Where bad lines are listed [default: quarantine.jsonl in the data folder]
    #[arg(long, value_name = "PATH")]
    quarantine: Option<PathBuf>,
}

/// Something of a file, and where it stood.
struct Placed {
    entry: Entry,
    place: SourceRef,
}

/// What became of an import.
#[derive(Default)]
struct Tally {
    new: usize,
    known: usize,
    bad: usize,
}

/// A line that is not taken in.
struct BadLine {
    place: SourceRef,
    id: Option<String>,
    reason: String,
    /// What it says, as a call, where that can be read.
    written: Option<CallRecord>,
}

/// A list of bad lines, with what masks them.
struct Refused<'a> {
    quarantine: Quarantine,
    pipeline: &'a Pipeline,
}

impl Refused<'_> {
    fn put(&mut self, bad: BadLine) -> miette::Result<()> {
        let BadLine { place, id, reason, written } = bad;
        // What cannot be kept may still be a call for help.
        let crisis = written.is_some_and(|record| {
            let analysis = self.pipeline.analyze(&record).analysis;
            analysis.findings.iter().chain(&analysis.uncertain).any(|finding| finding.code == "crisis")
        });
        let reason = self.pipeline.normalizer().text(&reason).text;
        let line = place.line.map_or_else(String::new, |line| format!(":{line}"));
        let urgent = if crisis {
            "疑似危机情形，请立即查看："
        } else {
            ""
        };
        eprintln!("{urgent}{}{line}: {reason}", place.file.display());
        let rejected = Rejected { source: place, call_id: id, field: None, reason, readable: None, passing: false };
        self.quarantine.put(&rejected, crisis)
    }
}

fn text_of(path: &Path) -> miette::Result<String> {
    let size = std::fs::metadata(path).into_diagnostic().wrap_err_with(|| path.display().to_string())?.len();
    if size > LARGEST {
        return Err(miette!(help = "split it", "{} is larger than 64 MiB", path.display()));
    }
    std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => miette!(help = "save it as UTF-8", "{} is not UTF-8", path.display()),
        _ => miette!("{}: {error}", path.display()),
    })
}

/// # Errors
/// When a file cannot be read, or nothing can be kept.
pub(super) fn run(args: &ImportArgs) -> miette::Result<u8> {
    // Before anything is opened: a file that is not there is no reason to make a data folder.
    let texts = args.files.iter().map(|path| text_of(path)).collect::<miette::Result<Vec<_>>>()?;
    let (opened, is_ours) = match args.data.writing(WHO)? {
        Ok(opened) => (opened, true),
        Err(Error::Locked { holder, .. }) if address(&holder).is_some() => (args.data.reader()?, false),
        Err(Error::Locked { holder, .. }) => {
            return Err(miette!(help = WAIT, "the data folder is being written by {holder}"));
        }
        Err(error) => return Err(index(error)),
    };
    let path = args.quarantine.clone().unwrap_or_else(|| args.data.data.join("quarantine.jsonl"));
    let mut refused = Refused { quarantine: Quarantine::keeping(&path), pipeline: &opened.pipeline };
    let (mut tally, mut good, mut bad) = (Tally::default(), Vec::new(), Vec::new());
    for (path, text) in args.files.iter().zip(&texts) {
        for Line { number, entry } in read(text) {
            let place = SourceRef { file: path.clone(), line: Some(number) };
            match entry {
                Ok(entry) => good.push(Placed { entry, place }),
                Err(Bad { id, reason }) => {
                    let written = text.lines().nth(number.saturating_sub(1) as usize).map(|line| {
                        let mut record = CallRecord::new("quarantined");
                        record.turns.push(Turn::new(Role::Caller, line));
                        record
                    });
                    bad.push(BadLine { place, id, reason, written });
                }
            }
        }
    }
    for chunk in good.chunks(CHUNK) {
        let outcomes = match is_ours {
            true => here(&opened, chunk, &args.who)?,
            false => through_server(&args.data, chunk, &args.who)?,
        };
        for (placed, outcome) in chunk.iter().zip(outcomes) {
            match outcome {
                Ok(Outcome::New) => tally.new += 1,
                Ok(Outcome::Known) => tally.known += 1,
                Err(reason) => {
                    let (place, written) = (placed.place.clone(), call_of(&placed.entry));
                    bad.push(BadLine { place, id: None, reason, written });
                }
            }
        }
    }
    // In the order of the files, for whoever mends them.
    bad.sort_by_key(|bad| (args.files.iter().position(|file| *file == bad.place.file), bad.place.line));
    tally.bad = bad.len();
    bad.into_iter().try_for_each(|bad| refused.put(bad))?;
    refused.quarantine.settle(args.files.iter().map(PathBuf::as_path))?;
    if is_ours {
        opened.data.commit().map_err(index)?;
        opened.data.close().map_err(index)?;
    }
    println!("新增 {} 条，已有 {} 条，未收 {} 条", tally.new, tally.known, tally.bad);
    if tally.bad > 0 {
        eprintln!("{} lines were not taken in: see {}", tally.bad, path.display());
        return Ok(QUARANTINED);
    }
    Ok(GOOD)
}

/// Takes things in where the folder is ours.
fn here(opened: &Opened, chunk: &[Placed], who: &str) -> miette::Result<Vec<Result<Outcome, String>>> {
    let who = Who::local(who);
    let prepared = chunk
        .par_iter()
        .map(|placed| prepare(placed.entry.clone(), digest(&placed.entry), &opened.pipeline))
        .collect();
    let (rules, now) = (rules(opened)?, Utc::now());
    let mut programme = load(&opened.data).map_err(index)?;
    let kept = keep(&mut programme, prepared, &who, now, None, true, &rules).map_err(index)?;
    if !kept.calls.is_empty() {
        let cases = case::Rules::load(opened.shelf.assets()).map_err(diagnostic::pipeline)?;
        let urgent = case::at_once(&cases, &kept.calls, opened.pipeline.finder().catalog(), now);
        opened.data.append(kept.calls, SOURCE).map_err(index)?;
        opened.data.add_experience(&kept.rows).map_err(index)?;
        let new = case::fresh(&opened.data, urgent, &cases).map_err(index)?;
        let entries = new.iter().map(Recorded::to_entry).collect::<qingting_index::Result<Vec<_>>>().map_err(index)?;
        opened.data.add_cases(&entries).map_err(index)?;
    } else if !kept.rows.is_empty() {
        opened.data.add_experience(&kept.rows).map_err(index)?;
    }
    Ok(kept.outcomes.into_iter().map(|outcome| outcome.map_err(|refusal| refusal.to_string())).collect())
}

/// Takes things in through the server that holds the folder.
fn through_server(args: &DataArgs, chunk: &[Placed], who: &str) -> miette::Result<Vec<Result<Outcome, String>>> {
    let entries = chunk.iter().map(|placed| serde_json::to_string(&placed.entry)).collect::<Result<_, _>>();
    let request = v1::ImportExperienceRequest { entries: entries.into_diagnostic()?, actor: who.to_owned() };
    let ask = async |channel| {
        let mut client = ExperienceServiceClient::new(channel);
        Ok(client.import_experience(request).await.map_err(status)?.into_inner())
    };
    let answer = submit::ask(&args.data, "qingting.v1.ExperienceService", ask)?;
    let outcome = |result: v1::ImportedExperience| match (result.refusal.is_empty(), result.created) {
        (true, true) => Ok(Outcome::New),
        (true, false) => Ok(Outcome::Known),
        (false, _) => Err(result.refusal),
    };
    Ok(answer.results.into_iter().map(outcome).collect())
}
