//! The transformer in the pipeline: which turns it is asked about, and what came of it. Owns
//! the cascade's band and its counters; the engine is behind [`TurnScorer`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use qingting_models::deep::TurnScorer;

use super::{Decide, ModelsConfig, utterance};
use crate::record::{CallRecord, Margins, NormalizedTurn};

/// The transformer and its share of the work.
#[derive(Debug)]
pub struct Deep {
    scorer: Arc<dyn TurnScorer>,
    decide: Decide,
    unsure: f32,
    turns: AtomicU64,
    asked: AtomicU64,
    failed: AtomicU64,
    reason: Mutex<Option<String>>,
}

/// What the transformer was asked so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeepReport {
    /// Turns of agent or caller.
    pub turns: u64,
    /// Those that went to the transformer.
    pub asked: u64,
    /// Calls on which it failed; the static models decided alone there.
    pub failed: u64,
    /// Why it failed last.
    pub reason: Option<String>,
}

impl Deep {
    pub(super) fn new(scorer: Arc<dyn TurnScorer>, config: &ModelsConfig) -> Self {
        Self {
            scorer,
            decide: config.decide,
            unsure: config.unsure,
            turns: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            reason: Mutex::new(None),
        }
    }

    /// Whether a turn with such a probability goes to the transformer.
    pub fn wants(&self, probability: f32) -> bool {
        self.decide == Decide::Bert || (probability > self.unsure && probability < 1.0 - self.unsure)
    }

    /// Its logits of the turns `wanted`, one entry for every turn. Where it fails there are none: the
    /// static models have decided already.
    pub fn read(&self, record: &CallRecord, turns: &[NormalizedTurn], wanted: &[usize]) -> Vec<Option<Margins>> {
        self.turns.fetch_add(turns.len() as u64, Ordering::Relaxed);
        let mut margins = vec![None; turns.len()];
        if wanted.is_empty() {
            return margins;
        }
        let said: Vec<_> = turns.iter().zip(&record.turns).map(|(turn, t)| utterance(t.role, turn)).collect();
        match self.scorer.score(&said, wanted) {
            Ok(scores) => {
                self.asked.fetch_add(wanted.len() as u64, Ordering::Relaxed);
                for scores in scores {
                    let (names, values): (Vec<String>, Vec<f32>) = scores.logits.into_iter().unzip();
                    if let Some(slot) = margins.get_mut(scores.turn) {
                        *slot = Some(Margins::new(names.into(), values));
                    }
                }
            }
            Err(error) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
            }
        }
        margins
    }

    /// What it was asked so far.
    pub fn report(&self) -> DeepReport {
        DeepReport {
            turns: self.turns.load(Ordering::Relaxed),
            asked: self.asked.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            reason: self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    pub(super) fn provenance(&self) -> String {
        let how = if self.decide == Decide::Bert { "bert" } else { "cascade" };
        format!("{how}:{}", self.scorer.fingerprint())
    }
}
