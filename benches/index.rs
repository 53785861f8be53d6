//! Storing and indexing analysed calls: Parquet, call index and ledger in one go.

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "a bench that cannot set up has nothing to measure"
)]

mod common;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use qingting_index::{Context, DataDir};

fn index(c: &mut Criterion) {
    let pipeline = common::pipeline();
    let calls = common::analyzed(&pipeline, 500);
    let mut group = c.benchmark_group("index");
    group.throughput(Throughput::Elements(calls.len() as u64)).sample_size(10);
    group.bench_function("ingest", |b| {
        b.iter_batched(
            || (tempfile::tempdir().expect("a temporary folder"), calls.clone()),
            |(folder, calls)| {
                let data = DataDir::open_writer(folder.path(), Context::new(&pipeline), "bench").expect("a new folder");
                let mut session = data.ingest().expect("a session");
                session.put_batch(calls, "bench").expect("calls to be put");
                session.finish().expect("calls to be kept")
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, index);
criterion_main!(benches);
