//! Calls as people have left them: what a review overruled is gone, what it found is there, and what is contested says nothing
//! until it is decided. Everything that coaching counts or shows has gone through here.

use std::collections::{BTreeMap, BTreeSet};

use qingting_index::{Result, ReviewKind, ReviewQuery};
use qingting_pipeline::Analyzed;
use qingting_pipeline::finding::{Catalog, CodeInfo};
use qingting_pipeline::record::{Analysis, Evidence, Finding, Role};

use crate::review::{Case, Label, Log, Verdict, events, transcript};

/// The rule of findings that a person added.
const BY_REVIEW: &str = "review";

/// What people have decided about a call.
#[derive(Debug, Clone, PartialEq)]
enum Decided {
    /// An appeal is under way.
    Contested,
    /// What stands, on the turns of that transcript.
    Stands {
        labels: BTreeSet<Label>,
        verdicts: Vec<Verdict>,
        transcript: String,
    },
}

/// What people have decided, by call.
#[derive(Debug, Clone, Default)]
pub struct Reviewed {
    calls: BTreeMap<String, Decided>,
    /// Calls of which nothing may be said to the one who asks.
    hidden: BTreeSet<String>,
}

/// How a call is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// As the machine has it.
    Machine,
    /// As people have left it.
    Reviewed,
    /// Not at all: an appeal is under way.
    Contested,
}

impl Reviewed {
    /// Reads what was decided about the calls that a log shows. Of `hidden` calls, which somebody is to judge unaware of what others
    /// said, nothing is taken over.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn read(log: &(impl Log + ?Sized), hidden: BTreeSet<String>) -> Result<Self> {
        let query = ReviewQuery::of(&[
            ReviewKind::Reviewed,
            ReviewKind::Appealed,
            ReviewKind::Decided,
            ReviewKind::Contested,
            ReviewKind::Judged,
        ]);
        let mut cases: BTreeMap<String, Case> = BTreeMap::new();
        for event in events(log, &query)? {
            if let Some(call_id) = event.call_id.clone() {
                cases.entry(call_id).or_default().add(event);
            }
        }
        let calls = cases.into_iter().filter_map(|(call_id, case)| Some((call_id, decided(&case)?))).collect();
        Ok(Self { calls, hidden })
    }

    /// What a call is taken as, before it is read whole.
    pub fn taken(&self, call_id: &str) -> Taken {
        match self.calls.get(call_id) {
            _ if self.hidden.contains(call_id) => Taken::Machine,
            None => Taken::Machine,
            Some(Decided::Contested) => Taken::Contested,
            Some(Decided::Stands { .. }) => Taken::Reviewed,
        }
    }

    /// Every call about which an appeal is under way.
    pub fn contested(&self) -> BTreeSet<String> {
        let contested = self.calls.iter().filter(|(_, decided)| **decided == Decided::Contested);
        contested.map(|(call_id, _)| call_id.clone()).collect()
    }

    /// Whether people agree with a finding that the machine asserts, on a call about which nothing is contested.
    pub fn agrees(&self, call_id: &str, finding: &Finding) -> bool {
        let label = Label { code: finding.code.clone(), turn: finding.turn };
        match self.calls.get(call_id) {
            Some(Decided::Stands { labels, .. }) => labels.contains(&label),
            _ => false,
        }
    }

    /// Whether people have looked at a call and found no fault of the agent.
    pub fn is_faultless(&self, call_id: &str, catalog: &Catalog) -> bool {
        let fault = |label: &Label| catalog.get(&label.code).is_some_and(CodeInfo::is_fault);
        match self.calls.get(call_id) {
            Some(Decided::Stands { labels, .. }) => !labels.iter().any(fault),
            _ => false,
        }
    }

    /// Puts what stands in the place of what the machine asserts; whether the call may be counted and shown at all. Of an
    /// outline the text cannot be compared with that which was reviewed: what was decided stands then for whatever it says now.
    pub fn apply(&self, call: &mut Analyzed, catalog: &Catalog) -> bool {
        let call_id = &call.record.call_id;
        if self.hidden.contains(call_id) {
            return true;
        }
        let Some(decided) = self.calls.get(call_id) else {
            return true;
        };
        let Decided::Stands { labels, verdicts, transcript: reviewed } = decided else {
            return false;
        };
        let whole = call.record.turns.iter().any(|turn| !turn.text.is_empty());
        if whole && *reviewed != transcript(&call.record) {
            // It says something else by now, to which nobody has agreed and which nobody has overruled.
            call.analysis.findings.retain(|finding| !overruled(verdicts, finding));
            return true;
        }
        let analysis = &mut call.analysis;
        let mut findings = std::mem::take(&mut analysis.findings);
        findings.append(&mut analysis.uncertain);
        let mut left = labels.clone();
        findings.retain(|finding| labels.contains(&label(finding)));
        for finding in &findings {
            left.remove(&label(finding));
        }
        let added = left.iter().filter_map(|label| added(label, verdicts, analysis, &call.record.turns, catalog));
        findings.extend(added.collect::<Vec<_>>());
        findings.sort_by(|a, b| a.turn.cmp(&b.turn).then_with(|| a.code.cmp(&b.code)));
        analysis.findings = findings;
        true
    }
}

fn label(finding: &Finding) -> Label {
    Label { code: finding.code.clone(), turn: finding.turn }
}

fn decided(case: &Case) -> Option<Decided> {
    if !case.is_settled() {
        return Some(Decided::Contested);
    }
    let (review, ..) = case.standing()?;
    Some(Decided::Stands {
        labels: review.labels(),
        verdicts: review.verdicts.clone(),
        transcript: review.transcript.clone(),
    })
}

/// Whether somebody has said that the same words are no such fault.
fn overruled(verdicts: &[Verdict], finding: &Finding) -> bool {
    let same = |verdict: &&Verdict| {
        verdict.machine.as_ref().is_some_and(|machine| {
            let quote = |finding: &Finding| finding.evidence.first().map(|evidence| evidence.quote.clone());
            machine.finding.code == finding.code && quote(&machine.finding) == quote(finding)
        })
    };
    verdicts
        .iter()
        .filter(same)
        .any(|verdict| verdict.correct.as_ref().is_none_or(|correct| correct.code != finding.code))
}

/// A finding that people made: the whole turn is its evidence.
fn added(
    label: &Label,
    verdicts: &[Verdict],
    analysis: &Analysis,
    turns: &[qingting_pipeline::record::Turn],
    catalog: &Catalog,
) -> Option<Finding> {
    let info = catalog.get(&label.code)?;
    let reason = verdicts.iter().find(|verdict| verdict.correct.as_ref() == Some(label)).map(|v| v.reason.clone());
    let evidence = label.turn.and_then(|turn| {
        let spoken = turns.get(turn as usize)?;
        let quote = analysis.turns.get(turn as usize).map(|said| said.text.clone()).unwrap_or_default();
        Some(Evidence {
            turn,
            start_ms: spoken.start_ms,
            end_ms: spoken.end_ms,
            start_char: 0,
            end_char: u32::try_from(quote.chars().count()).unwrap_or(u32::MAX),
            quote,
        })
    });
    Some(Finding {
        code: label.code.clone(),
        turn: label.turn,
        role: if info.is_fault() { Role::Agent } else { info.role },
        severity: info.severity,
        confidence: 1.0,
        taboo: info.taboo,
        evidence: evidence.into_iter().collect(),
        rule: BY_REVIEW.to_owned(),
        // Reasons of reviewers may name callers and were not written for agents.
        explanation: reason.map_or_else(String::new, |_| "人工复核认定。".to_owned()),
    })
}
