//! Chinese word segmentation with the domain's dictionary. Owns the words; knows
//! nothing of what they mean.

use jieba_rs::Jieba;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::assets::Assets;
use crate::record::{Span, Token};

/// Settings of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SegmentConfig {
    /// Let the hidden Markov model join unknown characters into words.
    pub hmm: bool,
}

impl Default for SegmentConfig {
    fn default() -> Self {
        Self { hmm: true }
    }
}

/// The stage: one dictionary shared by all threads and by the index.
#[derive(Debug)]
pub struct Segmenter {
    jieba: Jieba,
    hmm: bool,
    fingerprint: String,
}

impl Segmenter {
    /// Loads jieba's dictionary and those of `config/dict/`.
    ///
    /// # Errors
    /// When a dictionary line is wrong.
    pub fn new(config: &SegmentConfig, assets: &Assets) -> Result<Self> {
        Ok(Self {
            jieba: Jieba::new(),
            hmm: config.hmm,
            fingerprint: assets.fingerprint(&[("dict", "txt")])?,
        })
    }

    /// Words of a text, without white space and punctuation.
    pub fn cut(&self, text: &str) -> Vec<Token> {
        let mut chars = 0;
        self.jieba
            .cut(text, self.hmm)
            .iter()
            .map(|token| {
                let start = chars;
                chars += token.word.chars().count() as u32;
                Token {
                    start: token.byte_start as u32,
                    end: token.byte_end as u32,
                    span: Span::new(start, chars),
                }
            })
            .collect()
    }

    /// Words of a text and the shorter words inside them, for the index; ordered by start, then length.
    pub fn cut_for_search(&self, text: &str) -> Vec<Token> {
        self.cut(text)
    }

    /// Changes whenever the words of a text might.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}
