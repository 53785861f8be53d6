//! The real backend: a data folder and its knowledge base, held for writing as long as the
//! server runs.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use qingting_index as index;
use qingting_index::calls::{CallPage, CallQuery, Group};
use qingting_index::knowledge::{Article, Gap, KnowledgeHit, KnowledgeIndex, KnowledgeQuery, Suggestion};
use qingting_index::{AssignmentsStamp, Context, DataDir, DateRange, Feedback, Question};
use qingting_pipeline::assets::Assets;
use qingting_pipeline::record::Role;
use qingting_pipeline::topic::Topics;
use qingting_pipeline::topic::trend::CrisisAlert;
use qingting_pipeline::topic::view::TopicView;
use qingting_pipeline::{Analyzed, Pipeline};

use super::State;
use super::backend::{Reader, TopicDecision, Writer};
use crate::insight::lookup::{TopicLookup, calls_of};
use crate::insight::nightly::Nightly;
use crate::insight::{self, InsightSettings};
use crate::knowledge::Choice;

/// Seed of the clustering; that of `qingting topics`.
const SEED: u64 = 1;
/// Where the ledger says that calls came from.
const SOURCE: &str = "grpc";

struct Data {
    folder: DataDir,
    knowledge: KnowledgeIndex,
    pipeline: Arc<Pipeline>,
    assets: Assets,
    insight: InsightSettings,
    topics: TopicStore,
}

/// The topics as they were read last, and the one who changes them.
#[derive(Default)]
struct TopicStore {
    read: Mutex<Option<(AssignmentsStamp, Arc<TopicView>)>>,
    changing: Mutex<()>,
}

/// Opens a data folder for serving; creates it when it is missing or empty.
/// `who` is what its lock tells other programs, and `articles` by which vectors articles are found.
///
/// # Errors
/// When another process writes it, a newer version wrote it, or an index has to be rebuilt first.
pub fn open(
    path: &Path,
    who: &str,
    pipeline: Arc<Pipeline>,
    articles: &Choice,
    (insight, assets): (InsightSettings, Assets),
) -> index::Result<State> {
    let folder = DataDir::open_writer(path, Context::new(&pipeline), who)?;
    // Better refused now than with every search.
    folder.calls()?;
    let knowledge = crate::knowledge::open(&folder, &pipeline, articles)?;
    if let Some(note) = crate::knowledge::unused(&knowledge, articles) {
        tracing::warn!("{note}");
    }
    let topics = TopicStore::default();
    let data = Data {
        folder,
        knowledge,
        pipeline: pipeline.clone(),
        assets,
        insight: insight.clone(),
        topics,
    };
    let data = Arc::new(data);
    Ok(State { pipeline, reader: data.clone(), writer: Box::new(DataWriter(data)), insight })
}

impl Reader for Data {
    fn search_calls(&self, query: &CallQuery) -> index::Result<CallPage> {
        let lookup = TopicLookup(|topic: &str| calls_of(&self.topics()?.topics, topic));
        self.folder.search(query, &lookup)
    }

    fn get_call(&self, call_id: &str) -> index::Result<Option<Analyzed>> {
        self.folder.get_call(call_id)
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

    fn change_topics(&self, change: &TopicDecision<'_>) -> insight::Result<Arc<TopicView>> {
        let _one = self.topics.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut topics: Topics = self.folder.read_topics()?.ok_or(insight::Error::NoTopics)?;
        change(&mut topics)?;
        self.folder.write_topics(&topics)?;
        self.topics()
    }

    fn refresh_topics(&self, rebuild: bool) -> insight::Result<Topics> {
        let _one = self.topics.changing.try_lock().map_err(|_| insight::Error::Busy)?;
        let nightly = Nightly {
            data: &self.folder,
            config: &self.insight.topic,
            assets: &self.assets,
            pipeline: &self.pipeline,
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
}

struct DataWriter(Arc<Data>);

impl Writer for DataWriter {
    fn ingest(&mut self, calls: Vec<Analyzed>) -> index::Result<()> {
        self.0.folder.append(calls, SOURCE)
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

    fn finish(self: Box<Self>) -> index::Result<()> {
        // Requests that were cut off may still hold the folder, so it is tidied and not closed; the
        // lock goes with the last of them.
        self.0.folder.compact()
    }
}
