//! An analysis made again out of a stored one, where rules or scorecards have changed and nothing else: only the stages
//! that the change touches, on the masked record. Owns what has to be made again and when that cannot be done; where
//! analyses are kept is somebody else's business.
//!
//! What stands for the call is what the store has: the masked text, the sentiment and the acts of its turns, what the
//! detectors found, and the facts that rest on the heads. Cue lists and times are found anew. The result is the one that
//! the input would give, to the last digit; where that is not sure, nothing is given. What is read back and what is made
//! again:
//!
//! | changed | read back | made again |
//! |---|---|---|
//! | scorecards | everything else | score |
//! | rules | turns, findings of detectors, appeal type, outcome, category, language, times | findings of rules, satisfaction, needs, conduct, number of interruptions, score |
//! | anything else | | everything, from the input |

use super::{Analyzed, Pipeline, scored_by};
use crate::finding::Findings;
use crate::record::{Analysis, CallContext, CallRecord, Facts, Provenance};
use crate::signal;

/// Which stages an analysis has to go through again, the first of them named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stale {
    /// None.
    Nothing,
    /// The score alone.
    Score,
    /// Declarative rules and whatever reads findings.
    Rules,
    /// All of them.
    Everything,
}

/// Why an analysis cannot be made again without the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Missing {
    /// More has changed than rules and scorecards.
    #[error("more than rules and scorecards has changed since")]
    Stages,
    /// A rule found a behaviour that detectors look for too: what they saw there was not kept.
    #[error("a rule stands before what a detector may have found")]
    Hidden,
    /// A rule asks for the speech rate, of which masked data are a part.
    #[error("a rule asks for the speech rate of masked text")]
    Rate,
    /// A rule asks for an attribute that is masked.
    #[error("a rule asks for a masked attribute")]
    Attribute,
}

impl Pipeline {
    /// Which stages an analysis with this provenance has to go through again to be one of this pipeline.
    pub fn stale(&self, made: &Provenance) -> Stale {
        let own = &self.provenance;
        let others = |p: &Provenance| (p.version.clone(), p.models.clone(), p.dictionary_fingerprint.clone());
        let (Some(before), Some(now)) = (parts(&made.config_fingerprint), parts(&own.config_fingerprint)) else {
            return Stale::Everything;
        };
        if others(made) != others(own) || before[0] != now[0] {
            Stale::Everything
        } else if before[1] != now[1] {
            Stale::Rules
        } else if before[2] != now[2] {
            Stale::Score
        } else {
            Stale::Nothing
        }
    }

    /// The analysis that this pipeline would make of the call from which the masked `record` and `analysis` come.
    ///
    /// # Errors
    /// When that cannot be known without the input.
    pub fn remake(&self, record: &CallRecord, analysis: &Analysis) -> Result<Analysis, Missing> {
        let mut made = match self.stale(&analysis.provenance) {
            Stale::Nothing => return Ok(analysis.clone()),
            Stale::Everything => return Err(Missing::Stages),
            Stale::Score => analysis.clone(),
            Stale::Rules => self.with_rules(record, analysis)?,
        };
        made.score = self.scorer.rescore(record, &made);
        made.provenance = scored_by(&self.scorer, &self.provenance, made.score.as_ref());
        Ok(made)
    }

    /// The rules and whatever reads findings, but for the score.
    fn with_rules(&self, record: &CallRecord, analysis: &Analysis) -> Result<Analysis, Missing> {
        let turns = self.normalizer.stored(record);
        let signals = self.signaler.stored(record, &turns, &analysis.turns);
        // Words are looked at by detectors and categories alone, whose work is kept.
        let context = CallContext { record, turns: &turns, tokens: &[], signals: &signals };
        let Findings { findings, uncertain } = self.finder.rerun(&context, analysis)?;
        let facts: Facts = self.facts.again(&context, &findings, &analysis.facts);
        let mut signals = analysis.signals.clone();
        signals.interruptions = signals.interruptions.map(|_| signal::interruptions(&findings));
        Ok(Analysis {
            call_id: analysis.call_id.clone(),
            turns: analysis.turns.clone(),
            signals,
            conduct: self.facts.conduct(&context, &findings, &facts),
            findings,
            uncertain,
            facts,
            score: None,
            provenance: analysis.provenance.clone(),
        })
    }
}

/// A stored call as one pipeline and as another one judges it.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// By the one.
    pub before: Analysis,
    /// By the other.
    pub after: Analysis,
    /// Whether both had to analyse the masked record, since what was kept is not enough for both: then numbers that rest
    /// on masked text may differ from those of the input, on both sides alike.
    pub afresh: bool,
}

/// What `new` would say of a stored call where `old` is used now.
pub fn compare(old: &Pipeline, new: &Pipeline, stored: &Analyzed) -> Compared {
    let kept = old.remake(&stored.record, &stored.analysis);
    match kept.and_then(|before| Ok((new.remake(&stored.record, &before)?, before))) {
        Ok((after, before)) => Compared { before, after, afresh: false },
        Err(_) => Compared {
            before: old.analyze(&stored.record).analysis,
            after: new.analyze(&stored.record).analysis,
            afresh: true,
        },
    }
}

/// Whether two analyses of a call say the same, by the same scorecard, whatever configuration they come from.
pub fn same_judgement(a: &Analysis, b: &Analysis) -> bool {
    a.provenance.scorecard_version == b.provenance.scorecard_version
        && a.findings == b.findings
        && a.uncertain == b.uncertain
        && a.facts == b.facts
        && a.score == b.score
        && a.conduct == b.conduct
        && a.signals == b.signals
        && a.turns == b.turns
}

/// The fingerprints of the stages before the rules, of the rules, and of the scorecards.
fn parts(fingerprint: &str) -> Option<[&str; 3]> {
    let mut parts = fingerprint.split('-');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(stages), Some(rules), Some(cards), None) => Some([stages, rules, cards]),
        _ => None,
    }
}

#[cfg(test)]
#[path = "rescore_tests.rs"]
mod tests;
