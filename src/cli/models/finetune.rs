//! `qingting models finetune`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use miette::{IntoDiagnostic, WrapErr};
use qingting_models::bert::{Progress, TrainOptions, Trainer};
use qingting_models::deep::HeldOutCall;
use qingting_pipeline::Pipeline;

use super::transformer::folder;
use crate::cli::{ConfigArgs, GOOD};
use crate::diagnostic;
use crate::training::{Data, dialogues};

#[derive(Debug, Args)]
pub(in crate::cli) struct FinetuneArgs {
    /// Folder with calls/*.jsonl (labelled calls, a file a set) and turns/*.tsv (single turns)
    #[arg(long, value_name = "DIR", default_value = "models/data")]
    data: PathBuf,
    /// Folder that delta.bin and held_out.jsonl go to
    #[arg(long, value_name = "DIR", default_value = "models/artifacts")]
    out: PathBuf,
    /// Folder of the transformer [default: $QINGTING_MODELS or the user's data folder]
    #[arg(long, value_name = "DIR")]
    encoder: Option<PathBuf>,
    /// One of so many parts of the sets is held out: the judgements are calibrated on it
    #[arg(long, value_name = "N", default_value_t = 4)]
    folds: usize,
    /// Upper layers that change
    #[arg(long, value_name = "N", default_value_t = TrainOptions::default().layers)]
    layers: usize,
    /// Passes over the data
    #[arg(long, value_name = "N", default_value_t = TrainOptions::default().epochs)]
    epochs: usize,
    /// Highest learning rate of the layers
    #[arg(long, value_name = "X", default_value_t = TrainOptions::default().layer_rate)]
    rate: f64,
    #[command(flatten)]
    config: ConfigArgs,
}

/// # Errors
/// When the data or the transformer cannot be used, or a file cannot be written.
pub(in crate::cli) fn run(args: &FinetuneArgs) -> miette::Result<u8> {
    let (settings, assets) = args.config.load()?;
    let pipeline = Pipeline::new(&settings.pipeline(), &assets).map_err(diagnostic::pipeline)?;
    let data = Data::read(&args.data).into_diagnostic().wrap_err("the training data cannot be used")?;
    let calls = dialogues(&pipeline, &data);
    let folds = data.folds(args.folds).into_diagnostic()?;
    let encoder = folder(args.encoder.as_deref())?;
    let options = TrainOptions {
        layers: args.layers,
        epochs: args.epochs,
        layer_rate: args.rate,
        ..TrainOptions::default()
    };
    let mut last = std::time::Instant::now();
    let mut progress = |progress: Progress| {
        if last.elapsed().as_secs() < 20 {
            return;
        }
        last = std::time::Instant::now();
        match progress {
            Progress::Prepared { done, of } => eprintln!("lower layers: {done} of {of} windows"),
            Progress::Trained { step, of, loss, tokens_per_second, .. } => {
                eprintln!("step {step} of {of}, loss {loss:.4}, {tokens_per_second:.0} tokens/s");
            }
            _ => {}
        }
    };
    let (delta, scores) = Trainer::new(&encoder, &calls, &options, &mut progress)
        .and_then(|trainer| trainer.hold_out(|call| folds[call] == 0, &mut progress))
        .into_diagnostic()
        .wrap_err("the transformer cannot be trained")?;
    std::fs::create_dir_all(&args.out).into_diagnostic()?;
    let path = args.out.join("held_out.jsonl");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).into_diagnostic()?);
    for (call, turns) in calls.iter().zip(scores).filter(|(_, turns)| !turns.is_empty()) {
        let held = HeldOutCall::new(call.id.clone(), turns.into_iter().map(Into::into).collect());
        writeln!(file, "{}", serde_json::to_string(&held).into_diagnostic()?).into_diagnostic()?;
    }
    file.flush().into_diagnostic()?;
    eprintln!("{} written", path.display());
    let path = args.out.join("delta.bin");
    delta.save(&path).into_diagnostic()?;
    eprintln!("{} written", path.display());
    Ok(GOOD)
}
