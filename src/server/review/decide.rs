//! Reviews, appeals and what is decided on them.

use qingting_index::{ReviewKind, ReviewQuery};
use qingting_pipeline::Analyzed;
use qingting_proto::v1;
use tonic::{Request, Status};

use super::super::backend::Reader;
use super::super::calls::{call_id, missing};
use super::super::paging;
use super::super::shared::{Ready, Shared, principal};
use super::super::status::Failure;
use super::desk::{Desk, at_desk, event, lease};
use super::wire::{self, number};
use crate::review::{
    Appeal, Case, Event, Opinion, Recorded, Refusal, Review, Ruling, case, checked_text, events, is_blind,
};

/// Collection in resource names.
pub(super) const APPEALS: &str = "appeals/";

pub(super) async fn submit_review(
    shared: &Shared,
    request: Request<v1::SubmitReviewRequest>,
) -> Result<v1::Review, Status> {
    let asking = principal(request.extensions())?;
    let v1::SubmitReviewRequest { call, verdicts, note } = request.into_inner();
    let call_id = call_id(&call, "call")?.to_owned();
    let opinions = wire::opinions(verdicts)?;
    let work = move |desk: &mut Desk<'_>| {
        let call = desk.call(&call_id)?;
        if is_blind(desk, &call_id)? {
            return Err(Refusal::Blind.into());
        }
        if let Some((holder, _)) = lease(desk, &call_id, desk.now)?.filter(|(holder, _)| holder.id != desk.who.id) {
            return Err(Refusal::Leased(holder.name).into());
        }
        case(desk, &call_id)?.may_review()?;
        let review = Review::new(&call, desk.codes(), &opinions, &note)?;
        let kept = desk.keep(vec![desk.act_on(&call, None, Event::Reviewed(review.clone()))])?;
        let kept = kept.into_iter().next().ok_or(Failure::Panicked)?;
        Ok(wire::review(&kept, review))
    };
    at_desk(shared, &asking, work).await
}

pub(super) async fn get_reviews(
    shared: &Shared,
    request: Request<v1::GetReviewsRequest>,
) -> Result<v1::CallReviews, Status> {
    let ask = shared.ask(&request)?;
    let name = request.into_inner().call;
    let call_id = call_id(&name, "call")?.to_owned();
    let work = move |ready: &Ready| {
        let call = ready.reader.get_call(&call_id)?.ok_or_else(|| missing(&call_id))?;
        if is_blind(&*ready.reader, &call_id)? {
            return Err(Refusal::Blind.into());
        }
        let case = case(&*ready.reader, &call_id)?;
        let (standing, source) = case.labels(&call);
        Ok(v1::CallReviews {
            call: name,
            reviews: case.reviews.into_iter().map(|(kept, review)| wire::review(&kept, review)).collect(),
            appeals: case.appeals.into_iter().map(|appeal| wire::appeal(appeal, &call_id)).collect(),
            standing: standing.into_iter().map(wire::label).collect(),
            source: wire::source(source).into(),
        })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) async fn list_reviews(
    shared: &Shared,
    request: Request<v1::ListReviewsRequest>,
) -> Result<v1::ListReviewsResponse, Status> {
    let ask = shared.ask(&request)?;
    let request = request.into_inner();
    let size = paging::size(&shared.config, request.page_size)?;
    let query = ReviewQuery {
        who: Some(request.reviewer_id).filter(|id| !id.is_empty()),
        newest_first: true,
        beyond: wire::page(&request.page_token)?,
        limit: wire::one_more(size),
        ..ReviewQuery::of(&[ReviewKind::Reviewed])
    };
    let work = move |ready: &Ready| {
        let (rows, next_page_token) = wire::cut(events(&*ready.reader, &query)?, size);
        let mut reviews = Vec::new();
        for row in rows {
            if let Event::Reviewed(review) = &row.event
                && may_be_shown(&*ready.reader, &row)?
            {
                reviews.push(wire::review(&row, review.clone()));
            }
        }
        Ok(v1::ListReviewsResponse { reviews, next_page_token })
    };
    Ok(shared.read(&ask, work).await?)
}

/// Whether what was decided on a call is shown in lists: the call is seen now too, and no calibration needs fresh eyes.
fn may_be_shown(reader: &dyn Reader, row: &Recorded) -> Result<bool, Failure> {
    let call_id = row.call_id.as_deref().unwrap_or_default();
    Ok(reader.get_call(call_id)?.is_some() && !is_blind(reader, call_id)?)
}

pub(super) async fn lodge_appeal(
    shared: &Shared,
    request: Request<v1::LodgeAppealRequest>,
) -> Result<v1::Appeal, Status> {
    let asking = principal(request.extensions())?;
    let v1::LodgeAppealRequest { call, text } = request.into_inner();
    let call_id = call_id(&call, "call")?.to_owned();
    let work = move |desk: &mut Desk<'_>| {
        let call = desk.call(&call_id)?;
        let event = case(desk, &call_id)?.may_appeal(&text)?;
        let kept = desk.keep(vec![desk.act_on(&call, None, event)])?;
        let number = kept.first().map(|kept| kept.number).ok_or(Failure::Panicked)?;
        appeal_of(desk, &call_id, number)
    };
    at_desk(shared, &asking, work).await
}

pub(super) async fn list_appeals(
    shared: &Shared,
    request: Request<v1::ListAppealsRequest>,
) -> Result<v1::ListAppealsResponse, Status> {
    let ask = shared.ask(&request)?;
    let request = request.into_inner();
    let size = paging::size(&shared.config, request.page_size)?;
    let stage = wire::stage(request.stage)?;
    let mut query = ReviewQuery {
        newest_first: true,
        beyond: wire::page(&request.page_token)?,
        limit: wire::one_more(size),
        ..ReviewQuery::of(&[ReviewKind::Appealed])
    };
    let work = move |ready: &Ready| {
        let reader = &*ready.reader;
        let mut response = v1::ListAppealsResponse::default();
        loop {
            let rows = events(reader, &query)?;
            let Some(last) = rows.last().map(|row| row.number) else {
                return Ok(response);
            };
            for row in rows {
                if response.appeals.len() == size {
                    // This page ends before the row: the next one begins with it.
                    response.next_page_token = (row.number + 1).to_string();
                    return Ok(response);
                }
                let call_id = row.call_id.as_deref().unwrap_or_default();
                let case = case(reader, call_id)?;
                let appeal = case.appeal(row.number)?.clone();
                if stage.is_none_or(|stage| stage == appeal.stage()) && may_be_shown(reader, &row)? {
                    response.appeals.push(wire::appeal(appeal, call_id));
                }
            }
            query.beyond = Some(last);
        }
    };
    Ok(shared.read(&ask, work).await?)
}

/// What is handed in on an appeal.
struct Handed {
    number: i64,
    name: String,
    granted: bool,
    opinions: Vec<Opinion>,
    reason: String,
}

impl Handed {
    fn of(name: String, granted: bool, verdicts: Vec<v1::VerdictInput>, reason: String) -> Result<Self, Failure> {
        if !granted && !verdicts.is_empty() {
            return Err(
                Refusal::wrong("verdicts", "only where the appeal is granted: else what stood before stands").into()
            );
        }
        checked_text("reason", &reason, true)?;
        let number = number(&name, APPEALS, "appeal")?;
        Ok(Self { number, name, granted, opinions: wire::opinions(verdicts)?, reason })
    }

    fn ruling(&self, desk: &Desk<'_>, call: &Analyzed) -> Result<Ruling, Failure> {
        let review = self.granted.then(|| Review::new(call, desk.codes(), &self.opinions, "")).transpose()?;
        Ok(Ruling { granted: self.granted, review, reason: self.reason.trim().to_owned() })
    }
}

/// The call of an appeal, and what was decided on it; of calls that are seen alone.
fn appealed(desk: &Desk<'_>, number: i64, name: &str) -> Result<(Analyzed, Case), Failure> {
    let row = event(&*desk.reader, ReviewKind::Appealed, number, name)?;
    let call = desk.call(row.call_id.as_deref().unwrap_or_default())?;
    let case = case(desk, &call.record.call_id)?;
    Ok((call, case))
}

fn appeal_of(desk: &Desk<'_>, call_id: &str, number: i64) -> Result<v1::Appeal, Failure> {
    let appeal: Appeal = case(desk, call_id)?.appeal(number)?.clone();
    Ok(wire::appeal(appeal, call_id))
}

pub(super) async fn decide_appeal(
    shared: &Shared,
    request: Request<v1::DecideAppealRequest>,
) -> Result<v1::Appeal, Status> {
    let asking = principal(request.extensions())?;
    let v1::DecideAppealRequest { appeal, granted, verdicts, reason } = request.into_inner();
    let handed = Handed::of(appeal, granted, verdicts, reason)?;
    let work = move |desk: &mut Desk<'_>| {
        let (call, case) = appealed(desk, handed.number, &handed.name)?;
        case.may_decide(handed.number, &desk.who)?;
        let ruling = handed.ruling(desk, &call)?;
        desk.keep(vec![desk.act_on(&call, Some(handed.number), Event::Decided(ruling))])?;
        appeal_of(desk, &call.record.call_id, handed.number)
    };
    at_desk(shared, &asking, work).await
}

pub(super) async fn contest_decision(
    shared: &Shared,
    request: Request<v1::ContestDecisionRequest>,
) -> Result<v1::Appeal, Status> {
    let asking = principal(request.extensions())?;
    let v1::ContestDecisionRequest { appeal: name, text } = request.into_inner();
    let number = number(&name, APPEALS, "appeal")?;
    let work = move |desk: &mut Desk<'_>| {
        let (call, case) = appealed(desk, number, &name)?;
        case.may_contest(number, &text)?;
        let event = Event::Contested { text: text.trim().to_owned() };
        desk.keep(vec![desk.act_on(&call, Some(number), event)])?;
        appeal_of(desk, &call.record.call_id, number)
    };
    at_desk(shared, &asking, work).await
}

pub(super) async fn judge_appeal(
    shared: &Shared,
    request: Request<v1::JudgeAppealRequest>,
) -> Result<v1::Appeal, Status> {
    let asking = principal(request.extensions())?;
    let v1::JudgeAppealRequest { appeal, granted, verdicts, reason } = request.into_inner();
    let handed = Handed::of(appeal, granted, verdicts, reason)?;
    let work = move |desk: &mut Desk<'_>| {
        let (call, case) = appealed(desk, handed.number, &handed.name)?;
        case.may_judge(handed.number, &desk.who)?;
        let ruling = handed.ruling(desk, &call)?;
        desk.keep(vec![desk.act_on(&call, Some(handed.number), Event::Judged(ruling))])?;
        appeal_of(desk, &call.record.call_id, handed.number)
    };
    at_desk(shared, &asking, work).await
}
