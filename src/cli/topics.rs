//! `qingting topics`: what many calls are about. The result is printed and kept beside the calls.

use clap::Args;
use miette::{IntoDiagnostic, miette};
use qingting_index::DateRange;
use qingting_pipeline::topic::{TopicDocument, TopicFinder, Topics};

use super::args::Models;
use super::data::{DataArgs, DateArgs, Opened, index};
use crate::diagnostic;

#[derive(Debug, Args)]
pub(super) struct TopicsArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    dates: DateArgs,
    /// Seed of the clustering; the same calls and seed give the same topics
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Which models decide
    #[arg(long, value_enum)]
    models: Option<Models>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// # Errors
/// When the store cannot be read or holds no call.
pub(super) fn run(args: &TopicsArgs) -> miette::Result<u8> {
    Models::only_static(args.models)?;
    let opened = args.data.writer_or_reader("qingting topics")?;
    let topics = find(&opened, args.dates.range(), args.seed)?;
    if args.json {
        println!("{}", serde_json::to_string(&topics).into_diagnostic()?);
    } else {
        print(&topics);
    }
    Ok(super::GOOD)
}

/// Clusters the calls of a range of days and keeps the result beside them.
pub(super) fn find(opened: &Opened, range: DateRange, seed: u64) -> miette::Result<Topics> {
    let config = &opened.settings.topic;
    let mut documents = Vec::new();
    for call in opened.data.scan(range).map_err(index)? {
        let call = call.map_err(index)?;
        if !call.record.turns.is_empty() {
            documents.push(TopicDocument::of(&call.record, &call.analysis.facts.category, config));
        }
    }
    if documents.is_empty() {
        return Err(miette!("there are no calls in that range of days"));
    }
    let segmenter = std::sync::Arc::clone(opened.pipeline.segmenter());
    let finder = TopicFinder::new(config, &opened.assets, segmenter).map_err(diagnostic::pipeline)?;
    let topics = finder.cluster(&documents, seed);
    if opened.data.is_writer() {
        opened.data.write_topics(&topics).map_err(index)?;
    }
    Ok(topics)
}

/// Prints topics for people, group by group.
pub(super) fn print(topics: &Topics) {
    let total = topics.topics.iter().map(|t| t.size).sum::<usize>() + topics.unassigned;
    println!("{total} 通，{} 个主题，未归类 {} 通", topics.topics.len(), topics.unassigned);
    for group in &topics.groups {
        println!("\n{}", group.label);
        for topic in topics.topics.iter().filter(|t| group.children.contains(&t.id)) {
            println!("  {:>5} 通  {}  {}", topic.size, topic.id, topic.label);
            if let Some(quote) = topic.quotes.first() {
                println!("            “{quote}”");
            }
        }
    }
}
