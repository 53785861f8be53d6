//! ReportService: figures over many calls. They are counted by [`crate::report`], the same as the nightly report's; this
//! reads the calls that the asker sees, and stops when nobody waits any more.

mod export;
mod figures;
mod individual;
pub(super) mod scorecards;
pub(super) mod selection;
pub(super) mod wire;

use std::sync::Arc;

use futures::stream::BoxStream;
use qingting_proto::v1;
use qingting_proto::v1::report_service_server::ReportService;
use tonic::{Request, Response, Status};

use super::backend::Calls;
use super::shared::{Shared, Waiting};
use super::status::Failure;

/// The service.
pub(super) struct Reports(pub(super) Arc<Shared>);

/// Hands calls over one after another, as long as somebody waits for what is made of them.
pub(super) fn each(
    calls: Calls,
    waiting: &Waiting,
    mut take: impl FnMut(&qingting_pipeline::Analyzed),
) -> Result<(), Failure> {
    for call in calls {
        waiting.check()?;
        take(&call?);
    }
    Ok(())
}

/// Methods that hand over to one of the same name in a neighbouring module.
macro_rules! hand_over {
    ($($method:ident: $request:ident => $response:ident in $module:ident),+ $(,)?) => {
        #[tonic::async_trait]
        impl ReportService for Reports {
            $(
                async fn $method(&self, request: Request<v1::$request>) -> Result<Response<v1::$response>, Status> {
                    Ok(Response::new($module::$method(&self.0, request).await?))
                }
            )+

            type ExportStream = BoxStream<'static, Result<v1::ExportResponse, Status>>;

            async fn export(
                &self,
                request: Request<v1::ExportRequest>,
            ) -> Result<Response<Self::ExportStream>, Status> {
                Ok(Response::new(export::export(&self.0, request).await?))
            }
        }
    };
}

hand_over! {
    get_period_report: GetPeriodReportRequest => PeriodReport in figures,
    get_kpis: GetKpisRequest => GetKpisResponse in figures,
    get_trend: GetTrendRequest => GetTrendResponse in figures,
    list_agent_scorecards: ListAgentScorecardsRequest => ListAgentScorecardsResponse in scorecards,
    list_team_scorecards: ListTeamScorecardsRequest => ListTeamScorecardsResponse in scorecards,
    list_queue_scorecards: ListQueueScorecardsRequest => ListQueueScorecardsResponse in scorecards,
    get_agent_scorecard: GetAgentScorecardRequest => AgentScorecard in individual,
    list_coaching: ListCoachingRequest => ListCoachingResponse in scorecards,
}
