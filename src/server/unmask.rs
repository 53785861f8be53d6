//! Shows what masking took out of a call, once it is written down who asked and why.

use std::sync::Arc;

use qingting_pipeline::record::Particular;
use qingting_proto::v1;

use super::calls::{call_id, missing, resource};
use super::convert::{Invalid, record_to_wire};
use super::shared::{Ask, Shared};
use super::status::Failure;

/// The action in the audit trail.
pub const UNMASKED: &str = "call unmasked";
/// What a reason may be long, characters.
const REASON: std::ops::RangeInclusive<usize> = 4..=500;

/// A reason as it is kept: one line.
///
/// # Errors
/// When it says too little, or too much to be read later.
pub fn reason(text: &str) -> Result<String, String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.chars().filter(|c| c.is_alphanumeric()).count() {
        _ if line.chars().count() > *REASON.end() => Err(format!("at most {} characters", REASON.end())),
        said if said < *REASON.start() => Err("required: say what it is needed for".to_owned()),
        _ => Ok(line),
    }
}

pub(super) async fn unmask(
    shared: &Arc<Shared>,
    ask: &Ask,
    request: v1::UnmaskCallRequest,
) -> Result<v1::UnmaskCallResponse, tonic::Status> {
    let call_id = call_id(&request.name, "name")?.to_owned();
    let reason = reason(&request.reason).map_err(|message| Invalid::field("reason", message))?;
    // Read first, told after it is written down: what cannot be shown is not in the trail as if it had been.
    let work = move |ready: &super::shared::Ready| {
        let call = ready.reader.get_call(&call_id)?.ok_or_else(|| missing(&call_id))?;
        let none = || Failure::NotFound { kind: "qingting.v1.Particular", name: format!("originals of {call_id}") };
        Ok((call.record, ready.reader.particulars(&call_id)?.ok_or_else(none)?))
    };
    let (mut record, particulars) = shared.read(ask, work).await?;
    let (by, subject) = (ask.who.to_string(), resource(&record.call_id));
    shared
        .writes(&ask.who)?
        .change(move |writer| writer.audit(&by, UNMASKED, &subject, &reason))
        .await?;
    particulars.restore(&mut record);
    Ok(v1::UnmaskCallResponse {
        record: Some(record_to_wire(record)),
        particulars: particulars.spoken.into_iter().map(particular_to_wire).collect(),
    })
}

fn particular_to_wire(particular: Particular) -> v1::Particular {
    let Particular { turn, start_char, end_char, text } = particular;
    let wire = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    v1::Particular { turn: wire(turn), start_char: wire(start_char), end_char: wire(end_char), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_something_on_one_line() {
        assert_eq!(reason(" 回拨  轻生\n来电人 ").unwrap(), "回拨 轻生 来电人");
        for nothing in ["", "  ", "...", "测试", "------"] {
            assert!(reason(nothing).is_err(), "{nothing}");
        }
        assert!(reason(&"长".repeat(501)).is_err() && reason(&"长".repeat(500)).is_ok());
    }
}
