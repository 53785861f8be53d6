//! ReviewService: what people decide about the machine's verdicts. What may be decided is told by [`crate::review`]; this
//! asks it on the thread that writes, so that nobody else decides in between, and answers when it is on disk.

mod calibrate;
mod decide;
mod desk;
mod figures;
mod plans;
mod wire;

use std::sync::Arc;

use futures::stream::BoxStream;
use qingting_proto::v1;
use qingting_proto::v1::review_service_server::ReviewService;
use tonic::{Request, Response, Status};

use super::shared::Shared;

/// The service.
pub(super) struct Reviews(pub(super) Arc<Shared>);

/// Methods that hand over to one of the same name in a neighbouring module.
macro_rules! hand_over {
    ($($method:ident: $request:ident => $response:ident in $module:ident),+ $(,)?) => {
        #[tonic::async_trait]
        impl ReviewService for Reviews {
            $(
                async fn $method(&self, request: Request<v1::$request>) -> Result<Response<v1::$response>, Status> {
                    Ok(Response::new($module::$method(&self.0, request).await?))
                }
            )+

            type ExportReviewsStream = BoxStream<'static, Result<v1::ExportReviewsResponse, Status>>;

            async fn export_reviews(
                &self,
                request: Request<v1::ExportReviewsRequest>,
            ) -> Result<Response<Self::ExportReviewsStream>, Status> {
                Ok(Response::new(figures::export_reviews(&self.0, request)?))
            }
        }
    };
}

hand_over! {
    create_plan: CreatePlanRequest => ReviewPlan in plans,
    list_plans: ListPlansRequest => ListPlansResponse in plans,
    draw_sample: DrawSampleRequest => DrawSampleResponse in plans,
    list_queue: ListQueueRequest => ListQueueResponse in plans,
    next_review: NextReviewRequest => NextReviewResponse in plans,
    submit_review: SubmitReviewRequest => Review in decide,
    get_reviews: GetReviewsRequest => CallReviews in decide,
    list_reviews: ListReviewsRequest => ListReviewsResponse in decide,
    lodge_appeal: LodgeAppealRequest => Appeal in decide,
    list_appeals: ListAppealsRequest => ListAppealsResponse in decide,
    decide_appeal: DecideAppealRequest => Appeal in decide,
    contest_decision: ContestDecisionRequest => Appeal in decide,
    judge_appeal: JudgeAppealRequest => Appeal in decide,
    create_calibration: CreateCalibrationRequest => Calibration in calibrate,
    list_calibrations: ListCalibrationsRequest => ListCalibrationsResponse in calibrate,
    get_calibration: GetCalibrationRequest => Calibration in calibrate,
    submit_calibration: SubmitCalibrationRequest => SubmitCalibrationResponse in calibrate,
    close_calibration: CloseCalibrationRequest => Calibration in calibrate,
    get_agreement: GetAgreementRequest => GetAgreementResponse in figures,
}
