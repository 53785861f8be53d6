//! RuleService: what calls are judged by, as data. What a document is and whether a draft can be used is told by
//! [`crate::documents`]; this reads, answers, and takes up what is published.

mod dry_run;
mod publish;
mod read;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;

use futures::stream::BoxStream;
use qingting_proto::v1;
use qingting_proto::v1::rule_service_server::RuleService;
use tonic::{Request, Response, Status};

use super::shared::Shared;

/// The service.
pub(super) struct Rules(pub(super) Arc<Shared>);

/// Methods that hand over to one of the same name in a neighbouring module.
macro_rules! hand_over {
    ($($method:ident: $request:ident => $response:ident in $module:ident),+ $(,)?) => {
        #[tonic::async_trait]
        impl RuleService for Rules {
            $(
                async fn $method(&self, request: Request<v1::$request>) -> Result<Response<v1::$response>, Status> {
                    Ok(Response::new($module::$method(&self.0, request).await?))
                }
            )+

            type DryRunStream = BoxStream<'static, Result<v1::DryRunResponse, Status>>;

            async fn dry_run(
                &self,
                request: Request<v1::DryRunRequest>,
            ) -> Result<Response<Self::DryRunStream>, Status> {
                Ok(Response::new(dry_run::dry_run(&self.0, request)?))
            }
        }
    };
}

hand_over! {
    list_documents: ListDocumentsRequest => ListDocumentsResponse in read,
    get_document: GetDocumentRequest => Document in read,
    list_versions: ListVersionsRequest => ListVersionsResponse in read,
    diff_document: DiffDocumentRequest => DiffDocumentResponse in read,
    validate_documents: ValidateDocumentsRequest => ValidateDocumentsResponse in read,
    publish_documents: PublishDocumentsRequest => PublishDocumentsResponse in publish,
    roll_back_document: RollBackDocumentRequest => PublishDocumentsResponse in publish,
}
