//! The words of a text that say what it is about. Owns which do: stop words, numbers and
//! what was masked do not.

use std::sync::{Arc, LazyLock};

use super::Segmenter;
use crate::Result;
use crate::assets::Assets;
use crate::letters::{HanSet, is_alphabetic};
use crate::normalize::fold_char;
use crate::phrases::Phrases;
use crate::record::{MaskKind, NormalizedTurn, Token};

/// Cuts texts into words and keeps those with content.
#[derive(Debug, Clone)]
pub struct ContentWords {
    segmenter: Arc<Segmenter>,
    stop_words: Arc<Phrases>,
}

/// A text with its words.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// The text, with a comma for everything that was masked.
    pub text: String,
    /// Its folded form, as long in characters.
    pub fold: String,
    /// The words with content, with their places in both.
    pub words: Vec<Token>,
}

impl ContentWords {
    /// Loads the stop words.
    ///
    /// # Errors
    /// When `lexicon/stopwords.txt` cannot be read.
    pub fn new(segmenter: Arc<Segmenter>, assets: &Assets) -> Result<Self> {
        let asset = assets.read("lexicon/stopwords.txt")?;
        let stop_words: Vec<String> = asset
            .text
            .lines()
            .filter_map(|line| line.split('#').next())
            .flat_map(str::split_whitespace)
            .map(|word| word.chars().map(fold_char).collect())
            .collect();
        Ok(Self { segmenter, stop_words: Arc::new(Phrases::new(stop_words)) })
    }

    /// The words of a text, joined by spaces.
    pub fn joined(&self, text: &str) -> String {
        let content = self.of(text);
        let words: Vec<&str> = content.words.iter().map(|token| token.word(&content.fold)).collect();
        words.join(" ")
    }

    /// The words of some turns that are cut already, joined by spaces: those of their texts, a line each.
    pub fn joined_turns<'t>(&self, turns: impl Iterator<Item = (&'t NormalizedTurn, &'t [Token])>) -> String {
        let mut joined = String::new();
        let mut add = |word: &str| {
            if !joined.is_empty() {
                joined.push(' ');
            }
            joined.push_str(word);
        };
        for (turn, tokens) in turns {
            if turn.text.contains('[') {
                let content = self.of(&turn.text);
                content.words.iter().for_each(|token| add(token.word(&content.fold)));
            } else {
                let words = tokens.iter().map(|token| token.word(&turn.fold));
                words.filter(|word| self.has_content(word)).for_each(&mut add);
            }
        }
        joined
    }

    fn has_content(&self, word: &str) -> bool {
        says_something(word) && self.stop_words.whole(word).is_none()
    }

    /// The words of a normalized and masked text.
    pub fn of(&self, text: &str) -> Content {
        let text = without_placeholders(text);
        let fold: String = text.chars().map(fold_char).collect();
        let mut words = self.segmenter.cut(&fold);
        words.retain(|token| self.has_content(token.word(&fold)));
        Content { text, fold, words }
    }
}

/// Masked data takes no part: each placeholder becomes a comma, so that no word forms across it.
fn without_placeholders(text: &str) -> String {
    use MaskKind::{Address, BankCard, Email, IdCard, Name, Phone, Plate};
    let mut text = text.to_owned();
    if text.contains('[') {
        for kind in [IdCard, BankCard, Phone, Plate, Email, Name, Address] {
            text = text.replace(kind.placeholder(), "，");
        }
    }
    text
}

static NUMERALS: LazyLock<HanSet> = LazyLock::new(|| HanSet::new("一二两三四五六七八九十百千万亿零幺几"));

/// Whether a word can carry a subject: at least two characters, and no digit or lone letter in it.
fn says_something(word: &str) -> bool {
    let mut chars = 0;
    let mut numerals = 0;
    for c in word.chars() {
        if !is_alphabetic(c) {
            return false;
        }
        chars += 1;
        numerals += usize::from(NUMERALS.contains(c));
    }
    let mixed = word.chars().any(|c| c.is_ascii_alphabetic()) && !word.is_ascii();
    chars >= 2 && numerals * 2 < chars && !mixed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::SegmentConfig;

    #[test]
    fn stop_words_numbers_and_masks_say_nothing() {
        let assets = Assets::embedded();
        let segmenter = Arc::new(Segmenter::new(&SegmentConfig::default(), &assets).unwrap());
        let content = ContentWords::new(segmenter, &assets).unwrap().of("我们[地址]的电梯，停运了三百天");
        let words: Vec<&str> = content.words.iter().map(|token| token.word(&content.fold)).collect();
        assert_eq!(words, ["电梯", "停运"]);
        assert_eq!(content.text.chars().count(), content.fold.chars().count());
    }

    #[test]
    fn turns_that_are_cut_have_the_words_of_their_texts() {
        let assets = Assets::embedded();
        let segmenter = Arc::new(Segmenter::new(&SegmentConfig::default(), &assets).unwrap());
        let content = ContentWords::new(Arc::clone(&segmenter), &assets).unwrap();
        let texts = [
            "小区电梯停运三天了",
            "",
            "我住[地址]，电梯",
            "ETC押金没退，[电话]",
            "電梯維修",
        ];
        let turns: Vec<NormalizedTurn> = texts
            .map(|text| NormalizedTurn {
                text: text.to_owned(),
                fold: text.chars().map(fold_char).collect(),
                ..NormalizedTurn::default()
            })
            .into();
        let tokens: Vec<Vec<Token>> = turns.iter().map(|turn| segmenter.cut(&turn.fold)).collect();
        let joined = content.joined_turns(turns.iter().zip(tokens.iter().map(Vec::as_slice)));
        assert_eq!(joined, content.joined(&texts.join("\n")));
        assert!(joined.contains("电梯 维修"), "{joined}");
    }
}
