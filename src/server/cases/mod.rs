//! CaseService: what is done about calls. What may be done is told by [`crate::case`]; this asks it on the thread that
//! writes, so that nobody else goes on from the same version in between, and answers when it is on disk.

mod desk;
mod night;
mod read;
mod steps;
mod wire;

use std::sync::Arc;

use qingting_proto::v1;
use qingting_proto::v1::case_service_server::CaseService;
use tonic::{Request, Response, Status};

use super::shared::Shared;
pub(super) use night::open_by_rules;

/// Collection in resource names.
const CASES: &str = "cases/";

/// The service.
pub(super) struct Cases(pub(super) Arc<Shared>);

/// Methods that hand over to one of the same name in a neighbouring module.
macro_rules! hand_over {
    ($($method:ident: $request:ident => $response:ident in $module:ident),+ $(,)?) => {
        #[tonic::async_trait]
        impl CaseService for Cases {
            $(
                async fn $method(&self, request: Request<v1::$request>) -> Result<Response<v1::$response>, Status> {
                    Ok(Response::new($module::$method(&self.0, request).await?))
                }
            )+
        }
    };
}

hand_over! {
    list_cases: ListCasesRequest => ListCasesResponse in read,
    get_case: GetCaseRequest => Case in read,
    list_reminders: ListRemindersRequest => ListRemindersResponse in read,
    get_case_counts: GetCaseCountsRequest => CaseCounts in read,
    open_case: OpenCaseRequest => Case in steps,
    open_cases_by_rules: OpenCasesByRulesRequest => OpenCasesByRulesResponse in night,
    verify_case: VerifyCaseRequest => Case in steps,
    assign_case: AssignCaseRequest => Case in steps,
    rectify_case: RectifyCaseRequest => Case in steps,
    reply_to_caller: ReplyToCallerRequest => Case in steps,
    recheck_case: RecheckCaseRequest => Case in steps,
    close_case: CloseCaseRequest => Case in steps,
    contest_rating: ContestRatingRequest => Case in steps,
    decide_contest: DecideContestRequest => Case in steps,
    reopen_case: ReopenCaseRequest => Case in steps,
}
