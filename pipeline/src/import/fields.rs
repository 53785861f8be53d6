//! Fields of a JSON value, with errors that name the path of the field.

use serde_json::{Map, Value};

use super::Fault;
use super::clean::clean;

/// Largest integer that every JSON writer gives exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A field with its path.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    /// Path of the object, ending in `.` when not empty.
    pub(super) prefix: &'a str,
    pub(super) name: &'a str,
}

impl At<'_> {
    fn fault(&self, reason: impl Into<String>) -> Fault {
        Fault::at(format!("{}{}", self.prefix, self.name), reason)
    }
}

/// What a value is, for error messages.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The fields of one object, taken out one after another: what is left is unknown.
pub(super) struct Fields<'w> {
    map: Map<String, Value>,
    prefix: String,
    warnings: &'w mut Vec<String>,
}

impl<'w> Fields<'w> {
    pub(super) fn new(map: Map<String, Value>, prefix: impl Into<String>, warnings: &'w mut Vec<String>) -> Self {
        Self { map, prefix: prefix.into(), warnings }
    }

    fn at<'a>(&'a self, name: &'a str) -> At<'a> {
        At { prefix: &self.prefix, name }
    }

    /// A fault of a field.
    pub(super) fn fault(&self, name: &str, reason: impl Into<String>) -> Fault {
        self.at(name).fault(reason)
    }

    /// Notes what was changed in a field.
    pub(super) fn warn(&mut self, name: &str, what: &str) {
        self.warnings.push(format!("{}{name}: {what}", self.prefix));
    }

    /// Where further fields of this object put their warnings.
    pub(super) fn warnings(&mut self) -> &mut Vec<String> {
        self.warnings
    }

    /// Any value but null.
    pub(super) fn value(&mut self, name: &str) -> Option<Value> {
        self.map.shift_remove(name).filter(|value| !value.is_null())
    }

    /// A string, cleaned.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Fault> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => {
                let (text, changed) = clean(text);
                if changed {
                    self.warn(name, "control characters removed");
                }
                Ok(Some(text))
            }
            Some(other) => Err(self.fault(name, format!("expected a string, found {}", kind(&other)))),
        }
    }

    /// A string that says something; blank counts as absent.
    pub(super) fn label(&mut self, name: &str) -> Result<Option<String>, Fault> {
        Ok(self.text(name)?.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    /// A string or an integer, as a string. Blank counts as absent.
    pub(super) fn id(&mut self, name: &str) -> Result<Option<String>, Fault> {
        match self.map.get(name) {
            Some(Value::Number(number)) => {
                let id = match number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)) {
                    Some(integer) => integer.to_string(),
                    None => match number.as_f64() {
                        Some(float) if float.fract() == 0.0 && float.abs() < EXACT => format!("{float:.0}"),
                        _ => return Err(self.fault(name, "a number that is not exact; ids like this must be strings")),
                    },
                };
                self.map.shift_remove(name);
                Ok(Some(id))
            }
            _ => self.label(name),
        }
    }

    /// A number that is not negative, rounded to an integer.
    pub(super) fn count(&mut self, name: &str) -> Result<Option<u64>, Fault> {
        let Some(value) = self.value(name) else { return Ok(None) };
        if let Some(integer) = value.as_u64() {
            return Ok(Some(integer));
        }
        match value.as_f64() {
            None => Err(self.fault(name, format!("expected a number, found {}", kind(&value)))),
            Some(number) if number < 0.0 => Err(self.fault(name, format!("negative: {value}"))),
            Some(number) if number >= EXACT => Err(self.fault(name, format!("too large: {value}"))),
            Some(number) => {
                if number.fract() != 0.0 {
                    self.warn(name, "rounded to an integer");
                }
                Ok(Some(number.round() as u64))
            }
        }
    }

    /// A number.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<f64>, Fault> {
        match self.value(name) {
            None => Ok(None),
            Some(value) => match value.as_f64() {
                Some(number) => Ok(Some(number)),
                None => Err(self.fault(name, format!("expected a number, found {}", kind(&value)))),
            },
        }
    }

    /// A boolean.
    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, Fault> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(self.fault(name, format!("expected true or false, found {}", kind(&other)))),
        }
    }

    /// An array.
    pub(super) fn list(&mut self, name: &str) -> Result<Option<Vec<Value>>, Fault> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(other) => Err(self.fault(name, format!("expected an array, found {}", kind(&other)))),
        }
    }

    /// An object.
    pub(super) fn object(&mut self, name: &str) -> Result<Option<Map<String, Value>>, Fault> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(other) => Err(self.fault(name, format!("expected an object, found {}", kind(&other)))),
        }
    }

    /// A time with its offset.
    pub(super) fn time(&mut self, name: &str) -> Result<Option<chrono::DateTime<chrono::FixedOffset>>, Fault> {
        let Some(text) = self.label(name)? else { return Ok(None) };
        match chrono::DateTime::parse_from_rfc3339(&text) {
            Ok(time) => Ok(Some(time)),
            Err(error) => Err(self.fault(name, format!("no RFC 3339 time with offset: {text:?} ({error})"))),
        }
    }

    /// What nobody asked for.
    pub(super) fn rest(self) -> impl Iterator<Item = (String, Value)> {
        self.map.into_iter().filter(|(_, value)| !value.is_null())
    }
}

/// A value as the string that attributes hold: strings as they are, the rest as compact JSON.
pub(super) fn attribute(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
