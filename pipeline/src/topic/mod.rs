//! What many calls are about: clusters with labels out of their own words. Works on
//! a batch; nothing here depends on a single call's analysis.

use serde::{Deserialize, Serialize};

/// Settings of the stage.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TopicConfig {
    /// Number of topics; 0 lets the number of documents decide.
    pub topics: usize,
}
