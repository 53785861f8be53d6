//! Drafts in files: a document, or a folder of the layout of `config/`.

use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, WrapErr, miette};

use crate::documents::{Draft, Kind};

/// A draft and the file that it is in.
pub(super) struct FileDraft {
    pub(super) draft: Draft,
    pub(super) path: PathBuf,
}

/// The draft in a file, as the document `name` or, without, as the one that its path ends with; `folder` is that of a
/// file whose path says none.
///
/// # Errors
/// When the file cannot be read, or it cannot be told which document it is.
pub(super) fn read(path: &Path, name: Option<&str>, folder: Option<Kind>) -> miette::Result<FileDraft> {
    let name = match name {
        Some(name) => {
            Kind::of(name).map_err(|message| miette!("{name}: {message}"))?;
            name.to_owned()
        }
        None => name_of(path, folder)?,
    };
    let text = std::fs::read_to_string(path).into_diagnostic().wrap_err_with(|| path.display().to_string())?;
    Ok(FileDraft { draft: Draft { name, text: Some(text) }, path: path.to_owned() })
}

fn name_of(path: &Path, folder: Option<Kind>) -> miette::Result<String> {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    let ends = [3, 2].into_iter().filter_map(|many| Some(parts.get(parts.len().checked_sub(many)?..)?.join("/")));
    let mut ends = ends.filter(|name| Kind::of(name).is_ok());
    let own = || Some(format!("{}/{}", folder?.folder(), parts.last()?)).filter(|name| Kind::of(name).is_ok());
    ends.next().or_else(own).ok_or_else(|| {
        miette!(
            help = "name it with --as, such as --as rules/handling.toml",
            "{}: which document is that? Its path does not end like one of config/",
            path.display()
        )
    })
}

/// All drafts of a folder of the layout of `config/`, or the one in a file, by default a rule file.
///
/// # Errors
/// When one of them cannot be read, or there are none.
pub(super) fn all(path: &Path) -> miette::Result<Vec<FileDraft>> {
    if !path.is_dir() {
        return Ok(vec![read(path, None, Some(Kind::Rules))?]);
    }
    let mut drafts = Vec::new();
    for kind in Kind::ALL {
        let folder = path.join(kind.folder());
        if !folder.is_dir() {
            continue;
        }
        let entries = std::fs::read_dir(&folder).into_diagnostic().wrap_err_with(|| folder.display().to_string())?;
        let mut files =
            entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>().into_diagnostic()?;
        files.sort();
        for file in files.iter().filter(|file| file.is_file()) {
            let name = file.file_name().map(|name| format!("{}/{}", kind.folder(), name.to_string_lossy()));
            if let Some(name) = name.filter(|name| Kind::of(name) == Ok(kind)) {
                drafts.push(read(file, Some(&name), None)?);
            }
        }
    }
    if drafts.is_empty() {
        return Err(miette!(
            "{}: no rules, scorecards, word lists or sets of indicators in the layout of config/",
            path.display()
        ));
    }
    Ok(drafts)
}
