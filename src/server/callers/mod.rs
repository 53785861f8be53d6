//! CallerService: history cards and lists of affected callers. What is on them is told by [`crate::callers`]; here is written
//! down who looked before anything is answered.

mod affected;
mod card;

pub(crate) use affected::row;
pub(crate) use card::to_wire as card_to_wire;

use std::sync::Arc;

use qingting_proto::v1;
use qingting_proto::v1::caller_service_server::CallerService;
use tonic::{Request, Response, Status};

use super::shared::Shared;

/// The service.
pub(super) struct Callers(pub(super) Arc<Shared>);

#[tonic::async_trait]
impl CallerService for Callers {
    async fn get_caller_card(
        &self,
        request: Request<v1::GetCallerCardRequest>,
    ) -> Result<Response<v1::CallerCard>, Status> {
        let ask = self.0.ask(&request)?;
        Ok(Response::new(card::card(&self.0, &ask, request.into_inner()).await?))
    }

    async fn list_affected_callers(
        &self,
        request: Request<v1::ListAffectedCallersRequest>,
    ) -> Result<Response<v1::ListAffectedCallersResponse>, Status> {
        let ask = self.0.ask(&request)?;
        Ok(Response::new(affected::affected(&self.0, &ask, request.into_inner()).await?))
    }
}
