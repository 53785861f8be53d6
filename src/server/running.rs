//! A call that is still running, as its client has told it so far. Owns how messages extend it and its
//! bounds; what is made of the call is the business of those who follow it or advise on it.

use std::sync::Arc;

use qingting_pipeline::record::CallRecord;
use qingting_proto::v1;

use super::ServerConfig;
use super::convert::{Invalid, record_from_wire, turns_from_wire};

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
    /// When the message is out of turn or wrong, or the call grows beyond [`ServerConfig::max_followed_turns`] or
    /// the bytes that one message may have.
    pub(super) fn extended(
        before: Option<&Self>,
        call: Option<v1::CallRecord>,
        turns: Vec<v1::Turn>,
        size: usize,
        config: &ServerConfig,
    ) -> Result<Self, Invalid> {
        let (record, bytes, field) = match before {
            None if !turns.is_empty() => {
                return Err(Invalid::field("turns", "only after the call; turns so far belong into it"));
            }
            None => (record_from_wire(call, "call")?, size, "call.turns"),
            Some(_) if call.is_some() => return Err(Invalid::field("call", "only in the first message")),
            Some(_) if turns.is_empty() => return Err(Invalid::field("turns", "required")),
            Some(before) => {
                let mut record = CallRecord::clone(&before.record);
                record.turns.extend(turns_from_wire(turns)?);
                (record, before.bytes + size, "turns")
            }
        };
        if record.turns.len() > config.max_followed_turns {
            let message = format!("more than {} in a call that is followed", config.max_followed_turns);
            return Err(Invalid::field(field, message));
        }
        if bytes > config.max_request_bytes {
            let message = format!("the call so far is larger than {} bytes", config.max_request_bytes);
            return Err(Invalid::field(field, message));
        }
        Ok(Self { record: Arc::new(record), bytes })
    }
}
