//! `qingting report`: the daily report as one HTML file.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;
use miette::{IntoDiagnostic, WrapErr};
use qingting_index::DateRange;

use super::data::{DataArgs, index};
use crate::report;

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The day
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: NaiveDate,
    /// The HTML file to write
    #[arg(long, value_name = "FILE.html")]
    out: PathBuf,
}

/// # Errors
/// When the store cannot be read or the file cannot be written.
pub(super) fn run(args: &ReportArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let calls: Vec<_> = opened
        .data
        .scan(DateRange::day(args.date))
        .and_then(Iterator::collect::<Result<_, _>>)
        .map_err(index)?;
    let day = report::day(calls.iter().map(|c| (&c.record, &c.analysis)), opened.pipeline.finder().catalog());
    if day.offered == 0 {
        eprintln!("warning: there are no calls on {}", args.date);
    }
    std::fs::write(&args.out, report::page(args.date, &day))
        .into_diagnostic()
        .wrap_err_with(|| args.out.display().to_string())?;
    eprintln!("{} calls of {} reported in {}", day.offered, args.date, args.out.display());
    Ok(super::GOOD)
}
