//! The sets themselves: which there are, and whether they can be used.

use std::path::Path;

use miette::{IntoDiagnostic, WrapErr, miette};
use qingting_pipeline::assets::{Asset, Assets};
use qingting_pipeline::{Error, Pipeline};
use serde_json::json;

use super::{CheckArgs, ListArgs};
use crate::cli::args;
use crate::indicator::tally::Unit;
use crate::indicator::{Names, Set, load};

fn unit_zh(unit: Unit) -> &'static str {
    match unit {
        Unit::Calls => "数量",
        Unit::Share => "比例",
        Unit::Seconds => "秒",
        Unit::Points => "分",
    }
}

pub(super) fn list(args: &ListArgs) -> miette::Result<u8> {
    let (settings, assets) = args.config.load()?;
    let names = Names::of(&args::pipeline(&settings, &assets)?);
    if args.figures {
        if args.json {
            let figures =
                names.iter().map(|(id, name)| json!({ "id": id, "title": name.title, "unit": unit_zh(name.unit) }));
            println!("{}", serde_json::Value::from_iter(figures));
        } else {
            names.iter().for_each(|(id, name)| println!("{id:<32} {:<4} {}", unit_zh(name.unit), name.title));
        }
        return Ok(crate::cli::GOOD);
    }
    let sets = read(&assets, &names)?;
    if args.json {
        let sets = sets.iter().map(|set| {
            json!({
                "id": set.id, "version": set.version, "fingerprint": set.fingerprint, "title": set.title,
                "doc": set.doc.trim(), "nodes": set.nodes.len(),
            })
        });
        println!("{}", serde_json::Value::from_iter(sets));
        return Ok(crate::cli::GOOD);
    }
    for set in &sets {
        let items = set.nodes.iter().filter(|node| node.item.is_some()).count();
        println!("{}  第 {} 版  {}  {}（{items} 项指标）", set.id, set.version, set.fingerprint, set.title);
        println!("{}\n", set.doc.trim());
    }
    Ok(crate::cli::GOOD)
}

pub(super) fn check(args: &CheckArgs) -> miette::Result<u8> {
    let (settings, assets) = args.config.load()?;
    let pipeline = args::pipeline(&settings, &assets)?;
    let names = Names::of(&pipeline);
    let mut errors = load(&assets, &names).err().unwrap_or_default();
    for path in &args.drafts {
        errors.extend(draft(path, &names)?.err().unwrap_or_default());
    }
    if args.json {
        let errors = errors.iter().map(|error| match error {
            Error::Config { file, line, message, .. } => json!({ "file": file, "line": line, "message": message }),
            other => json!({ "message": other.to_string() }),
        });
        println!("{}", serde_json::Value::from_iter(errors));
    } else {
        errors.iter().for_each(|error| eprintln!("{error}"));
    }
    if !errors.is_empty() {
        return Err(miette!("{} mistakes", errors.len()));
    }
    if !args.json {
        println!("all right");
    }
    Ok(crate::cli::GOOD)
}

/// The sets of the configuration.
pub(super) fn read(assets: &Assets, names: &Names) -> miette::Result<Vec<Set>> {
    load(assets, names).map_err(|errors| mistakes(&errors))
}

/// The set of an id, or the first.
pub(super) fn chosen(assets: &Assets, pipeline: &Pipeline, id: Option<&str>) -> miette::Result<(Set, Names)> {
    let names = Names::of(pipeline);
    let sets = read(assets, &names)?;
    let ids: Vec<String> = sets.iter().map(|set| set.id.clone()).collect();
    let found = match id {
        Some(id) => sets.into_iter().find(|set| set.id == id),
        None => sets.into_iter().next(),
    };
    let set = found.ok_or_else(|| miette!("no such set; there are {}", ids.join(", ")))?;
    Ok((set, names))
}

/// A set out of a file.
pub(super) fn draft(path: &Path, names: &Names) -> miette::Result<Result<Set, Vec<Error>>> {
    let text = std::fs::read_to_string(path).into_diagnostic().wrap_err_with(|| path.display().to_string())?;
    let asset = Asset { origin: path.display().to_string(), text: text.into() };
    Ok(Set::parse(&asset, names))
}

pub(super) fn mistakes(errors: &[Error]) -> miette::Report {
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    miette!("{}", told.join("\n"))
}
