//! How text becomes index terms, for documents and queries alike: folding, words of the
//! shared segmenter, and character 1-2-grams. Owns the tantivy tokenizers; decides nothing
//! about which field is searched.
//!
//! Only *content characters* (letters, digits, Chinese characters) are indexed, and positions
//! count content characters. So a word in the middle of another word has its true place, a
//! phrase may span punctuation that a recogniser put in, and "the n-grams of a string stand at
//! consecutive positions" means exactly "the text contains that string".

use std::collections::BTreeSet;
use std::sync::Arc;

use qingting_pipeline::normalize::Normalizer;
use qingting_pipeline::record::MaskKind;
use qingting_pipeline::segment::Segmenter;
use tantivy::Index;
use tantivy::schema::{IndexRecordOption, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// Separates the turns of a call inside one indexed text.
pub const TURN_SEPARATOR: char = '\u{1e}';

/// Separates the parts of the speakers inside one indexed text; a part ends with the end of a turn.
pub const SPEAKER_SEPARATOR: char = '\u{1d}';

/// Positions left free between two turns, so that no phrase crosses from one to the next.
pub const TURN_GAP: usize = 1;

/// Changes whenever the terms of a text might for a reason that is not the dictionary's.
const VERSION: u32 = 2;

/// Tokenizer of word fields.
pub(crate) const WORDS: &str = "qingting_words";
/// Tokenizer of character n-gram fields.
pub(crate) const GRAMS: &str = "qingting_grams";
/// Tokenizer of fields of pairs of neighbouring characters.
pub(crate) const PAIRS: &str = "qingting_pairs";
/// Tokenizer of fields of single characters, each with its speaker.
pub(crate) const CHARS: &str = "qingting_chars";

const PLACEHOLDERS: [MaskKind; 7] = [
    MaskKind::IdCard,
    MaskKind::BankCard,
    MaskKind::Phone,
    MaskKind::Plate,
    MaskKind::Email,
    MaskKind::Name,
    MaskKind::Address,
];

/// Turns text into what is indexed and matched.
#[derive(Debug, Clone)]
pub struct Analyzer {
    segmenter: Arc<Segmenter>,
    normalizer: Arc<Normalizer>,
}

/// A word of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryWord {
    /// Its content characters.
    pub text: String,
    /// Content characters before it.
    pub position: usize,
}

impl Analyzer {
    /// An analyzer over the segmenter and the normalizer that the calls were analysed with.
    pub fn new(segmenter: Arc<Segmenter>, normalizer: Arc<Normalizer>) -> Self {
        Self { segmenter, normalizer }
    }

    /// The form of a text in which it is matched. Character `i` of it stands for character `i` of
    /// `text`; placeholders of masked data become spaces, so that nobody finds a hidden number by
    /// the name of its placeholder.
    pub fn fold(&self, text: &str) -> String {
        let mut folded = self.normalizer.fold(text);
        if folded.chars().count() != text.chars().count() {
            let mut buffer = [0; 4];
            folded = text
                .chars()
                .map(|c| self.normalizer.fold(c.encode_utf8(&mut buffer)).chars().next().unwrap_or(' '))
                .collect();
        }
        if text.contains('[') {
            blank_placeholders(text, &folded)
        } else {
            folded
        }
    }

    /// A text with personal data masked, as a caller's turn would be.
    pub fn mask(&self, text: &str) -> String {
        self.normalizer.text(text).text
    }

    /// The words of a folded query in order, not overlapping.
    pub fn query_words(&self, folded: &str) -> Vec<QueryWord> {
        let ordinals = content_ordinals(folded);
        self.segmenter
            .cut(folded)
            .iter()
            .map(|token| QueryWord {
                text: content(token.word(folded)),
                position: ordinals.get(token.span.start as usize).map_or(0, |&o| o as usize),
            })
            .filter(|word| !word.text.is_empty())
            .collect()
    }

    /// The words of a folded text and the shorter words inside them.
    pub fn search_words(&self, folded: &str) -> Vec<String> {
        self.segmenter
            .cut_for_search(folded)
            .iter()
            .map(|token| content(token.word(folded)))
            .filter(|word| !word.is_empty())
            .collect()
    }

    /// Registers the tokenizers; tantivy forgets them with every process.
    pub fn register(&self, index: &Index) {
        index.tokenizers().register(WORDS, WordTokenizer { segmenter: Arc::clone(&self.segmenter) });
        index.tokenizers().register(GRAMS, GramTokenizer { singles: true });
        index.tokenizers().register(PAIRS, GramTokenizer { singles: false });
        index.tokenizers().register(CHARS, CharTokenizer);
    }

    /// Changes whenever the terms of a text might.
    pub fn fingerprint(&self) -> String {
        format!("{VERSION}-{}", self.segmenter.fingerprint())
    }
}

/// Options of an indexed, not stored text field with positions.
pub(crate) fn text_options(tokenizer: &str) -> TextOptions {
    options_of(tokenizer, IndexRecordOption::WithFreqsAndPositions)
}

/// Options of an indexed, not stored text field. The lengths of texts are kept where there are frequencies.
pub(crate) fn options_of(tokenizer: &str, record: IndexRecordOption) -> TextOptions {
    TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer(tokenizer)
            .set_index_option(record)
            .set_fieldnorms(record.has_freq()),
    )
}

/// Positions that a folded text takes.
pub(crate) fn positions(folded: &str) -> usize {
    folded
        .chars()
        .map(|c| {
            if c == TURN_SEPARATOR {
                TURN_GAP
            } else {
                usize::from(is_content(c))
            }
        })
        .sum()
}

/// The term of a character that this speaker said: 0 for the first part of a text, and so on.
pub(crate) fn spoken_char(c: char, speaker: usize) -> String {
    format!("{speaker}{c}")
}

/// Whether a character is indexed.
pub fn is_content(c: char) -> bool {
    c.is_alphanumeric()
}

/// The content characters of a text.
pub fn content(text: &str) -> String {
    text.chars().filter(|&c| is_content(c)).collect()
}

/// For every character, the number of content characters before it.
fn content_ordinals(text: &str) -> Vec<u32> {
    let mut seen = 0;
    text.chars()
        .map(|c| {
            let before = seen;
            seen += u32::from(is_content(c));
            before
        })
        .collect()
}

/// `folded` with the characters of every placeholder that `text` carries replaced by spaces.
fn blank_placeholders(text: &str, folded: &str) -> String {
    let mut hidden = vec![false; text.chars().count()];
    for kind in PLACEHOLDERS {
        let placeholder = kind.placeholder();
        for (byte, _) in text.match_indices(placeholder) {
            let start = text[..byte].chars().count();
            hidden.iter_mut().skip(start).take(placeholder.chars().count()).for_each(|h| *h = true);
        }
    }
    folded.chars().zip(hidden).map(|(c, hide)| if hide { ' ' } else { c }).collect()
}

/// Words in search mode, with the position of their first content character.
#[derive(Clone)]
struct WordTokenizer {
    segmenter: Arc<Segmenter>,
}

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = ListStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> ListStream<'a> {
        let mut items = Vec::new();
        let (mut byte_base, mut base) = (0, 0);
        for turn in text.split(TURN_SEPARATOR) {
            let ordinals = content_ordinals(turn);
            for token in self.segmenter.cut_for_search(turn) {
                let (start, end) = (token.start as usize, token.end as usize);
                let chars = token.word(turn).chars().filter(|&c| is_content(c)).count();
                if chars > 0 {
                    let ordinal = ordinals.get(token.span.start as usize).copied().unwrap_or(0) as usize;
                    items.push(Item {
                        start: byte_base + start,
                        end: byte_base + end,
                        position: base + ordinal,
                        chars,
                    });
                }
            }
            byte_base += turn.len() + TURN_SEPARATOR.len_utf8();
            base += content_length(turn, &ordinals) + TURN_GAP;
        }
        // tantivy wants the positions of a term in order, whatever order the segmenter has.
        items.sort_by_key(|item| (item.position, item.chars));
        ListStream::new(text, items)
    }
}

/// Every pair of neighbours among the content characters, and those themselves where they are wanted.
#[derive(Clone)]
struct GramTokenizer {
    singles: bool,
}

impl Tokenizer for GramTokenizer {
    type TokenStream<'a> = ListStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> ListStream<'a> {
        let mut items: Vec<Item> = Vec::with_capacity(text.len() / 3 * 2);
        let mut position = 0;
        let mut previous: Option<(usize, usize)> = None;
        for (byte, c) in text.char_indices() {
            if c == TURN_SEPARATOR {
                position += TURN_GAP;
                previous = None;
            } else if is_content(c) {
                let end = byte + c.len_utf8();
                if let Some((start, at)) = previous {
                    items.push(Item { start, end, position: at, chars: 2 });
                }
                if self.singles {
                    items.push(Item { start: byte, end, position, chars: 1 });
                }
                previous = Some((byte, position));
                position += 1;
            }
        }
        ListStream::new(text, items)
    }
}

/// Every content character once a speaker.
#[derive(Clone)]
struct CharTokenizer;

impl Tokenizer for CharTokenizer {
    type TokenStream<'a> = TermStream;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> TermStream {
        let parts = text.split(SPEAKER_SEPARATOR).enumerate();
        let said: BTreeSet<(usize, char)> = parts
            .flat_map(|(speaker, part)| part.chars().filter(|&c| is_content(c)).map(move |c| (speaker, c)))
            .collect();
        TermStream { terms: said.into_iter(), token: Token::default() }
    }
}

/// A token stream over terms without a place.
struct TermStream {
    terms: std::collections::btree_set::IntoIter<(usize, char)>,
    token: Token,
}

impl TokenStream for TermStream {
    fn advance(&mut self) -> bool {
        let Some((speaker, c)) = self.terms.next() else {
            return false;
        };
        self.token.text = spoken_char(c, speaker);
        // The default is the largest number, which tantivy would count on from.
        self.token.position = 0;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

fn content_length(text: &str, ordinals: &[u32]) -> usize {
    let last = text.chars().next_back().is_some_and(is_content);
    ordinals.last().map_or(0, |&o| o as usize) + usize::from(last)
}

#[derive(Debug, Clone, Copy)]
struct Item {
    start: usize,
    end: usize,
    position: usize,
    chars: usize,
}

/// A token stream over a prepared list; the text of the token is written into one buffer.
struct ListStream<'a> {
    text: &'a str,
    items: std::vec::IntoIter<Item>,
    token: Token,
}

impl<'a> ListStream<'a> {
    fn new(text: &'a str, items: Vec<Item>) -> Self {
        Self { text, items: items.into_iter(), token: Token::default() }
    }
}

impl TokenStream for ListStream<'_> {
    fn advance(&mut self) -> bool {
        let Some(item) = self.items.next() else { return false };
        self.token.offset_from = item.start;
        self.token.offset_to = item.end;
        self.token.position = item.position;
        self.token.position_length = item.chars;
        self.token.text.clear();
        let word = self.text.get(item.start..item.end).unwrap_or_default();
        self.token.text.extend(word.chars().filter(|&c| is_content(c)));
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::analyzer;

    fn tokens(tokenizer: &mut impl Tokenizer, text: &str) -> Vec<(String, usize)> {
        let mut stream = tokenizer.token_stream(text);
        let mut out = Vec::new();
        stream.process(&mut |t| out.push((t.text.clone(), t.position)));
        out
    }

    #[test]
    fn grams_count_content_characters_and_stop_at_turns() {
        let found = tokens(&mut GramTokenizer { singles: true }, "退款，慢\u{1e}好");
        let expected = [
            ("退", 0),
            ("退款", 0),
            ("款", 1),
            ("款慢", 1),
            ("慢", 2),
            ("好", 3 + TURN_GAP),
        ];
        let mut sorted = found;
        sorted.sort_by_key(|(text, position)| (*position, text.chars().count()));
        assert_eq!(sorted, expected.map(|(t, p)| (t.to_owned(), p)));
    }

    #[test]
    fn pairs_and_characters_have_fields_of_their_own() {
        let text = "退款，慢\u{1e}\u{1d}慢慢";
        let pairs = tokens(&mut GramTokenizer { singles: false }, text);
        assert_eq!(
            pairs,
            [
                ("退款".to_owned(), 0),
                ("款慢".to_owned(), 1),
                ("慢慢".to_owned(), 3 + TURN_GAP)
            ]
        );
        let chars: Vec<String> = tokens(&mut CharTokenizer, text).into_iter().map(|(text, _)| text).collect();
        assert_eq!(chars, ["0慢", "0款", "0退", "1慢"]);
        assert_eq!(positions(text), 5 + TURN_GAP);
    }

    #[test]
    fn words_carry_the_position_of_their_first_character() {
        let mut words = WordTokenizer { segmenter: Arc::clone(&analyzer().segmenter) };
        let found = tokens(&mut words, "停水，投诉\u{1e}投诉");
        assert!(found.contains(&("停水".to_owned(), 0)), "{found:?}");
        assert!(found.contains(&("投诉".to_owned(), 2)), "{found:?}");
        assert!(found.contains(&("投诉".to_owned(), 4 + TURN_GAP)), "{found:?}");
        assert!(found.iter().all(|(text, _)| text.chars().all(is_content)));
    }

    #[test]
    fn placeholders_of_masked_data_are_not_indexed() {
        let folded = analyzer().fold("我的[电话]变了");
        assert_eq!(folded, "我的    变了");
    }
}
