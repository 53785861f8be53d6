//! What an agent is told of the others of the team: nothing that tells who they are. Their calls come without whatever
//! identifies call, caller, agent or time of day, and without what was said; what is left is what figures are counted from.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveTime};
use qingting_index as index;
use qingting_index::calls::{CallQuery, Filter};
use qingting_index::{DateRange, Depth};
use qingting_pipeline::Analyzed;
use qingting_pipeline::record::{Agent, CallRecord, Facts, Need, Needs, Provenance, SignalReport};

use super::backend::{Compared, Reader};

/// Fewest others whose figures are told together. Of two others, each could tell the other's from the sum.
pub(super) const FEWEST: usize = 3;

/// The team in which an agent took most calls of some days; `None` where there is none, or too few others are in it.
///
/// # Errors
/// When the index cannot be read.
pub(super) fn team_of(whole: &dyn Reader, agent: &str, range: DateRange) -> index::Result<Option<String>> {
    let own = Filter::Is { field: "agent", value: agent.to_owned() };
    let teams = counted(whole, own, range, "team")?;
    let most = teams.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)));
    let Some((team, _)) = most else { return Ok(None) };
    let of_team = Filter::Is { field: "team", value: team.clone() };
    let others = counted(whole, of_team, range, "agent")?.into_keys().filter(|other| other != agent).count();
    Ok((others >= FEWEST).then_some(team))
}

/// Calls by the values of a field.
fn counted(
    whole: &dyn Reader,
    filter: Filter,
    range: DateRange,
    field: &'static str,
) -> index::Result<BTreeMap<String, u64>> {
    let number = |day: chrono::NaiveDate| (day.year().max(0) as u32) * 10_000 + day.month() * 100 + day.day();
    let days = Filter::Days { from: range.since.map_or(0, number), to: range.until.map_or(u32::MAX, number) };
    let query = CallQuery { filter: Some(Filter::All(vec![filter, days])), ..CallQuery::default() };
    let groups = whole.aggregate(&query, Some(field))?;
    Ok(groups
        .into_iter()
        .filter(|group| !group.key.is_empty())
        .map(|group| (group.key, group.calls))
        .collect())
}

/// The calls of a team: those of the agent as they are, those of the others without what tells whose they are.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn calls(
    whole: &dyn Reader,
    agent: &str,
    team: &str,
    range: DateRange,
) -> index::Result<Box<dyn Iterator<Item = index::Result<Compared>> + Send>> {
    let (agent, team) = (agent.to_owned(), team.to_owned());
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let compared = move |call: index::Result<Analyzed>| -> Option<index::Result<Compared>> {
        let call = match call {
            Ok(call) => call,
            Err(error) => return Some(Err(error)),
        };
        let of = call.record.agent.as_ref()?;
        if of.id == agent {
            return Some(Ok(Compared { call, anonymous: false }));
        }
        if of.team.as_ref() != Some(&team) {
            return None;
        }
        let next = numbers.len() + 1;
        let number = *numbers.entry(of.id.clone()).or_insert(next);
        Some(Ok(Compared { call: anonymous(call, number, &team), anonymous: true }))
    };
    Ok(Box::new(whole.scan(range, Depth::Outline)?.filter_map(compared)))
}

/// A call with its day, queue, score and codes, and nothing else. Written out field by field: a field that is added
/// to a call is not told unless somebody says so here.
fn anonymous(call: Analyzed, number: usize, team: &str) -> Analyzed {
    let (record, mut analysis) = (call.record, call.analysis);
    let day = record.started_at.and_then(|at| at.with_time(NaiveTime::MIN).earliest());
    let stripped = CallRecord {
        started_at: day,
        direction: record.direction,
        channel: record.channel,
        queue: record.queue,
        // No id of an agent has a control character that a source would have to write.
        agent: Some(Agent { id: format!("\u{1}{number}"), team: Some(team.to_owned()), ..Agent::default() }),
        ..CallRecord::new("")
    };
    for finding in &mut analysis.findings {
        finding.evidence.clear();
        finding.explanation.clear();
        finding.turn = None;
        finding.confidence = 0.0;
    }
    for item in analysis.score.iter_mut().flat_map(|score| &mut score.items) {
        item.reason.clear();
        item.findings.clear();
    }
    let facts = Facts {
        appeal_type: String::new(),
        outcome: String::new(),
        satisfaction: 0.0,
        category: Vec::new(),
        category_confidence: 0.0,
        needs: Needs {
            emotional: Need::None,
            factual: Need::None,
            emotional_turns: Vec::new(),
            factual_turns: Vec::new(),
        },
        repeat_contact: false,
        crisis: false,
        language: String::new(),
    };
    let analysis = qingting_pipeline::record::Analysis {
        call_id: String::new(),
        turns: Vec::new(),
        signals: SignalReport::default(),
        findings: analysis.findings,
        uncertain: Vec::new(),
        facts,
        conduct: None,
        score: analysis.score,
        provenance: Provenance::default(),
    };
    Analyzed::new(stripped, analysis)
}
