//! From a call and its analysis to the document of the index, and back to what a hit shows.

use chrono::{Datelike, Timelike};
use qingting_pipeline::record::{Analysis, CallRecord, Direction, Finding, Need, Party, Role, Severity, Taboo};
use serde::{Deserialize, Serialize};
use tantivy::{DateTime, TantivyDocument};

use super::query::Speaker;
use super::schema::{CATEGORY_LEVEL, Fields};
use crate::analyzer::{Analyzer, TURN_SEPARATOR};
use crate::{Error, Result};

/// Longer keywords are cut; tantivy would drop them without a word.
const LONGEST_KEYWORD: usize = 512;

/// A document that is ready to be written. Building it is pure work on one call, so many
/// threads can do it while one thread writes.
#[derive(Debug)]
pub struct CallDocument {
    pub(super) call_id: String,
    pub(super) document: TantivyDocument,
}

/// What the index keeps of a call to show it as a hit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredCall {
    pub(super) call_id: String,
    pub(super) started_at: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) queue: Option<String>,
    pub(super) appeal_type: String,
    pub(super) outcome: String,
    pub(super) score: Option<f64>,
    pub(super) duration_ms: Option<u64>,
    pub(super) codes: Vec<String>,
    pub(super) turns: Vec<StoredTurn>,
}

/// A turn in as few bytes as JSON allows: role, start, end, text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredTurn(pub(super) Role, pub(super) Option<u64>, pub(super) Option<u64>, pub(super) String);

/// Which text fields a role's turns go into.
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
    add_texts(&mut builder, analyzer, record, analysis);
    add_record(&mut builder, record)?;
    add_analysis(&mut builder, analysis)?;
    let stored = serde_json::to_vec(&stored_call(record, analysis)).map_err(|e| Error::json("an indexed call", e))?;
    builder.document.add_bytes(fields.stored, &stored);
    Ok(CallDocument { call_id: record.call_id.clone(), document: builder.document })
}

fn add_texts(builder: &mut Builder<'_>, analyzer: &Analyzer, record: &CallRecord, analysis: &Analysis) {
    let mut texts: [String; 3] = Default::default();
    for (turn, analysed) in record.turns.iter().zip(&analysis.turns) {
        let text = &mut texts[speaker(turn.role) as usize];
        let folded = analyzer.fold(&analysed.text);
        text.extend(folded.chars().map(|c| if c == TURN_SEPARATOR { ' ' } else { c }));
        text.push(TURN_SEPARATOR);
    }
    for (text, fields) in texts.iter().zip(&builder.fields.texts) {
        if !text.is_empty() {
            builder.document.add_text(fields.words, text);
            builder.document.add_text(fields.grams, text);
        }
    }
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

fn stored_call(record: &CallRecord, analysis: &Analysis) -> StoredCall {
    StoredCall {
        call_id: record.call_id.clone(),
        started_at: record.started_at.map(|at| at.to_rfc3339()),
        agent: record.agent.as_ref().map(|a| a.id.clone()),
        queue: record.queue.clone(),
        appeal_type: analysis.facts.appeal_type.clone(),
        outcome: analysis.facts.outcome.clone(),
        score: analysis.score.as_ref().map(|s| s.total),
        duration_ms: analysis.signals.duration_ms,
        codes: distinct(&analysis.findings, |f| Some(f.code.as_str())).into_iter().map(str::to_owned).collect(),
        turns: record
            .turns
            .iter()
            .zip(&analysis.turns)
            .map(|(turn, analysed)| StoredTurn(turn.role, turn.start_ms, turn.end_ms, analysed.text.clone()))
            .collect(),
    }
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
