//! IndicatorService: what sets of indicators give for the calls that the asker sees. Sets, figures and their explanation are
//! [`crate::indicator`]'s; this reads the calls, and stops when nobody waits any more.

mod answer;
mod calls;
mod request;
mod traced;
mod wire;

use std::sync::Arc;

use qingting_index as index;
use qingting_proto::v1;
use qingting_proto::v1::indicator_service_server::IndicatorService;
use tonic::{Request, Response, Status};

pub(super) use calls::{Pages, resolve};
pub(super) use traced::Traced;

use request::Kept;

use super::Judging;
use super::shared::Shared;
use crate::indicator::{Names, load};

/// The service.
pub(super) struct Indicators {
    shared: Arc<Shared>,
    kept: Arc<Kept>,
}

impl Indicators {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, kept: Arc::default() }
    }
}

/// Whether every set of the configuration can be used, so that a server with one that cannot does not start.
///
/// # Errors
/// The first mistake, with its file and line.
pub(super) fn check(judging: &Judging) -> index::Result<()> {
    match load(judging.shelf.assets(), &Names::of(&judging.pipeline)) {
        Ok(_) => Ok(()),
        Err(errors) => errors.into_iter().next().map_or(Ok(()), |error| Err(error.into())),
    }
}

/// Methods that hand over to one of the same name.
macro_rules! hand_over {
    ($($method:ident: $request:ident => $response:ident),+ $(,)?) => {
        #[tonic::async_trait]
        impl IndicatorService for Indicators {
            $(
                async fn $method(&self, request: Request<v1::$request>) -> Result<Response<v1::$response>, Status> {
                    Ok(Response::new(answer::$method(&self.shared, &self.kept, request).await?))
                }
            )+
        }
    };
}

hand_over! {
    list_indicator_sets: ListIndicatorSetsRequest => ListIndicatorSetsResponse,
    get_indicator_set: GetIndicatorSetRequest => IndicatorSet,
    evaluate_indicators: EvaluateIndicatorsRequest => IndicatorResult,
    compare_indicators: CompareIndicatorsRequest => CompareIndicatorsResponse,
    rank_indicators: RankIndicatorsRequest => RankIndicatorsResponse,
    explain_indicator: ExplainIndicatorRequest => IndicatorExplanation,
    simulate_indicators: SimulateIndicatorsRequest => SimulateIndicatorsResponse,
}
