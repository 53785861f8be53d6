//! What two texts of a document differ in: item by item (a rule, an item of a scorecard, a word) and line by line.

use std::collections::BTreeMap;
use std::time::Duration;

use similar::TextDiff;
use toml::{Table, Value};

use super::Kind;

/// Lines around a change.
const CONTEXT: usize = 3;
/// How long the shortest list of changed lines is looked for; then a longer one does.
const PATIENCE: Duration = Duration::from_secs(1);
/// What entries of a list go by, in this order.
const NAMES: [&str; 3] = ["id", "code", "name"];

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It says something else.
    Changed,
}

impl Change {
    /// As a sign at the beginning of a line.
    pub fn sign(self) -> char {
        match self {
            Self::Added => '+',
            Self::Removed => '-',
            Self::Changed => '~',
        }
    }
}

/// An item that two texts do not say the same of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemChange {
    /// Such as `rule:fee-not-quoted`, `section:courtesy/item:greeting`, `cue:act.hello`, or a word.
    pub item: String,
    /// What became of it.
    pub change: Change,
    /// Where it is a table and changed: which of its keys, such as `confidence` or `condition.offer`.
    pub fields: Vec<String>,
}

/// What changes from one text of a document to another, by item, in the order of their names. Nothing where a text cannot
/// be read: then the lines tell more.
pub fn items(kind: Kind, old: &str, new: &str) -> Vec<ItemChange> {
    let read = |text: &str| match kind {
        Kind::Dictionary | Kind::Synonyms => Some(words(text)),
        Kind::Lexicon if toml::from_str::<Table>(text).is_err() => Some(words(text)),
        _ => {
            let mut items = BTreeMap::new();
            walk("", toml::from_str(text).ok()?, &mut items);
            Some(items)
        }
    };
    let (Some(old), Some(new)) = (read(old), read(new)) else {
        return Vec::new();
    };
    let gone = old.keys().filter(|item| !new.contains_key(*item)).map(|item| (item, Change::Removed, Vec::new()));
    let rest = new.iter().filter_map(|(item, value)| match old.get(item) {
        None => Some((item, Change::Added, Vec::new())),
        Some(before) if before == value => None,
        Some(before) => Some((item, Change::Changed, fields(before, value))),
    });
    let mut changes: Vec<ItemChange> = gone
        .chain(rest)
        .map(|(item, change, fields)| ItemChange { item: item.clone(), change, fields })
        .collect();
    changes.sort_by(|a, b| a.item.cmp(&b.item));
    changes
}

/// The changed lines with those around them, in the unified format; empty where nothing changes.
pub fn unified(old: (&str, &str), new: (&str, &str)) -> String {
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(old.1, new.1);
    diff.unified_diff().context_radius(CONTEXT).header(old.0, new.0).to_string()
}

/// A line each, by its first word.
fn words(text: &str) -> BTreeMap<String, Value> {
    let mut items = BTreeMap::<String, Vec<String>>::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(first) = line.split_whitespace().next() {
            let rest = line[first.len()..].split_whitespace().collect::<Vec<_>>().join(" ");
            items.entry(first.to_owned()).or_default().push(rest);
        }
    }
    items.into_iter().map(|(word, rests)| (word, Value::from(rests))).collect()
}

/// The items of a table. A list of tables that have names is items itself, and so is what they hold of that kind.
fn walk(path: &str, table: Table, items: &mut BTreeMap<String, Value>) {
    let mut own = Table::new();
    for (key, value) in table {
        match value {
            Value::Array(list) if !list.is_empty() && list.iter().all(|entry| named(entry).is_some()) => {
                for entry in list {
                    let (Some(name), Value::Table(inner)) = (named(&entry).map(str::to_owned), entry) else {
                        continue;
                    };
                    walk(&format!("{path}{}{key}:{name}", if path.is_empty() { "" } else { "/" }), inner, items);
                }
            }
            Value::Table(inner) if path.is_empty() => {
                items.extend(inner.into_iter().map(|(inner, value)| (format!("{key}.{inner}"), value)));
            }
            value if path.is_empty() => drop(items.insert(key, value)),
            value => drop(own.insert(key, value)),
        }
    }
    if !path.is_empty() {
        let mut path = path.to_owned();
        // Two of a name are a mistake, and still two.
        while items.contains_key(&path) {
            path.push('\'');
        }
        items.insert(path, Value::Table(own));
    }
}

fn named(entry: &Value) -> Option<&str> {
    let table = entry.as_table()?;
    NAMES.iter().find_map(|key| table.get(*key)?.as_str())
}

/// The keys of two tables that differ, one level down where both have a table.
fn fields(old: &Value, new: &Value) -> Vec<String> {
    let (Value::Table(old), Value::Table(new)) = (old, new) else {
        return Vec::new();
    };
    let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut differ = Vec::new();
    for key in keys {
        match (old.get(key), new.get(key)) {
            (a, b) if a == b => {}
            (Some(Value::Table(a)), Some(Value::Table(b))) => {
                let inner: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
                let inner = inner.into_iter().filter(|name| a.get(*name) != b.get(*name));
                differ.extend(inner.map(|name| format!("{key}.{name}")));
            }
            _ => differ.push(key.clone()),
        }
    }
    differ
}
