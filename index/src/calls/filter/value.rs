//! One condition: a field, an operator, a value. Shared by the strict filters and the forgiving query
//! text, so what is wrong with a value can be told in either's words.

use std::fmt;
use std::ops::Bound;

use chrono::{DateTime, NaiveDate, Weekday};

use super::{Filter, day_number};
use crate::calls::document::attribute_term;
use crate::calls::schema::{FieldInfo, Kind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::calls) enum Op {
    Is,
    IsNot,
    Below,
    AtMost,
    Above,
    AtLeast,
}

/// The operator that a text begins with, and its length.
pub(in crate::calls) fn operator(chars: &[char]) -> Option<(Op, usize)> {
    let second = chars.get(1).copied();
    Some(match (*chars.first()?, second) {
        ('<' | '＜', Some('=' | '＝')) => (Op::AtMost, 2),
        ('>' | '＞', Some('=' | '＝')) => (Op::AtLeast, 2),
        ('!' | '！', Some('=' | '＝')) => (Op::IsNot, 2),
        ('=', Some('=')) => (Op::Is, 2),
        (':' | '=' | '：' | '＝', _) => (Op::Is, 1),
        ('<' | '＜', _) => (Op::Below, 1),
        ('>' | '＞', _) => (Op::Above, 1),
        ('≤', _) => (Op::AtMost, 1),
        ('≥', _) => (Op::AtLeast, 1),
        _ => return None,
    })
}

/// A value that its field cannot have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::calls) struct BadValue {
    name: String,
    value: String,
    wrong: Wrong,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Number,
    Day,
    Time,
    Order,
    Star,
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, wrong } = self;
        match wrong {
            Wrong::Number => write!(f, "\"{value}\" is not a number"),
            Wrong::Day => {
                write!(f, "\"{value}\" is not a day, week, month or year such as 2026-03-05, 2026-W10, 2026-03 or 2026")
            }
            Wrong::Time => write!(f, "\"{value}\" is not a time such as 2026-03-05T09:30:00+08:00"),
            Wrong::Order => write!(f, "{name} has no order; use {name}:VALUE"),
            Wrong::Star => write!(f, "* stands for the rest of a value, so only at its end; put \"{value}\" in quotes"),
        }
    }
}

impl BadValue {
    /// What is wrong, for the people who read warnings.
    pub(in crate::calls) fn zh(&self) -> String {
        let Self { name, value, wrong } = self;
        match wrong {
            Wrong::Number => format!("“{value}”不是数字"),
            Wrong::Day => format!("“{value}”不是日期，可写 2026-03-05、2026-03 或 2026"),
            Wrong::Time => format!("“{value}”不是时间，可写 2026-03-05T09:30:00+08:00"),
            Wrong::Order => format!("“{name}”不能比较大小，可写 {name}:值"),
            Wrong::Star => format!("“{value}”中的 * 只能放在末尾"),
        }
    }
}

/// What is written, and what it stands for.
type Spelling = (&'static str, &'static str);

/// What people write of values that are kept in English, by the fields that have them.
const VALUES: &[(&[&str], &[Spelling])] = &[
    (
        &["crisis", "repeat_contact", "answered", "transferred"],
        &[("是", "true"), ("有", "true"), ("否", "false"), ("无", "false")],
    ),
    (
        &["outcome"],
        &[
            ("已解决", "resolved"),
            ("待跟进", "follow_up"),
            ("未解决", "unresolved"),
        ],
    ),
    (&["direction"], &[("呼入", "inbound"), ("呼出", "outbound")]),
    (&["emotional", "factual"], &[("已满足", "met"), ("未满足", "unmet"), ("无", "none")]),
    (&["hangup_by"], &[("坐席", "agent"), ("来电人", "caller"), ("系统", "system")]),
    (&["severity"], &[("轻微", "minor"), ("严重", "major"), ("致命", "fatal")]),
];

fn kept(field: &str, value: &str) -> String {
    let known = VALUES.iter().filter(|(fields, _)| fields.contains(&field)).flat_map(|(_, values)| *values);
    match known.into_iter().find(|(zh, _)| *zh == value) {
        Some((_, kept)) => (*kept).to_owned(),
        None if field == "taboo" => value.to_uppercase(),
        None => value.to_owned(),
    }
}

/// One field, one operator, one value. What is kept elsewhere gets position 1.
pub(in crate::calls) fn condition(
    info: &'static FieldInfo,
    name: &str,
    op: Op,
    value: &str,
    quoted: bool,
) -> Result<Filter, BadValue> {
    let field = info.name;
    let key = name.strip_prefix("attr.").unwrap_or_default();
    let bad = |wrong| BadValue { name: name.to_owned(), value: value.to_owned(), wrong };
    let word = matches!(info.kind, Kind::Keyword | Kind::Attribute | Kind::Elsewhere);
    if word && !matches!(op, Op::Is | Op::IsNot) {
        return Err(bad(Wrong::Order));
    }
    if value == "*" && !quoted && matches!(op, Op::Is | Op::IsNot) && info.kind != Kind::Elsewhere {
        return Ok(match info.kind {
            Kind::Attribute => Filter::Attribute { key: key.to_owned(), value: None },
            _ => Filter::Exists { field },
        });
    }
    if word && !quoted && value.contains('*') {
        let prefix = value.strip_suffix('*').filter(|prefix| !prefix.contains('*'));
        let prefix = prefix.filter(|_| info.kind != Kind::Elsewhere).ok_or_else(|| bad(Wrong::Star))?;
        let prefix = match info.kind {
            Kind::Attribute => attribute_term(key, prefix),
            _ => prefix.to_owned(),
        };
        return Ok(Filter::Starts { field, prefix });
    }
    match info.kind {
        Kind::Keyword => Ok(Filter::Is { field, value: kept(field, value) }),
        Kind::Attribute => Ok(Filter::Attribute { key: key.to_owned(), value: Some(value.to_owned()) }),
        Kind::Elsewhere => Ok(Filter::Elsewhere { field, value: value.to_owned(), at: 1 }),
        Kind::Number => {
            let (from, to) = bounds(op, value, number).map_err(bad)?;
            Ok(Filter::Number { field, from, to })
        }
        Kind::Day => {
            let (from, to) = bounds(op, value, days).map_err(bad)?;
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
            let (from, to) = bounds(op, value, instant).map_err(bad)?;
            Ok(Filter::Instants { from, to })
        }
    }
}

fn bounds<T: Copy>(
    op: Op,
    value: &str,
    read: impl Fn(&str) -> Result<T, Wrong>,
) -> Result<(Bound<T>, Bound<T>), Wrong> {
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

fn number(text: &str) -> Result<f64, Wrong> {
    text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or(Wrong::Number)
}

/// First and last day of a year, month, ISO 8601 week or day.
fn days(text: &str) -> Result<(u32, u32), Wrong> {
    let years = 1900..10_000;
    if let Some((year, week)) = text.split_once("-W") {
        let year = year.parse().ok().filter(|year| years.contains(year)).ok_or(Wrong::Day)?;
        let week = week.parse().map_err(|_| Wrong::Day)?;
        let day = |weekday| NaiveDate::from_isoywd_opt(year, week, weekday).map(day_number);
        return day(Weekday::Mon).zip(day(Weekday::Sun)).ok_or(Wrong::Day);
    }
    let text = text.trim_end_matches(['年', '月', '日', '号']);
    let parts: Result<Vec<u32>, _> = text.split(['-', '/', '年', '月']).map(str::parse).collect();
    let parts = parts.map_err(|_| Wrong::Day)?;
    let year = parts.first().and_then(|&year| i32::try_from(year).ok()).filter(|year| years.contains(year));
    match (year, parts.as_slice()) {
        (Some(_), &[year]) => Ok((year * 10_000 + 101, year * 10_000 + 1231)),
        (Some(_), &[year, month]) if (1..=12).contains(&month) => {
            let base = year * 10_000 + month * 100;
            Ok((base + 1, base + 31))
        }
        (Some(year), &[_, month, day]) => {
            let day = NaiveDate::from_ymd_opt(year, month, day).map(day_number).ok_or(Wrong::Day)?;
            Ok((day, day))
        }
        _ => Err(Wrong::Day),
    }
}

fn instant(text: &str) -> Result<i64, Wrong> {
    DateTime::parse_from_rfc3339(text).map(|at| at.timestamp_millis()).map_err(|_| Wrong::Time)
}
