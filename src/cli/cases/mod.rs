//! `qingting cases`: what is done about calls. Reads the data folder; a server may run meanwhile, and then what is done goes
//! through it ([`act`]).

mod act;
mod show;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use clap::{Args, Subcommand};
use miette::miette;
use qingting_index::CaseQuery;

use super::GOOD;
use super::data::{DataArgs, Opened, index};
use crate::case::{Case, Cause, GroupBy, Rules, State, cases, counts, of_period, reminders};
use crate::diagnostic;
pub(super) use act::night;

#[derive(Debug, Subcommand)]
pub(super) enum CasesCommand {
    /// List cases, what is due first on top
    List(ListArgs),
    /// Show a case with everything that happened in it
    Show(ShowArgs),
    /// Open the cases that the rules ask for; with --call, one by hand
    Open(act::OpenArgs),
    /// Take a step in a case
    #[command(subcommand)]
    Step(act::StepCommand),
    /// Show who is to be reminded of what: warnings before due dates, escalations after them
    Remind(RemindArgs),
    /// Count the cases of a period
    Counts(CountsArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    data: DataArgs,
    /// In this state, such as opened or assigned; can be given several times
    #[arg(long = "state", value_name = "STATE", value_parser = state)]
    states: Vec<State>,
    /// Opened for this: rating, finding, crisis, alert, review, hand, experience
    #[arg(long, value_name = "CAUSE", value_parser = cause)]
    cause: Option<Cause>,
    /// Of calls of this team
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// Of calls of this agent
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// Open ones alone
    #[arg(long)]
    open: bool,
    /// Overdue ones alone
    #[arg(long)]
    overdue: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Its number
    number: i64,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct RemindArgs {
    #[command(flatten)]
    data: DataArgs,
    /// As of this moment, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<DateTime<Utc>>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct CountsArgs {
    #[command(flatten)]
    data: DataArgs,
    /// First day [default: 30 days up to the last]
    #[arg(long, alias = "from", value_name = "YYYY-MM-DD")]
    since: Option<NaiveDate>,
    /// Last day [default: today]
    #[arg(long, alias = "to", value_name = "YYYY-MM-DD")]
    until: Option<NaiveDate>,
    /// By cause, team or agent
    #[arg(long, value_name = "FIELD", value_parser = group)]
    by: Option<GroupBy>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

fn state(text: &str) -> Result<State, String> {
    let known = || State::ALL.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(", ");
    State::parse(text).ok_or_else(|| format!("one of {}", known()))
}

fn cause(text: &str) -> Result<Cause, String> {
    let known = || Cause::ALL.iter().map(|cause| cause.as_str()).collect::<Vec<_>>().join(", ");
    Cause::parse(text).ok_or_else(|| format!("one of {}", known()))
}

fn group(text: &str) -> Result<GroupBy, String> {
    match text {
        "cause" => Ok(GroupBy::Cause),
        "team" => Ok(GroupBy::Team),
        "agent" => Ok(GroupBy::Agent),
        _ => Err("one of cause, team, agent".to_owned()),
    }
}

fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    let read = DateTime::parse_from_rfc3339(text);
    read.map(|at| at.to_utc()).map_err(|_| "a time such as 2026-03-02T09:00:00+08:00".to_owned())
}

/// # Errors
/// When the data folder cannot be read or written, or a step may not be taken.
pub(super) fn run(command: &CasesCommand) -> miette::Result<u8> {
    match command {
        CasesCommand::List(args) => list(args),
        CasesCommand::Show(args) => show_one(args),
        CasesCommand::Open(args) => act::open(args),
        CasesCommand::Step(command) => act::step(command),
        CasesCommand::Remind(args) => remind(args),
        CasesCommand::Counts(args) => count(args),
    }
}

/// The rules of a data folder that is open.
fn rules(opened: &Opened) -> miette::Result<Rules> {
    Rules::load(opened.shelf.assets()).map_err(diagnostic::pipeline)
}

fn list(args: &ListArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let (rules, now) = (rules(&opened)?, Utc::now());
    let query = CaseQuery {
        cause: args.cause.map(|cause| cause.as_str().to_owned()),
        teams: args.team.clone().map(|team| vec![team]),
        agent: args.agent.clone(),
        ..CaseQuery::default()
    };
    let mut found = cases(&opened.data, &query).map_err(index)?;
    found.retain(|case| {
        (args.states.is_empty() || args.states.contains(&case.state))
            && (!args.open || case.state.is_open())
            && (!args.overdue || case.is_overdue(now))
    });
    found.sort_by_key(|case| (!case.state.is_open(), case.first_due(), case.number));
    for case in &found {
        match args.json {
            true => println!("{}", show::json(case, now, false)),
            false => println!("{}", show::line(case, &rules, now)),
        }
    }
    if !args.json {
        println!("共 {} 件，未办结 {} 件", found.len(), found.iter().filter(|case| case.state.is_open()).count());
    }
    Ok(GOOD)
}

/// A case that is there.
fn one(opened: &Opened, number: i64) -> miette::Result<Case> {
    let found = crate::case::case(&opened.data, number).map_err(index)?;
    found.ok_or_else(|| miette!(help = "qingting cases list --data DIR lists the cases", "there is no case {number}"))
}

fn show_one(args: &ShowArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    show::print(&one(&opened, args.number)?, &rules(&opened)?, args.json);
    Ok(GOOD)
}

fn remind(args: &RemindArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let (rules, now) = (rules(&opened)?, args.at.unwrap_or_else(Utc::now));
    let found = reminders(cases(&opened.data, &CaseQuery::default()).map_err(index)?, &rules, now);
    for reminder in &found {
        match args.json {
            true => println!("{}", show::reminder(reminder, &rules)),
            false => println!("{}", reminder.zh(&rules)),
        }
    }
    if found.is_empty() && !args.json {
        println!("没有即将到期或逾期的案件。");
    }
    Ok(GOOD)
}

fn count(args: &CountsArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let calendar = rules(&opened)?.calendar;
    let until = args.until.unwrap_or_else(|| calendar.day(Utc::now()));
    let since = args.since.or_else(|| until.checked_sub_signed(TimeDelta::days(29))).unwrap_or(until);
    if since > until {
        return Err(miette!("--until {until} is before --since {since}"));
    }
    let period = calendar.period(since, until);
    let found = of_period(&opened.data, &period, &CaseQuery::default()).map_err(index)?;
    let (total, groups) = counts(&found, &period, args.by);
    let rows = std::iter::once((None, total)).chain(groups.into_iter().map(|group| (Some(group.name), group.counts)));
    for (name, counts) in rows {
        println!("{}", show::counts(name.as_deref(), &counts, args.json));
    }
    Ok(GOOD)
}
