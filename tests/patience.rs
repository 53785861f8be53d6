//! Waiting for what is bound to come, for longer than a busy machine takes, rather than for a time by which it should have.

use std::time::{Duration, Instant};

/// Longer than anything takes that is bound to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// Of a request to a server, milliseconds: what is tested is the answer, not how soon it comes.
pub(crate) const UNHURRIED_MS: u64 = 600_000;
/// No more often than a key may ask.
const LOOK: Duration = Duration::from_millis(20);

/// Waits until there is something; `what` is told where it does not come.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited for {PATIENCE:?} until {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// As [`eventually`], of what has no need of a runtime.
pub(crate) fn at_last<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited for {PATIENCE:?} until {what}");
        std::thread::sleep(LOOK);
    }
}

/// Opens a data folder for writing that this process has just closed. Until a process that another test starts at the
/// same moment has come to its own program, it has everything open that was open here, and so holds its locks.
pub(crate) fn opened_again<T>(mut open: impl FnMut() -> qingting_index::Result<T>) -> qingting_index::Result<T> {
    at_last("the locks of the folder are free", || match open() {
        Err(error) if is_lock(&error) => None,
        opened => Some(opened),
    })
}

fn is_lock(error: &qingting_index::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        // The folder's own, and that of the index in it.
        if text.contains("is being written by") || text.contains("LockBusy") {
            return true;
        }
        cause = error.source();
    }
    false
}
