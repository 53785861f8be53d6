//! The knowledge base: articles that agents look up while the caller waits. Owns its folder,
//! which holds the articles themselves; finds them by words, n-grams and vectors together, and
//! answers with the passage to read out.

mod article;
mod docx;
mod erase;
mod feedback;
mod fusion;
mod gaps;
mod need;
mod passage;
mod read;
mod search;
mod terms;
mod transformer;
mod vectors;

#[cfg(test)]
mod answer_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod transformer_tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use chrono::{Datelike, NaiveDate};
use qingting_models::Encoder;
use qingting_pipeline::normalize::Normalizer;
use qingting_pipeline::record::Span;
use qingting_pipeline::segment::Segmenter;
use serde::{Deserialize, Serialize};
use tantivy::directory::MmapDirectory;
use tantivy::schema::{FAST, Field, INDEXED, STORED, STRING, Schema};
use tantivy::{Index, IndexReader, ReloadPolicy, TantivyDocument, Term};

pub use article::{Article, ArticleKind, CASE_PREFIX, Kinds};
pub(crate) use erase::erase;
pub use feedback::MOST_SHIFT;
pub use gaps::{Asked, FEW, Gap, UNANSWERED};
pub use need::{SUGGESTED, Suggestion};
pub use passage::{OVERLAP_CHARS, PASSAGE_CHARS, cut};
pub use read::{Read, Refused, file as read_file};
pub use search::{KnowledgeHit, KnowledgeQuery};
pub use transformer::{Encoded, Transformer};

use crate::analyzer::{Analyzer, GRAMS, WORDS, text_options};
use crate::highlight::slice;
use crate::stamp::{self, Stamp};
use crate::{Error, Result};

/// Changes with every change of the fields or of what is put into them.
pub const SCHEMA_VERSION: u32 = 1;

const WRITER_MEMORY: usize = 64 << 20;

/// Weight of the nearest passage's cosine against the ranking by words, each between 0 and 1. Chosen
/// on known-item retrieval with static vectors, where words alone are nearly as good.
pub const VECTOR_WEIGHT: f64 = 0.15;

/// The same of the transformer's vectors, which are about as good as words.
pub const TRANSFORMER_WEIGHT: f64 = 1.0;

/// Articles encoded at a time.
const BATCH: usize = 64;

/// An open knowledge base.
pub struct KnowledgeIndex {
    index: Index,
    reader: IndexReader,
    fields: Fields,
    analyzer: Analyzer,
    encoder: Arc<dyn Encoder>,
    vectors: vectors::VectorCache,
    transformer: transformer::Side,
    share: fusion::Share,
    dir: PathBuf,
    feedback: RwLock<Arc<feedback::Book>>,
}

#[derive(Debug, Clone, Copy)]
struct Fields {
    id: Field,
    title_words: Field,
    title_grams: Field,
    body_words: Field,
    body_grams: Field,
    category: Field,
    valid_from: Field,
    valid_to: Field,
    stored: Field,
    vectors: Field,
}

/// An article as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    #[serde(flatten)]
    article: Article,
    /// First character and end of every passage of the body.
    passages: Vec<(u32, u32)>,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ImportSummary {
    /// Files read.
    pub files: usize,
    /// Articles that are new.
    pub added: usize,
    /// Articles that replaced one of the same id, in the knowledge base or earlier in the same import.
    pub replaced: usize,
    /// Passages of all these articles.
    pub passages: usize,
    /// Articles that could not be imported.
    pub refused: Vec<Refused>,
}

impl std::fmt::Debug for KnowledgeIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KnowledgeIndex").field("index", &self.index).finish_non_exhaustive()
    }
}

fn schema() -> Schema {
    let mut builder = Schema::builder();
    builder.add_text_field("id", STRING | FAST);
    builder.add_text_field("title_words", text_options(WORDS));
    builder.add_text_field("title_grams", text_options(GRAMS));
    builder.add_text_field("body_words", text_options(WORDS));
    builder.add_text_field("body_grams", text_options(GRAMS));
    builder.add_text_field("category", STRING | FAST);
    builder.add_u64_field("valid_from", FAST | INDEXED);
    builder.add_u64_field("valid_to", FAST | INDEXED);
    builder.add_bytes_field("stored", STORED);
    builder.add_bytes_field("vectors", STORED);
    builder.build()
}

impl Fields {
    fn new(schema: &Schema) -> Result<Self> {
        let get = |name: &str| schema.get_field(name).map_err(Error::from);
        Ok(Self {
            id: get("id")?,
            title_words: get("title_words")?,
            title_grams: get("title_grams")?,
            body_words: get("body_words")?,
            body_grams: get("body_grams")?,
            category: get("category")?,
            valid_from: get("valid_from")?,
            valid_to: get("valid_to")?,
            stored: get("stored")?,
            vectors: get("vectors")?,
        })
    }
}

impl KnowledgeIndex {
    /// Opens the knowledge base in `dir`, or creates an empty one.
    ///
    /// # Errors
    /// [`Error::Stale`] when it was built with another dictionary, model or layout; [`crate::DataDir::rebuild_knowledge`]
    /// mends that. Otherwise when the folder cannot be
    /// read or written.
    pub fn open_or_create(
        dir: &Path,
        segmenter: Arc<Segmenter>,
        normalizer: Arc<Normalizer>,
        encoder: Arc<dyn Encoder>,
    ) -> Result<Self> {
        Self::open_with(dir, segmenter, normalizer, encoder, None)
    }

    /// The same with a transformer, whose vectors then rank instead of the static ones. Without one, a knowledge base that has
    /// such vectors is searched by the static ones and takes in no articles ([`Error::Stale`]).
    ///
    /// # Errors
    /// As [`Self::open_or_create`]; [`Error::Stale`] too when there are articles that this transformer did not encode:
    /// [`crate::DataDir::rebuild_knowledge`] encodes them.
    pub fn open_with(
        dir: &Path,
        segmenter: Arc<Segmenter>,
        normalizer: Arc<Normalizer>,
        encoder: Arc<dyn Encoder>,
        transformer: Option<Arc<dyn Encoder>>,
    ) -> Result<Self> {
        let analyzer = Analyzer::new(segmenter, normalizer);
        let model = Some(encoder.fingerprint().to_owned());
        let stamp = Stamp { schema: SCHEMA_VERSION, analyzer: analyzer.fingerprint(), model };
        stamp::check(dir, &stamp).map_err(|error| match error {
            Error::Stale { why, .. } => Error::Stale { why, fix: stamp::KNOWLEDGE_FIX.to_owned() },
            other => other,
        })?;
        let directory = MmapDirectory::open(dir).map_err(tantivy::TantivyError::from)?;
        let index = match Index::open_or_create(directory, schema()) {
            Err(tantivy::TantivyError::SchemaError(why)) => {
                return Err(Error::Stale { why, fix: stamp::KNOWLEDGE_FIX.to_owned() });
            }
            other => other?,
        };
        analyzer.register(&index);
        let reader: IndexReader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let fields = Fields::new(&index.schema())?;
        let transformer = transformer::Side::new(dir, transformer, reader.searcher().num_docs() == 0)?;
        let share = match &transformer {
            transformer::Side::Open(_) => fusion::Share::TRANSFORMER,
            transformer::Side::None | transformer::Side::Closed(_) => fusion::Share::STATIC,
        };
        Ok(Self {
            index,
            reader,
            fields,
            analyzer,
            encoder,
            vectors: vectors::VectorCache::default(),
            transformer,
            share,
            dir: dir.to_owned(),
            feedback: RwLock::default(),
        })
    }

    /// What the articles in a folder are encoded with, whatever dictionary or model they were indexed with.
    ///
    /// # Errors
    /// When there is an index that cannot be read.
    pub fn encoded(dir: &Path) -> Result<Encoded> {
        transformer::encoded(dir)
    }

    /// The transformer whose vectors the articles have and that is not at hand, so that they are not used.
    pub fn unused_transformer(&self) -> Option<&Transformer> {
        match &self.transformer {
            transformer::Side::Closed(unused) => Some(unused),
            transformer::Side::None | transformer::Side::Open(_) => None,
        }
    }

    /// Gives the vectors another weight than [`VECTOR_WEIGHT`] or [`TRANSFORMER_WEIGHT`]; 0 ranks by words alone.
    #[must_use]
    pub fn with_vector_weight(mut self, weight: f64) -> Self {
        self.share.weight = weight;
        self
    }

    /// The articles in a folder, whatever dictionary or model they were indexed with, in order of their ids.
    ///
    /// # Errors
    /// When the folder holds no index that can be read.
    pub fn export(dir: &Path) -> Result<Vec<Article>> {
        let index = Index::open_in_dir(dir)?;
        let stored = index.schema().get_field("stored")?;
        let searcher = index.reader()?.searcher();
        let mut articles = Vec::new();
        for reader in searcher.segment_readers() {
            let store = reader.get_store_reader(1).map_err(tantivy::TantivyError::from)?;
            for doc in reader.doc_ids_alive() {
                articles.push(read_stored(&store.get(doc)?, stored)?.article);
            }
        }
        articles.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(articles)
    }

    /// Imports files: JSON Lines, JSON, CSV, Markdown, HTML, Word (DOCX), plain text. All or nothing is committed; an
    /// article replaces the one of the same id. Searches see the result.
    ///
    /// # Errors
    /// When a file cannot be read at all, the encoder fails, or the index cannot be written.
    pub fn import<P: AsRef<Path>>(&self, paths: &[P]) -> Result<ImportSummary> {
        let mut articles = BTreeMap::new();
        let mut summary = ImportSummary { files: paths.len(), ..ImportSummary::default() };
        for path in paths {
            let read = read::file(path.as_ref())?;
            summary.refused.extend(read.refused);
            for article in read.articles {
                if articles.insert(article.id.clone(), article).is_some() {
                    summary.replaced += 1;
                }
            }
        }
        self.write(articles.into_values().collect(), &mut summary)?;
        Ok(summary)
    }

    /// Imports articles.
    ///
    /// # Errors
    /// When the encoder fails or the index cannot be written.
    pub fn import_articles(&self, articles: Vec<Article>) -> Result<ImportSummary> {
        let mut summary = ImportSummary::default();
        let mut by_id = BTreeMap::new();
        for article in articles {
            if by_id.insert(article.id.clone(), article).is_some() {
                summary.replaced += 1;
            }
        }
        self.write(by_id.into_values().collect(), &mut summary)?;
        Ok(summary)
    }

    /// Removes articles by id; unknown ids are no error.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn remove<S: AsRef<str>>(&self, ids: &[S]) -> Result<()> {
        let mut writer = crate::writing::writer(&self.index, WRITER_MEMORY)?;
        for id in ids {
            writer.delete_term(Term::from_field_text(self.fields.id, id.as_ref()));
        }
        writer.commit()?;
        writer.wait_merging_threads()?;
        Ok(self.reader.reload()?)
    }

    /// Whether there is an article of that id.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn has(&self, id: &str) -> Result<bool> {
        Ok(self.reader.searcher().doc_freq(&Term::from_field_text(self.fields.id, id))? > 0)
    }

    /// The ids that begin so, in order.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn ids(&self, prefix: &str) -> Result<Vec<String>> {
        let searcher = self.reader.searcher();
        let mut ids = std::collections::BTreeSet::new();
        for segment in searcher.segment_readers() {
            let terms = segment.inverted_index(self.fields.id)?;
            let stream = terms.terms().range().ge(prefix).into_stream();
            let mut stream = stream.map_err(|e| Error::io(&self.dir, e))?;
            while stream.advance() {
                match std::str::from_utf8(stream.key()) {
                    Ok(id) if id.starts_with(prefix) => ids.insert(id.to_owned()),
                    _ => break,
                };
            }
        }
        // A term stays in its segment after the last article that has it.
        let mut there = Vec::new();
        for id in ids {
            let term = Term::from_field_text(self.fields.id, &id);
            let query = tantivy::query::TermQuery::new(term, tantivy::schema::IndexRecordOption::Basic);
            if searcher.search(&query, &tantivy::collector::Count)? > 0 {
                there.push(id);
            }
        }
        Ok(there)
    }

    /// Number of articles.
    pub fn len(&self) -> u64 {
        self.reader.searcher().num_docs()
    }

    /// Whether there is no article.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets searches see what another process has committed.
    ///
    /// # Errors
    /// When the committed files cannot be opened.
    pub fn reload(&self) -> Result<()> {
        Ok(self.reader.reload()?)
    }

    fn write(&self, articles: Vec<Article>, summary: &mut ImportSummary) -> Result<()> {
        if articles.is_empty() {
            return Ok(());
        }
        self.transformer.check_writable()?;
        if self.is_empty() {
            self.transformer.record(&self.dir)?;
        }
        let searcher = self.reader.searcher();
        let mut writer = crate::writing::writer(&self.index, WRITER_MEMORY)?;
        let mut rest = articles.into_iter();
        loop {
            let batch: Vec<Article> = rest.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            for (id, document, passages) in self.documents(batch)? {
                let term = Term::from_field_text(self.fields.id, &id);
                if searcher.doc_freq(&term)? > 0 {
                    summary.replaced += 1;
                } else {
                    summary.added += 1;
                }
                summary.passages += passages;
                writer.delete_term(term);
                writer.add_document(document)?;
            }
        }
        writer.commit()?;
        writer.wait_merging_threads()?;
        Ok(self.reader.reload()?)
    }

    /// Documents of a batch: id, document, number of passages.
    fn documents(&self, batch: Vec<Article>) -> Result<Vec<(String, TantivyDocument, usize)>> {
        let cut_articles: Vec<(Article, Vec<Span>)> = batch
            .into_iter()
            .map(|article| {
                let passages = cut(&article.body, PASSAGE_CHARS, OVERLAP_CHARS);
                (article, passages)
            })
            .collect();
        let mut statics = self.packed(&*self.encoder, &cut_articles)?.into_iter();
        let mut deeps = match &self.transformer {
            transformer::Side::Open(deep) => self.packed(&*deep.encoder, &cut_articles)?,
            transformer::Side::None | transformer::Side::Closed(_) => Vec::new(),
        }
        .into_iter();
        cut_articles
            .into_iter()
            .map(|(article, passages)| {
                // In the order of `vectors::Kind`.
                let packed: Vec<Vec<u8>> = [statics.next(), deeps.next()].into_iter().flatten().collect();
                let id = article.id.clone();
                let count = passages.len();
                Ok((id, self.document(article, &passages, &packed)?, count))
            })
            .collect()
    }

    /// The packed vectors of each article's passages under its title, or of the title when there are none.
    fn packed(&self, encoder: &dyn Encoder, articles: &[(Article, Vec<Span>)]) -> Result<Vec<Vec<u8>>> {
        let mut texts = Vec::new();
        for (article, passages) in articles {
            let whole = [Span::new(0, 0)];
            let spans = if passages.is_empty() { &whole[..] } else { passages };
            let text = |&span| self.analyzer.fold(&format!("{}\n{}", article.title, slice(&article.body, span)));
            texts.extend(spans.iter().map(text));
        }
        let vectors = encoder.encode_passages(&texts.iter().map(String::as_str).collect::<Vec<_>>())?;
        let mut vectors = vectors.iter();
        let pack = |(_, passages): &(Article, Vec<Span>)| {
            let mut packed = Vec::new();
            vectors.by_ref().take(passages.len().max(1)).for_each(|vector| vectors::pack(vector, &mut packed));
            packed
        };
        Ok(articles.iter().map(pack).collect())
    }

    fn document(&self, article: Article, passages: &[Span], packed: &[Vec<u8>]) -> Result<TantivyDocument> {
        let fields = &self.fields;
        let mut document = TantivyDocument::new();
        document.add_text(fields.id, &article.id);
        let title = self.analyzer.fold(&article.title);
        document.add_text(fields.title_words, &title);
        document.add_text(fields.title_grams, &title);
        let body = self.analyzer.fold(&article.body);
        document.add_text(fields.body_words, &body);
        document.add_text(fields.body_grams, &body);
        if let Some(category) = &article.category {
            document.add_text(fields.category, category);
        }
        if let Some(kind) = article.kind {
            document.add_text(fields.category, kind.term());
        }
        if let Some(day) = article.valid_from {
            document.add_u64(fields.valid_from, day_number(day));
        }
        if let Some(day) = article.valid_to {
            document.add_u64(fields.valid_to, day_number(day));
        }
        let passages = passages.iter().map(|span| (span.start, span.end)).collect();
        document.add_bytes(
            fields.stored,
            &serde_json::to_vec(&Stored { article, passages }).map_err(|e| Error::json("an article", e))?,
        );
        for vectors in packed {
            document.add_bytes(fields.vectors, vectors);
        }
        Ok(document)
    }
}

fn read_stored(document: &TantivyDocument, field: Field) -> Result<Stored> {
    use tantivy::schema::Value;
    let bytes = document.get_first(field).and_then(|value| value.as_bytes()).unwrap_or_default();
    serde_json::from_slice(bytes).map_err(|e| Error::json("an indexed article", e))
}

fn day_number(day: NaiveDate) -> u64 {
    u64::from(day.year().unsigned_abs()) * 10_000 + u64::from(day.month()) * 100 + u64::from(day.day())
}
