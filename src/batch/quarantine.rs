//! The quarantine file: one JSON line a bad record, with where it stood, what is wrong with it, and what to do, in words
//! for whoever has to mend it. It never holds the text of the record, which may be personal data.
//!
//! That of an import goes with the ledger: a line is on disk before its file counts as ingested, and stays until that
//! file is read again, by whichever run.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, WrapErr};
use qingting_pipeline::import::Rejected;
use serde::{Deserialize, Serialize};

use super::explain::explain;

/// Collects bad records; the file is only made when there is one.
#[derive(Debug)]
pub struct Quarantine {
    path: PathBuf,
    keeps: bool,
    file: Option<BufWriter<File>>,
    /// What earlier runs left, once it was looked at.
    earlier: Option<Earlier>,
}

/// The part of the file that was there before this run.
#[derive(Debug, Default)]
struct Earlier {
    bytes: u64,
    /// Inputs that it has lines about.
    files: BTreeSet<String>,
}

#[derive(Serialize)]
struct Line<'a> {
    file: String,
    line: Option<u64>,
    call_id: Option<&'a str>,
    field: Option<&'a str>,
    reason: &'a str,
    explanation: String,
    crisis: bool,
    at: String,
}

/// What tells whether a line of an earlier run still counts.
#[derive(Deserialize)]
struct Known {
    file: String,
}

/// The name of an input that is the same from wherever the program is started.
fn name(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

impl Quarantine {
    /// A quarantine that would be written to `path`, replacing an older one.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), keeps: false, file: None, earlier: None }
    }

    /// One that keeps what earlier runs found in files that this run does not read again.
    pub fn keeping(path: impl Into<PathBuf>) -> Self {
        Self { keeps: true, ..Self::new(path) }
    }

    /// Where it is or would be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a record, whose reason holds no personal data any more.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn put(&mut self, rejected: &Rejected, crisis: bool) -> miette::Result<()> {
        let line = Line {
            file: name(&rejected.source.file),
            line: rejected.source.line,
            call_id: rejected.call_id.as_deref(),
            field: rejected.field.as_deref(),
            reason: &rejected.reason,
            explanation: explain(rejected),
            crisis,
            at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        };
        let text = serde_json::to_string(&line).into_diagnostic()?;
        self.append(&text).into_diagnostic().wrap_err_with(|| self.path.display().to_string())
    }

    /// What becomes of these files counts from now on: everything put is on disk on return, and what earlier runs found
    /// in them is struck. They were read to their end.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn settle<'a>(&mut self, read: impl IntoIterator<Item = &'a Path>) -> miette::Result<()> {
        let read: BTreeSet<String> = read.into_iter().map(name).collect();
        self.settled(&read).into_diagnostic().wrap_err_with(|| self.path.display().to_string())
    }

    fn append(&mut self, text: &str) -> std::io::Result<()> {
        self.earlier()?;
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let mut options = File::options();
                options.create(true).write(true).append(self.keeps).truncate(!self.keeps);
                self.file.insert(BufWriter::new(options.open(&self.path)?))
            }
        };
        writeln!(file, "{text}")
    }

    fn settled(&mut self, read: &BTreeSet<String>) -> std::io::Result<()> {
        if let Some(file) = &mut self.file {
            file.flush()?;
            qingting_index::fault::at(|| "Quarantine".to_owned())?;
            if file.get_ref().metadata()?.is_file() {
                file.get_ref().sync_data()?;
            }
        }
        let earlier = self.earlier()?;
        if earlier.files.is_disjoint(read) {
            return Ok(());
        }
        earlier.files.retain(|file| !read.contains(file));
        let bytes = earlier.bytes;
        let bytes = strike(&self.path, bytes, read)?;
        self.earlier()?.bytes = bytes;
        self.file = None; // that of before
        Ok(())
    }

    /// Looks at what earlier runs left. A line that one of them did not finish is of a file that it did not finish
    /// either: it goes.
    fn earlier(&mut self) -> std::io::Result<&mut Earlier> {
        let earlier = match self.earlier.take() {
            Some(earlier) => earlier,
            // A device or a pipe has nothing of earlier runs.
            None if self.keeps && std::fs::metadata(&self.path).is_ok_and(|there| there.is_file()) => {
                let bytes = std::fs::read(&self.path)?;
                let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
                if whole < bytes.len() {
                    File::options().write(true).open(&self.path)?.set_len(whole as u64)?;
                }
                let files = bytes.split(|&byte| byte == b'\n').filter_map(file_of).collect();
                Earlier { bytes: whole as u64, files }
            }
            None => Earlier::default(),
        };
        Ok(self.earlier.insert(earlier))
    }
}

/// The input that a line is about; none for what is no line of ours, which is not ours to strike.
fn file_of(line: &[u8]) -> Option<String> {
    serde_json::from_slice::<Known>(line).ok().map(|known| known.file)
}

/// Strikes the lines about some files from the first bytes of a quarantine, and tells how many bytes these are then.
fn strike(path: &Path, earlier: u64, read: &BTreeSet<String>) -> std::io::Result<u64> {
    let bytes = std::fs::read(path)?;
    let (old, new) = bytes.split_at(usize::try_from(earlier).unwrap_or(usize::MAX).min(bytes.len()));
    let stays = |line: &&[u8]| file_of(line).is_none_or(|file| !read.contains(&file));
    let mut kept: Vec<u8> = old.split_inclusive(|&byte| byte == b'\n').filter(stays).flatten().copied().collect();
    let earlier = kept.len() as u64;
    kept.extend_from_slice(new);
    if kept.is_empty() {
        std::fs::remove_file(path)?;
        return Ok(0);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".quarantine-").tempfile_in(folder)?;
    file.write_all(&kept)?;
    file.as_file().set_permissions(std::fs::metadata(path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(earlier)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use qingting_pipeline::import::SourceRef;

    fn rejected(file: &str, line: u64) -> Rejected {
        Rejected {
            source: SourceRef { file: file.into(), line: Some(line) },
            call_id: None,
            field: None,
            reason: "truncated JSON".to_owned(),
            readable: None,
            passing: false,
        }
    }

    fn listed(path: &Path) -> Vec<(String, u64)> {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = |line: &str| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            (value["file"].as_str().unwrap().to_owned(), value["line"].as_u64().unwrap())
        };
        text.lines().map(line).collect()
    }

    fn run(path: &Path, found: &[(&str, u64)], read: &[&str]) {
        let mut quarantine = Quarantine::keeping(path);
        for &(file, line) in found {
            quarantine.put(&rejected(file, line), false).unwrap();
        }
        quarantine.settle(read.iter().map(Path::new)).unwrap();
    }

    /// The next run began the list anew: what had been refused in files that were done was on no list any more.
    #[test]
    fn what_an_earlier_run_refused_was_forgotten_by_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("quarantine.jsonl");
        run(&path, &[("/a", 1), ("/b", 2)], &["/a", "/b"]);
        run(&path, &[("/c", 3)], &["/c"]);
        let at = |file: &str, line| (file.to_owned(), line);
        assert_eq!(listed(&path), [at("/a", 1), at("/b", 2), at("/c", 3)]);
        run(&path, &[("/b", 5)], &["/b"]);
        assert_eq!(listed(&path), [at("/a", 1), at("/c", 3), at("/b", 5)], "of a file read again the last run counts");
        run(&path, &[], &["/a", "/c"]);
        assert_eq!(listed(&path), [at("/b", 5)]);
        run(&path, &[], &["/b"]);
        assert!(!path.exists(), "nothing is left to be looked at");
    }

    #[test]
    fn half_a_line_of_a_killed_run_goes_and_a_killed_run_loses_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("quarantine.jsonl");
        run(&path, &[("/a", 1)], &["/a"]);
        let mut killed = Quarantine::keeping(&path);
        killed.put(&rejected("/b", 2), false).unwrap();
        killed.settle([]).unwrap();
        drop(killed);
        File::options().append(true).open(&path).unwrap().write_all(b"{\"file\": \"/c\", \"li").unwrap();
        run(&path, &[("/c", 3)], &["/c"]);
        let files: Vec<String> = listed(&path).into_iter().map(|(file, _)| file).collect();
        assert_eq!(files, ["/a", "/b", "/c"]);
    }

    /// One run had listed it and was killed before the file counted, the next one was killed before its end.
    #[test]
    fn a_record_was_listed_twice_after_two_kills() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("quarantine.jsonl");
        for done in [false, true] {
            let mut killed = Quarantine::keeping(&path);
            killed.put(&rejected("/a", 1), false).unwrap();
            killed.settle(done.then_some(Path::new("/a"))).unwrap();
        }
        run(&path, &[("/b", 1)], &["/b"]);
        assert_eq!(listed(&path), [("/a".to_owned(), 1), ("/b".to_owned(), 1)]);
    }

    #[test]
    fn an_analysis_replaces_the_list_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("quarantine.jsonl");
        for file in ["/a", "/b"] {
            let mut quarantine = Quarantine::new(&path);
            quarantine.put(&rejected(file, 1), false).unwrap();
            quarantine.settle([]).unwrap();
        }
        assert_eq!(listed(&path), [("/b".to_owned(), 1)]);
    }
}
