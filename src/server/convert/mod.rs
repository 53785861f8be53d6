//! Domain types into wire types and back: the only place that knows both. It checks
//! what the wire type cannot express and names the field; it decides no status codes.

mod analysis;
mod enums;
mod json;
mod record;

pub use analysis::{analysis_to_wire, finding_to_wire};
pub(super) use analysis::{facts_to_wire, provenance_to_wire, turn_analysis_to_wire};
pub(super) use enums::role_to_wire;
pub(super) use record::turns_from_wire;
pub use record::{agent_to_wire, record_from_wire, record_to_wire, time_to_wire};

use qingting_pipeline::record::Span;
use qingting_proto::v1;

/// What is wrong with a request, field by field.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
#[error("{}", self.summary())]
pub struct Invalid {
    /// Field path, such as `call.turns[3].end_ms`, and what is wrong with it.
    pub violations: Vec<(String, String)>,
}

impl Invalid {
    /// One mistake.
    pub fn field(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { violations: vec![(field.into(), description.into())] }
    }

    /// One more mistake.
    pub(in crate::server) fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        self.violations.push((field.into(), description.into()));
    }

    fn summary(&self) -> String {
        let parts: Vec<_> = self.violations.iter().map(|(field, what)| format!("{field}: {what}")).collect();
        parts.join("; ")
    }

    /// The value, if nothing is wrong.
    pub(in crate::server) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.violations.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

/// Ranges of characters.
pub fn spans_to_wire(spans: Vec<Span>) -> Vec<v1::CharRange> {
    spans
        .into_iter()
        .map(|s| v1::CharRange { start_char: index(s.start), end_char: index(s.end) })
        .collect()
}

/// Milliseconds and counts on the wire are signed, as in every API of this style; no call
/// comes near the limit.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Indexes on the wire are `int32`; the limit on a record's size keeps them far below it.
fn index(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
