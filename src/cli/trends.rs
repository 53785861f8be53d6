//! `qingting trends` and `qingting alerts`: what rose, what burst, and above all whose life is in
//! danger.

use clap::Args;
use miette::IntoDiagnostic;
use qingting_pipeline::topic::trend::{self, Alerts};
use qingting_pipeline::topic::view::TopicView;

use super::data::{DataArgs, DateArgs};
use super::topics::failure;
use crate::insight;

/// Calls that are named of a burst, for people.
const SHOWN: usize = 5;

#[derive(Debug, Args)]
pub(super) struct TrendsArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    dates: DateArgs,
    /// Days that are compared with as many before them
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
    /// Most topics
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct AlertsArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    dates: DateArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// # Errors
/// When the topics cannot be read.
pub(super) fn trends(args: &TrendsArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let view = insight::load(&opened.data, args.dates.range()).map_err(failure)?;
    let length = usize::from(args.days);
    let days = view.days().map_or(0, |(first, last)| (last - first).num_days() + 1);
    if days < 2 * i64::from(args.days) {
        eprintln!("warning: {days} days of calls are fewer than twice {length}");
    }
    let trends: Vec<_> = trend::trends(&view, length).into_iter().take(args.limit).collect();
    if args.json {
        println!("{}", serde_json::to_string(&trends).into_diagnostic()?);
        return Ok(super::GOOD);
    }
    println!("近 {length} 天与前 {length} 天相比，升幅大的在前");
    for trend in trends {
        println!("  {:>5} 通（前期 {:>5} 通）  {}  {}", trend.calls, trend.before, trend.topic, trend.label);
    }
    Ok(super::GOOD)
}

/// # Errors
/// When the store, the index or the topics cannot be read.
pub(super) fn alerts(args: &AlertsArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let range = args.dates.range();
    // Lives in danger are told even before topics were found for the first time.
    let view = match insight::load(&opened.data, range) {
        Err(insight::Error::NoTopics) => {
            eprintln!("warning: there are no topics yet, so no bursts: run `qingting topics --data DIR`");
            TopicView::default()
        }
        view => view.map_err(failure)?,
    };
    let crises = insight::crises(&opened.data, range).map_err(failure)?;
    let alerts = Alerts { crises, ..trend::alerts(&view, &opened.settings.burst) };
    if args.json {
        println!("{}", serde_json::to_string(&alerts).into_diagnostic()?);
        return Ok(super::GOOD);
    }
    println!("危机情形 {} 通", alerts.crises.len());
    for crisis in &alerts.crises {
        let date = crisis
            .started_at
            .map_or_else(|| "时间不详".to_owned(), |at| at.format("%Y-%m-%d %H:%M").to_string());
        println!("  {date}  {}  “{}”", crisis.call_id, crisis.quote);
    }
    println!("突发诉求 {} 起", alerts.bursts.len());
    for burst in &alerts.bursts {
        let at = burst.at.as_ref().map_or_else(String::new, |at| format!("（{}）", at.value));
        println!(
            "  {} 至 {}  {}  {} 通（预期 {:.1} 通，{:.1} 倍）  {}{at}",
            burst.from,
            burst.until,
            burst.topic,
            burst.observed,
            burst.expected,
            f64::from(burst.observed) / burst.expected.max(0.1),
            burst.label
        );
        println!("      {}", burst.call_ids.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(" "));
    }
    Ok(super::GOOD)
}
