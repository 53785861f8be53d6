//! `qingting analyze`: calls in, analyses out, nothing kept.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use miette::{IntoDiagnostic, WrapErr, miette};

use qingting_pipeline::columnar::AnalysisWriter;
use tempfile::NamedTempFile;

use super::InputArgs;
use super::args::{report_deep, report_summary};
use super::progress::Spinner;
use crate::batch::{Batch, Done, Quarantine, Sink};
use crate::diagnostic;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object a line
    Jsonl,
    /// Parquet with the same names
    Parquet,
}

#[derive(Debug, Args)]
pub(super) struct AnalyzeArgs {
    #[command(flatten)]
    input: InputArgs,
    /// Where the analyses go; - is the standard output
    #[arg(long, value_name = "PATH", default_value = "-")]
    out: PathBuf,
    /// Form of the output
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Format,
    /// Where bad records are listed
    #[arg(long, value_name = "PATH", default_value = "quarantine.jsonl")]
    quarantine: PathBuf,
}

/// # Errors
/// When an input cannot be read or the output cannot be written.
pub(super) fn run(args: &AnalyzeArgs) -> miette::Result<u8> {
    let to_stdout = args.out == Path::new("-");
    if to_stdout && args.format == Format::Parquet {
        return Err(miette!(help = "name a file with --out", "Parquet cannot be written to the standard output"));
    }
    let loaded = args.input.load(None)?;
    let batch = Batch {
        importer: &loaded.importer,
        pipeline: &loaded.pipeline,
        pool: &loaded.pool,
        chunk_calls: loaded.settings.batch.chunk_calls,
        require_start: false,
    };
    let mut quarantine = Quarantine::new(&args.quarantine);
    let mut spool = Spool::beside(if to_stdout { None } else { Some(&args.out) })?;
    let spinner = Spinner::new();
    let summary = batch.run(&loaded.inputs, &mut spool, &mut quarantine, &spinner);
    spinner.done();
    let summary = summary?;
    let kept = spool.lines(|position| !summary.superseded.contains(&position))?;
    match (args.format, to_stdout) {
        (Format::Jsonl, true) => copy(kept, &mut BufWriter::new(std::io::stdout().lock()))?,
        (Format::Jsonl, false) => persist(&args.out, |out| copy(kept, out))?,
        (Format::Parquet, _) => persist(&args.out, |out| parquet(kept, out))?,
    }
    report_deep(&loaded.pipeline);
    Ok(report_summary(&summary, quarantine.path()))
}

/// Analyses wait on disk until the end of the batch, since a later record may replace an earlier one.
struct Spool {
    file: BufWriter<NamedTempFile>,
}

impl Spool {
    fn beside(out: Option<&Path>) -> miette::Result<Self> {
        let file = match out.filter(|out| !is_stream(out)) {
            Some(out) => NamedTempFile::new_in(folder_of(out)),
            None => NamedTempFile::new(),
        };
        let file = file.into_diagnostic().wrap_err("no place for the output")?;
        Ok(Self { file: BufWriter::new(file) })
    }

    fn lines(self, keep: impl Fn(u64) -> bool) -> miette::Result<impl Iterator<Item = miette::Result<String>>> {
        let temp = self.file.into_inner().into_diagnostic()?;
        let reader = BufReader::new(temp.reopen().into_diagnostic()?);
        let lines = reader.lines().zip(0..).filter(move |(_, position)| keep(*position));
        // The temporary file lives as long as the iterator.
        Ok(lines.map(move |(line, _)| {
            let _held = &temp;
            line.into_diagnostic()
        }))
    }
}

impl Sink for Spool {
    fn put(&mut self, calls: Vec<Done>) -> miette::Result<()> {
        for done in calls {
            serde_json::to_writer(&mut self.file, &done.analyzed.analysis).into_diagnostic()?;
            self.file.write_all(b"\n").into_diagnostic()?;
        }
        Ok(())
    }
}

fn copy(lines: impl Iterator<Item = miette::Result<String>>, out: &mut dyn Write) -> miette::Result<()> {
    for line in lines {
        match writeln!(out, "{}", line?) {
            // The reader of a pipe may have seen enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            result => result.into_diagnostic()?,
        }
    }
    match out.flush() {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.into_diagnostic(),
    }
}

fn parquet(lines: impl Iterator<Item = miette::Result<String>>, out: &mut BufWriter<File>) -> miette::Result<()> {
    let mut writer = AnalysisWriter::new(out).map_err(diagnostic::pipeline)?;
    for line in lines {
        let analysis = serde_json::from_str(&line?).into_diagnostic()?;
        writer.write(&[analysis]).map_err(diagnostic::pipeline)?;
    }
    writer.finish().map_err(diagnostic::pipeline)?;
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether a device or a pipe is there, which is written to and not replaced.
fn is_stream(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
}

/// Writes a file beside its final name and renames it, so that no half-written output is ever seen.
fn persist(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> miette::Result<()>) -> miette::Result<()> {
    let named = || path.display().to_string();
    if is_stream(path) {
        let mut out = BufWriter::new(File::options().write(true).open(path).into_diagnostic().wrap_err_with(named)?);
        write(&mut out).wrap_err_with(named)?;
        return out.flush().into_diagnostic().wrap_err_with(named);
    }
    let temp = NamedTempFile::new_in(folder_of(path)).into_diagnostic().wrap_err_with(named)?;
    let mut out = BufWriter::new(temp.reopen().into_diagnostic()?);
    write(&mut out).wrap_err_with(named)?;
    out.into_inner().into_diagnostic()?.sync_all().into_diagnostic()?;
    temp.persist(path).into_diagnostic().wrap_err_with(named)?;
    Ok(())
}
