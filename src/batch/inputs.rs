//! Which files a list of inputs means: folders stand for the files in them.

use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, WrapErr};

/// Files as given, folders replaced by their files (not those that begin with a dot), sorted by
/// name, deeper folders included.
///
/// # Errors
/// When an input is not there or a folder cannot be read.
pub fn expand(inputs: &[PathBuf]) -> miette::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for input in inputs {
        let meta = std::fs::metadata(input).into_diagnostic().wrap_err_with(|| input.display().to_string())?;
        if meta.is_dir() {
            walk(input, &mut files)?;
        } else {
            files.push(input.clone());
        }
    }
    if files.is_empty() {
        return Err(miette::miette!("the inputs hold no file"));
    }
    Ok(files)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> miette::Result<()> {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
        .into_diagnostic()
        .wrap_err_with(|| folder.display().to_string())?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.path().is_dir() {
            walk(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_stand_for_their_files_in_order() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("b")).unwrap();
        for name in ["c.json", "a.json", "b/z.json", ".hidden"] {
            std::fs::write(dir.path().join(name), "{}").unwrap();
        }
        let files = expand(&[dir.path().to_owned()]).unwrap();
        let names: Vec<_> = files.iter().map(|f| f.strip_prefix(dir.path()).unwrap().display().to_string()).collect();
        assert_eq!(names, ["a.json", "b/z.json", "c.json"]);
        assert!(expand(&[dir.path().join("nowhere")]).unwrap_err().to_string().contains("nowhere"));
    }
}
