//! The text form of filters, read strictly: every mistake is an error with its character.

use super::Filter;
use super::value::{Op, condition, operator};
use crate::calls::schema::{self, FIELDS, Kind};
use crate::{Error, Result};

/// Parentheses and denials inside one another.
const DEEPEST: usize = 32;

/// Reads a filter.
///
/// # Errors
/// [`Error::InvalidQuery`] with the character at which it cannot be understood.
pub(super) fn parse(text: &str) -> Result<Filter> {
    let mut parser = Parser { chars: text.chars().collect(), at: 0 };
    let filter = parser.any(0)?;
    match parser.peek() {
        None => Ok(filter),
        Some(_) => Err(parser.error("there is no parenthesis to close")),
    }
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
        let Some((op, length)) = operator(&self.chars[self.at..]) else {
            return Err(self.error(format!("after \"{name}\" one of : = != < <= > >= is expected")));
        };
        self.at += length;
        let mut alternatives = Vec::new();
        loop {
            let start = self.at;
            let (value, quoted) = self.value()?;
            let mut filter = condition(info, &name, op, &value, quoted)
                .map_err(|wrong| Error::query(wrong.to_string(), start + 1))?;
            if let Filter::Elsewhere { at, .. } = &mut filter {
                *at = start + 1;
            }
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

#[cfg(test)]
mod tests {
    use std::ops::Bound;

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
    fn beginnings_of_values_and_sets_that_are_kept_elsewhere() {
        let starts = |field, prefix: &str| Filter::Starts { field, prefix: prefix.to_owned() };
        for (text, expected) in [
            ("agent:A0*", starts("agent", "A0")),
            ("坐席:A0*", starts("agent", "A0")),
            ("attr.来源:w*", starts("attr", "来源=w")),
            ("agent:\"A0*\"", is("agent", "A0*")),
            ("主题:t3", Filter::Elsewhere { field: "topic", value: "t3".to_owned(), at: 4 }),
            ("date:2026-W10", Filter::Days { from: 20_260_302, to: 20_260_308 }),
            ("日期:2026年3月5日", Filter::Days { from: 20_260_305, to: 20_260_305 }),
            ("结果:未解决", is("outcome", "unresolved")),
            ("危机:是", is("crisis", "true")),
        ] {
            assert_eq!(Filter::parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn sets_that_are_not_there_are_told_with_their_place() {
        let mut filter = Filter::parse("score<60 (topic:t3 OR -topic:t4)").unwrap();
        let error = filter.resolve(&crate::calls::NoLookup).unwrap_err();
        assert!(matches!(error, Error::InvalidQuery { position: 17, .. }), "{error}");
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
            ("agent:A*7", 7, "only at its end"),
            ("topic<3", 7, "has no order"),
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
