//! Opening by hand, and the steps of a case.

use qingting_index::CaseQuery;
use qingting_proto::v1;
use tonic::{Request, Status};

use super::super::calls::{call_id, missing};
use super::super::shared::{Shared, principal};
use super::desk::{Desk, at_desk, step};
use super::wire;
use crate::case::{Cause, Event, Reason, Refusal, cases};

pub(super) async fn open_case(shared: &Shared, request: Request<v1::OpenCaseRequest>) -> Result<v1::Case, Status> {
    let asking = principal(request.extensions())?;
    let v1::OpenCaseRequest { call, reason, severity, actor } = request.into_inner();
    let call_id = call_id(&call, "call")?.to_owned();
    let severity = wire::severity(severity)?;
    let work = move |desk: &mut Desk<'_>| {
        let call = desk.reader.get_call(&call_id)?.ok_or_else(|| missing(&call_id))?;
        let query = CaseQuery {
            call_id: Some(call_id.clone()),
            cause: Some(Cause::Hand.as_str().to_owned()),
            ..CaseQuery::default()
        };
        if let Some(open) = cases(desk.all(), &query)?.into_iter().find(|case| case.state.is_open()) {
            return Err(Refusal::Exists(open.number).into());
        }
        let reason = Reason::by_hand(&desk.rules, &reason, severity)?;
        let agent = call.record.agent.as_ref();
        let row = reason.open(&call_id, agent, &desk.who, desk.now, &desk.rules);
        desk.keep(&row)
    };
    at_desk(shared, &asking, &actor, work).await
}

/// Steps that are the fields of their request and nothing else.
macro_rules! steps {
    ($($method:ident: $request:ident { $($field:ident),+ } => $event:expr;)+) => {
        $(
            pub(super) async fn $method(
                shared: &Shared,
                request: Request<v1::$request>,
            ) -> Result<v1::Case, Status> {
                let asking = principal(request.extensions())?;
                let v1::$request { name, expected_version, actor, $($field),+ } = request.into_inner();
                step(shared, &asking, &name, expected_version, &actor, $event).await
            }
        )+
    };
}

steps! {
    verify_case: VerifyCaseRequest { confirmed, note } => Event::Verified { confirmed, note };
    assign_case: AssignCaseRequest { assignee, note } => Event::Assigned { to: assignee, note };
    rectify_case: RectifyCaseRequest { measures } => Event::Rectified { measures };
    reply_to_caller: ReplyToCallerRequest { reply } => wire::reply(reply)?;
    recheck_case: RecheckCaseRequest { passed, note } => Event::Rechecked { passed, note };
    close_case: CloseCaseRequest { result } => Event::Closed { result };
    contest_rating: ContestRatingRequest { reason } => Event::Contested { reason };
    decide_contest: DecideContestRequest { upheld, reason } => Event::Decided { upheld, reason };
    reopen_case: ReopenCaseRequest { reason } => Event::Reopened { reason };
}
