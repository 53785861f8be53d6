//! `qingting originals`: what masking took out of calls, where it is kept.

use clap::{Args, Subcommand};
use miette::{IntoDiagnostic, miette};
use qingting_index::Originals;
use qingting_pipeline::record::{CallRecord, Particulars};
use qingting_proto::v1;
use qingting_proto::v1::call_service_client::CallServiceClient;

use super::GOOD;
use super::data::{DataArgs, index};
use super::demo::speaker;
use super::submit::{self, status};
use crate::server::convert::{record_from_wire, record_to_wire};
use crate::server::unmask::{UNMASKED, reason};

/// What the lock and the audit trail name this command.
const WHO: &str = "qingting originals";

#[derive(Debug, Subcommand)]
pub(super) enum OriginalsCommand {
    /// Print a new key; keep it where nobody but the server and its backup of keys has it
    #[command(after_help = NEW_KEY)]
    NewKey,
    /// Show a call with what masking took out of it; who and why goes into the audit trail
    Show(ShowArgs),
}

const NEW_KEY: &str = "\
    umask 077; qingting originals new-key > originals.key

Then set [originals] keep = true and key_file = \"originals.key\". To change keys, put the new one on the first line and
leave the old ones below it for the calls that they sealed. What was sealed with a lost key cannot be opened.";

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The call
    #[arg(value_name = "CALL_ID")]
    call: String,
    /// What it is needed for, without personal data: it is kept in clear
    #[arg(long)]
    reason: String,
    /// The whole call as it was recorded, as JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// When nothing is kept of the call, it cannot be opened, or it cannot be written down who asked.
pub(super) fn run(command: &OriginalsCommand) -> miette::Result<u8> {
    match command {
        OriginalsCommand::NewKey => println!("{}", Originals::new_key()),
        OriginalsCommand::Show(args) => show(args)?,
    }
    Ok(GOOD)
}

fn show(args: &ShowArgs) -> miette::Result<()> {
    let reason = reason(&args.reason).map_err(|message| miette!("--reason: {message}"))?;
    let record = match args.data.writer_or_holder(WHO)? {
        Ok(opened) => {
            let call = opened.data.get_call(&args.call).map_err(index)?;
            let mut record = call.ok_or_else(|| miette!("there is no call {}", args.call))?.record;
            let particulars = opened.data.particulars(&args.call).map_err(index)?;
            let particulars: Particulars =
                particulars.ok_or_else(|| miette!("nothing that was masked is kept of call {}", args.call))?;
            let who = super::forget::actor(WHO);
            opened.data.audit(&who, UNMASKED, &format!("calls/{}", args.call), &reason).map_err(index)?;
            particulars.restore(&mut record);
            record
        }
        Err(_) => through_server(args, reason)?,
    };
    if args.json {
        println!("{}", serde_json::to_string(&record).into_diagnostic()?);
        return Ok(());
    }
    if let Some(caller) = &record.caller {
        let of = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        println!("caller  {}  {}", of(&caller.id), of(&caller.number));
    }
    for (key, value) in &record.attributes {
        println!("{key}  {value}");
    }
    for (number, turn) in record_to_wire(record).turns.iter().enumerate() {
        println!("{number:>4}  {}：{}", speaker(turn.role()), turn.text);
    }
    Ok(())
}

fn through_server(args: &ShowArgs, reason: String) -> miette::Result<CallRecord> {
    submit::ask(&args.data.data, "qingting.v1.CallService", async |channel| {
        let request = v1::UnmaskCallRequest { name: format!("calls/{}", args.call), reason };
        let shown = CallServiceClient::new(channel).unmask_call(request).await.map_err(status)?.into_inner();
        record_from_wire(shown.record, "record").map_err(|wrong| miette!("{wrong}"))
    })
}
