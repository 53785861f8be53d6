//! Suggestions for a call that is still running: turns in, articles for what the caller needs now out. Tells
//! whether anything has changed; the call so far and its bounds are those of [`super::running`], and what is
//! asked and what is sure enough is decided by the knowledge index.
//!
//! Nothing of the call is analysed, and the knowledge base is searched only when what would be asked has changed, so
//! small talk and the agent's own words cost next to nothing.

use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use prost::Message;
use qingting_index::knowledge::KnowledgeHit;
use qingting_proto::v1;
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;

use super::knowledge::hit_to_wire;
use super::running::RunningCall;
use super::shared::{Ready, Shared};
use super::status::{Failure, status_message};
use crate::access::Principal;

type Answer = Result<v1::SuggestResponse, Status>;

/// Articles suggested at once: an agent on the phone reads no more.
const MOST_HITS: usize = 3;

/// Answers the messages one after the other: each rests on those before.
pub(super) fn answers(
    shared: Arc<Shared>,
    ready: Arc<Ready>,
    who: Arc<Principal>,
    permit: OwnedSemaphorePermit,
    messages: impl Stream<Item = Result<v1::SuggestRequest, Status>> + Send + 'static,
) -> BoxStream<'static, Answer> {
    let advice = Advice { shared, ready, who, call: None, _permit: permit };
    let state = (advice, messages.enumerate().boxed());
    futures::stream::unfold(state, |(mut advice, mut messages)| async move {
        let (index, message) = messages.next().await?;
        let answer = match message {
            Ok(message) => Ok(advice.answer(index, message).await),
            Err(status) => Err(status),
        };
        Some((answer, (advice, messages)))
    })
    .boxed()
}

struct Advice {
    shared: Arc<Shared>,
    ready: Arc<Ready>,
    who: Arc<Principal>,
    call: Option<Advised>,
    _permit: OwnedSemaphorePermit,
}

/// The call as of the last message that was not refused.
struct Advised {
    running: RunningCall,
    /// What was asked last.
    need: Vec<String>,
    /// Articles and places of the passages that were suggested last.
    told: Vec<(String, u32)>,
}

impl Advice {
    async fn answer(&mut self, index: usize, message: v1::SuggestRequest) -> v1::SuggestResponse {
        let named = message.call.as_ref().map(|call| call.call_id.clone());
        let result = match self.take(message).await {
            Ok(suggestions) => v1::suggest_response::Result::Suggestions(suggestions),
            Err(failure) => v1::suggest_response::Result::Error(status_message(Some(&failure.into()))),
        };
        let known = self.call.as_ref().map(|call| call.running.record.call_id.clone());
        let call_id = known.or(named).unwrap_or_default();
        v1::SuggestResponse { index: index as i64, call_id, result: Some(result) }
    }

    async fn take(&mut self, message: v1::SuggestRequest) -> Result<v1::Suggestions, Failure> {
        let size = message.encoded_len();
        let v1::SuggestRequest { call, turns } = message;
        let known = self.call.as_ref();
        let running =
            RunningCall::extended(known.map(|call| &call.running), call, turns, size, &self.who, &self.shared.config)?;
        let before = known.map(|call| call.need.clone()).unwrap_or_default();
        let told_before = known.map(|call| call.told.clone()).unwrap_or_default();
        let (record, ready) = (running.record.clone(), self.ready.clone());
        let work = move || {
            let turns: Vec<_> = record.turns.iter().map(|turn| (turn.role, turn.text.as_str())).collect();
            let need = ready.reader.need(&turns);
            // The same question has the same answer.
            let found = if need == before {
                None
            } else {
                Some(ready.reader.suggest(&need, MOST_HITS)?.hits)
            };
            Ok::<_, Failure>((need, found))
        };
        let (need, found) = self.shared.compute.run(work).await??;
        let told = found.as_deref().map(places);
        let changed = told.as_ref().is_some_and(|told| *told != told_before);
        let turn_count = i32::try_from(running.record.turns.len()).unwrap_or(i32::MAX);
        let hits = found.filter(|_| changed).unwrap_or_default();
        self.call = Some(Advised { running, need, told: told.unwrap_or(told_before) });
        Ok(v1::Suggestions { changed, hits: hits.into_iter().map(hit_to_wire).collect(), turn_count })
    }
}

fn places(hits: &[KnowledgeHit]) -> Vec<(String, u32)> {
    hits.iter().map(|hit| (hit.id.clone(), hit.passage_start)).collect()
}
