//! `qingting eval`: the analysis against labelled calls.

use std::path::PathBuf;

use clap::Args;
use miette::miette;
use qingting_pipeline::Pipeline;
use qingting_pipeline::import::{Imported, Importer};

use super::ConfigArgs;
use super::args::Models;
use crate::diagnostic;
use crate::evaluate::{Counts, Evaluation, evaluate};

#[derive(Debug, Args)]
pub(super) struct EvalArgs {
    /// Calls with `labels`, JSON Lines
    #[arg(value_name = "GOLD.jsonl")]
    gold: PathBuf,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Which models decide
    #[arg(long, value_enum)]
    models: Option<Models>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// # Errors
/// When the file cannot be read, holds a bad record or no labelled call.
pub(super) fn run(args: &EvalArgs) -> miette::Result<u8> {
    Models::check(args.models)?;
    let (settings, assets) = args.config.load()?;
    let pipeline = Pipeline::new(&settings.pipeline(), &assets).map_err(diagnostic::pipeline)?;
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
    let pairs: Vec<_> = records.into_iter().zip(analyses).collect();
    let result = evaluate(&pairs, pipeline.finder().catalog()).map_err(|e| miette!("{e}"))?;
    if args.json {
        println!("{}", serde_json::to_string(&result).map_err(|e| miette!("{e}"))?);
    } else {
        print(&result);
    }
    Ok(super::GOOD)
}

fn print(result: &Evaluation) {
    println!("标注通话 {} 通", result.calls);
    for (level, heading) in [
        ("turn", "话轮级（同一话轮同一编码）"),
        ("call", "通话级（通话内任意位置）"),
    ] {
        println!("\n{heading}");
        println!("  {:<24} {:>6} {:>6} {:>6} {:>6}  命中/误报/漏报", "编码", "精确率", "召回率", "F1", "κ");
        for row in &result.codes {
            let counts = if level == "turn" {
                row.on_turns
            } else {
                Some(row.on_calls)
            };
            if let Some(counts) = counts {
                line(&row.code, &row.title, &counts);
            }
        }
    }
    println!("\n情感");
    for (label, counts) in &result.sentiment {
        line(label, "", counts);
    }
    println!();
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

fn line(code: &str, title: &str, counts: &Counts) {
    println!(
        "  {code:<24} {:>8.3} {:>8.3} {:>8.3} {:>7.3}  {}/{}/{}  {title}",
        counts.precision(),
        counts.recall(),
        counts.f1(),
        counts.kappa(),
        counts.tp,
        counts.fp,
        counts.fn_
    );
}
