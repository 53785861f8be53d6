//! The settings of the pipeline, a struct a stage. `config/default.toml` documents them;
//! the root crate reads them from files and environment.

use serde::{Deserialize, Serialize};

pub use crate::fact::FactConfig;
pub use crate::finding::FindingConfig;
pub use crate::learned::ModelsConfig;
pub use crate::normalize::NormalizeConfig;
pub use crate::score::ScoreConfig;
pub use crate::segment::SegmentConfig;
pub use crate::signal::SignalConfig;
pub use crate::topic::TopicConfig;

/// Settings of every stage that an analysis depends on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PipelineConfig {
    /// Cleaning and masking.
    pub normalize: NormalizeConfig,
    /// Trained models.
    pub models: ModelsConfig,
    /// Word segmentation.
    pub segment: SegmentConfig,
    /// Measurements.
    pub signal: SignalConfig,
    /// Detectors and their thresholds.
    pub finding: FindingConfig,
    /// Facts of the call.
    pub fact: FactConfig,
    /// Scorecards.
    pub score: ScoreConfig,
    /// Topic clustering.
    pub topic: TopicConfig,
}
