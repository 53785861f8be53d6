//! What the tests of this crate share.

use std::sync::{Arc, LazyLock};

use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::{NormalizeConfig, SegmentConfig};
use qingting_pipeline::normalize::Normalizer;
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
