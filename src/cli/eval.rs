//! `qingting eval`: the analysis against labelled calls.

use std::path::PathBuf;

use clap::Args;
use miette::{IntoDiagnostic, WrapErr, miette};
use qingting_pipeline::import::{Imported, Importer};

use super::ConfigArgs;
use super::args::{Models, pipeline, report_deep};
use crate::diagnostic;
use crate::evaluate::{Counts, Evaluation, Interval, Mistake, evaluate};

#[derive(Debug, Args)]
pub(super) struct EvalArgs {
    /// Calls with `labels`, JSON Lines
    #[arg(value_name = "GOLD.jsonl")]
    gold: PathBuf,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Write a page with intervals, confusions, the reliability diagram and the list of errors
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print every disagreement with the words that it is about
    #[arg(long)]
    errors: bool,
    /// Which models decide
    #[arg(long, value_enum)]
    models: Option<Models>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// # Errors
/// When the file cannot be read, holds a bad record or no labelled call.
pub(super) fn run(args: &EvalArgs) -> miette::Result<u8> {
    let (mut settings, assets) = args.config.load()?;
    Models::apply(args.models, &mut settings);
    let pipeline = pipeline(&settings, &assets)?;
    let importer = Importer::new(settings.import_options()).map_err(diagnostic::pipeline)?;
    let mut records = Vec::new();
    for imported in importer.open(&args.gold).map_err(diagnostic::pipeline)? {
        match imported {
            Imported::Call { record, .. } if record.labels.is_some() => records.push(*record),
            Imported::Call { .. } => {}
            Imported::Rejected(bad) => {
                return Err(miette!("{}: {}", crate::batch::place(&bad.source), bad.reason));
            }
        }
    }
    if records.is_empty() {
        return Err(miette!("{} holds no call with labels", args.gold.display()));
    }
    let analyses = pipeline.analyze_batch(&records).into_iter().map(|done| done.analysis);
    let analyses: Vec<_> = analyses.collect();
    report_deep(&pipeline);
    let pairs: Vec<_> = records.into_iter().zip(analyses).collect();
    let result = evaluate(&pairs, pipeline.finder().catalog()).map_err(|e| miette!("{e}"))?;
    if args.json {
        println!("{}", serde_json::to_string(&result).map_err(|e| miette!("{e}"))?);
    } else {
        print(&result);
    }
    if args.errors {
        result.mistakes.iter().for_each(mistake);
    }
    if let Some(path) = &args.html {
        let title = args.gold.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        std::fs::write(path, crate::report::evaluation_page(&title, &result))
            .into_diagnostic()
            .wrap_err_with(|| format!("{} cannot be written", path.display()))?;
        eprintln!("{} written", path.display());
    }
    Ok(super::GOOD)
}

fn mistake(mistake: &Mistake) {
    let kind = if mistake.kind == "missed" { "漏报" } else { "误报" };
    let place = mistake.turn.map_or_else(|| "全程".to_owned(), |turn| format!("第 {turn} 轮"));
    let sure = mistake.confidence.map_or_else(String::new, |p| format!("（把握 {p:.2}）"));
    println!("\n{kind} {} {} {place}{sure}", mistake.code, mistake.call_id);
    for (mark, text) in [
        ("  前", &mistake.before),
        ("  本", &mistake.text),
        ("  因", &mistake.explanation),
    ] {
        if let Some(text) = text {
            println!("{mark}：{text}");
        }
    }
}

fn print(result: &Evaluation) {
    println!("标注通话 {} 通", result.calls);
    for (level, heading) in [
        ("turn", "话轮级（同一话轮同一编码）"),
        ("call", "通话级（通话内任意位置）"),
    ] {
        println!("\n{heading}");
        println!(
            "  {:<24} {:>6} {:>6} {:>6} {:>6}  命中/误报/漏报  F1 的 95% 区间",
            "编码", "精确率", "召回率", "F1", "κ"
        );
        for row in &result.codes {
            let counts = if level == "turn" {
                row.on_turns
            } else {
                Some(row.on_calls)
            };
            if let Some(counts) = counts {
                let own = level == row.level;
                line(&row.code, &row.title, &counts, own.then_some(row.f1_interval));
            }
        }
    }
    println!("\n情感");
    for (label, counts) in &result.sentiment {
        line(label, "", counts, None);
    }
    println!();
    println!("八大禁忌平均 F1 {}，话轮级平均 F1 {}", span(result.taboo_f1), span(result.turn_f1));
    println!("置信度校准误差 {:.3}", result.reliability.error());
    println!(
        "无过错通话 {} 通，其中被误判 {} 通 {}",
        result.clean_calls,
        result.clean_calls_flagged.len(),
        result.clean_calls_flagged.join(" ")
    );
    println!(
        "诉求类型一致 {}/{}，办理结果一致 {}/{}",
        result.appeal_type.0, result.appeal_type.1, result.outcome.0, result.outcome.1
    );
    if let Some(error) = result.satisfaction_error {
        println!("满意度平均绝对误差 {error:.2}");
    }
}

fn span(interval: Interval) -> String {
    format!("{:.3}（95% 区间 {:.3}–{:.3}）", interval.value, interval.low, interval.high)
}

fn line(code: &str, title: &str, counts: &Counts, interval: Option<Interval>) {
    let interval = interval.map_or_else(String::new, |i| format!("{:.2}–{:.2}", i.low, i.high));
    println!(
        "  {code:<24} {:>8.3} {:>8.3} {:>8.3} {:>7.3}  {}/{}/{}  {interval}  {title}",
        counts.precision(),
        counts.recall(),
        counts.f1(),
        counts.kappa(),
        counts.tp,
        counts.fp,
        counts.fn_
    );
}
