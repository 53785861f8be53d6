//! The real backend: a data folder and its knowledge base, held for writing as long as the
//! server runs.

use std::path::Path;
use std::sync::Arc;

use qingting_index as index;
use qingting_index::calls::{CallPage, CallQuery, Group};
use qingting_index::knowledge::{Article, KnowledgeHit, KnowledgeIndex, KnowledgeQuery};
use qingting_index::{Context, DataDir};
use qingting_models::Encoder;
use qingting_pipeline::{Analyzed, Pipeline};

use super::State;
use super::backend::{Reader, Writer};

/// Where the ledger says that calls came from.
const SOURCE: &str = "grpc";

struct Data {
    folder: DataDir,
    knowledge: KnowledgeIndex,
}

/// Opens a data folder for serving; creates it when it is missing or empty.
/// `who` is what its lock tells other programs.
///
/// # Errors
/// When another process writes it, a newer version wrote it, or an index has to be rebuilt first.
pub fn open(path: &Path, who: &str, pipeline: Arc<Pipeline>, encoder: Arc<dyn Encoder>) -> index::Result<State> {
    let folder = DataDir::open_writer(path, Context::new(&pipeline), who)?;
    // Better refused now than with every search.
    folder.calls()?;
    let (segmenter, normalizer) = (pipeline.segmenter().clone(), pipeline.normalizer().clone());
    let knowledge = KnowledgeIndex::open_or_create(&folder.knowledge_index_dir(), segmenter, normalizer, encoder)?;
    let data = Arc::new(Data { folder, knowledge });
    Ok(State { pipeline, reader: data.clone(), writer: Box::new(DataWriter(data)) })
}

impl Reader for Data {
    fn search_calls(&self, query: &CallQuery) -> index::Result<CallPage> {
        self.folder.calls()?.search(query)
    }

    fn get_call(&self, call_id: &str) -> index::Result<Option<Analyzed>> {
        self.folder.get_call(call_id)
    }

    fn aggregate(&self, query: &CallQuery, group_by: Option<&str>) -> index::Result<Vec<Group>> {
        self.folder.calls()?.aggregate(query, group_by)
    }

    fn search_articles(&self, query: &KnowledgeQuery) -> index::Result<Vec<KnowledgeHit>> {
        self.knowledge.search(query)
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

    fn finish(self: Box<Self>) -> index::Result<()> {
        // Requests that were cut off may still hold the folder, so it is tidied and not closed; the
        // lock goes with the last of them.
        self.0.folder.compact()
    }
}
