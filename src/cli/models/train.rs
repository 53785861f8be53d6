//! `qingting models train`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use miette::{IntoDiagnostic, WrapErr, miette};
use qingting_models::deep::HeldOutCall;
use qingting_models::{Judges, Shelf};
use qingting_pipeline::Pipeline;
use qingting_pipeline::fact::Taxonomy;
use qingting_pipeline::learned::{Decide, Documents, Learned};
use qingting_pipeline::segment::ContentWords;

use crate::cli::{ConfigArgs, GOOD};
use crate::diagnostic;
use crate::training::{CategoryTrainer, Data, Options, Trained, train, train_emotions};

#[derive(Debug, Args)]
pub(in crate::cli) struct TrainArgs {
    /// What is trained
    #[arg(long, value_enum, default_value_t = Task::Calls)]
    task: Task,
    /// Folder with calls/*.jsonl (labelled calls, a file a set), turns/*.tsv (single turns),
    /// emotions.tsv (emotions of turns) and messages/TREE*.tsv; for categories it may be one file of
    /// messages, .tsv, .csv or .jsonl with category (or label), text and perhaps title
    #[arg(long, value_name = "PATH", default_value = "models/data")]
    data: PathBuf,
    /// For emotions: a CSV file of labelled dialogues with the columns of CPED, to train on besides
    #[arg(long, value_name = "FILE.csv")]
    dialogues: Option<PathBuf>,
    /// For categories: the tree, a file of taxonomy/ without its ending [default: of the configuration]
    #[arg(long, value_name = "NAME")]
    tree: Option<String>,
    /// For categories: labelled messages to measure on, which take no part in the training
    #[arg(long, value_name = "FILE")]
    test: Option<PathBuf>,
    /// Folder that the models go to
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

/// What can be trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Task {
    /// Sentiment, acts, codes, appeal type and outcome: heads.bin and judges.json
    Calls,
    /// Emotions: emotion.bin
    Emotion,
    /// Categories of calls and messages: category.bin
    Category,
}

/// # Errors
/// When the data cannot be used or the models cannot be written.
pub(in crate::cli) fn run(args: &TrainArgs) -> miette::Result<u8> {
    // An option that would be passed over is a mistake of whoever gave it.
    if args.dialogues.is_some() && args.task != Task::Emotion {
        return Err(miette!("--dialogues goes with --task emotion"));
    }
    if (args.tree.is_some() || args.test.is_some()) && args.task != Task::Category {
        return Err(miette!("--tree and --test go with --task category"));
    }
    if args.held_out.is_some() && args.task != Task::Calls {
        return Err(miette!("--held-out goes with --task calls"));
    }
    match args.task {
        Task::Calls => calls(args),
        Task::Emotion => emotions(args),
        Task::Category => categories(args),
    }
}

fn emotions(args: &TrainArgs) -> miette::Result<u8> {
    let (mut settings, assets) = args.config.load()?;
    settings.models.decide = Decide::Static;
    let data = read(&args.data)?;
    let pipeline = crate::cli::args::pipeline(&settings, &assets)?;
    let lexicon =
        Pipeline::with_learned(&settings.pipeline(), &assets, Learned::default()).map_err(diagnostic::pipeline)?;
    let trained = train_emotions((&args.data, &data), args.dialogues.as_deref(), (&pipeline, &lexicon), &options(args))
        .into_diagnostic()?;
    let bytes = trained.shelf.to_bytes().into_diagnostic()?;
    put(&args.out, "emotion.bin", &bytes)?;
    for (what, figure) in &trained.figures {
        println!("{what:<48} {figure:>9.3}");
    }
    Ok(GOOD)
}

fn categories(args: &TrainArgs) -> miette::Result<u8> {
    let (mut settings, assets) = args.config.load()?;
    settings.models.decide = Decide::Static;
    let name = args.tree.as_deref().unwrap_or(&settings.fact.taxonomy);
    let pipeline =
        Pipeline::with_learned(&settings.pipeline(), &assets, Learned::default()).map_err(diagnostic::pipeline)?;
    let tree = Taxonomy::load(name, &assets).map_err(diagnostic::pipeline)?;
    let trainer = CategoryTrainer {
        tree: &tree,
        pipeline: &pipeline,
        content: &ContentWords::new(pipeline.segmenter().clone(), &assets).map_err(diagnostic::pipeline)?,
        documents: &Arc::new(Documents::load().map_err(diagnostic::pipeline)?),
    };
    let folder = args.data.join("messages");
    let data = if folder.is_dir() { &folder } else { &args.data };
    let trained = trainer.train(data, name, args.test.as_deref(), &options(args)).into_diagnostic()?;
    for (what, figure) in &trained.figures {
        println!("{what:<44} {figure:>9.3}");
    }
    // The models of other trees stay.
    let path = args.out.join("category.bin");
    let before = if path.exists() {
        Shelf::read(&path).into_diagnostic()?
    } else {
        Shelf::default()
    };
    let others = before
        .iter()
        .filter(|(tree, _)| *tree != name)
        .map(|(tree, model)| (tree.to_owned(), model.clone()));
    let shelf = Shelf::new(others.chain([(name.to_owned(), trained.model)]).collect()).into_diagnostic()?;
    put(&args.out, "category.bin", &shelf.to_bytes().into_diagnostic()?)?;
    Ok(GOOD)
}

fn read(folder: &Path) -> miette::Result<Data> {
    let data = Data::read(folder).into_diagnostic().wrap_err("the training data cannot be used")?;
    eprintln!("{} calls, {} labelled turns, fingerprint {}", data.calls(), data.turns(), data.fingerprint);
    Ok(data)
}

fn options(args: &TrainArgs) -> Options {
    Options {
        folds: args.folds,
        caution: args.caution,
        ridge: args.ridge,
        single_weight: args.single_weight,
        ..Options::default()
    }
}

fn calls(args: &TrainArgs) -> miette::Result<u8> {
    let (settings, assets) = args.config.load()?;
    let data = read(&args.data)?;
    let usual = args.out.join("held_out.jsonl");
    let deep = match &args.held_out {
        Some(path) => HeldOutCall::read(path).into_diagnostic()?,
        None if usual.exists() => HeldOutCall::read(&usual).into_diagnostic()?,
        None => BTreeMap::new(),
    };
    let trained = train(&settings.pipeline(), &assets, &data, &deep, &options(args), |what| eprintln!("{what}"))
        .map_err(|error| match error {
            crate::training::Error::Pipeline(error) => diagnostic::pipeline(error),
            other => miette::Report::msg(other),
        })?;
    write(args, &trained)?;
    print(&trained);
    Ok(GOOD)
}

fn write(args: &TrainArgs, trained: &Trained) -> miette::Result<()> {
    let judges = serde_json::to_string_pretty(&trained.judges).into_diagnostic()?;
    put(&args.out, "heads.bin", &trained.shelf.to_bytes().into_diagnostic()?)?;
    put(&args.out, "judges.json", (judges + "\n").as_bytes())
}

/// Writes a file of a model.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> miette::Result<()> {
    let path = folder.join(name);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&path, bytes))
        .into_diagnostic()
        .wrap_err_with(|| format!("{} cannot be written", path.display()))?;
    eprintln!("{} written, {} bytes", path.display(), bytes.len());
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
