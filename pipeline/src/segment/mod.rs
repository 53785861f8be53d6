//! Chinese word segmentation with the domain's dictionary. Owns the words; knows
//! nothing of what they mean.
//!
//! One [`Segmenter`] is shared by all threads and by the index, behind an `Arc`. To take up
//! a changed dictionary make a new one with [`Segmenter::new`] and swap the `Arc`: what still
//! runs keeps the words that it began with. An index written with another
//! [`Segmenter::fingerprint`] has to be built again.

mod content;
mod dictionary;

pub use content::{Content, ContentWords};
use jieba_rs::{Jieba, Tag};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::assets::{Assets, short_hex};
use crate::letters::is_alphanumeric;
use crate::record::{Span, Token};
use crate::{Error, Result};

/// The segmentation library: its own dictionary and its rules come with its version.
const ENGINE: &str = "jieba-rs 0.11";

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
    tagged: Vec<(String, String)>,
    fingerprint: String,
}

/// A word with its part of speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaggedToken<'a> {
    /// The word.
    pub token: Token,
    /// Its tag, after the tag set of jieba's dictionary (`ns` place, `nt` organisation, `nr` person, `v`
    /// verb, ...); guessed for words that no dictionary has.
    pub tag: &'a str,
}

impl Segmenter {
    /// Loads jieba's dictionary and those of `config/dict/`, in order of their names.
    ///
    /// # Errors
    /// When a dictionary cannot be read, or a line is not one word with an optional tag.
    pub fn new(config: &SegmentConfig, assets: &Assets) -> Result<Self> {
        let mut jieba = Jieba::new();
        let mut tagged = Vec::new();
        let mut hash = Sha256::new().chain_update(ENGINE).chain_update([u8::from(config.hmm)]);
        for asset in assets.read_dir("dict", "txt")? {
            for entry in dictionary::parse(&asset)? {
                // Without a frequency of its own the word gets one high enough to stay whole.
                jieba.add_word(&entry.word, None, entry.tag);
                hash.update(&entry.word);
                hash.update([0]);
                tagged.extend(entry.tag.map(|tag| (entry.word, tag.to_owned())));
            }
        }
        Ok(Self { jieba, hmm: config.hmm, tagged, fingerprint: short_hex(&hash.finalize()) })
    }

    /// Words of a text in order, without white space and punctuation.
    pub fn cut(&self, text: &str) -> Vec<Token> {
        self.jieba.cut(text, self.hmm).iter().filter_map(token).collect()
    }

    /// Words of a text like [`Self::cut`], each with its part of speech.
    pub fn cut_tagged<'a>(&'a self, text: &'a str) -> Vec<TaggedToken<'a>> {
        let tagged = |tag: Tag<'a>| {
            let Tag { word, tag, start, end, byte_start, byte_end } = tag;
            let token = token(&jieba_rs::Token { word, start, end, byte_start, byte_end })?;
            Some(TaggedToken { token, tag })
        };
        self.jieba.tag(text, self.hmm).into_iter().filter_map(tagged).collect()
    }

    /// Whether a dictionary has the (folded) word.
    pub fn knows(&self, word: &str) -> bool {
        self.jieba.has_word(word)
    }

    /// The (folded) words of `config/dict/` that have a tag there, each with it, in the order of the files.
    pub fn tagged_words(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tagged.iter().map(|(word, tag)| (word.as_str(), tag.as_str()))
    }

    /// Words of a text and the shorter words inside them, for the index: ordered by start, then
    /// length, each span once. Spans overlap.
    pub fn cut_for_search(&self, text: &str) -> Vec<Token> {
        let mut tokens: Vec<Token> = self.jieba.cut_for_search(text, self.hmm).iter().filter_map(token).collect();
        tokens.sort_unstable_by_key(|token| (token.span.start, token.span.end));
        tokens.dedup();
        tokens
    }

    /// Changes whenever the words of a text might: with the library, the dictionaries or the model.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

/// Tells of every line of the dictionaries that [`Segmenter::new`] would refuse.
pub(crate) fn mistakes(assets: &Assets, note: &mut dyn FnMut(Error)) {
    match assets.read_dir("dict", "txt") {
        Err(error) => note(error),
        Ok(files) => {
            for asset in &files {
                dictionary::entries(asset).filter_map(Result::err).for_each(&mut *note);
            }
        }
    }
}

/// A word of jieba's as a token; `None` for what is no word.
fn token(token: &jieba_rs::Token<'_>) -> Option<Token> {
    token.word.chars().any(is_alphanumeric).then(|| Token {
        start: token.byte_start as u32,
        end: token.byte_end as u32,
        span: Span::new(token.start as u32, token.end as u32),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    static SEGMENTER: LazyLock<Segmenter> =
        LazyLock::new(|| Segmenter::new(&SegmentConfig::default(), &Assets::embedded()).unwrap());

    fn cut(text: &str) -> Vec<&str> {
        SEGMENTER.cut(text).iter().map(|t| t.word(text)).collect()
    }

    fn search(text: &str) -> Vec<&str> {
        SEGMENTER.cut_for_search(text).iter().map(|t| t.word(text)).collect()
    }

    #[test]
    fn words_of_the_domain_stay_whole() {
        assert_eq!(cut("我要办居住证,顺便问公积金贷款。"), ["我要", "办", "居住证", "顺便", "问", "公积金贷款"]);
        assert_eq!(cut("不动产登记中心 在哪?"), ["不动产登记中心", "在", "哪"]);
        assert_eq!(cut("好差评系统里的工单"), ["好差评", "系统", "里", "的", "工单"]);
    }

    #[test]
    fn the_index_also_gets_the_words_inside_words() {
        assert_eq!(search("公积金贷款"), ["公积", "公积金", "公积金贷款", "积金", "贷款"]);
        let starts: Vec<_> =
            SEGMENTER.cut_for_search("退公积金贷款").iter().map(|t| (t.span.start, t.span.end)).collect();
        assert!(starts.is_sorted(), "{starts:?}");
    }

    #[test]
    fn tagged_words_are_those_of_the_cut() {
        let text = "长沙市的居民投诉，云栖苑没有居住证";
        let tagged = SEGMENTER.cut_tagged(text);
        assert_eq!(tagged.iter().map(|t| t.token).collect::<Vec<_>>(), SEGMENTER.cut(text));
        let tag = |word: &str| tagged.iter().find(|t| t.token.word(text) == word).map(|t| t.tag);
        assert_eq!((tag("长沙市"), tag("投诉")), (Some("ns"), Some("v")));
        assert!(SEGMENTER.knows("居住证") && !SEGMENTER.knows("云栖苑"));
        assert!(SEGMENTER.tagged_words().any(|word| word == ("投诉", "v")));
    }

    #[test]
    fn phrases_are_no_words() {
        assert!(!SEGMENTER.jieba.has_word("费太贵"));
        assert!(!cut("物业费太贵了").contains(&"费太贵"));
    }

    fn with_dictionary(text: &str, hmm: bool) -> Result<Segmenter> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("dict")).unwrap();
        std::fs::write(dir.path().join("dict/user.txt"), text).unwrap();
        Segmenter::new(&SegmentConfig { hmm }, &Assets::with_overlay(dir.path()).unwrap())
    }

    #[test]
    fn a_word_without_frequency_is_found_and_removes_none() {
        let segmenter = with_dictionary("# 自己的词\n退款\n云桥里九期 ns  # 小区\n", true).unwrap();
        let text = "云桥里九期居民要退款";
        let words: Vec<_> = segmenter.cut(text).iter().map(|t| t.word(text)).collect();
        assert_eq!(words, ["云桥里九期", "居民", "要", "退款"]);
    }

    #[test]
    fn a_dictionary_mistake_names_file_and_line() {
        for (text, line) in [
            ("居住证\n五 险 一金\n", 2),
            ("社保卡 名词\n", 1),
            ("社保卡\n\u{3000}\n", 2),
        ] {
            match with_dictionary(text, true).unwrap_err() {
                Error::Config { file, line: found, .. } => {
                    assert!(file.ends_with("user.txt"), "{file}");
                    assert_eq!(found, line, "{text:?}");
                }
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn the_fingerprint_follows_words_and_model() {
        let base = SEGMENTER.fingerprint();
        assert_eq!(with_dictionary("# 只有注释\n", true).unwrap().fingerprint(), base);
        assert_ne!(with_dictionary("云桥里九期\n", true).unwrap().fingerprint(), base);
        assert_ne!(with_dictionary("# 只有注释\n", false).unwrap().fingerprint(), base);
    }

    proptest! {
        #[test]
        fn tokens_lie_inside_the_text_in_order(text in "([一-龥]|[a-zA-Z0-9 ,。\\-+#👍é\r\n]|\\PC){0,60}") {
            let chars: Vec<(usize, char)> = text.char_indices().collect();
            let byte = |i: u32| chars.get(i as usize).map_or(text.len(), |&(b, _)| b);
            let words = SEGMENTER.cut(&text);
            for token in words.iter().chain(&SEGMENTER.cut_for_search(&text)) {
                prop_assert_eq!(byte(token.span.start), token.start as usize);
                prop_assert_eq!(byte(token.span.end), token.end as usize);
                prop_assert!(token.word(&text).chars().any(char::is_alphanumeric));
            }
            prop_assert!(words.windows(2).all(|w| w[0].span.end <= w[1].span.start));
            let all = SEGMENTER.cut_for_search(&text);
            prop_assert!(all.windows(2).all(|w| (w[0].span.start, w[0].span.end) < (w[1].span.start, w[1].span.end)));
        }
    }
}
