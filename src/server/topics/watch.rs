//! Watching alerts. Which there are and who has seen what is the hub's business; this is the wire,
//! and the beginning out of the store.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use qingting_index as index;
use qingting_index::calls::{CallHit, CallQuery, Filter, Sort};
use qingting_pipeline::record::Agent;
use qingting_proto::v1;
use tonic::{Response, Status};

use super::wire::burst_to_wire;
use crate::access::{Principal, Scope};
use crate::server::alerts::{Alert, Crisis, Found, Hub, Subject, Told, Wants};
use crate::server::backend::Reader;
use crate::server::calls::resource;
use crate::server::convert::{Invalid, agent_to_wire, time_to_wire};
use crate::server::readers::patient;
use crate::server::shared::Shared;
use crate::server::status::Failure;

/// Collection in resource names.
const COLLECTION: &str = "alerts/";
/// Calls that the index is asked for at a time.
const PAGE: usize = 200;

/// The stream of WatchAlerts.
pub(super) type Stream = BoxStream<'static, Result<v1::WatchAlertsResponse, Status>>;

/// Begins to tell alerts.
pub(super) fn watch(
    shared: &Arc<Shared>,
    who: &Principal,
    request: v1::WatchAlertsRequest,
) -> Result<Response<Stream>, Status> {
    let (_, permit) = shared.stream(who)?;
    let shared = shared.clone();
    let limit = shared.config.slow_reader();
    let after = request.after.clone();
    let mut watcher = shared.alerts.watcher(&after, wants(request, &who.scope)?)?;
    let mut changes = shared.alerts.changes();
    let alerts = async_stream::stream! {
        // Held by the stream.
        let _permit = permit;
        loop {
            while let Some(told) = shared.alerts.next(&mut watcher) {
                yield Ok(told_to_wire(told));
            }
            tokio::select! {
                // The sender is in `shared`, so it is there.
                _ = changes.changed() => {}
                () = shared.stopping.cancelled() => {
                    yield Err(Failure::ShuttingDown.into());
                    break;
                }
            }
        }
    };
    Ok(Response::new(patient(alerts.boxed(), limit)))
}

/// Lets the backlog begin with the crises among the last calls of the store, so that a restart hides
/// none. A call that cannot be read is told of with what the index knows.
///
/// # Errors
/// When the index cannot be read.
pub(in crate::server) fn recall(hub: &Hub, reader: &dyn Reader, most: usize) -> index::Result<()> {
    let mut query = CallQuery {
        filter: Some(Filter::Is { field: "crisis", value: "true".to_owned() }),
        sort: Some(Sort::NEWEST),
        turns_per_call: 0,
        ..CallQuery::default()
    };
    let mut hits: Vec<CallHit> = Vec::new();
    while hits.len() < most {
        query.limit = PAGE.min(most - hits.len());
        let page = reader.search_calls(&query)?;
        hits.extend(page.hits);
        match page.next {
            Some(next) => query.page_token = Some(next),
            None => break,
        }
    }
    // The index gives the newest first, the backlog keeps the newest last.
    for hit in hits.into_iter().rev() {
        match reader.get_call(&hit.call_id) {
            Ok(Some(call)) => hub.recall_call(&call),
            // Replaced since the index was last refreshed.
            Ok(None) => {}
            Err(error) => {
                tracing::error!(call_id = hit.call_id, %error, "a call with a life in danger cannot be read");
                hub.recall(Found::unread(Crisis {
                    started_at: hit.started_at.and_then(|time| time.parse().ok()),
                    agent: hit.agent.map(|id| Agent { id, ..Agent::default() }),
                    queue: hit.queue,
                    call_id: hit.call_id,
                    ..Crisis::default()
                }));
            }
        }
    }
    Ok(())
}

fn wants(request: v1::WatchAlertsRequest, scope: &Scope) -> Result<Wants, Invalid> {
    let v1::WatchAlertsRequest { kinds, after: _, agent_ids, teams, queues } = request;
    let (mut crises, mut bursts) = (kinds.is_empty(), kinds.is_empty());
    for (i, &kind) in kinds.iter().enumerate() {
        match v1::AlertKind::try_from(kind) {
            Ok(v1::AlertKind::Crisis) => crises = true,
            Ok(v1::AlertKind::Burst) => bursts = true,
            Ok(v1::AlertKind::Unspecified) | Err(_) => {
                return Err(Invalid::field(format!("kinds[{i}]"), format!("unknown value {kind}")));
            }
        }
    }
    Ok(Wants { crises, bursts, agent_ids, teams, queues, scope: scope.clone() })
}

fn told_to_wire(told: Told) -> v1::WatchAlertsResponse {
    v1::WatchAlertsResponse {
        alert: told.alert.map(|alert| alert_to_wire(&alert)),
        position: told.position,
        missed: i64::try_from(told.missed).unwrap_or(i64::MAX),
    }
}

fn alert_to_wire(alert: &Alert) -> v1::Alert {
    let (kind, subject) = match &alert.subject {
        Subject::Crisis(crisis) => {
            let wire = v1::Crisis {
                call: resource(&crisis.call_id),
                turn: crisis.turn.map(|turn| i32::try_from(turn).unwrap_or(i32::MAX)),
                quote: crisis.quote.clone(),
                live: crisis.live,
                started_at: crisis.started_at.as_ref().map(time_to_wire),
                agent: crisis.agent.clone().map(agent_to_wire),
                queue: crisis.queue.clone(),
            };
            (v1::AlertKind::Crisis, v1::alert::Subject::Crisis(wire))
        }
        Subject::Burst(burst) => {
            let wire = burst_to_wire(burst);
            (v1::AlertKind::Burst, v1::alert::Subject::Burst(wire))
        }
    };
    v1::Alert {
        name: format!("{COLLECTION}{}", alert.id),
        kind: kind.into(),
        raised_at: time_to_wire(&alert.raised_at),
        explanation: alert.explanation.clone(),
        confidence: alert.confidence,
        subject: Some(subject),
    }
}
