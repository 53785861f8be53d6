//! `qingting rules documents`, `show`, `history` and `diff`: what there is, and what was published. They read the ledger alone,
//! whether or not a server runs.

use std::path::PathBuf;

use clap::Args;
use miette::miette;
use qingting_index::{Publication, document_publications};
use serde_json::json;

use super::drafts;
use crate::cli::data::{DataArgs, index};
use crate::documents::{Document, Kind, Shelf, items, unified};

#[derive(Debug, Args)]
pub(in crate::cli) struct DocumentsArgs {
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// The document, such as rules/handling.toml
    #[arg(value_name = "DOCUMENT")]
    name: String,
    /// As of this version; 0: as the files have it
    #[arg(long, value_name = "N")]
    at: Option<u32>,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct HistoryArgs {
    /// The document, such as rules/handling.toml
    #[arg(value_name = "DOCUMENT")]
    name: String,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DiffArgs {
    /// The document, such as rules/handling.toml
    #[arg(value_name = "DOCUMENT")]
    name: String,
    /// A draft of it, to compare with what counts
    #[arg(value_name = "FILE", conflicts_with = "to")]
    file: Option<PathBuf>,
    /// From this version on; 0: from the files [default: the files, or what counts where --to or FILE is given]
    #[arg(long, value_name = "N")]
    from: Option<u32>,
    /// To this version; 0: the files [default: what counts]
    #[arg(long, value_name = "N")]
    to: Option<u32>,
    #[command(flatten)]
    data: DataArgs,
}

/// # Errors
/// When the configuration or the ledger cannot be read.
pub(super) fn documents(args: &DocumentsArgs) -> miette::Result<u8> {
    let (_, shelf) = args.data.load()?;
    for document in shelf.list(&[]).map_err(crate::diagnostic::pipeline)? {
        if args.json {
            println!("{}", listed(&document));
        } else {
            let by = match &document.newest {
                Some(newest) => format!("version {}  {}  {}  {}", newest.version, newest.at, newest.name, newest.note),
                None => String::new(),
            };
            println!("{:<32} {:<10} {:<9}  {by}", document.name, document.kind.as_str(), document.source.as_str());
        }
    }
    Ok(crate::cli::GOOD)
}

/// # Errors
/// When there is no such document or version.
pub(super) fn show(args: &ShowArgs) -> miette::Result<u8> {
    let (_, shelf) = args.data.load()?;
    print!("{}", text(&args.data, &shelf, &args.name, args.at)?);
    Ok(crate::cli::GOOD)
}

/// # Errors
/// When nothing was published under that name.
pub(super) fn history(args: &HistoryArgs) -> miette::Result<u8> {
    Kind::of(&args.name).map_err(|message| miette!("{}: {message}", args.name))?;
    let versions = document_publications(&args.data.data, &args.name, None, u32::MAX).map_err(index)?;
    for version in &versions {
        if args.json {
            println!("{}", kept(version));
        } else {
            let restores = match version.restores {
                Some(0) => "  restores the files".to_owned(),
                Some(of) => format!("  restores version {of}"),
                None => String::new(),
            };
            println!("{:>4}  {}  {}{restores}  {}", version.version, version.at, version.name, version.note);
        }
    }
    if versions.is_empty() {
        eprintln!("nothing was published of {}", args.name);
    }
    Ok(crate::cli::GOOD)
}

/// # Errors
/// When there is no such document or version.
pub(super) fn diff(args: &DiffArgs) -> miette::Result<u8> {
    let kind = Kind::of(&args.name).map_err(|message| miette!("{}: {message}", args.name))?;
    let (_, shelf) = args.data.load()?;
    // What was published, when nothing else was asked for.
    let from = match (args.from, args.to, &args.file) {
        (None, None, None) => Some(0),
        (from, ..) => from,
    };
    let label = |version: Option<u32>| version.map_or_else(|| args.name.clone(), |v| format!("{}@{v}", args.name));
    let (new_label, new) = match &args.file {
        Some(file) => {
            let draft = drafts::read(file, Some(&args.name), None)?.draft;
            (file.display().to_string(), draft.text.unwrap_or_default())
        }
        None => (label(args.to), text(&args.data, &shelf, &args.name, args.to)?),
    };
    let is_new = args.file.is_some() && from.is_none() && !exists(&shelf, &args.name)?;
    let old = match is_new {
        true => String::new(),
        false => text(&args.data, &shelf, &args.name, from)?,
    };
    for change in items(kind, &old, &new) {
        println!("{} {}  {}", change.change.sign(), change.item, change.fields.join(", "));
    }
    if old == new {
        eprintln!("both say the same");
    }
    print!("{}", unified((&label(from), &old), (&new_label, &new)));
    Ok(crate::cli::GOOD)
}

fn exists(shelf: &Shelf, name: &str) -> miette::Result<bool> {
    Ok(shelf.get(name).map_err(crate::diagnostic::pipeline)?.is_some())
}

/// What a document says: as it counts, in the files (0), or in a version.
fn text(data: &DataArgs, shelf: &Shelf, name: &str, version: Option<u32>) -> miette::Result<String> {
    let files = || shelf.in_files(name).map_err(crate::diagnostic::pipeline);
    let found = match version {
        None => shelf.get(name).map_err(crate::diagnostic::pipeline)?.map(|document| document.text),
        Some(0) => files()?,
        Some(number) => match version_of(data, name, number)? {
            Some(Publication { content: Some(text), .. }) => Some(text),
            Some(_) => files()?,
            None => None,
        },
    };
    found.ok_or_else(|| match version {
        None => miette!(help = "`qingting rules documents` lists them", "there is no document {name}"),
        Some(number) => miette!("there is no version {number} of {name}"),
    })
}

/// A version that was published.
///
/// # Errors
/// When the ledger cannot be read.
pub(super) fn version_of(data: &DataArgs, name: &str, number: u32) -> miette::Result<Option<Publication>> {
    let found = document_publications(&data.data, name, number.checked_add(1), 1).map_err(index)?;
    Ok(found.into_iter().find(|found| found.version == number))
}

fn listed(document: &Document) -> serde_json::Value {
    json!({
        "name": document.name,
        "kind": document.kind.as_str(),
        "source": document.source.as_str(),
        "version": document.version(),
        "sha256": document.sha256(),
        "newest": document.newest.as_ref().map(kept),
    })
}

fn kept(version: &Publication) -> serde_json::Value {
    json!({
        "version": version.version,
        "at": version.at,
        "who": version.who,
        "name": version.name,
        "note": version.note,
        "sha256": version.sha256,
        "restores": version.restores,
        "config_fingerprint": version.fingerprint,
    })
}
