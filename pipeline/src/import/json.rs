//! JSON as files hold it: one value a line, one value a file, or one array of values; what
//! recognisers write that JSON does not allow; and what can still be read of a broken one.

use std::collections::BTreeSet;
use std::io::BufRead;

use serde_json::Value;

use super::source::{self, Line, Source, Stream};
use super::{Fault, Rejected, SourceRef};

/// Keys under which recognisers put speech.
const SPEECH_KEYS: &[&str] = &[
    "text",
    "content",
    "onebest",
    "finalsentence",
    "transcript",
    "sentence",
    "title",
    "w",
    "result",
    "body",
    "message",
];
/// Deepest level that [`Keys`] looks at, and most keys that it keeps.
const KEY_DEPTH: usize = 8;
const KEY_COUNT: usize = 4096;

/// One JSON value of a file.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) value: Value,
    pub(super) line: Option<u64>,
    pub(super) warnings: Vec<String>,
    /// The text that it was parsed from: what speech is read from when its record is refused.
    pub(super) raw: String,
}

/// The JSON values of a file, in order.
pub(super) type Documents = Box<dyn Iterator<Item = Result<Document, Box<Rejected>>> + Send>;

/// Reads the values of a file: of an array its elements one at a time when `elements`, else the
/// array as one value.
pub(super) fn documents(source: Source, elements: bool) -> Documents {
    if elements && source.head.trim_ascii_start().starts_with(b"[") {
        return Box::new(Elements { stream: source.into_stream(), line: 1, done: false });
    }
    if is_lines(&source.head_text(), source.head_complete) {
        let path = source.path.clone();
        return Box::new(source.lines().map(move |line| {
            let Line { number, text } = line?;
            document(text.text, text.warnings, SourceRef { file: path.clone(), line: Some(number) })
        }));
    }
    let path = source.path.clone();
    Box::new(std::iter::once_with(move || {
        let text = source.document()?;
        document(text.text, text.warnings, SourceRef { file: path, line: None })
    }))
}

fn document(text: String, mut warnings: Vec<String>, source: SourceRef) -> Result<Document, Box<Rejected>> {
    match parse(&text) {
        Ok((value, mended)) => {
            warnings.extend(mended.map(str::to_owned));
            Ok(Document { value, line: source.line, warnings, raw: text })
        }
        Err(fault) => Err(fault.reject(source, call_id_in(&text), Some(readable_in(&text)))),
    }
}

/// Whether a file has one JSON value a line, as against one value over many lines. The first
/// line decides; where that one is broken, a later one that begins like a record of its own does.
fn is_lines(head: &str, complete: bool) -> bool {
    let mut lines = head.lines().map(str::trim_end).filter(|line| !line.trim().is_empty());
    let Some(first) = lines.next() else { return true };
    let mut later = lines.take(64).peekable();
    if later.peek().is_none() {
        return !complete || first.starts_with(['{', '[']);
    }
    if !first.starts_with(['{', '[']) || serde_json::from_str::<Value>(first).is_ok() {
        return true;
    }
    // `{"segments": [` and `{"start": 1},` below it are one value; so is everything after a `{`.
    let key = |line: &str| line.split_once(':').map(|(key, _)| key.to_owned());
    let goes_on = first.ends_with(['{', '[', ',', ':']);
    let mark = if first.starts_with("[{\"") { "[{\"" } else { "{\"" };
    first.starts_with(mark)
        && later.any(|line| line.starts_with(mark) && (!goes_on || key(line).is_some_and(|k| Some(k) == key(first))))
}

/// Parses one value; where it fails for what a JSON writer should have escaped or left out (raw
/// control characters, `NaN`), mends that and tries again, and says so.
///
/// # Errors
/// When it is no JSON.
pub(super) fn parse(text: &str) -> Result<(Value, Option<&'static str>), Fault> {
    match serde_json::from_str(text) {
        Ok(value) => Ok((value, None)),
        Err(error) => {
            let mended = mend(text).and_then(|text| serde_json::from_str(&text).ok());
            let reason = match error.is_eof() {
                true => format!("truncated JSON: {error}"),
                // The parser's words for a surrogate without its partner.
                false if ["surrogate", "end of hex escape"].iter().any(|sign| error.to_string().contains(sign)) => {
                    format!("lone surrogate: {error}")
                }
                false => format!("malformed JSON: {error}"),
            };
            mended
                .map(|value| (value, Some("removed what JSON does not allow")))
                .ok_or_else(|| Fault::new(reason))
        }
    }
}

/// Raw control characters inside strings become spaces, `NaN` and `Infinity` outside `null`.
/// `None` when there is nothing of the kind.
fn mend(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut in_string, mut escaped, mut changed) = (false, false, false);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if !in_string
            && let Some(word) = ["NaN", "-Infinity", "Infinity"].into_iter().find(|word| rest.starts_with(word))
        {
            out.push_str("null");
            rest = &rest[word.len()..];
            changed = true;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        if c < ' ' && (in_string || !c.is_ascii_whitespace()) {
            out.push(' ');
            changed = true;
            escaped = false;
            continue;
        }
        in_string ^= c == '"' && !escaped;
        escaped = in_string && c == '\\' && !escaped;
        out.push(c);
    }
    changed.then_some(out)
}

/// The elements of a top-level array, without holding the array.
struct Elements {
    stream: Stream,
    line: u64,
    done: bool,
}

impl Elements {
    /// Reads up to the end of the next element. `Ok(None)` at the end of the array.
    fn read(&mut self) -> std::io::Result<Option<(Vec<u8>, u64, bool)>> {
        let (mut bytes, mut depth, mut in_string, mut escaped) = (Vec::new(), 0u32, false, false);
        let mut start = None;
        let mut too_long = false;
        loop {
            let buffer = self.stream.reader.fill_buf()?;
            if buffer.is_empty() {
                self.done = true;
                // What is open here was cut off: the parser says so.
                return Ok(start.map(|line| (bytes, line, too_long)));
            }
            let mut used = 0;
            let mut ended = false;
            for &b in buffer {
                used += 1;
                self.line += u64::from(b == b'\n');
                if start.is_none() {
                    match b {
                        b'[' | b',' | b' ' | b'\t' | b'\r' | b'\n' => continue,
                        b']' => {
                            self.done = true;
                            self.stream.reader.consume(used);
                            return Ok(None);
                        }
                        _ => start = Some(self.line),
                    }
                }
                if in_string {
                    in_string = b != b'"' || escaped;
                    escaped = b == b'\\' && !escaped;
                } else {
                    match b {
                        b'"' => (in_string, escaped) = (true, false),
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' if depth > 0 => depth -= 1,
                        b',' | b']' if depth == 0 => {
                            self.done = b == b']';
                            ended = true;
                            break;
                        }
                        _ => {}
                    }
                }
                if bytes.len() < self.stream.max {
                    bytes.push(b);
                } else {
                    too_long = true;
                }
            }
            self.stream.reader.consume(used);
            if ended {
                return Ok(start.map(|line| (bytes, line, too_long)));
            }
        }
    }
}

impl Iterator for Elements {
    type Item = Result<Document, Box<Rejected>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let at = |line| SourceRef { file: self.stream.path.clone(), line };
        let (note, max) = (self.stream.note, self.stream.max);
        let file = at(None);
        match self.read() {
            Err(error) => {
                self.done = true;
                Some(Err(Fault::broken(&error).reject(file, None, None)))
            }
            Ok(None) => None,
            Ok(Some((bytes, line, too_long))) => {
                let place = SourceRef { line: Some(line), ..file };
                let fault = match source::decode(&bytes) {
                    _ if too_long => Fault::new(format!("record longer than the limit of {max} bytes")),
                    Err(fault) => fault,
                    Ok((text, own)) => {
                        return Some(document(text, note.or(own).map(str::to_owned).into_iter().collect(), place));
                    }
                };
                let text = source::lossy(&bytes);
                Some(Err(fault.reject(place, call_id_in(&text), Some(readable_in(&text)))))
            }
        }
    }
}

/// The paths of the keys at the beginning of a file (`Result.Sentences.BeginTime`; arrays add
/// nothing), for the detection. Reads what is cut off or broken as far as it goes.
#[derive(Debug, Default)]
pub(super) struct Keys(BTreeSet<String>);

impl Keys {
    /// Scans the beginning of a file, line after line where each has a value of its own.
    pub(super) fn of(head: &str) -> Self {
        let mut keys = Self::default();
        if !head.trim_start().starts_with(['{', '[']) && !head.contains("\n{\"") {
            return keys;
        }
        if is_lines(head, false) {
            head.lines().take(32).for_each(|line| keys.scan(line));
        } else {
            keys.scan(head);
        }
        keys
    }

    /// Whether one of the paths is there.
    pub(super) fn any(&self, paths: &[&str]) -> bool {
        paths.iter().any(|&path| self.0.contains(path))
    }

    /// Whether all of the paths are there.
    pub(super) fn all(&self, paths: &[&str]) -> bool {
        paths.iter().all(|&path| self.0.contains(path))
    }

    /// Whether a path ends in this key.
    pub(super) fn ends(&self, key: &str) -> bool {
        self.0.iter().any(|path| path.rsplit('.').next() == Some(key))
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn scan(&mut self, text: &str) {
        let mut stack: Vec<Option<String>> = Vec::new();
        let mut last: Option<String> = None;
        for token in (Tokens { text, at: 0 }) {
            if self.0.len() >= KEY_COUNT {
                return;
            }
            match token {
                Token::Open => {
                    let name = last.take();
                    stack.push(name);
                }
                Token::Close => {
                    stack.pop();
                    last = None;
                }
                Token::Key(key) => {
                    if stack.len() <= KEY_DEPTH {
                        let mut path = String::new();
                        for part in stack.iter().flatten() {
                            path.push_str(part);
                            path.push('.');
                        }
                        path.push_str(&key);
                        self.0.insert(path);
                    }
                    last = Some(key);
                }
                Token::Text(_) | Token::Other => last = None,
            }
        }
    }
}

enum Token {
    Open,
    Close,
    Key(String),
    Text(String),
    Other,
}

/// The tokens of JSON that may be broken.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            let rest = self.text.get(self.at..)?;
            let c = rest.chars().next()?;
            self.at += c.len_utf8();
            match c {
                '{' | '[' => return Some(Token::Open),
                '}' | ']' => return Some(Token::Close),
                ',' => return Some(Token::Other),
                '"' => {
                    let (string, used) = string(&rest[1..]);
                    self.at += used;
                    let after = self.text.get(self.at..).unwrap_or_default().trim_start();
                    return Some(if after.starts_with(':') {
                        Token::Key(string)
                    } else {
                        Token::Text(string)
                    });
                }
                _ => {}
            }
        }
    }
}

/// A JSON string after its opening quote, as far as it goes, and the bytes it took. Lone
/// surrogates are left out.
fn string(text: &str) -> (String, usize) {
    let mut out = String::new();
    let mut units: Vec<u16> = Vec::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        let escape = match c {
            '"' => {
                flush(&mut units, &mut out);
                return (out, at + 1);
            }
            '\\' => chars.next().map(|(_, c)| c),
            c => {
                flush(&mut units, &mut out);
                out.push(c);
                continue;
            }
        };
        match escape {
            Some('u') => {
                let hex: String = chars.as_str().chars().take(4).collect();
                if let Ok(unit) = u16::from_str_radix(&hex, 16) {
                    units.push(unit);
                    chars.nth(3);
                }
            }
            Some('n' | 'r' | 't') => {
                flush(&mut units, &mut out);
                out.push('\n');
            }
            Some(c) => {
                flush(&mut units, &mut out);
                out.push(c);
            }
            None => {}
        }
    }
    flush(&mut units, &mut out);
    (out, text.len())
}

fn flush(units: &mut Vec<u16>, out: &mut String) {
    out.extend(char::decode_utf16(units.drain(..)).filter_map(Result::ok));
}

/// The speech in JSON that cannot be parsed: the strings under the keys that hold speech, or
/// everything when there are none.
pub(super) fn readable_in(text: &str) -> String {
    let mut key = None;
    let mut out = String::new();
    for token in (Tokens { text, at: 0 }) {
        match token {
            Token::Key(name) => key = Some(name.to_ascii_lowercase()),
            Token::Text(string) if key.as_deref().is_some_and(|key| SPEECH_KEYS.contains(&key)) => {
                out.push_str(&string);
                out.push('\n');
            }
            Token::Close | Token::Other => key = None,
            Token::Open | Token::Text(_) => {}
        }
    }
    if out.is_empty() { text.to_owned() } else { out }
}

/// The id of a native record that cannot be parsed, where it is a whole string.
pub(super) fn call_id_in(text: &str) -> Option<String> {
    let mut tokens = Tokens { text, at: 0 };
    while let Some(token) = tokens.next() {
        if matches!(&token, Token::Key(key) if key == "call_id") {
            let closed = |t: &Tokens<'_>| text.get(..t.at).is_some_and(|read| read.ends_with('"'));
            return match tokens.next() {
                Some(Token::Text(id)) if closed(&tokens) && !id.is_empty() => Some(id),
                _ => None,
            };
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_control_characters_and_nan_are_mended() {
        let (value, note) = parse("{\"text\": \"您\u{1}好\", \"score\": NaN, \"b\": \"NaN\"}").unwrap();
        assert_eq!(value, serde_json::json!({"text": "您 好", "score": null, "b": "NaN"}));
        assert!(note.is_some());
        assert!(parse("{\"text\": \"好\"").unwrap_err().reason.starts_with("truncated JSON"));
        assert!(parse(r#"{"text": "\ud83d"}"#).unwrap_err().reason.starts_with("lone surrogate"));
    }

    #[test]
    fn speech_is_read_out_of_broken_json() {
        let broken =
            r#"{"call_id": "c-7", "turns": [{"role": "caller", "text": "我不想活\u4e86\ud83d"}, {"text": "您先别"#;
        assert_eq!(readable_in(broken), "我不想活了\n您先别\n");
        assert_eq!(call_id_in(broken).as_deref(), Some("c-7"));
        assert_eq!(call_id_in(r#"{"call_id": "c-"#), None);
    }

    #[test]
    fn keys_have_the_path_of_their_objects() {
        let keys = Keys::of(r#"{"Result": {"Sentences": [{"Text": "a", "BeginTime": 1}, {"Wo"#);
        assert!(keys.all(&["Result", "Result.Sentences", "Result.Sentences.BeginTime"]));
        assert!(!keys.any(&["Result.Text", "Wo"]));
    }

    #[test]
    fn one_value_a_line_is_told_from_one_over_many_lines() {
        assert!(is_lines("{\"a\": 1}\n{\"a\": 2}\n", true));
        assert!(is_lines("{\"a\": 1, \"b\n{\"a\": 2}\n", true));
        assert!(is_lines("{\"a\": 1, \"b\nno JSON\n{\"a\": 2}\n", true));
        assert!(is_lines("{\"a\": 1,\n{\"a\": 2}\n", true));
        assert!(!is_lines("{\"segments\": [\n{\"a\": 1},\n{\"a\": 2}\n]}", true));
        assert!(is_lines("no JSON at all\n{\"a\": 2}\n", true));
        assert!(!is_lines("{\n\"a\": 1\n}\n", true));
        assert!(!is_lines("{\n  \"segments\": [\n{\"a\": 1},\n{\"a\": 2}\n]}", true));
    }
}
