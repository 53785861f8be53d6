//! `qingting trends` and `qingting alerts`: what rose, what burst, and above all whose life is in
//! danger.

use chrono::NaiveDate;
use clap::Args;
use miette::{IntoDiagnostic, miette};
use serde::Serialize;

use super::data::{DataArgs, DateArgs, Opened, index};
use crate::report::crisis_quote;
use crate::trend::{Alert, Daily, KeptTopics};

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
    /// Print one JSON object
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

/// A call in which somebody's life is in danger.
#[derive(Debug, Serialize)]
struct Crisis {
    call_id: String,
    date: Option<NaiveDate>,
    quote: String,
}

#[derive(Debug, Serialize)]
struct Alerts {
    crises: Vec<Crisis>,
    bursts: Vec<Alert>,
}

struct Read {
    daily: Daily,
    crises: Vec<Crisis>,
}

fn read(opened: &Opened, dates: DateArgs) -> miette::Result<Read> {
    let topics: KeptTopics = opened
        .data
        .read_topics()
        .map_err(index)?
        .ok_or_else(|| miette!("there are no topics yet: run `qingting topics --data DIR` first"))?;
    let (mut days, mut crises) = (Vec::new(), Vec::new());
    for call in opened.data.scan(dates.range()).map_err(index)? {
        let call = call.map_err(index)?;
        let date = call.record.started_at.map(|at| at.date_naive());
        if call.analysis.facts.crisis {
            let quote = crisis_quote(&call.analysis);
            crises.push(Crisis { call_id: call.record.call_id.clone(), date, quote });
        }
        if let Some(date) = date {
            days.push((call.record.call_id, date));
        }
    }
    crises.sort_by(|a, b| b.date.cmp(&a.date).then_with(|| a.call_id.cmp(&b.call_id)));
    Ok(Read { daily: Daily::new(&topics, days), crises })
}

/// # Errors
/// When the store or the topics cannot be read.
pub(super) fn trends(args: &TrendsArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let daily = read(&opened, args.dates)?.daily;
    let length = usize::from(args.days);
    if daily.days < 2 * length {
        eprintln!("warning: {} days of calls are fewer than twice {length}", daily.days);
    }
    let trends: Vec<_> = daily.trends(length).into_iter().take(args.limit).collect();
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
/// When the store or the topics cannot be read.
pub(super) fn alerts(args: &AlertsArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let read = read(&opened, args.dates)?;
    let bursts = read.daily.alerts(&opened.settings.burst);
    if args.json {
        println!("{}", serde_json::to_string(&Alerts { crises: read.crises, bursts }).into_diagnostic()?);
        return Ok(super::GOOD);
    }
    println!("危机情形 {} 通", read.crises.len());
    for crisis in &read.crises {
        let date = crisis.date.map_or_else(|| "日期不详".to_owned(), |date| date.to_string());
        println!("  {date}  {}  “{}”", crisis.call_id, crisis.quote);
    }
    println!("突发诉求 {} 起", bursts.len());
    for burst in &bursts {
        println!(
            "  {} 至 {}  {}  {} 通（预期 {:.1} 通，{:.1} 倍）  {}",
            burst.from,
            burst.until,
            burst.topic,
            burst.observed,
            burst.expected,
            f64::from(burst.observed) / burst.expected.max(0.1),
            burst.label
        );
        println!("      {}", burst.call_ids.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(" "));
    }
    Ok(super::GOOD)
}
