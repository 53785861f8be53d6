//! Records of a CSV file: quoted fields over several lines, the usual separators, any
//! encoding that [`super::source`] decodes. Owns no meaning of columns.

use std::collections::VecDeque;

use super::source::{Line, Lines, Text};
use super::{Fault, Rejected, SourceRef};

/// Lines that one quoted field may span. A quotation mark that is never closed costs its own
/// line, not the rest of the file.
const MAX_LINES: usize = 2_000;

/// One record with its line.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) cells: Vec<String>,
    pub(super) warnings: Vec<String>,
}

/// The records of a CSV file.
pub(super) struct Rows {
    lines: Lines,
    /// Lines that were read ahead and given back.
    ahead: VecDeque<Result<Line, Box<Rejected>>>,
    delimiter: u8,
    max: usize,
    path: std::path::PathBuf,
}

/// The separator of a header line: the most frequent of comma, semicolon, tab.
pub(super) fn delimiter(header: &str) -> u8 {
    let count = |c: u8| header.bytes().filter(|&b| b == c).count();
    [b',', b'\t', b';'].into_iter().rev().max_by_key(|&c| count(c)).unwrap_or(b',')
}

impl Rows {
    pub(super) fn new(lines: Lines, delimiter: u8, max: usize, path: std::path::PathBuf) -> Self {
        Self { lines, ahead: VecDeque::new(), delimiter, max, path }
    }

    fn line(&mut self) -> Option<Result<Line, Box<Rejected>>> {
        self.ahead.pop_front().or_else(|| self.lines.next())
    }

    fn parse(&self, text: &str) -> Option<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(self.delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let record = reader.records().next()?.ok()?;
        Some(record.iter().map(str::to_owned).collect())
    }
}

impl Iterator for Rows {
    type Item = Result<Row, Box<Rejected>>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = loop {
            match self.line()? {
                Ok(line) if line.text.text.trim().is_empty() => {}
                Ok(line) => break line,
                Err(rejected) => return Some(Err(rejected)),
            }
        };
        let quotes = |text: &str| text.bytes().filter(|&b| b == b'"').count();
        let mut open = quotes(&first.text.text) % 2 == 1;
        let mut text = first.text.text.clone();
        let mut taken = Vec::new();
        while open {
            match self.line() {
                Some(Ok(line)) if taken.len() < MAX_LINES && text.len() + line.text.text.len() < self.max => {
                    text.push('\n');
                    text.push_str(&line.text.text);
                    open ^= quotes(&line.text.text) % 2 == 1;
                    taken.push(line);
                }
                other => {
                    self.ahead.extend(taken.into_iter().map(Ok).chain(other));
                    let place = SourceRef { file: self.path.clone(), line: Some(first.number) };
                    let fault = Fault::new("a quotation mark that is never closed");
                    return Some(Err(fault.reject(place, None, Some(first.text.text))));
                }
            }
        }
        let Text { text: raw, warnings } = Text { text, warnings: first.text.warnings };
        Some(match self.parse(raw.trim_end_matches('\r')) {
            Some(cells) => Ok(Row { line: first.number, cells, warnings }),
            None => {
                let place = SourceRef { file: self.path.clone(), line: Some(first.number) };
                Err(Fault::new("no CSV record").reject(place, None, Some(raw)))
            }
        })
    }
}
