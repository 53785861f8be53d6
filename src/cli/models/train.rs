//! `qingting models train`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use miette::{IntoDiagnostic, WrapErr};
use qingting_models::Judges;
use qingting_models::deep::HeldOutCall;

use crate::cli::{ConfigArgs, GOOD};
use crate::diagnostic;
use crate::training::{Data, Options, Trained, train};

#[derive(Debug, Args)]
pub(in crate::cli) struct TrainArgs {
    /// Folder with calls/*.jsonl (labelled calls, a file a set) and turns/*.tsv (single turns)
    #[arg(long, value_name = "DIR", default_value = "models/data")]
    data: PathBuf,
    /// Folder that heads.bin and judges.json go to
    #[arg(long, value_name = "DIR", default_value = "models/artifacts")]
    out: PathBuf,
    /// What the fine-tuned transformer says of calls it was not trained on, as `models finetune` writes
    /// it [default: held_out.jsonl in the output folder, if it is there]
    #[arg(long, value_name = "FILE")]
    held_out: Option<PathBuf>,
    /// Parts of the sets that take turns to be held out
    #[arg(long, value_name = "N", default_value_t = Options::default().folds)]
    folds: usize,
    /// What accusing a share of the faultless calls costs beside the mean F1
    #[arg(long, value_name = "X", default_value_t = Options::default().caution)]
    caution: f64,
    /// Penalty on the judgements' weights
    #[arg(long, value_name = "X", default_value_t = Options::default().ridge)]
    ridge: f32,
    /// What a single labelled turn counts beside a turn of a call
    #[arg(long, value_name = "X", default_value_t = Options::default().single_weight)]
    single_weight: f32,
    #[command(flatten)]
    config: ConfigArgs,
}

/// # Errors
/// When the data cannot be used or the models cannot be written.
pub(in crate::cli) fn run(args: &TrainArgs) -> miette::Result<u8> {
    let (settings, assets) = args.config.load()?;
    let data = Data::read(&args.data).into_diagnostic().wrap_err("the training data cannot be used")?;
    eprintln!("{} calls, {} labelled turns, fingerprint {}", data.calls(), data.turns(), data.fingerprint);
    let usual = args.out.join("held_out.jsonl");
    let deep = match &args.held_out {
        Some(path) => HeldOutCall::read(path).into_diagnostic()?,
        None if usual.exists() => HeldOutCall::read(&usual).into_diagnostic()?,
        None => BTreeMap::new(),
    };
    let options = Options {
        folds: args.folds,
        caution: args.caution,
        ridge: args.ridge,
        single_weight: args.single_weight,
        ..Options::default()
    };
    let trained =
        train(&settings.pipeline(), &assets, &data, &deep, &options, |what| eprintln!("{what}")).map_err(|error| {
            match error {
                crate::training::Error::Pipeline(error) => diagnostic::pipeline(error),
                other => miette::Report::msg(other),
            }
        })?;
    write(args, &trained)?;
    print(&trained);
    Ok(GOOD)
}

fn write(args: &TrainArgs, trained: &Trained) -> miette::Result<()> {
    let problem = || format!("{} cannot be written", args.out.display());
    std::fs::create_dir_all(&args.out).into_diagnostic().wrap_err_with(problem)?;
    let heads = trained.shelf.to_bytes().into_diagnostic()?;
    let judges = serde_json::to_string_pretty(&trained.judges).into_diagnostic()?;
    std::fs::write(args.out.join("heads.bin"), heads).into_diagnostic().wrap_err_with(problem)?;
    std::fs::write(args.out.join("judges.json"), judges + "\n")
        .into_diagnostic()
        .wrap_err_with(problem)?;
    eprintln!("heads.bin and judges.json written to {}", args.out.display());
    Ok(())
}

/// What was trained, and the figures on held-out sets.
fn print(trained: &Trained) {
    for (name, model) in trained.shelf.iter() {
        println!("heads {name}: {} heads over {} grams", model.heads().len(), model.grams());
    }
    figures(&trained.judges);
}

/// The figures of every judgement on held-out sets, with its threshold.
pub(super) fn figures(judges: &Judges) {
    let data = &judges.data;
    println!(
        "judgements: trained on {} calls, {} labelled turns, fingerprint {}",
        data.calls, data.turns, data.fingerprint
    );
    println!(
        "\n{:<40} {:>5} {:>6} {:>6} {:>6} {:>6} {:>7} {:>7} {:>7}",
        "held out", "n", "AP", "P", "R", "F1", "call P", "call R", "assert"
    );
    let accused = |prefix: &str| {
        let mut of = judges.judges.iter().filter(|(name, _)| name.starts_with(prefix));
        of.find_map(|(_, judge)| judge.metrics.get("faultless_calls_accused")).copied()
    };
    for (what, prefix) in [("", "code."), (", with the transformer", "deep.code.")] {
        if let Some(share) = accused(prefix) {
            println!("faultless calls accused of something, held out{what}: {:.1}%", share * 100.0);
        }
    }
    for (name, judge) in &judges.judges {
        let figure = |key: &str| judge.metrics.get(key).map_or_else(String::new, |x| format!("{x:.3}"));
        println!(
            "{name:<40} {:>5} {:>6} {:>6} {:>6} {:>6} {:>7} {:>7} {:>7}",
            judge.metrics.get("positives").copied().unwrap_or_default(),
            figure("average_precision"),
            figure("precision"),
            figure("recall"),
            figure("f1"),
            figure("call_precision"),
            figure("call_recall"),
            judge.threshold.map_or_else(String::new, |t| format!("{:.3}", t.assert)),
        );
    }
}
