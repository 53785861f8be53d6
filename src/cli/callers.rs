//! `qingting callers`: who calls again ([`super::patterns`]), the history card of one caller, and whom a matter concerns. Every
//! card and list goes into the audit trail; while a server holds the data folder they go through it.

use std::path::PathBuf;

use chrono::{NaiveDate, Utc};
use clap::{Args, Subcommand};
use miette::{IntoDiagnostic, WrapErr, miette};
use qingting_index::calls::{CallQuery, Filter};
use qingting_pipeline::topic::Topics;
use qingting_pipeline::topic::view::Item;
use qingting_proto::v1;
use qingting_proto::v1::caller_service_client::CallerServiceClient;
use serde_json::{Value, json};
use tonic::transport::Channel;

use super::data::{DataArgs, Opened, index};
use super::submit::{self, status};
use super::{GOOD, patterns};
use crate::callers::find::{self, Matching};
use crate::callers::{CARD_SHOWN, LISTED, table};
use crate::insight::{self, lookup::TopicLookup, lookup::calls_of};
use crate::report::Period;
use crate::report::selection::Selection;
use crate::server::callers::{card_to_wire, row};
use crate::server::unmask::{UNMASKED, reason};

/// What the lock and the audit trail name these commands.
const CARD: &str = "qingting callers card";
const AFFECTED: &str = "qingting callers affected";
/// Digits of a pseudonym that are shown to people.
const PSEUDONYM: usize = 12;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct CallersArgs {
    #[command(subcommand)]
    command: Option<CallersCommand>,
    #[command(flatten)]
    patterns: patterns::PatternArgs,
}

#[derive(Debug, Subcommand)]
enum CallersCommand {
    /// Show what to know of a caller while the telephone rings; who looked goes into the audit trail
    Card(CardArgs),
    /// List the callers whom an alert or a change of policy concerns; who took it and why goes into the audit trail
    Affected(AffectedArgs),
}

#[derive(Debug, Args)]
struct CardArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Telephone number, id, or pseudonym
    caller: String,
    /// Days to look back [default: [callers] card_days of the settings]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=3660))]
    days: Option<u16>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct AffectedArgs {
    #[command(flatten)]
    data: DataArgs,
    /// What the calls have, such as topic:t3 or place:幸福路; may be given several times, and all has to hold
    #[arg(long = "item", value_name = "ITEM")]
    items: Vec<String>,
    /// What was said in the calls, as in qingting search
    #[arg(long, value_name = "QUERY")]
    query: Option<String>,
    /// Conditions, as in qingting search
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// First day [default: the first that has calls]
    #[arg(long, alias = "from", value_name = "YYYY-MM-DD")]
    since: Option<NaiveDate>,
    /// Last day [default: the last that has calls]
    #[arg(long, alias = "to", value_name = "YYYY-MM-DD")]
    until: Option<NaiveDate>,
    /// What the list is needed for, without personal data: it is kept in clear
    #[arg(long)]
    purpose: String,
    /// Also the callers' numbers, where they are kept
    #[arg(long)]
    numbers: bool,
    /// Write FILE.csv or FILE.arrow instead of printing
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// One JSON object a line
    #[arg(long, conflicts_with = "out")]
    json: bool,
}

/// # Errors
/// When the data folder cannot be read, or it cannot be written down who asked.
pub(super) fn run(args: &CallersArgs) -> miette::Result<u8> {
    match &args.command {
        None => patterns::callers(&args.patterns),
        Some(CallersCommand::Card(args)) => card(args),
        Some(CallersCommand::Affected(args)) => affected(args),
    }
}

fn client<T>(
    data: &DataArgs,
    ask: impl AsyncFnOnce(CallerServiceClient<Channel>) -> Result<T, tonic::Status>,
) -> miette::Result<T> {
    let ask = async |channel| ask(CallerServiceClient::new(channel)).await.map_err(status);
    submit::ask(&data.data, "qingting.v1.CallerService", ask)
}

fn view(opened: &Opened) -> miette::Result<Option<qingting_pipeline::topic::view::TopicView>> {
    match insight::load(&opened.data, qingting_index::DateRange::ALL) {
        Ok(view) => Ok(Some(view)),
        Err(insight::Error::NoTopics) => Ok(None),
        Err(error) => Err(super::topics::failure(error)),
    }
}

fn card(args: &CardArgs) -> miette::Result<u8> {
    let card = match args.data.writer_or_holder(CARD)? {
        Ok(opened) => {
            let days = args.days.unwrap_or(opened.settings.callers.card_days);
            let view = view(&opened)?;
            let card = find::card(&opened.data, view.as_ref(), &args.caller, days, Utc::now()).map_err(index)?;
            let subject = format!("caller {}", card.pseudonyms.join(" or "));
            let detail = format!("{} contacts within {days} days", card.contacts.len());
            opened.data.audit(&super::forget::actor(CARD), CARD_SHOWN, &subject, &detail).map_err(index)?;
            card_to_wire(card)
        }
        Err(_) => {
            let request =
                v1::GetCallerCardRequest { caller: args.caller.clone(), days: args.days.map_or(0, i32::from) };
            client(&args.data, async |mut client| Ok(client.get_caller_card(request).await?.into_inner()))?
        }
    };
    if args.json {
        println!("{}", card_json(&card));
        return Ok(GOOD);
    }
    println!("{}", card.headline);
    for line in &card.lines {
        println!("  {line}");
    }
    if !card.contacts.is_empty() {
        println!("\n来往记录");
    }
    for contact in &card.contacts {
        let rating = contact.rating.map_or_else(String::new, |rating| format!("  评价 {rating}"));
        let promise =
            contact.promise.as_ref().map_or_else(String::new, |promise| format!("  承诺：{}", promise.reason));
        println!(
            "  {}  {}  {}  {}{rating}{promise}  {}",
            contact.started_at.get(..16).unwrap_or_default(),
            if contact.outbound { "呼出" } else { "来电" },
            if contact.matter.is_empty() {
                &contact.appeal_type
            } else {
                &contact.matter
            },
            crate::journey::mean::outcome_zh(&contact.outcome),
            contact.call
        );
    }
    Ok(GOOD)
}

fn card_json(card: &v1::CallerCard) -> Value {
    let contacts = card.contacts.iter().map(|of| {
        let promise = of.promise.as_ref().map(|promise| {
            json!({"turn": promise.turn, "quote": promise.quote, "kept": promise.kept, "reason": promise.reason})
        });
        json!({
            "call": of.call, "started_at": of.started_at, "outbound": of.outbound, "channel": of.channel,
            "matter": of.matter, "topic": of.topic, "category": of.category, "appeal_type": of.appeal_type,
            "outcome": of.outcome, "rating": of.rating, "satisfaction": of.satisfaction, "ticket": of.ticket,
            "ticket_open": of.ticket_open, "ticket_due": of.ticket_due, "crisis": of.crisis, "promise": promise,
        })
    });
    let cases = card.cases.iter().map(
        |of| json!({"name": of.name, "call": of.call, "cause": of.cause, "state": of.state, "due_time": of.due_time}),
    );
    let repeat = card.repeat.as_ref().map(
        |of| json!({"matter": of.matter, "contact_count": of.contact_count, "unresolved_count": of.unresolved_count}),
    );
    let helped = card.helped.as_ref().map(|of| {
        json!({"call": of.call, "turn": of.turn, "quote": of.quote, "matter": of.matter, "started_at": of.started_at, "rating": of.rating})
    });
    json!({
        "pseudonyms": card.pseudonyms, "headline": card.headline, "lines": card.lines, "crisis": card.crisis,
        "days": card.days, "contacts": contacts.collect::<Vec<_>>(), "more_contacts": card.more_contacts,
        "repeat": repeat, "helped": helped, "cases": cases.collect::<Vec<_>>(), "style": card.style,
        "language": card.language,
    })
}

/// As what a list is written.
fn format(args: &AffectedArgs) -> miette::Result<v1::CallerListFormat> {
    let Some(out) = &args.out else {
        return Ok(v1::CallerListFormat::Unspecified);
    };
    match out.extension().and_then(|of| of.to_str()) {
        Some("csv") => Ok(v1::CallerListFormat::Csv),
        Some("arrow") => Ok(v1::CallerListFormat::Arrow),
        _ => Err(miette!("--out {}: name a file that ends with .csv or .arrow", out.display())),
    }
}

fn affected(args: &AffectedArgs) -> miette::Result<u8> {
    let purpose = reason(&args.purpose).map_err(|message| miette!("--purpose: {message}"))?;
    let items = args.items.iter().map(|item| Item::parse(item)).collect::<Result<Vec<_>, _>>();
    let items = items.map_err(|wrong| miette!("--item: {wrong}"))?;
    let said = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let (query, filter) = (said(&args.query), said(&args.filter));
    if items.is_empty() && query.is_none() && filter.is_none() {
        return Err(miette!("say whom it concerns: --item, --query or --filter"));
    }
    let format = format(args)?;
    let listed = match args.data.writer_or_holder(AFFECTED)? {
        Ok(opened) => {
            let period = period(&opened, args)?;
            local(&opened, args, &items, (query, filter), period, &purpose, format)?
        }
        Err(_) => {
            let period = period(&args.data.reader()?, args)?;
            let (since, until) = (period.from().to_string(), period.to().to_string());
            let request = v1::ListAffectedCallersRequest {
                items: args.items.clone(),
                query: query.unwrap_or_default(),
                filter: filter.unwrap_or_default(),
                selection: Some(v1::CallSelection { since, until, ..Default::default() }),
                purpose,
                include_numbers: args.numbers,
                format: format.into(),
            };
            client(&args.data, async |mut client| Ok(client.list_affected_callers(request).await?.into_inner()))?
        }
    };
    show(args, &listed)?;
    Ok(GOOD)
}

/// The days of the calls: what is not said is as far as there are calls.
fn period(opened: &Opened, args: &AffectedArgs) -> miette::Result<Period> {
    let stats = opened.data.stats().map_err(index)?;
    let days = stats.first_date.zip(stats.last_date);
    let (first, last) = days.ok_or_else(|| miette!("there are no calls in {}", args.data.data.display()))?;
    let from = args.since.unwrap_or_else(|| first.min(args.until.unwrap_or(first)));
    let to = args.until.unwrap_or_else(|| last.max(from));
    Period::new(from, to).ok_or_else(|| miette!("--until {to} is before --since {from}"))
}

/// A list out of a data folder that nobody else writes.
fn local(
    opened: &Opened,
    args: &AffectedArgs,
    items: &[Item],
    (query, filter): (Option<String>, Option<String>),
    period: Period,
    purpose: &str,
    format: v1::CallerListFormat,
) -> miette::Result<v1::ListAffectedCallersResponse> {
    let view = view(opened)?;
    if view.is_none() && !items.is_empty() {
        return Err(super::topics::failure(insight::Error::NoTopics));
    }
    let mut filter = filter.as_deref().map(Filter::parse).transpose().map_err(index)?;
    if let Some(filter) = &mut filter {
        super::indicators::resolve(opened, filter)?;
    }
    let said = query.as_deref().map(|query| opened.pipeline.normalizer().text(query).text);
    let search = (query.is_some() || filter.is_some()).then(|| CallQuery {
        text: query,
        filter,
        limit: 1000,
        turns_per_call: 0,
        by_sound: false,
        ..CallQuery::default()
    });
    let topics = |topic: &str| {
        let topics: Topics = opened.data.read_topics()?.ok_or(insight::Error::NoTopics)?;
        calls_of(&topics, topic)
    };
    let selection = Selection::all(period);
    let matching = Matching { items, query: search, selection: &selection, numbers: args.numbers };
    let list = find::affected(&opened.data, view.as_ref(), &TopicLookup(topics), matching).map_err(index)?;
    let who = super::forget::actor(AFFECTED);
    let subject = items.iter().map(Item::to_string).chain(said).collect::<Vec<_>>().join(" ");
    let subject = if subject.is_empty() {
        "calls by a filter".to_owned()
    } else {
        subject
    };
    let with = if args.numbers {
        "with numbers"
    } else {
        "without numbers"
    };
    let detail = format!("{purpose} ({} callers, {with}, {} to {})", list.callers.len(), period.from(), period.to());
    opened.data.audit(&who, LISTED, &subject, &detail).map_err(index)?;
    for row in list.callers.iter().filter(|row| row.number.is_some()) {
        opened.data.audit(&who, UNMASKED, &format!("calls/{}", row.last_call), purpose).map_err(index)?;
    }
    let data = match format {
        v1::CallerListFormat::Unspecified => Vec::new(),
        v1::CallerListFormat::Arrow => table::arrow(&list.callers, args.numbers).into_diagnostic()?,
        v1::CallerListFormat::Csv => table::csv(&list.callers, args.numbers).into_diagnostic()?,
    };
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    Ok(v1::ListAffectedCallersResponse {
        since: period.from().to_string(),
        until: period.to().to_string(),
        total_size: count(list.total),
        call_count: list.calls.cast_signed(),
        unknown_caller_count: list.unknown.cast_signed(),
        excluded_count: count(list.excluded),
        callers: list.callers.into_iter().map(row).collect(),
        data,
    })
}

fn show(args: &AffectedArgs, listed: &v1::ListAffectedCallersResponse) -> miette::Result<()> {
    let summary = format!(
        "{} 至 {}：{} 通相关通话，{} 位来电人；{} 通不知道来电人；另有 {} 位曾有危机情形，不在名单内",
        listed.since,
        listed.until,
        listed.call_count,
        listed.total_size,
        listed.unknown_caller_count,
        listed.excluded_count
    );
    if let Some(out) = &args.out {
        std::fs::write(out, &listed.data).into_diagnostic().wrap_err_with(|| out.display().to_string())?;
        eprintln!("{summary}");
        return Ok(());
    }
    for of in &listed.callers {
        if args.json {
            let number = (!of.number.is_empty()).then_some(&of.number);
            println!(
                "{}",
                json!({
                    "caller": of.caller, "call_count": of.call_count, "last_call": of.last_call,
                    "last_started_at": of.last_started_at, "region": of.region, "matter": of.matter, "open": of.open,
                    "number": number,
                })
            );
        } else {
            println!(
                "{}  {} 通  {}  {}  {}  {}  {}",
                of.caller.chars().take(PSEUDONYM).collect::<String>(),
                of.call_count,
                of.last_started_at.get(..16).unwrap_or_default(),
                of.region,
                of.matter,
                of.open,
                of.number
            );
        }
    }
    eprintln!("{summary}");
    Ok(())
}
