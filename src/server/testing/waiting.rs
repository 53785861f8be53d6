//! Waiting for what is bound to come rather than for a time by which it should have, and a gate that holds work up.

use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// Longer than anything takes that is bound to come, however busy the machine is.
pub(in crate::server) const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until there is something; `what` is told where it does not come.
pub(in crate::server) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited for {PATIENCE:?} until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Open unless a test closes it.
#[derive(Default)]
pub(in crate::server) struct Gate {
    state: Mutex<Passage>,
    changed: Condvar,
}

#[derive(Default)]
struct Passage {
    closed: bool,
    /// Who stands before the closed gate.
    waiting: usize,
}

impl Gate {
    pub(in crate::server) fn close(&self) {
        self.state.lock().unwrap().closed = true;
    }

    pub(in crate::server) fn open(&self) {
        self.state.lock().unwrap().closed = false;
        self.changed.notify_all();
    }

    /// Whether somebody stands before the closed gate.
    pub(in crate::server) fn is_reached(&self) -> bool {
        self.state.lock().unwrap().waiting > 0
    }

    /// Waits until somebody does.
    pub(in crate::server) async fn reached(&self) {
        let begun = Instant::now();
        while !self.is_reached() {
            assert!(begun.elapsed() < PATIENCE, "waited for {PATIENCE:?} until somebody comes to the gate");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(super) fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.waiting += 1;
        let mut state = self.changed.wait_while(state, |state| state.closed).unwrap();
        state.waiting -= 1;
    }
}
