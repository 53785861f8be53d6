//! Whether a confidence means what it says: of the findings with a confidence of about 0.8,
//! asserted or uncertain, eight of ten should be right (reliability diagram, DeGroot and
//! Fienberg 1983). The expected calibration error is the mean distance, weighted by findings.

use qingting_pipeline::record::Analysis;
use serde::Serialize;

use super::Compared;

const BINS: usize = 10;

/// Findings by confidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Reliability {
    /// Ten bins of equal width.
    pub bins: Vec<Bin>,
}

/// Findings with a confidence in one tenth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Bin {
    /// How many.
    pub findings: u64,
    /// How many of them people agree with.
    pub right: u64,
    /// Sum of the confidences.
    pub confidence: f64,
}

impl Default for Reliability {
    fn default() -> Self {
        Self { bins: vec![Bin::default(); BINS] }
    }
}

impl Bin {
    /// Mean confidence, and the share that is right; `None` for an empty bin.
    pub fn means(&self) -> Option<(f64, f64)> {
        let n = self.findings as f64;
        (self.findings > 0).then(|| (self.confidence / n, self.right as f64 / n))
    }
}

impl Reliability {
    pub(super) fn add(&mut self, compared: &Compared, analysis: &Analysis) {
        for finding in analysis.findings.iter().chain(&analysis.uncertain) {
            let right = match finding.turn {
                Some(_) => compared.is_gold(&finding.code, finding.turn),
                None => compared.gold.contains_key(&finding.code),
            };
            let bin = ((f64::from(finding.confidence) * BINS as f64) as usize).min(BINS - 1);
            if let Some(bin) = self.bins.get_mut(bin) {
                bin.findings += 1;
                bin.right += u64::from(right);
                bin.confidence += f64::from(finding.confidence);
            }
        }
    }

    /// Expected calibration error, 0 to 1.
    pub fn error(&self) -> f64 {
        let all: u64 = self.bins.iter().map(|bin| bin.findings).sum();
        let off = self.bins.iter().filter_map(|bin| bin.means().map(|(p, q)| (p - q).abs() * bin.findings as f64));
        if all == 0 { 0.0 } else { off.sum::<f64>() / all as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_the_weighted_distance() {
        let mut reliability = Reliability::default();
        reliability.bins[8] = Bin { findings: 10, right: 8, confidence: 8.5 };
        reliability.bins[4] = Bin { findings: 10, right: 2, confidence: 4.5 };
        assert!((reliability.error() - (0.05 + 0.25) / 2.0).abs() < 1e-9);
        assert!(Reliability::default().error() < 1e-9);
    }
}
