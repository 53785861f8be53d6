//! `qingting experience`: experience officers. Reads the data folder; a server may run meanwhile, and then what is imported goes
//! through it ([`import`]).

mod import;
mod show;

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Subcommand};

use super::GOOD;
use super::data::{DataArgs, Opened, index};
use crate::diagnostic;
use crate::experience::{Programme, Rules, load, reminders, structure};

#[derive(Debug, Subcommand)]
pub(super) enum ExperienceCommand {
    /// Take in officers, tasks, reports, opinions and votes from JSON Lines or CSV; the same again changes nothing
    Import(import::ImportArgs),
    /// List the officers
    Officers(OfficersArgs),
    /// Show how the roster is made up beside how it should be
    Structure(StructureArgs),
    /// List tasks, by due date
    Tasks(TasksArgs),
    /// Show who is to be reminded of what; nothing is sent
    Remind(RemindArgs),
    /// List reports, newest first
    Reports(ListArgs),
    /// List polls with what came of them, newest first
    Polls(ListArgs),
}

#[derive(Debug, Args)]
pub(super) struct OfficersArgs {
    #[command(flatten)]
    list: ListArgs,
    /// Those who serve today alone
    #[arg(long)]
    serving: bool,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    data: DataArgs,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct StructureArgs {
    #[command(flatten)]
    list: ListArgs,
    /// On this day [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<NaiveDate>,
}

#[derive(Debug, Args)]
pub(super) struct TasksArgs {
    #[command(flatten)]
    list: ListArgs,
    /// Open ones alone
    #[arg(long)]
    open: bool,
    /// Overdue ones alone
    #[arg(long)]
    overdue: bool,
}

#[derive(Debug, Args)]
pub(super) struct RemindArgs {
    #[command(flatten)]
    list: ListArgs,
    /// As of this moment, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<DateTime<Utc>>,
}

fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    let read = DateTime::parse_from_rfc3339(text);
    read.map(|at| at.to_utc()).map_err(|_| "a time such as 2026-03-02T09:00:00+08:00".to_owned())
}

/// # Errors
/// When the data folder cannot be read or written.
pub(super) fn run(command: &ExperienceCommand) -> miette::Result<u8> {
    match command {
        ExperienceCommand::Import(args) => import::run(args),
        ExperienceCommand::Officers(args) => officers(args),
        ExperienceCommand::Structure(args) => show_structure(args),
        ExperienceCommand::Tasks(args) => tasks(args),
        ExperienceCommand::Remind(args) => remind(args),
        ExperienceCommand::Reports(args) => reports(args),
        ExperienceCommand::Polls(args) => polls(args),
    }
}

/// The rules of a data folder that is open.
fn rules(opened: &Opened) -> miette::Result<Rules> {
    Rules::load(opened.shelf.assets()).map_err(diagnostic::pipeline)
}

fn read(args: &ListArgs) -> miette::Result<(Opened, Rules, Programme)> {
    let opened = args.data.reader()?;
    let rules = rules(&opened)?;
    let programme = load(&opened.data).map_err(index)?;
    Ok((opened, rules, programme))
}

/// Prints things, and how many there are.
fn print(lines: Vec<String>, as_json: bool, what: &str) -> u8 {
    let count = lines.len();
    for line in lines {
        println!("{line}");
    }
    if !as_json {
        println!("共 {count} {what}");
    }
    GOOD
}

fn officers(args: &OfficersArgs) -> miette::Result<u8> {
    let (_opened, rules, programme) = read(&args.list)?;
    let today = rules.calendar.day(Utc::now());
    let officers = programme.officers.values().filter(|officer| !args.serving || officer.serves(today));
    let lines = officers.map(|officer| show::officer(officer, today, args.list.json)).collect();
    Ok(print(lines, args.list.json, "人"))
}

fn show_structure(args: &StructureArgs) -> miette::Result<u8> {
    let (_opened, rules, programme) = read(&args.list)?;
    let day = args.date.unwrap_or_else(|| rules.calendar.day(Utc::now()));
    for row in structure(&programme, &rules, day) {
        println!("{}", show::row(&row, args.list.json));
    }
    Ok(GOOD)
}

fn tasks(args: &TasksArgs) -> miette::Result<u8> {
    let (_opened, rules, programme) = read(&args.list)?;
    let now = Utc::now();
    let mut tasks: Vec<_> = programme.tasks.values().collect();
    tasks.retain(|task| (!args.open || task.state.is_open()) && (!args.overdue || task.is_overdue(&rules, now)));
    tasks.sort_by_key(|task| (task.plan.due, &task.id));
    let lines = tasks.into_iter().map(|task| show::task(&programme, task, &rules, now, args.list.json)).collect();
    Ok(print(lines, args.list.json, "项任务"))
}

fn remind(args: &RemindArgs) -> miette::Result<u8> {
    let (_opened, rules, programme) = read(&args.list)?;
    let found = reminders(&programme, &rules, args.at.unwrap_or_else(Utc::now));
    for reminder in &found {
        println!("{}", show::reminder(reminder, args.list.json));
    }
    if found.is_empty() && !args.list.json {
        println!("没有即将到期或逾期的事项。");
    }
    Ok(GOOD)
}

fn reports(args: &ListArgs) -> miette::Result<u8> {
    let (opened, _rules, programme) = read(args)?;
    let mut reports: Vec<_> = programme.reports.values().collect();
    reports.sort_by_key(|report| (std::cmp::Reverse(report.submitted.experienced_at), &report.id));
    let mut lines = Vec::new();
    for report in reports {
        let call = opened.data.get_call(&report.call_id).map_err(index)?;
        lines.push(show::report(&programme, report, call.as_ref(), args.json));
    }
    Ok(print(lines, args.json, "份报告"))
}

fn polls(args: &ListArgs) -> miette::Result<u8> {
    let (_opened, rules, programme) = read(args)?;
    let mut polls: Vec<_> = programme.polls.values().collect();
    polls.sort_by_key(|poll| (std::cmp::Reverse(poll.opened_at), &poll.id));
    let now = Utc::now();
    let lines = polls.into_iter().map(|poll| show::poll(&programme, poll, &rules, now, args.json)).collect();
    Ok(print(lines, args.json, "次投票"))
}
