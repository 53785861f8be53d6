//! `qingting reviews`: what people decided about calls, as training data and as figures. Reads the data folder; a server may
//! run meanwhile.

use std::io::Write;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use miette::{IntoDiagnostic, WrapErr, miette};

use super::GOOD;
use super::data::{DataArgs, index};
use crate::review::{DEFAULT_WINDOW, FEWEST, agreement, decided, last_reviews, training_line};

#[derive(Debug, Subcommand)]
pub(super) enum ReviewsCommand {
    /// Write the reviewed calls as training data, with what stands on them as labels
    Export(ExportArgs),
    /// Show how often people agree with the machine, and where that has fallen
    Agreement(AgreementArgs),
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    data: DataArgs,
    /// A folder; the calls go to calls/reviews.jsonl in it, which must not be there yet
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct AgreementArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Decisions of a code that are compared with all before, 20 or more
    #[arg(long, default_value_t = DEFAULT_WINDOW)]
    window: usize,
    /// End with exit code 3 when agreement has fallen on a code, so that a timer can tell somebody
    #[arg(long)]
    alarm: bool,
}

/// # Errors
/// When the data folder cannot be read or the file cannot be written.
pub(super) fn run(command: &ReviewsCommand) -> miette::Result<u8> {
    match command {
        ReviewsCommand::Export(args) => export(args),
        ReviewsCommand::Agreement(args) => agree(args),
    }
}

fn export(args: &ExportArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let folder = args.out.join("calls");
    let path = folder.join("reviews.jsonl");
    let at = || path.display().to_string();
    std::fs::create_dir_all(&folder).into_diagnostic().wrap_err_with(at)?;
    let file = std::fs::File::create_new(&path).into_diagnostic().wrap_err_with(at)?;
    let mut file = std::io::BufWriter::new(file);
    let (mut written, mut left_out) = (0, 0);
    let codes = opened.pipeline.finder().catalog();
    for call_id in decided(&opened.data).map_err(index)? {
        let get_call = || opened.data.get_call(&call_id);
        let line = training_line(&opened.data, get_call, &call_id, codes, DateTime::<Utc>::MIN_UTC).map_err(index)?;
        match line {
            Some(line) => {
                writeln!(file, "{line}").into_diagnostic().wrap_err_with(at)?;
                written += 1;
            }
            None => left_out += 1,
        }
    }
    file.into_inner().into_diagnostic()?.sync_all().into_diagnostic().wrap_err_with(at)?;
    println!("{written} calls in {}; {left_out} left out: under appeal, in a calibration, or changed since", at());
    Ok(GOOD)
}

/// Exit code of an alarm.
const FALLEN: u8 = 3;

fn agree(args: &AgreementArgs) -> miette::Result<u8> {
    if args.window < FEWEST {
        return Err(miette!("--window must be {FEWEST} or more"));
    }
    let opened = args.data.reader()?;
    let reviews = last_reviews(&opened.data).map_err(index)?;
    let codes = agreement(reviews.iter().map(|(at, review)| (*at, review)), args.window);
    if codes.is_empty() {
        println!("还没有复核记录。");
        return Ok(GOOD);
    }
    let catalog = opened.pipeline.finder().catalog();
    let title = |code: &str| catalog.get(code).map_or_else(|| code.to_owned(), |info| info.title.clone());
    println!("复核 {} 条", reviews.len());
    for code in &codes {
        let share = match code.decided {
            0 => "—".to_owned(),
            all => format!("{:.0}%", code.agreed as f64 * 100.0 / all as f64),
        };
        println!(
            "{}（{}）：判断 {} 次，人工同意 {} 次（{share}），漏判 {} 次",
            title(&code.code),
            code.code,
            code.decided,
            code.agreed,
            code.missed
        );
    }
    for code in &codes {
        if let Some(drift) = &code.drift {
            println!("警示：{}", drift.explanation(&title(&code.code)));
        }
    }
    match args.alarm && codes.iter().any(|code| code.drift.is_some()) {
        true => Ok(FALLEN),
        false => Ok(GOOD),
    }
}
