//! Praat TextGrid, long and short text form: one tier a speaker, several tiers one call.
//! Seconds. Both forms are the same list of numbers, strings and flags; the words between them
//! in the long form are for people.

use super::clean::without_markup;
use super::draft::{Draft, Place, Segment, Unit};
use super::format::TextFormat;
use super::{Fault, roles};

/// TextGrid.
pub(super) const TEXTGRID: TextFormat = TextFormat {
    name: "textgrid",
    description: "Praat TextGrid, long or short text form, one tier a speaker",
    detect: |head| {
        let start: String = head.text.chars().take(400).collect();
        if start.contains("ooTextFile") && start.contains("TextGrid") {
            100
        } else {
            0
        }
    },
    drafts,
};

#[derive(Debug, PartialEq)]
enum Token {
    Number(f64),
    Text(String),
    Flag(bool),
}

/// The free-standing values. A number inside brackets (`intervals [3]:`) is none.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&c) = chars.peek() {
        if c == '"' {
            chars.next();
            let mut string = String::new();
            while let Some(c) = chars.next() {
                // A quotation mark inside is doubled.
                if c != '"' || chars.next_if_eq(&'"').is_some() {
                    string.push(c);
                } else {
                    break;
                }
            }
            tokens.push(Token::Text(string));
        } else if c == '!' {
            while chars.next_if(|&c| c != '\n').is_some() {}
        } else if c.is_whitespace() {
            chars.next();
        } else {
            let mut word = String::new();
            while let Some(c) = chars.next_if(|&c| !c.is_whitespace() && c != '"') {
                word.push(c);
            }
            match word.as_str() {
                "<exists>" => tokens.push(Token::Flag(true)),
                "<absent>" => tokens.push(Token::Flag(false)),
                word => tokens.extend(word.parse().ok().filter(|n: &f64| n.is_finite()).map(Token::Number)),
            }
        }
    }
    tokens
}

/// The values in order, with a name for what is missing.
struct Values(std::vec::IntoIter<Token>);

impl Values {
    fn number(&mut self, what: &str) -> Result<f64, Fault> {
        match self.0.next() {
            Some(Token::Number(number)) => Ok(number),
            _ => Err(Fault::at(what, "expected a number")),
        }
    }

    fn text(&mut self, what: &str) -> Result<String, Fault> {
        match self.0.next() {
            Some(Token::Text(text)) => Ok(text),
            _ => Err(Fault::at(what, "expected a string in quotation marks")),
        }
    }
}

fn drafts(text: &str, _: &Place) -> Result<Vec<Draft>, Fault> {
    let mut values = Values(tokens(text).into_iter());
    values.text("File type")?;
    values.text("Object class")?;
    let (_, _) = (values.number("xmin")?, values.number("xmax")?);
    if values.0.next() != Some(Token::Flag(true)) {
        return Err(Fault::at("tiers?", "no tiers"));
    }
    let tiers = values.number("size")?;
    let mut draft = Draft::new(Unit::Seconds, "intervals");
    let mut left_out = Vec::new();
    for tier in 0..tiers as usize {
        let class = values.text(&format!("item[{tier}].class"))?;
        let name = values.text(&format!("item[{tier}].name"))?;
        let at = |field: &str| format!("item[{tier}].{field}");
        let (_, _) = (values.number(&at("xmin"))?, values.number(&at("xmax"))?);
        let count = values.number(&at("size"))? as usize;
        let intervals = class == "IntervalTier";
        // Tiers below the sentence repeat what the sentences say.
        let wanted = intervals && !is_detail(&name);
        if !wanted {
            left_out.push(name.clone());
        }
        for i in 0..count {
            let start = values.number(&at(&format!("intervals[{i}].xmin")))?;
            let end = if intervals {
                values.number(&at(&format!("intervals[{i}].xmax")))?
            } else {
                start
            };
            let mark = values.text(&at(&format!("intervals[{i}].text")))?;
            if !wanted || is_silence(&mark) {
                continue;
            }
            draft.segments.push(Segment {
                index: i,
                speaker: Some(name.trim().to_owned()).filter(|name| !name.is_empty()),
                start: Some(start),
                end: Some(end),
                text: without_markup(&mark).into_owned(),
                ..Segment::default()
            });
        }
    }
    if !left_out.is_empty() {
        draft.warnings.push(format!("tiers left out: {}", left_out.join(", ")));
    }
    Ok(vec![draft])
}

fn is_detail(name: &str) -> bool {
    let name = name.to_lowercase();
    let details = ["phone", "word", "syllable", "pinyin", "音素", "音节", "拼音", "字"];
    roles::known(&name).is_none() && details.iter().any(|detail| name.contains(detail))
}

/// Marks of a stretch in which nobody speaks.
fn is_silence(mark: &str) -> bool {
    matches!(
        mark.trim().to_lowercase().as_str(),
        "" | "sil" | "sp" | "spn" | "<sil>" | "<p:>" | "#" | "静音" | "<silence>"
    )
}
