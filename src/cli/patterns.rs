//! `qingting hotspots`, `qingting associations` and `qingting callers`: where it burns, what goes with
//! what, and who calls again.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;
use miette::{IntoDiagnostic, miette};
use qingting_pipeline::topic::association::{Association, associations};
use qingting_pipeline::topic::callers::{CallerPatterns, Repeats, patterns};
use qingting_pipeline::topic::hotspot::hotspots;
use qingting_pipeline::topic::view::{Item, TopicView};

use super::args::ConfigArgs;
use super::data::{DataArgs, DateArgs};
use super::topics::failure;
use crate::insight;

/// Digits of a pseudonym that are shown to people.
const PSEUDONYM: usize = 12;

#[derive(Debug, Args)]
pub(super) struct HotspotsArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Last day [default: the day of the newest call]
    #[arg(long, alias = "to", value_name = "YYYY-MM-DD")]
    until: Option<NaiveDate>,
    /// Days up to it [default: [hotspot] days of the settings]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=366))]
    days: Option<u16>,
    /// Most hot spots
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct AssociationsArgs {
    /// What to explain: 不满意, or FIELD:VALUE such as outcome:unresolved, fault:impatience [default: all that is bad]
    #[arg(value_name = "ITEM")]
    target: Option<String>,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    dates: DateArgs,
    /// Most rules
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct PatternArgs {
    /// The data folder
    // Optional only for the commands beneath, which have their own.
    #[arg(long, value_name = "DIR", env = "QINGTING_DATA", required = true)]
    data: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    dates: DateArgs,
    /// Most entries of each list
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// # Errors
/// When the topics cannot be read.
pub(super) fn hot(args: &HotspotsArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let view = insight::load(&opened.data, qingting_index::DateRange::ALL).map_err(failure)?;
    let repeats = Repeats::new(&view, &opened.settings.callers);
    let mut config = opened.settings.hotspot;
    config.days = args.days.unwrap_or(config.days);
    let last = args.until.or_else(|| view.days().map(|(_, last)| last));
    let mut spots = last.map(|last| hotspots(&view, &repeats, last, &config)).unwrap_or_default();
    spots.truncate(args.limit);
    if args.json {
        println!("{}", serde_json::to_string(&spots).into_diagnostic()?);
        return Ok(super::GOOD);
    }
    if spots.is_empty() {
        println!("近 {} 天没有达到 {} 通的热点", config.days, config.min_calls);
    }
    for spot in &spots {
        println!(
            "热度 {:>3.0}  {}  {} × {}  {} 通（预期 {:.1}）  负面 {:.0}%  重复 {:.0}%",
            spot.heat,
            spot.topic,
            spot.label,
            spot.at.value,
            spot.calls,
            spot.expected,
            100.0 * spot.negative,
            100.0 * spot.repeated
        );
    }
    if let Some(spot) = spots.first() {
        println!(
            "\n查看来电：qingting topics calls topic:{} {} --data DIR --since {} --until {}",
            spot.topic, spot.at, spot.from, spot.until
        );
    }
    Ok(super::GOOD)
}

/// # Errors
/// When the item cannot be understood, or the topics cannot be read.
pub(super) fn associate(args: &AssociationsArgs) -> miette::Result<u8> {
    let target = args.target.as_deref().map(Item::parse).transpose().map_err(|e| miette!("{e}"))?;
    let opened = args.data.reader()?;
    let view = insight::load(&opened.data, args.dates.range()).map_err(failure)?;
    if let Some(target) = &target
        && view.select(std::slice::from_ref(target), None, None).is_empty()
    {
        eprintln!("warning: no call has {target}");
    }
    let mut rules = associations(&view, target.as_ref(), &opened.settings.association);
    rules.truncate(args.limit);
    if args.json {
        println!("{}", serde_json::to_string(&rules).into_diagnostic()?);
        return Ok(super::GOOD);
    }
    if rules.is_empty() {
        println!("没有达到显著性要求的关联");
    }
    let title = |code: &str| opened.pipeline.finder().catalog().get(code).map(|info| info.title.clone());
    for rule in &rules {
        print_rule(&view, rule, &title);
    }
    if !rules.is_empty() {
        println!("\n关联说明同时出现，不说明因果。");
    }
    Ok(super::GOOD)
}

fn print_rule(view: &TopicView, rule: &Association, title: &dyn Fn(&str) -> Option<String>) {
    let read = |item: &Item| {
        let value = title(&item.value).unwrap_or_else(|| match view.label(item).as_str() {
            "unresolved" => "未解决".to_owned(),
            "follow_up" => "待跟进".to_owned(),
            "resolved" => "已解决".to_owned(),
            other => other.to_owned(),
        });
        format!("{}“{value}”", item.field.zh())
    };
    println!(
        "{} → {}：{}/{} 通（{:.0}%），为总体的 {:.1} 倍，偶然概率 {:.1e}",
        rule.when.iter().map(read).collect::<Vec<_>>().join(" 且 "),
        read(&rule.then),
        rule.calls,
        rule.of,
        100.0 * rule.confidence,
        rule.lift,
        rule.chance
    );
}

/// # Errors
/// When the topics cannot be read.
pub(super) fn callers(args: &PatternArgs) -> miette::Result<u8> {
    let data = args.data.clone().ok_or_else(|| miette!("--data DIR is missing"))?;
    let opened = DataArgs { data, config: args.config.clone() }.reader()?;
    // A repeat has its first contact before the range.
    let view = insight::load(&opened.data, qingting_index::DateRange::ALL).map_err(failure)?;
    let config = &opened.settings.callers;
    let repeats = Repeats::new(&view, config);
    let mut found = patterns(&view, &repeats, args.dates.since, args.dates.until, config);
    found.frequent.truncate(args.limit);
    found.matters.truncate(args.limit);
    if args.json {
        println!("{}", serde_json::to_string(&found).into_diagnostic()?);
    } else {
        print_patterns(&found);
    }
    Ok(super::GOOD)
}

fn print_patterns(found: &CallerPatterns) {
    let share = if found.known > 0 {
        format!("{:.1}%", 100.0 * found.repeats as f64 / found.known as f64)
    } else {
        "—".to_owned()
    };
    println!(
        "{} 通，其中 {} 通知道来电人；{} 天内就同一事项重复来电 {} 通（{share}）；来电人自述来过 {} 通",
        found.contacts, found.known, found.window_days, found.repeats, found.stated
    );
    println!("\n频繁来电人");
    for caller in &found.frequent {
        let topics: Vec<String> = caller.topics.iter().map(|(_, label, count)| format!("{label} {count}")).collect();
        println!(
            "  {}  {} 通，重复 {}，未解决 {}  {}  {}",
            caller.caller.chars().take(PSEUDONYM).collect::<String>(),
            caller.calls,
            caller.repeats,
            caller.unresolved,
            caller.style.map_or("", |style| style.zh()),
            topics.join("；")
        );
    }
    println!("\n反复反映的事项");
    for matter in &found.matters {
        let at = matter.at.as_ref().map_or("", |at| at.value.as_str());
        println!("  {}  {} × {at}  {} 通，重复 {}", matter.topic, matter.label, matter.calls, matter.repeats);
    }
    println!("\n需求");
    for group in &found.needs {
        println!("  {:>5} 通  {}", group.calls, group.label);
    }
    println!("\n来电人风格");
    for group in &found.styles {
        println!(
            "  {:>5} 通  {}  不满意 {:.0}%  未解决 {:.0}%",
            group.calls,
            group.label,
            100.0 * group.dissatisfied,
            100.0 * group.unresolved
        );
    }
}
