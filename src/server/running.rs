//! A call that is still running, as its client has told it so far. Owns how messages extend it and its
//! bounds; what is made of the call is the business of those who follow it or advise on it.

use std::sync::Arc;

use qingting_pipeline::record::{Agent, CallRecord};
use qingting_proto::v1;

use super::ServerConfig;
use super::convert::{Invalid, record_from_wire, turns_from_wire};
use super::status::Failure;
use crate::access::{Denied, Principal};

/// The call so far.
pub(super) struct RunningCall {
    pub(super) record: Arc<CallRecord>,
    /// Size of the messages that it came in.
    bytes: usize,
}

impl RunningCall {
    /// The call with what a message of so many bytes adds: the first brings the call, all others turns.
    ///
    /// # Errors
    /// When the message is out of turn or wrong, the call is none that `who` may see, or it grows beyond [`ServerConfig::max_followed_turns`] or
    /// the bytes that one message may have.
    pub(super) fn extended(
        before: Option<&Self>,
        call: Option<v1::CallRecord>,
        turns: Vec<v1::Turn>,
        size: usize,
        who: &Principal,
        config: &ServerConfig,
    ) -> Result<Self, Failure> {
        let (record, bytes, field) = match before {
            None if !turns.is_empty() => {
                return Err(Invalid::field("turns", "only after the call; turns so far belong into it").into());
            }
            None => (own(record_from_wire(call, "call")?, who)?, size, "call.turns"),
            Some(_) if call.is_some() => return Err(Invalid::field("call", "only in the first message").into()),
            Some(_) if turns.is_empty() => return Err(Invalid::field("turns", "required").into()),
            Some(before) => {
                let mut record = CallRecord::clone(&before.record);
                record.turns.extend(turns_from_wire(turns)?);
                (record, before.bytes + size, "turns")
            }
        };
        if record.turns.len() > config.max_followed_turns {
            let message = format!("more than {} in a call that is followed", config.max_followed_turns);
            return Err(Invalid::field(field, message).into());
        }
        if bytes > config.max_request_bytes {
            let message = format!("the call so far is larger than {} bytes", config.max_request_bytes);
            return Err(Invalid::field(field, message).into());
        }
        Ok(Self { record: Arc::new(record), bytes })
    }
}

/// The call, if it is one that somebody may see. Where an agent's own program does not say whose it is, it is theirs.
fn own(mut record: CallRecord, who: &Principal) -> Result<CallRecord, Failure> {
    if let (None, Some(agent)) = (&record.agent, who.agent()) {
        record.agent = Some(Agent { id: agent.to_owned(), ..Agent::default() });
    }
    match who.scope.sees(record.agent.as_ref()) {
        true => Ok(record),
        false => Err(Denied::NotSeen.into()),
    }
}
