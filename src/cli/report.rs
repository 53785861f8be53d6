//! `qingting report`: the report of a day or a longer period, as one HTML file and, if asked for, as tables.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::Args;
use miette::{IntoDiagnostic, WrapErr, miette};

use super::data::{DataArgs, Opened, index};
use crate::insight;
use crate::report::tables::{self, CallTable};
use crate::report::{self, Period, Report, Source};

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The day [default: the last day that has calls]
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with_all = ["from", "to"])]
    date: Option<NaiveDate>,
    /// First day of a longer period, such as a week or a month
    #[arg(long, alias = "since", value_name = "YYYY-MM-DD", requires = "to")]
    from: Option<NaiveDate>,
    /// Its last day
    #[arg(long, alias = "until", value_name = "YYYY-MM-DD", requires = "from")]
    to: Option<NaiveDate>,
    /// The HTML file to write
    #[arg(long, value_name = "FILE.html")]
    out: PathBuf,
    /// Write kpis.csv, faults.csv, agents.csv, cases.csv and calls.csv into this folder too
    #[arg(long, value_name = "DIR")]
    csv: Option<PathBuf>,
}

/// What goes wrong on the way to a report.
enum Failure {
    Insight(insight::Error),
    Write(io::Error),
}

impl From<insight::Error> for Failure {
    fn from(error: insight::Error) -> Self {
        Self::Insight(error)
    }
}

/// # Errors
/// When the store cannot be read or a file cannot be written.
pub(super) fn run(args: &ReportArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let period = match (args.from, args.to, args.date) {
        (Some(from), Some(to), _) => {
            Period::new(from, to).ok_or_else(|| miette!("--to {to} is before --from {from}"))?
        }
        (.., Some(date)) => Period::day(date),
        _ => Period::day(
            opened
                .data
                .stats()
                .map_err(index)?
                .last_date
                .ok_or_else(|| miette!("there are no calls in {}", args.data.data.display()))?,
        ),
    };
    let report = make(&opened, period, &args.out, args.csv.as_deref())?;
    if report.now.records == 0 {
        eprintln!("warning: there are no calls of {}", report.period.label());
    }
    eprintln!("{} calls of {} reported in {}", report.now.records, period.label(), args.out.display());
    Ok(super::GOOD)
}

/// Reads and writes a report; files appear under their names when they are complete.
pub(super) fn make(opened: &Opened, period: Period, out: &Path, csv: Option<&Path>) -> miette::Result<Report> {
    let catalog = opened.pipeline.finder().catalog();
    let insight = opened.settings.insight();
    // A folder that nobody imported articles into has no index of them, and a report creates none.
    let knowledge = opened.data.knowledge_index_dir().is_dir().then(|| opened.knowledge()).transpose()?;
    let experience = crate::experience::Rules::load(opened.shelf.assets()).map_err(crate::diagnostic::pipeline)?;
    let source = Source {
        data: &opened.data,
        catalog,
        config: &opened.settings.report,
        insight: &insight,
        experience: &experience,
        knowledge: knowledge.as_ref(),
        zone: opened.settings.import.timezone.parse().unwrap_or(chrono_tz::Asia::Shanghai),
    };
    let in_folder = |folder: &Path| folder.display().to_string();
    let mut calls = match csv {
        Some(folder) => {
            let begun = std::fs::create_dir_all(folder).and_then(|()| CallTable::new(folder));
            Some(begun.into_diagnostic().wrap_err_with(|| in_folder(folder))?)
        }
        None => None,
    };
    let report = report::read(&source, period, |call| match &mut calls {
        Some(table) => table.add(&call.record, &call.analysis, catalog).map_err(Failure::Write),
        None => Ok(()),
    })
    .map_err(|failure| match failure {
        Failure::Insight(error) => super::topics::failure(error),
        Failure::Write(error) => miette!("calls.csv: {error}"),
    })?;
    if let (Some(folder), Some(table)) = (csv, calls) {
        let written = table.publish().and_then(|()| tables::write(&report, folder));
        written.into_diagnostic().wrap_err_with(|| in_folder(folder))?;
    }
    write(out, &report::page(&report)).into_diagnostic().wrap_err_with(|| out.display().to_string())?;
    Ok(report)
}

pub(super) fn write(path: &Path, page: &str) -> io::Result<()> {
    // A pipe or a terminal is written to, not replaced.
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return std::fs::write(path, page);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".qingting-").tempfile_in(folder)?;
    file.write_all(page.as_bytes())?;
    tables::publish(file, path)
}
