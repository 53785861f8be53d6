//! CPU work on a pool of its own. No search and no analysis runs on a thread of the async
//! runtime, and work that nobody waits for any more is not begun.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::Error;
use super::status::Failure;

/// The pool. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Compute {
    pool: Arc<rayon::ThreadPool>,
}

impl Compute {
    /// A pool of so many threads; 0 is one a core.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub(super) fn new(threads: usize) -> Result<Self, Error> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("compute-{i}"))
            .build()
            .map_err(Error::Threads)?;
        Ok(Self { pool: Arc::new(pool) })
    }

    /// Runs `work` on the pool. Dropping the future gives up the result; work that has not begun by
    /// then never does.
    ///
    /// # Errors
    /// [`Failure::Panicked`] when it panics.
    #[must_use = "the work does not run if the future is dropped"]
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let span = tracing::Span::current();
        self.pool.spawn(move || {
            if sender.is_closed() {
                return;
            }
            // The panic hook has printed the message; the thread of the pool lives on.
            let result = span.in_scope(|| catch_unwind(AssertUnwindSafe(work)));
            // A receiver that has gone needs no answer.
            let _ = sender.send(result.map_err(|_| Failure::Panicked));
        });
        // The job always answers, unless it was skipped because this future was dropped.
        receiver.await.unwrap_or(Err(Failure::Panicked))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_pool_lives_on() {
        let compute = Compute::new(1).unwrap();
        let result = compute.run(|| -> u8 { panic!("on purpose") }).await;
        assert!(matches!(result, Err(Failure::Panicked)));
        assert_eq!(compute.run(|| 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_is_not_begun() {
        let compute = Compute::new(1).unwrap();
        let (release, blocked) = mpsc::channel::<()>();
        let (begin, busy) = oneshot::channel();
        let blocker = compute.clone();
        let work = move || begin.send(()).is_ok() && blocked.recv().is_ok();
        let first = tokio::spawn(async move { blocker.run(work).await });
        busy.await.unwrap();
        let begun = Arc::new(AtomicBool::new(false));
        let flag = begun.clone();
        // Queued behind the blocker, then given up.
        let second =
            tokio::time::timeout(Duration::from_millis(50), compute.run(move || flag.store(true, Ordering::SeqCst)));
        assert!(second.await.is_err());
        release.send(()).unwrap();
        assert!(first.await.unwrap().unwrap());
        compute.run(|| ()).await.unwrap();
        assert!(!begun.load(Ordering::SeqCst));
    }
}
