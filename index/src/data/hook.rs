//! Between the steps of a write, tests put a crash: those of this crate by a closure, those of the program, as its
//! processes, by [`crate::fault`]. In a release build there is nothing here.

use crate::Result;

/// The moments between two steps of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Analyses have their name, calls not yet.
    BetweenHalves,
    /// A pair of files is there.
    PairPublished,
    /// The call index has the calls, uncommitted.
    Indexed,
    /// The call index is committed.
    IndexCommitted,
    /// The ledger knows.
    LedgerWritten,
    /// Live calls are in the log, not yet acknowledged.
    LogAppended,
    /// The merged pair is there, the ledger does not know.
    MergePublished,
    /// The ledger knows the merged pair, the old ones are still there.
    MergeEntered,
    /// The new index is complete, the old one still in its place.
    IndexRebuilt,
    /// It is noted which calls are to be erased, all of them are still there.
    ErasureNoted,
    /// The call index has forgotten them.
    ErasedFromIndex,
    /// Everything that is derived from them has forgotten them.
    ErasedFromDerived,
    /// The ledger has forgotten them, their rows are still in the files.
    ErasedFromLedger,
    /// Their files are gone, nobody has written it down yet.
    ErasedFromFiles,
    /// It is in the audit trail, the note is still there.
    ErasureAudited,
    /// The old index is away, the new one not yet in its place.
    IndexMoved,
}

#[cfg(test)]
type Crash = Box<dyn FnMut(Step) -> bool + Send>;

/// Where a test can make a write fail.
#[derive(Default)]
pub(crate) struct Hook {
    #[cfg(test)]
    crash: std::sync::Mutex<Option<Crash>>,
}

impl Hook {
    /// Passes a step.
    #[cfg(not(test))]
    #[allow(clippy::unused_self, reason = "tests have something in it")]
    pub(crate) fn at(&self, step: Step) -> Result<()> {
        crate::fault::at(|| format!("{step:?}")).map_err(|e| crate::Error::io("fail point", e))
    }

    /// Passes a step, or crashes there.
    #[cfg(test)]
    pub(crate) fn at(&self, step: Step) -> Result<()> {
        match self.crash.lock().unwrap().as_mut().is_some_and(|crash| crash(step)) {
            true => Err(crate::Error::io("crash", std::io::Error::other(format!("{step:?}")))),
            false => Ok(()),
        }
    }

    /// From now on, steps at which this says so fail.
    #[cfg(test)]
    pub(crate) fn set(&self, crash: impl FnMut(Step) -> bool + Send + 'static) {
        *self.crash.lock().unwrap() = Some(Box::new(crash));
    }
}

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hook")
    }
}
