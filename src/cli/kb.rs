//! `qingting kb`: the knowledge base that agents search while a caller waits.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use miette::{IntoDiagnostic, WrapErr, miette};
use qingting_index::knowledge::{KnowledgeHit, KnowledgeQuery};
use serde::{Deserialize, Serialize};

use super::args::Models;
use super::data::{DataArgs, index};

#[derive(Debug, Subcommand)]
pub(super) enum KbCommand {
    /// Import articles; one of the same id is replaced
    Import(ImportArgs),
    /// Find articles that answer a question
    Search(SearchArgs),
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// JSON Lines, CSV, Markdown, HTML or text files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
    /// Which models encode the articles
    #[arg(long, value_enum)]
    models: Option<Models>,
}

#[derive(Debug, Args)]
pub(super) struct SearchArgs {
    /// The question
    #[arg(
        value_name = "QUERY",
        required_unless_present = "queries",
        conflicts_with = "queries"
    )]
    query: Option<String>,
    /// Many questions, JSON Lines of {id, text}; one line is answered for each, in order
    #[arg(long, value_name = "FILE.jsonl", requires = "json")]
    queries: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
    /// Most articles
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Show articles that do not hold today too, marked
    #[arg(long)]
    expired: bool,
    /// Which models compare meanings
    #[arg(long, value_enum)]
    models: Option<Models>,
    /// Print one JSON object a question
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Deserialize)]
struct Question {
    #[serde(deserialize_with = "text_or_number")]
    id: String,
    text: String,
}

fn text_or_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Ok(text),
        serde_json::Value::Number(number) => Ok(number.to_string()),
        other => Err(serde::de::Error::custom(format!("{other} is not an id"))),
    }
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    id: &'a str,
    hits: &'a [KnowledgeHit],
}

/// # Errors
/// When a file, the query or the knowledge base cannot be read.
pub(super) fn run(command: &KbCommand) -> miette::Result<u8> {
    match command {
        KbCommand::Import(args) => import(args),
        KbCommand::Search(args) => search(args),
    }
}

fn import(args: &ImportArgs) -> miette::Result<u8> {
    Models::only_static(args.models)?;
    let opened = args.data.writer("qingting kb import")?;
    let summary = opened.knowledge()?.import(&args.files).map_err(index)?;
    for refused in &summary.refused {
        eprintln!("warning: {}:{}: {}", refused.file.display(), refused.line, refused.reason);
    }
    eprintln!(
        "{} articles imported ({} new), {} passages",
        summary.added + summary.replaced,
        summary.added,
        summary.passages
    );
    Ok(if summary.refused.is_empty() {
        super::GOOD
    } else {
        super::QUARANTINED
    })
}

fn search(args: &SearchArgs) -> miette::Result<u8> {
    Models::only_static(args.models)?;
    let opened = args.data.reader()?;
    let knowledge = opened.knowledge()?;
    let find = |text: &str| {
        let query = KnowledgeQuery {
            text: text.to_owned(),
            limit: usize::from(args.limit),
            include_expired: args.expired,
            ..KnowledgeQuery::default()
        };
        knowledge.search(&query).map_err(index)
    };
    if let Some(path) = &args.queries {
        for question in questions(path)? {
            let question = question?;
            let hits = find(&question.text)?;
            println!("{}", serde_json::to_string(&Answer { id: &question.id, hits: &hits }).into_diagnostic()?);
        }
    } else if let Some(text) = &args.query {
        let hits = find(text)?;
        if args.json {
            println!("{}", serde_json::to_string(&Answer { id: "1", hits: &hits }).into_diagnostic()?);
        } else {
            print(&hits);
        }
    }
    Ok(super::GOOD)
}

fn questions(path: &Path) -> miette::Result<impl Iterator<Item = miette::Result<Question>>> {
    let name = path.display().to_string();
    let file = std::fs::File::open(path).into_diagnostic().wrap_err_with(|| name.clone())?;
    let lines = BufReader::new(file).lines().zip(1..);
    Ok(lines
        .filter(|(line, _)| line.as_ref().map_or(true, |l| !l.trim().is_empty()))
        .map(move |(line, number)| {
            serde_json::from_str(&line.into_diagnostic()?).map_err(|e| miette!("{name}:{number}: {e}"))
        }))
}

/// Prints hits for people: the passage to quote, and where it comes from.
pub(super) fn print(hits: &[KnowledgeHit]) {
    if hits.is_empty() {
        println!("没有找到相关知识");
    }
    for (rank, hit) in hits.iter().enumerate() {
        let expired = if hit.expired { "（当前不适用）" } else { "" };
        println!("{}. {}{expired}  [{}]", rank + 1, hit.title, hit.id);
        println!("   {}", hit.passage.trim());
        let origin: Vec<&str> = [&hit.source, &hit.department].into_iter().flatten().map(String::as_str).collect();
        if !origin.is_empty() {
            println!("   —— {}", origin.join("，"));
        }
    }
}
