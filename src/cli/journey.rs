//! `qingting journey`: the curve of a call, mean curves, and what goes with dissatisfied callers; as text, JSON and SVG. Reads
//! the data folder; a server may run meanwhile.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use miette::{IntoDiagnostic, WrapErr, miette};
use qingting_index::{DateRange, Depth};
use qingting_pipeline::Analyzed;
use serde_json::json;

use super::GOOD;
use super::data::{DataArgs, Opened, index};
use super::topics::failure;
use crate::insight;
use crate::journey::drivers::{CAVEAT, Collector, Target};
use crate::journey::mean::{LEAST_CALLS, band};
use crate::journey::{CallStep, Course, GroupBy, Journey, MeanJourney, Means, Narrowing, Topics, chart};
use crate::report::Period;
use crate::report::selection::Selection;

#[derive(Debug, Subcommand)]
pub(super) enum JourneyCommand {
    /// Show the curve of one call: peaks with their words, the end, what became of it, the steps
    Call(CallArgs),
    /// Show the mean curve of a selection of calls, and of its parts
    Mean(MeanArgs),
    /// Show what goes with dissatisfied callers, with intervals: association, not cause
    Drivers(DriverArgs),
}

#[derive(Debug, Args)]
pub(super) struct CallArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The call
    #[arg(value_name = "CALL_ID")]
    call: String,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Debug, Args)]
struct Shown {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write a picture too
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Which {
    #[command(flatten)]
    data: DataArgs,
    /// First day [default: the first that has calls]
    #[arg(long, alias = "from", value_name = "YYYY-MM-DD")]
    since: Option<NaiveDate>,
    /// Last day [default: the last that has calls]
    #[arg(long, alias = "to", value_name = "YYYY-MM-DD")]
    until: Option<NaiveDate>,
    /// Calls of this team; may be given several times
    #[arg(long, value_name = "TEAM")]
    team: Vec<String>,
    /// Calls of this queue; may be given several times
    #[arg(long, value_name = "QUEUE")]
    queue: Vec<String>,
    /// Calls of the agent of this id; may be given several times
    #[arg(long, value_name = "ID")]
    agent: Vec<String>,
    /// Calls of this topic
    #[arg(long, value_name = "ID")]
    topic: Option<String>,
    /// Calls of this category, of whatever level
    #[arg(long, value_name = "NAME")]
    category: Option<String>,
    /// resolved, follow_up or unresolved
    #[arg(long, value_name = "OUTCOME", value_parser = ["resolved", "follow_up", "unresolved"])]
    outcome: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct MeanArgs {
    #[command(flatten)]
    which: Which,
    /// Also the parts: by topic, team, queue, category or outcome
    #[arg(long, value_name = "FIELD", value_parser = group)]
    by: Option<GroupBy>,
    /// Fewest calls of a mean that is shown
    #[arg(long, value_name = "N", default_value_t = LEAST_CALLS, value_parser = clap::value_parser!(u64).range(2..))]
    min_calls: u64,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Debug, Args)]
pub(super) struct DriverArgs {
    #[command(flatten)]
    which: Which,
    /// What is explained: rating or predicted [default: the rating where enough calls have one]
    #[arg(long, value_name = "TARGET", value_parser = target)]
    target: Option<Target>,
    /// Leave the lowest point and the end of the call out: they lie between what is done and how it is rated
    #[arg(long)]
    without_feelings: bool,
    #[command(flatten)]
    shown: Shown,
}

fn group(text: &str) -> Result<GroupBy, String> {
    GroupBy::parse(text).ok_or_else(|| format!("one of {}", GroupBy::NAMES))
}

fn target(text: &str) -> Result<Target, String> {
    Target::parse(text).ok_or_else(|| "rating or predicted".to_owned())
}

/// # Errors
/// When the data folder cannot be read, a call or topic is not there, or a file cannot be written.
pub(super) fn run(command: &JourneyCommand) -> miette::Result<u8> {
    match command {
        JourneyCommand::Call(args) => call(args),
        JourneyCommand::Mean(args) => mean(args),
        JourneyCommand::Drivers(args) => drivers(args),
    }
}

fn draw(file: Option<&Path>, picture: impl FnOnce() -> maud::Markup) -> miette::Result<()> {
    let Some(file) = file else { return Ok(()) };
    let written = std::fs::write(file, chart::standalone(picture()));
    written.into_diagnostic().wrap_err_with(|| file.display().to_string())
}

fn call(args: &CallArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let call = opened.data.get_call(&args.call).map_err(index)?;
    let call = call.ok_or_else(|| miette!("there is no call {}", args.call))?;
    let journey = Journey::of(&call.record, &call.analysis)
        .ok_or_else(|| miette!("the caller says nothing in {}: there is no curve", args.call))?;
    draw(args.shown.svg.as_deref(), || chart::call(&journey))?;
    if args.shown.json {
        println!("{}", serde_json::to_string(&journey).into_diagnostic()?);
        return Ok(GOOD);
    }
    println!(
        "开始 {:+.2}  峰值 {:+.2}  结束 {:+.2}  峰终 {:+.2}  {}",
        journey.start,
        journey.peak,
        journey.end,
        journey.peak_end,
        journey.course.zh()
    );
    for (name, moment) in [("最低点", &journey.lowest), ("最高点", &journey.highest)] {
        if let Some(moment) = moment {
            println!("{name}  第 {} 轮  {:+.2}  “{}”", moment.turn + 1, moment.score, moment.quote);
        }
    }
    for (step, first, last) in &journey.steps {
        let feeling = journey.in_step(*step).map_or_else(|| "—".to_owned(), |feeling| format!("{feeling:+.2}"));
        println!("{}  第 {}–{} 轮  来电人 {feeling}", step.zh(), first + 1, last + 1);
    }
    Ok(GOOD)
}

impl Which {
    /// Hands over every call that is meant.
    fn each(&self, by_topic: bool, mut take: impl FnMut(&Opened, &Analyzed, &Topics)) -> miette::Result<Period> {
        let opened = self.data.reader()?;
        let stats = opened.data.stats().map_err(index)?;
        let days = stats.first_date.zip(stats.last_date);
        let (first, last) = days.ok_or_else(|| miette!("there are no calls in {}", self.data.data.display()))?;
        let from = self.since.unwrap_or_else(|| first.min(self.until.unwrap_or(first)));
        let to = self.until.unwrap_or_else(|| last.max(from));
        let period = Period::new(from, to).ok_or_else(|| miette!("--until {to} is before --since {from}"))?;
        let selection = Selection {
            period,
            teams: self.team.iter().cloned().collect(),
            queues: self.queue.iter().cloned().collect(),
            agents: self.agent.iter().cloned().collect(),
        };
        let (mut topics, mut topic) = (Topics::default(), None);
        if by_topic || self.topic.is_some() {
            let view = insight::load(&opened.data, DateRange::ALL).map_err(failure)?;
            if let Some(id) = &self.topic {
                topic = Some(view.topics.get(id).map_err(|error| failure(error.into()))?.id.clone());
            }
            topics = Topics::of(&view);
        }
        let narrowing = Narrowing {
            topic,
            category: self.category.clone(),
            outcome: self.outcome.clone(),
            ..Narrowing::default()
        };
        for call in opened.data.scan_to(period.range(), Depth::Whole).map_err(index)? {
            let call = call.map_err(index)?;
            if selection.is_of(&call.record) && narrowing.has(&call, &topics) {
                take(&opened, &call, &topics);
            }
        }
        Ok(period)
    }
}

fn mean(args: &MeanArgs) -> miette::Result<u8> {
    let mut means = Means::new(args.by);
    let period = args.which.each(args.by == Some(GroupBy::Topic), |_, call, topics| means.add(call, topics))?;
    let (overall, groups, small) = means.finish(args.min_calls);
    if overall.calls >= args.min_calls {
        draw(args.shown.svg.as_deref(), || chart::mean("journey-mean", "平均情绪曲线", &overall))?;
    } else {
        eprintln!("warning: {} calls with a curve, fewer than {}: nothing is drawn", overall.calls, args.min_calls);
    }
    if args.shown.json {
        let told = (overall.calls >= args.min_calls).then_some(&overall);
        let answer = json!({
            "since": period.from(), "until": period.to(), "calls": overall.calls, "overall": told, "groups": groups,
            "small_groups": small,
        });
        println!("{answer}");
        return Ok(GOOD);
    }
    println!("{}", period.label());
    if overall.calls >= args.min_calls {
        print_mean("全部", &overall);
    }
    for group in &groups {
        print_mean(&group.label, &group.mean);
    }
    if small > 0 {
        println!("另有 {small} 组不足 {} 通，不列出。", args.min_calls);
    }
    Ok(GOOD)
}

fn print_mean(name: &str, of: &MeanJourney) {
    let told = |mean: &crate::report::figures::Mean| match band(mean) {
        None => "—".to_owned(),
        Some(band) => match band.low.zip(band.high) {
            Some((low, high)) => format!("{:+.2}（{low:+.2} 至 {high:+.2}）", band.value),
            None => format!("{:+.2}", band.value),
        },
    };
    println!(
        "\n{name}  {} 通  峰值 {}  结束 {}  峰终 {}",
        of.calls,
        told(&of.peak),
        told(&of.end),
        told(&of.peak_end)
    );
    let courses = Course::ALL
        .iter()
        .zip(of.courses)
        .map(|(course, calls)| format!("{} {:.1}%", course.zh(), 100.0 * calls as f64 / of.calls.max(1) as f64));
    println!("  {}", courses.collect::<Vec<_>>().join("  "));
    for (step, mean) in CallStep::ALL.iter().zip(&of.steps) {
        println!("  {}  {}  {} 通", step.zh(), told(mean), mean.count());
    }
}

fn drivers(args: &DriverArgs) -> miette::Result<u8> {
    let mut calls = Collector::default();
    let mut catalog = None;
    args.which.each(false, |opened, call, _| {
        let catalog = catalog.get_or_insert_with(|| opened.pipeline.finder().catalog().clone());
        calls.add(call, catalog);
    })?;
    let catalog = catalog.unwrap_or_else(qingting_pipeline::finding::Catalog::guide);
    let found = match calls.finish(args.target, !args.without_feelings, &catalog) {
        Ok(found) => found,
        Err(few) if args.shown.json => {
            println!("{}", json!({"drivers": [], "calls": few.calls, "effective": few.effective, "note": few.zh()}));
            return Ok(GOOD);
        }
        Err(few) => {
            println!("{}", few.zh());
            return Ok(GOOD);
        }
    };
    draw(args.shown.svg.as_deref(), || chart::drivers(&found))?;
    if args.shown.json {
        println!("{}", serde_json::to_string(&found).into_diagnostic()?);
        return Ok(GOOD);
    }
    println!("{}{CAVEAT}\n", found.basis());
    for driver in &found.drivers {
        println!("{} {}", if driver.clear { "●" } else { "○" }, driver.zh());
        if let Some(example) = driver.example.as_ref().filter(|_| driver.clear) {
            println!("    请听 {} 第 {} 轮：“{}”", example.call_id, example.turn + 1, example.quote);
        }
    }
    for (what, names) in [
        ("由其他因素决定，未单列", &found.determined),
        ("数据不足，未列入", &found.left_out),
    ] {
        if !names.is_empty() {
            println!("\n{what}：{}", names.join("、"));
        }
    }
    Ok(GOOD)
}
