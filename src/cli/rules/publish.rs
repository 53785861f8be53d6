//! `qingting rules publish` and `rollback`: through the server where one runs on the data folder, so that calls are judged by
//! what is published at once; else straight into the folder.

use std::path::PathBuf;

use clap::Args;
use miette::{IntoDiagnostic, miette};
use qingting_index::{Context, DataDir, Error};
use qingting_pipeline::Pipeline;
use qingting_proto::v1;
use qingting_proto::v1::rule_service_client::RuleServiceClient;
use tonic::transport::Channel;

use super::{drafts, versions};
use crate::cli::data::{DataArgs, index, prepare_engine, published_since};
use crate::cli::submit::{self, status};
use crate::cli::{args, forget};
use crate::config::Settings;
use crate::documents::{Author, Draft, Mistake, Refusal, Shelf, prepare, roll_back};
use crate::knowledge::{self, Choice};

/// What the lock and the audit trail name this command.
const WHO: &str = "qingting rules";

#[derive(Debug, Args)]
pub(in crate::cli) struct PublishArgs {
    /// The documents: files whose paths end like those of config/, such as rules/handling.toml, or a folder of that layout
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Which document a single file is
    #[arg(long = "as", value_name = "DOCUMENT")]
    name: Option<String>,
    /// Why; kept with the version and in the audit trail
    #[arg(long, value_name = "TEXT")]
    note: String,
    /// Publish only if the document is still at this version; 0: nothing was published of it [default: the newest]
    #[arg(long, value_name = "N")]
    expect: Option<u32>,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RollbackArgs {
    /// The document, such as rules/handling.toml
    #[arg(value_name = "DOCUMENT")]
    name: String,
    /// The version that is to count again; 0: the files
    #[arg(value_name = "VERSION")]
    to: u32,
    /// Why; kept with the version and in the audit trail
    #[arg(long, value_name = "TEXT")]
    note: String,
    /// Roll back only if the document is still at this version [default: the newest]
    #[arg(long, value_name = "N")]
    expect: Option<u32>,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
struct How {
    /// Build the search indexes anew afterwards: needed where a dictionary changes; the server has to be stopped
    #[arg(long)]
    reindex: bool,
    #[command(flatten)]
    data: DataArgs,
}

/// # Errors
/// When a draft cannot be used, somebody has published since, or the data folder cannot be opened.
pub(super) fn publish(args: &PublishArgs) -> miette::Result<u8> {
    let mut read = Vec::new();
    for file in &args.files {
        match (&args.name, args.files.len()) {
            (Some(name), 1) => read.push(drafts::read(file, Some(name), None)?),
            (Some(_), _) => return Err(miette!("--as names the document of a single file")),
            (None, _) if file.is_dir() => read.extend(drafts::all(file)?),
            (None, _) => read.push(drafts::read(file, None, None)?),
        }
    }
    if args.expect.is_some() && read.len() > 1 {
        return Err(miette!("--expect is about a single document"));
    }
    let (settings, shelf) = args.how.data.load()?;
    let expected = |name: &str| args.expect.unwrap_or_else(|| shelf.version(name));
    let drafts = read.into_iter().map(|read| {
        let expected = expected(&read.draft.name);
        (read.draft, expected)
    });
    let wire = |drafts: &[(Draft, u32)]| v1::PublishDocumentsRequest {
        drafts: drafts.iter().map(to_wire).collect(),
        note: args.note.clone(),
    };
    let drafts: Vec<_> = drafts.collect();
    let request = wire(&drafts);
    let through = async |mut client: RuleServiceClient<Channel>| {
        Ok(client.publish_documents(request).await.map_err(status)?.into_inner())
    };
    run(&args.how, (&settings, &shelf), &drafts, None, &args.note, through)
}

/// # Errors
/// When there is no such version, it cannot be used any more, or the data folder cannot be opened.
pub(super) fn rollback(args: &RollbackArgs) -> miette::Result<u8> {
    let (settings, shelf) = args.how.data.load()?;
    let old = versions::version_of(&args.how.data, &args.name, args.to)?;
    let draft = roll_back(&shelf, &args.name, args.to, old).map_err(refused)?;
    let expected = args.expect.unwrap_or_else(|| shelf.version(&args.name));
    let number = |number: u32| i32::try_from(number).into_diagnostic();
    let request = v1::RollBackDocumentRequest {
        name: format!("documents/{}", args.name),
        version: number(args.to)?,
        expected_version: number(expected)?,
        note: args.note.clone(),
    };
    let through = async |mut client: RuleServiceClient<Channel>| {
        Ok(client.roll_back_document(request).await.map_err(status)?.into_inner())
    };
    run(&args.how, (&settings, &shelf), &[(draft, expected)], Some(args.to), &args.note, through)
}

fn run(
    how: &How,
    (settings, shelf): (&Settings, &Shelf),
    drafts: &[(Draft, u32)],
    restores: Option<u32>,
    note: &str,
    through: impl AsyncFnOnce(RuleServiceClient<Channel>) -> miette::Result<v1::PublishDocumentsResponse>,
) -> miette::Result<u8> {
    let current = working(settings, shelf)?;
    let data = match DataDir::open_writer(&how.data.data, Context::new(&current), WHO) {
        Ok(data) => data,
        Err(Error::Locked { holder, .. }) if submit::address(&holder).is_some() => {
            if how.reindex {
                return Err(miette!(
                    help = "stop the server, then run this again",
                    "--reindex needs the folder to itself"
                ));
            }
            let ask = |channel| through(RuleServiceClient::new(channel));
            let answer = submit::ask(&how.data.data, "qingting.v1.RuleService", ask)?;
            for warning in &answer.warnings {
                eprintln!("warning: {}: {}", warning.document.trim_start_matches("documents/"), warning.message);
            }
            for document in &answer.documents {
                said(
                    document.name.trim_start_matches("documents/"),
                    u32::try_from(document.version).unwrap_or_default(),
                );
            }
            // A document that is in no file any more is not among them.
            if answer.documents.is_empty() {
                drafts.iter().for_each(|(draft, expected)| said(&draft.name, expected + 1));
            }
            eprintln!("calls are judged by it from now on: {}", answer.config_fingerprint);
            return Ok(crate::cli::GOOD);
        }
        Err(error) => return Err(index(error)),
    };
    let shelf = published_since(&data, shelf).map_err(index)?.unwrap_or_else(|| shelf.clone());
    let author = match forget::user() {
        Some(user) => Author { id: WHO.to_owned(), name: user },
        None => Author { id: WHO.to_owned(), name: WHO.to_owned() },
    };
    let by = (&author, note);
    let prepared = prepare(&current, &settings.pipeline(), &shelf, drafts, restores, by).map_err(refused)?;
    if prepared.checked.needs_reindex && !how.reindex {
        return Err(miette!(
            help = "give --reindex too: it takes about as long as ingesting the calls' words again",
            "the dictionary changes, and with it the words of the search indexes"
        ));
    }
    prepared.checked.warnings.iter().filter(|_| !how.reindex).for_each(warn);
    data.publish(&prepared.versions).map_err(index)?;
    prepared.versions.iter().for_each(|version| said(&version.document, version.version));
    data.close().map_err(index)?;
    if how.reindex {
        reindex(&how.data, settings)?;
    }
    Ok(crate::cli::GOOD)
}

/// The pipeline of what counts; where that cannot be used any more, say after a change of the program, that of the
/// files alone, so that it can be mended.
fn working(settings: &Settings, shelf: &Shelf) -> miette::Result<Pipeline> {
    match args::pipeline(settings, shelf.assets()) {
        Ok(pipeline) => Ok(pipeline),
        Err(error) if shelf.number() == 0 => Err(error),
        Err(error) => {
            eprintln!("warning: what is published cannot be used: {error}");
            args::pipeline(settings, shelf.files())
        }
    }
}

/// Both search indexes, by the words that are published now.
fn reindex(data: &DataArgs, settings: &Settings) -> miette::Result<()> {
    let choice = Choice::new(settings);
    if choice.may_need_engine() {
        prepare_engine()?;
    }
    let opened = data.writer(WHO)?;
    opened.data.reindex(|_, _| ()).map_err(index)?;
    let articles = knowledge::rebuild(&opened.data, &opened.pipeline, &choice).map_err(index)?;
    let stats = opened.data.stats().map_err(index)?;
    eprintln!("{} calls and {} articles indexed", stats.calls, articles.added);
    opened.data.close().map_err(index)
}

fn to_wire((draft, expected): &(Draft, u32)) -> v1::Draft {
    v1::Draft {
        name: format!("documents/{}", draft.name),
        text: draft.text.clone().unwrap_or_default(),
        expected_version: i32::try_from(*expected).unwrap_or(i32::MAX),
    }
}

fn said(name: &str, version: u32) {
    println!("{name} version {version}");
}

/// Says on stderr what is worth knowing.
pub(super) fn warn(warning: &Mistake) {
    eprintln!("warning: {warning}");
}

/// Why nothing was published, with all that is wrong.
pub(super) fn refused(refusal: Refusal) -> miette::Report {
    match refusal {
        Refusal::Mistakes(mistakes) => {
            for mistake in &mistakes {
                eprintln!("{mistake}");
            }
            miette!("{} mistakes; nothing is published", mistakes.len())
        }
        Refusal::Conflict { .. } => miette!(
            help = "look at `qingting rules history` and `diff`, then publish again",
            "somebody has published since: {refusal}"
        ),
        Refusal::File(error) => crate::diagnostic::pipeline(error),
        other => miette!("{other}"),
    }
}
