//! Segmentation alone: what every other figure of the pipeline is measured against.

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "a bench that cannot set up has nothing to measure"
)]

mod common;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::{NormalizeConfig, SegmentConfig};
use qingting_pipeline::normalize::Normalizer;
use qingting_pipeline::segment::Segmenter;

fn segment(c: &mut Criterion) {
    let assets = Assets::embedded();
    let segmenter = Segmenter::new(&SegmentConfig::default(), &assets).expect("the built-in dictionary");
    let normalizer = Normalizer::new(&NormalizeConfig::default(), &assets).expect("the built-in lexicon");
    let texts: Vec<String> =
        common::demo_calls().iter().flat_map(|c| &c.turns).map(|t| normalizer.fold(&t.text)).collect();
    let bytes = texts.iter().map(String::len).sum::<usize>() as u64;
    let mut group = c.benchmark_group("segment");
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("cut", |b| b.iter(|| texts.iter().map(|t| segmenter.cut(t).len()).sum::<usize>()));
    group.bench_function("cut_for_search", |b| {
        b.iter(|| texts.iter().map(|t| segmenter.cut_for_search(t).len()).sum::<usize>());
    });
    group.finish();
}

criterion_group!(benches, segment);
criterion_main!(benches);
