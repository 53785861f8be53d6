//! The table of `--meta`: ids, times and agents for files that carry none. Decides nothing
//! about a call beyond filling what is missing.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use chrono::{DateTime, FixedOffset};
use serde_json::Value;

use super::csv_lines::{Rows, delimiter};
use super::source::Source;
use super::{ImportOptions, Rejected, fields, json, time};
use crate::record::{Agent, CallRecord, Caller, Direction};
use crate::{Error, Result};

/// What the table says of one file or call.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Row {
    cells: BTreeMap<String, String>,
    started_at: Option<DateTime<FixedOffset>>,
}

/// The table.
#[derive(Debug, Default)]
pub(super) struct Meta {
    rows: Vec<Row>,
    by_file: HashMap<String, usize>,
    by_stem: HashMap<String, usize>,
    by_id: HashMap<String, usize>,
}

impl Meta {
    /// Reads a table in CSV with a header, or in JSON Lines.
    ///
    /// # Errors
    /// With file and line, when a row cannot be used.
    pub(super) fn read(path: &Path, options: &ImportOptions) -> Result<Self> {
        let source = Source::open(path, options)?;
        let wrong = |line: u64, message: String| Error::Config {
            file: path.display().to_string(),
            line: usize::try_from(line).unwrap_or(usize::MAX),
            column: None,
            message,
        };
        let refused = |rejected: Box<Rejected>| wrong(rejected.source.line.unwrap_or(1), rejected.reason);
        let mut table = Self::default();
        if source.head.trim_ascii_start().starts_with(b"{") || source.head.trim_ascii_start().starts_with(b"[") {
            for document in json::documents(source, true) {
                let document = document.map_err(refused)?;
                let line = document.line.unwrap_or(1);
                let Value::Object(map) = document.value else {
                    return Err(wrong(line, "expected an object".to_owned()));
                };
                let cells = map.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), fields::attribute(v)));
                table.add(cells.collect(), options).map_err(|message| wrong(line, message))?;
            }
            return Ok(table);
        }
        let separator = delimiter(source.head_text().lines().next().unwrap_or_default());
        let mut rows = Rows::new(source.all_lines(), separator, options.max_line_bytes, path.to_owned());
        let header = match rows.next() {
            Some(header) => header.map_err(refused)?.cells,
            None => {
                return Err(wrong(1, "empty table; expected a header with a column `file` or `call_id`".to_owned()));
            }
        };
        for row in rows {
            let row = row.map_err(refused)?;
            let cells = header.iter().zip(row.cells).map(|(name, cell)| (name.trim().to_owned(), cell));
            table.add(cells.collect(), options).map_err(|message| wrong(row.line, message))?;
        }
        Ok(table)
    }

    fn add(&mut self, cells: BTreeMap<String, String>, options: &ImportOptions) -> Result<(), String> {
        let mut row = Row {
            cells: cells
                .into_iter()
                .map(|(name, cell)| (name, cell.trim().to_owned()))
                .filter(|(name, cell)| !cell.is_empty() && !name.is_empty())
                .collect(),
            started_at: None,
        };
        if let Some(text) = row.cells.remove("started_at") {
            row.started_at = Some(time::parse_time(&text, options.timezone).map_err(|e| format!("started_at: {e}"))?);
        }
        if let Some(text) = row.cells.get("direction")
            && direction(text).is_none()
        {
            return Err(format!("direction: {text:?} is neither inbound nor outbound"));
        }
        let index = self.rows.len();
        let (file, id) = (row.cells.remove("file"), row.cells.get("call_id").cloned());
        if file.is_none() && id.is_none() {
            return Err("a row needs a `file` or a `call_id`".to_owned());
        }
        if let Some(file) = file {
            let name = file.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
            self.by_stem.entry(stem(&name).to_owned()).or_insert(index);
            if self.by_file.insert(name.clone(), index).is_some() {
                return Err(format!("{name:?} stands in the table twice"));
            }
        }
        if let Some(id) = id {
            self.by_id.entry(id).or_insert(index);
        }
        self.rows.push(row);
        Ok(())
    }

    /// The row of a call: by the vendor's own name of it where a file holds several, else by the
    /// name of the file, with or without its ending.
    pub(super) fn find(&self, file: &str, stem: &str, own_id: Option<&str>, many: bool) -> Option<&Row> {
        let own = || own_id.and_then(|id| self.by_file.get(id).or(self.by_stem.get(id)).or(self.by_id.get(id)));
        let by_file = || self.by_file.get(file).or_else(|| self.by_stem.get(stem)).or_else(|| self.by_id.get(stem));
        let index = if many { own() } else { by_file().or_else(own) };
        self.rows.get(*index?)
    }

    /// The row of a record that has its own id.
    pub(super) fn of_call(&self, call_id: &str) -> Option<&Row> {
        self.rows.get(*self.by_id.get(call_id)?)
    }
}

fn stem(name: &str) -> &str {
    let name = name.strip_suffix(".gz").or(name.strip_suffix(".zst")).unwrap_or(name);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

/// Words for the direction of a call.
pub(super) fn direction(text: &str) -> Option<Direction> {
    match text.trim().to_lowercase().as_str() {
        "inbound" | "in" | "incoming" | "呼入" | "来电" => Some(Direction::Inbound),
        "outbound" | "out" | "outgoing" | "呼出" | "外呼" | "回访" => Some(Direction::Outbound),
        _ => None,
    }
}

impl Row {
    /// The id that the table gives the call.
    pub(super) fn call_id(&self) -> Option<&str> {
        self.get("call_id")
    }

    /// The channel or speaker label of the agent.
    pub(super) fn agent_channel(&self) -> Option<&str> {
        self.get("agent_channel")
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.cells.get(name).map(String::as_str)
    }

    /// Fills what the record does not have. Columns of other names become attributes.
    pub(super) fn fill(&self, record: &mut CallRecord) {
        record.started_at = record.started_at.or(self.started_at);
        let cell = |name: &str| self.get(name).map(str::to_owned);
        for (name, slot) in [
            ("queue", &mut record.queue),
            ("region", &mut record.region),
            ("language", &mut record.language),
        ] {
            if slot.is_none() {
                *slot = self.get(name).map(str::to_owned);
            }
        }
        if let Some(way) = self.get("direction").and_then(direction) {
            record.direction = way;
        }
        if let Some(channel) = cell("channel") {
            record.channel = channel;
        }
        if record.agent.is_none() {
            record.agent = cell("agent_id").map(|id| Agent {
                id,
                name: cell("agent_name"),
                team: cell("agent_team"),
                site: cell("agent_site"),
            });
        }
        if record.caller.is_none() && (self.get("caller_id").is_some() || self.get("caller_number").is_some()) {
            record.caller = Some(Caller { id: cell("caller_id"), number: cell("caller_number") });
        }
        if record.rating.is_none() {
            record.rating = self.get("rating").and_then(|r| r.parse().ok()).filter(|r| (1..=5).contains(r));
        }
        const OWN: &[&str] = &[
            "call_id",
            "agent_channel",
            "queue",
            "region",
            "language",
            "direction",
            "channel",
            "agent_id",
            "agent_name",
            "agent_team",
            "agent_site",
            "caller_id",
            "caller_number",
            "rating",
        ];
        for (name, cell) in &self.cells {
            if !OWN.contains(&name.as_str()) {
                record.attributes.entry(name.clone()).or_insert_with(|| cell.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn table(text: &str) -> Result<Meta> {
        let mut file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Meta::read(file.path(), &ImportOptions::default())
    }

    #[test]
    fn a_row_is_found_by_file_name_and_by_stem() {
        let meta = table(
            "file,call_id,started_at,agent_id,agent_channel,queue,技能组\n录音/a.wav,T-1,2026/3/2 9:05,8801,1,12345,民生\n",
        )
        .unwrap();
        for (file, stem) in [("a.wav", "a"), ("a.json", "a"), ("a.json.gz", "a")] {
            let row = meta.find(file, stem, None, false).unwrap();
            assert_eq!((row.call_id(), row.agent_channel()), (Some("T-1"), Some("1")));
        }
        assert!(meta.find("b.json", "b", None, false).is_none());
        let mut record = CallRecord::new("x");
        meta.of_call("T-1").unwrap().fill(&mut record);
        assert_eq!(record.started_at.unwrap().to_rfc3339(), "2026-03-02T09:05:00+08:00");
        assert_eq!(record.agent.unwrap().id, "8801");
        assert_eq!(record.attributes.get("技能组").map(String::as_str), Some("民生"));
    }

    #[test]
    fn a_wrong_row_names_file_and_line() {
        for (text, expected) in [
            ("file,started_at\na.wav,2026-01-01\nb.wav,昨天\n", ":3: started_at: no time that can be read"),
            ("queue\n12345\n", ":2: a row needs a `file` or a `call_id`"),
            ("file\na.wav\na.wav\n", ":3: \"a.wav\" stands in the table twice"),
        ] {
            let error = table(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
