//! The calls behind figures whose lists are being read page by page, so that a page is not a count of the whole period, and
//! lists what the pages before it were a part of. Number, size and age are bounded; what was let go is counted again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long somebody may read a page before the next is counted again.
const AGE: Duration = Duration::from_secs(600);
/// Most ids kept, of all lists together.
const MOST_CALLS: usize = 1_000_000;

/// Who reads the calls of which figure, as the filter writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) who: String,
    pub(super) figure: String,
    /// Hash of what is hidden from them.
    pub(super) hidden: u64,
}

struct Kept {
    key: Key,
    calls: Arc<[String]>,
    used: Instant,
}

/// What is kept, the one read from last first.
#[derive(Default)]
pub(in crate::server) struct Traced(Mutex<VecDeque<Kept>>);

impl Traced {
    /// The calls, while they are kept.
    pub(super) fn find(&self, key: &Key) -> Option<Arc<[String]>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|kept| kept.used.elapsed() < AGE);
        let at = all.iter().position(|kept| kept.key == *key)?;
        let mut kept = all.remove(at)?;
        kept.used = Instant::now();
        let calls = Arc::clone(&kept.calls);
        all.push_front(kept);
        Some(calls)
    }

    /// Keeps calls for the pages to come.
    pub(super) fn keep(&self, key: Key, calls: &Arc<[String]>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|kept| kept.key != key && kept.used.elapsed() < AGE);
        all.push_front(Kept { key, calls: Arc::clone(calls), used: Instant::now() });
        let mut count = 0;
        all.retain(|kept| {
            count += kept.calls.len() + 1;
            count <= MOST_CALLS
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(who: &str, hidden: u64) -> Key {
        Key {
            who: who.to_owned(),
            figure: "kpi.connected/yes/2026-03-01/2026-03-31".to_owned(),
            hidden,
        }
    }

    fn calls(count: usize) -> Arc<[String]> {
        vec![String::new(); count].into()
    }

    #[test]
    fn calls_are_kept_for_their_reader_only_and_only_while_nothing_more_is_hidden() {
        let traced = Traced::default();
        traced.keep(key("key:a", 0), &calls(3));
        assert_eq!(traced.find(&key("key:a", 0)).unwrap().len(), 3);
        assert!(traced.find(&key("key:b", 0)).is_none());
        assert!(traced.find(&key("key:a", 1)).is_none());
        traced.keep(key("key:a", 0), &calls(4));
        assert_eq!(traced.find(&key("key:a", 0)).unwrap().len(), 4);
    }

    #[test]
    fn what_was_read_longest_ago_goes_first() {
        let traced = Traced::default();
        for who in ["a", "b", "c"] {
            traced.keep(key(who, 0), &calls(MOST_CALLS / 4));
        }
        assert!(traced.find(&key("a", 0)).is_some());
        traced.keep(key("d", 0), &calls(MOST_CALLS / 4));
        let there = |who: &str| traced.find(&key(who, 0)).is_some();
        assert_eq!(["a", "b", "c", "d"].map(there), [true, false, true, true]);
        traced.keep(key("e", 0), &calls(MOST_CALLS + 1));
        assert!(!there("e"), "larger than all that may be kept");
    }
}
