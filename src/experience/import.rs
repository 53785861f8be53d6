//! Import files: JSON Lines or CSV, one thing a line. Owns how a line is read; what may be kept of it is decided elsewhere.
//!
//! Of CSV, a column with a dot in its name is a field within a field (`attributes.district`, `step.wait.rating`), and lists are parted
//! by `|`. An empty cell says nothing.

use serde_json::{Map, Value};

use super::entry::Entry;

/// Longest line, bytes.
const LONGEST_LINE: usize = 1 << 20;
/// Most names of a column, with dots between them.
const DEEPEST: usize = 3;
/// Columns that hold lists.
const LISTS: [&str; 5] = ["options", "asked", "choices", "steps", "evidence"];
/// Columns that hold numbers.
const NUMBERS: [&str; 4] = ["age", "rating", "waiting_minutes", "choices"];
/// Columns that hold yes or no.
const FLAGS: [&str; 4] = ["employee", "passed", "multiple", "secret"];

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// Its id, where that could be read.
    pub id: Option<String>,
    /// What is wrong.
    pub reason: String,
}

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its number in the file, from 1.
    pub number: u64,
    /// What it says.
    pub entry: Result<Entry, Bad>,
}

/// Reads the text of a file. The first character tells which kind it is.
pub fn read(text: &str) -> Vec<Line> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.trim_start().starts_with('{') {
        true => json_lines(text),
        false => csv_lines(text),
    }
}

fn json_lines(text: &str) -> Vec<Line> {
    let lines = text.lines().zip(1u64..).filter(|(line, _)| !line.trim().is_empty());
    let entry = |line: &str| {
        if line.len() > LONGEST_LINE {
            return Err(Bad { id: None, reason: format!("longer than {LONGEST_LINE} bytes") });
        }
        let value = serde_json::from_str(line).map_err(|e| Bad { id: None, reason: format!("not JSON: {e}") })?;
        of_value(value)
    };
    lines.map(|(line, number)| Line { number, entry: entry(line) }).collect()
}

fn of_value(value: Value) -> Result<Entry, Bad> {
    let id = value.get("id").and_then(Value::as_str).map(str::to_owned);
    serde_json::from_value(value).map_err(|e| Bad { id, reason: e.to_string() })
}

fn csv_lines(text: &str) -> Vec<Line> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let bad = |number: u64, reason: String| Line { number, entry: Err(Bad { id: None, reason }) };
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => return vec![bad(1, format!("no header: {error}"))],
    };
    if header.is_empty() {
        return Vec::new();
    }
    if !header.iter().any(|name| name == "kind") {
        let reason = "neither JSON Lines nor CSV with a column kind: see docs/experience.md".to_owned();
        return vec![bad(1, reason)];
    }
    let mut lines = Vec::new();
    let mut record = csv::StringRecord::new();
    loop {
        let before = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => return lines,
            Ok(true) => {
                let number = record.position().map_or(before, csv::Position::line);
                if record.iter().all(str::is_empty) {
                    continue;
                }
                if record.len() > header.len() {
                    lines.push(bad(number, format!("{} cells under {} columns", record.len(), header.len())));
                    continue;
                }
                let entry = row(header.iter().zip(record.iter())).and_then(of_value);
                lines.push(Line { number, entry });
            }
            Err(error) => {
                lines.push(bad(before, error.to_string()));
                // What cannot be read at all is not read again and again.
                if reader.position().line() == before {
                    return lines;
                }
            }
        }
    }
}

/// The cells of a row as the object that a line of JSON would be.
fn row<'a>(cells: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Value, Bad> {
    let mut object = Map::new();
    for (column, cell) in cells.filter(|(_, cell)| !cell.is_empty()) {
        let wrong = |reason: String| Bad { id: None, reason: format!("{column}: {reason}") };
        let mut path: Vec<&str> = column.split('.').collect();
        // Answers of a report: one column each.
        if path.first() == Some(&"step") && path.len() == 3 {
            path[0] = "steps";
        }
        let Some((last, folders)) = path.split_last().filter(|_| path.len() <= DEEPEST) else {
            return Err(wrong(format!("a column has at most {DEEPEST} names, such as step.wait.rating")));
        };
        let is_list = LISTS.contains(&column);
        let value = if is_list {
            let parts = cell.split('|').map(str::trim).filter(|part| !part.is_empty());
            Value::Array(parts.map(|part| item(column, part)).collect::<Result<_, _>>().map_err(wrong)?)
        } else {
            scalar(last, cell).map_err(wrong)?
        };
        let mut at = &mut object;
        for folder in folders {
            let inner = at.entry((*folder).to_owned()).or_insert_with(|| Value::Object(Map::new()));
            at = inner.as_object_mut().ok_or_else(|| wrong("is a column by itself too".to_owned()))?;
        }
        at.insert((*last).to_owned(), value);
    }
    Ok(Value::Object(object))
}

fn scalar(name: &str, cell: &str) -> Result<Value, String> {
    if NUMBERS.contains(&name) {
        return cell.parse::<u32>().map(Value::from).map_err(|_| format!("\"{cell}\" is not a whole number"));
    }
    if FLAGS.contains(&name) {
        return match cell {
            "true" | "是" | "1" => Ok(Value::Bool(true)),
            "false" | "否" | "0" => Ok(Value::Bool(false)),
            _ => Err(format!("\"{cell}\": write true or false")),
        };
    }
    Ok(Value::from(cell))
}

fn item(column: &str, part: &str) -> Result<Value, String> {
    let object = |pairs: &[(&str, &str)]| {
        Value::Object(pairs.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect())
    };
    match column {
        "steps" => match part.split_once('=') {
            Some((id, text)) => Ok(object(&[("id", id.trim()), ("text", text.trim())])),
            None => Err(format!("\"{part}\": write ID=QUESTION")),
        },
        "evidence" => match part.rsplit_once('=') {
            Some((name, sha256)) => Ok(object(&[("name", name.trim()), ("sha256", sha256.trim())])),
            None => Ok(object(&[("call", part)])),
        },
        _ => scalar(column, part),
    }
}
