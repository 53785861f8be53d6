//! Sheets, phrases and bulletins.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::Args;
use miette::{IntoDiagnostic, WrapErr, miette};
use qingting_index::{DateRange, Depth};

use super::super::data::{DataArgs, Opened, index};
use super::super::{ConfigArgs, GOOD};
use crate::case;
use crate::coaching::bulletin::{self, Bulletin};
use crate::coaching::example::studies;
use crate::coaching::sheet::{Counting, Making, parts};
use crate::coaching::{Phrases, Reviewed, Sector, bulletin_page, sheet_text};
use crate::diagnostic;
use crate::insight;
use crate::report::Period;

/// Which days.
#[derive(Debug, Args)]
pub(in crate::cli) struct PeriodArgs {
    /// First day [default: the last week up to the last day that has calls]
    #[arg(long, alias = "since", value_name = "YYYY-MM-DD", requires = "to")]
    from: Option<NaiveDate>,
    /// Last day
    #[arg(long, alias = "until", value_name = "YYYY-MM-DD", requires = "from")]
    to: Option<NaiveDate>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SheetArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    period: PeriodArgs,
    /// Id of the agent
    #[arg(long, value_name = "ID")]
    agent: String,
    /// Whose phrases are suggested first: government, bank, utility, telecom [default: as [coaching] says of the queues]
    #[arg(long, value_parser = sector)]
    sector: Option<Sector>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PhrasesArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Of this fault, such as impatience; can be given several times
    #[arg(long = "code", value_name = "CODE")]
    codes: Vec<String>,
    /// Of this sector, and those for any: government, bank, utility, telecom
    #[arg(long, value_parser = sector)]
    sector: Option<Sector>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct BulletinArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    period: PeriodArgs,
    /// Of this team [default: all calls]
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// Write it as one HTML file too
    #[arg(long, value_name = "FILE.html")]
    html: Option<PathBuf>,
    /// One JSON object instead of Markdown
    #[arg(long)]
    json: bool,
}

fn sector(text: &str) -> Result<Sector, String> {
    let known = || Sector::ALL.map(Sector::as_str).join(", ");
    Sector::parse(text).ok_or_else(|| format!("one of {}", known()))
}

impl PeriodArgs {
    fn resolve(&self, opened: &Opened) -> miette::Result<Period> {
        period(self.from, self.to, opened)
    }
}

/// The days that were asked for, or the last week that has calls.
pub(super) fn period(from: Option<NaiveDate>, to: Option<NaiveDate>, opened: &Opened) -> miette::Result<Period> {
    let (from, to) = match from.zip(to) {
        Some(days) => days,
        None => {
            let last = opened.data.stats().map_err(index)?.last_date.ok_or_else(|| miette!("there are no calls"))?;
            (last.checked_sub_days(chrono::Days::new(6)).unwrap_or(last), last)
        }
    };
    Period::new(from, to).ok_or_else(|| miette!("--to {to} is before --from {from}"))
}

pub(super) fn reviewed(opened: &Opened) -> miette::Result<Reviewed> {
    Reviewed::read(&opened.data, BTreeSet::new()).map_err(index)
}

/// # Errors
/// When the data folder cannot be read, or the agent has no scored calls.
pub(super) fn sheet(args: &SheetArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let catalog = opened.pipeline.finder().catalog();
    let phrases = Phrases::load(opened.shelf.assets(), catalog).map_err(diagnostic::pipeline)?;
    let (period, reviewed) = (args.period.resolve(&opened)?, reviewed(&opened)?);
    let making = Making {
        catalog,
        report: &opened.settings.report,
        coaching: &opened.settings.coaching,
        phrases: &phrases,
        reviewed: &reviewed,
    };
    let mut counting = Counting::new(making, &args.agent, period, parts(period));
    for range in [counting.before_period(), period] {
        for call in opened.data.scan_to(range.range(), Depth::Outline).map_err(index)? {
            counting.add(call.map_err(index)?);
        }
    }
    let sheet = counting.finish(1, args.sector, |id| opened.data.get_call(id)).map_err(index)?;
    let sheet = sheet.ok_or_else(|| miette!("{} has no scored calls of {}", args.agent, period.label()))?;
    match args.json {
        true => println!("{}", serde_json::to_string(&sheet).into_diagnostic()?),
        false => print!("{}", sheet_text::markdown(&sheet)),
    }
    Ok(GOOD)
}

/// # Errors
/// When the library cannot be read, or there is no such code.
pub(super) fn phrases(args: &PhrasesArgs) -> miette::Result<u8> {
    let (settings, assets) = args.config.load()?;
    let pipeline = super::super::args::pipeline(&settings, &assets)?;
    let catalog = pipeline.finder().catalog();
    if let Some(unknown) = args.codes.iter().find(|code| catalog.get(code).is_none()) {
        return Err(miette!(help = "qingting rules list shows them", "there is no code {unknown}"));
    }
    let phrases = Phrases::load(&assets, catalog).map_err(diagnostic::pipeline)?;
    let mut last = None;
    for phrase in phrases.of(None, args.sector) {
        if !args.codes.is_empty() && !args.codes.contains(&phrase.code) {
            continue;
        }
        if args.json {
            println!("{}", serde_json::to_string(phrase).into_diagnostic()?);
            continue;
        }
        if last.replace(&phrase.code) != Some(&phrase.code) {
            let title = catalog.get(&phrase.code).map_or(phrase.code.as_str(), |info| info.title.as_str());
            println!("\n## {title}（{}）\n", phrase.code);
        }
        print!("{}", sheet_text::phrase(phrase));
    }
    Ok(GOOD)
}

/// # Errors
/// When the data folder cannot be read or the file cannot be written.
pub(super) fn bulletin(args: &BulletinArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let period = args.period.resolve(&opened)?;
    let told = make(&opened, period, args.team.clone())?;
    if let Some(path) = &args.html {
        write(path, &bulletin_page::page(&told))?;
    }
    match args.json {
        true => println!("{}", serde_json::to_string(&told).into_diagnostic()?),
        false => print!("{}", bulletin_page::markdown(&told)),
    }
    Ok(GOOD)
}

fn make(opened: &Opened, period: Period, team: Option<String>) -> miette::Result<Bulletin> {
    let (catalog, reviewed) = (opened.pipeline.finder().catalog(), reviewed(opened)?);
    let (report, coaching) = (&opened.settings.report, &opened.settings.coaching);
    let mut counting = bulletin::Counting::new(period, team, BTreeSet::new(), report, coaching, catalog, &reviewed);
    for (range, depth) in counting.ranges() {
        for call in opened.data.scan_to(range.range(), depth).map_err(index)? {
            counting.add(call.map_err(index)?);
        }
    }
    let mut told = counting.finish();
    match insight::load(&opened.data, DateRange { since: None, until: Some(period.to()) }) {
        Ok(view) => told = told.with_topics(&view),
        Err(insight::Error::NoTopics) => {}
        Err(error) => return Err(super::super::topics::failure(error)),
    }
    let rules = case::Rules::load(opened.shelf.assets()).map_err(diagnostic::pipeline)?;
    let days = |period: Period| rules.calendar.period(period.from(), period.to());
    let told = told.with_cases(&opened.data, &days(period), &days(period.before())).map_err(index)?;
    let all = studies(opened.data.examples().map_err(index)?).map_err(index)?;
    let contested = crate::coaching::reviewed::Taken::Contested;
    let seen: Vec<_> = all.into_iter().filter(|study| reviewed.taken(&study.call_id) != contested).collect();
    Ok(told.with_studies(&seen))
}

/// The file appears under its name when it is complete.
fn write(path: &Path, page: &str) -> miette::Result<()> {
    super::super::report::write(path, page)
        .into_diagnostic()
        .wrap_err_with(|| path.display().to_string())
}
