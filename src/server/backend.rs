//! What the services need from the store and the indexes: reading from many threads, writing
//! from one. The real one is over a data folder; the services know no more than this.

use std::sync::Arc;

use qingting_index as index;
use qingting_index::calls::{CallPage, CallQuery, Group};
use qingting_index::knowledge::{Article, Gap, KnowledgeHit, KnowledgeQuery, Suggestion};
use qingting_index::{DateRange, Feedback};
use qingting_pipeline::Analyzed;
use qingting_pipeline::record::Role;
use qingting_pipeline::topic::trend::CrisisAlert;
use qingting_pipeline::topic::view::TopicView;
use qingting_pipeline::topic::{TopicError, Topics};

use crate::insight;

/// What a person decides about topics.
pub type TopicDecision<'a> = dyn Fn(&mut Topics) -> Result<(), TopicError> + 'a;

/// Answers questions; called from the compute pool, by several threads at once.
pub trait Reader: Send + Sync + 'static {
    /// Searches calls.
    ///
    /// # Errors
    /// When a page token or facet cannot be understood, or the index cannot be read.
    fn search_calls(&self, query: &CallQuery) -> index::Result<CallPage>;

    /// One call, if it is there.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn get_call(&self, call_id: &str) -> index::Result<Option<Analyzed>>;

    /// Groups calls by a field, or all in one group.
    ///
    /// # Errors
    /// When the field cannot be grouped by, or the index cannot be read.
    fn aggregate(&self, query: &CallQuery, group_by: Option<&str>) -> index::Result<Vec<Group>>;

    /// Calls and topics as the last refresh left them.
    ///
    /// # Errors
    /// Before the first refresh; when they cannot be read.
    fn topics(&self) -> insight::Result<Arc<TopicView>>;

    /// Changes topics by a person's decision, and returns them as they are then.
    ///
    /// # Errors
    /// When the change is refused, or they cannot be read or written.
    fn change_topics(&self, change: &TopicDecision<'_>) -> insight::Result<Arc<TopicView>>;

    /// Brings the topics up to date with the calls, or finds them anew.
    ///
    /// # Errors
    /// When there are no calls, another refresh is under way, or something cannot be read or written.
    fn refresh_topics(&self, rebuild: bool) -> insight::Result<Topics>;

    /// The calls in which a life is in danger, newest first.
    ///
    /// # Errors
    /// When the index or the store cannot be read.
    fn crises(&self, range: DateRange) -> insight::Result<Vec<CrisisAlert>>;

    /// Searches the knowledge base.
    ///
    /// # Errors
    /// When the index cannot be read.
    fn search_articles(&self, query: &KnowledgeQuery) -> index::Result<Vec<KnowledgeHit>>;

    /// How sure the best of the hits of a question is, when that is too little for an answer.
    fn unanswered(&self, hits: &[KnowledgeHit]) -> Option<f64>;

    /// What is asked of the knowledge base for a running call; see [`index::knowledge::KnowledgeIndex::need`].
    fn need(&self, turns: &[(Role, &str)]) -> Vec<String>;

    /// Articles for a need.
    ///
    /// # Errors
    /// When the index cannot be read.
    fn suggest(&self, need: &[String], limit: usize) -> index::Result<Suggestion>;

    /// Questions without an answer, the most frequent first.
    ///
    /// # Errors
    /// When the indexes or the store cannot be read.
    fn gaps(&self, limit: usize) -> index::Result<Vec<Gap>>;
}

/// Changes what is kept; owned by the one writer thread. After an error other than a refusal
/// nothing more is asked of it.
pub trait Writer: Send + 'static {
    /// Makes calls durable: when this returns they survive a crash. They need not be searchable yet.
    ///
    /// # Errors
    /// When none of them could be kept.
    fn ingest(&mut self, calls: Vec<Analyzed>) -> index::Result<()>;

    /// Makes everything that was taken in searchable.
    ///
    /// # Errors
    /// When the index cannot be written; the calls are safe none the less.
    fn refresh(&mut self) -> index::Result<()>;

    /// Takes in articles, searchable when this returns.
    ///
    /// # Errors
    /// When none of them could be kept.
    fn import_articles(&mut self, articles: Vec<Article>) -> index::Result<()>;

    /// Keeps what somebody said about an answer; it moves the ranking when this returns.
    ///
    /// # Errors
    /// [`index::Error::Refused`] for an article that is not there; when it could not be kept.
    fn feedback(&mut self, feedback: Feedback) -> index::Result<()>;

    /// Notes a question that found no sure answer.
    ///
    /// # Errors
    /// When it could not be kept.
    fn note_unanswered(&mut self, question: &str, confidence: f64) -> index::Result<()>;

    /// Brings everything to disk and closes.
    ///
    /// # Errors
    /// When that fails; what was acknowledged is safe none the less.
    fn finish(self: Box<Self>) -> index::Result<()>;
}
