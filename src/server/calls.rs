//! CallService: finds calls, shows them, lists findings and counts.

use std::sync::Arc;

use qingting_index::calls::{
    CallHit, CallPage, CallQuery, FacetRequest, Filter, Group, Sort, Speaker, TurnHit, countable,
};
use qingting_pipeline::Analyzed;
use qingting_pipeline::record::Finding;
use qingting_proto::v1;
use qingting_proto::v1::call_service_server::CallService;
use tonic::{Request, Response, Status};

use super::ServerConfig;
use super::backend::Reader;
use super::convert::{
    Invalid, agent_to_wire, analysis_to_wire, finding_to_wire, record_to_wire, role_to_wire, spans_to_wire,
    time_to_wire,
};
use super::findings::{CallHead, FindingQuery};
use super::indicators::{Pages, resolve};
use super::paging::{self, Cursor};
use super::shared::{Ready, Shared, Waiting};
use super::status::Failure;
use super::unmask;
use crate::insight::lookup::{TopicLookup, calls_of};

/// Collection in resource names.
const COLLECTION: &str = "calls/";
/// In place of a call: all of them.
const ALL: &str = "-";
/// Values of a facet when the request does not say.
const FACET_SIZE: i32 = 20;
/// Most values of a facet.
const MAX_FACET_SIZE: i32 = 1000;
/// Matching turns of a hit when the request does not say.
const TURNS_PER_CALL: i32 = 3;
/// Most matching turns of a hit.
const MAX_TURNS_PER_CALL: i32 = 20;

/// The service.
pub(super) struct Calls(pub(super) Arc<Shared>);

#[tonic::async_trait]
impl CallService for Calls {
    async fn search_calls(
        &self,
        request: Request<v1::SearchCallsRequest>,
    ) -> Result<Response<v1::SearchCallsResponse>, Status> {
        let ask = self.0.ask(&request)?;
        let request = request.into_inner();
        let pages = Pages::new(&self.0, &ask, &request.page_token);
        let mut query = search_query(&self.0.config, request)?;
        let work = move |ready: &Ready, waiting: &Waiting| {
            resolve(query.filter.as_mut(), ready, waiting, Some(&pages))?;
            check_topics(&*ready.reader, query.filter.as_ref())?;
            // Query, filter, order and facets are checked by now.
            let found = ready.reader.search_calls(&query).map_err(|e| Failure::in_field("page_token", e))?;
            Ok(page_to_wire(found))
        };
        Ok(Response::new(self.0.count(&ask, work).await?))
    }

    async fn list_similar_calls(
        &self,
        request: Request<v1::ListSimilarCallsRequest>,
    ) -> Result<Response<v1::ListSimilarCallsResponse>, Status> {
        let ask = self.0.ask(&request)?;
        let request = request.into_inner();
        let pages = Pages::new(&self.0, &ask, &request.page_token);
        let call_id = call_id(&request.name, "name")?.to_owned();
        let turns = request.turns_per_call.unwrap_or(TURNS_PER_CALL);
        let mut query = CallQuery {
            text: text(request.query),
            like: Some(call_id.clone()),
            filter: Some(filter(&request.filter)?),
            limit: paging::size(&self.0.config, request.page_size)?,
            page_token: Some(request.page_token).filter(|token| !token.is_empty()),
            turns_per_call: bounded("turns_per_call", turns, MAX_TURNS_PER_CALL)?,
            ..CallQuery::default()
        };
        let work = move |ready: &Ready, waiting: &Waiting| {
            resolve(query.filter.as_mut(), ready, waiting, Some(&pages))?;
            check_topics(&*ready.reader, query.filter.as_ref())?;
            let found = ready.reader.search_calls(&query).map_err(|error| match error {
                qingting_index::Error::NotFound { .. } => missing(&call_id),
                other => Failure::in_field("page_token", other),
            })?;
            Ok(similar_to_wire(found))
        };
        Ok(Response::new(self.0.count(&ask, work).await?))
    }

    async fn get_call(&self, request: Request<v1::GetCallRequest>) -> Result<Response<v1::Call>, Status> {
        let ask = self.0.ask(&request)?;
        let request = request.into_inner();
        let basic = match v1::CallView::try_from(request.view) {
            Ok(v1::CallView::Unspecified | v1::CallView::Full) => false,
            Ok(v1::CallView::Basic) => true,
            Err(_) => return Err(unknown("view", request.view).into()),
        };
        let call_id = call_id(&request.name, "name")?.to_owned();
        let work = move |ready: &Ready| {
            let call = ready.reader.get_call(&call_id)?;
            call.map(|call| call_to_wire(call, basic)).ok_or_else(|| missing(&call_id))
        };
        Ok(Response::new(self.0.read(&ask, work).await?))
    }

    async fn unmask_call(
        &self,
        request: Request<v1::UnmaskCallRequest>,
    ) -> Result<Response<v1::UnmaskCallResponse>, Status> {
        let ask = self.0.ask(&request)?;
        Ok(Response::new(unmask::unmask(&self.0, &ask, request.into_inner()).await?))
    }

    async fn list_findings(
        &self,
        request: Request<v1::ListFindingsRequest>,
    ) -> Result<Response<v1::ListFindingsResponse>, Status> {
        let ask = self.0.ask(&request)?;
        let request = request.into_inner();
        let size = paging::size(&self.0.config, request.page_size)?;
        let kind = request.kind.to_string();
        let fixed = [request.parent.as_str(), &request.filter, &request.order_by, &kind];
        let owner = paging::owner(fixed.into_iter().chain(request.codes.iter().map(String::as_str)));
        let start = Cursor::parse(&request.page_token, owner)?;
        let pages = Pages::new(&self.0, &ask, &request.page_token);
        let mut query = finding_query(request)?;
        let work = move |ready: &Ready, waiting: &Waiting| {
            resolve(Some(&mut query.filter), ready, waiting, Some(&pages))?;
            check_topics(&*ready.reader, Some(&query.filter))?;
            let found = query.page(&*ready.reader, start, size)?;
            let (findings, next) = found.ok_or_else(|| missing(query.call_id.as_deref().unwrap_or_default()))?;
            Ok(v1::ListFindingsResponse {
                findings: findings.into_iter().map(listed_to_wire).collect(),
                next_page_token: next.map_or_else(String::new, |cursor| cursor.token(owner)),
            })
        };
        Ok(Response::new(self.0.count(&ask, work).await?))
    }

    async fn aggregate_calls(
        &self,
        request: Request<v1::AggregateCallsRequest>,
    ) -> Result<Response<v1::AggregateCallsResponse>, Status> {
        let ask = self.0.ask(&request)?;
        let request = request.into_inner();
        if request.group_by.is_empty() {
            return Err(Invalid::field("group_by", "required").into());
        }
        let mut query = CallQuery {
            text: text(request.query),
            filter: Some(filter(&request.filter)?),
            ..CallQuery::default()
        };
        let work = move |ready: &Ready, waiting: &Waiting| {
            resolve(query.filter.as_mut(), ready, waiting, None)?;
            check_topics(&*ready.reader, query.filter.as_ref())?;
            let by = Some(request.group_by.as_str());
            let rows = ready.reader.aggregate(&query, by).map_err(|e| Failure::in_field("group_by", e))?;
            let total = ready.reader.aggregate(&query, None)?;
            Ok(v1::AggregateCallsResponse {
                rows: rows.into_iter().map(group_to_wire).collect(),
                total: Some(total.into_iter().next().map(group_to_wire).unwrap_or_default()),
            })
        };
        Ok(Response::new(self.0.count(&ask, work).await?))
    }
}

fn search_query(config: &ServerConfig, request: v1::SearchCallsRequest) -> Result<CallQuery, Failure> {
    let spoken_by = match v1::Role::try_from(request.spoken_by) {
        Ok(v1::Role::Unspecified) => None,
        Ok(v1::Role::Agent) => Some(Speaker::Agent),
        Ok(v1::Role::Caller) => Some(Speaker::Caller),
        Ok(v1::Role::Bot | v1::Role::Ivr | v1::Role::Other) => Some(Speaker::Other),
        Err(_) => return Err(unknown("spoken_by", request.spoken_by).into()),
    };
    let facet_size = bounded("facet_size", request.facet_size, MAX_FACET_SIZE)?;
    let facet_size = if facet_size == 0 {
        FACET_SIZE as usize
    } else {
        facet_size
    };
    let turns = request.turns_per_call.unwrap_or(TURNS_PER_CALL);
    let facets = request.facets.into_iter().map(|field| {
        if countable(&field) {
            Ok(FacetRequest { field, limit: facet_size })
        } else {
            Err(Invalid::field("facets", format!("cannot count by \"{field}\"")))
        }
    });
    Ok(CallQuery {
        text: text(request.query),
        spoken_by,
        filter: Some(filter(&request.filter)?),
        sort: sort(&request.order_by)?,
        limit: paging::size(config, request.page_size)?,
        page_token: Some(request.page_token).filter(|token| !token.is_empty()),
        facets: facets.collect::<Result<_, _>>()?,
        by_sound: !request.literal,
        turns_per_call: bounded("turns_per_call", turns, MAX_TURNS_PER_CALL)?,
        ..CallQuery::default()
    })
}

fn finding_query(request: v1::ListFindingsRequest) -> Result<FindingQuery, Failure> {
    let call_id = match call_id(&request.parent, "parent")? {
        ALL => None,
        id => Some(id.to_owned()),
    };
    if call_id.is_some() {
        for (field, value) in [("filter", &request.filter), ("order_by", &request.order_by)] {
            if !value.trim().is_empty() {
                return Err(Invalid::field(field, "only with parent calls/-").into());
            }
        }
    }
    let uncertain = match v1::FindingKind::try_from(request.kind) {
        Ok(v1::FindingKind::Unspecified | v1::FindingKind::Asserted) => false,
        Ok(v1::FindingKind::Uncertain) => true,
        Err(_) => return Err(unknown("kind", request.kind).into()),
    };
    Ok(FindingQuery {
        call_id,
        filter: filter(&request.filter)?,
        sort: sort(&request.order_by)?,
        uncertain,
        codes: request.codes,
    })
}

fn text(query: String) -> Option<String> {
    Some(query).filter(|query| !query.trim().is_empty())
}

pub(super) fn filter(text: &str) -> Result<Filter, Failure> {
    Filter::parse(text).map_err(|error| Failure::in_field("filter", error))
}

/// `field`, `field asc` or `field desc`; only one, since that is what the index sorts by.
fn sort(order_by: &str) -> Result<Option<Sort>, Failure> {
    let words: Vec<&str> = order_by.split_whitespace().collect();
    let parsed = match words.as_slice() {
        [] => return Ok(None),
        ["relevance", "desc"] => Ok(Sort::RELEVANCE),
        [field] | [field, "asc"] if !field.starts_with('-') => Sort::parse(field),
        [field, "desc"] if !field.starts_with('-') => Sort::parse(&format!("-{field}")),
        _ => return Err(Invalid::field("order_by", "must be one field, optionally followed by desc").into()),
    };
    parsed.map(Some).map_err(|error| Failure::in_field("order_by", error))
}

/// Whether the topics of a filter are there; which calls they have is looked up by the search itself, so
/// that a token stays good when they change.
pub(super) fn check_topics(reader: &dyn Reader, filter: Option<&Filter>) -> Result<(), Failure> {
    let lookup = TopicLookup(|topic: &str| calls_of(&reader.topics()?.topics, topic));
    match filter {
        Some(filter) => filter.clone().resolve(&lookup).map_err(|error| Failure::in_field("filter", error)),
        None => Ok(()),
    }
}

fn bounded(field: &str, value: i32, most: i32) -> Result<usize, Invalid> {
    usize::try_from(value.min(most)).map_err(|_| Invalid::field(field, "must not be negative"))
}

fn unknown(field: &str, value: i32) -> Invalid {
    Invalid::field(field, format!("unknown value {value}"))
}

/// A call has one level of names, so everything after the collection is its id.
pub(super) fn call_id<'a>(name: &'a str, field: &str) -> Result<&'a str, Invalid> {
    match name.strip_prefix(COLLECTION) {
        Some(id) if !id.is_empty() => Ok(id),
        _ => Err(Invalid::field(field, "must be calls/{call}")),
    }
}

pub(super) fn resource(call_id: &str) -> String {
    format!("{COLLECTION}{call_id}")
}

pub(super) fn missing(call_id: &str) -> Failure {
    Failure::NotFound { kind: "qingting.v1.Call", name: resource(call_id) }
}

fn call_to_wire(mut call: Analyzed, basic: bool) -> v1::Call {
    if basic {
        call.record.turns.clear();
        call.analysis.turns.clear();
    }
    v1::Call {
        name: resource(&call.record.call_id),
        record: Some(record_to_wire(call.record)),
        analysis: Some(analysis_to_wire(call.analysis)),
    }
}

fn page_to_wire(page: CallPage) -> v1::SearchCallsResponse {
    v1::SearchCallsResponse {
        hits: page.hits.into_iter().map(hit_to_wire).collect(),
        next_page_token: page.next.unwrap_or_default(),
        total_size: page.total as i64,
        facets: page
            .facets
            .into_iter()
            .map(|facet| v1::Facet {
                field: facet.field,
                values: facet
                    .values
                    .into_iter()
                    .map(|v| v1::FacetValue { value: v.value, count: v.calls as i64 })
                    .collect(),
            })
            .collect(),
        warnings: page.warnings,
    }
}

fn similar_to_wire(page: CallPage) -> v1::ListSimilarCallsResponse {
    let similar = |mut hit: CallHit| {
        let shared_words = std::mem::take(&mut hit.shared_words);
        v1::SimilarCall { hit: Some(hit_to_wire(hit)), shared_words }
    };
    v1::ListSimilarCallsResponse {
        calls: page.hits.into_iter().map(similar).collect(),
        next_page_token: page.next.unwrap_or_default(),
        total_size: page.total as i64,
        warnings: page.warnings,
    }
}

fn hit_to_wire(hit: CallHit) -> v1::SearchHit {
    v1::SearchHit {
        call: resource(&hit.call_id),
        relevance: hit.relevance,
        started_at: hit.started_at,
        agent_id: hit.agent,
        queue: hit.queue,
        appeal_type: hit.appeal_type,
        outcome: hit.outcome,
        score: hit.score,
        duration_ms: hit.duration_ms.map(|ms| ms as i64),
        codes: hit.codes,
        turns: hit.turns.into_iter().map(turn_to_wire).collect(),
        by_sound: hit.by_sound,
    }
}

fn turn_to_wire(turn: TurnHit) -> v1::TurnHit {
    v1::TurnHit {
        turn: turn.turn as i32,
        role: role_to_wire(turn.role).into(),
        start_ms: turn.start_ms.map(|ms| ms as i64),
        end_ms: turn.end_ms.map(|ms| ms as i64),
        snippet: turn.snippet,
        snippet_start_char: turn.snippet_start as i32,
        highlights: spans_to_wire(turn.highlights),
        by_sound: turn.by_sound,
    }
}

fn listed_to_wire((head, finding): (CallHead, Finding)) -> v1::ListedFinding {
    v1::ListedFinding {
        call: resource(&head.call_id),
        started_at: head.started_at.as_ref().map(time_to_wire),
        agent: head.agent.clone().map(agent_to_wire),
        queue: head.queue.clone(),
        finding: Some(finding_to_wire(finding)),
    }
}

fn group_to_wire(group: Group) -> v1::AggregateRow {
    let counts = |counts: std::collections::BTreeMap<String, u64>| {
        counts.into_iter().map(|(value, count)| (value, count as i64)).collect()
    };
    v1::AggregateRow {
        value: group.key,
        call_count: group.calls as i64,
        average_score: group.score,
        average_satisfaction: group.satisfaction,
        average_rating: group.rating,
        average_duration_seconds: group.duration,
        finding_counts: counts(group.findings),
        outcome_counts: counts(group.outcomes),
    }
}

#[cfg(test)]
mod tests {
    use qingting_index::calls::SortBy;

    use super::*;

    #[test]
    fn orders_are_one_field_with_its_direction() {
        let by = |text| sort(text).unwrap().map(|sort| (sort.by, sort.descending));
        assert_eq!(by("  "), None);
        assert_eq!(by("score"), Some((SortBy::Field("score"), false)));
        assert_eq!(by("score asc"), Some((SortBy::Field("score"), false)));
        assert_eq!(by("started_at desc"), Some((SortBy::Field("started_at"), true)));
        assert_eq!(by("relevance desc"), Some((SortBy::Relevance, true)));
        for wrong in ["score, date", "score down", "-score", "nowhere", "queue"] {
            let error = sort(wrong).unwrap_err();
            assert!(matches!(&error, Failure::Invalid(i) if i.violations[0].0 == "order_by"), "{wrong}: {error}");
        }
    }
}
