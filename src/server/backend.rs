//! What the services need from the store and the indexes: reading from many threads, writing
//! from one. The real one is over a data folder; the services know no more than this.

use chrono::{DateTime, FixedOffset};
use qingting_index as index;
use qingting_pipeline::Analyzed;
use qingting_pipeline::record::{Agent, Finding, Role};

use super::status::Failure;

/// Where a page begins: so many calls, and so many findings of the next call, are before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// Calls before.
    pub call: u64,
    /// Findings of the next call before; 0 where calls are listed.
    pub finding: u64,
}

/// A search for calls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallQuery {
    /// What to look for; empty finds all that pass the filter.
    pub query: String,
    /// Which calls.
    pub filter: String,
    /// The order; empty is by relevance, or newest first without a query.
    pub order_by: String,
    /// Where the page begins.
    pub start: Cursor,
    /// Most hits.
    pub size: usize,
    /// Fields to count the values of.
    pub facets: Vec<String>,
    /// Whether hits carry highlights.
    pub highlight: bool,
}

/// One page of hits.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CallPage {
    /// The hits.
    pub hits: Vec<CallHit>,
    /// Calls that match, on all pages.
    pub total: u64,
    /// Counts, one entry a facet that was asked for, in that order.
    pub facets: Vec<Vec<(String, u64)>>,
}

/// One call that matches.
#[derive(Debug, Clone, PartialEq)]
pub struct CallHit {
    /// The call.
    pub call: Analyzed,
    /// Relevance.
    pub score: f32,
    /// Passages, best first.
    pub highlights: Vec<Highlight>,
}

/// A passage of a turn with what matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Highlight {
    /// The turn.
    pub turn: u32,
    /// Who says it.
    pub role: Role,
    /// Start of the turn, milliseconds.
    pub start_ms: Option<u64>,
    /// The passage.
    pub passage: String,
    /// Character of the turn's masked text where the passage starts.
    pub start_char: u32,
    /// Character ranges within the passage, ascending, without overlap.
    pub matches: Vec<(u32, u32)>,
}

/// A request for findings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FindingQuery {
    /// One call, or all.
    pub call_id: Option<String>,
    /// Which calls, and by `code` which findings.
    pub filter: String,
    /// Order of the calls.
    pub order_by: String,
    /// Those left to human review instead of those asserted.
    pub uncertain: bool,
    /// Where the page begins.
    pub start: Cursor,
    /// Most findings.
    pub size: usize,
}

/// One page of findings.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FindingPage {
    /// The findings.
    pub findings: Vec<ListedFinding>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// A finding with its call.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedFinding {
    /// The call.
    pub call_id: String,
    /// When it began.
    pub started_at: Option<DateTime<FixedOffset>>,
    /// Its agent.
    pub agent: Option<Agent>,
    /// Its queue.
    pub queue: Option<String>,
    /// The finding.
    pub finding: Finding,
}

/// What makes a group of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// The agent's id.
    Agent,
    /// The team.
    Team,
    /// The queue.
    Queue,
    /// The code of asserted findings.
    Code,
    /// The day.
    Day,
}

/// One group of calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What they have in common.
    pub value: String,
    /// How many.
    pub calls: u64,
    /// Mean score of those that have one.
    pub average_score: Option<f64>,
    /// Mean predicted satisfaction.
    pub average_satisfaction: Option<f64>,
}

/// The groups of an aggregation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Groups {
    /// The groups, days ascending, everything else by size.
    pub groups: Vec<Group>,
    /// Calls that match.
    pub total: u64,
}

/// A knowledge article.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Article {
    /// Unique id.
    pub id: String,
    /// Title.
    pub title: String,
    /// Body.
    pub body: String,
    /// Category.
    pub category: Option<String>,
    /// Responsible department.
    pub department: Option<String>,
    /// First day on which it holds.
    pub valid_from: Option<String>,
    /// Last day on which it holds.
    pub valid_to: Option<String>,
    /// Where it was taken from.
    pub source: Option<String>,
}

/// One article that matches.
#[derive(Debug, Clone, PartialEq)]
pub struct ArticleHit {
    /// The article.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its best passage.
    pub passage: String,
    /// Relevance.
    pub score: f32,
}

/// Answers questions; called from the compute pool, by several threads at once.
pub trait Reader: Send + Sync + 'static {
    /// Searches calls.
    ///
    /// # Errors
    /// When query, filter, order or a facet cannot be understood, or the index cannot be read.
    fn search_calls(&self, query: &CallQuery) -> Result<CallPage, Failure>;

    /// One call, if it is there.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn get_call(&self, call_id: &str) -> Result<Option<Analyzed>, Failure>;

    /// Lists findings.
    ///
    /// # Errors
    /// When the filter or the order cannot be understood, or the store cannot be read.
    fn list_findings(&self, query: &FindingQuery) -> Result<FindingPage, Failure>;

    /// Counts calls.
    ///
    /// # Errors
    /// When query or filter cannot be understood, or the index cannot be read.
    fn aggregate(&self, by: GroupBy, query: &str, filter: &str) -> Result<Groups, Failure>;

    /// Searches the knowledge base.
    ///
    /// # Errors
    /// When the index cannot be read.
    fn search_articles(&self, query: &str, size: usize) -> Result<Vec<ArticleHit>, Failure>;
}

/// Changes what is kept; owned by the one writer thread.
pub trait Writer: Send + 'static {
    /// Makes calls durable: when this returns they survive a crash. They need not be searchable yet.
    ///
    /// # Errors
    /// When none of them could be kept.
    fn ingest(&mut self, calls: &[Analyzed]) -> index::Result<()>;

    /// Makes everything that was taken in searchable.
    ///
    /// # Errors
    /// When the index cannot be written; the calls are safe none the less.
    fn refresh(&mut self) -> index::Result<()>;

    /// Takes in articles, searchable when this returns.
    ///
    /// # Errors
    /// When none of them could be kept.
    fn import_articles(&mut self, articles: &[Article]) -> index::Result<()>;

    /// Brings everything to disk and closes.
    ///
    /// # Errors
    /// When that fails; what was acknowledged is safe none the less.
    fn finish(self: Box<Self>) -> index::Result<()>;
}
