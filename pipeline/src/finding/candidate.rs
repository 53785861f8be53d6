//! What a detector or a declarative rule proposes, before thresholds: the one type that
//! both hand to [`super::Finder`]. It owns no judgement; whether a candidate becomes a
//! finding is decided in [`super::Finder::run`].

use crate::record::{Severity, Span};

/// A behaviour that a detector or rule believes to have seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Code of the catalog.
    pub code: String,
    /// The turn that it is on; `None` for the whole call.
    pub turn: Option<usize>,
    /// 0 to 1.
    pub confidence: f32,
    /// Turn and characters of [`crate::record::NormalizedTurn::text`] that are the reason; never empty.
    pub evidence: Vec<(usize, Span)>,
    /// Id of the detector or rule.
    pub rule: String,
    /// One sentence in Chinese that names the reason.
    pub explanation: String,
    /// Severity, when it is not the code's own.
    pub severity: Option<Severity>,
}
