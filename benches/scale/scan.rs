//! The other way to an answer: every text is read and looked at. The texts lie in one file, already folded and
//! reduced to content characters, which is the least work that a scan can have; the file is in the page cache.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use memchr::memmem::Finder;
use qingting_index::analyzer::{Analyzer, TURN_SEPARATOR, content};
use qingting_index::calls::{TextQuery, TextTerm};
use qingting_pipeline::record::Role;

use qingting_pipeline::Analyzed;

/// The texts for the scan, one call after the other: per speaker the length and the turns.
pub(crate) struct Texts {
    path: PathBuf,
    out: BufWriter<File>,
}

impl Texts {
    pub(crate) fn create(path: &Path) -> Self {
        let out = BufWriter::with_capacity(1 << 20, File::create(path).expect("a file for the texts"));
        Self { path: path.to_owned(), out }
    }

    pub(crate) fn add(&mut self, call: &str) {
        let length = u32::try_from(call.len()).expect("a call is not that long");
        self.out
            .write_all(&length.to_le_bytes())
            .and_then(|()| self.out.write_all(call.as_bytes()))
            .expect("room");
    }

    pub(crate) fn finish(mut self) -> PathBuf {
        self.out.flush().expect("room");
        self.path
    }
}

/// The content of a call's turns, those of the agent before those of the caller.
pub(crate) fn text(call: &Analyzed, analyzer: &Analyzer) -> String {
    let mut text = String::new();
    for agent in [true, false] {
        for turn in call.record.turns.iter().filter(|turn| (turn.role == Role::Agent) == agent) {
            text.push_str(&content(&analyzer.fold(&turn.text)));
            text.push(TURN_SEPARATOR);
        }
        text.push(SPEAKER_SEPARATOR);
    }
    text
}

/// Between the turns of the agent and those of the caller.
const SPEAKER_SEPARATOR: char = '\u{1d}';

/// Number of calls that a text query matches; of the agents' turns alone where that is asked.
pub(crate) fn count(path: &Path, query: &TextQuery, by_agent: bool) -> u64 {
    let groups: Vec<Vec<(bool, Vec<Vec<Finder<'_>>>)>> = query
        .any
        .iter()
        .map(|group| {
            let wordings = |term: &'_ TextTerm| {
                let all = std::iter::once(&term.literal).chain(term.others.iter().map(|(_, other)| other));
                all.map(|wording| wording.parts.iter().map(|part| Finder::new(part).into_owned()).collect())
                    .collect()
            };
            group.iter().map(|term| (term.negated, wordings(term))).collect()
        })
        .collect();
    let mut input = BufReader::with_capacity(1 << 20, File::open(path).expect("the texts"));
    let (mut length, mut call, mut found) = ([0; 4], Vec::new(), 0);
    while input.read_exact(&mut length).is_ok() {
        call.resize(u32::from_le_bytes(length) as usize, 0);
        input.read_exact(&mut call).expect("a whole call");
        let end = if by_agent {
            memchr::memchr(SPEAKER_SEPARATOR as u8, &call).unwrap_or(call.len())
        } else {
            call.len()
        };
        let looked_at = &call[..end];
        let said = |wording: &Vec<Finder<'_>>| wording.iter().all(|part| part.find(looked_at).is_some());
        let holds = |(negated, wordings): &(bool, Vec<Vec<Finder<'_>>>)| wordings.iter().any(said) != *negated;
        found += u64::from(groups.iter().any(|group| group.iter().all(holds)));
    }
    found
}

/// Whether a call as it is stored has a string in one of its turns.
pub(crate) fn has(call: &Analyzed, string: &str, analyzer: &Analyzer) -> bool {
    call.analysis.turns.iter().any(|turn| content(&analyzer.fold(&turn.text)).contains(string))
}
