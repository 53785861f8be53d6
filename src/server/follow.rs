//! A call that is followed while it runs: turns in, what they changed out. Owns the comparison with the
//! answer before; the call so far and its bounds are those of [`super::running`], the analysis is the
//! pipeline's, alerts are the hub's.
//!
//! The call so far is analysed anew with every message. A call takes the static models about a
//! millisecond, a finding may rest on any turn and be taken back by any later one, and so the last
//! answer is by construction what the whole call would be given. The work grows with more than the
//! square of the length of the call, which is why that is bounded: [`super::ServerConfig::max_followed_turns`], and
//! together not more bytes than one message may have. The transformer is slower by orders; with it, send several
//! turns a message.

use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use prost::Message;
use qingting_pipeline::record::Finding;
use qingting_proto::v1;
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;

use super::alerts;
use super::convert::{facts_to_wire, finding_to_wire, turn_analysis_to_wire};
use super::running::RunningCall;
use super::shared::{Ready, Shared};
use super::status::{Failure, status_message};
use crate::access::Principal;

type Answer = Result<v1::FollowCallResponse, Status>;

/// Answers the messages one after the other: each rests on those before.
pub(super) fn answers(
    shared: Arc<Shared>,
    ready: Arc<Ready>,
    who: Arc<Principal>,
    permit: OwnedSemaphorePermit,
    messages: impl Stream<Item = Result<v1::FollowCallRequest, Status>> + Send + 'static,
) -> BoxStream<'static, Answer> {
    let follow = Follow { shared, ready, who, call: None, _permit: permit };
    let state = (follow, messages.enumerate().boxed());
    futures::stream::unfold(state, |(mut follow, mut messages)| async move {
        let (index, message) = messages.next().await?;
        let answer = match message {
            Ok(message) => Ok(follow.answer(index, message).await),
            Err(status) => Err(status),
        };
        Some((answer, (follow, messages)))
    })
    .boxed()
}

struct Follow {
    shared: Arc<Shared>,
    ready: Arc<Ready>,
    who: Arc<Principal>,
    call: Option<Followed>,
    _permit: OwnedSemaphorePermit,
}

/// The call as of the last message that was not refused.
struct Followed {
    running: RunningCall,
    findings: Vec<Finding>,
}

impl Follow {
    async fn answer(&mut self, index: usize, message: v1::FollowCallRequest) -> v1::FollowCallResponse {
        let named = message.call.as_ref().map(|call| call.call_id.clone());
        let result = match self.take(message).await {
            Ok(update) => v1::follow_call_response::Result::Update(update),
            Err(failure) => v1::follow_call_response::Result::Error(status_message(Some(&failure.into()))),
        };
        let known = self.call.as_ref().map(|call| call.running.record.call_id.clone());
        let call_id = known.or(named).unwrap_or_default();
        v1::FollowCallResponse { index: index as i64, call_id, result: Some(result) }
    }

    async fn take(&mut self, message: v1::FollowCallRequest) -> Result<v1::CallUpdate, Failure> {
        let size = message.encoded_len();
        let v1::FollowCallRequest { call, turns } = message;
        let before = self.call.as_ref().map(|call| &call.running);
        let running = RunningCall::extended(before, call, turns, size, &self.who, &self.shared.config)?;
        let (record, shared, ready) = (running.record.clone(), self.shared.clone(), self.ready.clone());
        let work = move || {
            let (analyzed, heard) = ready.judging.pipeline.analyze_running(&record, alerts::CRISIS);
            let danger = alerts::in_running(&analyzed, &heard).cloned();
            if let Some(danger) = &danger {
                // Here and not by the one who waits for it: a client that goes away while its call is
                // analysed takes no alert with it.
                shared.alerts.running(&analyzed, danger);
            }
            (analyzed.analysis, danger)
        };
        let (analysis, danger) = self.shared.compute.run(work).await?;
        let before = self.call.as_ref();
        let known = before.map_or(&[][..], |call| &call.findings);
        let turns_before = before.map_or(0, |call| call.running.record.turns.len());
        let update = v1::CallUpdate {
            turn_count: i32::try_from(running.record.turns.len()).unwrap_or(i32::MAX),
            found: without(&analysis.findings, known),
            withdrawn: without(known, &analysis.findings),
            facts: Some(facts_to_wire(analysis.facts)),
            turns: analysis.turns.into_iter().skip(turns_before).map(turn_analysis_to_wire).collect(),
            danger: danger.map(finding_to_wire),
        };
        self.call = Some(Followed { running, findings: analysis.findings });
        Ok(update)
    }
}

/// Those findings that are not among the others. A call has at most one of a code on a turn.
fn without(findings: &[Finding], others: &[Finding]) -> Vec<v1::Finding> {
    let same = |a: &Finding, b: &Finding| a.turn == b.turn && a.code == b.code;
    let new = findings.iter().filter(|finding| others.iter().all(|other| !same(finding, other)));
    new.cloned().map(finding_to_wire).collect()
}
