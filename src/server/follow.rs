//! A call that is followed while it runs: turns in, what they changed out. Owns the call so far, its
//! bounds and the comparison with the answer before; the analysis is the pipeline's, alerts are
//! the hub's.
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
use qingting_pipeline::record::{CallRecord, Finding};
use qingting_proto::v1;
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;

use super::alerts;
use super::convert::{
    Invalid, facts_to_wire, finding_to_wire, record_from_wire, turn_analysis_to_wire, turns_from_wire,
};
use super::shared::{Ready, Shared};
use super::status::{Failure, status_message};

type Answer = Result<v1::FollowCallResponse, Status>;

/// Answers the messages one after the other: each rests on those before.
pub(super) fn answers(
    shared: Arc<Shared>,
    ready: Arc<Ready>,
    permit: OwnedSemaphorePermit,
    messages: impl Stream<Item = Result<v1::FollowCallRequest, Status>> + Send + 'static,
) -> BoxStream<'static, Answer> {
    let follow = Follow { shared, ready, call: None, _permit: permit };
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
    call: Option<Followed>,
    _permit: OwnedSemaphorePermit,
}

/// The call as of the last message that was not refused.
struct Followed {
    record: Arc<CallRecord>,
    /// Size of the messages that it came in.
    bytes: usize,
    findings: Vec<Finding>,
}

impl Follow {
    async fn answer(&mut self, index: usize, message: v1::FollowCallRequest) -> v1::FollowCallResponse {
        let named = message.call.as_ref().map(|call| call.call_id.clone());
        let result = match self.take(message).await {
            Ok(update) => v1::follow_call_response::Result::Update(update),
            Err(failure) => v1::follow_call_response::Result::Error(status_message(Some(&failure.into()))),
        };
        let known = self.call.as_ref().map(|call| call.record.call_id.clone());
        let call_id = known.or(named).unwrap_or_default();
        v1::FollowCallResponse { index: index as i64, call_id, result: Some(result) }
    }

    async fn take(&mut self, message: v1::FollowCallRequest) -> Result<v1::CallUpdate, Failure> {
        let next = self.extended(message)?;
        let (record, shared, ready) = (next.record.clone(), self.shared.clone(), self.ready.clone());
        let work = move || {
            let (analyzed, heard) = ready.pipeline.analyze_running(&record, alerts::CRISIS);
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
        let turns_before = before.map_or(0, |call| call.record.turns.len());
        let update = v1::CallUpdate {
            turn_count: i32::try_from(next.record.turns.len()).unwrap_or(i32::MAX),
            found: without(&analysis.findings, known),
            withdrawn: without(known, &analysis.findings),
            facts: Some(facts_to_wire(analysis.facts)),
            turns: analysis.turns.into_iter().skip(turns_before).map(turn_analysis_to_wire).collect(),
            danger: danger.map(finding_to_wire),
        };
        self.call = Some(Followed { findings: analysis.findings, ..next });
        Ok(update)
    }

    /// The call with what the message adds.
    fn extended(&self, message: v1::FollowCallRequest) -> Result<Followed, Invalid> {
        let size = message.encoded_len();
        let v1::FollowCallRequest { call, turns } = message;
        let (record, bytes, field) = match &self.call {
            None if !turns.is_empty() => {
                return Err(Invalid::field("turns", "only after the call; turns so far belong into it"));
            }
            None => (record_from_wire(call, "call")?, size, "call.turns"),
            Some(_) if call.is_some() => return Err(Invalid::field("call", "only in the first message")),
            Some(_) if turns.is_empty() => return Err(Invalid::field("turns", "required")),
            Some(followed) => {
                let mut record = CallRecord::clone(&followed.record);
                record.turns.extend(turns_from_wire(turns)?);
                (record, followed.bytes + size, "turns")
            }
        };
        let config = &self.shared.config;
        if record.turns.len() > config.max_followed_turns {
            let message = format!("more than {} in a call that is followed", config.max_followed_turns);
            return Err(Invalid::field(field, message));
        }
        if bytes > config.max_request_bytes {
            let message = format!("the call so far is larger than {} bytes", config.max_request_bytes);
            return Err(Invalid::field(field, message));
        }
        Ok(Followed { record: Arc::new(record), bytes, findings: Vec::new() })
    }
}

/// Those findings that are not among the others. A call has at most one of a code on a turn.
fn without(findings: &[Finding], others: &[Finding]) -> Vec<v1::Finding> {
    let same = |a: &Finding, b: &Finding| a.turn == b.turn && a.code == b.code;
    let new = findings.iter().filter(|finding| others.iter().all(|other| !same(finding, other)));
    new.cloned().map(finding_to_wire).collect()
}
