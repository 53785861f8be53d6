//! What the models cost, on one core: turns a second of the whole analysis with the static models,
//! the parts of it that read text, and, in a build with `bert` and its weights, of the transformer at
//! one and 32 texts a batch and of the whole analysis by `bert` and `cascade`.

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "a bench that cannot set up has nothing to measure"
)]

mod common;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qingting_models::{Encoder, StaticVectors};
use qingting_pipeline::learned::{Learned, ModelsConfig};

fn static_models(c: &mut Criterion) {
    let pipeline = common::pipeline();
    let learned = Learned::load(&ModelsConfig::default()).expect("the built-in models");
    let vectors = StaticVectors::embedded().expect("the built-in vectors");
    let calls = common::demo_calls();
    let turns: usize = calls.iter().map(|call| call.turns.len()).sum();
    let normalized: Vec<_> = calls.iter().map(|call| pipeline.normalizer().call(call)).collect();
    let texts: Vec<&str> = normalized.iter().flatten().map(|turn| turn.fold.as_str()).collect();
    let mut group = c.benchmark_group("static");
    group.throughput(Throughput::Elements(turns as u64));
    group.bench_function("analyze", |b| {
        b.iter(|| calls.iter().map(|call| pipeline.analyze(call).analysis.findings.len()).sum::<usize>());
    });
    group.bench_function("of_it_normalize", |b| {
        b.iter(|| calls.iter().map(|call| pipeline.normalizer().call(call).len()).sum::<usize>());
    });
    group.bench_function("of_it_segment", |b| {
        b.iter(|| texts.iter().map(|text| pipeline.segmenter().cut(text).len()).sum::<usize>());
    });
    group.bench_function("of_it_heads", |b| {
        b.iter(|| {
            calls
                .iter()
                .zip(&normalized)
                .map(|(call, turns)| learned.read(call, turns).turns.len())
                .sum::<usize>()
        });
    });
    group.bench_function("vectors", |b| b.iter(|| vectors.encode(&texts).expect("vectors").len()));
    group.finish();
}

#[cfg(feature = "bert")]
fn transformer(c: &mut Criterion) {
    use qingting_models::bert::{BertEncoder, default_folder};
    use qingting_pipeline::Pipeline;
    use qingting_pipeline::assets::Assets;
    use qingting_pipeline::config::PipelineConfig;
    use qingting_pipeline::learned::Decide;

    // A few calls: the transformer takes a thousand times as long.
    const CALLS: usize = 8;
    let calls: Vec<_> = common::demo_calls().into_iter().take(CALLS).collect();
    let turns: usize = calls.iter().map(|call| call.turns.len()).sum();
    let texts: Vec<&str> = calls.iter().flat_map(|call| &call.turns).map(|turn| turn.text.as_str()).collect();
    let folder = default_folder().expect("a home folder");
    let encoder = BertEncoder::open(&folder, 1).expect("the weights that scripts/setup-bert fetches");
    let mut group = c.benchmark_group("bert");
    group.sample_size(10);
    group.throughput(Throughput::Elements(turns as u64));
    for batch in [1, 32] {
        group.bench_function(format!("vectors_by_{batch}"), |b| {
            b.iter(|| texts.chunks(batch).map(|some| encoder.encode(some).expect("vectors").len()).sum::<usize>());
        });
    }
    for (name, decide) in [("analyze", Decide::Bert), ("analyze_cascade", Decide::Cascade)] {
        let models = ModelsConfig { decide, encoder_threads: 1, ..ModelsConfig::default() };
        let config = PipelineConfig { models, ..PipelineConfig::default() };
        let pipeline = Pipeline::new(&config, &Assets::embedded()).expect("the built-in configuration");
        group.bench_function(name, |b| {
            b.iter(|| calls.iter().map(|call| pipeline.analyze(call).analysis.findings.len()).sum::<usize>());
        });
        let report = pipeline.deep_report().expect("the transformer is asked");
        let share = report.asked as f64 / report.turns.max(1) as f64;
        println!("bert/{name}: {:.1}% of the turns went to the transformer", share * 100.0);
    }
    group.finish();
}

#[cfg(feature = "bert")]
criterion_group!(benches, static_models, transformer);
#[cfg(not(feature = "bert"))]
criterion_group!(benches, static_models);
criterion_main!(benches);
