//! ExperienceService: the programme of experience officers. What may be done is told by [`crate::experience`]; this has calls analysed,
//! asks it on the thread that writes, so that nobody else goes on from the same version in between, and answers when it is on disk.

mod desk;
mod read;
mod steps;
mod wire;

use std::sync::Arc;

use qingting_proto::v1;
use qingting_proto::v1::experience_service_server::ExperienceService;
use tonic::{Request, Response, Status};

use super::shared::Shared;

/// The service.
pub(super) struct Experience(pub(super) Arc<Shared>);

/// Methods that hand over to one of the same name in a neighbouring module.
macro_rules! hand_over {
    ($($method:ident: $request:ident => $response:ident in $module:ident),+ $(,)?) => {
        #[tonic::async_trait]
        impl ExperienceService for Experience {
            $(
                async fn $method(&self, request: Request<v1::$request>) -> Result<Response<v1::$response>, Status> {
                    Ok(Response::new($module::$method(&self.0, request).await?))
                }
            )+
        }
    };
}

hand_over! {
    list_officers: ListOfficersRequest => ListOfficersResponse in read,
    get_officer: GetOfficerRequest => Officer in read,
    enrol_officer: EnrolOfficerRequest => Officer in steps,
    update_officer: UpdateOfficerRequest => Officer in steps,
    retire_officer: RetireOfficerRequest => Officer in steps,
    get_roster_structure: GetRosterStructureRequest => RosterStructure in read,
    list_tasks: ListTasksRequest => ListTasksResponse in read,
    get_task: GetTaskRequest => ExperienceTask in read,
    plan_task: PlanTaskRequest => ExperienceTask in steps,
    take_task_step: TakeTaskStepRequest => ExperienceTask in steps,
    list_due_experience: ListDueExperienceRequest => ListDueExperienceResponse in read,
    list_experience_reports: ListExperienceReportsRequest => ListExperienceReportsResponse in read,
    get_experience_report: GetExperienceReportRequest => ExperienceReport in read,
    submit_experience_report: SubmitExperienceReportRequest => ExperienceReport in steps,
    list_discussions: ListDiscussionsRequest => ListDiscussionsResponse in read,
    get_discussion: GetDiscussionRequest => Discussion in read,
    open_discussion: OpenDiscussionRequest => Discussion in steps,
    submit_opinion: SubmitOpinionRequest => Opinion in steps,
    close_discussion: CloseDiscussionRequest => Discussion in steps,
    list_polls: ListPollsRequest => ListPollsResponse in read,
    open_poll: OpenPollRequest => Poll in steps,
    cast_vote: CastVoteRequest => Poll in steps,
    close_poll: ClosePollRequest => Poll in steps,
    get_poll_results: GetPollResultsRequest => PollResults in read,
    import_experience: ImportExperienceRequest => ImportExperienceResponse in steps,
}
