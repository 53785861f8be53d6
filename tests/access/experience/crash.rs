//! What was acknowledged survives the server's death: the report, its call and the task's step.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use qingting::experience::load;
use qingting_index::{Context, DataDir};
use tonic::transport::Channel;

use super::{enrolment, experience, submission};
use crate::access::crash::killed;
use crate::grpc::pipeline;

/// Hands reports in until the server is gone; the ids that were acknowledged.
async fn work(channel: Channel, key: String, round: usize, done: Arc<AtomicUsize>) -> Vec<String> {
    let mut client = experience(&channel, &key);
    let mut kept = Vec::new();
    if client.enrol_officer(enrolment("o1")).await.is_err() && round == 0 {
        return kept;
    }
    for number in 0.. {
        let id = format!("r{round}-{number}");
        if client.submit_experience_report(submission(&id, "")).await.is_err() {
            break;
        }
        kept.push(id);
        done.fetch_add(1, Ordering::SeqCst);
    }
    kept
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_officers_reported_survives_kills() {
    let dir = tempfile::tempdir().unwrap();
    let kept = killed(dir.path(), 6, work).await;
    let data = DataDir::open_reader(&dir.path().join("data"), Context::new(&pipeline())).unwrap();
    let programme = load(&data).unwrap();
    for id in &kept {
        let report = programme.reports.get(id).unwrap_or_else(|| panic!("{id}"));
        assert!(data.get_call(&report.call_id).unwrap().is_some(), "{id}");
    }
    // No row tells of a call that is not there.
    assert!(programme.reports.values().all(|report| data.get_call(&report.call_id).unwrap().is_some()));
}
