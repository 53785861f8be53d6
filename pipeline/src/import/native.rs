//! Our own call record in JSON: one a line, a single object, or an array. Read field by
//! field, so that what is wrong has a path and what is unknown is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::fields::{Fields, attribute, kind};
use super::format::{Confidence, Format, Head};
use super::source::Source;
use super::{Context, Fault, Imported, Records, SourceRef, draft, json, meta, roles};
use crate::Result;
use crate::record::{Agent, CallRecord, Caller, Party, Role, Ticket, Turn, Word};

/// Our own call records.
pub(super) struct Native;

impl Format for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn description(&self) -> &'static str {
        "call records of this program in JSON Lines, one JSON object or an array of them"
    }

    fn detect(&self, head: &Head<'_>) -> Confidence {
        let lines = matches!(head.extension.as_str(), "jsonl" | "ndjson");
        if head.keys.all(&["call_id", "turns"]) || head.keys.all(&["call_id", "answered"]) {
            95
        } else if head.keys.any(&["turns.text", "turns.role"]) {
            80
        } else if head.keys.any(&["turns"]) || (lines && head.keys.any(&["call_id"])) {
            50
        } else {
            // A file of nothing but broken lines is still one of records.
            u8::from(lines)
        }
    }

    fn open(&self, source: Source, context: Arc<Context>) -> Result<Records> {
        let path = source.path.clone();
        Ok(Box::new(json::documents(source, true).map(move |document| {
            let document = match document {
                Ok(document) => document,
                Err(rejected) => return Imported::Rejected(*rejected),
            };
            let place = SourceRef { file: path.clone(), line: document.line };
            let mut warnings = document.warnings;
            let id = draft::label(document.value.get("call_id"));
            let result = match document.value {
                Value::Object(map) => read(map, &context, &mut warnings),
                other => Err(Fault::new(format!("expected a call as an object, found {}", kind(&other)))),
            };
            match result {
                Ok(record) => Imported::Call { record: Box::new(record), source: place, warnings },
                Err(fault) => Imported::Rejected(*fault.reject(place, id, Some(json::readable_in(&document.raw)))),
            }
        })))
    }
}

fn read(
    map: Map<String, Value>,
    context: &Context,
    warnings: &mut Vec<String>,
) -> std::result::Result<CallRecord, Fault> {
    let mut unknown = BTreeMap::new();
    let mut record = record(Fields::new(map, "", warnings), context, &mut unknown)?;
    if context.options.strict
        && let Some(name) = unknown.keys().next()
    {
        return Err(Fault::at(name, "unknown field"));
    }
    for (name, value) in unknown {
        record.attributes.entry(name).or_insert(value);
    }
    if let Some(row) = context.meta.of_call(&record.call_id) {
        meta::Row::fill(row, &mut record);
    }
    Ok(record)
}

fn record(
    mut fields: Fields<'_>,
    context: &Context,
    unknown: &mut BTreeMap<String, String>,
) -> std::result::Result<CallRecord, Fault> {
    let call_id = fields.id("call_id")?.ok_or_else(|| Fault::at("call_id", "missing"))?;
    let mut record = CallRecord::new(call_id);
    record.started_at = fields.time("started_at")?;
    if record.started_at.is_some_and(|time| time > context.now) {
        fields.warn("started_at", "in the future");
    }
    if let Some(text) = fields.label("direction")? {
        match meta::direction(&text) {
            Some(direction) => record.direction = direction,
            None => odd(&mut fields, unknown, context, "direction", &text)?,
        }
    }
    if let Some(channel) = fields.label("channel")? {
        record.channel = channel;
    }
    record.queue = fields.id("queue")?;
    record.region = fields.id("region")?;
    record.language = fields.label("language")?;
    if let Some(map) = fields.object("agent")?.filter(|map| !map.is_empty()) {
        record.agent = Some(agent(Fields::new(map, "agent.", fields.warnings()), unknown)?);
    }
    if let Some(map) = fields.object("caller")?.filter(|map| !map.is_empty()) {
        let mut fields = Fields::new(map, "caller.", fields.warnings());
        record.caller = Some(Caller { id: fields.id("id")?, number: fields.id("number")? });
        rest(fields, "caller.", unknown);
    }
    record.wait_ms = fields.count("wait_ms")?;
    record.ring_ms = fields.count("ring_ms")?;
    record.hold_ms = fields.count("hold_ms")?;
    record.answered = fields.flag("answered")?;
    if let Some(text) = fields.label("hangup_by")? {
        match roles::known(&text) {
            Some(Role::Agent) => record.hangup_by = Some(Party::Agent),
            Some(Role::Caller) => record.hangup_by = Some(Party::Caller),
            Some(Role::Bot | Role::Ivr) => record.hangup_by = Some(Party::System),
            Some(Role::Other) | None => odd(&mut fields, unknown, context, "hangup_by", &text)?,
        }
    }
    record.transferred = fields.flag("transferred")?;
    record.rating = match fields.number("rating")? {
        None => None,
        Some(rating) if rating.fract() == 0.0 && (1.0..=5.0).contains(&rating) => Some(rating as u8),
        Some(rating) => return Err(fields.fault("rating", format!("not one of 1 to 5: {rating}"))),
    };
    if let Some(map) = fields.object("ticket")?.filter(|map| !map.is_empty()) {
        record.ticket = Some(ticket(Fields::new(map, "ticket.", fields.warnings()), unknown)?);
    }
    record.labels = fields.value("labels");
    for (name, value) in fields.object("attributes")?.unwrap_or_default() {
        if !value.is_null() {
            record.attributes.insert(name, attribute(&value));
        }
    }
    match fields.list("turns")? {
        Some(list) => {
            turns(list, &mut record, fields.warnings(), unknown)?;
            if record.turns.is_empty() && record.answered != Some(false) {
                fields.warn("turns", "empty, though nothing says that nobody answered");
            }
        }
        None if record.answered == Some(false) => {}
        None => return Err(fields.fault("turns", "missing")),
    }
    rest(fields, "", unknown);
    Ok(record)
}

/// A word that is none of a field's: kept as attribute, refused under strict.
fn odd(
    fields: &mut Fields<'_>,
    unknown: &mut BTreeMap<String, String>,
    context: &Context,
    name: &str,
    text: &str,
) -> std::result::Result<(), Fault> {
    if context.options.strict {
        return Err(fields.fault(name, format!("unknown value {text:?}")));
    }
    fields.warn(name, &format!("unknown value {text:?} kept as attribute"));
    unknown.insert(name.to_owned(), text.to_owned());
    Ok(())
}

fn agent(mut fields: Fields<'_>, unknown: &mut BTreeMap<String, String>) -> std::result::Result<Agent, Fault> {
    let agent = Agent {
        id: fields.id("id")?.ok_or_else(|| fields.fault("id", "missing"))?,
        name: fields.label("name")?,
        team: fields.id("team")?,
        site: fields.id("site")?,
    };
    rest(fields, "agent.", unknown);
    Ok(agent)
}

fn ticket(mut fields: Fields<'_>, unknown: &mut BTreeMap<String, String>) -> std::result::Result<Ticket, Fault> {
    let ticket = Ticket {
        id: fields.id("id")?.ok_or_else(|| fields.fault("id", "missing"))?,
        category: fields.label("category")?,
        department: fields.label("department")?,
        status: fields.label("status")?,
        opened_at: fields.time("opened_at")?,
        due_at: fields.time("due_at")?,
        closed_at: fields.time("closed_at")?,
    };
    rest(fields, "ticket.", unknown);
    Ok(ticket)
}

fn rest(fields: Fields<'_>, prefix: &str, unknown: &mut BTreeMap<String, String>) {
    for (name, value) in fields.rest() {
        unknown.insert(format!("{prefix}{name}"), attribute(&value));
    }
}

fn turns(
    list: Vec<Value>,
    record: &mut CallRecord,
    warnings: &mut Vec<String>,
    unknown: &mut BTreeMap<String, String>,
) -> std::result::Result<(), Fault> {
    let mut unnamed = 0;
    let mut odd_roles: BTreeMap<String, Role> = BTreeMap::new();
    let mut extra: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    record.turns.reserve(list.len());
    for (i, value) in list.into_iter().enumerate() {
        let path = format!("turns[{i}]");
        let Value::Object(map) = value else {
            return Err(Fault::at(path, format!("expected an object, found {}", kind(&value))));
        };
        let mut fields = Fields::new(map, format!("{path}."), warnings);
        let mut turn = Turn::new(Role::Other, String::new());
        match fields.label("role")? {
            None => unnamed += 1,
            Some(text) => turn.role = role(text, &mut odd_roles),
        }
        turn.text = fields.text("text")?.ok_or_else(|| fields.fault("text", "missing"))?;
        (turn.start_ms, turn.end_ms) = (fields.count("start_ms")?, fields.count("end_ms")?);
        ordered(&fields, turn.start_ms, turn.end_ms)?;
        turn.energy_db = fields.number("energy_db")?.map(|db| db as f32);
        turn.emotion = fields.label("emotion")?;
        for (n, value) in fields.list("words")?.unwrap_or_default().into_iter().enumerate() {
            let path = format!("{path}.words[{n}]");
            let Value::Object(map) = value else {
                return Err(Fault::at(path, format!("expected an object, found {}", kind(&value))));
            };
            turn.words.push(word(Fields::new(map, format!("{path}."), fields.warnings()))?);
        }
        for (name, value) in fields.rest() {
            extra.entry(name).or_default().insert(i.to_string(), value);
        }
        record.turns.push(turn);
    }
    unknown
        .extend(extra.into_iter().map(|(name, values)| (format!("turns.{name}"), Value::Object(values).to_string())));
    for (label, role) in odd_roles {
        // What is no word for a role may be somebody's name.
        if role != Role::Other {
            warnings.push(format!("turns: role {label:?} read as {}", role.as_str()));
        } else {
            warnings.push("turns: a role that is no known word read as other".to_owned());
        }
    }
    name_the_unnamed(unnamed, record, warnings);
    let timed = record.turns.iter().filter(|turn| turn.times().is_some()).count();
    if timed > 0 && timed < record.turns.len() {
        warnings.push(format!("turns: {timed} of {} have times; timing needs them all", record.turns.len()));
    }
    Ok(())
}

fn role(text: String, odd: &mut BTreeMap<String, Role>) -> Role {
    let exact = [Role::Agent, Role::Caller, Role::Bot, Role::Ivr, Role::Other]
        .into_iter()
        .find(|r| r.as_str() == text);
    exact.unwrap_or_else(|| {
        let role = roles::known(&text).unwrap_or(Role::Other);
        odd.insert(text, role);
        role
    })
}

/// Turns without a role: inferred when none has one, else nobody known.
fn name_the_unnamed(unnamed: usize, record: &mut CallRecord, warnings: &mut Vec<String>) {
    if unnamed == 0 {
        return;
    }
    if unnamed < record.turns.len() {
        warnings.push(format!("turns: {unnamed} without a role read as other"));
        return;
    }
    let segments: Vec<draft::Segment> = record
        .turns
        .iter()
        .map(|turn| draft::Segment {
            start: turn.start_ms.map(|t| t as f64),
            end: turn.end_ms.map(|t| t as f64),
            text: turn.text.clone(),
            ..draft::Segment::default()
        })
        .collect();
    for (turn, role) in record.turns.iter_mut().zip(roles::assign(&segments, None).roles) {
        turn.role = role;
    }
    record.attributes.insert("roles".to_owned(), "inferred".to_owned());
}

fn word(mut fields: Fields<'_>) -> std::result::Result<Word, Fault> {
    let word = Word {
        text: fields.text("text")?.ok_or_else(|| fields.fault("text", "missing"))?,
        start_ms: fields.count("start_ms")?.ok_or_else(|| fields.fault("start_ms", "missing"))?,
        end_ms: fields.count("end_ms")?.ok_or_else(|| fields.fault("end_ms", "missing"))?,
    };
    ordered(&fields, Some(word.start_ms), Some(word.end_ms))?;
    Ok(word)
}

fn ordered(fields: &Fields<'_>, start: Option<u64>, end: Option<u64>) -> std::result::Result<(), Fault> {
    match (start, end) {
        (Some(start), Some(end)) if end < start => {
            Err(fields.fault("end_ms", format!("before start_ms: {start} to {end}")))
        }
        _ => Ok(()),
    }
}
