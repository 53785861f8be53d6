//! CoachingService: sheets, phrases, bulletins and the case library, of what the asker sees. What is told is
//! [`crate::coaching`]'s; this reads the calls, and stops when nobody waits any more.

mod library;
mod told;
mod wire;

use std::sync::Arc;

use qingting_index as index;
use qingting_index::ExampleEntry;
use qingting_index::knowledge::{CASE_PREFIX, Kinds, KnowledgeHit, KnowledgeQuery};
use qingting_proto::v1;
use qingting_proto::v1::coaching_service_server::CoachingService;
use tonic::{Request, Response, Status};

use super::Judging;
use super::backend::Reader;
use super::shared::Shared;
use super::status::Failure;
use crate::coaching::Phrases;
use crate::coaching::example::{number_of, studies};

/// Hits that are looked at so that enough of them are seen: as many as a search gives at most.
const LOOKED_AT: usize = 100;

/// The service.
pub(super) struct Coaching(pub(super) Arc<Shared>);

/// Whether every phrase of the configuration can be used, so that a server with one that cannot does not start.
///
/// # Errors
/// The first mistake, with its file and line.
pub(super) fn check(judging: &Judging) -> index::Result<()> {
    Ok(Phrases::load(judging.shelf.assets(), judging.pipeline.finder().catalog()).map(drop)?)
}

/// Searches articles; of the case library those alone that `examples` shows as approved.
pub(super) fn seen_articles(
    reader: &dyn Reader,
    query: &KnowledgeQuery,
    examples: impl FnOnce() -> index::Result<Vec<ExampleEntry>>,
) -> index::Result<Vec<KnowledgeHit>> {
    if query.kinds == Kinds::Answers {
        return reader.search_articles(query);
    }
    let seen = studies(examples()?)?;
    let mut hits = reader.search_articles(&KnowledgeQuery { limit: LOOKED_AT, ..query.clone() })?;
    hits.retain(|hit| {
        let number = number_of(&hit.id);
        !hit.id.starts_with(CASE_PREFIX) || seen.iter().any(|study| Some(study.number) == number && study.is_approved())
    });
    hits.truncate(if query.limit == 0 { 10 } else { query.limit });
    Ok(hits)
}

/// Leaves out examples of calls about which an appeal is under way.
pub(super) fn uncontested(reader: &dyn Reader, mut hits: Vec<KnowledgeHit>) -> Result<Vec<KnowledgeHit>, Failure> {
    let seen = told::seen_studies(reader, &told::reviewed(reader)?)?;
    hits.retain(|hit| {
        let number = number_of(&hit.id);
        !hit.id.starts_with(CASE_PREFIX) || seen.iter().any(|study| Some(study.number) == number)
    });
    Ok(hits)
}

/// Methods that hand over to one of the same name in a neighbouring module.
macro_rules! hand_over {
    ($($method:ident: $request:ident => $response:ident in $module:ident),+ $(,)?) => {
        #[tonic::async_trait]
        impl CoachingService for Coaching {
            $(
                async fn $method(&self, request: Request<v1::$request>) -> Result<Response<v1::$response>, Status> {
                    Ok(Response::new($module::$method(&self.0, request).await?))
                }
            )+
        }
    };
}

hand_over! {
    get_coaching_sheet: GetCoachingSheetRequest => CoachingSheet in told,
    list_phrases: ListPhrasesRequest => ListPhrasesResponse in told,
    get_bulletin: GetBulletinRequest => Bulletin in told,
    list_examples: ListExamplesRequest => ListExamplesResponse in library,
    propose_examples: ProposeExamplesRequest => ProposeExamplesResponse in library,
    nominate_example: NominateExampleRequest => Example in library,
    decide_example: DecideExampleRequest => Example in library,
    withdraw_example: WithdrawExampleRequest => Example in library,
}
