//! Looking at one topic, and what people decide about topics: names, merges, pins. Decisions are
//! kept with the topics and survive the nightly step.

use clap::Args;
use miette::{IntoDiagnostic, miette};
use qingting_pipeline::topic::view::{Field, Item, TopicView};
use qingting_pipeline::topic::{TopicError, Topics};
use serde::Serialize;

use super::failure;
use super::served::Served;
use crate::cli::GOOD;
use crate::cli::data::{DataArgs, DateArgs, index};
use crate::insight;
use qingting_index::DataDir;

/// Calls that are listed for people.
const SHOWN: usize = 20;

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The topic, such as t12; one that was merged leads to where its calls are
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    dates: DateArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct CallsArgs {
    /// What the calls have in common: FIELD:VALUE, all of them
    #[arg(value_name = "ITEM", required = true)]
    items: Vec<String>,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    dates: DateArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct RenameArgs {
    /// The topic or group
    #[arg(value_name = "ID")]
    id: String,
    /// Its name; left out: the one made of its words again
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
pub(super) struct MergeArgs {
    /// The topics that go
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    /// The topic that takes their calls
    #[arg(long, value_name = "ID")]
    into: String,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
pub(super) struct PinArgs {
    /// The topic
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    data: DataArgs,
}

/// What `topics show --json` prints.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    topic: &'a qingting_pipeline::topic::Topic,
    figures: Vec<Figure>,
}

/// How many of a topic's calls have an item.
#[derive(Debug, Serialize)]
struct Figure {
    item: Item,
    calls: usize,
}

/// Fields that `topics show` counts.
const FIGURES: [Field; 8] = [
    Field::Appeal,
    Field::Outcome,
    Field::Satisfaction,
    Field::Repeat,
    Field::Department,
    Field::Place,
    Field::Organisation,
    Field::Fault,
];
/// Values of a field that are shown.
const VALUES: usize = 5;

/// # Errors
/// When there is no such topic.
pub(super) fn show(args: &ShowArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let view = insight::load(&opened.data, args.dates.range()).map_err(failure)?;
    let id = view.topics.get(&args.id).map_err(unknown)?.id.clone();
    let calls = view.select(&[Item::new(Field::Topic, &id)], None, None);
    let mut topic = view.topics.get(&id).map_err(unknown)?.clone();
    topic.call_ids = view.ids(&calls);
    topic.size = calls.len();
    let figures = figures(&view, &calls);
    if args.json {
        println!("{}", serde_json::to_string(&Shown { topic: &topic, figures }).into_diagnostic()?);
        return Ok(GOOD);
    }
    if id != args.id {
        println!("{} 已并入 {id}", args.id);
    }
    println!("{}  {}  {} 通{}", topic.id, topic.label, topic.size, if topic.pinned { "  已锁定" } else { "" });
    println!("关键词：{}", topic.terms.join("、"));
    for quote in &topic.quotes {
        println!("  “{quote}”");
    }
    for field in FIGURES {
        let of_field: Vec<String> = figures
            .iter()
            .filter(|figure| figure.item.field == field)
            .map(|figure| format!("{} {}", figure.item.value, figure.calls))
            .collect();
        if !of_field.is_empty() {
            println!("{}：{}", field.zh(), of_field.join("，"));
        }
    }
    println!("经过：");
    for change in &topic.history {
        let day = change.day.map_or_else(|| "日期不详".to_owned(), |day| day.to_string());
        let who = if change.by_hand { "人工" } else { "自动" };
        println!("  {day}  {who}{}  {}", change.what.zh(), change.topics.join(" "));
    }
    list(&view, &calls);
    Ok(GOOD)
}

/// How often the values of the shown fields occur, most frequent first.
fn figures(view: &TopicView, calls: &[usize]) -> Vec<Figure> {
    let counts = view.counts(calls);
    let of = |field| counts.iter().filter(move |(item, _)| item.field == field).take(VALUES);
    let figures = FIGURES.into_iter().flat_map(of).map(|(item, calls)| Figure { item: item.clone(), calls: *calls });
    figures.collect()
}

/// # Errors
/// When an item cannot be understood.
pub(super) fn calls(args: &CallsArgs) -> miette::Result<u8> {
    let items = args
        .items
        .iter()
        .map(|item| Item::parse(item))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| miette!("{e}"))?;
    let opened = args.data.reader()?;
    let view = insight::load(&opened.data, args.dates.range()).map_err(failure)?;
    let calls = view.select(&items, None, None);
    if args.json {
        println!("{}", serde_json::json!({ "total": calls.len(), "call_ids": view.ids(&calls) }));
    } else {
        println!("共 {} 通", calls.len());
        list(&view, &calls);
    }
    Ok(GOOD)
}

/// Lists the newest of some calls for people, those with a life in danger first.
fn list(view: &TopicView, calls: &[usize]) {
    let mut newest: Vec<usize> = calls.iter().rev().copied().collect();
    newest.sort_by_key(|&call| !view.calls[call].crisis);
    for &call in newest.iter().take(SHOWN) {
        let row = &view.calls[call];
        let at = row.started_at.map_or_else(|| "时间不详".to_owned(), |at| at.format("%Y-%m-%d %H:%M").to_string());
        let places = row.places.iter().chain(&row.organisations).map(String::as_str).collect::<Vec<_>>().join("、");
        let crisis = if row.crisis { "  危机情形" } else { "" };
        println!("  {at}  {}  {}  {}{crisis}", row.call_id, row.appeal_type, places);
    }
    if calls.len() > SHOWN {
        println!("  …… 其余 {} 通用 --json 列出", calls.len() - SHOWN);
    }
}

/// What a person decides about topics.
pub(super) enum Decision {
    Rename { id: String, name: Option<String> },
    Merge { ids: Vec<String>, into: String },
    Pin { id: String, pinned: bool },
}

impl Decision {
    fn apply(&self, topics: &mut Topics, day: Option<chrono::NaiveDate>) -> Result<(), TopicError> {
        match self {
            Self::Rename { id, name } => topics.rename(id, name.as_deref(), day),
            Self::Merge { ids, into } => topics.merge(ids, into, day),
            Self::Pin { id, pinned } => topics.pin(id, *pinned, day),
        }
    }

    /// The topic that is there afterwards.
    fn id(&self) -> &str {
        match self {
            Self::Rename { id, .. } | Self::Pin { id, .. } => id,
            Self::Merge { into, .. } => into,
        }
    }
}

/// # Errors
/// When there is no such topic, or the name is none.
pub(super) fn rename(args: &RenameArgs) -> miette::Result<u8> {
    decide(&args.data, &Decision::Rename { id: args.id.clone(), name: args.name.clone() })
}

/// # Errors
/// When there is no such topic.
pub(super) fn merge(args: &MergeArgs) -> miette::Result<u8> {
    decide(&args.data, &Decision::Merge { ids: args.ids.clone(), into: args.into.clone() })
}

/// # Errors
/// When there is no such topic.
pub(super) fn pin(args: &PinArgs, pinned: bool) -> miette::Result<u8> {
    decide(&args.data, &Decision::Pin { id: args.id.clone(), pinned })
}

fn decide(data: &DataArgs, decision: &Decision) -> miette::Result<u8> {
    let topics = match data.writer_or_holder("qingting topics")? {
        Ok(opened) => {
            let mut topics = read(&opened.data)?;
            decision.apply(&mut topics, Some(chrono::Local::now().date_naive())).map_err(unknown)?;
            opened.data.write_topics(&topics).map_err(index)?;
            topics
        }
        Err(holder) => {
            let Some(mut served) = Served::connect(&data.data, &holder)? else {
                return Err(miette!(
                    help = "wait until it is done, then run this again",
                    "the data folder is being written by {holder}"
                ));
            };
            served.decide(decision)?;
            read(&data.reader()?.data)?
        }
    };
    let id = decision.id();
    if let Ok(topic) = topics.get(id) {
        println!("{}  {}  {} 通", topic.id, topic.label, topic.size);
    } else if let Some(group) = topics.groups.iter().find(|group| group.id == id) {
        println!("{}  {}", group.id, group.label);
    }
    Ok(GOOD)
}

fn read(data: &DataDir) -> miette::Result<Topics> {
    data.read_topics().map_err(index)?.ok_or(insight::Error::NoTopics).map_err(failure)
}

#[allow(clippy::needless_pass_by_value, reason = "passed to map_err")]
fn unknown(error: TopicError) -> miette::Report {
    miette!(help = "qingting topics --data DIR lists the topics with their ids", "{error}")
}
