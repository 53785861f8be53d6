//! The form of a dictionary file: one word a line, optionally a part-of-speech tag after white
//! space; `#` begins a comment. jieba's own loader is not used: it makes a word without a
//! frequency unreachable, and an existing one disappear.

use crate::assets::Asset;
use crate::normalize::fold_char;
use crate::{Error, Result};

/// A line of a dictionary.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// The word, folded like the texts that it will be found in.
    pub(super) word: String,
    pub(super) tag: Option<&'a str>,
}

/// Reads a dictionary.
///
/// # Errors
/// A line that is neither empty nor a comment nor one word with an optional tag.
pub(super) fn parse(asset: &Asset) -> Result<Vec<Entry<'_>>> {
    entries(asset).collect()
}

/// Its entries, and in the place of a line that is wrong what is wrong with it.
pub(super) fn entries(asset: &Asset) -> impl Iterator<Item = Result<Entry<'_>>> {
    let lines = (1..).zip(asset.text.lines());
    lines.filter_map(|(number, line)| entry(line).map_err(|message| Error::in_line(asset, number, message)).transpose())
}

/// The entry of a line; `None` for an empty line or a comment.
fn entry(line: &str) -> Result<Option<Entry<'_>>, &'static str> {
    let content = line.split_once('#').map_or(line, |(before, _)| before);
    let mut fields = content.split_whitespace();
    let Some(word) = fields.next() else {
        if content.is_empty() || content.len() < line.len() {
            return Ok(None);
        }
        return Err("a line of white space only; remove it");
    };
    let tag = fields.next();
    if content.starts_with(char::is_whitespace) {
        return Err("white space before the word; remove it");
    }
    if fields.next().is_some() || tag.is_some_and(|tag| !tag.bytes().all(|b| b.is_ascii_alphabetic())) {
        return Err("a word must not contain white space; expected `word` or `word tag` (tag in Latin letters)");
    }
    Ok(Some(Entry { word: word.chars().map(fold_char).collect(), tag }))
}
