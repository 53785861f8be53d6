//! Written messages (letters, web forms) by `--map`: JSON Lines or CSV, one message a record,
//! one turn of the caller. Owns which fields can be mapped.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::clean::{clean, label};
use super::csv_lines::{self, Rows};
use super::format::{Confidence, Format, Head};
use super::source::Source;
use super::{Context, Fault, Imported, Records, SourceRef, fields, json, time};
use crate::record::{Agent, CallRecord, Caller, Role, Ticket, Turn};
use crate::{Error, Result};

/// What `--from` takes.
pub(super) const NAME: &str = "messages";

/// Fields that a message can have, beside `attributes.NAME`.
const FIELDS: &[&str] = &[
    "call_id",
    "started_at",
    "title",
    "text",
    "channel",
    "queue",
    "region",
    "language",
    "rating",
    "agent.id",
    "agent.name",
    "agent.team",
    "agent.site",
    "caller.id",
    "caller.number",
    "ticket.id",
    "ticket.category",
    "ticket.department",
    "ticket.status",
];

/// Checks a `--map`.
///
/// # Errors
/// When it does not fit the format, a field is unknown or given twice, or one that must be
/// there is not.
pub(super) fn check(map: &[(String, String)], format: Option<&str>) -> Result<()> {
    let wrong = |message: String| Err(Error::Setting { name: "--map", message });
    match format {
        Some(NAME) if map.is_empty() => {
            return wrong("messages need a map, such as call_id=id,started_at=time,title=title,text=text".to_owned());
        }
        Some(NAME) | None => {}
        Some(other) if !map.is_empty() => return wrong(format!("goes with --from {NAME}, not with {other}")),
        Some(_) => {}
    }
    for (i, (field, path)) in map.iter().enumerate() {
        let known =
            FIELDS.contains(&field.as_str()) || field.strip_prefix("attributes.").is_some_and(|n| !n.is_empty());
        if !known {
            return wrong(format!("unknown field {field:?} (known: {}, attributes.NAME)", FIELDS.join(", ")));
        }
        if path.is_empty() {
            return wrong(format!("{field} is mapped to nothing"));
        }
        if map.iter().take(i).any(|(other, _)| other == field) {
            return wrong(format!("{field} is mapped twice"));
        }
    }
    let has = |field: &str| map.iter().any(|(name, _)| name == field);
    if !map.is_empty() && !(has("call_id") && (has("text") || has("title"))) {
        return wrong("call_id and text must be mapped".to_owned());
    }
    Ok(())
}

/// Written messages.
pub(super) struct Messages;

impl Format for Messages {
    fn name(&self) -> &'static str {
        NAME
    }

    fn description(&self) -> &'static str {
        "written messages in JSON Lines or CSV, with --map"
    }

    fn detect(&self, _: &Head<'_>) -> Confidence {
        // Only the map says what is what.
        0
    }

    fn open(&self, source: Source, context: Arc<Context>) -> Result<Records> {
        let path = source.path.clone();
        let start = source.head.trim_ascii_start();
        if start.starts_with(b"{")
            || start.starts_with(b"[")
            || matches!(source.extension().as_str(), "jsonl" | "ndjson" | "json")
        {
            return Ok(Box::new(json::documents(source, true).map(move |document| match document {
                Err(rejected) => Imported::Rejected(*rejected),
                Ok(document) => {
                    let place = SourceRef { file: path.clone(), line: document.line };
                    message(&Row::of_json(&document.value, &context.options.map), document.warnings, place, &context)
                }
            })));
        }
        let delimiter = csv_lines::delimiter(source.head_text().lines().next().unwrap_or_default());
        let mut rows = Rows::new(source.all_lines(), delimiter, context.options.max_line_bytes, path.clone());
        let header = match rows.next() {
            Some(Ok(header)) => header.cells.iter().map(|name| name.trim().to_owned()).collect::<Vec<_>>(),
            Some(Err(rejected)) => {
                return Err(Error::Input { path, message: format!("no header: {}", rejected.reason) });
            }
            None => return Ok(Box::new(std::iter::empty())),
        };
        if let Some((field, column)) = context.options.map.iter().find(|(_, column)| !header.contains(column)) {
            let message = format!("no column {column:?} for {field} (columns: {})", header.join(", "));
            return Err(Error::Input { path, message });
        }
        Ok(Box::new(rows.map(move |row| match row {
            Err(rejected) => Imported::Rejected(*rejected),
            Ok(row) => {
                let place = SourceRef { file: path.clone(), line: Some(row.line) };
                let cells = header.iter().zip(row.cells).filter(|(_, cell)| !cell.trim().is_empty());
                let cells = cells.map(|(name, cell)| (name.clone(), cell)).collect();
                message(&Row::of_cells(cells, &context.options.map), row.warnings, place, &context)
            }
        })))
    }
}

/// One message: mapped fields by their name in the record, and the rest.
#[derive(Debug, Default)]
struct Row {
    fields: BTreeMap<String, String>,
    rest: BTreeMap<String, String>,
}

impl Row {
    fn of_json(value: &Value, map: &[(String, String)]) -> Self {
        let mut row = Self::default();
        for (field, path) in map {
            if let Some(value) = find(value, path) {
                row.fields.insert(field.clone(), fields::attribute(value));
            }
        }
        for (name, value) in value.as_object().into_iter().flatten() {
            let mapped = |path: &str| {
                path == name || path.strip_prefix(name.as_str()).is_some_and(|p| p.starts_with(['.', '[']))
            };
            if !value.is_null() && !map.iter().any(|(_, path)| mapped(path)) {
                row.rest.insert(name.clone(), fields::attribute(value));
            }
        }
        row
    }

    fn of_cells(mut cells: BTreeMap<String, String>, map: &[(String, String)]) -> Self {
        // One column may stand for two fields.
        let fields =
            map.iter().filter_map(|(field, column)| Some((field.clone(), cells.get(column)?.clone()))).collect();
        cells.retain(|name, _| !map.iter().any(|(_, column)| column == name));
        Self { fields, rest: cells }
    }

    fn take(&self, field: &str) -> Option<String> {
        self.fields.get(field).map(|text| label(text)).filter(|text| !text.is_empty())
    }
}

/// A value by its path: `a`, `a.b`, `a[0].b`. A name with dots in it is tried first.
fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if let Some(found) = value.get(path) {
        return Some(found).filter(|value| !value.is_null());
    }
    let mut at = value;
    for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
        at = match part.strip_suffix(']') {
            Some(index) => at.get(index.parse::<usize>().ok()?)?,
            None => at.get(part)?,
        };
    }
    Some(at).filter(|value| !value.is_null())
}

fn message(row: &Row, mut warnings: Vec<String>, place: SourceRef, context: &Context) -> Imported {
    let readable = || Some([row.take("title"), row.take("text")].into_iter().flatten().collect::<Vec<_>>().join("\n"));
    let id = row.take("call_id");
    match record(row, &mut warnings, context) {
        Ok(record) => Imported::Call { record: Box::new(record), source: place, warnings },
        Err(fault) => Imported::Rejected(*fault.reject(place, id, readable())),
    }
}

fn record(row: &Row, warnings: &mut Vec<String>, context: &Context) -> std::result::Result<CallRecord, Fault> {
    let call_id = row.take("call_id").ok_or_else(|| Fault::at("call_id", "missing"))?;
    let mut record = CallRecord::new(call_id);
    record.channel = row.take("channel").unwrap_or_else(|| "letter".to_owned());
    if let Some(text) = row.take("started_at") {
        let time = time::parse_time(&text, context.options.timezone).map_err(|e| Fault::at("started_at", e))?;
        if time > context.now {
            warnings.push("started_at: in the future".to_owned());
        }
        record.started_at = Some(time);
    }
    let mut cleaned = false;
    let mut cleaned_text = |field: &str| {
        let (text, changed) = clean(row.fields.get(field)?.trim().to_owned());
        cleaned |= changed;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let title = cleaned_text("title");
    let text = match (&title, cleaned_text("text")) {
        (Some(title), Some(text)) => format!("{title}\n{text}"),
        (Some(title), None) => title.clone(),
        (None, Some(text)) => text,
        (None, None) => return Err(Fault::at("text", "missing")),
    };
    if cleaned {
        warnings.push("control characters removed".to_owned());
    }
    record.turns.push(Turn::new(Role::Caller, text));
    record.queue = row.take("queue");
    record.region = row.take("region");
    record.language = row.take("language");
    if let Some(text) = row.take("rating") {
        let rating = text.parse().ok().filter(|rating| (1..=5).contains(rating));
        record.rating = Some(rating.ok_or_else(|| Fault::at("rating", format!("not one of 1 to 5: {text}")))?);
    }
    record.agent = row.take("agent.id").map(|id| Agent {
        id,
        name: row.take("agent.name"),
        team: row.take("agent.team"),
        site: row.take("agent.site"),
    });
    let caller = Caller { id: row.take("caller.id"), number: row.take("caller.number") };
    record.caller = Some(caller).filter(|caller| caller.id.is_some() || caller.number.is_some());
    record.ticket = row.take("ticket.id").map(|id| Ticket {
        id,
        category: row.take("ticket.category"),
        department: row.take("ticket.department"),
        status: row.take("ticket.status"),
        ..Ticket::default()
    });
    record.attributes = row.rest.clone();
    for (field, value) in &row.fields {
        if let Some(name) = field.strip_prefix("attributes.") {
            record.attributes.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(title) = title {
        record.attributes.insert("title".to_owned(), title);
    }
    if let Some(meta) = context.meta.of_call(&record.call_id) {
        meta.fill(&mut record);
    }
    if record.started_at.is_none() {
        record.started_at = context.options.date.and_then(|date| time::midnight(date, context.options.timezone));
    }
    Ok(record)
}
