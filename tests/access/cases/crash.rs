//! What was acknowledged survives the server's death, with every step of every case in its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use qingting::case::{Case, cases as all_cases};
use qingting_index::{CaseQuery, Context, DataDir};
use qingting_proto::v1;
use tonic::transport::Channel;

use super::{assign, cases, verify};
use crate::access::crash::killed;
use crate::grpc::pipeline;

/// Opens cases of ten calls of its own, and takes three steps in each, until the server is gone; what was acknowledged: name
/// and version.
async fn work(channel: Channel, key: String, round: usize, done: Arc<AtomicUsize>) -> Vec<(i64, u32)> {
    let mut client = cases(&channel, &key);
    let mut kept = Vec::new();
    // The calls of the next round are left to it, however late the kill comes.
    for number in 10 * round..10 * (round + 1) {
        let request = v1::OpenCaseRequest {
            call: format!("calls/demo-{:03}", number + 1),
            reason: format!("第{round}轮"),
            ..Default::default()
        };
        let Ok(opened) = client.open_case(request).await else {
            break;
        };
        let mut case = opened.into_inner();
        for nth in 0..3 {
            let number = case.name.rsplit('/').next().unwrap().parse().unwrap();
            kept.push((number, u32::try_from(case.version).unwrap()));
            done.fetch_add(1, Ordering::SeqCst);
            let next = match nth {
                0 => verify(&mut client, &case).await,
                _ => assign(&mut client, &case, "一组").await,
            };
            match next {
                Ok(next) => case = next,
                Err(_) => return kept,
            }
        }
        kept.push((case.name.rsplit('/').next().unwrap().parse().unwrap(), u32::try_from(case.version).unwrap()));
    }
    kept
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_in_cases_survives_kills() {
    let dir = tempfile::tempdir().unwrap();
    let kept = killed(dir.path(), 7, work).await;
    let data = DataDir::open_reader(&dir.path().join("data"), Context::new(&pipeline())).unwrap();
    let found: Vec<Case> = all_cases(&data, &CaseQuery::default()).unwrap();
    assert!(kept.len() >= 30, "{}", kept.len());
    for (number, version) in kept {
        let case = found.iter().find(|case| case.number == number).unwrap();
        assert!(case.version >= version, "{number} at {version}");
        let versions: Vec<u32> = case.history.iter().map(|row| row.version).collect();
        assert_eq!(versions, (1..=case.version).collect::<Vec<_>>());
    }
}
