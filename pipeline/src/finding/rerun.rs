//! The findings of a stored analysis under other declarative rules: those of the detectors as they were kept, beside
//! what the rules find now.

use std::collections::BTreeMap;

use super::detectors::DETECTORS;
use super::{Catalog, Finder, Findings, finding, strongest};
use crate::pipeline::Missing;
use crate::record::{Analysis, CallContext, Finding, MaskKind};

/// Confidences are kept with three decimals: nearer than this nobody knows which was the greater.
const ROUNDED: f32 = 0.000_51;

/// Before the code of a finding that the heads alone saw, in place of the name of a detector.
pub(super) const LEARNED: &str = "learned.";

/// Whether findings of that name are the program's own rather than a declarative rule's.
pub(super) fn is_built_in(rule: &str) -> bool {
    rule.starts_with(LEARNED) || DETECTORS.iter().any(|detector| detector.id() == rule)
}

impl Finder {
    /// The findings of a call with these rules, when `before` is its analysis with other ones and the same in
    /// everything else. `context` is made of what was kept of the call: without words and margins.
    ///
    /// # Errors
    /// When these findings depend on something that was not kept.
    pub fn rerun(&self, context: &CallContext<'_>, before: &Analysis) -> Result<Findings, Missing> {
        let mut kept: BTreeMap<(usize, String), (bool, Finding)> = BTreeMap::new();
        let guide = Catalog::guide();
        for (sure, found) in [(true, &before.findings), (false, &before.uncertain)] {
            for found in found {
                if is_built_in(&found.rule) {
                    let turn = found.turn.map_or(usize::MAX, |turn| turn as usize);
                    kept.insert((turn, found.code.clone()), (sure, found.clone()));
                } else if guide.get(&found.code).is_some() {
                    return Err(Missing::Hidden);
                }
            }
        }
        let mut candidates = Vec::new();
        if !context.record.unanswered() && !context.turns.is_empty() {
            self.can_rerun(context, before)?;
            self.rules.run(context, &mut candidates);
        }
        for (key, candidate) in strongest(candidates) {
            if let Some((_, other)) = kept.get(&key) {
                if (other.confidence - candidate.confidence).abs() < ROUNDED {
                    return Err(Missing::Hidden);
                }
                if other.confidence > candidate.confidence {
                    continue;
                }
            }
            let Some(info) = self.catalog.get(&candidate.code) else {
                continue;
            };
            let threshold = self.threshold(&candidate.code);
            let sure = candidate.confidence >= threshold.assert;
            if sure || candidate.confidence >= threshold.review {
                kept.insert(key, (sure, finding(context, info, candidate)));
            }
        }
        let mut findings = Findings::default();
        for (sure, found) in kept.into_values() {
            if sure {
                findings.findings.push(found);
            } else {
                findings.uncertain.push(found);
            }
        }
        Ok(findings)
    }

    /// Whether what the rules ask for was kept.
    fn can_rerun(&self, context: &CallContext<'_>, before: &Analysis) -> Result<(), Missing> {
        let needs = self.rules.needs();
        if needs.rates {
            // Three decimals, as they are reported.
            let round = |rate: Option<f32>| rate.map(|rate| (rate * 1000.0).round() / 1000.0);
            let timing = context.signals.timing.as_ref();
            let rates = timing.map_or((None, None), |t| (round(t.agent_rate), round(t.caller_rate)));
            let masked = context.turns.iter().any(|turn| !turn.masks.is_empty());
            if timing.is_some() && (masked || rates != (before.signals.agent_rate, before.signals.caller_rate)) {
                return Err(Missing::Rate);
            }
        }
        let masked = |value: &String| MaskKind::ALL.iter().any(|kind| value.contains(kind.placeholder()));
        if needs.attributes.iter().any(|name| context.record.attributes.get(name).is_some_and(masked)) {
            return Err(Missing::Attribute);
        }
        Ok(())
    }
}
