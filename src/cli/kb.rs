//! `qingting kb`: the knowledge base that agents search while a caller waits.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use miette::{IntoDiagnostic, WrapErr, miette};
use qingting_index::Feedback;
use qingting_index::knowledge::{Encoded, KnowledgeHit, KnowledgeIndex, KnowledgeQuery};
use qingting_models::{Encoder, StaticVectors};
use serde::{Deserialize, Serialize};

use super::ConfigArgs;
use super::args::Models;
use super::data::{DataArgs, index, prepare_engine};
use crate::evaluate::pairs;
use crate::insight;
use crate::knowledge::{self, Choice};

#[derive(Debug, Subcommand)]
pub(super) enum KbCommand {
    /// Import articles; one of the same id is replaced
    Import(ImportArgs),
    /// Find articles that answer a question
    Search(SearchArgs),
    /// Say whether an article answered a question; moves the ranking for similar questions a little
    Feedback(FeedbackArgs),
    /// List questions that have no answer: searches of a server, and needs of unresolved calls
    Gaps(GapsArgs),
    /// Encode all articles anew, by the models named or the best there are
    Reindex(ReindexArgs),
    /// Measure how well similarity tells pairs of sentences that mean the same from others (ROC-AUC)
    EvalPairs(EvalPairsArgs),
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// JSON Lines, CSV, Markdown, HTML, Word (DOCX) or text files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
    /// Which models encode the articles: static, or bert (cascade means the same here) beside the static ones; all articles
    /// of a knowledge base alike [default: as the others; for the first ones bert where it is built in and its weights
    /// are there]
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
    /// Which models compare meanings: static, or bert (cascade means the same here) [default: bert where the articles are
    /// encoded by it, it is built in and its weights are there, else static]
    #[arg(long, value_enum)]
    models: Option<Models>,
    /// Print one JSON object a question
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct FeedbackArgs {
    /// Id of the article
    #[arg(value_name = "ARTICLE")]
    article: String,
    /// The question, as it was asked
    #[arg(long, value_name = "QUESTION")]
    query: String,
    /// It answered the question
    #[arg(long, conflicts_with = "wrong", required_unless_present = "wrong")]
    helpful: bool,
    /// It did not
    #[arg(long)]
    wrong: bool,
    /// Who says so; of one person the last word on a question and an article counts
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
pub(super) struct GapsArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Most gaps
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Print one JSON object a gap
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ReindexArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Which models encode the articles: static, or bert (cascade means the same here) beside the static ones [default:
    /// bert where it is built in and its weights are there, else static]
    #[arg(long, value_enum)]
    models: Option<Models>,
}

#[derive(Debug, Args)]
pub(super) struct EvalPairsArgs {
    /// Sentence, sentence, and 1 if they mean the same or 0, separated by tabs; no header
    #[arg(value_name = "FILE.tsv", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
    /// Which models compare the sentences: static, or bert (cascade means the same here) beside them [default: bert where
    /// it is built in and its weights are there, else static]
    #[arg(long, value_enum)]
    models: Option<Models>,
    /// Print one JSON object a file
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
    let (config, models) = match command {
        KbCommand::Import(args) => (&args.data.config, args.models),
        KbCommand::Search(args) => (&args.data.config, args.models),
        KbCommand::Feedback(args) => (&args.data.config, None),
        KbCommand::Gaps(args) => (&args.data.config, None),
        KbCommand::Reindex(args) => (&args.data.config, args.models),
        KbCommand::EvalPairs(args) => (&args.config, args.models),
    };
    let (mut settings, _) = config.load()?;
    Models::apply_to_articles(models, &mut settings);
    if Choice::new(&settings).may_need_engine() {
        prepare_engine()?;
    }
    match command {
        KbCommand::Import(args) => import(args),
        KbCommand::Search(args) => search(args),
        KbCommand::Feedback(args) => feedback(args),
        KbCommand::Gaps(args) => gaps(args),
        KbCommand::Reindex(args) => reindex(args),
        KbCommand::EvalPairs(args) => eval_pairs(args),
    }
}

fn import(args: &ImportArgs) -> miette::Result<u8> {
    let mut opened = args.data.writer("qingting kb import")?;
    Models::apply_to_articles(args.models, &mut opened.settings);
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

fn reindex(args: &ReindexArgs) -> miette::Result<u8> {
    let mut opened = args.data.writer("qingting kb reindex")?;
    Models::apply_to_articles(args.models, &mut opened.settings);
    let choice = Choice::new(&opened.settings);
    let summary = knowledge::rebuild(&opened.data, &opened.pipeline, &choice).map_err(index)?;
    let by = match KnowledgeIndex::encoded(&opened.data.knowledge_index_dir()).map_err(index)? {
        Encoded::Transformer(transformer) => format!("static vectors and {}", transformer.name),
        Encoded::Static | Encoded::Nothing => "static vectors".to_owned(),
    };
    eprintln!("{} articles encoded, {} passages: {by}", summary.added, summary.passages);
    Ok(super::GOOD)
}

fn search(args: &SearchArgs) -> miette::Result<u8> {
    let mut opened = args.data.reader()?;
    Models::apply_to_articles(args.models, &mut opened.settings);
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

fn feedback(args: &FeedbackArgs) -> miette::Result<u8> {
    let opened = args.data.writer("qingting kb feedback")?;
    let knowledge = opened.knowledge()?;
    if args.query.trim().is_empty() {
        return Err(miette!("--query is empty"));
    }
    if !knowledge.has(&args.article).map_err(index)? {
        return Err(miette!("there is no article {}", args.article));
    }
    let said = Feedback {
        query: knowledge.kept_question(&args.query),
        article: args.article.clone(),
        helpful: args.helpful,
        who: args.who.clone().filter(|who| !who.trim().is_empty()),
    };
    opened.data.add_feedback(&said).map_err(index)?;
    println!("已记录：{} {}", args.article, if args.helpful { "有帮助" } else { "不对" });
    Ok(super::GOOD)
}

fn gaps(args: &GapsArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let gaps = insight::gaps::find(&opened.data, &opened.knowledge()?, usize::from(args.limit)).map_err(index)?;
    if gaps.is_empty() && !args.json {
        println!("没有发现知识缺口");
    }
    for (rank, gap) in gaps.iter().enumerate() {
        if args.json {
            println!("{}", serde_json::to_string(gap).into_diagnostic()?);
            continue;
        }
        println!("{}. {}  问过 {} 次", rank + 1, gap.question, gap.times);
        for example in gap.examples.iter().filter(|example| **example != gap.question) {
            println!("   也问：{example}");
        }
        if !gap.calls.is_empty() {
            println!("   未解决的来电：{}", gap.calls.join(" "));
        }
        if let Some((id, title)) = &gap.nearest {
            println!("   最接近的条目：{title} [{id}]（把握 {:.2}，不足以回答）", gap.confidence);
        }
    }
    Ok(super::GOOD)
}

fn eval_pairs(args: &EvalPairsArgs) -> miette::Result<u8> {
    let (mut settings, assets) = args.config.load()?;
    Models::apply_to_articles(args.models, &mut settings);
    let pipeline = super::args::pipeline(&settings, &assets)?;
    let statics = StaticVectors::embedded().into_diagnostic()?;
    let transformer = Choice::new(&settings).comparing().map_err(index)?;
    let encoders: Vec<&dyn Encoder> = std::iter::once(&*statics as _).chain(transformer.as_deref()).collect();
    for path in &args.files {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).into_diagnostic().wrap_err_with(|| name.clone())?;
        let pairs = pairs::parse(&text).map_err(|wrong| miette!("{name}:{wrong}"))?;
        let fold = |text: &str| pipeline.normalizer().fold(text);
        let words = |text: &str| {
            let words = pipeline.segmenter().cut(text);
            words.iter().map(|token| token.word(text).to_owned()).collect::<Vec<_>>()
        };
        let figures = pairs::evaluate(&pairs, &encoders, fold, words).into_diagnostic()?;
        if args.json {
            println!("{}", serde_json::json!({ "file": name, "figures": figures }));
        } else {
            println!("{name}: {} pairs, {} of them mean the same", figures.pairs, figures.same);
            let vectors: String = figures.vectors.iter().map(|(name, area)| format!("  {name}: {area:.3}")).collect();
            println!("  ROC-AUC{vectors}  BM25: {:.3}", figures.bm25);
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
