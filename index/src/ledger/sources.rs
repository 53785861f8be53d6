//! Which input files were ingested, with their fingerprint: what has not changed is not
//! ingested again.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use qingting_pipeline::assets::hex;
use rusqlite::{OptionalExtension, Transaction, params};
use sha2::{Digest, Sha256};

use super::Ledger;
use crate::{Error, Result};

/// An input file and how it is to be ingested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its absolute path.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// When it changed last, its content or its entry in the folder, nanoseconds since 1970; 0 where that tells nothing.
    pub modified_ns: i64,
    /// SHA-256 of its content, hexadecimal.
    pub sha256: String,
    /// Everything else that the result depends on, as the caller chooses to write it.
    pub options: String,
}

/// A file that changes twice within so long may have the same time after both: the coarsest grain of file systems.
const GRAIN: Duration = Duration::from_secs(2);

impl SourceFile {
    /// The file, if it is still as it was when it was looked at. Where it may change once more without its time showing that,
    /// the time is struck, so that the next look goes to the content.
    pub(crate) fn still(mut self) -> Option<Self> {
        let path = Path::new(&self.path);
        // One that was moved away since cannot be read again under this name.
        let Ok(now) = Fingerprint::of(path) else {
            return Some(self);
        };
        if (now.size, now.modified_ns) != (self.size, self.modified_ns) {
            return None;
        }
        let recent = SystemTime::now().checked_sub(GRAIN).and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        if recent.is_none_or(|recent| recent.as_nanos() <= self.modified_ns.max(0) as u128) {
            // Then it may have changed so since it was looked at, too.
            let again = now.read(path, &self.options).ok()?;
            self.modified_ns = 0;
            return Some(self).filter(|before| before.sha256 == again.sha256);
        }
        Some(self)
    }
}

/// Files that were ingested, and what became of their records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Intake {
    /// Files.
    pub files: u64,
    /// Calls that were taken in.
    pub calls: u64,
    /// Records that could not be read, and went to the quarantine.
    pub quarantined: u64,
}

/// What of a source file is known without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    path: String,
    size: u64,
    modified_ns: i64,
}

/// When a file was put where it is: one that replaces another of its size may bring the other's time along.
#[cfg(unix)]
fn entered_ns(meta: &std::fs::Metadata) -> i64 {
    use std::os::unix::fs::MetadataExt;
    meta.ctime().saturating_mul(1_000_000_000).saturating_add(meta.ctime_nsec())
}

#[cfg(not(unix))]
fn entered_ns(_meta: &std::fs::Metadata) -> i64 {
    0
}

impl Fingerprint {
    /// Looks at a file.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let absolute = std::path::absolute(path).map_err(|e| Error::io(path, e))?;
        let meta = std::fs::metadata(path).map_err(|e| Error::io(path, e))?;
        let modified = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        Ok(Self {
            path: absolute.to_string_lossy().into_owned(),
            size: meta.len(),
            modified_ns: modified
                .map_or(0, |at| i64::try_from(at.as_nanos()).unwrap_or(i64::MAX))
                .max(entered_ns(&meta)),
        })
    }

    /// Reads the file for its content's fingerprint.
    pub(crate) fn read(self, path: &Path, options: &str) -> Result<SourceFile> {
        struct Hash(Sha256);
        impl Write for Hash {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.update(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut hash = Hash(Sha256::new());
        let mut file = File::open(path).map_err(|e| Error::io(path, e))?;
        io::copy(&mut file, &mut hash).map_err(|e| Error::io(path, e))?;
        let sha256 = hex(&hash.0.finalize());
        let Self { path, size, modified_ns } = self;
        Ok(SourceFile { path, size, modified_ns, sha256, options: options.to_owned() })
    }
}

impl Ledger {
    /// What was noted when the file of that path was ingested last.
    pub(crate) fn source(&self, path: &str) -> Result<Option<SourceFile>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT path, size, modified_ns, sha256, options FROM sources WHERE path = ?1")?;
        let found = query.query_row([path], |row| {
            Ok(SourceFile {
                path: row.get(0)?,
                size: row.get::<_, i64>(1)?.cast_unsigned(),
                modified_ns: row.get(2)?,
                sha256: row.get(3)?,
                options: row.get(4)?,
            })
        });
        Ok(found.optional()?)
    }

    /// The files that were ingested last at or after a moment.
    pub(crate) fn intake(&self, since: DateTime<Utc>) -> Result<Intake> {
        let mut query = self.connection.prepare_cached(
            "SELECT count(*), total(calls), total(quarantined) FROM sources WHERE unixepoch(ingested_at) >= ?1",
        )?;
        Ok(query.query_row([since.timestamp()], |row| {
            Ok(Intake {
                files: row.get::<_, i64>(0)?.cast_unsigned(),
                calls: row.get::<_, f64>(1)? as u64,
                quarantined: row.get::<_, f64>(2)? as u64,
            })
        })?)
    }

    /// The file as it is now, or `None` when it was ingested just so. It is read only when its size
    /// or time has changed.
    pub(crate) fn changed_source(&self, path: &Path, options: &str) -> Result<Option<SourceFile>> {
        let now = Fingerprint::of(path)?;
        let before = self.source(&now.path)?.filter(|before| before.options == options && before.size == now.size);
        if before.as_ref().is_some_and(|before| before.modified_ns == now.modified_ns) {
            return Ok(None);
        }
        let now = now.read(path, options)?;
        Ok(Some(now).filter(|now| before.is_none_or(|before| before.sha256 != now.sha256)))
    }
}

/// Strikes a file from those that were ingested.
pub(crate) fn remove_source(transaction: &Transaction<'_>, path: &Path) -> Result<()> {
    let absolute = std::path::absolute(path).map_err(|e| Error::io(path, e))?;
    transaction
        .prepare_cached("DELETE FROM sources WHERE path = ?1")?
        .execute([absolute.to_string_lossy()])?;
    Ok(())
}

/// Notes that a file was ingested, with the number of its calls and of its quarantined records.
pub(crate) fn add_source(transaction: &Transaction<'_>, file: &SourceFile, calls: u64, quarantined: u64) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO sources
             (path, size, modified_ns, sha256, options, calls, quarantined, ingested_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            file.path,
            file.size.cast_signed(),
            file.modified_ns,
            file.sha256,
            file.options,
            calls.cast_signed(),
            quarantined.cast_signed(),
            chrono::Utc::now().to_rfc3339(),
        ])?;
    Ok(())
}
