//! What the tests of this crate share.

use std::sync::{Arc, LazyLock};

use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::{NormalizeConfig, SegmentConfig};
use qingting_pipeline::normalize::Normalizer;
use qingting_pipeline::record::{Analysis, Facts, Need, Needs, Provenance, SignalReport, TurnAnalysis};
use qingting_pipeline::segment::Segmenter;

use crate::analyzer::Analyzer;

/// One of each for all tests: loading jieba's dictionary takes a while.
pub(crate) fn segmenter_and_normalizer() -> (Arc<Segmenter>, Arc<Normalizer>) {
    static PARTS: LazyLock<(Arc<Segmenter>, Arc<Normalizer>)> = LazyLock::new(|| {
        let assets = Assets::embedded();
        (
            Arc::new(Segmenter::new(&SegmentConfig::default(), &assets).unwrap()),
            Arc::new(Normalizer::new(&NormalizeConfig::default(), &assets).unwrap()),
        )
    });
    PARTS.clone()
}

/// The analyzer over them.
pub(crate) fn analyzer() -> &'static Analyzer {
    static ANALYZER: LazyLock<Analyzer> = LazyLock::new(|| {
        let (segmenter, normalizer) = segmenter_and_normalizer();
        Analyzer::new(segmenter, normalizer)
    });
    &ANALYZER
}

/// The analysis of a call in which nothing was found.
pub(crate) fn plain_analysis(call_id: &str, turns: Vec<TurnAnalysis>) -> Analysis {
    Analysis {
        call_id: call_id.to_owned(),
        turns,
        signals: SignalReport::default(),
        findings: Vec::new(),
        uncertain: Vec::new(),
        conduct: None,
        facts: Facts {
            appeal_type: "咨询".to_owned(),
            outcome: "resolved".to_owned(),
            satisfaction: 4.0,
            category: Vec::new(),
            category_confidence: 0.0,
            needs: Needs {
                emotional: Need::None,
                factual: Need::Met,
                emotional_turns: Vec::new(),
                factual_turns: Vec::new(),
            },
            repeat_contact: false,
            crisis: false,
            language: "zh".to_owned(),
        },
        score: None,
        provenance: Provenance::default(),
    }
}
