//! `qingting rules`: what is looked for, whether a rule folder is right, and what it would change.

mod reference;

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use miette::{IntoDiagnostic, WrapErr, miette};
use qingting_index::DateRange;
use qingting_pipeline::Pipeline;
use qingting_pipeline::assets::Assets;
use qingting_pipeline::score::{CompareOptions, Comparison, backtest};

use super::ConfigArgs;
use super::args;
use super::data::{DataArgs, index};
use crate::diagnostic;

#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    /// List every detector and rule
    List(ListArgs),
    /// Check rules, word lists and scorecards, and run the examples of every rule
    Check(CheckArgs),
    /// Try changed rules on stored calls: which would be judged differently, by how much
    Backtest(BacktestArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Write the rule reference as Markdown
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Args)]
pub(super) struct BacktestArgs {
    /// A changed rule file, or a folder of the layout of config/ with what is to change
    #[arg(long, value_name = "NEW")]
    rules: PathBuf,
    /// First day
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<NaiveDate>,
    /// Last day
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Option<NaiveDate>,
    /// Changed calls that are shown
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

/// # Errors
/// When the configuration is wrong, an example fails, or the store cannot be read.
pub(super) fn run(command: RulesCommand) -> miette::Result<u8> {
    match command {
        RulesCommand::List(args) => list(&args),
        RulesCommand::Check(args) => check(&args),
        RulesCommand::Backtest(args) => try_on_history(&args),
    }
}

fn list(args: &ListArgs) -> miette::Result<u8> {
    let (settings, assets) = args.config.load()?;
    let pipeline = args::pipeline(&settings, &assets)?;
    if args.markdown {
        print!("{}", reference::markdown(pipeline.finder()));
    } else if args.json {
        println!("{}", reference::json(pipeline.finder()).into_diagnostic()?);
    } else {
        print!("{}", reference::table(pipeline.finder()));
    }
    Ok(super::GOOD)
}

fn check(args: &CheckArgs) -> miette::Result<u8> {
    let (settings, assets) = args.config.load()?;
    let pipeline = args::pipeline(&settings, &assets)?;
    let failures = pipeline.check_rule_examples();
    for failure in &failures {
        eprintln!("{}:{}: rule `{}`: {}", failure.file, failure.line, failure.rule, failure.message);
    }
    if !failures.is_empty() {
        return Err(miette!("{} examples do not hold", failures.len()));
    }
    let rules = pipeline.finder().rules();
    let examples: usize = rules.iter().map(|r| r.positive_examples + r.negative_examples).sum();
    println!(
        "{} detectors, {} rules with {examples} examples, {} scorecards: all right",
        qingting_pipeline::finding::detector_docs().len(),
        rules.iter().count(),
        pipeline.scorer().iter().count()
    );
    Ok(super::GOOD)
}

fn try_on_history(args: &BacktestArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let held;
    let changed = if args.rules.is_dir() {
        args.rules.as_path()
    } else {
        held = overlay(&args.rules, args.data.config.config.as_deref())?;
        held.path()
    };
    let assets = Assets::with_overlay(changed).map_err(diagnostic::pipeline)?;
    let new = Pipeline::new(&opened.settings.pipeline(), &assets).map_err(diagnostic::pipeline)?;
    let old = &opened.pipeline;
    let mut failed = None;
    let records = opened
        .data
        .scan(DateRange { since: args.from, until: args.to })
        .map_err(index)?
        .map_while(|call| call.map_err(|error| failed = Some(error)).ok())
        .map(|call| call.record);
    let options = CompareOptions { top_calls: args.top, ..CompareOptions::default() };
    let result =
        backtest(records, |record| old.analyze(record).analysis, |record| new.analyze(record).analysis, options);
    if let Some(error) = failed {
        return Err(index(error));
    }
    if args.json {
        println!("{}", serde_json::to_string(&result).into_diagnostic()?);
    } else {
        print(&result);
    }
    Ok(super::GOOD)
}

/// A folder in which one rule file is changed: a copy of the user's own folder, if there is one, with the
/// file in its `rules/`.
fn overlay(file: &Path, config: Option<&Path>) -> miette::Result<tempfile::TempDir> {
    let name = file.file_name().ok_or_else(|| miette!("{} is not a file", file.display()))?;
    let folder = tempfile::tempdir().into_diagnostic()?;
    if let Some(config) = config {
        copy_tree(config, folder.path()).into_diagnostic().wrap_err_with(|| config.display().to_string())?;
    }
    let rules = folder.path().join("rules");
    std::fs::create_dir_all(&rules).into_diagnostic()?;
    std::fs::copy(file, rules.join(name))
        .into_diagnostic()
        .wrap_err_with(|| file.display().to_string())?;
    Ok(folder)
}

fn copy_tree(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &to.join(entry.file_name()))?;
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn print(result: &Comparison) {
    println!("{} 通中有 {} 通结论会变化", result.calls, result.changed);
    let scores = &result.scores;
    if let (Some(before), Some(after)) = (scores.mean_before, scores.mean_after) {
        println!("均分 {before:.2} → {after:.2}，升高 {} 通，降低 {} 通", scores.raised, scores.lowered);
        println!("新增一票否决 {} 通，取消一票否决 {} 通", scores.failed_now, scores.failed_before);
    }
    for code in result.codes.iter().filter(|c| c.gained + c.lost > 0) {
        println!("\n{}：{} → {}（新增 {}，减少 {}）", code.code, code.before, code.after, code.gained, code.lost);
        for example in &code.gained_examples {
            println!("  + {}  {}", example.call_id, example.explanation);
        }
        for example in &code.lost_examples {
            println!("  - {}  {}", example.call_id, example.explanation);
        }
    }
    if !result.top.is_empty() {
        println!("\n变化最大的通话");
    }
    for call in &result.top {
        let score = |score: Option<f64>| score.map_or_else(|| "—".to_owned(), |s| format!("{s:.1}"));
        println!("  {}  {} → {}", call.call_id, score(call.score_before), score(call.score_after));
    }
}
