//! What the services need from the store and the indexes: reading from many threads, writing
//! from one. The real one is over a data folder; the services know no more than this.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use chrono::NaiveDate;
use qingting_index as index;
use qingting_index::calls::{CallPage, CallQuery, Group};
use qingting_index::knowledge::{Article, Gap, KnowledgeHit, KnowledgeQuery, Suggestion};
use qingting_index::{
    ApiKey, AuditEntry, CaseEntry, CaseQuery, DateRange, Depth, ExampleEntry, ExperienceEntry, Feedback, Publication,
    ReviewEntry, ReviewQuery,
};
use qingting_pipeline::assets::Assets;
use qingting_pipeline::record::{Particulars, Role};
use qingting_pipeline::topic::trend::CrisisAlert;
use qingting_pipeline::topic::view::TopicView;
use qingting_pipeline::topic::{TopicError, Topics};
use qingting_pipeline::{Analyzed, Pipeline};

use crate::callers::TopicNames;
use crate::insight;

/// What a person decides about topics.
pub type TopicDecision<'a> = dyn Fn(&mut Topics) -> Result<(), TopicError> + 'a;

/// Calls one after another; an error is the last of them.
pub type Calls = Box<dyn Iterator<Item = index::Result<Analyzed>> + Send>;

/// How much of all calls is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Every call.
    All,
    /// Those of some teams.
    Teams,
    /// Those of one agent.
    Agent,
}

/// A call that figures are compared with.
pub struct Compared {
    /// The call.
    pub call: Analyzed,
    /// It is somebody else's, and nothing in it tells whose: agents are numbered, and what identifies the call and what was said is
    /// left out.
    pub anonymous: bool,
}

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

    /// What masking took out of a call, if it is there and that is kept of it.
    ///
    /// # Errors
    /// When it cannot be opened, or the store cannot be read.
    fn particulars(&self, call_id: &str) -> index::Result<Option<Particulars>>;

    /// The calls of a range of dates, by date, time and id, read while they are asked for; of an outline what was said
    /// may be missing.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn scan(&self, range: DateRange, depth: Depth) -> index::Result<Calls>;

    /// Outlines of the same calls and of those that they are compared with: for an agent those of the own team, where there are
    /// enough others in it.
    ///
    /// # Errors
    /// When the store or the index cannot be read.
    fn compared(&self, range: DateRange) -> index::Result<Box<dyn Iterator<Item = index::Result<Compared>> + Send>> {
        let own = |call: index::Result<Analyzed>| call.map(|call| Compared { call, anonymous: false });
        Ok(Box::new(self.scan(range, Depth::Outline)?.map(own)))
    }

    /// The first and the last day that has calls, whoever may see them.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn days(&self) -> index::Result<Option<(NaiveDate, NaiveDate)>>;

    /// The calls of which it hides what the machine says.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn hidden(&self) -> index::Result<BTreeSet<String>> {
        Ok(BTreeSet::new())
    }

    /// How much of all calls it shows.
    fn sight(&self) -> Sight {
        Sight::All
    }

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

    /// Id and name of the topic of each of some calls, whoever may see the topics; of none before the first refresh.
    ///
    /// # Errors
    /// When they cannot be read.
    fn topics_of(&self, call_ids: &[&str]) -> insight::Result<TopicNames> {
        let view = match self.topics() {
            Err(insight::Error::NoTopics) => return Ok(TopicNames::new()),
            view => view?,
        };
        let wanted: HashSet<&str> = call_ids.iter().copied().collect();
        let found = view.calls.iter().enumerate().filter(|(_, call)| wanted.contains(call.call_id.as_str()));
        let named = found.filter_map(|(at, call)| Some((call.call_id.clone(), view.topic(at)?)));
        Ok(named.map(|(call, topic)| (call, (topic.id.clone(), topic.label.clone()))).collect())
    }

    /// Every pseudonym that an id, a telephone number or a pseudonym may stand for.
    ///
    /// # Errors
    /// When the key cannot be read.
    fn pseudonyms(&self, caller: &str) -> index::Result<Vec<String>>;

    /// The newest calls of whoever has one of some pseudonyms, from a day on, for a history card alone: an agent is shown those
    /// that others took, without their names.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn history(&self, pseudonyms: &[String], since: NaiveDate, limit: usize) -> index::Result<Vec<Analyzed>>;

    /// The pseudonyms of all callers of whom a life was in danger, whoever may see the calls: they are kept off lists.
    ///
    /// # Errors
    /// When the index or the store cannot be read.
    fn callers_in_danger(&self) -> index::Result<BTreeSet<String>>;

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

    /// All API keys, those that have ended too.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn keys(&self) -> index::Result<Vec<ApiKey>>;

    /// The last entries of the audit trail before a number, newest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn audit_trail(&self, before: Option<i64>, limit: u32) -> index::Result<Vec<AuditEntry>>;

    /// What people decided about calls.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn reviews(&self, query: &ReviewQuery) -> index::Result<Vec<ReviewEntry>>;

    /// How much of that there is, whatever the limit.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn count_reviews(&self, query: &ReviewQuery) -> index::Result<u64>;

    /// What happened in cases.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn cases(&self, query: &CaseQuery) -> index::Result<Vec<CaseEntry>>;

    /// What happened to examples of the case library, in the order in which it did.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn examples(&self) -> index::Result<Vec<ExampleEntry>>;

    /// What happened in the programme of experience officers.
    ///
    /// # Errors
    /// When the ledger cannot be read, or not everything may be seen.
    fn experience(&self) -> index::Result<Vec<ExperienceEntry>>;

    /// Versions of a document before a version, newest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn publications(&self, document: &str, before: Option<u32>, limit: u32) -> index::Result<Vec<Publication>>;
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

    /// Keeps a new API key, and who made it.
    ///
    /// # Errors
    /// When it could not be kept.
    fn add_key(&mut self, key: &ApiKey, who: &str) -> index::Result<()>;

    /// Ends an API key for good, and notes who did it; the key as it is then.
    ///
    /// # Errors
    /// [`index::Error::NotFound`] when there is none of that id; when it could not be kept.
    fn revoke_key(&mut self, id: &str, who: &str) -> index::Result<ApiKey>;

    /// Appends to the audit trail; it is on disk when this returns.
    ///
    /// # Errors
    /// When it could not be kept.
    fn audit(&mut self, who: &str, action: &str, subject: &str, detail: &str) -> index::Result<()>;

    /// What people decided about calls: all of it, so that what is written can be decided by it.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn reviews(&self, query: &ReviewQuery) -> index::Result<Vec<ReviewEntry>>;

    /// Keeps what people decide about calls, all or nothing, and returns its numbers.
    ///
    /// # Errors
    /// When it could not be kept.
    fn add_reviews(&mut self, entries: &[ReviewEntry]) -> index::Result<Vec<i64>>;

    /// What happened in cases: all of it, so that what is written can be decided by it.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn cases(&self, query: &CaseQuery) -> index::Result<Vec<CaseEntry>>;

    /// Keeps what happens in cases, all or nothing, and returns its numbers.
    ///
    /// # Errors
    /// When it could not be kept.
    fn add_cases(&mut self, entries: &[CaseEntry]) -> index::Result<Vec<i64>>;

    /// What happened to examples of the case library: all of it, so that what is written can be decided by it.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn examples(&self) -> index::Result<Vec<ExampleEntry>>;

    /// Keeps what happens to an example, with a line in the audit trail, and returns its number.
    ///
    /// # Errors
    /// When it could not be kept.
    fn add_example(&mut self, entry: &ExampleEntry, action: &str, detail: &str) -> index::Result<i64>;

    /// Takes articles out of the knowledge base, by id.
    ///
    /// # Errors
    /// When the index cannot be written.
    fn remove_articles(&mut self, ids: &[String]) -> index::Result<()>;

    /// What happened in the programme of experience officers, so that what is written can be decided by it.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn experience(&self) -> index::Result<Vec<ExperienceEntry>>;

    /// Keeps what happens in it, all or nothing, and returns its numbers.
    ///
    /// # Errors
    /// When it could not be kept.
    fn add_experience(&mut self, entries: &[ExperienceEntry]) -> index::Result<Vec<i64>>;

    /// Keeps versions of documents, all or none, with a line each in the audit trail; their numbers.
    ///
    /// # Errors
    /// When they could not be kept.
    fn publish(&mut self, versions: &[Publication]) -> index::Result<Vec<i64>>;

    /// Goes on with another pipeline of the same words, and the files that it was made of.
    ///
    /// # Errors
    /// [`index::Error::Refused`] when its words are others.
    fn renew(&mut self, pipeline: &Arc<Pipeline>, assets: &Assets) -> index::Result<()>;

    /// Brings everything to disk and closes.
    ///
    /// # Errors
    /// When that fails; what was acknowledged is safe none the less.
    fn finish(self: Box<Self>) -> index::Result<()>;
}
