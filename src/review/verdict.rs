//! Verdicts on the findings of a call, each beside what the machine had said.

use std::collections::BTreeSet;

use qingting_pipeline::Analyzed;
use qingting_pipeline::assets::short_hex;
use qingting_pipeline::finding::{Catalog, Level};
use qingting_pipeline::record::{CallRecord, Finding, Provenance};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Refusal;

/// Most characters of a reason, a note or an appeal.
pub(super) const LONGEST_TEXT: usize = 4000;

/// A code, and where: on a turn or on the whole call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Label {
    /// Code, as in the rule reference.
    pub code: String,
    /// Index into the call's turns; `None`: the whole call.
    pub turn: Option<u32>,
}

impl Label {
    fn of(finding: &Finding) -> Self {
        Self { code: finding.code.clone(), turn: finding.turn }
    }

    /// Whether there can be such a label on a call.
    pub(super) fn check(&self, call: &CallRecord, codes: &Catalog) -> Result<(), String> {
        let info = codes.get(&self.code).ok_or_else(|| format!("there is no code \"{}\"", self.code))?;
        match self.turn {
            Some(turn) if turn as usize >= call.turns.len() => Err(format!("the call has {} turns", call.turns.len())),
            None if info.level == Level::Turn => Err(format!("\"{}\" stands on a turn: say on which", self.code)),
            _ => Ok(()),
        }
    }
}

/// A finding as the machine had it, of the findings or of those left to people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MachineFinding {
    /// The finding, with confidence, rule and evidence.
    pub finding: Finding,
    /// Whether the machine asserted it.
    pub asserted: bool,
}

/// What a reviewer says of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It is there.
    Agree,
    /// It is not there.
    Overrule,
    /// Something else is there, or it is elsewhere.
    Edit,
    /// It is there, and the machine missed it.
    Add,
}

/// What somebody hands in about one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opinion {
    /// What they say.
    pub kind: Kind,
    /// Of which finding; for an addition, what is there.
    pub finding: Label,
    /// What is there instead, of an edit.
    pub correct: Option<Label>,
    /// Why.
    pub reason: String,
}

/// A verdict that was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What was said.
    pub kind: Kind,
    /// The machine's finding; `None` for an addition.
    pub machine: Option<MachineFinding>,
    /// What is there; `None` where it was overruled.
    pub correct: Option<Label>,
    /// Why.
    pub reason: String,
}

/// A review of all findings of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// In the order of the machine's findings, then the additions.
    pub verdicts: Vec<Verdict>,
    /// On the call as a whole.
    pub note: String,
    /// What had produced the analysis.
    pub provenance: Provenance,
    /// [`transcript`] of what was said, to which the turns refer.
    pub transcript: String,
}

impl Review {
    /// Puts what somebody hands in beside the findings of a call. Every finding, those left to people too, needs
    /// exactly one opinion: only then is it known of every code whether it is there.
    ///
    /// # Errors
    /// Names the first opinion that is wrong, or a finding without one.
    pub fn new(call: &Analyzed, codes: &Catalog, opinions: &[Opinion], note: &str) -> Result<Self, Refusal> {
        let asserted = call.analysis.findings.iter().map(|finding| (finding, true));
        let uncertain = call.analysis.uncertain.iter().map(|finding| (finding, false));
        let machine: Vec<_> = asserted.chain(uncertain).collect();
        let known: BTreeSet<Label> = machine.iter().map(|(finding, _)| Label::of(finding)).collect();
        let mut said = BTreeSet::new();
        for (i, opinion) in opinions.iter().enumerate() {
            let field = |name: &str| format!("verdicts[{i}].{name}");
            opinion
                .check(call, codes, &known)
                .map_err(|(name, message)| Refusal::Wrong { field: field(name), message })?;
            if !said.insert(&opinion.finding) {
                return Err(Refusal::wrong(field("finding"), "there is a verdict on it already"));
            }
        }
        if let Some(missing) = known.iter().find(|label| !said.contains(label)) {
            let Label { code, turn } = missing;
            let place = turn.map_or_else(|| "the whole call".to_owned(), |turn| format!("turn {turn}"));
            return Err(Refusal::wrong("verdicts", format!("none on \"{code}\" of {place}")));
        }
        checked_text("note", note, false)?;
        let of = |label: &Label| opinions.iter().find(|opinion| opinion.finding == *label);
        let on_findings = machine.into_iter().filter_map(|(finding, asserted)| {
            let label = Label::of(finding);
            let opinion = of(&label)?;
            let correct = match opinion.kind {
                Kind::Overrule => None,
                Kind::Edit => opinion.correct.clone(),
                Kind::Agree | Kind::Add => Some(label),
            };
            let machine = Some(MachineFinding { finding: finding.clone(), asserted });
            Some(Verdict { kind: opinion.kind, machine, correct, reason: opinion.reason.trim().to_owned() })
        });
        let additions = opinions.iter().filter(|opinion| opinion.kind == Kind::Add).map(|opinion| Verdict {
            kind: Kind::Add,
            machine: None,
            correct: Some(opinion.finding.clone()),
            reason: opinion.reason.trim().to_owned(),
        });
        Ok(Self {
            verdicts: on_findings.chain(additions).collect(),
            note: note.trim().to_owned(),
            provenance: call.analysis.provenance.clone(),
            transcript: transcript(&call.record),
        })
    }

    /// What is there by this review.
    pub fn labels(&self) -> BTreeSet<Label> {
        self.verdicts.iter().filter_map(|verdict| verdict.correct.clone()).collect()
    }
}

impl Opinion {
    fn check(&self, call: &Analyzed, codes: &Catalog, known: &BTreeSet<Label>) -> Result<(), (&'static str, String)> {
        let is_known = known.contains(&self.finding);
        match (self.kind, &self.correct) {
            (Kind::Add, _) if is_known => {
                return Err(("finding", "the machine has found it: agree or overrule".into()));
            }
            (Kind::Add, _) => self.finding.check(&call.record, codes).map_err(|message| ("finding", message))?,
            (_, _) if !is_known => {
                return Err(("finding", "the machine has not found it, or no longer: read the call again".into()));
            }
            (Kind::Edit, None) => return Err(("correct", "required".into())),
            (Kind::Edit, Some(correct)) if *correct == self.finding => {
                return Err(("correct", "is what the machine has found: agree".into()));
            }
            (Kind::Edit, Some(correct)) => {
                correct.check(&call.record, codes).map_err(|message| ("correct", message))?;
            }
            (Kind::Agree | Kind::Overrule, _) => {}
        }
        if self.kind != Kind::Edit && self.correct.is_some() {
            return Err(("correct", "only with an edit".into()));
        }
        checked_text("reason", &self.reason, self.kind != Kind::Agree).map_err(|refusal| match refusal {
            Refusal::Wrong { message, .. } => ("reason", message),
            other => ("reason", other.to_string()),
        })
    }
}

/// Whether a text is there, where it has to be, and not too long.
pub(crate) fn checked_text(field: &str, text: &str, required: bool) -> Result<(), Refusal> {
    if required && text.trim().is_empty() {
        return Err(Refusal::wrong(field, "required"));
    }
    if text.chars().count() > LONGEST_TEXT {
        return Err(Refusal::wrong(field, format!("longer than {LONGEST_TEXT} characters")));
    }
    Ok(())
}

/// Tells whether the turns of a call are still those to which a label refers: SHA-256 over roles and texts, first 16
/// hex digits.
pub fn transcript(call: &CallRecord) -> String {
    let mut digest = Sha256::new();
    for turn in &call.turns {
        digest.update(turn.role.as_str());
        digest.update((turn.text.len() as u64).to_le_bytes());
        digest.update(&turn.text);
    }
    short_hex(&digest.finalize())
}
