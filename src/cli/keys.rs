//! `qingting keys`: who may ask the server. Where one is running on the data folder, it is told through its socket, so
//! that a key works, or no longer works, from the next request on.

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use miette::miette;
use qingting_index::{ApiKey, DataDir, Error};
use qingting_proto::v1;
use qingting_proto::v1::access_service_client::AccessServiceClient;
use tonic::transport::Channel;

use super::GOOD;
use super::data::{DataArgs, index};
use super::submit::{self, status};
use crate::access::{KeyOrder, new_key};

/// What the lock and the audit trail name this command.
const WHO: &str = "qingting keys";
/// What the help says of roles.
const ROLES: &str = "\
Roles:
  viewer    sees calls, findings, topics and figures of its teams
  reviewer  a viewer who judges too
  agent     sees its own calls, asks the knowledge base, is advised while a call runs
  admin     may do everything
  ingest    a recording platform: hands in calls, follows running ones
  monitor   reads the figures of the server";

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Make a key; it is shown once
    #[command(after_help = ROLES)]
    Create(CreateArgs),
    /// List all keys, those that have ended too
    List(ListArgs),
    /// End a key for good
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Whose it is; the audit trail and the logs name it so
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What it may do; see below
    #[arg(long)]
    role: String,
    /// A team whose calls it may see; can be given several times
    #[arg(long = "team", value_name = "TEAM")]
    teams: Vec<String>,
    /// It may see the calls of all teams
    #[arg(long)]
    all_teams: bool,
    /// The agent whose calls it may see, for the role agent
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    agent: String,
    /// It may see what masking took out of these calls, with a reason that goes into the audit trail
    #[arg(long)]
    may_unmask: bool,
    /// Days for which it works, such as 90d [default: until it is revoked]
    #[arg(long, value_name = "DAYS", value_parser = super::forget::days)]
    expires: Option<u32>,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    data: DataArgs,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Its id, the part between the first and the second underscore of the key
    id: String,
}

/// # Errors
/// When the order is incomplete, there is no such key, or the data folder cannot be opened.
pub(super) fn run(command: &KeysCommand) -> miette::Result<u8> {
    match command {
        KeysCommand::Create(args) => create(args),
        KeysCommand::List(args) => list(args),
        KeysCommand::Revoke(args) => revoke(args),
    }
}

fn create(args: &CreateArgs) -> miette::Result<u8> {
    let CreateArgs { data, name, role, teams, all_teams, agent, may_unmask, expires } = args;
    let order = KeyOrder { name, role, teams, all_teams: *all_teams, agent, unmask: *may_unmask };
    let (checked, scope) = order.check().map_err(|wrong| miette!("{}", wrong.message))?;
    let (id, secret) = match opened(data)? {
        Holder::Us(folder) => {
            let expires_at = expires.map(|days| Utc::now() + TimeDelta::days(i64::from(days)));
            let mut made = new_key(name.trim(), checked, &scope, expires_at);
            made.kept.unmasks = *may_unmask;
            folder.add_key(&made.kept, &super::forget::actor(WHO)).map_err(index)?;
            (made.kept.id, made.secret)
        }
        Holder::Server => through_server(data, |mut client| async move {
            let request = v1::CreateKeyRequest {
                display_name: name.clone(),
                role: role.clone(),
                teams: teams.clone(),
                all_teams: *all_teams,
                agent_id: agent.clone(),
                may_unmask: *may_unmask,
                days: expires.and_then(|days| i32::try_from(days).ok()).unwrap_or_default(),
            };
            let made = client.create_key(request).await.map_err(status)?.into_inner();
            Ok((made.key.unwrap_or_default().name.replace("keys/", ""), made.secret))
        })?,
    };
    eprintln!("key {id} for {name}; it cannot be shown again:");
    println!("{secret}");
    Ok(GOOD)
}

fn list(args: &ListArgs) -> miette::Result<u8> {
    let keys = args.data.reader()?.data.keys().map_err(index)?;
    let now = Utc::now();
    for key in &keys {
        if args.json {
            println!("{}", json(key, now));
        } else {
            let sees = match (&key.agent, key.teams.as_slice()) {
                (Some(agent), _) => format!("agent {agent}"),
                (None, []) => "all".to_owned(),
                (None, teams) => teams.join(", "),
            };
            let unmasks = if key.unmasks { "  may unmask" } else { "" };
            println!("{}  {:8}  {}  {sees}{unmasks}  {}", key.id, key.role, state(key, now), key.name);
        }
    }
    if keys.is_empty() {
        eprintln!("there are no keys; make one with `qingting keys create`");
    }
    Ok(GOOD)
}

fn revoke(args: &RevokeArgs) -> miette::Result<u8> {
    let name = match opened(&args.data)? {
        Holder::Us(folder) => folder.revoke_key(&args.id, &super::forget::actor(WHO)).map_err(index)?.name,
        Holder::Server => through_server(&args.data, |mut client| async move {
            let request = v1::RevokeKeyRequest { name: format!("keys/{}", args.id) };
            Ok(client.revoke_key(request).await.map_err(status)?.into_inner().display_name)
        })?,
    };
    println!("key {} of {name} no longer works", args.id);
    Ok(GOOD)
}

/// Who writes the data folder.
enum Holder {
    Us(Box<DataDir>),
    Server,
}

fn opened(args: &DataArgs) -> miette::Result<Holder> {
    match args.writing(WHO)? {
        Ok(opened) => Ok(Holder::Us(Box::new(opened.data))),
        Err(Error::Locked { holder, .. }) if submit::address(&holder).is_some() => Ok(Holder::Server),
        Err(error) => Err(index(error)),
    }
}

fn through_server<T, F>(args: &DataArgs, ask: impl FnOnce(AccessServiceClient<Channel>) -> F) -> miette::Result<T>
where
    F: Future<Output = miette::Result<T>>,
{
    submit::ask(&args.data, "qingting.v1.AccessService", |channel| ask(AccessServiceClient::new(channel)))
}

fn state(key: &ApiKey, now: DateTime<Utc>) -> String {
    match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {}", at.date_naive()),
        (None, Some(end)) if !key.is_valid(now) => format!("expired {}", end.date_naive()),
        (None, Some(end)) => format!("until {}", end.date_naive()),
        (None, None) => "valid".to_owned(),
    }
}

fn json(key: &ApiKey, now: DateTime<Utc>) -> serde_json::Value {
    serde_json::json!({
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "teams": key.teams,
        "agent": key.agent,
        "may_unmask": key.unmasks,
        "created_at": key.created_at.to_rfc3339(),
        "expires_at": key.expires_at.map(|at| at.to_rfc3339()),
        "revoked_at": key.revoked_at.map(|at| at.to_rfc3339()),
        "valid": key.is_valid(now),
    })
}
