//! CallService: finds calls, shows them, lists findings and counts.

use std::sync::Arc;

use qingting_pipeline::Analyzed;
use qingting_proto::v1;
use qingting_proto::v1::call_service_server::CallService;
use tonic::{Request, Response, Status};

use super::backend::{CallHit, CallPage, CallQuery, Cursor, FindingQuery, Group, GroupBy, Highlight, ListedFinding};
use super::convert::{
    Invalid, agent_to_wire, analysis_to_wire, finding_to_wire, record_to_wire, role_to_wire, time_to_wire,
};
use super::deadline;
use super::paging::Page;
use super::shared::Shared;
use super::status::Failure;

/// Collection in resource names.
const COLLECTION: &str = "calls/";
/// In place of a call: all of them.
const ALL: &str = "-";

/// The service.
pub(super) struct Calls(pub(super) Arc<Shared>);

#[tonic::async_trait]
impl CallService for Calls {
    async fn search_calls(
        &self,
        request: Request<v1::SearchCallsRequest>,
    ) -> Result<Response<v1::SearchCallsResponse>, Status> {
        let limit = deadline::limit(request.metadata(), self.0.config.request_timeout());
        let request = request.into_inner();
        let view = view(request.view, View::Basic)?;
        let parts = [request.query.as_str(), &request.filter, &request.order_by];
        let page = Page::parse(&self.0.config, request.page_size, &request.page_token, &parts)?;
        let query = CallQuery {
            query: request.query,
            filter: request.filter,
            order_by: request.order_by,
            start: page.start,
            size: page.size,
            facets: request.facets,
            highlight: request.highlight,
        };
        let response = self
            .0
            .read(limit, move |ready| {
                let found = ready.reader.search_calls(&query)?;
                Ok(search_response(found, query, page, view))
            })
            .await?;
        Ok(Response::new(response))
    }

    async fn get_call(&self, request: Request<v1::GetCallRequest>) -> Result<Response<v1::Call>, Status> {
        let limit = deadline::limit(request.metadata(), self.0.config.request_timeout());
        let request = request.into_inner();
        let view = view(request.view, View::Full)?;
        let call_id = call_id(&request.name, "name")?.to_owned();
        let call = self
            .0
            .read(limit, move |ready| {
                let call = ready.reader.get_call(&call_id)?;
                call.map(|call| call_to_wire(call, view)).ok_or_else(|| missing(&call_id))
            })
            .await?;
        Ok(Response::new(call))
    }

    async fn list_findings(
        &self,
        request: Request<v1::ListFindingsRequest>,
    ) -> Result<Response<v1::ListFindingsResponse>, Status> {
        let limit = deadline::limit(request.metadata(), self.0.config.request_timeout());
        let request = request.into_inner();
        let call_id = match call_id(&request.parent, "parent")? {
            ALL => None,
            id => Some(id.to_owned()),
        };
        let uncertain = match v1::FindingKind::try_from(request.kind) {
            Ok(v1::FindingKind::Unspecified | v1::FindingKind::Asserted) => false,
            Ok(v1::FindingKind::Uncertain) => true,
            Err(_) => return Err(Invalid::field("kind", format!("unknown value {}", request.kind)).into()),
        };
        let kind = if uncertain { "uncertain" } else { "asserted" };
        let parts = [request.parent.as_str(), &request.filter, &request.order_by, kind];
        let page = Page::parse(&self.0.config, request.page_size, &request.page_token, &parts)?;
        let query = FindingQuery {
            call_id,
            filter: request.filter,
            order_by: request.order_by,
            uncertain,
            start: page.start,
            size: page.size,
        };
        let response = self
            .0
            .read(limit, move |ready| {
                if let Some(call_id) = &query.call_id
                    && ready.reader.get_call(call_id)?.is_none()
                {
                    return Err(missing(call_id));
                }
                let found = ready.reader.list_findings(&query)?;
                Ok(v1::ListFindingsResponse {
                    findings: found.findings.into_iter().map(listed_to_wire).collect(),
                    next_page_token: page.token(found.next),
                })
            })
            .await?;
        Ok(Response::new(response))
    }

    async fn aggregate_calls(
        &self,
        request: Request<v1::AggregateCallsRequest>,
    ) -> Result<Response<v1::AggregateCallsResponse>, Status> {
        let limit = deadline::limit(request.metadata(), self.0.config.request_timeout());
        let request = request.into_inner();
        let by = match v1::GroupBy::try_from(request.group_by) {
            Ok(v1::GroupBy::Agent) => GroupBy::Agent,
            Ok(v1::GroupBy::Team) => GroupBy::Team,
            Ok(v1::GroupBy::Queue) => GroupBy::Queue,
            Ok(v1::GroupBy::Code) => GroupBy::Code,
            Ok(v1::GroupBy::Day) => GroupBy::Day,
            Ok(v1::GroupBy::Unspecified) => return Err(Invalid::field("group_by", "required").into()),
            Err(_) => return Err(Invalid::field("group_by", format!("unknown value {}", request.group_by)).into()),
        };
        let response = self
            .0
            .read(limit, move |ready| {
                let found = ready.reader.aggregate(by, &request.query, &request.filter)?;
                Ok(v1::AggregateCallsResponse {
                    rows: found.groups.into_iter().map(group_to_wire).collect(),
                    total_size: found.total as i64,
                })
            })
            .await?;
        Ok(Response::new(response))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Basic,
    Full,
}

fn view(value: i32, default: View) -> Result<View, Invalid> {
    match v1::CallView::try_from(value) {
        Ok(v1::CallView::Unspecified) => Ok(default),
        Ok(v1::CallView::Basic) => Ok(View::Basic),
        Ok(v1::CallView::Full) => Ok(View::Full),
        Err(_) => Err(Invalid::field("view", format!("unknown value {value}"))),
    }
}

/// A call has one level of names, so everything after the collection is its id.
fn call_id<'a>(name: &'a str, field: &str) -> Result<&'a str, Invalid> {
    match name.strip_prefix(COLLECTION) {
        Some(id) if !id.is_empty() => Ok(id),
        _ => Err(Invalid::field(field, "must be calls/{call}")),
    }
}

fn resource(call_id: &str) -> String {
    format!("{COLLECTION}{call_id}")
}

fn missing(call_id: &str) -> Failure {
    Failure::NotFound { kind: "qingting.v1.Call", name: resource(call_id) }
}

fn call_to_wire(mut call: Analyzed, view: View) -> v1::Call {
    if view == View::Basic {
        call.record.turns.clear();
        call.analysis.turns.clear();
    }
    v1::Call {
        name: resource(&call.record.call_id),
        record: Some(record_to_wire(call.record)),
        analysis: Some(analysis_to_wire(call.analysis)),
    }
}

fn search_response(found: CallPage, query: CallQuery, page: Page, view: View) -> v1::SearchCallsResponse {
    let end = query.start.call + found.hits.len() as u64;
    let next = (!found.hits.is_empty() && end < found.total).then_some(Cursor { call: end, finding: 0 });
    v1::SearchCallsResponse {
        hits: found.hits.into_iter().map(|hit| hit_to_wire(hit, view)).collect(),
        next_page_token: page.token(next),
        total_size: found.total as i64,
        facets: query
            .facets
            .into_iter()
            .zip(found.facets)
            .map(|(field, values)| v1::Facet {
                field,
                values: values
                    .into_iter()
                    .map(|(value, count)| v1::FacetValue { value, count: count as i64 })
                    .collect(),
            })
            .collect(),
    }
}

fn hit_to_wire(hit: CallHit, view: View) -> v1::SearchHit {
    v1::SearchHit {
        call: Some(call_to_wire(hit.call, view)),
        score: hit.score,
        highlights: hit.highlights.into_iter().map(highlight_to_wire).collect(),
    }
}

fn highlight_to_wire(highlight: Highlight) -> v1::Highlight {
    v1::Highlight {
        turn: highlight.turn as i32,
        role: role_to_wire(highlight.role).into(),
        start_ms: highlight.start_ms.map(|ms| ms as i64),
        passage: highlight.passage,
        start_char: highlight.start_char as i32,
        matches: highlight
            .matches
            .into_iter()
            .map(|(start, end)| v1::CharRange { start_char: start as i32, end_char: end as i32 })
            .collect(),
    }
}

fn listed_to_wire(listed: ListedFinding) -> v1::ListedFinding {
    v1::ListedFinding {
        call: resource(&listed.call_id),
        started_at: listed.started_at.as_ref().map(time_to_wire),
        agent: listed.agent.map(agent_to_wire),
        queue: listed.queue,
        finding: Some(finding_to_wire(listed.finding)),
    }
}

fn group_to_wire(group: Group) -> v1::AggregateRow {
    v1::AggregateRow {
        value: group.value,
        call_count: group.calls as i64,
        average_score: group.average_score,
        average_satisfaction: group.average_satisfaction,
    }
}
