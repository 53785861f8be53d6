//! WebVTT and SRT. The speaker is a voice tag (`<v Agent>`) or stands before the text
//! (`坐席：...`). One cue is one turn: what a cue shows is what can be quoted.

use std::collections::BTreeMap;

use super::draft::{Draft, Place, Segment, Unit};
use super::format::{Head, TextFormat};
use super::{Fault, roles};

/// WebVTT.
pub(super) const WEBVTT: TextFormat = TextFormat {
    name: "webvtt",
    description: "WebVTT subtitles, with voice tags or names before the text",
    detect: |head| {
        if head.text.trim_start().starts_with("WEBVTT") {
            100
        } else {
            0
        }
    },
    drafts: vtt,
};

/// SubRip.
pub(super) const SRT: TextFormat = TextFormat {
    name: "srt",
    description: "SRT subtitles, with names before the text",
    detect: detect_srt,
    drafts: srt,
};

fn detect_srt(head: &Head<'_>) -> u8 {
    let first_times = head.text.lines().take(4).any(|line| times(line).is_some());
    if first_times { 80 } else { 0 }
}

fn vtt(text: &str, _: &Place) -> Result<Vec<Draft>, Fault> {
    let mut segments = Vec::new();
    for block in blocks(text) {
        // A header, a note or a style has no times.
        let Some(at) = block.lines.iter().take(2).position(|line| times(line).is_some()) else {
            if block.lines.iter().any(|line| line.contains("-->")) {
                return Err(Fault::at(format!("line {}", block.line), "times that cannot be read"));
            }
            continue;
        };
        let Some((start, end)) = block.lines.get(at).and_then(|line| times(line)) else {
            continue;
        };
        let payload = block.lines.get(at + 1..).unwrap_or_default().join("\n");
        for (speaker, words) in voices(&payload) {
            if words.is_empty() {
                continue;
            }
            segments.push(Segment {
                index: segments.len(),
                speaker,
                start: Some(start),
                end: Some(end),
                text: words,
                ..Segment::default()
            });
        }
    }
    Ok(vec![draft(segments)])
}

fn srt(text: &str, _: &Place) -> Result<Vec<Draft>, Fault> {
    let mut segments: Vec<Segment> = Vec::new();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    for (i, line) in lines.iter().enumerate() {
        if let Some((start, end)) = times(line) {
            segments.push(Segment { index: segments.len(), start: Some(start), end: Some(end), ..Segment::default() });
        } else if line.contains("-->") {
            return Err(Fault::at(format!("line {}", i + 1), "times that cannot be read"));
        } else if let Some(segment) = segments.last_mut() {
            // The number of the next cue stands before its times, not in the text.
            let number = !line.is_empty() && line.chars().all(|c| c.is_ascii_digit());
            let next = lines.get(i + 1).is_some_and(|line| times(line).is_some());
            let words = if number && next { String::new() } else { plain(line) };
            if !words.is_empty() {
                join(&mut segment.text, &words);
            }
        }
    }
    if segments.is_empty() && !text.trim().is_empty() {
        return Err(Fault::new("no times in it"));
    }
    Ok(vec![draft(segments)])
}

fn draft(mut segments: Vec<Segment>) -> Draft {
    if segments.iter().all(|segment| segment.speaker.is_none()) {
        names_before_text(&mut segments);
    }
    Draft { segments, ..Draft::new(Unit::Seconds, "cue") }
}

/// Lines of a cue as one text: Chinese needs no blank between them.
fn join(text: &mut String, more: &str) {
    let ascii = |c: Option<char>| c.is_some_and(|c| c.is_ascii_graphic());
    if ascii(text.chars().last()) && ascii(more.chars().next()) {
        text.push(' ');
    }
    text.push_str(more);
}

struct Block<'a> {
    line: usize,
    lines: Vec<&'a str>,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut open = false;
    for (i, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() {
            open = false;
        } else if let (true, Some(block)) = (open, blocks.last_mut()) {
            block.lines.push(line);
        } else {
            blocks.push(Block { line: i + 1, lines: vec![line] });
            open = true;
        }
    }
    blocks
}

/// The times of a cue in seconds; what stands behind them is for the screen.
fn times(line: &str) -> Option<(f64, f64)> {
    let (start, rest) = line.split_once("-->")?;
    Some((clock(start.trim())?, clock(rest.split_whitespace().next()?)?))
}

/// `hh:mm:ss.mmm`, `mm:ss.mmm`, with a point or a comma.
fn clock(text: &str) -> Option<f64> {
    let text = text.replace(',', ".");
    let mut seconds = 0.0;
    let mut parts = 0;
    for part in text.split(':') {
        if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return None;
        }
        seconds = seconds * 60.0 + part.parse::<f64>().ok()?;
        parts += 1;
    }
    (2..=3).contains(&parts).then_some(seconds)
}

/// The voices of a cue: text before the first tag belongs to nobody.
fn voices(payload: &str) -> Vec<(Option<String>, String)> {
    let mut voices: Vec<(Option<String>, String)> = vec![(None, String::new())];
    for line in payload.lines() {
        let mut rest = line;
        loop {
            let (before, after) = match next_voice(rest) {
                Some(at) => rest.split_at(at),
                None => (rest, ""),
            };
            let words = plain(before);
            if let Some(last) = voices.last_mut()
                && !words.is_empty()
            {
                join(&mut last.1, &words);
            }
            let Some((tag, behind)) = after.split_once('>') else {
                break;
            };
            // `<v Name>` or `<v.loud Name>`.
            let name = tag.split_once([' ', '\t']).map(|(_, name)| plain(name)).filter(|name| !name.is_empty());
            voices.push((name, String::new()));
            rest = behind;
        }
    }
    voices
}

/// Where the next voice tag begins.
fn next_voice(text: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = text.get(from..)?.find("<v") {
        let at = from + at;
        if text[at + 2..].starts_with([' ', '.', '\t']) {
            return Some(at);
        }
        from = at + 2;
    }
    None
}

/// Text without tags and entities.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '{']) {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let tag = |c: char| c.is_ascii_alphanumeric() || c == '/' || c == '\\';
        let close = if after.starts_with('<') { '>' } else { '}' };
        // A brace is a tag only as `{\an8}`.
        let is_tag = after[1..].starts_with(tag) && (close == '>' || after[1..].starts_with('\\'));
        match after.find(close).filter(|_| is_tag) {
            Some(end) => rest = &after[end + 1..],
            None => {
                out.push_str(&after[..1]);
                rest = &after[1..];
            }
        }
    }
    out.push_str(rest);
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&nbsp;", " "),
        ("&lrm;", ""),
        ("&rlm;", ""),
        ("&amp;", "&"),
    ] {
        if out.contains(entity) {
            out = out.replace(entity, character);
        }
    }
    out.trim().to_owned()
}

/// A name before the text: `坐席：`, `[客户] `, `SPEAKER_00: `.
fn name_before(text: &str) -> Option<(&str, &str)> {
    for (open, close) in [('[', ']'), ('【', '】'), ('（', '）'), ('(', ')')] {
        if let Some(rest) = text.strip_prefix(open) {
            let (name, rest) = rest.split_once(close)?;
            return Some((name.trim(), rest.trim_start_matches([':', '：']).trim_start()));
        }
    }
    let (name, rest) = text.split_once([':', '：'])?;
    let sane = !name.trim().is_empty() && name.chars().count() <= 16;
    let word = |c: char| c.is_alphanumeric() || " _-#".contains(c);
    (sane && name.chars().all(word)).then(|| (name.trim(), rest.trim_start()))
}

/// Takes names off the text where they are names: known ones, or where most cues begin with one
/// of a few. A colon alone makes no name (`时间：明天`).
fn names_before_text(segments: &mut [Segment]) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for segment in segments.iter() {
        if let Some((name, _)) = name_before(&segment.text) {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }
    let named: usize = counts.values().sum();
    let everybody = named * 10 >= segments.len() * 6 && counts.len() <= 6 && named > counts.len();
    let is_name = |name: &str| roles::known(name).is_some() || everybody;
    for segment in segments {
        if let Some((name, rest)) = name_before(&segment.text).filter(|(name, _)| is_name(name)) {
            (segment.speaker, segment.text) = (Some(name.to_owned()), rest.to_owned());
        }
    }
}
