//! Conditions on the fields of a call: as a tree, and as the text that people write.
//!
//! `code:impatience agent:agent-07,agent-08 score<60 date:2026-03 -code:crisis (taboo:T4 OR rating<=2)`:
//! conditions side by side must all hold, values with commas are alternatives, `-` or NOT denies,
//! quotes hold values with spaces, `FIELD:*` asks for any value, `FIELD:A0*` for values that begin so,
//! `A..B` is a range with both ends.

mod parse;
pub(super) mod value;

use std::fmt;
use std::ops::Bound;

use chrono::{Datelike, NaiveDate};
use tantivy::Term;
use tantivy::query::{AllQuery, BooleanQuery, ExistsQuery, Occur, Query, RangeQuery, TermQuery, TermSetQuery};
use tantivy::schema::IndexRecordOption;

use super::document::{attribute_term, cut};
use super::schema::{CATEGORY_LEVEL, Fields};
use super::steady::steady;
use crate::{Error, Result};

/// Finds calls of sets that are kept elsewhere, such as the calls of a topic.
pub trait Lookup {
    /// The ids of the calls that a field with [`super::Kind::Elsewhere`] gives a value.
    ///
    /// # Errors
    /// When there is no such set, or none at all.
    fn calls(&self, field: &'static str, value: &str) -> std::result::Result<Vec<String>, NotThere>;
}

/// A set of calls that is not there, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotThere {
    /// For errors.
    pub message: String,
    /// For the people who read warnings.
    pub zh: String,
}

impl fmt::Display for NotThere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Nothing is kept elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct NoLookup;

impl Lookup for NoLookup {
    fn calls(&self, field: &'static str, _value: &str) -> std::result::Result<Vec<String>, NotThere> {
        Err(NotThere {
            message: format!("{field} cannot be asked for here"),
            zh: format!("这里不能按 {field} 查找"),
        })
    }
}

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
    /// A keyword field has a value that begins so.
    Starts {
        /// Name of the field.
        field: &'static str,
        /// How the value begins; for attributes with `KEY=` before it.
        prefix: String,
    },
    /// The call is one of a set that is kept elsewhere; see [`Filter::resolve`].
    Elsewhere {
        /// Name of the field.
        field: &'static str,
        /// Which set.
        value: String,
        /// Character of the text where the value stands, from 1.
        at: usize,
    },
    /// The call is one of these.
    Calls(Vec<String>),
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
        parse::parse(text)
    }

    /// Puts the calls of sets that are kept elsewhere in their place.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] for the first set that is not there.
    pub fn resolve(&mut self, lookup: &dyn Lookup) -> Result<()> {
        match self {
            Self::All(filters) | Self::Any(filters) => filters.iter_mut().try_for_each(|f| f.resolve(lookup)),
            Self::Not(filter) => filter.resolve(lookup),
            Self::Elsewhere { field, value, at } => {
                let calls = lookup.calls(field, value).map_err(|e| Error::query(e.message, *at))?;
                *self = Self::Calls(calls);
                Ok(())
            }
            _ => Ok(()),
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
                (Occur::MustNot, steady(filter.build(fields)?)),
            ])),
            Self::Is { field: "category", value } => {
                Box::new(BooleanQuery::union(vec![is(fields, "category", value)?, is(fields, CATEGORY_LEVEL, value)?]))
            }
            Self::Is { field, value } => is(fields, field, value)?,
            Self::Starts { field: "category", prefix } => Box::new(BooleanQuery::union(vec![
                starts(fields, "category", prefix)?,
                starts(fields, CATEGORY_LEVEL, prefix)?,
            ])),
            Self::Starts { field, prefix } => starts(fields, field, prefix)?,
            Self::Elsewhere { field, value, at } => {
                return Err(Error::query(format!("{field}:{value} has not been looked up"), *at));
            }
            Self::Calls(ids) => {
                let terms = ids.iter().map(|id| Term::from_field_text(fields.call_id, cut(id)));
                Box::new(TermSetQuery::new(terms))
            }
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

/// Terms between the beginning itself and the beginning with the last of all characters behind it.
fn starts(fields: &Fields, field: &str, prefix: &str) -> Result<Box<dyn Query>> {
    let field = fields.get(field)?;
    let prefix = cut(prefix);
    let from = Term::from_field_text(field, prefix);
    let to = Term::from_field_text(field, &format!("{prefix}{}", char::MAX));
    Ok(steady(Box::new(RangeQuery::new(Bound::Included(from), Bound::Included(to)))))
}

/// tantivy needs a bound to know the field.
fn range(from: Bound<Term>, to: Bound<Term>) -> Box<dyn Query> {
    match (&from, &to) {
        (Bound::Unbounded, Bound::Unbounded) => Box::new(AllQuery),
        _ => steady(Box::new(RangeQuery::new(from, to))),
    }
}

fn day_number(day: NaiveDate) -> u32 {
    day.year().unsigned_abs() * 10_000 + day.month() * 100 + day.day()
}
