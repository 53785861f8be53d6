//! Settings of the finding stage: thresholds by code and the parameters of the detectors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Settings of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FindingConfig {
    /// Confidence from which a candidate is asserted.
    pub assert: f32,
    /// Confidence from which it is kept for human review.
    pub review: f32,
    /// Thresholds of single codes. They go before those that were chosen when a code's judgement was
    /// trained, which in turn go before `assert` and `review`.
    pub codes: BTreeMap<String, Threshold>,
    /// Detectors that do not run, by id.
    pub disabled: Vec<String>,
    /// Interruption.
    pub interruption: InterruptionConfig,
    /// Pet phrases.
    pub verbal_tic: TicConfig,
    /// Fast speech.
    pub fast_speech: FastSpeechConfig,
    /// Unexplained silence.
    pub silence: SilenceConfig,
}

/// Thresholds of one code.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// Confidence from which a candidate is asserted.
    pub assert: f32,
    /// Confidence from which it is kept for human review.
    pub review: f32,
}

impl Default for FindingConfig {
    fn default() -> Self {
        let codes = BTreeMap::from([("interruption".to_owned(), Threshold { assert: 0.65, review: 0.4 })]);
        Self {
            assert: 0.55,
            review: 0.35,
            codes,
            disabled: Vec::new(),
            interruption: InterruptionConfig::default(),
            verbal_tic: TicConfig::default(),
            fast_speech: FastSpeechConfig::default(),
            silence: SilenceConfig::default(),
        }
    }
}

impl FindingConfig {
    /// The thresholds of a code.
    pub fn threshold(&self, code: &str) -> Threshold {
        self.codes.get(code).copied().unwrap_or(Threshold { assert: self.assert, review: self.review })
    }
}

/// Parameters of the detector of interruptions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InterruptionConfig {
    /// A start within so many milliseconds of the caller's end is no interruption.
    pub min_overlap_ms: u64,
    /// Two who start within so many milliseconds of each other started at once.
    pub simultaneous_ms: u64,
    /// Longest turn, in spoken units, that may be a completion of the caller's word.
    pub completion_units: u32,
}

impl Default for InterruptionConfig {
    fn default() -> Self {
        Self { min_overlap_ms: 300, simultaneous_ms: 400, completion_units: 8 }
    }
}

/// Parameters of the detector of pet phrases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TicConfig {
    /// Phrases that are counted.
    pub phrases: Vec<String>,
    /// Fewest times that one of them must come in a call.
    pub min_count: u32,
    /// Fewest times for each 100 spoken units of the agent.
    pub min_per_100_units: f32,
}

impl Default for TicConfig {
    fn default() -> Self {
        let phrases = [
            "那个",
            "这个",
            "然后",
            "就是说",
            "对吧",
            "是吧",
            "的话",
            "其实",
            "等于说",
            "是不是",
            "怎么说呢",
            "反正",
            "你知道吧",
            "您知道吧",
            "这样子",
            "基本上",
            "相当于",
            "说白了",
            "我跟您说",
            "完了",
            "懂吧",
            "明白吧",
            "对不对",
            "好吧",
            "一个情况",
            "的一个",
            "咱就是说",
            "那什么",
            "所以说",
            "也就是说",
        ];
        Self {
            phrases: phrases.map(str::to_owned).to_vec(),
            min_count: 6,
            min_per_100_units: 3.0,
        }
    }
}

/// Parameters of the detector of fast speech.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FastSpeechConfig {
    /// Spoken units a second, over all longer turns of the agent, from which it is fast by itself.
    pub rate: f32,
    /// The same where the caller asks to repeat or slow down.
    pub rate_with_request: f32,
    /// Shortest turn, in spoken units, whose rate counts.
    pub min_units: u32,
}

impl Default for FastSpeechConfig {
    fn default() -> Self {
        Self { rate: 6.3, rate_with_request: 5.8, min_units: 8 }
    }
}

/// Parameters of the detector of unexplained silence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SilenceConfig {
    /// Shortest gap, in milliseconds, that needs to be announced or excused.
    pub min_ms: u64,
}

impl Default for SilenceConfig {
    fn default() -> Self {
        Self { min_ms: 10_000 }
    }
}
