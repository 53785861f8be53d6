//! Plans, draws, and the queue.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use qingting_index::calls::{CallQuery, Filter, Sort, SortBy};
use qingting_index::{ReviewKind, ReviewQuery};
use qingting_pipeline::Analyzed;
use qingting_proto::v1;
use tonic::{Request, Status};

use super::super::backend::Reader;
use super::super::calls::{check_topics, filter, resource};
use super::super::convert::Invalid;
use super::super::paging;
use super::super::shared::{Ready, Shared, principal};
use super::super::status::Failure;
use super::desk::{Desk, at_desk, event, lease, who};
use super::wire::{self, number};
use crate::review::{
    Candidate, Event, Log, Method, Plan, Recorded, case, checked_text, draw, events, is_blind, shortlist, uncertainty,
};

/// Collection in resource names.
pub(super) const PLANS: &str = "reviewPlans/";
/// Calls of a draw when the plan does not say.
const SAMPLE_SIZE: usize = 20;
/// Most calls of a draw.
const MAX_SAMPLE_SIZE: usize = 1000;
/// Calls that the index is asked for at a time.
const PAGE: usize = 1000;
/// Most calls that are read to tell how unsure the machine is of them.
const MOST_READ: usize = 500;
/// Reviews that tell how often each agent was reviewed.
const REVIEWS_COUNTED: u32 = 10_000;
/// Minutes of a lease when nobody says.
const LEASE: i64 = 30;
/// Most minutes of a lease.
const LONGEST_LEASE: i32 = 480;
/// Calls of the queue that are looked at at a time.
const LOOK: u32 = 100;

pub(super) async fn create_plan(
    shared: &Shared,
    request: Request<v1::CreatePlanRequest>,
) -> Result<v1::ReviewPlan, Status> {
    let ask = shared.ask(&request)?;
    let request = request.into_inner();
    checked_text("display_name", &request.display_name, true).map_err(Failure::from)?;
    let method = wire::method(request.method())?;
    let size = match usize::try_from(request.sample_size) {
        Ok(0) => SAMPLE_SIZE,
        Ok(size) if size <= MAX_SAMPLE_SIZE => size,
        _ => return Err(Invalid::field("sample_size", format!("must be 0 to {MAX_SAMPLE_SIZE}")).into()),
    };
    let parsed = filter(&request.filter)?;
    // Topics have to be there when the plan is made.
    shared.read(&ask, move |ready| check_topics(&*ready.reader, Some(&parsed))).await?;
    let display_name = request.display_name.trim().to_owned();
    let plan = Plan { display_name, method, filter: request.filter, size, seed: request.seed };
    let kept = at_desk(shared, &ask.who, move |desk| desk.keep(vec![desk.act(None, Event::Planned(plan))])).await?;
    let plan = kept.into_iter().next().and_then(|planned| wire::plan(planned, 0, 0));
    Ok(plan.ok_or(Failure::Panicked)?)
}

pub(super) async fn list_plans(
    shared: &Shared,
    request: Request<v1::ListPlansRequest>,
) -> Result<v1::ListPlansResponse, Status> {
    let ask = shared.ask(&request)?;
    let work = move |ready: &Ready| {
        let reader = &*ready.reader;
        let planned = ReviewQuery { newest_first: true, ..ReviewQuery::of(&[ReviewKind::Planned]) };
        let mut plans = Vec::new();
        for plan in events(reader, &planned)? {
            let drawn = ReviewQuery { under: Some(plan.number), ..ReviewQuery::of(&[ReviewKind::Drawn]) };
            let open = ReviewQuery { unreviewed: true, ..drawn.clone() };
            plans.extend(wire::plan(plan, reader.count_reviews(&drawn)?, reader.count_reviews(&open)?));
        }
        Ok(v1::ListPlansResponse { plans })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) async fn draw_sample(
    shared: &Shared,
    request: Request<v1::DrawSampleRequest>,
) -> Result<v1::DrawSampleResponse, Status> {
    let ask = shared.ask(&request)?;
    let name = request.into_inner().plan;
    let plan_number = number(&name, PLANS, "plan")?;
    let by = who(&ask.who);
    let work = move |ready: &Ready| {
        let planned = event(&*ready.reader, ReviewKind::Planned, plan_number, &name)?;
        let Event::Planned(plan) = planned.event else {
            return Err(Failure::Panicked);
        };
        let (drawn, of) = sample(ready, plan_number, &plan)?;
        let mut rows = Vec::new();
        for call_id in drawn {
            // Gone since the index was last refreshed.
            let Some(call) = ready.reader.get_call(&call_id)? else {
                continue;
            };
            let row = Recorded::new(&by, chrono::Utc::now(), Some(plan_number), Event::Drawn);
            rows.push(row.on(&call_id, call.record.agent.as_ref()));
        }
        Ok((rows, of))
    };
    let (rows, of) = shared.read(&ask, work).await?;
    let keep = move |desk: &mut Desk<'_>| {
        // Somebody may have drawn by the same plan meanwhile.
        let drawn = drawn_by(desk, plan_number)?;
        let new = rows.into_iter().filter(|row| row.call_id.as_ref().is_some_and(|call| !drawn.contains(call)));
        desk.keep(new.collect())
    };
    let kept = at_desk(shared, &ask.who, keep).await?;
    let calls = kept.into_iter().filter_map(|row| row.call_id).map(|call| resource(&call));
    Ok(v1::DrawSampleResponse { calls: calls.collect(), candidate_count: of as i64 })
}

/// The calls that a plan has drawn.
fn drawn_by(log: &(impl Log + ?Sized), plan: i64) -> Result<BTreeSet<String>, Failure> {
    let query = ReviewQuery { under: Some(plan), ..ReviewQuery::of(&[ReviewKind::Drawn]) };
    Ok(log.rows(&query)?.into_iter().filter_map(|row| row.call_id).collect())
}

/// What a plan draws, and from how many calls.
fn sample(ready: &Ready, number: i64, plan: &Plan) -> Result<(Vec<String>, usize), Failure> {
    let reader = &*ready.reader;
    let mut wanted = filter(&plan.filter)?;
    check_topics(reader, Some(&wanted))?;
    let drawn = drawn_by(reader, number)?;
    let mut candidates = matching(reader, &wanted)?;
    candidates.retain(|candidate| !drawn.contains(&candidate.call_id));
    let of = candidates.len();
    let mut reviewed: BTreeMap<String, u64> = BTreeMap::new();
    match plan.method {
        Method::Random => {}
        Method::ByAgent => {
            let query = ReviewQuery {
                newest_first: true,
                limit: REVIEWS_COUNTED,
                ..ReviewQuery::of(&[ReviewKind::Reviewed])
            };
            for agent in reader.reviews(&query)?.into_iter().filter_map(|row| row.agent) {
                *reviewed.entry(agent).or_default() += 1;
            }
        }
        Method::ByUncertainty => {
            wanted = Filter::All(vec![wanted, Filter::Exists { field: "uncertain" }]);
            let unsure = matching(reader, &wanted)?.into_iter().map(|candidate| candidate.call_id).collect();
            candidates = shortlist(candidates, &unsure, plan.seed, MOST_READ.max(plan.size));
            let finder = ready.judging.pipeline.finder();
            for candidate in &mut candidates {
                if let Some(call) = reader.get_call(&candidate.call_id)? {
                    candidate.uncertainty = uncertainty(&call.analysis, |code| finder.threshold(code).assert);
                }
            }
        }
    }
    Ok((draw(plan.method, &candidates, plan.size, plan.seed, &reviewed), of))
}

/// Every call that passes a filter.
fn matching(reader: &dyn Reader, wanted: &Filter) -> Result<Vec<Candidate>, Failure> {
    let mut query = CallQuery {
        filter: Some(wanted.clone()),
        sort: Some(Sort { by: SortBy::Field("started_at"), descending: false }),
        limit: PAGE,
        turns_per_call: 0,
        ..CallQuery::default()
    };
    let mut found = Vec::new();
    loop {
        let page = reader.search_calls(&query)?;
        let hits = page.hits.into_iter();
        found.extend(hits.map(|hit| Candidate { call_id: hit.call_id, agent: hit.agent, uncertainty: 0.0 }));
        match page.next {
            Some(next) => query.page_token = Some(next),
            None => return Ok(found),
        }
    }
}

/// What waits, of one plan or of all.
fn waiting(plan: &str) -> Result<ReviewQuery, Invalid> {
    let under = (!plan.is_empty()).then(|| number(plan, PLANS, "plan")).transpose()?;
    Ok(ReviewQuery { under, unreviewed: true, ..ReviewQuery::of(&[ReviewKind::Drawn]) })
}

pub(super) async fn list_queue(
    shared: &Shared,
    request: Request<v1::ListQueueRequest>,
) -> Result<v1::ListQueueResponse, Status> {
    let ask = shared.ask(&request)?;
    let request = request.into_inner();
    let size = paging::size(&shared.config, request.page_size)?;
    let beyond = wire::page(&request.page_token)?;
    let query = ReviewQuery { beyond, limit: wire::one_more(size), ..waiting(&request.plan)? };
    let work = move |ready: &Ready| {
        let now = chrono::Utc::now();
        let (rows, next_page_token) = wire::cut(events(&*ready.reader, &query)?, size);
        let items = rows.into_iter().map(|row| {
            let lease = lease(&*ready.reader, row.call_id.as_deref().unwrap_or_default(), now)?;
            Ok(wire::item(row, lease))
        });
        Ok(v1::ListQueueResponse { items: items.collect::<Result<_, Failure>>()?, next_page_token })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) async fn next_review(
    shared: &Shared,
    request: Request<v1::NextReviewRequest>,
) -> Result<v1::NextReviewResponse, Status> {
    let asking = principal(request.extensions())?;
    let request = request.into_inner();
    let minutes = match request.lease_minutes {
        0 => LEASE,
        minutes @ 1..=LONGEST_LEASE => i64::from(minutes),
        _ => return Err(Invalid::field("lease_minutes", format!("must be 0 to {LONGEST_LEASE}")).into()),
    };
    let waiting = waiting(&request.plan)?;
    let work = move |desk: &mut Desk<'_>| {
        let Some((row, call)) = next(desk, &waiting)? else {
            return Ok(v1::NextReviewResponse { item: None });
        };
        let until = desk.now + TimeDelta::minutes(minutes);
        let leased = desk.act_on(&call, row.under, Event::Leased { until });
        desk.keep(vec![leased])?;
        Ok(v1::NextReviewResponse { item: Some(wire::item(row, Some((desk.who.clone(), until)))) })
    };
    at_desk(shared, &asking, work).await
}

/// The next call for somebody: the one that they have, else the first that nobody has.
fn next(desk: &Desk<'_>, waiting: &ReviewQuery) -> Result<Option<(Recorded, Analyzed)>, Failure> {
    if let Some(own) = leased(desk, waiting)? {
        return Ok(Some(own));
    }
    let mut query = ReviewQuery { limit: LOOK, ..waiting.clone() };
    loop {
        let rows = events(&*desk.reader, &query)?;
        let Some(last) = rows.last().map(|row| row.number) else {
            return Ok(None);
        };
        for row in rows {
            let call_id = row.call_id.as_deref().unwrap_or_default();
            if lease(desk, call_id, desk.now)?.is_none()
                && let Some(call) = reviewable(desk, call_id)?
            {
                return Ok(Some((row, call)));
            }
        }
        query.beyond = Some(last);
    }
}

/// What somebody has at the moment.
fn leased(desk: &Desk<'_>, waiting: &ReviewQuery) -> Result<Option<(Recorded, Analyzed)>, Failure> {
    let kinds = vec![ReviewKind::Leased];
    let own = ReviewQuery {
        kinds,
        who: Some(desk.who.id.clone()),
        newest_first: true,
        limit: LOOK,
        ..waiting.clone()
    };
    for call_id in events(desk, &own)?.into_iter().filter_map(|row| row.call_id) {
        let is_own = lease(desk, &call_id, desk.now)?.is_some_and(|(holder, _)| holder.id == desk.who.id);
        if !is_own {
            continue;
        }
        let drawn = ReviewQuery { call_id: Some(call_id.clone()), limit: 1, ..waiting.clone() };
        if let Some(row) = events(&*desk.reader, &drawn)?.into_iter().next()
            && let Some(call) = reviewable(desk, &call_id)?
        {
            return Ok(Some((row, call)));
        }
    }
    Ok(None)
}

/// A call that can be reviewed now: what cannot, or is gone, does not hold up what comes behind it.
fn reviewable(desk: &Desk<'_>, call_id: &str) -> Result<Option<Analyzed>, Failure> {
    if is_blind(desk, call_id)? || case(desk, call_id)?.may_review().is_err() {
        return Ok(None);
    }
    Ok(desk.reader.get_call(call_id)?)
}
