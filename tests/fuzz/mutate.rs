//! New inputs out of those that there are. Texts are cut into tokens (words, numbers, signs, runs of other scripts),
//! since most formats that are read are made of them; JSON is changed as a tree as well. Knows no target.

use std::ops::Range;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::Value;

/// Inputs beyond this are cut: what is found in megabytes is found in less.
const LONGEST: usize = 96 << 10;

/// Values at which programs stumble.
const VALUES: &[&str] = &[
    "0",
    "-1",
    "1",
    "00",
    "0.0",
    "-0.0",
    "1e308",
    "1e999",
    "-1e999",
    "5e-324",
    "NaN",
    "Infinity",
    "127",
    "255",
    "65536",
    "2147483647",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "null",
    "true",
    "false",
    "\"\"",
    "''",
    "[]",
    "{}",
    "[[]]",
    "\"\\ud83d\"",
    "\"\\u0000\"",
    "\\",
    "\"",
    "'",
    "`",
    "\u{0}",
    "\u{1b}[2J",
    "\u{feff}",
    "\u{202e}",
    "\u{200d}",
    "\u{fffd}",
    "\u{e000}",
    "😀",
    "👨‍👩‍👧",
    "e\u{301}\u{301}",
    "ﷺ",
    "İ",
    "ß",
    "㍿",
    "Ⅻ",
    "〇",
    "一百亿零三",
    "幺三八零零一三八零零零",
    "13800138000",
    "１３８００１３８０００",
    "11010119900307803X",
    "6222021234567890128",
    "京A12345",
    "a@b.cn",
    "二零二六年十三月三十二日",
    "0000-00-00",
    "9999-12-31T23:59:60+23:59",
    "-262144-01-01T00:00:00Z",
    "2026-02-30 25:61",
    "1e18",
    "%s%n",
    "${x}",
    "{0}",
    "../../x",
    "/",
    "*",
    "?",
    "(?:",
    "(a+)+$",
    "a{1,1000}{1,1000}",
    "\\p{Han}{900}",
    "[[:alpha:]",
    "&#x110000;",
    "&#0;",
    "<!--",
    "<![CDATA[",
    "]]>",
    "-->",
    "00:00:00,000 --> 99:99:99,999",
];

/// What stands around something, also many times.
const PAIRS: &[(&str, &str)] = &[
    ("(", ")"),
    ("[", "]"),
    ("{", "}"),
    ("（", "）"),
    ("{\"a\":", "}"),
    ("<b>", "</b>"),
    ("\"", "\""),
    ("!", ""),
    ("-", ""),
    ("NOT ", ""),
    ("a.", ""),
    ("[a.", "]"),
];

pub(crate) struct Mutator {
    pub(crate) random: StdRng,
    /// Words of the target's own language.
    pub(crate) words: Vec<String>,
}

impl Mutator {
    /// A change of `base`, with parts of `other` at times.
    pub(crate) fn change(&mut self, base: &[u8], other: &[u8]) -> Vec<u8> {
        let mut input = base.to_vec();
        let steps = 1 + (self.random.random::<f64>().powi(3) * 7.0) as usize;
        for _ in 0..steps {
            input = match self.random.random_range(0..20) {
                0 => self.flip(input),
                1 => self.cut_off(input),
                2 | 3 => self.lines(&input, other),
                4..=7 => self.tree(&input, other).unwrap_or_else(|| self.tokens(&input, other)),
                _ => self.tokens(&input, other),
            };
            input.truncate(LONGEST);
        }
        input
    }

    fn place(&mut self, length: usize) -> usize {
        if length == 0 {
            0
        } else {
            self.random.random_range(0..length)
        }
    }

    fn flip(&mut self, mut input: Vec<u8>) -> Vec<u8> {
        let at = self.place(input.len());
        let byte: u8 = self.random.random();
        match input.get_mut(at) {
            Some(here) if self.random.random() => *here ^= 1 << (byte & 7),
            Some(here) => *here = byte,
            None => input.push(byte),
        }
        input
    }

    fn cut_off(&mut self, mut input: Vec<u8>) -> Vec<u8> {
        let at = self.place(input.len());
        if self.random.random() {
            input.truncate(at);
        } else {
            input.drain(..at);
        }
        input
    }

    fn lines(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut lines: Vec<&[u8]> = input.split_inclusive(|&b| b == b'\n').collect();
        let others: Vec<&[u8]> = other.split_inclusive(|&b| b == b'\n').collect();
        let (at, to) = (self.place(lines.len()), self.place(lines.len()));
        match self.random.random_range(0..5) {
            _ if lines.is_empty() => lines.extend(others),
            0 => drop(lines.remove(at)),
            1 => lines.swap(at, to),
            2 => {
                let times = *[1, 2, 50, 2000].choose(&mut self.random).unwrap_or(&1);
                let line = lines[at];
                lines.splice(at..at, std::iter::repeat_n(line, times));
            }
            3 => lines.splice(at..at, others.choose(&mut self.random).copied()).for_each(drop),
            _ => {
                let from = self.place(others.len());
                lines.truncate(at);
                lines.extend(&others[from.min(others.len())..]);
            }
        }
        lines.concat()
    }

    fn tokens(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let parts = tokens(input);
        let some = self.range(&parts, input.len());
        let (before, inside, after) = (&input[..some.start], &input[some.clone()], &input[some.end..]);
        match self.random.random_range(0..12) {
            0 => [before, after].concat(),
            1 => [before, inside, inside, after].concat(),
            2 => {
                let most = (LONGEST / inside.len().max(1)).max(1);
                let times = *[3, 20, 300, 5000, 100_000].choose(&mut self.random).unwrap_or(&3);
                [before, &inside.repeat(times.min(most)), after].concat()
            }
            3 => {
                // Another place of the same text.
                let there = self.range(&parts, input.len());
                [before, &input[there], after].concat()
            }
            4 => {
                let there = self.range(&tokens(other), other.len());
                [before, &other[there], after].concat()
            }
            5 => {
                let (open, close) = PAIRS.choose(&mut self.random).copied().unwrap_or(("(", ")"));
                let times = *[1, 2, 20, 129, 1000, 30_000].choose(&mut self.random).unwrap_or(&1);
                let closed = if self.random.random_range(0..4) == 0 { 0 } else { times };
                let (open, close) = (open.repeat(times), close.repeat(closed));
                [before, open.as_bytes(), inside, close.as_bytes(), after].concat()
            }
            6..=8 => {
                let word = self.word();
                [before, word.as_bytes(), after].concat()
            }
            9 => {
                let word = self.word();
                [before, word.as_bytes(), inside, after].concat()
            }
            10 => self.number(before, inside, after),
            _ => {
                // Two tokens change places.
                let there = self.range(&parts, input.len());
                if some.end <= there.start {
                    let between = &input[some.end..there.start];
                    [before, &input[there.clone()], between, inside, &input[there.end..]].concat()
                } else {
                    [before, after].concat()
                }
            }
        }
    }

    /// A number a little beside the one that is there.
    fn number(&mut self, before: &[u8], inside: &[u8], after: &[u8]) -> Vec<u8> {
        let near = std::str::from_utf8(inside).ok().and_then(|text| text.parse::<i64>().ok()).map(|number| {
            let by = *[1, -1, 1000, -1000, i64::MAX / 1000].choose(&mut self.random).unwrap_or(&1);
            let changed = match self.random.random_range(0..3) {
                0 => number.wrapping_mul(by),
                1 => number.wrapping_neg(),
                _ => number.wrapping_add(by),
            };
            changed.to_string()
        });
        let word = near.unwrap_or_else(|| self.word());
        [before, word.as_bytes(), after].concat()
    }

    fn word(&mut self) -> String {
        if !self.words.is_empty() && self.random.random() {
            return self.words.choose(&mut self.random).cloned().unwrap_or_default();
        }
        VALUES.choose(&mut self.random).copied().unwrap_or_default().to_owned()
    }

    /// One token mostly, or some that follow each other.
    fn range(&mut self, parts: &[Range<usize>], length: usize) -> Range<usize> {
        if parts.is_empty() {
            return length..length;
        }
        let from = self.place(parts.len());
        let count = if self.random.random_range(0..3) == 0 {
            self.random.random_range(1..=24)
        } else {
            1
        };
        parts[from].start..parts[(from + count - 1).min(parts.len() - 1)].end
    }

    /// A change of a JSON document, or of one line of JSON.
    fn tree(&mut self, input: &[u8], other: &[u8]) -> Option<Vec<u8>> {
        let (before, text, after) = if input.trim_ascii_start().starts_with(b"{") && !input.is_empty() {
            let lines = tokens_of(input, |b| b == b'\n');
            match lines.len() {
                0 => return None,
                1 => (&input[..0], input, &input[input.len()..]),
                _ if serde_json::from_slice::<Value>(input).is_ok() => (&input[..0], input, &input[input.len()..]),
                count => {
                    let line = lines[self.place(count)].clone();
                    (&input[..line.start], &input[line.clone()], &input[line.end..])
                }
            }
        } else {
            (&input[..0], input, &input[input.len()..])
        };
        let mut value: Value = serde_json::from_slice(text).ok()?;
        let count = nodes(&value);
        let foreign = serde_json::from_slice::<Value>(other).ok();
        let mut left = self.place(count);
        let here = node(&mut value, &mut left)?;
        match (here, self.random.random_range(0..6)) {
            (Value::Object(fields), 0) => {
                let key = fields.keys().nth(self.place(fields.len().max(1)))?.clone();
                fields.remove(&key);
            }
            (Value::Object(fields), 1) => {
                let key = fields.keys().nth(self.place(fields.len().max(1)))?.clone();
                let moved = fields.remove(&key)?;
                fields.insert(self.word(), moved);
            }
            (Value::Object(fields), 2) => {
                let from = foreign.as_ref().and_then(Value::as_object)?;
                let (key, value) = from.iter().nth(self.place(from.len().max(1)))?;
                fields.insert(key.clone(), value.clone());
            }
            (Value::Array(items), 0) => {
                let at = self.place(items.len());
                (at < items.len()).then(|| items.remove(at))?;
            }
            (Value::Array(items), 1) => {
                let item = items.get(self.place(items.len()))?.clone();
                let times = *[1, 3, 200].choose(&mut self.random)?;
                items.extend(std::iter::repeat_n(item, times));
            }
            (Value::Array(items), 2) => {
                let (a, b) = (self.place(items.len()), self.place(items.len()));
                (a < items.len()).then(|| items.swap(a, b))?;
            }
            (Value::String(text), 0..=3) => {
                let changed = self.tokens(text.as_bytes(), other);
                *text = String::from_utf8_lossy(&changed).into_owned();
            }
            (here, _) => {
                let word = self.word();
                *here = serde_json::from_str(&word).unwrap_or(Value::String(word));
            }
        }
        Some([before, &serde_json::to_vec(&value).ok()?, after].concat())
    }
}

fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(fields) => fields.values().map(nodes).sum(),
        _ => 0,
    }
}

fn node<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| node(item, left)),
        Value::Object(fields) => fields.values_mut().find_map(|item| node(item, left)),
        _ => None,
    }
}

fn tokens_of(input: &[u8], ends: impl Fn(u8) -> bool) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = 0;
    for part in input.split_inclusive(|&b| ends(b)) {
        parts.push(start..start + part.len());
        start += part.len();
    }
    parts
}

/// Words, numbers, white space, and runs of at most eight bytes beyond ASCII; everything else stands alone.
pub(crate) fn tokens(input: &[u8]) -> Vec<Range<usize>> {
    let kind = |byte: u8| match byte {
        b'0'..=b'9' => 1,
        b'a'..=b'z' | b'A'..=b'Z' | b'_' => 2,
        b' ' | b'\n' | b'\r' | b'\t' => 3,
        0x80.. => 4,
        _ => 0,
    };
    let mut parts = Vec::new();
    let mut start = 0;
    while start < input.len() {
        let first = kind(input[start]);
        let mut end = start + 1;
        while first != 0 && end < input.len() && kind(input[end]) == first {
            // A run of Chinese is cut between characters.
            if first == 4 && end - start >= 6 && input[end] & 0xc0 != 0x80 {
                break;
            }
            end += 1;
        }
        parts.push(start..end);
        start = end;
    }
    parts
}
