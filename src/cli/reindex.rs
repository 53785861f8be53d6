//! `qingting reindex`: the search indexes anew out of the store.

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::data::{DataArgs, index};

#[derive(Debug, Args)]
pub(super) struct ReindexArgs {
    #[command(flatten)]
    data: DataArgs,
}

/// # Errors
/// When the store cannot be read or the index cannot be written; the old index stays then.
pub(super) fn run(args: &ReindexArgs) -> miette::Result<u8> {
    let opened = args.data.writer("qingting reindex")?;
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} calls, {eta}") {
        bar.set_style(style);
    }
    opened
        .data
        .reindex(|done, of| {
            bar.set_length(of);
            bar.set_position(done);
        })
        .map_err(index)?;
    bar.finish_and_clear();
    let stats = opened.data.stats().map_err(index)?;
    eprintln!("{} calls indexed", stats.calls);
    Ok(super::GOOD)
}
