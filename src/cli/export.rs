//! `qingting export`: calls as an Arrow IPC stream for analysts, beside whoever writes the data folder.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::Args;
use miette::{IntoDiagnostic, WrapErr, miette};
use qingting_index::Depth;

use super::data::{DataArgs, index};
use crate::export::{Export, Table};
use crate::report::Period;
use crate::report::selection::Selection;
use crate::report::tables::publish;

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    data: DataArgs,
    /// What a row is; docs/kpi.md has the columns
    #[arg(long, value_enum)]
    table: Table,
    /// First day [default: the first that has calls]
    #[arg(long, alias = "since", value_name = "YYYY-MM-DD")]
    from: Option<NaiveDate>,
    /// Last day [default: the last that has calls]
    #[arg(long, alias = "until", value_name = "YYYY-MM-DD")]
    to: Option<NaiveDate>,
    /// Calls of this team; may be given several times
    #[arg(long, value_name = "TEAM")]
    team: Vec<String>,
    /// Calls of this queue; may be given several times
    #[arg(long, value_name = "QUEUE")]
    queue: Vec<String>,
    /// Calls of the agent of this id; may be given several times
    #[arg(long, value_name = "ID")]
    agent: Vec<String>,
    /// Also the columns with what was said, masked
    #[arg(long)]
    texts: bool,
    /// The Arrow IPC stream to write
    #[arg(long, value_name = "FILE.arrow")]
    out: PathBuf,
}

/// # Errors
/// When the store cannot be read or the file cannot be written.
pub(super) fn run(args: &ExportArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let stats = opened.data.stats().map_err(index)?;
    let nothing = || miette!("there are no calls in {}", args.data.data.display());
    let (first, last) = stats.first_date.zip(stats.last_date).ok_or_else(nothing)?;
    // An end that is not given is the data's, as long as it does not lie beyond the other.
    let from = args.from.unwrap_or_else(|| first.min(args.to.unwrap_or(first)));
    let to = args.to.unwrap_or_else(|| last.max(from));
    let period = Period::new(from, to).ok_or_else(|| miette!("--to {to} is before --from {from}"))?;
    let selection = Selection {
        period,
        teams: args.team.iter().cloned().collect(),
        queues: args.queue.iter().cloned().collect(),
        agents: args.agent.iter().cloned().collect(),
    };
    let depth = if args.texts { Depth::Whole } else { Depth::Outline };
    let calls = opened.data.scan_to(period.range(), depth).map_err(index)?;
    let catalog = opened.pipeline.finder().catalog().clone();
    let mut export = Export::new(calls, selection, args.table, args.texts, catalog).into_diagnostic()?;
    let mut rows = 0;
    let written = to_file(&args.out, |out| {
        while let Some(piece) = export.next_piece().map_err(|error| Failure::Read(Box::new(error)))? {
            out.write_all(&piece.data).map_err(Failure::Write)?;
            rows = piece.rows;
        }
        Ok(())
    });
    match written {
        Ok(()) => eprintln!("{rows} rows of {} in {}", period.label(), args.out.display()),
        Err(Failure::Read(error)) => return Err(index(*error)),
        Err(Failure::Write(error)) => {
            return Err(error).into_diagnostic().wrap_err_with(|| args.out.display().to_string());
        }
    }
    Ok(super::GOOD)
}

enum Failure {
    Read(Box<qingting_index::Error>),
    Write(io::Error),
}

/// Writes a file that appears under its name when it is complete.
fn to_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>) -> Result<(), Failure> {
    // A pipe is written to, not replaced.
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        let mut out = BufWriter::new(std::fs::File::options().write(true).open(path).map_err(Failure::Write)?);
        write(&mut out)?;
        return out.flush().map_err(Failure::Write);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::Builder::new().prefix(".qingting-").tempfile_in(folder).map_err(Failure::Write)?;
    let mut out = BufWriter::new(file);
    write(&mut out)?;
    let file = out.into_inner().map_err(|error| Failure::Write(error.into_error()))?;
    publish(file, path).map_err(Failure::Write)
}
