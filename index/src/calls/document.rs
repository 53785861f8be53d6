//! From a call and its analysis to the document of the index.

use chrono::{Datelike, Timelike};
use qingting_pipeline::record::{Analysis, CallRecord, Direction, Finding, Need, Party, Role, Severity, Taboo};
use tantivy::{DateTime, TantivyDocument};

use super::query::Speaker;
use super::schema::{AGENT_END, CALLER_END, CATEGORY_LEVEL, Fields};
use crate::Result;
use crate::analyzer::{Analyzer, SPEAKER_SEPARATOR, TURN_SEPARATOR, positions};

/// Longer keywords are cut; tantivy would drop them without a word.
const LONGEST_KEYWORD: usize = 512;

/// A document that is ready to be written. Building it is pure work on one call, so many
/// threads can do it while one thread writes.
#[derive(Debug)]
pub struct CallDocument {
    pub(super) call_id: String,
    pub(super) document: TantivyDocument,
}

/// Which part of the text a role's turns go into.
pub(super) fn speaker(role: Role) -> Speaker {
    match role {
        Role::Agent => Speaker::Agent,
        Role::Caller => Speaker::Caller,
        _ => Speaker::Other,
    }
}

/// Adds values to the fields by their names.
struct Builder<'a> {
    fields: &'a Fields,
    document: TantivyDocument,
}

impl Builder<'_> {
    fn keyword(&mut self, name: &str, value: &str) -> Result<()> {
        if !value.is_empty() {
            self.document.add_text(self.fields.get(name)?, cut(value));
        }
        Ok(())
    }

    fn optional(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        value.map_or(Ok(()), |value| self.keyword(name, value))
    }

    fn flag(&mut self, name: &str, value: Option<bool>) -> Result<()> {
        self.optional(name, value.map(|v| if v { "true" } else { "false" }))
    }

    fn number(&mut self, name: &str, value: Option<f64>) -> Result<()> {
        if let Some(value) = value.filter(|v| v.is_finite()) {
            self.document.add_f64(self.fields.get(name)?, value);
        }
        Ok(())
    }
}

/// Builds the document of a call. Text and quotes come from the analysis, where they are masked.
pub(super) fn build(
    fields: &Fields,
    analyzer: &Analyzer,
    record: &CallRecord,
    analysis: &Analysis,
) -> Result<CallDocument> {
    let mut builder = Builder { fields, document: TantivyDocument::new() };
    add_text(&mut builder, analyzer, record, analysis)?;
    add_record(&mut builder, record)?;
    add_analysis(&mut builder, analysis)?;
    Ok(CallDocument { call_id: record.call_id.clone(), document: builder.document })
}

/// The turns of agents, then those of callers, then the others, so that the position tells the speaker and
/// one field does for all of them.
fn add_text(builder: &mut Builder<'_>, analyzer: &Analyzer, record: &CallRecord, analysis: &Analysis) -> Result<()> {
    let mut parts: [String; 3] = Default::default();
    for (turn, analysed) in record.turns.iter().zip(&analysis.turns) {
        let part = &mut parts[speaker(turn.role) as usize];
        let separates = |c| matches!(c, TURN_SEPARATOR | SPEAKER_SEPARATOR);
        part.extend(analyzer.fold(&analysed.text).chars().map(|c| if separates(c) { ' ' } else { c }));
        part.push(TURN_SEPARATOR);
    }
    let agent = positions(&parts[Speaker::Agent as usize]);
    let caller = positions(&parts[Speaker::Caller as usize]);
    builder.document.add_u64(builder.fields.get(AGENT_END)?, agent as u64);
    builder.document.add_u64(builder.fields.get(CALLER_END)?, (agent + caller) as u64);
    let text = parts.join(SPEAKER_SEPARATOR.encode_utf8(&mut [0; 4]));
    for field in [builder.fields.text.pairs, builder.fields.text.chars] {
        builder.document.add_text(field, &text);
    }
    Ok(())
}

fn add_record(builder: &mut Builder<'_>, record: &CallRecord) -> Result<()> {
    builder.keyword("call_id", &record.call_id)?;
    if let Some(at) = record.started_at {
        let day = u64::from(at.year().unsigned_abs()) * 10_000 + u64::from(at.month()) * 100 + u64::from(at.day());
        builder.document.add_u64(builder.fields.get("date")?, day);
        let instant = DateTime::from_timestamp_millis(at.timestamp_millis());
        builder.document.add_date(builder.fields.get("started_at")?, instant);
        builder.number("hour", Some(f64::from(at.hour())))?;
        builder.number("weekday", Some(f64::from(at.weekday().number_from_monday())))?;
    }
    builder.keyword(
        "direction",
        match record.direction {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        },
    )?;
    builder.keyword("channel", &record.channel)?;
    builder.optional("queue", record.queue.as_deref())?;
    builder.optional("region", record.region.as_deref())?;
    if let Some(agent) = &record.agent {
        builder.keyword("agent", &agent.id)?;
        builder.optional("team", agent.team.as_deref())?;
        builder.optional("site", agent.site.as_deref())?;
    }
    if let Some(ticket) = &record.ticket {
        builder.keyword("ticket", &ticket.id)?;
        builder.optional("ticket_category", ticket.category.as_deref())?;
        builder.optional("department", ticket.department.as_deref())?;
        builder.optional("status", ticket.status.as_deref())?;
    }
    builder.flag("answered", record.answered)?;
    builder.flag("transferred", record.transferred)?;
    builder.optional(
        "hangup_by",
        record.hangup_by.map(|party| match party {
            Party::Agent => "agent",
            Party::Caller => "caller",
            Party::System => "system",
        }),
    )?;
    builder.number("rating", record.rating.map(f64::from))?;
    builder.number("wait", record.wait_ms.map(seconds))?;
    builder.number("turns", Some(record.turns.len() as f64))?;
    for (key, value) in &record.attributes {
        builder.keyword("attr", &attribute_term(key, value))?;
    }
    Ok(())
}

fn add_analysis(builder: &mut Builder<'_>, analysis: &Analysis) -> Result<()> {
    for finding in &analysis.findings {
        // With repetitions: the column of codes is what findings are counted from.
        builder.keyword("code", &finding.code)?;
    }
    for value in distinct(&analysis.findings, |f| Some(severity(f.severity))) {
        builder.keyword("severity", value)?;
    }
    for value in distinct(&analysis.findings, |f| f.taboo.map(taboo)) {
        builder.keyword("taboo", value)?;
    }
    for value in distinct(&analysis.findings, |f| Some(f.rule.as_str())) {
        builder.keyword("rule", value)?;
    }
    for value in distinct(&analysis.uncertain, |f| Some(f.code.as_str())) {
        builder.keyword("uncertain", value)?;
    }
    let facts = &analysis.facts;
    builder.keyword("appeal_type", &facts.appeal_type)?;
    builder.keyword("outcome", &facts.outcome)?;
    builder.keyword("language", &facts.language)?;
    builder.flag("crisis", Some(facts.crisis))?;
    builder.flag("repeat_contact", Some(facts.repeat_contact))?;
    builder.keyword("emotional", need(facts.needs.emotional))?;
    builder.keyword("factual", need(facts.needs.factual))?;
    for depth in 1..=facts.category.len() {
        builder.keyword("category", &facts.category[..depth].join("/"))?;
    }
    for level in &facts.category {
        builder.keyword(CATEGORY_LEVEL, level)?;
    }
    builder.number("satisfaction", Some(f64::from(facts.satisfaction)))?;
    builder.number("duration", analysis.signals.duration_ms.map(seconds))?;
    builder.number("silence", analysis.signals.longest_silence_ms.map(seconds))?;
    builder.number("interruptions", analysis.signals.interruptions.map(f64::from))?;
    if let Some(score) = &analysis.score {
        builder.number("score", Some(score.total))?;
        builder.keyword("scorecard", &score.scorecard)?;
        for item in &score.fatal {
            builder.keyword("fatal", item)?;
        }
    }
    Ok(())
}

/// The part of a keyword that is indexed.
pub(super) fn cut(value: &str) -> &str {
    &value[..value.floor_char_boundary(LONGEST_KEYWORD)]
}

/// The term of an attribute.
pub(super) fn attribute_term(key: &str, value: &str) -> String {
    format!("{key}={value}")
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

fn distinct<'a>(findings: &'a [Finding], value: impl Fn(&'a Finding) -> Option<&'a str>) -> Vec<&'a str> {
    let mut values: Vec<&str> = findings.iter().filter_map(value).collect();
    values.sort_unstable();
    values.dedup();
    values
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Minor => "minor",
        Severity::Major => "major",
        Severity::Fatal => "fatal",
    }
}

fn need(need: Need) -> &'static str {
    match need {
        Need::Met => "met",
        Need::Unmet => "unmet",
        Need::None => "none",
    }
}

fn taboo(taboo: Taboo) -> &'static str {
    match taboo {
        Taboo::T1 => "T1",
        Taboo::T2 => "T2",
        Taboo::T3 => "T3",
        Taboo::T4 => "T4",
        Taboo::T5 => "T5",
        Taboo::T6 => "T6",
        Taboo::T7 => "T7",
        Taboo::T8 => "T8",
    }
}
