//! Copies of a data folder that can be taken while it is written, and folders made out of them. Owns what belongs into a
//! copy, the order in which it is read, and the check that it came back as it was.
//!
//! The order makes a copy whole without stopping anybody. The log of live calls is read first, then the ledger, by
//! SQLite, as of one moment: whatever was acknowledged before is in one of them, since a call leaves the log after the
//! ledger has it. Then come exactly the Parquet files that this ledger names, which never change. Should one of
//! them be merged away meanwhile, or an erasure come between, the copy is begun again. The call index is left out:
//! it is built out of the rest.

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Component, Path, PathBuf};

use qingting_pipeline::assets::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zip::write::FileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::{DataDir, erase};
use crate::ledger::Ledger;
use crate::manifest::FORMAT_VERSION;
use crate::store::wal;
use crate::{Error, Result, files};

/// The format of backups that this version writes, and the newest that it reads.
const BACKUP_FORMAT: u32 = 1;
const LIST: &str = "backup.json";
/// Bytes of the list that are read: those of a million files.
const MOST_LIST_BYTES: u64 = 256 << 20;
const LEDGER: &str = "ledger.sqlite";
const KEY: &str = "keys/caller.key";
/// How often a copy is begun again when files are merged or calls erased meanwhile.
const ATTEMPTS: usize = 8;

/// The contents of `backup.json`: what is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Format of the backup.
    pub format: u32,
    /// Format of the data folder.
    pub data_format: u32,
    /// When it was begun, RFC 3339 in UTC.
    pub created_at: String,
    /// Version of the program that wrote it.
    pub written_by: String,
    /// Its files.
    pub files: Vec<Copied>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Where it lies in the data folder, with `/`.
    pub path: String,
    /// Bytes.
    pub bytes: u64,
    /// SHA-256 of its content, hexadecimal.
    pub sha256: String,
}

impl Backup {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

fn zip_error(path: &Path, error: zip::result::ZipError) -> Error {
    match error {
        zip::result::ZipError::Io(error) => Error::io(path, error),
        other => Error::corrupt(path, other.to_string()),
    }
}

fn is_archive(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Removes a file or folder; that it is not there is fine.
fn clear(path: &Path) -> Result<()> {
    if path.is_dir() {
        fs::remove_dir_all(path).map_err(|e| Error::io(path, e))
    } else {
        files::remove(path)
    }
}

/// A new file; a secret one is its owner's alone.
fn create(path: &Path, secret: bool) -> Result<File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        files::create_dir(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if secret {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    options.open(path).map_err(|e| Error::io(path, e))
}

/// Copies to the end, and tells length and SHA-256. `from` and `to` name the two in errors.
fn copy(mut source: impl Read, from: &Path, mut sink: impl Write, to: &Path) -> Result<(u64, String)> {
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        let read = match source.read(&mut buffer) {
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            read => read.map_err(|e| Error::io(from, e))?,
        };
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else {
            break;
        };
        hash.update(part);
        bytes += read as u64;
        sink.write_all(part).map_err(|e| Error::io(to, e))?;
    }
    Ok((bytes, hex(&hash.finalize())))
}

/// A backup being written: a folder, or one file.
enum Target {
    Folder(PathBuf),
    Archive(PathBuf, Box<ZipWriter<BufWriter<File>>>),
}

impl Target {
    fn create(path: &Path, archive: bool) -> Result<Self> {
        clear(path)?;
        if archive {
            // Whoever reads the key in it can try telephone numbers out.
            let file = create(path, true)?;
            return Ok(Self::Archive(path.to_owned(), Box::new(ZipWriter::new(BufWriter::new(file)))));
        }
        files::create_dir(path)?;
        Ok(Self::Folder(path.to_owned()))
    }

    fn put(&mut self, name: &str, source: impl Read, from: &Path) -> Result<Copied> {
        let (bytes, sha256) = match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                let file = create(&path, name == KEY)?;
                let copied = copy(source, from, &file, &path)?;
                file.sync_all().map_err(|e| Error::io(&path, e))?;
                copied
            }
            Self::Archive(path, archive) => {
                // Parquet is compressed already.
                let options = FileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
                archive.start_file(name, options).map_err(|e| zip_error(path, e))?;
                copy(source, from, &mut **archive, path)?
            }
        };
        Ok(Copied { path: name.to_owned(), bytes, sha256 })
    }

    /// Makes everything durable.
    fn finish(self) -> Result<()> {
        match self {
            Self::Folder(path) => files::sync_dir(&path),
            Self::Archive(path, mut archive) => {
                let file = archive.finish().map_err(|e| zip_error(&path, e))?;
                let file = file.into_inner().map_err(|e| Error::io(&path, e.into_error()))?;
                file.sync_all().map_err(|e| Error::io(&path, e))
            }
        }
    }
}

impl DataDir {
    /// Copies everything that cannot be built anew out of the rest, with the key of the callers, to `out`: a file
    /// when that ends in `.zip`, else a folder. Needs no writer and stops none; every call that was acknowledged
    /// before is in it.
    ///
    /// # Errors
    /// [`Error::Refused`] when `out` is there already, an erasure was not finished, or the folder never kept still
    /// long enough; when something cannot be read or written.
    pub fn backup(&self, out: &Path) -> Result<Backup> {
        if out.exists() {
            return Err(Error::Refused { what: out.display().to_string(), message: "it is there already".to_owned() });
        }
        let (temporary, ledger) = (beside(out, files::TEMPORARY), beside(out, ".ledger.tmp"));
        for _ in 0..ATTEMPTS {
            let made = self.attempt(&temporary, &ledger, is_archive(out));
            let swept = clear(&ledger);
            match made {
                Ok(Some(backup)) => {
                    swept?;
                    files::publish(&temporary, out)?;
                    return Ok(backup);
                }
                Ok(None) => tracing::info!("files were merged or calls erased meanwhile; the copy is begun again"),
                Err(error) => {
                    // The first error is the one to tell.
                    let _ = clear(&temporary);
                    return Err(error);
                }
            }
        }
        clear(&temporary)?;
        Err(self.refused("its files are being merged or erased all the time; back it up when that is done"))
    }

    /// One copy; `None` when it would not be whole.
    fn attempt(&self, temporary: &Path, ledger_folder: &Path, archive: bool) -> Result<Option<Backup>> {
        if self.is_erasing() {
            return Err(
                self.refused("an erasure was begun and not finished; open it for writing first (`qingting reindex`)")
            );
        }
        let created_at = chrono::Utc::now().to_rfc3339();
        let erasures = self.ledger().audited(erase::ACTION)?;
        let manifest = self.manifest()?;
        let mut target = Target::create(temporary, archive)?;
        let mut copied = Vec::new();
        let mut put = |target: &mut Target, name: &str, path: &Path| -> Result<bool> {
            let file = match File::open(path) {
                Ok(file) => file,
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
                Err(e) => return Err(Error::io(path, e)),
            };
            copied.push(target.put(name, file, path)?);
            Ok(true)
        };
        let log = self.path.join("wal");
        for name in wal::file_names(&log)? {
            // One that is gone has become Parquet, and the ledger that is copied next knows it.
            put(&mut target, &format!("wal/{name}"), &log.join(&name))?;
        }
        clear(ledger_folder)?;
        files::create_dir(ledger_folder)?;
        self.ledger().copy(&ledger_folder.join(LEDGER))?;
        put(&mut target, LEDGER, &ledger_folder.join(LEDGER))?;
        for file in Ledger::open_reader(ledger_folder)?.files()? {
            let (calls, analyses) = self.partitions.paths(&file.pair);
            for path in [calls, analyses] {
                let name = path.strip_prefix(&self.path).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                if !put(&mut target, &name, &path)? {
                    return Ok(None);
                }
            }
        }
        for name in [
            "assignments/topics.json",
            "assignments/calls.parquet",
            "quarantine.jsonl",
            KEY,
            "manifest.json",
        ] {
            put(&mut target, name, &self.path.join(name))?;
        }
        // The articles are kept nowhere else. A commit changes this file, and only what it names counts.
        let knowledge = self.knowledge_index_dir();
        let state = || fs::read(knowledge.join("meta.json")).ok();
        let before = state();
        for name in files::names(&knowledge)? {
            let path = knowledge.join(&name);
            if path.is_file() && !name.ends_with(".lock") && !name.ends_with(files::TEMPORARY) {
                put(&mut target, &format!("index/knowledge/{name}"), &path)?;
            }
        }
        if state() != before || self.is_erasing() || self.ledger().audited(erase::ACTION)? != erasures {
            return Ok(None);
        }
        let backup = Backup {
            format: BACKUP_FORMAT,
            data_format: manifest.format,
            created_at,
            written_by: env!("CARGO_PKG_VERSION").to_owned(),
            files: copied,
        };
        let list = serde_json::to_vec_pretty(&backup).map_err(|e| Error::json(LIST, e))?;
        target.put(LIST, list.as_slice(), Path::new(LIST))?;
        target.finish()?;
        Ok(Some(backup))
    }
}

/// A backup being read.
enum Source {
    Folder(PathBuf),
    Archive(PathBuf, Box<ZipArchive<BufReader<File>>>),
}

impl Source {
    fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|e| zip_error(path, e))?;
        Ok(Self::Archive(path.to_owned(), Box::new(archive)))
    }

    /// Hands the content of a file to `take`.
    fn read<T>(&mut self, name: &str, take: impl FnOnce(&mut dyn Read, &Path) -> Result<T>) -> Result<T> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                let mut file = File::open(&path).map_err(|e| match e.kind() {
                    ErrorKind::NotFound => Error::corrupt(&path, "missing in the backup"),
                    _ => Error::io(&path, e),
                })?;
                take(&mut file, &path)
            }
            Self::Archive(path, archive) => {
                let mut file = match archive.by_name(name) {
                    Err(zip::result::ZipError::FileNotFound) => {
                        return Err(Error::corrupt(&*path, format!("{name} is missing in the backup")));
                    }
                    file => file.map_err(|e| zip_error(path, e))?,
                };
                take(&mut file, path)
            }
        }
    }
}

/// Makes a data folder out of a backup: all of it, every file with the content that the backup says, or none. It
/// has no call index yet; opening it for writing builds that.
///
/// # Errors
/// [`Error::Refused`] when `to` is there and not empty; [`Error::NewerFormat`] when a newer version wrote the backup;
/// [`Error::Corrupt`] when a file is missing or not what was written.
pub fn restore(from: &Path, to: &Path) -> Result<Backup> {
    if !files::names(to)?.is_empty() {
        return Err(Error::Refused { what: to.display().to_string(), message: "it is not empty".to_owned() });
    }
    let mut source = Source::open(from)?;
    let backup: Backup = source.read(LIST, |file, path| {
        serde_json::from_reader(BufReader::new(file.take(MOST_LIST_BYTES)))
            .map_err(|e| Error::corrupt(path, format!("{LIST}: {e}")))
    })?;
    for (found, supported) in [(backup.format, BACKUP_FORMAT), (backup.data_format, FORMAT_VERSION)] {
        if found > supported {
            return Err(Error::NewerFormat { path: from.to_owned(), found, supported });
        }
    }
    let temporary = beside(to, files::TEMPORARY);
    clear(&temporary)?;
    let copied = backup.files.iter().try_for_each(|file| bring_back(&mut source, file, &temporary, from));
    if let Err(error) = copied {
        // The first error is the one to tell.
        let _ = clear(&temporary);
        return Err(error);
    }
    files::sync_dir(&temporary)?;
    files::publish(&temporary, to)?;
    Ok(backup)
}

fn bring_back(source: &mut Source, file: &Copied, folder: &Path, from: &Path) -> Result<()> {
    let name = Path::new(&file.path);
    if !name.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(Error::corrupt(from, format!("{} leads out of the data folder", file.path)));
    }
    let path = folder.join(name);
    source.read(&file.path, |content, from| {
        let written = create(&path, file.path == KEY)?;
        // One byte more tells that it is longer; a small archive can hold far more than it says.
        let (bytes, sha256) = copy(content.take(file.bytes.saturating_add(1)), from, &written, &path)?;
        written.sync_all().map_err(|e| Error::io(&path, e))?;
        if (bytes, sha256.as_str()) != (file.bytes, file.sha256.as_str()) {
            let message =
                format!("{}: not the content that was backed up ({bytes} bytes, SHA-256 {sha256})", file.path);
            return Err(Error::corrupt(from, message));
        }
        Ok(())
    })
}
