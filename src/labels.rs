//! What people say of a call: the `labels` of the call record, which training and evaluation
//! read and the analysis never does.

use qingting_pipeline::record::{Act, CallRecord, SentimentLabel};
use serde::Deserialize;

/// Labels of one call, as `labels` of the call record carries them.
#[derive(Debug, Clone, Deserialize)]
pub struct Labels {
    /// 咨询 求助 投诉 举报 建议 表扬.
    #[serde(default)]
    pub appeal_type: Option<String>,
    /// `resolved`, `follow_up` or `unresolved`.
    #[serde(default)]
    pub outcome: Option<String>,
    /// 1 to 5.
    #[serde(default)]
    pub satisfaction: Option<f32>,
    /// Codes on the whole call.
    #[serde(default)]
    pub call: Vec<String>,
    /// Codes and sentiment of the turns.
    #[serde(default)]
    pub turns: Vec<TurnLabels>,
}

/// Labels of one turn.
#[derive(Debug, Clone, Deserialize)]
pub struct TurnLabels {
    /// Index into the turns.
    pub turn: u32,
    /// Codes on it.
    #[serde(default)]
    pub codes: Vec<String>,
    /// Its sentiment.
    #[serde(default)]
    pub sentiment: Option<SentimentLabel>,
    /// What it does; absent where nobody looked.
    #[serde(default)]
    pub acts: Option<Vec<Act>>,
}

impl Labels {
    /// The labels of a call; `None` when it has none.
    ///
    /// # Errors
    /// When they are not of the form, with the call's id.
    pub fn of(record: &CallRecord) -> Result<Option<Self>, String> {
        let Some(labels) = &record.labels else { return Ok(None) };
        Self::deserialize(labels).map(Some).map_err(|e| format!("labels of call {}: {e}", record.call_id))
    }
}
