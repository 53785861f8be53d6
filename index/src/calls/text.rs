//! The query language for people: words that must all be there, "phrases", -exclusions and OR.
//! Nothing is a syntax error; what cannot be meant as written is taken literally, with a warning.
//!
//! A run of Chinese is cut into words. Words of two characters and more, and runs of single
//! characters, must each be contained, function words excepted; the run as a whole ranks higher. So 物业费太贵 finds calls with 物业费 and 太贵, those that say it in one piece first.
//!
//! A term has other wordings, which rank lower: its numbers said or written otherwise, and its
//! words replaced by their synonyms. What only sounds like it is [`super::heard`]'s business.

use qingting_pipeline::synonyms::Synonyms;
use tantivy::Term;
use tantivy::query::{AllQuery, BooleanQuery, BoostQuery, EmptyQuery, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};

use super::spoken::{Scope, SpokenQuery};
use super::steady::steady;
use super::wording::{Wording, other_wordings};
use crate::analyzer::{Analyzer, is_content, spoken_char};
use crate::highlight::Needles;

/// Terms of a query beyond this number are left out, with a warning.
const MOST_TERMS: usize = 48;

/// Other wordings of a query beyond this number are left out.
const MOST_WORDINGS: usize = 36;

/// What texts of queries are read with.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// Cuts them into words.
    pub analyzer: &'a Analyzer,
    /// Words that are taken for each other.
    pub synonyms: &'a Synonyms,
}

/// A parsed text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TextQuery {
    /// At least one of these must hold, each a list of terms that must all hold.
    pub any: Vec<Vec<TextTerm>>,
    /// What was understood otherwise than written, for the person who wrote it.
    pub warnings: Vec<String>,
}

/// One condition on the text of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct TextTerm {
    /// Must not be there.
    pub negated: bool,
    /// As it was written.
    pub literal: Wording,
    /// Other wordings of it with their weights, 0 to 1.
    pub others: Vec<(f32, Wording)>,
}

#[derive(Debug)]
enum Piece {
    Or,
    Text { negated: bool, phrase: bool, text: String },
}

impl TextQuery {
    /// Reads a text; see the module's own description of the language.
    pub fn parse(text: &str, reading: Reading<'_>) -> Self {
        let Reading { analyzer, synonyms } = reading;
        let mut query = Self::default();
        let mut group = Vec::new();
        let mut terms = 0;
        let mut wordings = 0;
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
                        let mut literal = Wording::new(run, phrase || negated, analyzer);
                        let room = MOST_TERMS.saturating_sub(terms);
                        if literal.parts.len() > room {
                            literal.parts.truncate(room);
                            dropped = true;
                        }
                        terms += literal.parts.len();
                        if literal.parts.is_empty() {
                            continue;
                        }
                        let others = other_wordings(&literal, &folded, phrase || negated, analyzer, synonyms);
                        let others: Vec<_> = others.into_iter().take(MOST_WORDINGS.saturating_sub(wordings)).collect();
                        wordings += others.len();
                        group.push(TextTerm { negated, literal, others });
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
        self.needles_where(|_| true)
    }

    /// Those strings to highlight that `wanted` holds for, and whole terms.
    pub(super) fn needles_where(&self, wanted: impl Fn(&str) -> bool) -> Needles {
        let terms = self.any.iter().flatten().filter(|term| !term.negated);
        let wordings = terms.flat_map(|term| [&term.literal].into_iter().chain(term.others.iter().map(|(_, w)| w)));
        Needles::new(
            wordings.flat_map(|wording| wording.parts.iter().filter(|part| wanted(part)).chain([&wording.whole])),
        )
    }

    /// The query over the turns that are looked at.
    pub(super) fn build(&self, scope: Scope) -> Box<dyn Query> {
        let mut groups: Vec<Box<dyn Query>> = self.any.iter().map(|group| build_group(group, scope)).collect();
        match groups.len() {
            0 => Box::new(EmptyQuery),
            1 => groups.remove(0),
            _ => Box::new(BooleanQuery::union(groups)),
        }
    }
}

impl TextTerm {
    /// The term in any of its wordings.
    pub(super) fn anyhow(&self, scope: Scope) -> Box<dyn Query> {
        let mut ways: Vec<Box<dyn Query>> = vec![self.literal.build(scope)];
        for (weight, other) in &self.others {
            ways.push(Box::new(BoostQuery::new(other.build(scope), *weight)));
        }
        match ways.len() {
            1 => ways.remove(0),
            _ => Box::new(BooleanQuery::union(ways)),
        }
    }
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

fn build_group(group: &[TextTerm], scope: Scope) -> Box<dyn Query> {
    let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    for term in group {
        if term.negated {
            clauses.extend(exclusions(term, scope));
        } else if term.others.is_empty() {
            clauses.extend(term.literal.clauses(scope));
        } else {
            clauses.push((Occur::Must, term.anyhow(scope)));
        }
    }
    if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        clauses.push((Occur::Must, Box::new(AllQuery)));
    }
    Box::new(BooleanQuery::new(clauses))
}

/// What a negated term keeps out, in every wording.
pub(super) fn exclusions(term: &TextTerm, scope: Scope) -> impl Iterator<Item = (Occur, Box<dyn Query>)> {
    let wordings = [&term.literal].into_iter().chain(term.others.iter().map(|(_, other)| other));
    wordings
        .flat_map(|wording| &wording.parts)
        .map(move |part| (Occur::MustNot, steady(contained(part, scope))))
}

/// Turns that contain a string of content characters: its pairs at consecutive positions.
pub(super) fn contained(string: &str, scope: Scope) -> Box<dyn Query> {
    let chars: Vec<char> = string.chars().collect();
    let pair = |at: usize| chars.get(at..at + 2).map(|pair| pair.iter().collect::<String>());
    match (chars.as_slice(), scope.by) {
        ([], _) => Box::new(EmptyQuery),
        (&[only], by) => {
            let speakers = by.map_or(0..3, |by| by as usize..by as usize + 1);
            let said = |speaker| term_query(scope.text.chars, &spoken_char(only, speaker), IndexRecordOption::Basic);
            Box::new(BooleanQuery::union(speakers.map(said).collect()))
        }
        (&[_, _], None) => term_query(scope.text.pairs, string, IndexRecordOption::WithFreqs),
        _ => {
            let terms = covering(chars.len())
                .filter_map(|at| Some((at as u32, Term::from_field_text(scope.text.pairs, &pair(at)?))));
            Box::new(SpokenQuery::new(terms.collect(), scope.by))
        }
    }
}

/// Where the pairs begin that tell a string of so many characters: every second one covers it, the last one
/// closes it.
pub(super) fn covering(length: usize) -> impl Iterator<Item = usize> {
    (0..length.saturating_sub(1)).step_by(2).chain((length % 2 == 1 && length > 2).then(|| length - 2))
}

fn term_query(field: Field, text: &str, record: IndexRecordOption) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(field, text), record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::analyzer;

    fn parse(text: &str) -> TextQuery {
        TextQuery::parse(text, Reading { analyzer: analyzer(), synonyms: &Synonyms::default() })
    }

    fn wholes(query: &TextQuery) -> Vec<Vec<(bool, &str)>> {
        query
            .any
            .iter()
            .map(|group| group.iter().map(|t| (t.negated, t.literal.whole.as_str())).collect())
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
        assert_eq!(query.any[0][1].literal.parts, ["没人管"]);
    }

    #[test]
    fn runs_are_cut_into_words_without_function_words() {
        let query = parse("我要投诉停水的");
        assert_eq!(query.any[0][0].literal.parts, ["投诉", "停水"]);
        assert_eq!(parse("费太贵").any[0][0].literal.parts.concat(), "费太贵");
        assert_eq!(parse("的").any[0][0].literal.parts, ["的"]);
    }

    #[test]
    fn unbalanced_quotes_are_literal_with_a_warning() {
        let query = parse("\"停水 投诉");
        assert_eq!(wholes(&query), [vec![(false, "停水"), (false, "投诉")]]);
        assert_eq!(query.warnings.len(), 1);
    }

    fn others(query: &TextQuery) -> Vec<&str> {
        query.any[0][0].others.iter().map(|(_, other)| other.whole.as_str()).collect()
    }

    #[test]
    fn numbers_are_worded_otherwise_in_phrases_too() {
        for text in ["三百块", "\"三百块\""] {
            let query = parse(text);
            assert!(others(&query).contains(&"300块") && others(&query).contains(&"叁佰块"), "{query:?}");
        }
        let query = parse("12号楼3单元");
        assert!(others(&query).contains(&"十二号楼三单元"), "{query:?}");
        assert!(others(&parse("3.5万")).is_empty());
        assert!(others(&parse("一样")).is_empty());
    }

    #[test]
    fn words_are_replaced_by_synonyms_but_not_in_phrases() {
        let synonyms = Synonyms::load(&qingting_pipeline::assets::Assets::embedded()).unwrap();
        let reading = Reading { analyzer: analyzer(), synonyms: &synonyms };
        let query = TextQuery::parse("投诉城管", reading);
        assert!(others(&query).contains(&"投诉城市管理"), "{query:?}");
        assert!(others(&TextQuery::parse("\"投诉城管\"", reading)).is_empty());
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
        assert_eq!(query.any[0].iter().map(|t| t.literal.parts.len()).sum::<usize>(), MOST_TERMS);
        assert!(query.warnings[0].contains("过长"));
    }
}
