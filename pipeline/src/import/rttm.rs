//! RTTM: who speaks when, in seconds, without words. Words come from `LEXEME` lines, from a
//! `.ctm` of the same name, or from a `.txt` of the same name with one line a segment.

use std::collections::BTreeMap;
use std::path::Path;

use super::draft::{Draft, DraftWord, Place, Segment, Unit};
use super::format::{Head, TextFormat};
use super::{Fault, source};

/// RTTM.
pub(super) const RTTM: TextFormat = TextFormat {
    name: "rttm",
    description: "RTTM timeline, with the text of a .ctm or .txt of the same name",
    detect: |head: &Head<'_>| {
        let mut lines = head.text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with(";;"));
        let first = lines.next().unwrap_or_default();
        if is_row(first) { 95 } else { 0 }
    },
    drafts,
};

/// Largest companion file, bytes.
const COMPANION_BYTES: u64 = 64 << 20;

fn is_row(line: &str) -> bool {
    let mut fields = line.split_whitespace();
    matches!(fields.next(), Some("SPEAKER" | "SPKR-INFO" | "LEXEME" | "NON-SPEECH")) && fields.count() >= 7
}

/// A word of an RTTM or CTM with where it was said.
struct Spoken {
    file: String,
    speaker: Option<String>,
    word: DraftWord,
}

fn drafts(text: &str, place: &Place) -> Result<Vec<Draft>, Fault> {
    let mut calls: BTreeMap<String, Draft> = BTreeMap::new();
    let mut words = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let at = |field: &str| format!("line {}.{field}", i + 1);
        let field = |n: usize| fields.get(n).copied().filter(|field| *field != "<NA>");
        let time = |n: usize, name: &str| -> Result<f64, Fault> {
            let text = field(n).ok_or_else(|| Fault::at(at(name), "missing"))?;
            let number = text.parse().ok().filter(|number: &f64| number.is_finite());
            let number = number.ok_or_else(|| Fault::at(at(name), format!("no number: {text}")))?;
            if number < 0.0 {
                Err(Fault::at(at(name), format!("negative: {text}")))
            } else {
                Ok(number)
            }
        };
        match field(0) {
            Some("SPEAKER") => {
                let file = field(1).unwrap_or_default().to_owned();
                let (start, length) = (time(3, "start")?, time(4, "duration")?);
                let draft = calls
                    .entry(file.clone())
                    .or_insert_with(|| Draft { own_id: Some(file), ..Draft::new(Unit::Seconds, "line") });
                draft.segments.push(Segment {
                    index: i + 1,
                    speaker: field(7).map(str::to_owned),
                    start: Some(start),
                    end: Some(start + length),
                    ..Segment::default()
                });
            }
            Some("LEXEME") => {
                let (start, length) = (time(3, "start")?, time(4, "duration")?);
                let word = DraftWord { text: field(5).unwrap_or_default().to_owned(), start, end: start + length };
                words.push(Spoken {
                    file: field(1).unwrap_or_default().to_owned(),
                    speaker: field(7).map(str::to_owned),
                    word,
                });
            }
            _ => {}
        }
    }
    if calls.is_empty() {
        return Err(Fault::new("no SPEAKER line in it"));
    }
    if words.is_empty()
        && let Some(text) = companion(&place.file, "ctm")?
    {
        words = ctm(&text)?;
    }
    for spoken in words {
        put(spoken, &mut calls);
    }
    let mut drafts: Vec<Draft> = calls.into_values().collect();
    let wordless = drafts.iter().flat_map(|draft| &draft.segments).all(|segment| segment.text.is_empty());
    if let [draft] = drafts.as_mut_slice()
        && wordless
    {
        match companion(&place.file, "txt")? {
            Some(text) => lines(&text, draft)?,
            None => draft.warnings.push("turns without text: no .txt or .ctm of the same name".to_owned()),
        }
    }
    Ok(drafts)
}

/// The text of a file beside this one.
fn companion(path: &Path, extension: &str) -> Result<Option<String>, Fault> {
    let path = path.with_extension(extension);
    let length = match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        _ => return Ok(None),
    };
    let at = || format!(".{extension}");
    if length > COMPANION_BYTES {
        return Err(Fault::at(at(), format!("longer than {COMPANION_BYTES} bytes")));
    }
    let bytes = std::fs::read(&path).map_err(|error| Fault::at(at(), error.to_string()))?;
    let (text, _) = source::decode(&bytes).map_err(|fault| Fault::at(at(), fault.reason))?;
    Ok(Some(text))
}

/// `file channel start duration word [confidence]`.
fn ctm(text: &str) -> Result<Vec<Spoken>, Fault> {
    let mut words = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if fields.is_empty() || line.starts_with(";;") {
            continue;
        }
        let number =
            |n: usize| fields.get(n).and_then(|f: &&str| f.parse::<f64>().ok()).filter(|t| t.is_finite() && *t >= 0.0);
        match (fields.first(), number(2), number(3), fields.get(4)) {
            (Some(file), Some(start), Some(length), Some(word)) => words.push(Spoken {
                file: (*file).to_owned(),
                speaker: None,
                word: DraftWord { text: (*word).to_owned(), start, end: start + length },
            }),
            _ => return Err(Fault::at(format!(".ctm line {}", i + 1), "expected: file channel start duration word")),
        }
    }
    Ok(words)
}

/// Puts a word into the segment that it overlaps most, of its speaker where that is known.
fn put(spoken: Spoken, calls: &mut BTreeMap<String, Draft>) {
    let Some(draft) = calls.get_mut(&spoken.file) else {
        return;
    };
    let word = spoken.word;
    let overlap = |s: &Segment| s.end.unwrap_or(0.0).min(word.end) - s.start.unwrap_or(0.0).max(word.start);
    let mut home: Option<(f64, &mut Segment)> = None;
    for segment in &mut draft.segments {
        let speaker = spoken.speaker.is_none() || spoken.speaker == segment.speaker;
        let shared = overlap(segment);
        if speaker && shared >= 0.0 && home.as_ref().is_none_or(|(most, _)| shared > *most) {
            home = Some((shared, segment));
        }
    }
    if let Some((_, segment)) = home {
        let ascii = |c: Option<char>| c.is_some_and(|c| c.is_ascii_graphic());
        if ascii(segment.text.chars().last()) && ascii(word.text.chars().next()) {
            segment.text.push(' ');
        }
        segment.text.push_str(&word.text);
        segment.words.push(word);
    }
}

/// One line a segment, in the order of the RTTM.
fn lines(text: &str, draft: &mut Draft) -> Result<(), Fault> {
    let lines: Vec<&str> = text.lines().collect();
    let blank = lines.iter().rev().take_while(|line| line.trim().is_empty()).count();
    let count = lines.len() - blank;
    let segments = draft.segments.len();
    // A trailing segment may have a blank line of its own.
    if count > segments || lines.len() < segments {
        return Err(Fault::at(".txt", format!("{count} lines for {segments} segments")));
    }
    for (segment, line) in draft.segments.iter_mut().zip(lines) {
        segment.text = line.trim().to_owned();
    }
    Ok(())
}
