//! One module a vendor: which keys its output has, and how its segments become drafts. None
//! of them knows roles, ids or files.

pub(super) mod aliyun;
pub(super) mod aws;
pub(super) mod diarization;
pub(super) mod funasr;
pub(super) mod iflytek;
pub(super) mod tencent;
pub(super) mod volcengine;
pub(super) mod whisperx;

use serde_json::Value;

use super::Fault;
use super::draft::Draft;

/// Drafts of a value that is one call or an array of them.
fn each(value: &Value, one: impl Fn(&Value) -> Result<Draft, Fault>) -> Result<Vec<Draft>, Fault> {
    match value {
        Value::Array(list) => list.iter().map(one).collect(),
        value => Ok(vec![one(value)?]),
    }
}
