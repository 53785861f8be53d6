//! The registry of built-in detectors. Each carries its own id, title, doc, codes,
//! parameters and examples; the rule reference and the tests are made from this table, so
//! that they cannot drift. A detector proposes candidates; it decides no threshold.

mod acknowledgement;
mod caller;
mod crisis;
mod frame;
mod interruption;
mod passive;
mod phrase;
mod recap;
mod silence;
mod speed;
mod stance;
mod tic;
mod tone;

use serde::Serialize;

use super::Candidate;
use super::scene::Scene;

/// Every built-in detector, in the order in which they run.
pub(super) static DETECTORS: &[&dyn Detector] = &[
    &interruption::Interruption,
    &tone::Impatience,
    &tone::EmotionalDisplay,
    &stance::Dismissive,
    &phrase::ForbiddenPhrase,
    &phrase::Deflection,
    &phrase::Overpromise,
    &acknowledgement::NoAcknowledgement,
    &tic::VerbalTic,
    &passive::PassiveService,
    &speed::FastSpeech,
    &frame::Greeting,
    &frame::Closing,
    &recap::NoRecap,
    &silence::UnexplainedSilence,
    &caller::ClarificationRequest,
    &caller::RepeatContact,
    &caller::EscalationThreat,
    &crisis::Crisis,
];

/// Finds one behaviour, or a few that belong together.
pub(super) trait Detector: Sync {
    /// Unique name; [`super::FindingConfig::disabled`] and findings refer to it.
    fn id(&self) -> &'static str;
    /// What supervisors read.
    fn title(&self) -> &'static str;
    /// How it decides, in English.
    fn doc(&self) -> &'static str;
    /// The codes that it may find.
    fn codes(&self) -> &'static [&'static str];
    /// Its settings in `[finding]`.
    fn parameters(&self) -> &'static [Parameter] {
        &[]
    }
    /// Calls on which it must find, or must not find, something.
    fn examples(&self) -> &'static [Example];
    /// Looks at one call.
    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>);
}

/// A setting of a detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// Key under `[finding]`.
    pub key: &'static str,
    /// What it does.
    pub doc: &'static str,
}

/// What the rule reference says of a detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DetectorDoc {
    /// Unique name.
    pub id: &'static str,
    /// What supervisors read.
    pub title: &'static str,
    /// How it decides, in English.
    pub doc: &'static str,
    /// The codes that it may find.
    pub codes: &'static [&'static str],
    /// Its settings.
    pub parameters: &'static [Parameter],
    /// Calls on which it finds, or does not find, something.
    pub examples: &'static [Example],
}

/// What the rule reference says of every built-in detector, in the order in which they run.
pub fn detector_docs() -> Vec<DetectorDoc> {
    DETECTORS
        .iter()
        .map(|d| DetectorDoc {
            id: d.id(),
            title: d.title(),
            doc: d.doc(),
            codes: d.codes(),
            parameters: d.parameters(),
            examples: d.examples(),
        })
        .collect()
}

/// A small call that shows what a detector finds, or leaves alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Example {
    /// `Some`: the code and turn (`None` for the whole call) that must be asserted.
    /// `None`: no code of the detector may be asserted.
    pub finds: Option<(&'static str, Option<u32>)>,
    /// The turns.
    pub lines: &'static [Line],
}

/// One turn of an example: `A` or `C`, start and end in milliseconds, text.
/// Where all times are 0 the example has none.
pub type Line = (char, u64, u64, &'static str);

const fn on_turn(code: &'static str, turn: u32, lines: &'static [Line]) -> Example {
    Example { finds: Some((code, Some(turn))), lines }
}

const fn on_call(code: &'static str, lines: &'static [Line]) -> Example {
    Example { finds: Some((code, None)), lines }
}

const fn silent(lines: &'static [Line]) -> Example {
    Example { finds: None, lines }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PipelineConfig;
    use crate::pipeline::Pipeline;
    use crate::record::{CallRecord, Finding, Role, Turn};

    fn call(lines: &[Line]) -> CallRecord {
        let mut record = CallRecord::new("example");
        let timed = lines.iter().any(|line| line.2 > 0);
        record.turns = lines
            .iter()
            .map(|&(who, start, end, text)| {
                let role = if who == 'A' { Role::Agent } else { Role::Caller };
                if timed {
                    Turn::timed(role, start, end, text)
                } else {
                    Turn::new(role, text)
                }
            })
            .collect();
        record
    }

    #[test]
    fn every_detector_finds_its_examples_and_nothing_in_the_others() {
        let pipeline = Pipeline::new(&PipelineConfig::default(), &crate::assets::Assets::embedded()).unwrap();
        let mut wrong = Vec::new();
        for detector in DETECTORS {
            let (mut positive, mut negative) = (0, 0);
            for example in detector.examples() {
                let analysis = pipeline.analyze(&call(example.lines)).analysis;
                let own: Vec<&Finding> =
                    analysis.findings.iter().filter(|f| detector.codes().contains(&f.code.as_str())).collect();
                let right = match example.finds {
                    Some((code, turn)) => {
                        positive += 1;
                        own.iter().any(|f| f.code == code && f.turn == turn)
                    }
                    None => {
                        negative += 1;
                        own.is_empty()
                    }
                };
                if !right {
                    let all = analysis.findings.iter().chain(&analysis.uncertain);
                    let seen: Vec<_> = all.map(|f| (f.code.clone(), f.turn, f.confidence)).collect();
                    wrong.push(format!("{}: {:?}\n  saw {seen:?}", detector.id(), example));
                }
                for finding in &analysis.findings {
                    assert!(!finding.evidence.is_empty(), "{} without evidence", finding.code);
                    for evidence in &finding.evidence {
                        let text = &analysis.turns[evidence.turn as usize].text;
                        let (start, end) = (evidence.start_char as usize, evidence.end_char as usize);
                        let quote: String = text.chars().skip(start).take(end - start).collect();
                        assert_eq!(quote, evidence.quote);
                        assert!(!quote.is_empty(), "{} with an empty quote", finding.code);
                    }
                    assert!(finding.explanation.ends_with('。'), "{}", finding.explanation);
                }
            }
            assert!(positive >= 1 && negative >= 2, "{}: too few examples", detector.id());
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn ids_are_unique_and_every_code_of_the_guide_has_a_detector() {
        let mut ids: Vec<_> = DETECTORS.iter().map(|d| d.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), DETECTORS.len());
        let catalog = super::super::Catalog::guide();
        for info in catalog.iter() {
            assert!(DETECTORS.iter().any(|d| d.codes().contains(&info.code.as_str())), "{}", info.code);
        }
        for detector in DETECTORS {
            assert!(detector.codes().iter().all(|code| catalog.get(code).is_some()), "{}", detector.id());
        }
    }
}
