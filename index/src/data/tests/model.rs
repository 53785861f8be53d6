//! Random histories with crashes between the steps of a write, compared with a map.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::data::DateRange;

const IDS: usize = 6;

#[derive(Debug, Clone)]
enum Op {
    /// An import of some batches of (call, date), finished or dropped. After the first batch live
    /// calls may come, and a commit.
    Ingest {
        batches: Vec<Vec<(usize, usize)>>,
        live: Vec<(usize, usize)>,
        commit: bool,
        finish: bool,
    },
    /// Live calls.
    Append(Vec<(usize, usize)>),
    Commit,
    Compact,
    Reindex,
    Reopen,
    /// Reopening without the ledger: it is rebuilt from the files.
    LoseLedger,
    /// Reopening without the call index.
    LoseIndex,
    /// The n-th step from now on does not happen.
    CrashAt(usize),
}

fn calls() -> impl Strategy<Value = Vec<(usize, usize)>> {
    vec((0..IDS, 0_usize..3), 1..4)
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (vec(calls(), 1..3), vec((0..IDS, 0_usize..3), 0..2), any::<bool>(), prop::bool::weighted(0.8))
            .prop_map(|(batches, live, commit, finish)| Op::Ingest { batches, live, commit, finish }),
        4 => calls().prop_map(Op::Append),
        1 => Just(Op::Commit),
        2 => Just(Op::Compact),
        1 => Just(Op::Reindex),
        1 => Just(Op::Reopen),
        1 => Just(Op::LoseLedger),
        1 => Just(Op::LoseIndex),
        4 => (0_usize..12).prop_map(Op::CrashAt),
    ]
}

/// What has to be there, and what may be there instead because its write was interrupted.
#[derive(Default)]
struct Model {
    acknowledged: BTreeMap<String, String>,
    in_doubt: BTreeMap<String, BTreeSet<String>>,
    versions: usize,
}

impl Model {
    fn calls(&mut self, of: &[(usize, usize)]) -> Vec<Analyzed> {
        self.versions += 1;
        let versions = self.versions;
        let one = |(position, &(id, date)): (usize, &(usize, usize))| {
            let (day, hour) = (date + 1, (id * 7 + date) % 24);
            let started_at = format!("2026-03-{day:02}T{hour:02}:30:00+08:00");
            call(&format!("call-{id}"), &started_at, &format!("v{versions}.{position}"))
        };
        of.iter().enumerate().map(one).collect()
    }

    fn doubt(&mut self, calls: &[Analyzed]) {
        for call in calls {
            self.in_doubt.entry(call.record.call_id.clone()).or_default().insert(version(call));
        }
    }

    fn acknowledge(&mut self, calls: &[Analyzed]) {
        for call in calls {
            self.in_doubt.remove(&call.record.call_id);
            self.acknowledged.insert(call.record.call_id.clone(), version(call));
        }
    }

    /// Takes what is there for what has to be there from now on, if it may be.
    fn settle(&mut self, data: &DataDir) {
        let there: BTreeMap<String, String> = data
            .scan(DateRange::ALL)
            .unwrap()
            .map(|c| c.unwrap())
            .map(|c| (c.record.call_id.clone(), version(&c)))
            .collect();
        for id in 0..IDS {
            let id = format!("call-{id}");
            let (expected, found) = (self.acknowledged.get(&id), there.get(&id));
            let maybe = self.in_doubt.get(&id);
            assert!(
                expected == found || found.is_some_and(|v| maybe.is_some_and(|m| m.contains(v))),
                "{id}: {found:?} instead of {expected:?} or {maybe:?}"
            );
        }
        self.acknowledged = there;
        self.in_doubt.clear();
    }

    /// Everything that can be read agrees.
    fn check(&self, path: &Path, data: &DataDir) {
        for reader in [data, &DataDir::open_reader(path, context()).unwrap()] {
            for id in 0..IDS {
                let id = format!("call-{id}");
                let found = reader.get_call(&id).unwrap().map(|c| version(&c));
                assert_eq!(found.as_ref(), self.acknowledged.get(&id), "{id}");
            }
            let scan: Vec<Analyzed> = reader.scan(DateRange::ALL).unwrap().map(|c| c.unwrap()).collect();
            let key = |c: &Analyzed| {
                (c.record.started_at.unwrap().date_naive(), c.record.started_at, c.record.call_id.clone())
            };
            assert!(scan.is_sorted_by_key(key));
            let found: Vec<(String, String)> = scan.iter().map(|c| (c.record.call_id.clone(), version(c))).collect();
            assert_eq!(found.len(), self.acknowledged.len(), "each call once: {found:?}");
            assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), self.acknowledged);
            assert_eq!(reader.stats().unwrap().calls, self.acknowledged.len() as u64);
        }
    }
}

fn run(ops: Vec<Op>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    let mut model = Model::default();
    let mut data = Some(open(path));
    for op in ops {
        let open_data = data.as_ref().unwrap();
        let result = match op {
            Op::CrashAt(step) => {
                let mut left = step;
                open_data.hook.set(move |_| match left {
                    0 => true,
                    _ => {
                        left -= 1;
                        false
                    }
                });
                continue;
            }
            Op::Reopen | Op::LoseLedger | Op::LoseIndex => {
                drop(data.take());
                if matches!(op, Op::LoseLedger) {
                    for name in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"] {
                        files::remove(&path.join(name)).unwrap();
                    }
                }
                if matches!(op, Op::LoseIndex) {
                    std::fs::remove_dir_all(path.join("index")).unwrap();
                }
                data = Some(open(path));
                model.settle(data.as_ref().unwrap());
                assert_eq!(indexed(data.as_ref().unwrap()), model.acknowledged, "the index is brought up to the store");
                Ok(())
            }
            Op::Ingest { batches, live, commit, finish } => (|| {
                let mut session = open_data.ingest()?;
                let mut put = Vec::new();
                for (i, batch) in batches.iter().enumerate() {
                    let calls = model.calls(batch);
                    model.doubt(&calls);
                    put.extend(calls.clone());
                    session.put_batch(calls, "batch.jsonl")?;
                    if i == 0 {
                        let calls = model.calls(&live);
                        model.doubt(&calls);
                        open_data.append(calls.clone(), "")?;
                        model.acknowledge(&calls);
                        put.extend(calls);
                    }
                    if i == 0 && commit {
                        open_data.commit()?;
                        model.acknowledge(&put);
                    }
                }
                if !finish {
                    drop(session);
                    model.settle(open_data);
                    return Ok(());
                }
                session.finish()?;
                model.acknowledge(&put);
                assert_eq!(indexed(open_data), model.acknowledged);
                let calls = plain_rows(path, "calls");
                let ids: BTreeSet<&String> = calls.iter().map(|(id, _)| id).collect();
                assert_eq!(ids.len(), calls.len(), "other engines read each call once: {calls:?}");
                assert_eq!(calls, plain_rows(path, "analyses"));
                Ok(())
            })(),
            Op::Append(of) => {
                let calls = model.calls(&of);
                model.doubt(&calls);
                open_data.append(calls.clone(), "").map(|()| model.acknowledge(&calls))
            }
            Op::Commit => open_data.commit().map(|()| assert_eq!(indexed(open_data), model.acknowledged)),
            Op::Compact => open_data.compact().map(|()| {
                let rows: BTreeMap<String, String> = plain_rows(path, "calls").into_iter().collect();
                assert_eq!(rows, model.acknowledged, "nothing is left in the log");
                assert!(files::names(&path.join("wal")).unwrap().is_empty());
            }),
            Op::Reindex => open_data.reindex(|_, _| {}).map(|()| assert_eq!(indexed(open_data), model.acknowledged)),
        };
        if result.is_err() {
            drop(data.take());
            data = Some(open(path));
            let data = data.as_ref().unwrap();
            model.settle(data);
            assert_eq!(indexed(data), model.acknowledged, "the index is brought up to the store");
        }
        model.check(path, data.as_ref().unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_history_with_any_crashes_keeps_the_last_acknowledged_version_of_every_call(ops in vec(op(), 1..14)) {
        run(ops);
    }
}
