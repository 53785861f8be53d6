//! Finding articles: BM25 over words and n-grams, cosine over passage vectors, both rankings
//! joined, moved a little by feedback, the best passage quoted. What the terms of a query are and
//! weigh belongs to `terms`.

use std::collections::HashMap;

use chrono::NaiveDate;
use qingting_pipeline::record::Span;
use serde::{Serialize, Serializer, ser::SerializeSeq};
use tantivy::collector::TopDocs;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, EnableScoring, Occur, Query, RangeQuery, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocAddress, DocSet, Searcher, TERMINATED, Term};

use super::fusion::fuse;
use super::terms::{QueryTerm, TermKind, asked};
use super::transformer::{Side, rescaled};
use super::vectors::{Kind, Near, VectorCache};
use super::{ArticleKind, Kinds, KnowledgeIndex, Stored, day_number, read_stored};
use crate::Result;
use crate::analyzer::content;
use crate::highlight::{Needles, slice};

/// Articles of each ranking that take part in the fusion.
pub(super) const CANDIDATES: usize = 100;

/// A term in the title of an article against one in its body.
const TITLE_BOOST: f32 = 1.5;

/// How near each article is.
type Nearest = HashMap<DocAddress, Near>;

/// What an agent or a supervisor looks for.
#[derive(Debug, Clone, Default)]
pub struct KnowledgeQuery {
    /// The question, in any length.
    pub text: String,
    /// Hits wanted; 0 stands for 10.
    pub limit: usize,
    /// Articles that do not hold today too, marked.
    pub include_expired: bool,
    /// Only articles of this category.
    pub category: Option<String>,
    /// Which kinds of articles.
    pub kinds: Kinds,
    /// The day on which articles have to hold; today when it is not given.
    pub on: Option<NaiveDate>,
}

/// An article that answers, by its best passage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KnowledgeHit {
    /// The article.
    pub id: String,
    /// Comparable within one search only; higher is better.
    pub score: f64,
    /// How sure it is that the article is about what was asked, 0 to 1: half the share of the question's rare
    /// character pairs that title and passage have, half the cosine. Comparable over searches, unlike the score.
    pub confidence: f64,
    /// Title of the article.
    pub title: String,
    /// The passage to quote, word for word.
    pub passage: String,
    /// First character of the passage in the article's body.
    pub passage_start: u32,
    /// What matched, as characters of the passage.
    #[serde(serialize_with = "span_pairs")]
    pub highlights: Vec<Span>,
    /// Where the article comes from.
    pub source: Option<String>,
    /// Department that answers for it.
    pub department: Option<String>,
    /// Category.
    pub category: Option<String>,
    /// Last day on which it holds.
    pub valid_to: Option<NaiveDate>,
    /// Whether it does not hold on the day of the search: not yet, or not any more.
    pub expired: bool,
}

fn span_pairs<S: Serializer>(spans: &[Span], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(spans.len()))?;
    for span in spans {
        list.serialize_element(&[span.start, span.end])?;
    }
    list.end()
}

impl KnowledgeIndex {
    /// Finds articles, best first, one hit an article.
    ///
    /// # Errors
    /// When the index cannot be read or the encoder fails.
    pub fn search(&self, query: &KnowledgeQuery) -> Result<Vec<KnowledgeHit>> {
        let on = query.on.unwrap_or_else(|| chrono::Local::now().date_naive());
        let limit = if query.limit == 0 {
            10
        } else {
            query.limit.min(CANDIDATES)
        };
        let folded = self.analyzer.fold(&query.text);
        let searcher = self.reader.searcher();
        let terms =
            asked(&self.analyzer, &folded, |kind, text| self.frequency(kind, text, &searcher), searcher.num_docs())?;
        let conditions = self.conditions(query, on);

        let ranked = TopDocs::with_limit(CANDIDATES).order_by_score();
        let lexical = searcher.search(&self.lexical(&terms, &conditions), &ranked)?;
        let vector = self.encoder.encode(&[&folded])?.pop().unwrap_or_default();
        let (cosines, rescale): (Nearest, fn(f32) -> f32) = match &self.transformer {
            Side::Open(deep) => {
                let vector = deep.encoder.encode(&[&folded])?.pop().unwrap_or_default();
                (self.cosines(&vector, (&deep.vectors, Kind::Transformer), &searcher, &conditions)?, rescaled)
            }
            Side::None | Side::Closed(_) => {
                (self.cosines(&vector, (&self.vectors, Kind::Static), &searcher, &conditions)?, |cosine| cosine)
            }
        };
        let mut order = fuse(&lexical, &cosines, self.share);
        self.heed_feedback(&mut order, &folded, &vector, &searcher)?;
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        order.truncate(limit);
        order
            .into_iter()
            .map(|(address, score)| {
                let stored = read_stored(&searcher.doc(address)?, self.fields.stored)?;
                let nearest = cosines.get(&address).map(|near| (near.passage, rescale(near.cosine)));
                Ok(self.hit(stored, score, &terms, nearest, on))
            })
            .collect()
    }

    /// Articles that have a term, in title or body, whichever are more.
    fn frequency(&self, kind: TermKind, text: &str, searcher: &Searcher) -> Result<u64> {
        let mut frequency = 0;
        for field in self.fields_of(kind) {
            frequency = searcher.doc_freq(&Term::from_field_text(field, text))?.max(frequency);
        }
        Ok(frequency)
    }

    /// Title field and body field.
    fn fields_of(&self, kind: TermKind) -> [Field; 2] {
        match kind {
            TermKind::Word => [self.fields.title_words, self.fields.body_words],
            TermKind::Pair | TermKind::Single => [self.fields.title_grams, self.fields.body_grams],
        }
    }

    fn lexical(&self, terms: &[QueryTerm], conditions: &[(Occur, Box<dyn Query>)]) -> BooleanQuery {
        let mut clauses: Vec<Box<dyn Query>> = Vec::with_capacity(terms.len() * 2);
        for term in terms.iter().filter(|term| term.known) {
            for (field, boost) in self.fields_of(term.kind).into_iter().zip([TITLE_BOOST, 1.0]) {
                clauses.push(Box::new(BoostQuery::new(term_query(field, &term.text), term.boost() * boost)));
            }
        }
        let mut all: Vec<(Occur, Box<dyn Query>)> = vec![(Occur::Must, Box::new(BooleanQuery::union(clauses)))];
        all.extend(conditions.iter().map(|(occur, query)| (*occur, query.box_clone())));
        BooleanQuery::new(all)
    }

    /// Conditions that every hit has to meet; they do not count for the ranking.
    fn conditions(&self, query: &KnowledgeQuery, on: NaiveDate) -> Vec<(Occur, Box<dyn Query>)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let mut conditions: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        if let Some(category) = &query.category {
            let query = ConstScoreQuery::new(term_query(self.fields.category, category), 0.0);
            conditions.push((Occur::Must, Box::new(query)));
        }
        let case = ConstScoreQuery::new(term_query(self.fields.category, ArticleKind::Case.term()), 0.0);
        match query.kinds {
            Kinds::Answers => conditions.push((Occur::MustNot, Box::new(case))),
            Kinds::Cases => conditions.push((Occur::Must, Box::new(case))),
            Kinds::All => {}
        }
        if !query.include_expired {
            let before = Excluded(Term::from_field_u64(self.fields.valid_to, day_number(on)));
            let after = Excluded(Term::from_field_u64(self.fields.valid_from, day_number(on)));
            conditions.push((Occur::MustNot, Box::new(RangeQuery::new(Unbounded, before))));
            conditions.push((Occur::MustNot, Box::new(RangeQuery::new(after, Unbounded))));
        }
        conditions
    }

    /// The nearest passage of every article that meets the conditions, with its cosine.
    fn cosines(
        &self,
        vector: &[f32],
        (cache, kind): (&VectorCache, Kind),
        searcher: &Searcher,
        conditions: &[(Occur, Box<dyn Query>)],
    ) -> Result<Nearest> {
        let mut cosines = HashMap::new();
        if vector.iter().all(|&x| x == 0.0) {
            return Ok(cosines);
        }
        let mut allowed: Vec<(Occur, Box<dyn Query>)> = vec![(Occur::Must, Box::new(AllQuery))];
        allowed.extend(conditions.iter().map(|(occur, query)| (*occur, query.box_clone())));
        let weight = BooleanQuery::new(allowed).weight(EnableScoring::disabled_from_searcher(searcher))?;
        let segments = cache.of(searcher, self.fields.vectors, kind, vector.len())?;
        for ((ordinal, reader), vectors) in (0u32..).zip(searcher.segment_readers()).zip(segments) {
            let mut allowed = weight.scorer(reader, 1.0)?;
            for (doc, near) in vectors.best(vector) {
                if allowed.doc() < doc {
                    allowed.seek(doc);
                }
                if allowed.doc() == TERMINATED {
                    break;
                }
                if allowed.doc() == doc && reader.alive_bitset().is_none_or(|alive| alive.is_alive(doc)) {
                    cosines.insert(DocAddress::new(ordinal, doc), near);
                }
            }
        }
        Ok(cosines)
    }

    fn hit(
        &self,
        stored: Stored,
        score: f64,
        terms: &[QueryTerm],
        nearest: Option<(u32, f32)>,
        on: NaiveDate,
    ) -> KnowledgeHit {
        let Stored { article, passages } = stored;
        let span = self.best_passage(&article.body, &passages, terms, nearest.map(|(passage, _)| passage));
        let passage = slice(&article.body, span).to_owned();
        let confidence = self.confidence(terms, &article.title, &passage, nearest.map_or(0.0, |(_, cosine)| cosine));
        let needles = Needles::new(terms.iter().filter(|t| t.known && t.kind == TermKind::Word).map(|t| &t.text));
        let highlights = needles.find(&self.analyzer.fold(&passage)).spans;
        let expired = article.valid_to.is_some_and(|day| day < on) || article.valid_from.is_some_and(|day| day > on);
        KnowledgeHit {
            id: article.id,
            score,
            confidence,
            title: article.title,
            passage,
            passage_start: span.start,
            highlights,
            source: article.source,
            department: article.department,
            category: article.category,
            valid_to: article.valid_to,
            expired,
        }
    }

    /// See [`KnowledgeHit::confidence`].
    fn confidence(&self, terms: &[QueryTerm], title: &str, passage: &str, cosine: f32) -> f64 {
        let text = content(&self.analyzer.fold(&format!("{title}\n{passage}")));
        let pairs = terms.iter().filter(|term| term.kind == TermKind::Pair);
        let (mut asked, mut answered) = (0.0, 0.0);
        for pair in pairs {
            asked += f64::from(pair.boost() * pair.idf);
            if pair.known && text.contains(&pair.text) {
                answered += f64::from(pair.boost() * pair.idf);
            }
        }
        let coverage = if asked > 0.0 { answered / asked } else { 0.0 };
        (0.5 * coverage + 0.5 * f64::from(cosine)).clamp(0.0, 1.0)
    }

    /// The passage with the rarest terms of the query; among equals the nearest one, then the first.
    fn best_passage(&self, body: &str, passages: &[(u32, u32)], terms: &[QueryTerm], nearest: Option<u32>) -> Span {
        let mut best = Span::new(0, 0);
        let mut best_weight = f32::NEG_INFINITY;
        for (&(start, end), number) in passages.iter().zip(0u32..) {
            let span = Span::new(start, end.max(start));
            let text = content(&self.analyzer.fold(slice(body, span)));
            let has = |term: &&QueryTerm| term.known && text.contains(&term.text);
            let mut weight: f32 = terms.iter().filter(has).map(|term| term.lead * term.idf).sum();
            if nearest == Some(number) {
                weight += 0.01;
            }
            if weight > best_weight {
                (best, best_weight) = (span, weight);
            }
        }
        best
    }
}

fn term_query(field: Field, text: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::WithFreqs))
}
