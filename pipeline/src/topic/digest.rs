//! Makes the row of a call that everything over many calls is counted from. Owns the caller's
//! style and which entities count; the row's form is that of [`CallDigest`].

use std::collections::BTreeSet;

use super::entity::{EntityFinder, EntityKind};
use crate::finding::{Catalog, CodeInfo};
use crate::record::{Analysis, CallDigest, CallRecord, CallerStyle, Need, Role};

/// Share of the talk from which a caller tells at length.
const TALKATIVE_SHARE: f32 = 0.65;
/// Characters a turn from which a caller tells at length.
const TALKATIVE_CHARS: usize = 40;
/// Characters a turn below which a caller is brief.
const BRIEF_CHARS: usize = 9;
/// Fewest turns of a caller whose manner can be told.
const FEWEST_TURNS: usize = 2;
/// Feeling at or below which a caller is upset.
const UPSET: f32 = -0.6;
/// Codes of callers who press.
const PRESSING: [&str; 2] = ["escalation_threat", "urging"];

/// The row of a stored call, whose texts are normalized and masked.
pub fn digest(record: &CallRecord, analysis: &Analysis, catalog: &Catalog, entities: &EntityFinder) -> CallDigest {
    let facts = &analysis.facts;
    let faults: BTreeSet<&str> = analysis
        .findings
        .iter()
        .map(|finding| finding.code.as_str())
        .filter(|code| catalog.get(code).is_some_and(CodeInfo::is_fault))
        .collect();
    let crisis = analysis.findings.iter().find(|finding| finding.code == "crisis" && facts.crisis);
    let mut digest = CallDigest {
        call_id: record.call_id.clone(),
        started_at: record.started_at,
        caller: record.caller.as_ref().and_then(|caller| caller.id.clone().or_else(|| caller.number.clone())),
        agent: record.agent.as_ref().map(|agent| agent.id.clone()),
        team: record.agent.as_ref().and_then(|agent| agent.team.clone()),
        queue: record.queue.clone(),
        channel: record.channel.clone(),
        department: record.ticket.as_ref().and_then(|ticket| ticket.department.clone()),
        places: Vec::new(),
        organisations: Vec::new(),
        services: Vec::new(),
        category: facts.category.clone(),
        appeal_type: facts.appeal_type.clone(),
        outcome: facts.outcome.clone(),
        satisfaction: facts.satisfaction,
        rating: record.rating,
        faults: faults.into_iter().map(str::to_owned).collect(),
        crisis: facts.crisis,
        crisis_quote: crisis.and_then(|finding| finding.evidence.first()).map(|evidence| evidence.quote.clone()),
        repeat_contact: facts.repeat_contact,
        emotional: facts.needs.emotional,
        factual: facts.needs.factual,
        lowest: analysis.signals.sentiment_curve.iter().copied().fold(0.0, f32::min),
        style: record.spoken().then(|| style(record, analysis)),
    };
    // What the agent says is the hotline's own name as often as the matter's.
    for turn in record.turns.iter().filter(|turn| matches!(turn.role, Role::Caller | Role::Other)) {
        for entity in entities.find(&turn.text) {
            let names = match entity.kind {
                EntityKind::Place => &mut digest.places,
                EntityKind::Organisation => &mut digest.organisations,
                EntityKind::Service => &mut digest.services,
            };
            if !names.contains(&entity.name) {
                names.push(entity.name);
            }
        }
    }
    digest
}

/// How the caller of a conversation speaks.
pub fn style(record: &CallRecord, analysis: &Analysis) -> CallerStyle {
    let does = |code: &str| analysis.findings.iter().any(|finding| finding.code == code);
    let lengths: Vec<usize> = record
        .turns
        .iter()
        .filter(|turn| turn.role == Role::Caller)
        .map(|turn| turn.text.chars().filter(|c| c.is_alphanumeric()).count())
        .collect();
    let mean = lengths.iter().sum::<usize>() / lengths.len().max(1);
    let share = analysis.signals.talk_ratio.map_or(0.0, |agent| 1.0 - agent);
    if PRESSING.iter().any(|code| does(code)) {
        CallerStyle::Pressing
    } else if analysis.facts.needs.emotional != Need::None || analysis.signals.peak <= UPSET {
        CallerStyle::Upset
    } else if lengths.len() >= FEWEST_TURNS && (share >= TALKATIVE_SHARE || mean >= TALKATIVE_CHARS) {
        CallerStyle::Talkative
    } else if lengths.len() >= FEWEST_TURNS && mean < BRIEF_CHARS {
        CallerStyle::Brief
    } else {
        CallerStyle::Calm
    }
}
