//! Drafts tried out on stored calls: what they would change, before they are published.

use std::sync::atomic::{AtomicU64, Ordering};

use qingting_pipeline::pipeline::compare;
use qingting_pipeline::score::{CallChange, CompareOptions, Comparison, backtest};
use qingting_pipeline::{Analyzed, Pipeline};
use serde::Serialize;

/// What would change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// Over all calls.
    #[serde(flatten)]
    pub comparison: Comparison,
    /// Calls of which too little is kept, so that both sides analysed the masked record.
    pub analyzed_afresh: u64,
}

/// Judges calls by two pipelines, on the current rayon pool; `changed` is told of every call that changes, in order.
pub fn trial(
    old: &Pipeline,
    new: &Pipeline,
    calls: impl Iterator<Item = Analyzed>,
    options: CompareOptions,
    changed: impl FnMut(&Analyzed, &CallChange),
) -> Trial {
    let afresh = AtomicU64::new(0);
    let judge = |call: &Analyzed| {
        let compared = compare(old, new, call);
        afresh.fetch_add(u64::from(compared.afresh), Ordering::Relaxed);
        (compared.before, compared.after)
    };
    let comparison = backtest(calls, judge, options, changed);
    Trial { comparison, analyzed_afresh: afresh.into_inner() }
}
