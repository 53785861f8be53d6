//! Calls that are shown: lives in danger, the worst and the best. Owns which calls these are and
//! what is quoted of them. Quotes come out of the analysis alone, whose texts are masked.

use std::cmp::Reverse;

use chrono::{DateTime, FixedOffset};
use qingting_pipeline::finding::{Catalog, CodeInfo};
use qingting_pipeline::record::{
    Act, Analysis, CallRecord, ConductStep, Finding, Role, Score, Severity, StepResult, StepStatus,
};
use serde::Serialize;

/// Most points that are shown of a call.
const POINTS: usize = 3;
/// Characters of a quote.
const QUOTE: usize = 80;
/// Characters of an explanation, which may hold a quote.
const EXPLANATION: usize = 120;
/// Score from which a call may be among the best.
const GOOD: f64 = 90.0;
/// The code of a danger to life.
const CRISIS: &str = "crisis";

/// Something that was said, and what it shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// What it is.
    pub title: String,
    /// Why, one sentence.
    pub explanation: String,
    /// The words.
    pub quote: String,
    /// In which turn, from 0.
    pub turn: Option<u32>,
    /// When in the call, milliseconds.
    pub at_ms: Option<u64>,
}

/// A call that is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Example {
    /// The call.
    pub call_id: String,
    /// When it began.
    pub started_at: Option<DateTime<FixedOffset>>,
    /// Id of the agent.
    pub agent: Option<String>,
    /// Score, where it has one.
    pub score: Option<f64>,
    /// Whether a fatal item failed it.
    pub fatal: bool,
    /// The caller's rating.
    pub rating: Option<u8>,
    /// What is to be seen in it.
    pub points: Vec<Point>,
}

impl Example {
    fn new(record: &CallRecord, score: Option<&Score>, points: Vec<Point>) -> Self {
        Self {
            call_id: record.call_id.clone(),
            started_at: record.started_at,
            agent: record.agent.as_ref().map(|agent| agent.id.clone()),
            score: score.map(|score| score.total),
            fatal: score.is_some_and(|score| !score.fatal.is_empty()),
            rating: record.rating,
            points,
        }
    }
}

/// Scores in order: thousandths of a point.
pub(super) fn order(score: f64) -> u64 {
    (score.max(0.0) * 1000.0).round() as u64
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}……", &text[..end]),
        None => text.to_owned(),
    }
}

/// A finding as it is shown.
pub fn point(finding: &Finding, catalog: &Catalog) -> Point {
    let evidence = finding.evidence.first();
    Point {
        title: catalog.get(&finding.code).map_or_else(|| finding.code.clone(), |info| info.title.clone()),
        explanation: shortened(&finding.explanation, EXPLANATION),
        quote: evidence.map_or_else(String::new, |evidence| shortened(&evidence.quote, QUOTE)),
        turn: evidence.map(|evidence| evidence.turn).or(finding.turn),
        at_ms: evidence.and_then(|evidence| evidence.start_ms),
    }
}

/// A call with a life in danger; `asserted` when the analysis says so, else it waits for review. `None` of all
/// other calls.
pub fn crisis(record: &CallRecord, analysis: &Analysis, catalog: &Catalog) -> Option<(bool, Example)> {
    let asserted = analysis.facts.crisis;
    let findings = if asserted {
        &analysis.findings
    } else {
        &analysis.uncertain
    };
    let found = findings.iter().filter(|finding| finding.code == CRISIS).max_by(|a, b| {
        let earlier = Reverse(a.turn).cmp(&Reverse(b.turn));
        a.confidence.total_cmp(&b.confidence).then(earlier)
    });
    let points: Vec<Point> = found.map(|finding| point(finding, catalog)).into_iter().collect();
    (asserted || !points.is_empty()).then(|| (asserted, Example::new(record, analysis.score.as_ref(), points)))
}

/// Order of the worst calls, worst first.
pub type WorstKey = (u64, Reverse<Severity>, Reverse<usize>, String);

fn faults<'a>(analysis: &'a Analysis, catalog: &Catalog) -> Vec<&'a Finding> {
    let fault = |finding: &&Finding| catalog.get(&finding.code).is_some_and(CodeInfo::is_fault);
    analysis.findings.iter().filter(fault).collect()
}

/// Where a call stands among the worst: the lower its score, the graver and the more its faults. `None` without
/// a score or a fault.
pub fn worst_key(record: &CallRecord, analysis: &Analysis, catalog: &Catalog) -> Option<WorstKey> {
    let score = analysis.score.as_ref()?;
    let faults = faults(analysis, catalog);
    let gravest = faults.iter().map(|finding| finding.severity).max()?;
    Some((order(score.total), Reverse(gravest), Reverse(faults.len()), record.call_id.clone()))
}

/// A call with its gravest faults, each code once.
pub fn worst(record: &CallRecord, analysis: &Analysis, catalog: &Catalog) -> Example {
    let mut found = faults(analysis, catalog);
    found.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then(b.confidence.total_cmp(&a.confidence)).then(a.turn.cmp(&b.turn))
    });
    let mut shown: Vec<&Finding> = Vec::new();
    for finding in found {
        if shown.iter().all(|other| other.code != finding.code) {
            shown.push(finding);
        }
    }
    let points = shown.into_iter().take(POINTS).map(|finding| point(finding, catalog)).collect();
    Example::new(record, analysis.score.as_ref(), points)
}

/// A call with its findings of one code, the gravest and surest first.
pub fn of_code(record: &CallRecord, analysis: &Analysis, code: &str, catalog: &Catalog) -> Example {
    let mut found: Vec<&Finding> = analysis.findings.iter().filter(|finding| finding.code == code).collect();
    found.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then(b.confidence.total_cmp(&a.confidence)).then(a.turn.cmp(&b.turn))
    });
    let points = found.into_iter().take(POINTS).map(|finding| point(finding, catalog)).collect();
    Example::new(record, analysis.score.as_ref(), points)
}

/// Order of the best calls, best first.
pub type BestKey = (Reverse<u64>, Reverse<usize>, Reverse<Option<u8>>, Reverse<usize>, String);

/// Where a call stands among the best: its score, the steps that its agent took, the caller's rating, its length.
/// `None` below 90 points, with a fault, with a bad rating, and where nothing can be quoted for it.
pub fn best_key(record: &CallRecord, analysis: &Analysis, catalog: &Catalog) -> Option<BestKey> {
    let score = analysis.score.as_ref()?;
    let good = score.total >= GOOD && faults(analysis, catalog).is_empty() && record.rating.is_none_or(|r| r >= 4);
    if !good || merits(record, analysis).is_empty() {
        return None;
    }
    let steps = steps(analysis).count();
    Some((
        Reverse(order(score.total)),
        Reverse(steps),
        Reverse(record.rating),
        Reverse(record.turns.len()),
        record.call_id.clone(),
    ))
}

fn steps(analysis: &Analysis) -> impl Iterator<Item = &StepResult> {
    let steps = analysis.conduct.iter().flat_map(|conduct| &conduct.steps);
    steps.filter(|step| step.status == StepStatus::Done)
}

/// A call with what its agent did well.
pub fn best(record: &CallRecord, analysis: &Analysis) -> Example {
    Example::new(record, analysis.score.as_ref(), merits(record, analysis))
}

/// What an agent did well, in the words of the agent, each turn once: the steps that are done, those first in
/// which agents differ most, then feeling shared, recaps and thanks.
fn merits(record: &CallRecord, analysis: &Analysis) -> Vec<Point> {
    use ConductStep::{Agree, Calm, FindOut, FollowUp, Resolve};
    let mut merits: Vec<(u32, Point)> = Vec::new();
    let said = |turn: u32, title: &str, explanation: String| -> Option<(u32, Point)> {
        let at = turn as usize;
        let spoken = record.turns.get(at).filter(|turn| turn.role == Role::Agent)?;
        let text = &analysis.turns.get(at)?.text;
        let point = Point {
            title: title.to_owned(),
            explanation,
            quote: shortened(text, QUOTE),
            turn: Some(turn),
            at_ms: spoken.start_ms,
        };
        (!text.is_empty()).then_some((turn, point))
    };
    let mut add = |found: Option<(u32, Point)>| {
        if let Some(found) = found.filter(|(turn, _)| merits.len() < POINTS && merits.iter().all(|(t, _)| t != turn)) {
            merits.push(found);
        }
    };
    for step in [Calm, Resolve, Agree, FollowUp, FindOut] {
        let done = steps(analysis).find(|result| result.step == step);
        let turn = done.and_then(|result| {
            let reason = &result.reason;
            result.turns.iter().find_map(|&turn| said(turn, step.zh(), reason.clone()))
        });
        add(turn);
    }
    for act in [Act::Empathy, Act::Recap, Act::ThanksPraise, Act::NextStep] {
        let turn = analysis.turns.iter().find(|turn| turn.acts.contains(&act));
        add(turn.and_then(|turn| said(turn.turn, act.zh(), String::new())));
    }
    merits.sort_by_key(|(turn, _)| *turn);
    merits.into_iter().map(|(_, point)| point).collect()
}
