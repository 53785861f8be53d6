//! `qingting rescore`: stored calls brought up to date with changed rules and scorecards, without their inputs.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use clap::Args;
use miette::{IntoDiagnostic, miette};
use qingting_index::{DateRange, Error};
use qingting_pipeline::pipeline::{Missing, Stale, same_judgement};
use qingting_pipeline::record::Analysis;
use qingting_pipeline::{Analyzed, Pipeline};
use rayon::prelude::*;
use serde::Serialize;

use super::data::{DataArgs, Opened, index};

#[derive(Debug, Args)]
pub(super) struct RescoreArgs {
    #[command(flatten)]
    data: DataArgs,
    /// First day
    #[arg(long, alias = "since", value_name = "YYYY-MM-DD")]
    from: Option<NaiveDate>,
    /// Last day
    #[arg(long, alias = "until", value_name = "YYYY-MM-DD")]
    to: Option<NaiveDate>,
    /// Say what would change and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Ids that are named for a reason.
const NAMED: usize = 5;

/// What was done.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// Calls looked at.
    calls: u64,
    /// Calls that were of this configuration already.
    current: u64,
    /// Calls whose score alone was made again.
    scored: u64,
    /// Calls whose rules were run again too.
    ruled: u64,
    /// Calls of these that are judged otherwise now, and so were written.
    changed: u64,
    /// Calls that need their input, by reason.
    need_input: BTreeMap<String, Reason>,
}

#[derive(Debug, Default, Serialize)]
struct Reason {
    calls: u64,
    /// The first of them.
    call_ids: Vec<String>,
}

/// # Errors
/// When another process writes the data folder, or something cannot be read or written.
pub(super) fn run(args: &RescoreArgs) -> miette::Result<u8> {
    let range = DateRange { since: args.from, until: args.to };
    let mut report = Report::default();
    if args.dry_run {
        let opened = args.data.reader()?;
        let mut scan = opened.data.scan(range).map_err(index)?;
        loop {
            let calls: Result<Vec<_>, _> = scan.by_ref().take(512).collect();
            let calls = calls.map_err(index)?;
            if calls.is_empty() {
                break;
            }
            report.judge(&opened.pipeline, &calls);
        }
    } else {
        let opened = args.data.writing("qingting rescore")?;
        let Opened { data, pipeline, .. } = opened.map_err(|error| match error {
            Error::Locked { holder, .. } => {
                miette!(help = "stop it first", "the data folder is being written by {holder}")
            }
            other => index(other),
        })?;
        data.rescore(range, |calls| report.judge(&pipeline, calls)).map_err(index)?;
        if report.changed > 0 {
            let detail = format!("{} of {} calls", report.changed, report.calls);
            data.audit("qingting rescore", "rescore", &pipeline.provenance().config_fingerprint, &detail)
                .map_err(index)?;
        }
    }
    if args.json {
        println!("{}", serde_json::to_string(&report).into_diagnostic()?);
    } else {
        print(&report, args.dry_run);
    }
    Ok(super::GOOD)
}

impl Report {
    /// The new analyses of those calls that are judged otherwise.
    fn judge(&mut self, pipeline: &Pipeline, calls: &[Analyzed]) -> Vec<Option<Analysis>> {
        let judge = |call: &Analyzed| {
            let stale = pipeline.stale(&call.analysis.provenance);
            (stale, pipeline.remake(&call.record, &call.analysis))
        };
        let judged: Vec<(Stale, Result<Analysis, Missing>)> = calls.par_iter().map(judge).collect();
        let kept = calls.iter().zip(judged).map(|(call, (stale, made))| {
            self.calls += 1;
            match (stale, made) {
                (Stale::Nothing, _) => {
                    self.current += 1;
                    None
                }
                (stale, Ok(made)) => {
                    self.scored += u64::from(stale == Stale::Score);
                    self.ruled += u64::from(stale == Stale::Rules);
                    let changed = !same_judgement(&call.analysis, &made);
                    self.changed += u64::from(changed);
                    changed.then_some(made)
                }
                (_, Err(missing)) => {
                    let reason = self.need_input.entry(missing.to_string()).or_default();
                    reason.calls += 1;
                    if reason.call_ids.len() < NAMED {
                        reason.call_ids.push(call.record.call_id.clone());
                    }
                    None
                }
            }
        });
        kept.collect()
    }
}

fn print(report: &Report, dry_run: bool) {
    let written = if dry_run {
        "would change"
    } else {
        "changed and were written"
    };
    println!(
        "{} calls: {} up to date, {} scored again, {} with rules run again; {} {written}",
        report.calls, report.current, report.scored, report.ruled, report.changed
    );
    for (why, reason) in &report.need_input {
        let more = if reason.calls > reason.call_ids.len() as u64 {
            " …"
        } else {
            ""
        };
        println!(
            "{} left as they are: {why}; ingest their files again ({}{more})",
            reason.calls,
            reason.call_ids.join(" ")
        );
    }
}
