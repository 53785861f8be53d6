//! `qingting audit`: what was done with keys, personal data and erasures, and whether the trail is whole.

use clap::{Args, Subcommand};
use miette::miette;
use qingting_index::AuditEntry;

use super::GOOD;
use super::data::{DataArgs, index};

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Show the trail, newest first
    List(ListArgs),
    /// Check that no entry was changed or removed
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    data: DataArgs,
    /// At most so many entries
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    data: DataArgs,
    /// A hash that an earlier check has printed: the entry that it was of must still be there. Without it, entries
    /// that were cut off at the end are not noticed
    #[arg(long, value_name = "HASH")]
    expect: Option<String>,
}

/// # Errors
/// When the trail cannot be read or is not whole.
pub(super) fn run(command: &AuditCommand) -> miette::Result<u8> {
    match command {
        AuditCommand::List(args) => list(args),
        AuditCommand::Verify(args) => verify(args),
    }
}

fn list(args: &ListArgs) -> miette::Result<u8> {
    for entry in args.data.reader()?.data.audit_trail(None, args.limit).map_err(index)? {
        let AuditEntry { number, at, who, action, subject, detail, hash } = entry;
        if args.json {
            let line = serde_json::json!({
                "number": number, "at": at, "who": who, "action": action, "subject": subject, "detail": detail,
                "hash": hash,
            });
            println!("{line}");
        } else {
            println!("{number:>6}  {at}  {who}  {action}  {subject}  {detail}");
        }
    }
    Ok(GOOD)
}

fn verify(args: &VerifyArgs) -> miette::Result<u8> {
    let data = args.data.reader()?.data;
    let check = data.check_audit().map_err(index)?;
    if let Some(entry) = check.broken {
        return Err(miette!(
            help = "compare with a backup: what stands there is what was done",
            "entry {} ({} {}) was changed, or one before it is missing",
            entry.number,
            entry.action,
            entry.subject
        ));
    }
    if let Some(expected) = &args.expect
        && !data.audit_trail(None, u32::MAX).map_err(index)?.iter().any(|entry| entry.hash == *expected)
    {
        return Err(miette!(
            help = "compare with a backup: what stands there is what was done",
            "no entry has the hash {expected}: entries were removed at the end, or the trail was written anew"
        ));
    }
    println!(
        "{} entries, unchanged; the hash of the last one, to be kept elsewhere:\n{}",
        check.entries, check.head
    );
    Ok(GOOD)
}
