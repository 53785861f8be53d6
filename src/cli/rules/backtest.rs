//! `qingting rules backtest`: what changed rules or scorecards would make of the calls that are stored, and what of it is
//! shown.

use std::fs::File;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::Args;
use miette::{IntoDiagnostic, WrapErr};
use qingting_index::DateRange;
use qingting_pipeline::assets::Asset;
use qingting_pipeline::score::{CallChange, CompareOptions, FindingExample, Moves};
use qingting_pipeline::{Analyzed, Pipeline};

use super::drafts::{self, FileDraft};
use crate::cli::data::{DataArgs, index};
use crate::diagnostic;
use crate::documents::{Trial, trial};

#[derive(Debug, Args)]
pub(in crate::cli) struct BacktestArgs {
    /// A changed rule file, or a folder of the layout of config/ with what is to change: rules, scorecards
    #[arg(long, value_name = "NEW")]
    rules: PathBuf,
    /// First day
    #[arg(long, alias = "since", value_name = "YYYY-MM-DD")]
    from: Option<NaiveDate>,
    /// Last day
    #[arg(long, alias = "until", value_name = "YYYY-MM-DD")]
    to: Option<NaiveDate>,
    /// Changed calls that are shown
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write every call that changes into this CSV file
    #[arg(long, value_name = "FILE.csv")]
    out: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
}

/// # Errors
/// When the configuration is wrong, or something cannot be read or written.
pub(super) fn run(args: &BacktestArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let changed = drafts::all(&args.rules)?.into_iter().map(|FileDraft { draft, path }| {
        let origin = path.display().to_string();
        (draft.name, Asset { origin, text: draft.text.unwrap_or_default().into() })
    });
    let assets = opened.shelf.assets().with_files(changed);
    let new = Pipeline::new(&opened.settings.pipeline(), &assets).map_err(diagnostic::pipeline)?;
    let mut table = args.out.as_deref().map(Table::create).transpose()?;
    let mut failed = None;
    let calls = opened
        .data
        .scan(DateRange { since: args.from, until: args.to })
        .map_err(index)?
        .map_while(|call| call.map_err(|error| failed = Some(error)).ok());
    let options = CompareOptions { top_calls: args.top, ..CompareOptions::default() };
    let mut written = Ok(());
    let result = trial(&opened.pipeline, &new, calls, options, |call: &Analyzed, change| {
        if let (Some(table), Ok(())) = (&mut table, &written) {
            written = table.add(call, change);
        }
    });
    if let Some(error) = failed {
        return Err(index(error));
    }
    written?;
    table.map(Table::finish).transpose()?;
    if args.json {
        println!("{}", serde_json::to_string(&result).into_diagnostic()?);
    } else {
        print(&result);
    }
    Ok(crate::cli::GOOD)
}

/// Every changed call, a row each.
struct Table {
    path: PathBuf,
    rows: csv::Writer<File>,
}

impl Table {
    fn create(path: &Path) -> miette::Result<Self> {
        let mut rows = csv::Writer::from_path(path).into_diagnostic().wrap_err_with(|| path.display().to_string())?;
        let names = [
            "call_id",
            "started_at",
            "queue",
            "agent",
            "before",
            "after",
            "difference",
            "gained",
            "lost",
        ];
        rows.write_record(names).into_diagnostic()?;
        Ok(Self { path: path.to_owned(), rows })
    }

    fn add(&mut self, call: &Analyzed, change: &CallChange) -> miette::Result<()> {
        let record = &call.record;
        let number = |number: Option<f64>| number.map(|n| format!("{n:.2}")).unwrap_or_default();
        let difference = change.score_after.zip(change.score_before).map(|(after, before)| after - before);
        let codes = |found: &[FindingExample]| {
            let codes = found.iter().map(|example| match example.turn {
                Some(turn) => format!("{}@{turn}", example.code),
                None => example.code.clone(),
            });
            codes.collect::<Vec<_>>().join(" ")
        };
        let row = [
            change.call_id.clone(),
            record.started_at.map(|at| at.to_rfc3339()).unwrap_or_default(),
            record.queue.clone().unwrap_or_default(),
            record.agent.as_ref().map(|agent| agent.id.clone()).unwrap_or_default(),
            number(change.score_before),
            number(change.score_after),
            number(difference),
            codes(&change.gained),
            codes(&change.lost),
        ];
        self.rows.write_record(row).into_diagnostic().wrap_err_with(|| self.path.display().to_string())
    }

    fn finish(mut self) -> miette::Result<()> {
        self.rows.flush().into_diagnostic().wrap_err_with(|| self.path.display().to_string())
    }
}

fn print(result: &Trial) {
    let Trial { comparison, analyzed_afresh } = result;
    println!("{} 通中有 {} 通结论会变化", comparison.calls, comparison.changed);
    if *analyzed_afresh > 0 {
        println!("其中 {analyzed_afresh} 通保存的内容不足以只重做规则和评分，已用脱敏文本按新旧两种配置各分析一遍");
    }
    let scores = &comparison.scores;
    if let (Some(before), Some(after)) = (scores.mean_before, scores.mean_after) {
        println!("均分 {before:.2} → {after:.2}，升高 {} 通，降低 {} 通", scores.raised, scores.lowered);
        println!("新增一票否决 {} 通，取消一票否决 {} 通", scores.failed_now, scores.failed_before);
        let moved: Vec<String> = comparison.moves.iter().filter(|moves| moves.calls > 0).map(range).collect();
        println!("分差分布：{}", moved.join("，"));
    }
    for code in comparison.codes.iter().filter(|c| c.gained + c.lost > 0) {
        println!("\n{}：{} → {}（新增 {}，减少 {}）", code.code, code.before, code.after, code.gained, code.lost);
        for (sign, examples) in [("+", &code.gained_examples), ("-", &code.lost_examples)] {
            for example in examples {
                let turn = example.turn.map_or_else(|| "全程".to_owned(), |turn| format!("第 {} 轮", turn + 1));
                println!("  {sign} {}  {turn}“{}”  {}", example.call_id, example.quote, example.explanation);
            }
        }
    }
    if !comparison.top.is_empty() {
        println!("\n变化最大的通话");
    }
    for call in &comparison.top {
        let score = |score: Option<f64>| score.map_or_else(|| "—".to_owned(), |s| format!("{s:.1}"));
        println!("  {}  {} → {}", call.call_id, score(call.score_before), score(call.score_after));
    }
}

/// A range of differences and the calls in it.
fn range(moves: &Moves) -> String {
    let range = match (moves.from, moves.below) {
        (Some(from), Some(below)) if from == below => "不变".to_owned(),
        (Some(from), Some(below)) if from < 0.0 => format!("降 {}～{}", -below, -from),
        (Some(from), Some(below)) => format!("升 {from}～{below}"),
        (None, Some(below)) => format!("降 {} 以上", -below),
        (Some(from), None) => format!("升 {from} 以上"),
        (None, None) => String::new(),
    };
    format!("{range} {} 通", moves.calls)
}
