//! Questions to the call index: a word, a phrase across word bounds, a filter, an aggregation.

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "a bench that cannot set up has nothing to measure"
)]

mod common;

use criterion::{Criterion, criterion_group, criterion_main};
use qingting_index::calls::{CallQuery, Filter, NoLookup};
use qingting_index::{Context, DataDir};

fn search(c: &mut Criterion) {
    let pipeline = common::pipeline();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = DataDir::open_writer(folder.path(), Context::new(&pipeline), "bench").expect("a new folder");
    let mut session = data.ingest().expect("a session");
    session.put_batch(common::analyzed(&pipeline, 2_000), "bench").expect("calls to be put");
    session.finish().expect("calls to be kept");
    let filter = Some(Filter::parse("taboo:T4 score<80").expect("a filter"));
    let queries = [
        ("word", CallQuery::text("停水")),
        ("phrase", CallQuery::text("\"费太贵\"")),
        ("words_and_filter", CallQuery { filter, ..CallQuery::text("投诉 物业") }),
    ];
    let mut group = c.benchmark_group("search");
    for (name, query) in &queries {
        group.bench_function(*name, |b| b.iter(|| data.search(query, &NoLookup).expect("hits").total));
    }
    group.bench_function("aggregate", |b| {
        b.iter(|| data.aggregate(&CallQuery::default(), Some("agent"), &NoLookup).expect("groups").len());
    });
    group.finish();
}

criterion_group!(benches, search);
criterion_main!(benches);
