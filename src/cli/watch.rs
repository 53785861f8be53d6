//! `qingting ingest --watch`: folders looked at again and again, new and changed files handed on once nobody writes them any
//! more, until the signal to stop. Owns which files are ready; taking them in is the business of `ingest`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use miette::{IntoDiagnostic, WrapErr};

use crate::batch;

/// Between two looks at the folders, and at most so long until the signal to stop is seen.
const LOOK: Duration = Duration::from_millis(500);

/// Size and time of a file: while these stay, so does its content.
type State = (u64, SystemTime);

/// Files and what is known of them.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The state of each file, and since when it has been so.
    seen: HashMap<PathBuf, (State, Instant)>,
    /// The state in which it was handed on.
    taken: HashMap<PathBuf, State>,
}

impl Watch {
    /// The files that have not changed for so long and were not handed on in this state yet. A file that has vanished
    /// is forgotten.
    fn ready(&mut self, files: Vec<(PathBuf, State)>, now: Instant, still: Duration) -> Vec<PathBuf> {
        let mut seen = HashMap::with_capacity(files.len());
        let mut ready = Vec::new();
        for (path, state) in files {
            let since = match self.seen.get(&path) {
                Some((before, since)) if *before == state => *since,
                // Its own time may lie in the future, or be that of the file that it is a copy of.
                _ => now,
            };
            if now.duration_since(since) >= still && self.taken.get(&path) != Some(&state) {
                ready.push(path.clone());
            }
            seen.insert(path, (state, since));
        }
        self.taken.retain(|path, _| seen.contains_key(path));
        self.seen = seen;
        ready
    }

    fn take(&mut self, paths: &[PathBuf]) {
        for path in paths {
            if let Some((state, _)) = self.seen.get(path) {
                self.taken.insert(path.clone(), *state);
            }
        }
    }
}

fn state(path: &Path) -> Option<State> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.len(), meta.modified().ok()?))
}

/// Becomes true with the first of Ctrl-C and SIGTERM.
fn stop_signal() -> miette::Result<Arc<AtomicBool>> {
    let stopped = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().into_diagnostic()?;
    let set = Arc::clone(&stopped);
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            runtime.block_on(super::serve::stop_signal());
            set.store(true, Ordering::SeqCst);
        })
        .into_diagnostic()
        .wrap_err("no thread for signals")?;
    Ok(stopped)
}

/// Hands files on until told to stop; what is being taken in by then is finished. An input that goes away, or a
/// file that cannot be taken in, is told of and tried again when it changes.
///
/// # Errors
/// When signals cannot be waited for.
pub(super) fn run(
    inputs: &[PathBuf],
    still: Duration,
    mut take: impl FnMut(&[PathBuf]) -> miette::Result<()>,
) -> miette::Result<()> {
    let stopped = stop_signal()?;
    let mut watch = Watch::default();
    while !stopped.load(Ordering::SeqCst) {
        // A folder may be empty, or not be there yet.
        let files = batch::expand(inputs).unwrap_or_default();
        let files = files.into_iter().filter_map(|path| state(&path).map(|state| (path, state))).collect();
        let ready = watch.ready(files, Instant::now(), still);
        if !ready.is_empty() {
            if let Err(error) = take(&ready) {
                eprintln!("{error:?}");
                if let Some(remedy) = crate::diagnostic::remedy(&error) {
                    eprintln!("  help: {remedy}");
                }
            }
            watch.take(&ready);
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_ready_once_when_it_has_been_still_and_again_when_it_changed() {
        let (start, began) = (SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000), Instant::now());
        let at = |seconds: u64| began + Duration::from_secs(seconds);
        let still = Duration::from_secs(10);
        let mut watch = Watch::default();
        let mut look = |size: u64, seconds: u64| {
            let ready = watch.ready(vec![("a".into(), (size, start))], at(seconds), still);
            watch.take(&ready);
            !ready.is_empty()
        };
        assert!(!look(1, 0) && !look(1, 9), "not still for long enough");
        assert!(!look(2, 11) && !look(2, 20), "it has grown");
        assert!(look(2, 21));
        assert!(!look(2, 60), "it was handed on");
        assert!(!look(3, 61) && look(3, 71));
    }

    #[test]
    fn a_file_that_comes_back_is_a_new_one() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let mut watch = Watch::default();
        let mut look = |files: &[&str]| {
            let files = files.iter().map(|name| (PathBuf::from(name), (1, now))).collect();
            let ready = watch.ready(files, Instant::now(), Duration::ZERO);
            watch.take(&ready);
            ready.len()
        };
        assert_eq!((look(&["a", "b"]), look(&["a", "b"]), look(&["b"]), look(&["a", "b"])), (2, 0, 0, 1));
    }
}
