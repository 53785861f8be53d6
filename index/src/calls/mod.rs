//! The call index: finds calls by what was said in them and by what was found out about them.
//! It is derived from the store and can be rebuilt at any time; it owns its folder and the
//! languages of queries and filters, and holds nothing that the store does not.

mod aggregate;
mod alike;
mod collect;
mod columns;
mod document;
mod filter;
mod heard;
mod histogram;
mod language;
mod like;
mod pins;
mod query;
mod schema;
mod search;
mod spoken;
mod steady;
mod text;
mod transcripts;
mod wording;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use qingting_pipeline::normalize::Normalizer;
use qingting_pipeline::record::{Analysis, CallRecord};
use qingting_pipeline::segment::Segmenter;
use qingting_pipeline::synonyms::Synonyms;
use tantivy::directory::MmapDirectory;
use tantivy::indexer::LogMergePolicy;
use tantivy::{Index, IndexReader, ReloadPolicy};

pub use aggregate::{Group, countable};
pub use document::CallDocument;
pub use filter::{Filter, Lookup, NoLookup, NotThere};
pub use language::Expression;
pub use query::{CallHit, CallPage, CallQuery, Facet, FacetRequest, FacetValue, Sort, SortBy, Speaker, TurnHit};
pub use schema::{FIELDS, FieldInfo, Kind, SCHEMA_VERSION, field_info};
pub use text::{Reading, TextQuery, TextTerm};
pub use transcripts::Transcripts;
pub use wording::Wording;
pub use writer::CallIndexWriter;

use crate::analyzer::Analyzer;
use crate::stamp::{self, Stamp};
use crate::{Error, Result};

/// The least memory that a tantivy writer accepts, with room.
const LEAST_MEMORY: usize = 16 << 20;
/// Segments with more calls are not merged any more: merging takes memory with the number of their calls, and maps all of
/// their files. Segments end up with less than ten times as many.
const MERGED_CALLS: usize = 100_000;

/// An open call index.
pub struct CallIndex {
    index: Index,
    reader: IndexReader,
    fields: schema::Fields,
    analyzer: Analyzer,
    synonyms: RwLock<Arc<Synonyms>>,
    pins: pins::Pins,
}

impl std::fmt::Debug for CallIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallIndex").field("index", &self.index).finish_non_exhaustive()
    }
}

impl CallIndex {
    /// Opens the index in `dir`, or creates an empty one.
    ///
    /// # Errors
    /// [`Error::Stale`] when it was built with another dictionary or layout, so that it has to be
    /// rebuilt into an empty folder; otherwise when the folder cannot be read or written.
    pub fn open_or_create(dir: &Path, segmenter: Arc<Segmenter>, normalizer: Arc<Normalizer>) -> Result<Self> {
        let analyzer = Analyzer::new(segmenter, normalizer);
        let schema = schema::schema();
        stamp::check(dir, &Stamp { schema: SCHEMA_VERSION, analyzer: analyzer.fingerprint(), model: None })?;
        let directory = MmapDirectory::open(dir).map_err(tantivy::TantivyError::from)?;
        let index = match Index::open_or_create(directory, schema) {
            Err(tantivy::TantivyError::SchemaError(why)) => {
                return Err(Error::Stale { why, fix: crate::stamp::FIX.to_owned() });
            }
            other => other?,
        };
        analyzer.register(&index);
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let fields = schema::Fields::new(&index.schema())?;
        Ok(Self {
            index,
            reader,
            fields,
            analyzer,
            synonyms: RwLock::default(),
            pins: pins::Pins::default(),
        })
    }

    /// The index with the words that searches take for each other.
    #[must_use]
    pub fn with_synonyms(self, synonyms: Arc<Synonyms>) -> Self {
        self.set_synonyms(synonyms);
        self
    }

    /// Lets searches that begin from now on take other words for each other.
    pub fn set_synonyms(&self, synonyms: Arc<Synonyms>) {
        *self.synonyms.write().unwrap_or_else(PoisonError::into_inner) = synonyms;
    }

    fn synonyms(&self) -> Arc<Synonyms> {
        self.synonyms.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A writer with one indexing thread. There can be one at a time.
    ///
    /// # Errors
    /// When there is a writer already, in this process or in another, or the folder cannot be written.
    pub fn writer(&self, memory_bytes: usize) -> Result<CallIndexWriter> {
        let writer = crate::writing::writer(&self.index, memory_bytes.max(LEAST_MEMORY))?;
        let mut merging = LogMergePolicy::default();
        merging.set_max_docs_before_merge(MERGED_CALLS);
        writer.set_merge_policy(Box::new(merging));
        Ok(CallIndexWriter {
            writer: Some(writer),
            fields: self.fields.clone(),
            analyzer: self.analyzer.clone(),
        })
    }

    /// Builds the document of a call, for [`CallIndexWriter::upsert_document`].
    ///
    /// # Errors
    /// When the call cannot be written as JSON.
    pub fn document(&self, record: &CallRecord, analysis: &Analysis) -> Result<CallDocument> {
        document::build(&self.fields, &self.analyzer, record, analysis)
    }

    /// Lets searches see what was committed.
    ///
    /// # Errors
    /// When the committed files cannot be opened.
    pub fn reload(&self) -> Result<()> {
        self.pins.expire();
        Ok(self.reader.reload()?)
    }

    /// The note of the last commit.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn payload(&self) -> Result<Option<String>> {
        Ok(self.index.load_metas()?.payload)
    }

    /// Number of calls that searches see.
    pub fn len(&self) -> u64 {
        self.reader.searcher().num_docs()
    }

    /// Whether searches see no call.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What texts of queries are read with.
    fn reading<'a>(&'a self, synonyms: &'a Synonyms) -> Reading<'a> {
        Reading { analyzer: &self.analyzer, synonyms }
    }

    /// Parses the text of a query, for its warnings and what it means.
    pub fn parse(&self, text: &str) -> Expression {
        Expression::parse(text, self.reading(&self.synonyms()))
    }
}
