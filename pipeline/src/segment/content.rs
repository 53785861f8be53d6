//! The words of a text that say what it is about. Owns which do: stop words, numbers and
//! what was masked do not.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Segmenter;
use crate::Result;
use crate::assets::Assets;
use crate::normalize::fold_char;
use crate::record::{MaskKind, Token};

/// Cuts texts into words and keeps those with content.
#[derive(Debug, Clone)]
pub struct ContentWords {
    segmenter: Arc<Segmenter>,
    stop_words: Arc<BTreeSet<String>>,
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
        let stop_words = asset
            .text
            .lines()
            .filter_map(|line| line.split('#').next())
            .flat_map(str::split_whitespace)
            .map(|word| word.chars().map(fold_char).collect())
            .collect();
        Ok(Self { segmenter, stop_words: Arc::new(stop_words) })
    }

    /// The words of a text, joined by spaces.
    pub fn joined(&self, text: &str) -> String {
        let content = self.of(text);
        let words: Vec<&str> = content.words.iter().map(|token| token.word(&content.fold)).collect();
        words.join(" ")
    }

    /// The words of a normalized and masked text.
    pub fn of(&self, text: &str) -> Content {
        let text = without_placeholders(text);
        let fold: String = text.chars().map(fold_char).collect();
        let mut words = self.segmenter.cut(&fold);
        words.retain(|token| {
            let word = token.word(&fold);
            says_something(word) && !self.stop_words.contains(word)
        });
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

/// Whether a word can carry a subject: at least two characters, and no digit or lone letter in it.
fn says_something(word: &str) -> bool {
    let mut chars = 0;
    let mut numerals = 0;
    for c in word.chars() {
        if !c.is_alphabetic() {
            return false;
        }
        chars += 1;
        numerals += usize::from("一二两三四五六七八九十百千万亿零幺几".contains(c));
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
}
