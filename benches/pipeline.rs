//! The whole analysis of a call, and its share that is segmentation, in one run.

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "a bench that cannot set up has nothing to measure"
)]

mod common;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qingting_pipeline::Pipeline;
use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::PipelineConfig;

fn pipeline(c: &mut Criterion) {
    let pipeline = Pipeline::new(&PipelineConfig::default(), &Assets::embedded()).expect("the built-in configuration");
    let calls = common::demo_calls();
    let mut group = c.benchmark_group("pipeline");
    group.throughput(Throughput::Elements(calls.len() as u64));
    group.bench_function("analyze", |b| {
        b.iter(|| calls.iter().map(|call| pipeline.analyze(call).analysis.findings.len()).sum::<usize>());
    });
    let folds: Vec<String> = calls.iter().flat_map(|c| &c.turns).map(|t| pipeline.normalizer().fold(&t.text)).collect();
    group.bench_function("segmentation_share", |b| {
        b.iter(|| folds.iter().map(|f| pipeline.segmenter().cut(f).len()).sum::<usize>());
    });
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
        group.bench_function(format!("analyze_batch/{threads}"), |b| {
            b.iter(|| pool.install(|| pipeline.analyze_batch(&calls).len()));
        });
    }
    group.finish();
}

criterion_group!(benches, pipeline);
criterion_main!(benches);
