//! Behaviours found on a call, each with its evidence. Owns the codes, the built-in
//! detectors (`detectors/`, a file each) and the declarative rules (`rules/`); what a
//! finding costs is the score stage's business.

mod candidate;
mod code;
mod config;
mod construction;
mod detectors;
mod fusion;
mod needs;
mod pairs;
mod rerun;
pub mod rules;
mod scene;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use qingting_models::StaticVectors;

pub use candidate::Candidate;
pub use code::{Catalog, CodeInfo, Level};
pub use config::{FastSpeechConfig, FindingConfig, InterruptionConfig, SilenceConfig, Threshold, TicConfig};
pub use detectors::{DetectorDoc, Example, Line, Parameter, detector_docs};
pub use fusion::{CALL_FEATURES, CodeFeatures, DEEP_FEATURES, TURN_FEATURES, TurnCode, deep_features, judge_name};

use self::rules::RuleSet;
use crate::assets::Assets;
use crate::learned::Learned;
use crate::phrases::Phrases;
use crate::pipeline::Stage;
use crate::record::{CallContext, Evidence, Finding};
use crate::signal::CueLists;
use crate::{Error, Result};
use construction::Constructions;
use detectors::DETECTORS;
use fusion::Fusion;
use scene::Scene;

/// What was found on one call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Findings {
    /// What the machine asserts, ordered by turn (whole call last), then code.
    pub findings: Vec<Finding>,
    /// For human review, in the same order.
    pub uncertain: Vec<Finding>,
}

/// The stage.
#[derive(Debug)]
pub struct Finder {
    catalog: Catalog,
    config: FindingConfig,
    constructions: Constructions,
    tics: Phrases,
    rules: RuleSet,
    fusion: Fusion,
}

/// The code of a danger to life.
const CRISIS: &str = "crisis";
/// Turns at the end of a call after which nothing comes that could say more.
const LAST_TURNS: usize = 2;

impl Finder {
    /// Loads the constructions of `config/lexicon/` and the rules of `config/rules/` and checks them.
    ///
    /// # Errors
    /// When one of them is wrong; the error names file and line.
    pub fn new(config: &FindingConfig, assets: &Assets, learned: &Learned) -> Result<Self> {
        let mut catalog = Catalog::guide();
        let encoder = StaticVectors::embedded()?;
        let rules = RuleSet::load(assets, &CueLists::load(assets)?, encoder, &mut catalog)?;
        Ok(Self {
            fusion: Fusion::new(learned, &catalog)?,
            catalog,
            config: config.clone(),
            tics: Phrases::new(&config.verbal_tic.phrases),
            constructions: Constructions::load(assets)?,
            rules,
        })
    }

    /// Tells of everything that keeps [`Self::new`] from using the files, and gives the codes that there are for all that.
    pub(crate) fn mistakes(assets: &Assets, note: &mut dyn FnMut(Error)) -> Catalog {
        let mut catalog = Catalog::guide();
        let rules = CueLists::load(assets).and_then(|cues| {
            let encoder = StaticVectors::embedded()?;
            RuleSet::load_noting(assets, &cues, encoder, &mut catalog, note)
        });
        if let Err(error) = rules {
            note(error);
        }
        if let Err(error) = Constructions::load(assets) {
            note(error);
        }
        catalog
    }

    /// The declarative rules.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// Every code that may be found.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Finds the behaviours of one call.
    pub fn run(&self, context: &CallContext<'_>) -> Findings {
        self.run_watched(context, &mut |_| ())
    }

    /// The same, telling after each part that it is done.
    pub(crate) fn run_watched(&self, context: &CallContext<'_>, done: &mut impl FnMut(Stage)) -> Findings {
        if context.record.unanswered() || context.turns.is_empty() {
            return Findings::default();
        }
        let scene = Scene::new(context, self);
        done(Stage::Constructions);
        let detected = self.detect(&scene);
        done(Stage::Detectors);
        let last_word = self.last_word(context, &detected);
        let lowest = |code: &str| {
            let threshold = self.threshold(code);
            threshold.review.min(threshold.assert)
        };
        let mut candidates = self.fusion.judge(&scene, detected, lowest);
        candidates.extend(last_word);
        done(Stage::Judgements);
        // A declarative rule says itself how sure it is.
        self.rules.run(context, &mut candidates);
        let findings = self.judge(context, candidates);
        done(Stage::Rules);
        findings
    }

    /// What detectors hear of a danger to life in the last words of a call. Its judgement weighs how the call
    /// goes on, and here it does not: the line went dead, or the caller hung up.
    fn last_word(&self, context: &CallContext<'_>, detected: &[Candidate]) -> Vec<Candidate> {
        let heard = self.config.threshold(CRISIS).assert;
        let sure = self.threshold(CRISIS).assert;
        let end = context.turns.len().saturating_sub(LAST_TURNS);
        detected
            .iter()
            .filter(|c| c.code == CRISIS && c.confidence >= heard && c.turn.is_some_and(|turn| turn >= end))
            .map(|candidate| Candidate { confidence: candidate.confidence.max(sure), ..candidate.clone() })
            .collect()
    }

    /// The numbers behind the trained judgements of one call.
    pub fn features(&self, context: &CallContext<'_>) -> CodeFeatures {
        let scene = Scene::new(context, self);
        self.fusion.features(&scene, &self.detect(&scene), &self.catalog)
    }

    /// The turns of which some code is as uncertain as `wants` says, in order.
    pub fn unsure(&self, context: &CallContext<'_>, wants: impl Fn(f32) -> bool) -> Vec<usize> {
        let scene = Scene::new(context, self);
        self.fusion.unsure(&scene, &self.detect(&scene), wants)
    }

    /// From where a code is asserted and from where it is shown to a person: as configured, else as
    /// chosen when its judgement was trained.
    pub fn threshold(&self, code: &str) -> Threshold {
        let chosen = || self.fusion.threshold(code).map(|t| Threshold { assert: t.assert, review: t.review });
        self.config.codes.get(code).copied().or_else(chosen).unwrap_or_else(|| self.config.threshold(code))
    }

    /// What the detectors alone assert of a code, by the thresholds of codes without a trained judgement,
    /// in order of the turns. Judgements were trained on whole calls and weigh what is said before
    /// and after; of a call that has only come as far as the turn in question they know too little.
    pub fn detected(&self, context: &CallContext<'_>, code: &str) -> Vec<Finding> {
        if context.turns.is_empty() {
            return Vec::new();
        }
        let scene = Scene::new(context, self);
        let mut candidates = Vec::new();
        for detector in DETECTORS {
            if detector.codes().contains(&code) && !self.config.disabled.iter().any(|id| id == detector.id()) {
                detector.detect(&scene, &mut candidates);
            }
        }
        let assert = self.config.threshold(code).assert;
        candidates.retain(|candidate| candidate.code == code && candidate.confidence >= assert);
        candidates.sort_by_key(|candidate| candidate.turn);
        let known = self.catalog.get(code);
        known.map_or_else(Vec::new, |info| candidates.into_iter().map(|c| finding(context, info, c)).collect())
    }

    fn detect(&self, scene: &Scene<'_>) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for detector in DETECTORS {
            if !self.config.disabled.iter().any(|id| id == detector.id()) {
                detector.detect(scene, &mut candidates);
            }
        }
        candidates
    }

    /// Candidates into findings: the most confident of each code and turn, asserted, uncertain or
    /// dropped by the thresholds of its code.
    fn judge(&self, context: &CallContext<'_>, candidates: Vec<Candidate>) -> Findings {
        let mut findings = Findings::default();
        for candidate in strongest(candidates).into_values() {
            let Some(info) = self.catalog.get(&candidate.code) else {
                continue;
            };
            let threshold = self.threshold(&candidate.code);
            let confidence = candidate.confidence;
            let list = if confidence >= threshold.assert {
                &mut findings.findings
            } else if confidence >= threshold.review {
                &mut findings.uncertain
            } else {
                continue;
            };
            list.push(finding(context, info, candidate));
        }
        findings
    }
}

/// The most confident candidate of each turn (whole call last) and code.
fn strongest(candidates: Vec<Candidate>) -> BTreeMap<(usize, String), Candidate> {
    let mut best: BTreeMap<(usize, String), Candidate> = BTreeMap::new();
    for candidate in candidates {
        let key = (candidate.turn.unwrap_or(usize::MAX), candidate.code.clone());
        match best.get(&key) {
            Some(kept) if weaker(&candidate, kept) => {}
            _ => {
                best.insert(key, candidate);
            }
        }
    }
    best
}

fn finding(context: &CallContext<'_>, info: &CodeInfo, candidate: Candidate) -> Finding {
    Finding {
        code: candidate.code,
        turn: candidate.turn.map(|turn| turn as u32),
        role: info.role,
        severity: candidate.severity.unwrap_or(info.severity),
        confidence: (candidate.confidence.clamp(0.0, 1.0) * 1000.0).round() / 1000.0,
        taboo: info.taboo,
        evidence: candidate.evidence.iter().map(|&(turn, span)| evidence(context, turn, span)).collect(),
        rule: candidate.rule,
        explanation: candidate.explanation,
    }
}

/// Whether `a` gives way to `b`: less confident, or as confident by a rule of a later name.
fn weaker(a: &Candidate, b: &Candidate) -> bool {
    match a.confidence.total_cmp(&b.confidence) {
        Ordering::Less => true,
        Ordering::Equal => a.rule >= b.rule,
        Ordering::Greater => false,
    }
}

fn evidence(context: &CallContext<'_>, turn: usize, span: crate::record::Span) -> Evidence {
    let recorded = &context.record.turns[turn];
    Evidence {
        turn: turn as u32,
        start_ms: recorded.start_ms,
        end_ms: recorded.end_ms,
        start_char: span.start,
        end_char: span.end,
        quote: context.turns[turn].quote(span).to_owned(),
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::record::{CallRecord, CallSignals, Role, Span, Turn};

    fn candidate(code: &str, turn: Option<usize>, confidence: f32, rule: &str) -> Candidate {
        Candidate {
            code: code.to_owned(),
            turn,
            confidence,
            evidence: vec![(0, Span::new(0, 2))],
            rule: rule.to_owned(),
            explanation: "理由。".to_owned(),
            severity: None,
        }
    }

    #[test]
    fn candidates_are_merged_ordered_and_sorted_by_threshold() {
        let finder = Finder::new(&FindingConfig::default(), &Assets::embedded(), &Learned::default()).unwrap();
        let mut record = CallRecord::new("x");
        record.turns = vec![Turn::new(Role::Agent, "随便你"), Turn::new(Role::Agent, "好")];
        let turns = vec![
            crate::record::NormalizedTurn { text: "随便你".into(), fold: "随便你".into(), ..Default::default() },
            crate::record::NormalizedTurn { text: "好".into(), fold: "好".into(), ..Default::default() },
        ];
        let signals = CallSignals::default();
        let context = CallContext { record: &record, turns: &turns, tokens: &[], signals: &signals };
        let found = finder.judge(
            &context,
            vec![
                candidate("no_recap", None, 0.9, "b"),
                candidate("impatience", Some(1), 0.9, "b"),
                candidate("impatience", Some(0), 0.7, "b"),
                candidate("impatience", Some(0), 0.8, "a"),
                candidate("deflection", Some(0), 0.4, "a"),
                candidate("dismissive", Some(0), 0.1, "a"),
                candidate("dismissive", Some(1), 1.7, "a"),
            ],
        );
        let keys: Vec<_> = found.findings.iter().map(|f| (f.turn, f.code.as_str(), f.rule.as_str())).collect();
        assert_eq!(
            keys,
            [
                (Some(0), "impatience", "a"),
                (Some(1), "dismissive", "a"),
                (Some(1), "impatience", "b"),
                (None, "no_recap", "b")
            ]
        );
        assert_eq!(found.findings[0].evidence[0].quote, "随便");
        assert_eq!(found.findings[1].confidence, 1.0);
        assert_eq!(found.uncertain.len(), 1);
        assert_eq!(found.uncertain[0].code, "deflection");
    }
}
