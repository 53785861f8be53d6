//! Figures about batch runs in the text format of Prometheus, for the textfile collector of node_exporter. Owns names
//! and format; the file is replaced in one step, so that it is never read half-written.
//!
//! Counters go on from where the file left them: they count all runs that were told to write it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use miette::{IntoDiagnostic, WrapErr};

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Run {
    /// Calls analysed.
    pub(super) calls: u64,
    /// Records that went to the quarantine.
    pub(super) quarantined: u64,
    /// How long it took.
    pub(super) took: Duration,
    /// Whether it came to its end.
    pub(super) succeeded: bool,
}

/// Name, kind and meaning of each figure, in the order of the file.
const FIGURES: [(&str, &str, &str); 8] = [
    ("qingting_ingest_runs_total", "counter", "Runs of qingting ingest."),
    ("qingting_ingest_failed_runs_total", "counter", "Runs that ended with an error."),
    ("qingting_ingest_calls_total", "counter", "Calls analysed."),
    ("qingting_ingest_quarantined_total", "counter", "Records that could not be read."),
    ("qingting_ingest_seconds_total", "counter", "Seconds that runs took."),
    ("qingting_ingest_last_run_calls", "gauge", "Calls analysed in the last run."),
    ("qingting_ingest_last_run_quarantined", "gauge", "Records of the last run that could not be read."),
    ("qingting_ingest_last_success_timestamp_seconds", "gauge", "When a run last came to its end."),
];

fn read(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, value)| Some((name, value.parse().ok()?)))
        .collect()
}

/// The file after a run that ended at `now`, seconds since 1970.
fn next(before: &str, run: Run, now: u64) -> String {
    let before = read(before);
    let mut text = String::new();
    for (name, kind, meaning) in FIGURES {
        let old = before.get(name).copied().unwrap_or(0.0);
        let value = match name {
            "qingting_ingest_runs_total" => old + 1.0,
            "qingting_ingest_failed_runs_total" => old + f64::from(u8::from(!run.succeeded)),
            "qingting_ingest_calls_total" => old + run.calls as f64,
            "qingting_ingest_quarantined_total" => old + run.quarantined as f64,
            "qingting_ingest_seconds_total" => old + run.took.as_secs_f64(),
            "qingting_ingest_last_run_calls" => run.calls as f64,
            "qingting_ingest_last_run_quarantined" => run.quarantined as f64,
            _ if run.succeeded => now as f64,
            _ => old,
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "# HELP {name} {meaning}\n# TYPE {name} {kind}\n{name} {value}");
    }
    text
}

/// Adds a run to the file.
///
/// # Errors
/// When the file cannot be read or replaced.
pub(super) fn add(path: &Path, run: Run) -> miette::Result<()> {
    let write = || -> std::io::Result<()> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
        // A device or a pipe is written to: it has no earlier figures, and must not be replaced.
        if std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
            return std::fs::write(path, next("", run, now));
        }
        let before = match std::fs::read_to_string(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(".qingting-").tempfile_in(folder)?;
        file.write_all(next(&before, run, now).as_bytes())?;
        // The collector runs as another user.
        #[cfg(unix)]
        file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    write().into_diagnostic().wrap_err_with(|| format!("metrics {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_go_on_and_a_failed_run_leaves_the_last_success() {
        let run = Run { calls: 10, quarantined: 2, took: Duration::from_millis(1500), succeeded: true };
        let once = next("", run, 1_772_000_000);
        let twice = next(&once, Run { succeeded: false, calls: 3, ..run }, 1_772_000_100);
        let figures = read(&twice);
        let figure = |name: &str| figures[format!("qingting_ingest_{name}").as_str()];
        assert_eq!((figure("runs_total"), figure("failed_runs_total")), (2.0, 1.0));
        assert_eq!((figure("calls_total"), figure("last_run_calls")), (13.0, 3.0));
        assert_eq!((figure("quarantined_total"), figure("seconds_total")), (4.0, 3.0));
        assert_eq!(figure("last_success_timestamp_seconds"), 1_772_000_000.0);
        assert!(once.contains("\nqingting_ingest_last_success_timestamp_seconds 1772000000\n"), "{once}");
    }

    #[test]
    fn every_figure_is_explained_before_it_is_given() {
        let text = next("", Run::default(), 0);
        for lines in text.lines().collect::<Vec<_>>().chunks(3) {
            let name = lines[2].split(' ').next().unwrap();
            assert!(
                lines[0].starts_with(&format!("# HELP {name} ")) && lines[1].starts_with(&format!("# TYPE {name} "))
            );
        }
    }

    #[test]
    fn the_file_is_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("qingting.prom");
        add(&path, Run::default()).unwrap();
        add(&path, Run::default()).unwrap();
        assert_eq!(read(&std::fs::read_to_string(&path).unwrap())["qingting_ingest_runs_total"], 2.0);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
        assert!(add(&dir.path().join("missing/x.prom"), Run::default()).is_err());
    }
}
