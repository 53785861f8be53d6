//! AnalysisService: calls in, analyses out, nothing kept.

use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use qingting_pipeline::record::CallRecord;
use qingting_proto::v1;
use qingting_proto::v1::analysis_service_server::AnalysisService;
use tonic::{Request, Response, Status, Streaming};

use super::convert::{analysis_to_wire, record_from_wire};
use super::follow;
use super::readers::patient;
use super::shared::{Shared, principal};
use super::status::{Failure, status_message};

/// The service.
pub(super) struct Analyses(pub(super) Arc<Shared>);

#[tonic::async_trait]
impl AnalysisService for Analyses {
    async fn analyze_call(
        &self,
        request: Request<v1::AnalyzeCallRequest>,
    ) -> Result<Response<v1::AnalyzeCallResponse>, Status> {
        let ask = self.0.ask(&request)?;
        let record = record_from_wire(request.into_inner().call, "call")?;
        let analysis = self
            .0
            .read(&ask, move |ready| Ok(analysis_to_wire(ready.judging.pipeline.analyze(&record).analysis)))
            .await?;
        Ok(Response::new(v1::AnalyzeCallResponse { analysis: Some(analysis) }))
    }

    type AnalyzeCallsStream = BoxStream<'static, Result<v1::AnalyzeCallsResponse, Status>>;

    async fn analyze_calls(
        &self,
        request: Request<Streaming<v1::AnalyzeCallsRequest>>,
    ) -> Result<Response<Self::AnalyzeCallsStream>, Status> {
        let who = principal(request.extensions())?;
        let (_, permit) = self.0.stream(&who)?;
        let shared = self.0.clone();
        let window = shared.config.stream_window;
        let answers = self.0.messages(request.into_inner()).enumerate().map(move |(index, message)| {
            // Held by the closure, and with it by the stream.
            let _ = &permit;
            let shared = shared.clone();
            async move {
                let call = message?.call;
                let call_id = call.as_ref().map(|c| c.call_id.clone()).unwrap_or_default();
                let outcome = match record_from_wire(call, "call") {
                    Ok(record) => analyze(&shared, record).await,
                    Err(invalid) => Err(invalid.into()),
                };
                let result = match outcome {
                    Ok(analysis) => v1::analyze_calls_response::Result::Analysis(analysis),
                    Err(failure) => v1::analyze_calls_response::Result::Error(status_message(Some(&failure.into()))),
                };
                Ok(v1::AnalyzeCallsResponse { index: index as i64, call_id, result: Some(result) })
            }
            .boxed()
        });
        // In order and bounded: a client that does not read holds its own stream back.
        Ok(Response::new(patient(answers.buffered(window).boxed(), self.0.config.slow_reader())))
    }

    type FollowCallStream = BoxStream<'static, Result<v1::FollowCallResponse, Status>>;

    async fn follow_call(
        &self,
        request: Request<Streaming<v1::FollowCallRequest>>,
    ) -> Result<Response<Self::FollowCallStream>, Status> {
        let who = principal(request.extensions())?;
        let (ready, permit) = self.0.stream(&who)?;
        let messages = self.0.messages(request.into_inner());
        let answers = follow::answers(self.0.clone(), ready, who, permit, messages);
        Ok(Response::new(patient(answers, self.0.config.slow_reader())))
    }
}

/// By what is published when its turn comes: a stream goes on for days.
async fn analyze(shared: &Shared, record: CallRecord) -> Result<v1::Analysis, Failure> {
    let pipeline = shared.judging()?.pipeline;
    shared.compute.run(move || analysis_to_wire(pipeline.analyze(&record).analysis)).await
}
