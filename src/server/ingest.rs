//! IngestService: calls in, each acknowledged when it is safely on disk.

use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use qingting_pipeline::record::CallRecord;
use qingting_proto::v1;
use qingting_proto::v1::ingest_service_server::IngestService;
use tonic::{Request, Response, Status, Streaming};

use super::convert::{Invalid, record_from_wire};
use super::readers::patient;
use super::shared::{Ready, Shared, principal};
use super::status::status_message;

/// The service.
pub(super) struct Ingest(pub(super) Arc<Shared>);

#[tonic::async_trait]
impl IngestService for Ingest {
    type IngestCallsStream = BoxStream<'static, Result<v1::IngestCallsResponse, Status>>;

    async fn ingest_calls(
        &self,
        request: Request<Streaming<v1::IngestCallsRequest>>,
    ) -> Result<Response<Self::IngestCallsStream>, Status> {
        let who = principal(request.extensions())?;
        let (ready, permit) = self.0.stream(&who)?;
        let shared = self.0.clone();
        let window = shared.config.stream_window;
        let acks = self.0.messages(request.into_inner()).enumerate().map(move |(index, message)| {
            // Held by the closure, and with it by the stream.
            let _ = &permit;
            let (shared, ready) = (shared.clone(), ready.clone());
            async move {
                let call = message?.call;
                let call_id = call.as_ref().map(|c| c.call_id.clone()).unwrap_or_default();
                let outcome = match dated(call) {
                    Ok(record) => keep(&shared, &ready, record).await,
                    Err(invalid) => Err(invalid.into()),
                };
                match &outcome {
                    Ok(()) => shared.metrics.kept.inc(),
                    Err(_) => shared.metrics.refused.inc(),
                };
                let status = status_message(outcome.err().as_ref());
                Ok(v1::IngestCallsResponse { index: index as i64, call_id, status: Some(status) })
            }
            .boxed()
        });
        // In order and bounded: a client that does not read its acknowledgements holds its own stream
        // back, and a group of calls under way shares one fsync.
        Ok(Response::new(patient(acks.buffered(window).boxed(), self.0.config.slow_reader())))
    }
}

fn dated(call: Option<v1::CallRecord>) -> Result<CallRecord, Invalid> {
    let record = record_from_wire(call, "call")?;
    if record.started_at.is_none() {
        return Err(Invalid::field("call.started_at", "required"));
    }
    Ok(record)
}

async fn keep(shared: &Arc<Shared>, ready: &Arc<Ready>, record: CallRecord) -> Result<(), Status> {
    // What is published when its turn comes: a stream goes on for days.
    let (pipeline, hub) = (shared.judging()?.pipeline, shared.clone());
    let work = move || {
        let analyzed = pipeline.analyze(&record);
        // A life in danger waits neither for the disk nor for the client to stay.
        hub.alerts.ended(&analyzed);
        analyzed
    };
    let analyzed = shared.compute.run(work).await?;
    ready.writes.call(analyzed).await
}
