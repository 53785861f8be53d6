//! The language of a call, told by its script.

use crate::record::CallContext;
use crate::signal::shape::is_han;

/// Tells whether a character belongs to a script.
type IsOf = fn(char) -> bool;

/// Scripts that tell a language, with the tags; kana before Han, since Japanese has both.
const SCRIPTS: [(&str, IsOf); 8] = [
    ("ja", |c| matches!(c, '\u{3041}'..='\u{30ff}')),
    ("ko", |c| matches!(c, '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7a3}')),
    ("zh", is_han),
    ("bo", |c| matches!(c, '\u{0f00}'..='\u{0fff}')),
    ("mn", |c| matches!(c, '\u{1800}'..='\u{18af}')),
    ("ug", |c| matches!(c, '\u{0600}'..='\u{06ff}')),
    ("ru", |c| matches!(c, '\u{0400}'..='\u{04ff}')),
    ("en", |c| c.is_alphabetic()),
];

/// Letters that make a word of an alphabetic language, roughly: it takes several to weigh as much as
/// one Chinese character.
const LETTERS_PER_WORD: usize = 4;

/// BCP 47 tag: what the source says, else by script; `und` for a call without a letter.
pub(super) fn of(context: &CallContext<'_>) -> String {
    if let Some(language) = context.record.language.as_ref().filter(|l| !l.trim().is_empty()) {
        return language.clone();
    }
    let mut counts = [0_usize; SCRIPTS.len()];
    for c in context.turns.iter().flat_map(|turn| turn.text.chars()) {
        if let Some(count) = SCRIPTS.iter().position(|(_, is)| is(c)).and_then(|i| counts.get_mut(i)) {
            *count += 1;
        }
    }
    let weight = |i: usize| match SCRIPTS[i].0 {
        "en" | "ru" | "ug" | "mn" | "bo" => counts[i] / LETTERS_PER_WORD,
        // A kana-less text is Chinese; one with many kana is Japanese though Han may be more.
        "ja" => counts[i] * 3,
        _ => counts[i],
    };
    let best = (0..SCRIPTS.len()).rev().max_by_key(|&i| weight(i)).filter(|&i| counts[i] > 0);
    best.map_or("und", |i| SCRIPTS[i].0).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{CallRecord, CallSignals, NormalizedTurn};

    fn language(text: &str, source: Option<&str>) -> String {
        let mut record = CallRecord::new("t");
        record.language = source.map(str::to_owned);
        let turns = [NormalizedTurn { text: text.to_owned(), ..Default::default() }];
        let signals = CallSignals::default();
        of(&CallContext { record: &record, turns: &turns, tokens: &[], signals: &signals })
    }

    #[test]
    fn script_tells_the_language() {
        for (text, tag) in [
            ("我想问一下ETC怎么办", "zh"),
            ("Hello, how can I help you?", "en"),
            ("お電話ありがとうございます", "ja"),
            ("안녕하세요", "ko"),
            ("Здравствуйте, чем могу помочь", "ru"),
            ("12345！", "und"),
            ("", "und"),
        ] {
            assert_eq!(language(text, None), tag, "{text}");
        }
        assert_eq!(language("hello there", Some("fr")), "fr");
    }
}
