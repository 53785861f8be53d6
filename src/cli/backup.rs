//! `qingting backup` and `qingting restore`: a data folder copied, also while it is written, and made again.

use std::path::PathBuf;

use clap::Args;
use qingting_index::Backup;

use super::GOOD;
use super::data::{DataArgs, index};

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Where the backup goes: one file when the name ends in .zip, else a folder; holds the key of the callers
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The backup
    #[arg(value_name = "BACKUP")]
    from: PathBuf,
    /// The data folder that is made: missing or empty
    #[command(flatten)]
    data: DataArgs,
}

fn size(backup: &Backup) -> String {
    format!("{} files, {:.1} MB", backup.files.len(), backup.bytes() as f64 / 1e6)
}

/// # Errors
/// When the data folder cannot be read, or the backup is there already or cannot be written.
pub(super) fn backup(args: &BackupArgs) -> miette::Result<u8> {
    let opened = args.data.reader()?;
    let backup = opened.data.backup(&args.out).map_err(index)?;
    eprintln!("{} backed up to {}; it holds the key of the callers: guard it", size(&backup), args.out.display());
    Ok(GOOD)
}

/// # Errors
/// When the backup is not what was written, or the folder is there already or cannot be written.
pub(super) fn restore(args: &RestoreArgs) -> miette::Result<u8> {
    let backup = qingting_index::restore(&args.from, &args.data.data).map_err(index)?;
    eprintln!("{} checked and restored; the call index is being built", size(&backup));
    // Whoever opens it for writing first builds the index.
    let opened = args.data.writer("qingting restore")?;
    let stats = opened.data.stats().map_err(index)?;
    opened.data.close().map_err(index)?;
    eprintln!("{} calls, as of {}", stats.calls, backup.created_at);
    Ok(GOOD)
}
