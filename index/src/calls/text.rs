//! The query language for people: words that must all be there, "phrases", -exclusions and OR.
//! Nothing is a syntax error; what cannot be meant as written is taken literally, with a warning.
//!
//! A run of Chinese is cut into words. Words of two characters and more, and runs of single
//! characters, must each be contained, function words excepted; the run as a whole ranks higher. So 物业费太贵 finds calls with 物业费 and 太贵, those that say it in one piece first.

use tantivy::Term;
use tantivy::query::{AllQuery, BooleanQuery, BoostQuery, EmptyQuery, Occur, PhraseQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};

use super::schema::TextFields;
use super::steady::steady;
use crate::analyzer::{Analyzer, QueryWord, content, is_content};
use crate::highlight::Needles;

/// Terms of a query beyond this number are left out, with a warning.
const MOST_TERMS: usize = 48;

/// Weight of the n-grams against words: enough to order calls that have only those.
const GRAM_WEIGHT: f32 = 0.1;

/// Characters of words that carry no meaning of their own next to other words.
const FUNCTION_CHARS: &str =
    "的了吗呢吧啊呀嘛哦我你您他她它们是在有就都也和与及或不没要这那个把被给跟对从到还又再很会能";

/// A parsed text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextQuery {
    /// At least one of these must hold, each a list of terms that must all hold.
    pub any: Vec<Vec<TextTerm>>,
    /// What was understood otherwise than written, for the person who wrote it.
    pub warnings: Vec<String>,
}

/// One condition on the text of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextTerm {
    /// Must not be there.
    pub negated: bool,
    /// Its content characters, folded.
    pub whole: String,
    /// Parts that must each be contained; one part for a phrase.
    pub parts: Vec<String>,
    /// Its words with their places.
    words: Vec<QueryWord>,
}

#[derive(Debug)]
enum Piece {
    Or,
    Text { negated: bool, phrase: bool, text: String },
}

impl TextQuery {
    /// Reads a text; see the module's own description of the language.
    pub fn parse(text: &str, analyzer: &Analyzer) -> Self {
        let mut query = Self::default();
        let mut group = Vec::new();
        let mut terms = 0;
        let mut dropped = false;
        for piece in pieces(text, &mut query.warnings) {
            match piece {
                Piece::Or if group.is_empty() => query.warnings.push("OR 前面没有内容，已忽略".to_owned()),
                Piece::Or => query.any.push(std::mem::take(&mut group)),
                Piece::Text { negated, phrase, text } => {
                    let folded = analyzer.fold(&text);
                    let runs: Vec<&str> = if phrase || negated {
                        vec![&folded]
                    } else {
                        folded.split(|c| !is_content(c)).filter(|run| !run.is_empty()).collect()
                    };
                    for run in runs {
                        let mut term = TextTerm::new(run, negated, phrase || negated, analyzer);
                        let room = MOST_TERMS.saturating_sub(terms);
                        if term.parts.len() > room {
                            term.parts.truncate(room);
                            dropped = true;
                        }
                        terms += term.parts.len();
                        if !term.parts.is_empty() {
                            group.push(term);
                        }
                    }
                }
            }
        }
        if group.is_empty() && !query.any.is_empty() {
            query.warnings.push("OR 后面没有内容，已忽略".to_owned());
        }
        if !group.is_empty() {
            query.any.push(group);
        }
        if dropped {
            query.warnings.push(format!("查询过长，只用了前 {MOST_TERMS} 个词"));
        }
        if query.any.is_empty() {
            query.warnings.push("查询中没有可检索的文字".to_owned());
        }
        query
    }

    /// What to highlight in the turns.
    pub fn needles(&self) -> Needles {
        let terms = self.any.iter().flatten().filter(|term| !term.negated);
        Needles::new(terms.flat_map(|term| term.parts.iter().chain([&term.whole])))
    }

    /// The query over the text fields of those speakers whose turns are looked at.
    pub(super) fn build(&self, fields: &[TextFields]) -> Box<dyn Query> {
        let mut groups: Vec<Box<dyn Query>> = self.any.iter().map(|group| build_group(group, fields)).collect();
        match groups.len() {
            0 => Box::new(EmptyQuery),
            1 => groups.remove(0),
            _ => Box::new(BooleanQuery::union(groups)),
        }
    }
}

impl TextTerm {
    fn new(run: &str, negated: bool, phrase: bool, analyzer: &Analyzer) -> Self {
        let whole = content(run);
        let words = analyzer.query_words(run);
        let parts = if whole.is_empty() {
            Vec::new()
        } else if phrase {
            vec![whole.clone()]
        } else {
            parts(&words, &whole)
        };
        Self { negated, whole, parts, words }
    }
}

/// Words of two characters and more, and runs of the single characters between them; function
/// words only where there is nothing else.
fn parts(words: &[QueryWord], whole: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut after_single = false;
    for word in words {
        let single = word.text.chars().nth(1).is_none();
        match parts.last_mut() {
            Some(run) if single && after_single => run.push_str(&word.text),
            _ => parts.push(word.text.clone()),
        }
        after_single = single;
    }
    let mut seen = std::collections::BTreeSet::new();
    parts.retain(|part| !is_function_word(part) && seen.insert(part.clone()));
    if parts.is_empty() {
        parts.push(whole.to_owned());
    }
    parts
}

/// Whether a word carries no meaning of its own next to other words.
pub(super) fn is_function_word(word: &str) -> bool {
    word.chars().all(|c| FUNCTION_CHARS.contains(c))
}

/// Whether a character opens or closes a phrase.
pub(super) fn is_quote(c: char) -> bool {
    matches!(c, '"' | '＂' | '“' | '”' | '„' | '「' | '」' | '『' | '』')
}

/// Splits a text into phrases, runs without white space, and ORs.
fn pieces(text: &str, warnings: &mut Vec<String>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() {
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let after_dash = rest.strip_prefix(['-', '－', '−']);
        let body = after_dash.filter(|s| s.starts_with(|c: char| is_content(c) || is_quote(c)));
        let negated = body.is_some();
        let body = body.unwrap_or(rest);
        if let Some(open) = body.chars().next().filter(|&c| is_quote(c)) {
            let inside = &body[open.len_utf8()..];
            if let Some(end) = inside.find(is_quote) {
                pieces.push(Piece::Text { negated, phrase: true, text: inside[..end].to_owned() });
                let close = inside[end..].chars().next().map_or(0, char::len_utf8);
                rest = &inside[end + close..];
            } else {
                warnings.push("引号没有成对，已按普通文字处理".to_owned());
                rest = inside;
            }
            continue;
        }
        let end = body.find(|c: char| c.is_whitespace() || is_quote(c)).unwrap_or(body.len());
        let (run, tail) = body.split_at(end);
        pieces.push(match run {
            "OR" | "|" if !negated => Piece::Or,
            _ => Piece::Text { negated, phrase: false, text: run.to_owned() },
        });
        rest = tail;
    }
    pieces
}

fn build_group(group: &[TextTerm], fields: &[TextFields]) -> Box<dyn Query> {
    let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    for term in group {
        let occur = if term.negated { Occur::MustNot } else { Occur::Must };
        for part in &term.parts {
            let query = anywhere(part, fields);
            clauses.push((occur, if term.negated { steady(query) } else { query }));
        }
        if !term.negated && term.words.len() > 1 {
            clauses.extend(fields.iter().map(|f| (Occur::Should, in_words(&term.words, f.words))));
            if term.parts.len() > 1 {
                clauses.extend(fields.iter().map(|f| (Occur::Should, contained(&term.whole, f.grams))));
            }
        }
    }
    if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        clauses.push((Occur::Must, Box::new(AllQuery)));
    }
    Box::new(BooleanQuery::new(clauses))
}

/// A part in the turns of any of the speakers; as a word it counts more than inside other words.
fn anywhere(part: &str, fields: &[TextFields]) -> Box<dyn Query> {
    let mut ways: Vec<Box<dyn Query>> = Vec::with_capacity(fields.len() * 2);
    for field in fields {
        ways.push(Box::new(BoostQuery::new(contained(part, field.grams), GRAM_WEIGHT)));
        ways.push(term_query(field.words, part));
    }
    Box::new(BooleanQuery::union(ways))
}

/// The words at their places.
fn in_words(words: &[QueryWord], field: Field) -> Box<dyn Query> {
    let terms: Vec<(usize, Term)> =
        words.iter().map(|word| (word.position, Term::from_field_text(field, &word.text))).collect();
    match terms.as_slice() {
        [] => Box::new(EmptyQuery),
        [(_, only)] => Box::new(TermQuery::new(only.clone(), IndexRecordOption::WithFreqs)),
        _ => Box::new(PhraseQuery::new_with_offset(terms)),
    }
}

/// Texts that contain a string of content characters: its n-grams at consecutive positions.
pub(crate) fn contained(string: &str, grams: Field) -> Box<dyn Query> {
    let chars: Vec<char> = string.chars().collect();
    let pair = |at: usize| chars.get(at..at + 2).map(|pair| pair.iter().collect::<String>());
    match chars.len() {
        0 => Box::new(EmptyQuery),
        1 | 2 => term_query(grams, string),
        length => {
            // Every second pair covers the string, the last one closes it.
            let starts = (0..length - 1).step_by(2).chain((length % 2 == 1).then_some(length - 2));
            let terms = starts.filter_map(|at| Some((at, Term::from_field_text(grams, &pair(at)?)))).collect();
            Box::new(PhraseQuery::new_with_offset(terms))
        }
    }
}

fn term_query(field: Field, text: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::WithFreqs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::analyzer;

    fn parse(text: &str) -> TextQuery {
        TextQuery::parse(text, analyzer())
    }

    fn wholes(query: &TextQuery) -> Vec<Vec<(bool, &str)>> {
        query
            .any
            .iter()
            .map(|group| group.iter().map(|t| (t.negated, t.whole.as_str())).collect())
            .collect()
    }

    #[test]
    fn words_phrases_exclusions_and_alternatives() {
        let query = parse("停水 “没人 管” -\"已经解决\" OR 停电");
        assert_eq!(
            wholes(&query),
            [
                vec![(false, "停水"), (false, "没人管"), (true, "已经解决")],
                vec![(false, "停电")]
            ]
        );
        assert!(query.warnings.is_empty(), "{:?}", query.warnings);
        assert_eq!(query.any[0][1].parts, ["没人管"]);
    }

    #[test]
    fn runs_are_cut_into_words_without_function_words() {
        let query = parse("我要投诉停水的");
        assert_eq!(query.any[0][0].parts, ["投诉", "停水"]);
        assert_eq!(parse("费太贵").any[0][0].parts.concat(), "费太贵");
        assert_eq!(parse("的").any[0][0].parts, ["的"]);
    }

    #[test]
    fn unbalanced_quotes_are_literal_with_a_warning() {
        let query = parse("\"停水 投诉");
        assert_eq!(wholes(&query), [vec![(false, "停水"), (false, "投诉")]]);
        assert_eq!(query.warnings.len(), 1);
    }

    #[test]
    fn nothing_to_search_for_is_said() {
        for text in ["", "  ", "？！", "-", "OR", "\"\""] {
            let query = parse(text);
            assert!(query.any.is_empty() && !query.warnings.is_empty(), "{text}: {query:?}");
        }
    }

    #[test]
    fn long_texts_are_capped() {
        let text: String = ('\u{4e00}'..'\u{4f00}').flat_map(|c| [c, ' ']).collect();
        let query = parse(&text);
        assert_eq!(query.any[0].iter().map(|t| t.parts.len()).sum::<usize>(), MOST_TERMS);
        assert!(query.warnings[0].contains("过长"));
    }
}
