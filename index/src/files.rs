//! Files that are there whole or not at all: written beside, synced, renamed, and the
//! folder synced too.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::{Error, Result, fault};

/// What a file is called while it is being written. Whatever carries it at the next start is litter.
pub(crate) const TEMPORARY: &str = ".tmp";

/// Makes the entries of a folder durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<()> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|e| Error::io(dir, e))
}

/// Creates a folder and what is missing above it, durably.
pub(crate) fn create_dir(dir: &Path) -> Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = dir.parent().filter(|p| !p.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_dir(parent)?;
    }
    match fs::create_dir(dir) {
        Ok(()) => parent.map_or(Ok(()), sync_dir),
        Err(e) if e.kind() == ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        Err(e) => Err(Error::io(dir, e)),
    }
}

/// Renames a file that is complete and synced, durably.
pub(crate) fn publish(from: &Path, to: &Path) -> Result<()> {
    fault::at(|| "Publish".to_owned())
        .and_then(|()| fs::rename(from, to))
        .map_err(|e| Error::io(to, e))?;
    fault::at(|| "Published".to_owned()).map_err(|e| Error::io(to, e))?;
    let here = Path::new(".");
    sync_dir(to.parent().map_or(here, |folder| if folder.as_os_str().is_empty() { here } else { folder }))
}

/// Replaces a small file in one step.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(TEMPORARY);
    let temporary = Path::new(&temporary);
    let write = || {
        let mut file = File::create(temporary)?;
        let (one, other) = bytes.split_at(bytes.len() / 2);
        file.write_all(one)?;
        fault::at(|| "WriteHalf".to_owned())?;
        file.write_all(other)?;
        file.sync_all()
    };
    write().map_err(|e| Error::io(temporary, e))?;
    publish(temporary, path)
}

/// Removes a file; that it is gone already is fine.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io(path, e)),
        _ => Ok(()),
    }
}

/// Removes the files of a folder that an interrupted run was writing.
pub(crate) fn sweep(dir: &Path) -> Result<()> {
    for name in names(dir)?.iter().filter(|name| name.ends_with(TEMPORARY)) {
        let path = dir.join(name);
        if path.is_file() {
            tracing::info!(path = %path.display(), "removing what an interrupted run left");
            remove(&path)?;
        }
    }
    Ok(())
}

/// The names in a folder, sorted; none when there is no such folder.
pub(crate) fn names(dir: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io(dir, e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| Error::io(dir, e))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}
