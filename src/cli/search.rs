//! `qingting search`: calls by what was said in them.

use std::io::IsTerminal;

use clap::Args;
use miette::{IntoDiagnostic, miette};
use qingting_index::calls::{CallHit, CallPage, CallQuery, FacetRequest, Filter, Sort, TurnHit, field_info};
use qingting_pipeline::topic::Topics;

use super::data::{DataArgs, DateArgs, index};
use crate::insight;
use crate::insight::lookup::{TopicLookup, calls_of};

/// What a person may write, shown with the help.
const EXAMPLES: &str = "\
Examples:
  qingting search '\"费太贵\"'                           the phrase, across words
  qingting search '停水 坐席:A04 分数<60 日期:2026-03'    words beside conditions, in Chinese or English
  qingting search '停水 code:impatience -queue:银行'      without calls of a queue
  qingting search '停水 date:2026-03 OR (停电 -水费)'     either of two
  qingting search 'call:demo-* 时段:9~11 主题:t3'         ids that begin so, hours, a topic
  qingting search --like demo-034 'score<60'              calls like one, of those with a low score
  qingting search 停水 --facet date --facet code          counts over all hits

A query has no errors: what is no condition is looked for as words, with a warning that says so.
--filter takes the same conditions and refuses what it does not understand.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SearchArgs {
    /// Words, "phrases", -excluded, OR, and conditions such as agent:A04 score<60
    #[arg(
        value_name = "QUERY",
        allow_hyphen_values = true,
        required_unless_present = "like",
        default_value = "",
        hide_default_value = true
    )]
    query: String,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    dates: DateArgs,
    /// Calls like this one, by what was said
    #[arg(long, value_name = "CALL_ID")]
    like: Option<String>,
    /// Conditions such as: code:impatience agent:A04 score<60 -queue:银行
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    filter: Option<String>,
    /// relevance, newest, oldest, FIELD or -FIELD
    #[arg(long, value_name = "ORDER", allow_hyphen_values = true)]
    sort: Option<String>,
    /// Only calls that match as it is written, none that merely sound like it
    #[arg(long)]
    literal: bool,
    /// Count the values of a field over all hits: code, taboo, severity, agent, date, week, month, hour, weekday, ...
    #[arg(long, value_name = "FIELD")]
    facet: Vec<String>,
    /// Most values of a count
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    facet_size: u16,
    /// Most hits
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Continue after a page: its next_page_token
    #[arg(long, value_name = "TOKEN")]
    page: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// # Errors
/// When the filter is wrong, there is no call to be like, or the index cannot be read.
pub(super) fn run(args: &SearchArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let facet = |field: &String| FacetRequest { field: field.clone(), limit: usize::from(args.facet_size) };
    let mut query = CallQuery {
        text: Some(args.query.clone()).filter(|q| !q.trim().is_empty()),
        like: args.like.clone(),
        filter: args.filter.as_deref().map(Filter::parse).transpose().map_err(index)?,
        since: args.dates.since,
        until: args.dates.until,
        sort: args.sort.as_deref().map(Sort::parse).transpose().map_err(index)?,
        limit: usize::from(args.limit),
        page_token: args.page.clone(),
        facets: args.facet.iter().map(facet).collect(),
        by_sound: !args.literal,
        ..CallQuery::default()
    };
    if let Some(filter) = &mut query.filter {
        super::indicators::resolve(&opened, filter)?;
    }
    let topics = |topic: &str| {
        let topics: Topics = opened.data.read_topics()?.ok_or(insight::Error::NoTopics)?;
        calls_of(&topics, topic)
    };
    let page = opened.data.search(&query, &TopicLookup(topics)).map_err(|error| match &args.like {
        Some(call_id) if matches!(error, qingting_index::Error::NotFound { .. }) => {
            miette!(help = "qingting search shows the ids of calls", "--like {call_id}: no such call")
        }
        _ => index(error),
    })?;
    if args.json {
        println!("{}", serde_json::to_string(&page).into_diagnostic()?);
    } else {
        for warning in &page.warnings {
            eprintln!("warning: {warning}");
        }
        print(&page, std::io::stdout().is_terminal());
    }
    Ok(super::GOOD)
}

/// Prints a page of hits for people.
pub(super) fn print(page: &CallPage, colour: bool) {
    println!("共 {} 通", page.total);
    for facet in &page.facets {
        println!("\n{}", title(&facet.field));
        for value in &facet.values {
            println!("{:>8}  {}", value.calls, named(&facet.field, &value.value));
        }
    }
    for hit in &page.hits {
        println!("\n{}", headline(hit));
        if !hit.shared_words.is_empty() {
            println!("    共同词：{}", hit.shared_words.join(" "));
        }
        for turn in &hit.turns {
            println!("    {}", passage(turn, colour));
        }
    }
    if let Some(next) = &page.next {
        println!("\n更多结果：--page {next}");
    }
}

/// The name of a count as people read it.
fn title(field: &str) -> &str {
    match field {
        "week" => "周",
        "month" => "月份",
        _ if field.starts_with("attr.") => field,
        _ => field_info(field).map_or(field, |info| info.zh()),
    }
}

/// A value of a count as people read it.
fn named<'a>(field: &str, value: &'a str) -> &'a str {
    let weekdays = ["周一", "周二", "周三", "周四", "周五", "周六", "周日"];
    let is_weekday = field_info(field).is_some_and(|info| info.name == "weekday");
    let day = value.parse().ok().filter(|_| is_weekday).and_then(|day: usize| weekdays.get(day.checked_sub(1)?));
    day.copied().unwrap_or(value)
}

fn headline(hit: &CallHit) -> String {
    let mut parts = vec![hit.call_id.clone()];
    parts.extend(hit.started_at.as_deref().map(|at| at.get(..16).unwrap_or(at).replace('T', " ")));
    parts.extend(hit.queue.clone());
    parts.extend(hit.agent.as_ref().map(|agent| format!("坐席 {agent}")));
    parts.extend((!hit.appeal_type.is_empty()).then(|| hit.appeal_type.clone()));
    parts.extend(hit.score.map(|score| format!("{score:.0} 分")));
    parts.extend((!hit.codes.is_empty()).then(|| hit.codes.join(" ")));
    parts.extend(hit.by_sound.then(|| "按读音".to_owned()));
    parts.join("  ")
}

/// A passage with what matched in bold, or in 【】 where there are no colours.
fn passage(turn: &TurnHit, colour: bool) -> String {
    let (open, close) = if colour { ("\x1b[1m", "\x1b[0m") } else { ("【", "】") };
    let mut text = String::new();
    let mut marks = turn.highlights.iter().peekable();
    for (position, character) in (0u32..).zip(turn.snippet.chars()) {
        if marks.peek().is_some_and(|m| m.start == position) {
            text.push_str(open);
        }
        text.push(character);
        if let Some(_past) = marks.next_if(|m| m.end == position + 1) {
            text.push_str(close);
        }
    }
    let at = turn.start_ms.map_or_else(String::new, |ms| format!("{:02}:{:02} ", ms / 60_000, ms / 1000 % 60));
    format!("{at}{}：{text}", turn.role.zh())
}
