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
    let mut entries = Vec::new();
    for (number, line) in (1..).zip(asset.text.lines()) {
        let mistake = |message: &str| {
            Err(Error::Config { file: asset.origin.clone(), line: number, message: message.to_owned() })
        };
        let content = line.split_once('#').map_or(line, |(before, _)| before);
        let mut fields = content.split_whitespace();
        let Some(word) = fields.next() else {
            if content.is_empty() || content.len() < line.len() {
                continue;
            }
            return mistake("a line of white space only; remove it");
        };
        let tag = fields.next();
        if content.starts_with(char::is_whitespace) {
            return mistake("white space before the word; remove it");
        }
        if fields.next().is_some() || tag.is_some_and(|tag| !tag.bytes().all(|b| b.is_ascii_alphabetic())) {
            return mistake(
                "a word must not contain white space; expected `word` or `word tag` (tag in Latin letters)",
            );
        }
        entries.push(Entry { word: word.chars().map(fold_char).collect(), tag });
    }
    Ok(entries)
}
