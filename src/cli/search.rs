//! `qingting search`: calls by what was said in them.

use std::io::IsTerminal;

use clap::Args;
use miette::IntoDiagnostic;
use qingting_index::calls::{CallHit, CallPage, CallQuery, Filter, Sort, TurnHit};

use super::data::{DataArgs, DateArgs, index};

#[derive(Debug, Args)]
pub(super) struct SearchArgs {
    /// Words, "phrases", -excluded, OR
    #[arg(value_name = "QUERY", allow_hyphen_values = true)]
    query: String,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    dates: DateArgs,
    /// Conditions such as: code:impatience agent:A04 score<60 -queue:银行
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    filter: Option<String>,
    /// relevance, newest, oldest, FIELD or -FIELD
    #[arg(long, value_name = "ORDER", allow_hyphen_values = true)]
    sort: Option<String>,
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
/// When the query or filter is wrong or the index cannot be read.
pub(super) fn run(args: &SearchArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let query = CallQuery {
        text: Some(args.query.clone()).filter(|q| !q.trim().is_empty()),
        filter: args.filter.as_deref().map(Filter::parse).transpose().map_err(index)?,
        since: args.dates.since,
        until: args.dates.until,
        sort: args.sort.as_deref().map(Sort::parse).transpose().map_err(index)?,
        limit: usize::from(args.limit),
        page_token: args.page.clone(),
        ..CallQuery::default()
    };
    let page = opened.data.calls().and_then(|calls| calls.search(&query)).map_err(index)?;
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
    for hit in &page.hits {
        println!("\n{}", headline(hit));
        for turn in &hit.turns {
            println!("    {}", passage(turn, colour));
        }
    }
    if let Some(next) = &page.next {
        println!("\n更多结果：--page {next}");
    }
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
