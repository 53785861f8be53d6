//! States of the index that pages of a search are still being read from, so that what is written in
//! between neither shifts nor repeats a hit. Their number and their age are bounded: a pinned state
//! keeps its files on disk and some memory.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tantivy::Searcher;

/// Most states kept at once.
const MOST_PINS: usize = 64;

/// A state that no page was read from for so long is let go.
const PIN_AGE: Duration = Duration::from_secs(600);

/// Names a state of the index: the same in every process that reads the same files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Snapshot(pub(super) u64);

impl Snapshot {
    pub(super) fn of(searcher: &Searcher) -> Self {
        let mut hash = Sha256::new();
        for (segment, deletes) in searcher.generation().segments() {
            hash.update(segment.uuid_string());
            hash.update(deletes.map_or(u64::MAX, |stamp| stamp).to_le_bytes());
        }
        Self(hash.finalize().iter().take(8).fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }
}

/// The states kept, the one read from last first.
#[derive(Default)]
pub(super) struct Pins {
    kept: Mutex<VecDeque<Pin>>,
}

struct Pin {
    snapshot: Snapshot,
    searcher: Searcher,
    used: Instant,
}

impl Pins {
    /// A state that is still kept.
    pub(super) fn find(&self, snapshot: Snapshot) -> Option<Searcher> {
        let mut kept = self.fresh();
        let at = kept.iter().position(|pin| pin.snapshot == snapshot)?;
        let mut pin = kept.remove(at)?;
        pin.used = Instant::now();
        let searcher = pin.searcher.clone();
        kept.push_front(pin);
        Some(searcher)
    }

    /// Keeps a state for the pages to come.
    pub(super) fn keep(&self, snapshot: Snapshot, searcher: &Searcher) {
        let mut kept = self.fresh();
        kept.retain(|pin| pin.snapshot != snapshot);
        kept.push_front(Pin { snapshot, searcher: searcher.clone(), used: Instant::now() });
        kept.truncate(MOST_PINS);
    }

    /// Lets go of what is too old.
    pub(super) fn expire(&self) {
        drop(self.fresh());
    }

    fn fresh(&self) -> MutexGuard<'_, VecDeque<Pin>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|pin| pin.used.elapsed() < PIN_AGE);
        kept
    }

    #[cfg(test)]
    pub(super) fn forget(&self) {
        self.fresh().clear();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.fresh().len()
    }
}
