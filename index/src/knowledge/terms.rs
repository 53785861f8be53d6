//! The terms of a query and what each weighs: words, character pairs and single characters. Knows
//! nothing of the index but how many articles have a term.
//!
//! The weight of a term is `kind · formula · lead · count · idf^1.5`, of which BM25 supplies one `idf`:
//!
//! - `kind`: what a word, a pair or a single character counts.
//! - `formula`: words of courtesy and of asking count a tenth.
//! - `lead`: people say first what they want. A term whose place is within the first 20 characters counts whole, one
//!   after that `1/4 + 3/4·exp(-(place - 20) / 30)`. Long letters were found worse than their titles without it.
//! - `count`: a word or pair that comes again adds its weight again, four times in all at most: what a letter keeps coming
//!   back to counts more, and a phrase repeated without end does not drown the rest.
//! - `idf^1.5` and not `idf`: names of places and things tell articles apart better than their rarity alone says.

use std::collections::HashMap;

use crate::Result;
use crate::analyzer::{Analyzer, content};

/// Terms of a query and kind, those that weigh most: a long message would otherwise be slow and blurred.
const MOST_TERMS: usize = 64;

/// A term in more than this share of the articles says nothing about which one is meant.
const TOO_COMMON: f64 = 0.5;

/// With fewer articles than this, shares say nothing.
const FEW_ARTICLES: f64 = 20.0;

/// Occurrences of a word or pair that count.
const MOST_COUNTED: usize = 4;

/// Content characters at the beginning of a query that count whole.
const LEAD_CHARS: usize = 20;

/// Content characters in which the weight after them falls by a factor of e.
const LEAD_DECAY: f32 = 30.0;

/// What it falls to.
const LEAD_FLOOR: f32 = 0.25;

/// What a formula counts against a term that says something.
const FORMULA_WEIGHT: f32 = 0.1;

/// How people begin and end a request: next to nothing of it is in the answer.
const FORMULAS: &[&str] = &[
    "请问",
    "咨询",
    "您好",
    "你好",
    "谢谢",
    "麻烦",
    "想问",
    "问一下",
    "想知道",
    "了解一下",
    "反映",
    "投诉",
    "举报",
    "求助",
    "建议",
    "希望",
    "请求",
    "要求",
    "恳请",
    "呼吁",
    "质疑",
    "疑问",
    "强烈",
    "尽快",
    "解决",
    "处理",
    "问题",
    "情况",
    "相关",
    "有关",
    "关于",
    "怎么",
    "怎样",
    "怎么办",
    "如何",
    "为什么",
    "为何",
    "什么",
    "什么时候",
    "何时",
    "多久",
    "多少",
    "哪里",
    "哪些",
    "能否",
    "是否",
    "能不能",
    "可不可以",
    "可以",
    "有没有",
    "是不是",
    "我们",
    "你们",
    "我",
    "你",
    "您",
    "的",
    "了",
    "吗",
    "呢",
    "吧",
    "请",
    "嗯",
    "啊",
    "哦",
    "喂",
    "唉",
    "哎",
    "好的",
    "好吧",
    "行吧",
    "对对",
    "是的",
    "没错",
    "没有了",
    "知道了",
    "明白了",
    "不客气",
    "再见",
    "拜拜",
    "辛苦",
    "打扰",
    "那个",
    "就是",
    "然后",
    "帮我",
    "听得到",
    "稍等",
];

/// What a term of the query is, and so which fields it is looked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum TermKind {
    Word,
    Pair,
    Single,
}

impl TermKind {
    const ALL: [Self; 3] = [Self::Word, Self::Pair, Self::Single];

    /// Measured on questions and official replies: pairs carry most, and the others add a little.
    fn weight(self) -> f32 {
        match self {
            Self::Word => 0.3,
            Self::Pair => 1.0,
            Self::Single => 0.5,
        }
    }
}

/// A term of the query with its weight and its rarity.
#[derive(Debug, Clone)]
pub(super) struct QueryTerm {
    pub(super) text: String,
    pub(super) kind: TermKind,
    /// Formula, lead and count together.
    pub(super) lead: f32,
    pub(super) idf: f32,
    /// Whether any article has it.
    pub(super) known: bool,
}

impl QueryTerm {
    /// What the BM25 score of the term is multiplied with.
    pub(super) fn boost(&self) -> f32 {
        self.kind.weight() * self.lead * self.idf.sqrt()
    }
}

/// Terms of a folded query: of each kind those that weigh most, without those that most articles have.
/// `frequency` is the number of articles with a term.
///
/// # Errors
/// Those of `frequency`.
pub(super) fn asked(
    analyzer: &Analyzer,
    folded: &str,
    frequency: impl Fn(TermKind, &str) -> Result<u64>,
    articles: u64,
) -> Result<Vec<QueryTerm>> {
    let articles = articles.max(1) as f64;
    let mut terms = Vec::new();
    for (kind, occurrences) in occurrences(analyzer, folded) {
        let mut of_kind = Vec::new();
        for (text, lead) in occurrences {
            let frequency = frequency(kind, &text)? as f64;
            if frequency <= articles * TOO_COMMON || articles < FEW_ARTICLES {
                let idf = (1.0 + (articles - frequency + 0.5).max(0.0) / (frequency + 0.5)).ln() as f32;
                of_kind.push(QueryTerm { text, kind, lead, idf, known: frequency > 0.0 });
            }
        }
        let weight = |term: &QueryTerm| term.boost() * term.idf;
        of_kind.sort_by(|a, b| b.known.cmp(&a.known).then(weight(b).total_cmp(&weight(a))));
        let known = of_kind.iter().filter(|term| term.known).count();
        // As many unknown ones at most: they are not looked for, but tell how much of the question is answered.
        let unknown = of_kind.split_off(known);
        of_kind.truncate(MOST_TERMS);
        of_kind.extend(unknown.into_iter().take(MOST_TERMS));
        terms.extend(of_kind);
    }
    Ok(terms)
}

/// Content characters of a folded text that belong to no formula.
pub(super) fn topical_chars(folded: &str) -> usize {
    let chars: Vec<char> = content(folded).chars().collect();
    formula_mask(&chars).into_iter().filter(|formula| !formula).count()
}

/// The pairs of a folded text without formulas.
pub(super) fn topical_pairs(folded: &str) -> Vec<String> {
    let chars: Vec<char> = content(folded).chars().collect();
    let formula = formula_mask(&chars);
    let pairs = chars.windows(2).zip(formula.windows(2));
    pairs
        .filter(|(_, formula)| !formula.contains(&true))
        .map(|(pair, _)| pair.iter().collect())
        .collect()
}

/// Distinct terms by kind in the order in which they first come, with their summed weight of formula and lead.
fn occurrences(analyzer: &Analyzer, folded: &str) -> Vec<(TermKind, Vec<(String, f32)>)> {
    let chars: Vec<char> = content(folded).chars().collect();
    let formula = formula_mask(&chars);
    TermKind::ALL
        .into_iter()
        .map(|kind| {
            let most = if kind == TermKind::Single { 1 } else { MOST_COUNTED };
            let mut places = HashMap::new();
            let mut list: Vec<(String, f32)> = Vec::new();
            let mut add = |text: String, place: usize, formula: bool| {
                let weight = lead(place) * if formula { FORMULA_WEIGHT } else { 1.0 };
                let (at, count) = places.entry(text.clone()).or_insert((list.len(), 0));
                *count += 1;
                match list.get_mut(*at) {
                    Some((_, sum)) if *count <= most => *sum += weight,
                    Some(_) => {}
                    None => list.push((text, weight)),
                }
            };
            match kind {
                TermKind::Word => {
                    let words = analyzer.search_words(folded);
                    let count = words.len().max(1);
                    for (i, word) in words.into_iter().enumerate() {
                        // Words lie inside one another, so their number stands for their place.
                        let is_formula = FORMULAS.contains(&word.as_str());
                        add(word, i * chars.len() / count, is_formula);
                    }
                }
                TermKind::Pair | TermKind::Single => {
                    let length = if kind == TermKind::Pair { 2 } else { 1 };
                    for (place, (gram, formula)) in chars.windows(length).zip(formula.windows(length)).enumerate() {
                        add(gram.iter().collect(), place, formula.contains(&true));
                    }
                }
            }
            (kind, list)
        })
        .collect()
}

/// What a term counts by its place, in content characters.
fn lead(place: usize) -> f32 {
    let after = place.saturating_sub(LEAD_CHARS) as f32;
    LEAD_FLOOR + (1.0 - LEAD_FLOOR) * (-after / LEAD_DECAY).exp()
}

/// Marks the characters that belong to a formula.
fn formula_mask(chars: &[char]) -> Vec<bool> {
    let mut mask = vec![false; chars.len()];
    for formula in FORMULAS {
        let formula: Vec<char> = formula.chars().collect();
        for (at, window) in chars.windows(formula.len()).enumerate() {
            if window == formula {
                mask.iter_mut().skip(at).take(formula.len()).for_each(|m| *m = true);
            }
        }
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::analyzer;

    fn terms(text: &str) -> Vec<QueryTerm> {
        asked(analyzer(), &analyzer().fold(text), |_, term| Ok(u64::from(term != "没有")), 100).unwrap()
    }

    fn boost(terms: &[QueryTerm], text: &str) -> f32 {
        terms.iter().find(|t| t.kind == TermKind::Pair && t.text == text).unwrap().boost()
    }

    #[test]
    fn what_is_said_first_and_again_counts_more_and_formulas_less() {
        let letter = format!("路灯不亮，{}，希望早点修好水管，水管", "楼下住着很多老人和孩子他们晚上出门".repeat(5));
        let terms = terms(&letter);
        assert!(boost(&terms, "路灯") > 2.0 * boost(&terms, "早点"));
        assert!(boost(&terms, "水管") > 1.5 * boost(&terms, "早点"));
        assert!(boost(&terms, "希望") < 0.2 * boost(&terms, "早点"));
        assert!(boost(&terms, "老人") > boost(&terms, "早点"));
        for kind in TermKind::ALL {
            assert!(terms.iter().filter(|t| t.kind == kind).count() <= 2 * MOST_TERMS);
        }
    }

    #[test]
    fn a_term_of_no_article_is_kept_as_unknown() {
        let terms = terms("没有暖气");
        assert!(!terms.iter().find(|t| t.text == "没有" && t.kind == TermKind::Pair).unwrap().known);
        assert!(terms.iter().find(|t| t.text == "暖气" && t.kind == TermKind::Pair).unwrap().known);
    }

    #[test]
    fn small_talk_has_hardly_a_topical_character() {
        for text in [
            "嗯嗯好的，谢谢您啊",
            "喂，您好，请问听得到吗？",
            "没有了，麻烦您了，再见。",
        ] {
            assert!(topical_chars(&analyzer().fold(text)) < 4, "{text}");
        }
        assert!(topical_chars(&analyzer().fold("我家停水了")) >= 3);
        assert_eq!(topical_pairs("请问停水"), ["停水"]);
    }
}
