//! Reading query texts: which parts are conditions, groups and alternatives, and which are words.

use super::names::{half, known, unknown};
use super::{Expression, Node, tidy};
use crate::analyzer::is_content;
use crate::calls::filter::Filter;
use crate::calls::filter::value::{Op, condition, operator};
use crate::calls::schema::{FieldInfo, Kind};
use crate::calls::text::{Reading, TextQuery, is_quote};

/// Groups inside one another; parentheses inside deeper ones are words.
const DEEPEST: usize = 32;

/// Parts of words beyond this number are left out, with a warning.
const MOST_PARTS: usize = 48;

/// Conditions beyond this number are left out, with a warning.
const MOST_CONDITIONS: usize = 256;

pub(super) fn parse(text: &str, reading: Reading<'_>) -> Expression {
    let mut first = Parser::new(text, true, reading);
    first.whole();
    if first.plain {
        // Words, phrases, exclusions and OR alone are a language that has its own reader.
        let mut warnings = first.warnings;
        let mut words = TextQuery::parse(text, reading);
        warnings.append(&mut words.warnings);
        tidy(&mut warnings);
        return Expression { root: (!words.any.is_empty()).then_some(Node::Text(words)), warnings };
    }
    let mut parser = Parser::new(text, false, reading);
    let root = parser.whole();
    let mut warnings = parser.warnings;
    if root.is_none() {
        warnings.push("查询中没有可用的文字或条件，因此没有结果".to_owned());
    }
    tidy(&mut warnings);
    Expression { root, warnings }
}

/// For each opening parenthesis that begins a part and is closed at the end of one: where.
fn closes(chars: &[char]) -> Vec<Option<usize>> {
    let mut closes = vec![None; chars.len()];
    let mut open = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        match chars[at] {
            c if is_quote(c) => {
                if let Some(length) = chars[at + 1..].iter().position(|&c| is_quote(c)) {
                    at += length + 1;
                }
            }
            '(' | '（' => open.push(at),
            ')' | '）' => {
                let ends = chars.get(at + 1).is_none_or(|&c| c.is_whitespace() || matches!(c, ')' | '）'));
                if let Some(start) = open.pop().filter(|_| ends) {
                    closes[start] = Some(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    closes
}

struct Parser<'a> {
    chars: Vec<char>,
    closes: Vec<Option<usize>>,
    at: usize,
    /// Nothing was met that is not [`TextQuery`]'s own.
    plain: bool,
    parts: usize,
    conditions: usize,
    warnings: Vec<String>,
    reading: Reading<'a>,
}

impl<'a> Parser<'a> {
    fn new(text: &str, plain: bool, reading: Reading<'a>) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let closes = closes(&chars);
        let warnings = Vec::new();
        Self { chars, closes, at: 0, plain, parts: 0, conditions: 0, warnings, reading }
    }

    fn whole(&mut self) -> Option<Node> {
        self.any(self.chars.len(), 0)
    }

    fn any(&mut self, end: usize, depth: usize) -> Option<Node> {
        let mut alternatives = Vec::new();
        let mut lacking = false;
        loop {
            match self.all(end, depth) {
                Some(node) => alternatives.push(node),
                None => lacking = true,
            }
            if !self.or(end) {
                break;
            }
        }
        if lacking && !alternatives.is_empty() && !self.plain {
            self.warnings.push("OR 的一边没有内容，已忽略".to_owned());
        }
        one_or(alternatives, Node::Any)
    }

    /// Parts side by side, up to an OR.
    fn all(&mut self, end: usize, depth: usize) -> Option<Node> {
        let mut nodes = Vec::new();
        let mut words = String::new();
        let mut denied = false;
        loop {
            self.skip_space(end);
            if self.at >= end || self.is_or(end) {
                break;
            }
            if self.word("AND", end) {
                self.plain = false;
                continue;
            }
            if self.word("NOT", end) {
                self.plain = false;
                denied = !denied;
                continue;
            }
            let denied = std::mem::take(&mut denied);
            let deny = denied != (self.dash(end) || self.excluding(end));
            if let Some(close) = self.closes[self.at].filter(|_| depth < DEEPEST) {
                self.plain = false;
                self.at += 1;
                let inner = self.any(close, depth + 1);
                self.at = close + 1;
                nodes.extend(inner.map(|node| if deny { Node::Not(Box::new(node)) } else { node }));
            } else if let Some(found) = self.condition(end) {
                self.plain = false;
                let Some((filter, not)) = found else { continue };
                self.conditions += 1;
                if self.conditions > MOST_CONDITIONS {
                    self.warnings.push(format!("查询过长，只用了前 {MOST_CONDITIONS} 个条件"));
                    continue;
                }
                let node = Node::Condition(filter);
                nodes.push(if deny != not { Node::Not(Box::new(node)) } else { node });
            } else {
                if deny {
                    words.push('-');
                }
                let start = self.at;
                self.skip_words(end);
                words.extend(&self.chars[start..self.at]);
                words.push(' ');
            }
        }
        nodes.extend(self.text(&words));
        one_or(nodes, Node::All)
    }

    fn text(&mut self, words: &str) -> Option<Node> {
        if self.plain || words.trim().is_empty() {
            return None;
        }
        if self.parts >= MOST_PARTS {
            self.warnings.push(format!("查询过长，只用了前 {MOST_PARTS} 个词"));
            return None;
        }
        let mut query = TextQuery::parse(words, self.reading);
        self.warnings.append(&mut query.warnings);
        self.parts += query.any.iter().flatten().map(|term| term.literal.parts.len()).sum::<usize>();
        (!query.any.is_empty()).then_some(Node::Text(query))
    }

    fn skip_space(&mut self, end: usize) {
        while self.at < end && self.chars[self.at].is_whitespace() {
            self.at += 1;
        }
    }

    /// Takes a word such as AND where it stands alone.
    fn word(&mut self, word: &str, end: usize) -> bool {
        let after = self.at + word.chars().count();
        let is_there = after < end
            && self.chars[self.at..after].iter().copied().eq(word.chars())
            && (self.chars[after].is_whitespace() || self.closes[after].is_some());
        if is_there {
            self.at = after;
        }
        is_there
    }

    fn is_or(&self, end: usize) -> bool {
        ["OR", "|", "或", "或者"].iter().any(|word| {
            let after = self.at + word.chars().count();
            after <= end
                && self.chars[self.at..after].iter().copied().eq(word.chars())
                && (after == end || self.chars[after].is_whitespace() || self.closes[after].is_some())
        })
    }

    fn or(&mut self, end: usize) -> bool {
        if !self.is_or(end) {
            return false;
        }
        while self.at < end && !self.chars[self.at].is_whitespace() && self.closes[self.at].is_none() {
            self.plain &= self.chars[self.at] != '或';
            self.at += 1;
        }
        true
    }

    /// Takes a dash that denies what follows.
    fn dash(&mut self, end: usize) -> bool {
        let denies = matches!(self.chars[self.at], '-' | '－' | '−')
            && self.at + 1 < end
            && (is_content(self.chars[self.at + 1])
                || is_quote(self.chars[self.at + 1])
                || self.closes[self.at + 1].is_some());
        self.at += usize::from(denies);
        denies
    }

    /// Takes what people write out for the dash: `排除:银行`.
    fn excluding(&mut self, end: usize) -> bool {
        let Some((name, Op::Is, after)) = self.name(self.at, end) else {
            return false;
        };
        let length = self.chars[after..end].iter().take_while(|c| c.is_whitespace()).count();
        let excludes = matches!(name.as_str(), "排除" | "不含" | "不包含") && after + length < end;
        if excludes {
            self.plain = false;
            self.at = after + length;
        }
        excludes
    }

    /// Passes over a phrase, or a run without white space and quotes.
    fn skip_words(&mut self, end: usize) {
        let start = self.at;
        if is_quote(self.chars[start]) {
            self.at += 1;
            if let Some(length) = self.chars[self.at..end].iter().position(|&c| is_quote(c)) {
                self.at += length + 1;
            }
            return;
        }
        while self.at < end && !self.chars[self.at].is_whitespace() && !is_quote(self.chars[self.at]) {
            self.at += 1;
        }
    }

    /// Reads a condition, if one stands here, and whether it is denied: `Some(None)` is one that has to be
    /// left out.
    fn condition(&mut self, end: usize) -> Option<Option<(Filter, bool)>> {
        let (name, op, after) = self.name(self.at, end)?;
        let Some(info) = known(&name) else {
            self.warnings.push(unknown(&name));
            return None;
        };
        self.at = after;
        let mut alternatives = Vec::new();
        let mut bad = Vec::new();
        while let Some((value, quoted)) = self.value(end) {
            let value = if quoted { value } else { meant(info, op, &value) };
            match condition(info, &name, op, &value, quoted) {
                Ok(filter) => alternatives.push(filter),
                Err(wrong) => bad.push(wrong.zh()),
            }
            if self.at >= end || half(self.chars[self.at]) != ',' {
                break;
            }
            self.at += 1;
        }
        let filter = one_or(alternatives, Filter::Any);
        for wrong in &bad {
            self.warnings.push(format!("{wrong}，已忽略这个条件"));
        }
        if filter.is_none() && bad.is_empty() {
            self.warnings.push(format!("“{name}”后面没有值，已忽略"));
        }
        Some(filter.map(|filter| (filter, op == Op::IsNot)))
    }

    /// A name with an operator behind it, and where the value begins. Spaces may stand around signs that
    /// compare, since they mean nothing else, and behind the others.
    fn name(&self, start: usize, end: usize) -> Option<(String, Op, usize)> {
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
        let length = self.chars[start..end].iter().take_while(|&&c| is_name(c)).count();
        let name: String = self.chars[start..start + length].iter().copied().map(half).collect();
        let mut at = start + length;
        while at < end && self.chars[at].is_whitespace() {
            at += 1;
        }
        let (op, signs) = operator(&self.chars[at..end])?;
        let apart = at > start + length;
        let compares = !matches!(op, Op::Is | Op::IsNot);
        // Words before a sign that stands apart are words, unless they are a field.
        if length == 0 || (apart && !(compares && known(&name).is_some())) {
            return None;
        }
        Some((name, op, at + signs))
    }

    /// The next value, quoted or up to white space or a comma.
    fn value(&mut self, end: usize) -> Option<(String, bool)> {
        let before = self.at;
        self.skip_space(end);
        let start = self.at;
        let is_end = start >= end || self.is_or(end);
        let is_other = start > before
            && !is_end
            && (matches!(self.chars[start], '-' | '－' | '−')
                || self.name(start, end).is_some_and(|(name, ..)| known(&name).is_some()));
        if is_end || is_other {
            self.at = before;
            return None;
        }
        if is_quote(self.chars[start])
            && let Some(length) = self.chars[start + 1..end].iter().position(|&c| is_quote(c))
        {
            self.at = start + length + 2;
            return Some((self.chars[start + 1..=start + length].iter().collect(), true));
        }
        while self.at < end && !self.chars[self.at].is_whitespace() && half(self.chars[self.at]) != ',' {
            self.at += 1;
        }
        let value: String = self.chars[start..self.at].iter().collect();
        let value = value.trim_end_matches(['。', '；', ';', '、']);
        (!value.is_empty()).then(|| (value.to_owned(), false))
    }
}

/// A value as its field is written: half-width digits, ranges with two dots, no units.
fn meant(info: &FieldInfo, op: Op, value: &str) -> String {
    if !matches!(info.kind, Kind::Number | Kind::Day | Kind::Instant) {
        return value.to_owned();
    }
    let mut value: String = value.chars().map(half).collect();
    for sign in ["~", "至", "到"] {
        value = value.replace(sign, "..");
    }
    if info.kind == Kind::Number {
        let units = ['分', '秒', '次', '点', '轮'];
        let side = |text: &str| text.trim_end_matches(units).to_owned();
        let separator = if value.contains("..") { ".." } else { "-" };
        let from = value.find(separator).filter(|&at| at > 0 && matches!(op, Op::Is | Op::IsNot));
        value = match from {
            Some(at) => format!("{}..{}", side(&value[..at]), side(&value[at + separator.len()..])),
            None => side(&value),
        };
    }
    value
}

fn one_or<T>(mut parts: Vec<T>, many: impl FnOnce(Vec<T>) -> T) -> Option<T> {
    match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(many(parts)),
    }
}
