//! Conditions on the fields of a call: as a tree, and as the text that people write.
//!
//! `code:impatience agent:agent-07,agent-08 score<60 date:2026-03 -code:crisis (taboo:T4 OR rating<=2)`:
//! conditions side by side must all hold, values with commas are alternatives, `-` or NOT denies,
//! quotes hold values with spaces, `FIELD:*` asks for any value, `A..B` is a range with both ends.

use std::ops::Bound;

use chrono::{DateTime, Datelike, NaiveDate};
use tantivy::Term;
use tantivy::query::{AllQuery, BooleanQuery, ExistsQuery, Occur, Query, RangeQuery, TermQuery};
use tantivy::schema::IndexRecordOption;

use super::document::{attribute_term, cut};
use super::schema::{self, CATEGORY_LEVEL, FIELDS, FieldInfo, Fields, Kind};
use crate::{Error, Result};

/// Parentheses and denials inside one another.
const DEEPEST: usize = 32;

/// A condition on a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of them.
    All(Vec<Filter>),
    /// At least one of them.
    Any(Vec<Filter>),
    /// Not that.
    Not(Box<Filter>),
    /// A keyword field has the value.
    Is {
        /// Name of the field.
        field: &'static str,
        /// The exact value.
        value: String,
    },
    /// An attribute has the value.
    Attribute {
        /// Its key.
        key: String,
        /// The exact value; `None` for any.
        value: Option<String>,
    },
    /// A field has a value.
    Exists {
        /// Name of the field.
        field: &'static str,
    },
    /// A number lies between two bounds.
    Number {
        /// Name of the field.
        field: &'static str,
        /// Lower bound.
        from: Bound<f64>,
        /// Upper bound.
        to: Bound<f64>,
    },
    /// The call's day lies between two days `yyyymmdd`, both included.
    Days {
        /// First.
        from: u32,
        /// Last.
        to: u32,
    },
    /// The call began between two times, milliseconds since 1970.
    Instants {
        /// Lower bound.
        from: Bound<i64>,
        /// Upper bound.
        to: Bound<i64>,
    },
}

impl Filter {
    /// Reads the text form; see the module's own description. A blank text holds for every call.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] with the character at which it cannot be understood.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parser = Parser { chars: text.chars().collect(), at: 0 };
        let filter = parser.any(0)?;
        match parser.peek() {
            None => Ok(filter),
            Some(_) => Err(parser.error("there is no parenthesis to close")),
        }
    }

    /// The days from `since` to `until`, both included.
    pub fn days(since: Option<NaiveDate>, until: Option<NaiveDate>) -> Self {
        Self::Days { from: since.map_or(0, day_number), to: until.map_or(u32::MAX, day_number) }
    }

    pub(super) fn build(&self, fields: &Fields) -> Result<Box<dyn Query>> {
        Ok(match self {
            Self::All(filters) if filters.is_empty() => Box::new(AllQuery),
            Self::All(filters) => {
                let queries: Result<Vec<_>> = filters.iter().map(|f| f.build(fields)).collect();
                Box::new(BooleanQuery::intersection(queries?))
            }
            Self::Any(filters) => {
                let queries: Result<Vec<_>> = filters.iter().map(|f| f.build(fields)).collect();
                Box::new(BooleanQuery::union(queries?))
            }
            Self::Not(filter) => Box::new(BooleanQuery::new(vec![
                (Occur::Must, Box::new(AllQuery) as Box<dyn Query>),
                (Occur::MustNot, filter.build(fields)?),
            ])),
            Self::Is { field: "category", value } => {
                Box::new(BooleanQuery::union(vec![is(fields, "category", value)?, is(fields, CATEGORY_LEVEL, value)?]))
            }
            Self::Is { field, value } => is(fields, field, value)?,
            Self::Attribute { key, value: Some(value) } => is(fields, "attr", &attribute_term(key, value))?,
            Self::Attribute { key, value: None } => {
                let field = fields.get("attr")?;
                // '>' is the character after '='.
                let from = Term::from_field_text(field, &format!("{key}="));
                let to = Term::from_field_text(field, &format!("{key}>"));
                Box::new(RangeQuery::new(Bound::Included(from), Bound::Excluded(to)))
            }
            Self::Exists { field } => Box::new(ExistsQuery::new((*field).to_owned(), false)),
            Self::Number { field, from, to } => {
                let field = fields.get(field)?;
                let term = |value: f64| Term::from_field_f64(field, value);
                range(from.map(term), to.map(term))
            }
            Self::Days { from, to } => {
                let field = fields.get("date")?;
                let term = |day: u32| Term::from_field_u64(field, u64::from(day));
                range(Bound::Included(term(*from)), Bound::Included(term(*to)))
            }
            Self::Instants { from, to } => {
                let field = fields.get("started_at")?;
                let term = |ms: i64| Term::from_field_date(field, tantivy::DateTime::from_timestamp_millis(ms));
                range(from.map(term), to.map(term))
            }
        })
    }
}

fn is(fields: &Fields, field: &str, value: &str) -> Result<Box<dyn Query>> {
    let term = Term::from_field_text(fields.get(field)?, cut(value));
    Ok(Box::new(TermQuery::new(term, IndexRecordOption::Basic)))
}

/// tantivy needs a bound to know the field.
fn range(from: Bound<Term>, to: Bound<Term>) -> Box<dyn Query> {
    match (&from, &to) {
        (Bound::Unbounded, Bound::Unbounded) => Box::new(AllQuery),
        _ => Box::new(RangeQuery::new(from, to)),
    }
}

fn day_number(day: NaiveDate) -> u32 {
    day.year().unsigned_abs() * 10_000 + day.month() * 100 + day.day()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Is,
    IsNot,
    Below,
    AtMost,
    Above,
    AtLeast,
}

struct Parser {
    chars: Vec<char>,
    at: usize,
}

impl Parser {
    fn error(&self, message: impl Into<String>) -> Error {
        Error::query(message, self.at + 1)
    }

    fn peek(&mut self) -> Option<char> {
        while self.chars.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
        self.chars.get(self.at).copied()
    }

    /// Takes a word such as OR where it stands alone.
    fn word(&mut self, word: &str) -> bool {
        self.peek();
        let end = self.at + word.len();
        let is_there = self.chars.get(self.at..end).is_some_and(|c| c.iter().copied().eq(word.chars()))
            && self.chars.get(end).is_none_or(|&c| c.is_whitespace() || c == '(');
        if is_there {
            self.at = end;
        }
        is_there
    }

    fn any(&mut self, depth: usize) -> Result<Filter> {
        let mut alternatives = vec![self.all(depth)?];
        while self.word("OR") {
            alternatives.push(self.all(depth)?);
        }
        let empty = Filter::All(Vec::new());
        if alternatives.len() > 1 && alternatives.contains(&empty) {
            return Err(self.error("OR needs a condition on either side"));
        }
        Ok(if alternatives.len() == 1 {
            alternatives.remove(0)
        } else {
            Filter::Any(alternatives)
        })
    }

    fn all(&mut self, depth: usize) -> Result<Filter> {
        let mut conditions = Vec::new();
        loop {
            while self.word("AND") {}
            let start = self.at;
            if self.word("OR") {
                self.at = start;
                break;
            }
            match self.peek() {
                None | Some(')') => break,
                Some(_) => conditions.push(self.one(depth)?),
            }
        }
        Ok(if conditions.len() == 1 {
            conditions.remove(0)
        } else {
            Filter::All(conditions)
        })
    }

    fn one(&mut self, depth: usize) -> Result<Filter> {
        if depth >= DEEPEST {
            return Err(self.error("the filter is nested too deeply"));
        }
        if self.word("NOT") {
            return Ok(Filter::Not(Box::new(self.one(depth + 1)?)));
        }
        match self.peek() {
            Some('-' | '－') => {
                self.at += 1;
                Ok(Filter::Not(Box::new(self.one(depth + 1)?)))
            }
            Some('(') => {
                self.at += 1;
                let inner = self.any(depth + 1)?;
                if self.peek() != Some(')') {
                    return Err(self.error("a closing parenthesis is missing"));
                }
                self.at += 1;
                Ok(inner)
            }
            _ => self.condition(),
        }
    }

    fn condition(&mut self) -> Result<Filter> {
        let start = self.at;
        while self.chars.get(self.at).is_some_and(|&c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-')) {
            self.at += 1;
        }
        let name: String = self.chars[start..self.at].iter().collect();
        let Some(info) = schema::field_info(&name).filter(|f| f.kind != Kind::Attribute || name.len() > 5) else {
            let names: Vec<_> =
                FIELDS.iter().map(|f| if f.kind == Kind::Attribute { "attr.KEY" } else { f.name }).collect();
            let what = if name.is_empty() {
                "a field is expected here".to_owned()
            } else {
                format!("no field \"{name}\"")
            };
            return Err(Error::query(format!("{what}; the fields are {}", names.join(", ")), start + 1));
        };
        let op = self.operator(&name)?;
        let mut alternatives = Vec::new();
        loop {
            let start = self.at;
            let (value, quoted) = self.value()?;
            let filter = condition(info, &name, op, &value, quoted).map_err(|m| Error::query(m, start + 1))?;
            alternatives.push(filter);
            if self.chars.get(self.at) != Some(&',') {
                break;
            }
            self.at += 1;
        }
        let any = if alternatives.len() == 1 {
            alternatives.remove(0)
        } else {
            Filter::Any(alternatives)
        };
        Ok(if op == Op::IsNot {
            Filter::Not(Box::new(any))
        } else {
            any
        })
    }

    fn operator(&mut self, name: &str) -> Result<Op> {
        let two: String = self.chars.iter().skip(self.at).take(2).collect();
        let (op, length) = match two.as_str() {
            "<=" => (Op::AtMost, 2),
            ">=" => (Op::AtLeast, 2),
            "!=" => (Op::IsNot, 2),
            "==" => (Op::Is, 2),
            _ => match two.chars().next() {
                Some(':' | '=' | '：') => (Op::Is, 1),
                Some('<' | '＜') => (Op::Below, 1),
                Some('>' | '＞') => (Op::Above, 1),
                _ => return Err(self.error(format!("after \"{name}\" one of : = != < <= > >= is expected"))),
            },
        };
        self.at += length;
        Ok(op)
    }

    fn value(&mut self) -> Result<(String, bool)> {
        let start = self.at;
        if let Some('"' | '“') = self.chars.get(self.at) {
            let inside = self.at + 1;
            let Some(length) = self.chars[inside..].iter().position(|&c| c == '"' || c == '”') else {
                return Err(self.error("the quote is not closed"));
            };
            self.at = inside + length + 1;
            return Ok((self.chars[inside..inside + length].iter().collect(), true));
        }
        while self.chars.get(self.at).is_some_and(|&c| !c.is_whitespace() && c != ')' && c != ',') {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.error("a value is missing"));
        }
        Ok((self.chars[start..self.at].iter().collect(), false))
    }
}

/// One field, one operator, one value.
fn condition(info: &'static FieldInfo, name: &str, op: Op, value: &str, quoted: bool) -> Result<Filter, String> {
    let field = info.name;
    let key = name.strip_prefix("attr.").unwrap_or_default();
    if value == "*" && !quoted && matches!(op, Op::Is | Op::IsNot) {
        return Ok(match info.kind {
            Kind::Attribute => Filter::Attribute { key: key.to_owned(), value: None },
            _ => Filter::Exists { field },
        });
    }
    match info.kind {
        Kind::Keyword | Kind::Attribute if !matches!(op, Op::Is | Op::IsNot) => {
            Err(format!("{name} has no order; use {name}:VALUE"))
        }
        Kind::Keyword if field == "taboo" => Ok(Filter::Is { field, value: value.to_uppercase() }),
        Kind::Keyword => Ok(Filter::Is { field, value: value.to_owned() }),
        Kind::Attribute => Ok(Filter::Attribute { key: key.to_owned(), value: Some(value.to_owned()) }),
        Kind::Number => {
            let (from, to) = bounds(op, value, number)?;
            Ok(Filter::Number { field, from, to })
        }
        Kind::Day => {
            let (from, to) = bounds(op, value, days)?;
            let from = match from {
                Bound::Included(days) => days.0,
                Bound::Excluded(days) => days.1.saturating_add(1),
                Bound::Unbounded => 0,
            };
            let to = match to {
                Bound::Included(days) => days.1,
                Bound::Excluded(days) => days.0.saturating_sub(1),
                Bound::Unbounded => u32::MAX,
            };
            Ok(Filter::Days { from, to })
        }
        Kind::Instant => {
            let (from, to) = bounds(op, value, instant)?;
            Ok(Filter::Instants { from, to })
        }
    }
}

fn bounds<T: Copy>(
    op: Op,
    value: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<(Bound<T>, Bound<T>), String> {
    use Bound::{Excluded, Included, Unbounded};
    if let Some((from, to)) = value.split_once("..")
        && matches!(op, Op::Is | Op::IsNot)
    {
        let side = |text: &str| {
            if text.is_empty() {
                Ok(Unbounded)
            } else {
                read(text).map(Included)
            }
        };
        return Ok((side(from)?, side(to)?));
    }
    let value = read(value)?;
    Ok(match op {
        Op::Is | Op::IsNot => (Included(value), Included(value)),
        Op::Below => (Unbounded, Excluded(value)),
        Op::AtMost => (Unbounded, Included(value)),
        Op::Above => (Excluded(value), Unbounded),
        Op::AtLeast => (Included(value), Unbounded),
    })
}

fn number(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| format!("\"{text}\" is not a number"))?;
    if number.is_finite() {
        Ok(number)
    } else {
        Err(format!("\"{text}\" is not a number"))
    }
}

/// First and last day of a year, month or day.
fn days(text: &str) -> Result<(u32, u32), String> {
    let wrong = || format!("\"{text}\" is not a day, month or year such as 2026-03-05, 2026-03 or 2026");
    let parts: Vec<u32> = text.split(['-', '/']).map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
    match *parts.as_slice() {
        [year] if (1900..10_000).contains(&year) => Ok((year * 10_000 + 101, year * 10_000 + 1231)),
        [year, month] if (1900..10_000).contains(&year) && (1..=12).contains(&month) => {
            let base = year * 10_000 + month * 100;
            Ok((base + 1, base + 31))
        }
        [year, month, day] => {
            let date = i32::try_from(year).ok().and_then(|year| NaiveDate::from_ymd_opt(year, month, day));
            date.filter(|d| d.year() >= 1900 && d.year() < 10_000)
                .map(day_number)
                .map(|d| (d, d))
                .ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

fn instant(text: &str) -> Result<i64, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.timestamp_millis())
        .map_err(|_| format!("\"{text}\" is not a time such as 2026-03-05T09:30:00+08:00"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is(field: &'static str, value: &str) -> Filter {
        Filter::Is { field, value: value.to_owned() }
    }

    #[test]
    fn conditions_side_by_side_must_all_hold() {
        let filter =
            Filter::parse("code:impatience agent_id:agent-07 score<60 date:2026-03 -code:crisis taboo:t4").unwrap();
        let expected = Filter::All(vec![
            is("code", "impatience"),
            is("agent", "agent-07"),
            Filter::Number { field: "score", from: Bound::Unbounded, to: Bound::Excluded(60.0) },
            Filter::Days { from: 20_260_301, to: 20_260_331 },
            Filter::Not(Box::new(is("code", "crisis"))),
            is("taboo", "T4"),
        ]);
        assert_eq!(filter, expected);
    }

    #[test]
    fn alternatives_quotes_ranges_and_parentheses() {
        assert_eq!(
            Filter::parse("queue:\"城管 热线\",12345 AND (rating:1..2 OR NOT answered:true)").unwrap(),
            Filter::All(vec![
                Filter::Any(vec![is("queue", "城管 热线"), is("queue", "12345")]),
                Filter::Any(vec![
                    Filter::Number { field: "rating", from: Bound::Included(1.0), to: Bound::Included(2.0) },
                    Filter::Not(Box::new(is("answered", "true"))),
                ]),
            ])
        );
        assert_eq!(Filter::parse("  ").unwrap(), Filter::All(vec![]));
        assert_eq!(
            Filter::parse("attr.来源:* date>2026-01").unwrap(),
            Filter::All(vec![
                Filter::Attribute { key: "来源".to_owned(), value: None },
                Filter::Days { from: 20_260_132, to: u32::MAX },
            ])
        );
    }

    #[test]
    fn mistakes_name_the_place_and_the_fields() {
        for (text, position, message) in [
            ("code:a colour:red", 8, "no field \"colour\"; the fields are call_id, agent"),
            ("score<sixty", 7, "not a number"),
            ("agent<5", 7, "has no order"),
            ("queue:\"12345", 7, "not closed"),
            ("date:2026-13", 6, "is not a day"),
            ("score", 6, "is expected"),
            ("code:", 6, "value is missing"),
            ("(code:a", 8, "closing parenthesis"),
            ("code:a)", 7, "no parenthesis to close"),
            ("code:a OR", 10, "OR needs"),
            ("attr.:x", 1, "no field"),
        ] {
            match Filter::parse(text) {
                Err(Error::InvalidQuery { message: m, position: p }) => {
                    assert!(p == position && m.contains(message), "{text}: {p} {m}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
        assert!(Filter::parse(&"(".repeat(100_000)).is_err());
        assert!(Filter::parse(&"-".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "[a-c:<>=()\"\\-, *.0-9码OR]{0,24}") {
            let _ = Filter::parse(&text);
            let _ = Filter::parse(&format!("code:{text} date:{text} score>{text}"));
        }
    }
}
