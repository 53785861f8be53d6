//! The daily report: figures of one day out of its analysed calls, and the HTML page that
//! shows them. Owns the counting and the page; where the calls come from is the caller's
//! business.
//!
//! Definitions: connection rate = answered ÷ offered; service level = answered within 20 s ÷
//! offered; ASA = mean wait of the answered calls. Each is only given over calls that carry the
//! field, with that number beside it.

mod evaluation;
mod html;

use std::collections::BTreeMap;

use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::{Analysis, CallRecord, ConductStep, Evidence, Finding, Need, StepStatus};

pub use evaluation::evaluation_page;
pub use html::page;

/// Seconds within which an answered call counts for the service level.
const SERVICE_LEVEL_MS: u64 = 20_000;
/// Calls listed as worst and best.
const EXAMPLES: usize = 5;
/// Fewest scored calls of an agent who is ranked.
const MIN_CALLS: usize = 2;

/// A share of calls: how many, of how many that carry the field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Calls that fulfil it.
    pub part: u64,
    /// Calls that say whether they do.
    pub of: u64,
}

impl Share {
    fn add(&mut self, yes: bool) {
        self.of += 1;
        self.part += u64::from(yes);
    }

    /// 0 to 1; `None` when no call says.
    pub fn value(self) -> Option<f64> {
        (self.of > 0).then(|| self.part as f64 / self.of as f64)
    }
}

/// A call shown as an example.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The call.
    pub call_id: String,
    /// The agent's id.
    pub agent: String,
    /// Its score.
    pub score: f64,
    /// Explanation and evidence of its gravest findings.
    pub findings: Vec<(String, String, Option<Evidence>)>,
}

/// An agent's day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AgentDay {
    /// The agent's id.
    pub agent: String,
    /// The team.
    pub team: String,
    /// Scored calls.
    pub calls: usize,
    /// Mean score.
    pub score: f64,
    /// Findings by code, most frequent first.
    pub faults: Vec<(String, u64)>,
}

/// One day of a hotline.
#[derive(Debug, Clone, PartialEq)]
pub struct DayReport {
    /// Calls offered.
    pub offered: u64,
    /// Answered calls among those that say.
    pub connected: Share,
    /// Answered within 20 s among those that say.
    pub service_level: Share,
    /// Mean wait of the answered calls, milliseconds.
    pub asa_ms: Option<f64>,
    /// Mean duration of the timed calls, milliseconds.
    pub mean_talk_ms: Option<f64>,
    /// Calls rated 4 or 5 among the rated.
    pub satisfied: Share,
    /// Calls whose outcome is `resolved`.
    pub resolved: Share,
    /// Number of scores below 60, 60 to 69, 70 to 79, 80 to 89, 90 and above.
    pub scores: [u64; 5],
    /// Mean score.
    pub mean_score: Option<f64>,
    /// Code, title, calls that carry it, most frequent first; the agent's faults only.
    pub faults: Vec<(String, String, u64)>,
    /// Calls in which a life may be in danger: id and quote.
    pub crises: Vec<(String, String)>,
    /// Lowest scores.
    pub worst: Vec<Example>,
    /// Highest scores.
    pub best: Vec<Example>,
    /// Agents, lowest mean score first.
    pub agents: Vec<AgentDay>,
    /// Appeal types and their calls.
    pub appeals: BTreeMap<String, u64>,
    /// Calls with a demand: for each of the six steps, those that did it among those that needed it.
    pub conduct: [(ConductStep, Share); 6],
    /// Calls whose emotional need was met among those that had one, and the same of the factual need.
    pub needs: [Share; 2],
}

impl Default for DayReport {
    fn default() -> Self {
        Self {
            offered: 0,
            connected: Share::default(),
            service_level: Share::default(),
            asa_ms: None,
            mean_talk_ms: None,
            satisfied: Share::default(),
            resolved: Share::default(),
            scores: [0; 5],
            mean_score: None,
            faults: Vec::new(),
            crises: Vec::new(),
            worst: Vec::new(),
            best: Vec::new(),
            agents: Vec::new(),
            appeals: BTreeMap::new(),
            conduct: ConductStep::ALL.map(|step| (step, Share::default())),
            needs: [Share::default(); 2],
        }
    }
}

#[derive(Default)]
struct Running {
    sum: f64,
    n: u64,
}

impl Running {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.n += 1;
    }

    fn mean(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum / self.n as f64)
    }
}

#[derive(Default)]
struct AgentRunning {
    team: String,
    score: Running,
    faults: BTreeMap<String, u64>,
}

/// Counts the calls of a day.
pub fn day<'a>(calls: impl Iterator<Item = (&'a CallRecord, &'a Analysis)>, catalog: &Catalog) -> DayReport {
    let mut report = DayReport::default();
    let (mut wait, mut talk, mut score) = (Running::default(), Running::default(), Running::default());
    let mut faults: BTreeMap<&str, u64> = BTreeMap::new();
    let mut agents: BTreeMap<String, AgentRunning> = BTreeMap::new();
    let mut examples = Vec::new();
    for (record, analysis) in calls {
        report.offered += 1;
        if let Some(answered) = record.answered {
            report.connected.add(answered);
            if let Some(ms) = record.wait_ms {
                report.service_level.add(answered && ms <= SERVICE_LEVEL_MS);
                if answered {
                    wait.add(ms as f64);
                }
            }
        }
        if let Some(rating) = record.rating {
            report.satisfied.add(rating >= 4);
        }
        if record.turns.is_empty() {
            continue;
        }
        if let Some(ms) = analysis.signals.duration_ms {
            talk.add(ms as f64);
        }
        report.resolved.add(analysis.facts.outcome == "resolved");
        *report.appeals.entry(analysis.facts.appeal_type.clone()).or_default() += 1;
        for (share, need) in report.needs.iter_mut().zip([analysis.facts.needs.emotional, analysis.facts.needs.factual])
        {
            if need != Need::None {
                share.add(need == Need::Met);
            }
        }
        for result in analysis.conduct.iter().flat_map(|conduct| &conduct.steps) {
            let row = report.conduct.iter_mut().find(|(step, _)| *step == result.step);
            if let Some((_, share)) = row.filter(|_| result.status != StepStatus::NotNeeded) {
                share.add(result.status == StepStatus::Done);
            }
        }
        if analysis.facts.crisis {
            report.crises.push((record.call_id.clone(), crisis_quote(analysis)));
        }
        let mut here: Vec<&str> = analysis.findings.iter().map(|f| f.code.as_str()).collect();
        here.sort_unstable();
        here.dedup();
        here.retain(|code| catalog.get(code).is_some_and(qingting_pipeline::finding::CodeInfo::is_fault));
        for code in &here {
            *faults.entry(code).or_default() += 1;
        }
        let Some(result) = &analysis.score else { continue };
        score.add(result.total);
        let band = match result.total {
            t if t < 60.0 => 0,
            t if t < 70.0 => 1,
            t if t < 80.0 => 2,
            t if t < 90.0 => 3,
            _ => 4,
        };
        report.scores[band] += 1;
        if let Some(agent) = &record.agent {
            let entry = agents.entry(agent.id.clone()).or_default();
            entry.team = agent.team.clone().unwrap_or_default();
            entry.score.add(result.total);
            for code in here {
                *entry.faults.entry(code.to_owned()).or_default() += 1;
            }
        }
        examples.push(example(record, analysis, result.total, catalog));
    }
    report.asa_ms = wait.mean();
    report.mean_talk_ms = talk.mean();
    report.mean_score = score.mean();
    report.faults = ranked(
        faults
            .into_iter()
            .map(|(code, n)| (code.to_owned(), catalog.get(code).map_or_else(String::new, |i| i.title.clone()), n)),
    );
    examples.sort_by(|a, b| a.score.total_cmp(&b.score).then_with(|| a.call_id.cmp(&b.call_id)));
    report.worst = examples.iter().take(EXAMPLES).filter(|e| !e.findings.is_empty()).cloned().collect();
    report.best = examples.iter().rev().take(EXAMPLES).cloned().collect();
    report.agents = agents
        .into_iter()
        .filter(|(_, running)| running.score.n as usize >= MIN_CALLS)
        .map(|(agent, running)| {
            let mut faults: Vec<_> = running.faults.into_iter().collect();
            faults.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            let score = running.score.mean().unwrap_or_default();
            AgentDay { agent, team: running.team, calls: running.score.n as usize, score, faults }
        })
        .collect();
    report.agents.sort_by(|a, b| a.score.total_cmp(&b.score).then_with(|| a.agent.cmp(&b.agent)));
    report
}

fn ranked(rows: impl Iterator<Item = (String, String, u64)>) -> Vec<(String, String, u64)> {
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.0.cmp(&b.0)));
    rows
}

pub(crate) fn crisis_quote(analysis: &Analysis) -> String {
    let evidence = analysis.findings.iter().find(|f| f.code == "crisis").and_then(|f| f.evidence.first());
    evidence.map_or_else(String::new, |e| e.quote.clone())
}

fn example(record: &CallRecord, analysis: &Analysis, score: f64, catalog: &Catalog) -> Example {
    let mut faults: Vec<&Finding> = analysis
        .findings
        .iter()
        .filter(|f| catalog.get(&f.code).is_some_and(qingting_pipeline::finding::CodeInfo::is_fault))
        .collect();
    faults.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.turn.cmp(&b.turn)));
    Example {
        call_id: record.call_id.clone(),
        agent: record.agent.as_ref().map_or_else(String::new, |a| a.id.clone()),
        score,
        findings: faults
            .into_iter()
            .take(3)
            .map(|f| {
                let title = catalog.get(&f.code).map_or_else(|| f.code.clone(), |i| i.title.clone());
                (title, f.explanation.clone(), f.evidence.first().cloned())
            })
            .collect(),
    }
}
