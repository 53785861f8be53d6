//! The real backend: a data folder and its knowledge base, held for writing as long as the
//! server runs.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chrono::NaiveDate;
use qingting_index as index;
use qingting_index::calls::{CallPage, CallQuery, Group};
use qingting_index::knowledge::{Article, Gap, KnowledgeHit, KnowledgeIndex, KnowledgeQuery, Suggestion};
use qingting_index::{
    ApiKey, AssignmentsStamp, AuditEntry, CaseEntry, CaseQuery, Context, DataDir, DateRange, Depth, ExampleEntry,
    ExperienceEntry, Feedback, Publication, Question, ReviewEntry, ReviewQuery,
};
use qingting_pipeline::assets::Assets;
use qingting_pipeline::record::{Particulars, Role};
use qingting_pipeline::topic::Topics;
use qingting_pipeline::topic::trend::CrisisAlert;
use qingting_pipeline::topic::view::TopicView;
use qingting_pipeline::{Analyzed, Pipeline};

use super::backend::{Calls, Reader, TopicDecision, Writer};
use super::{Judging, State};
use crate::case;
use crate::coaching::library;
use crate::documents::Shelf;
use crate::insight::lookup::{TopicLookup, calls_of};
use crate::insight::nightly::Nightly;
use crate::insight::{self, InsightSettings};
use crate::knowledge::Choice;

/// Seed of the clustering; that of `qingting topics`.
const SEED: u64 = 1;
/// Where the ledger says that calls came from.
const SOURCE: &str = "grpc";

struct Data {
    folder: Arc<DataDir>,
    knowledge: KnowledgeIndex,
    /// What calls are analysed by, and the files that it was made of.
    judging: RwLock<(Arc<Pipeline>, Assets)>,
    insight: InsightSettings,
    cases: Arc<case::Rules>,
    topics: TopicStore,
}

/// The topics as they were read last, and the one who changes them.
#[derive(Default)]
struct TopicStore {
    read: Mutex<Option<(AssignmentsStamp, Arc<TopicView>)>>,
    changing: Mutex<()>,
}

/// Opens a data folder for serving; creates it when it is missing or empty.
/// `who` is what its lock tells other programs, `judging` what calls are analysed by, and `articles` by which vectors
/// articles are found.
///
/// # Errors
/// When another process writes it, a newer version wrote it, or an index has to be rebuilt first.
pub fn open(
    path: &Path,
    who: &str,
    judging: Judging,
    context: Context,
    articles: &Choice,
    insight: InsightSettings,
) -> index::Result<State> {
    let folder = DataDir::open_writer(path, context, who)?;
    let Judging { mut pipeline, config, mut shelf } = judging;
    // Read again: somebody may have published before the lock was ours.
    let newest = Shelf::new(shelf.files().clone(), folder.newest_publications()?);
    if newest.number() != shelf.number() {
        shelf = newest;
        pipeline = Arc::new(Pipeline::new(&config, shelf.assets())?);
        folder.set_context(Context::new(&pipeline))?;
    }
    // Better refused now than with every search.
    folder.calls()?;
    let cases = Arc::new(case::Rules::load(shelf.assets())?);
    let experience = Arc::new(crate::experience::Rules::load(shelf.assets())?);
    let knowledge = crate::knowledge::open(&folder, &pipeline, articles)?;
    if let Some(note) = crate::knowledge::unused(&knowledge, articles) {
        tracing::warn!("{note}");
    }
    if let Err(error) = library::settle(&folder, &knowledge, pipeline.finder().catalog()) {
        tracing::error!(%error, "examples of the case library cannot be found until the server is started again");
    }
    let topics = TopicStore::default();
    let data = Data {
        folder: Arc::new(folder),
        knowledge,
        judging: RwLock::new((pipeline.clone(), shelf.assets().clone())),
        insight: insight.clone(),
        cases: cases.clone(),
        topics,
    };
    let data = Arc::new(data);
    Ok(State {
        judging: Judging { pipeline, config, shelf },
        reader: data.clone(),
        writer: Box::new(DataWriter(data)),
        insight,
        cases,
        experience,
        folder: Some(path.to_owned()),
    })
}

impl Reader for Data {
    fn search_calls(&self, query: &CallQuery) -> index::Result<CallPage> {
        let lookup = TopicLookup(|topic: &str| calls_of(&self.topics()?.topics, topic));
        self.folder.search(query, &lookup)
    }

    fn get_call(&self, call_id: &str) -> index::Result<Option<Analyzed>> {
        self.folder.get_call(call_id)
    }

    fn particulars(&self, call_id: &str) -> index::Result<Option<Particulars>> {
        self.folder.particulars(call_id)
    }

    fn scan(&self, range: DateRange, depth: Depth) -> index::Result<Calls> {
        Ok(Box::new(self.folder.scan_owned(range, depth)?))
    }

    fn days(&self) -> index::Result<Option<(NaiveDate, NaiveDate)>> {
        let stats = self.folder.stats()?;
        Ok(stats.first_date.zip(stats.last_date))
    }

    fn aggregate(&self, query: &CallQuery, group_by: Option<&str>) -> index::Result<Vec<Group>> {
        let lookup = TopicLookup(|topic: &str| calls_of(&self.topics()?.topics, topic));
        self.folder.aggregate(query, group_by, &lookup)
    }

    fn topics(&self) -> insight::Result<Arc<TopicView>> {
        let stamp = self.folder.assignments_stamp()?.ok_or(insight::Error::NoTopics)?;
        let mut read = self.topics.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, view)) = read.as_ref().filter(|(of, _)| *of == stamp) {
            return Ok(Arc::clone(view));
        }
        let view = Arc::new(insight::load(&self.folder, DateRange::ALL)?);
        *read = Some((stamp, Arc::clone(&view)));
        Ok(view)
    }

    fn pseudonyms(&self, caller: &str) -> index::Result<Vec<String>> {
        self.folder.caller_pseudonyms(caller)
    }

    fn history(&self, pseudonyms: &[String], since: NaiveDate, limit: usize) -> index::Result<Vec<Analyzed>> {
        self.folder.calls_of(pseudonyms, Some(since), limit)
    }

    fn callers_in_danger(&self) -> index::Result<BTreeSet<String>> {
        crate::callers::affected::in_danger(&self.folder)
    }

    fn change_topics(&self, change: &TopicDecision<'_>) -> insight::Result<Arc<TopicView>> {
        let _one = self.topics.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut topics: Topics = self.folder.read_topics()?.ok_or(insight::Error::NoTopics)?;
        change(&mut topics)?;
        self.folder.write_topics(&topics)?;
        self.topics()
    }

    fn refresh_topics(&self, rebuild: bool) -> insight::Result<Topics> {
        let _one = self.topics.changing.try_lock().map_err(|_| insight::Error::Busy)?;
        let (pipeline, assets) = self.judging();
        let nightly = Nightly {
            data: &self.folder,
            config: &self.insight.topic,
            assets: &assets,
            pipeline: &pipeline,
            seed: SEED,
            rebuild,
        };
        nightly.run(DateRange::ALL)
    }

    fn crises(&self, range: DateRange) -> insight::Result<Vec<CrisisAlert>> {
        insight::crises(&self.folder, range)
    }

    fn search_articles(&self, query: &KnowledgeQuery) -> index::Result<Vec<KnowledgeHit>> {
        self.knowledge.search(query)
    }

    fn unanswered(&self, hits: &[KnowledgeHit]) -> Option<f64> {
        self.knowledge.unanswered(hits)
    }

    fn need(&self, turns: &[(Role, &str)]) -> Vec<String> {
        self.knowledge.need(turns)
    }

    fn suggest(&self, need: &[String], limit: usize) -> index::Result<Suggestion> {
        self.knowledge.suggest(need, &KnowledgeQuery { limit, ..KnowledgeQuery::default() })
    }

    fn gaps(&self, limit: usize) -> index::Result<Vec<Gap>> {
        insight::gaps::find(&self.folder, &self.knowledge, limit)
    }

    fn keys(&self) -> index::Result<Vec<ApiKey>> {
        self.folder.keys()
    }

    fn audit_trail(&self, before: Option<i64>, limit: u32) -> index::Result<Vec<AuditEntry>> {
        self.folder.audit_trail(before, limit)
    }

    fn reviews(&self, query: &ReviewQuery) -> index::Result<Vec<ReviewEntry>> {
        self.folder.reviews(query)
    }

    fn count_reviews(&self, query: &ReviewQuery) -> index::Result<u64> {
        self.folder.count_reviews(query)
    }

    fn cases(&self, query: &CaseQuery) -> index::Result<Vec<CaseEntry>> {
        self.folder.cases(query)
    }

    fn examples(&self) -> index::Result<Vec<ExampleEntry>> {
        self.folder.examples()
    }

    fn experience(&self) -> index::Result<Vec<ExperienceEntry>> {
        self.folder.experience()
    }

    fn publications(&self, document: &str, before: Option<u32>, limit: u32) -> index::Result<Vec<Publication>> {
        self.folder.publications(document, before, limit)
    }
}

impl Data {
    fn judging(&self) -> (Arc<Pipeline>, Assets) {
        self.judging.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Data {
    /// The cases that calls open at once.
    fn urgent(&self, calls: &[Analyzed]) -> Vec<case::Recorded> {
        let (pipeline, _) = self.judging();
        case::at_once(&self.cases, calls, pipeline.finder().catalog(), chrono::Utc::now())
    }
}

struct DataWriter(Arc<Data>);

impl DataWriter {
    fn open_case(&self, opening: case::Recorded) -> index::Result<()> {
        let new = case::fresh(&*self.0.folder, vec![opening], &self.0.cases)?;
        let entries = new.iter().map(case::Recorded::to_entry).collect::<index::Result<Vec<_>>>()?;
        self.0.folder.add_cases(&entries).map(drop)
    }
}

impl Writer for DataWriter {
    fn ingest(&mut self, calls: Vec<Analyzed>) -> index::Result<()> {
        let urgent = self.0.urgent(&calls);
        self.0.folder.append(calls, SOURCE)?;
        // After the calls, which are safe by now: what goes wrong here, or does not come about, the nightly step makes up for.
        for opening in urgent {
            if let Err(error) = self.open_case(opening) {
                tracing::error!(%error, "a case that does not wait for the night was not opened");
            }
        }
        Ok(())
    }

    fn refresh(&mut self) -> index::Result<()> {
        self.0.folder.commit()
    }

    fn import_articles(&mut self, articles: Vec<Article>) -> index::Result<()> {
        self.0.knowledge.import_articles(articles).map(drop)
    }

    fn feedback(&mut self, feedback: Feedback) -> index::Result<()> {
        if !self.0.knowledge.has(&feedback.article)? {
            let what = format!("article {}", feedback.article);
            return Err(index::Error::Refused { what, message: "there is no such article".to_owned() });
        }
        let query = self.0.knowledge.kept_question(&feedback.query);
        self.0.folder.add_feedback(&Feedback { query, ..feedback })?;
        self.0.knowledge.set_feedback(&self.0.folder.feedback()?)
    }

    fn note_unanswered(&mut self, question: &str, confidence: f64) -> index::Result<()> {
        let question = Question { text: self.0.knowledge.kept_question(question), confidence };
        self.0.folder.add_questions(&[question], self.0.insight.knowledge.question_log)
    }

    fn add_key(&mut self, key: &ApiKey, who: &str) -> index::Result<()> {
        self.0.folder.add_key(key, who)
    }

    fn revoke_key(&mut self, id: &str, who: &str) -> index::Result<ApiKey> {
        self.0.folder.revoke_key(id, who)
    }

    fn audit(&mut self, who: &str, action: &str, subject: &str, detail: &str) -> index::Result<()> {
        self.0.folder.audit(who, action, subject, detail)
    }

    fn reviews(&self, query: &ReviewQuery) -> index::Result<Vec<ReviewEntry>> {
        self.0.folder.reviews(query)
    }

    fn add_reviews(&mut self, entries: &[ReviewEntry]) -> index::Result<Vec<i64>> {
        self.0.folder.add_reviews(entries)
    }

    fn cases(&self, query: &CaseQuery) -> index::Result<Vec<CaseEntry>> {
        self.0.folder.cases(query)
    }

    fn add_cases(&mut self, entries: &[CaseEntry]) -> index::Result<Vec<i64>> {
        self.0.folder.add_cases(entries)
    }

    fn examples(&self) -> index::Result<Vec<ExampleEntry>> {
        self.0.folder.examples()
    }

    fn add_example(&mut self, entry: &ExampleEntry, action: &str, detail: &str) -> index::Result<i64> {
        self.0.folder.add_example(entry, action, detail)
    }

    fn remove_articles(&mut self, ids: &[String]) -> index::Result<()> {
        self.0.knowledge.remove(ids)
    }

    fn experience(&self) -> index::Result<Vec<ExperienceEntry>> {
        self.0.folder.experience()
    }

    fn add_experience(&mut self, entries: &[ExperienceEntry]) -> index::Result<Vec<i64>> {
        self.0.folder.add_experience(entries)
    }

    fn publish(&mut self, versions: &[Publication]) -> index::Result<Vec<i64>> {
        self.0.folder.publish(versions)
    }

    fn renew(&mut self, pipeline: &Arc<Pipeline>, assets: &Assets) -> index::Result<()> {
        self.0.folder.set_context(Context::new(pipeline))?;
        *self.0.judging.write().unwrap_or_else(PoisonError::into_inner) = (pipeline.clone(), assets.clone());
        Ok(())
    }

    fn finish(self: Box<Self>) -> index::Result<()> {
        // Requests that were cut off may still hold the folder, so it is tidied and not closed; the
        // lock goes with the last of them.
        self.0.folder.compact()
    }
}
