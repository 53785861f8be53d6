//! A review that was acknowledged survives the server's death.

use std::path::Path;

use qingting::training::Data;
use qingting_index::{Context, DataDir, ReviewKind, ReviewQuery};
use qingting_proto::v1;
use qingting_proto::v1::call_service_client::CallServiceClient;
use qingting_proto::v1::review_service_client::ReviewServiceClient;
use tonic::transport::Channel;

use crate::access::serving;
use crate::cli::{demo_calls, ok, qingting, serve};
use crate::grpc::pipeline;
use crate::socket::connected;

async fn channel(dir: &Path) -> Channel {
    let channel = connected(&dir.join("data")).await;
    serving(&channel).await;
    channel
}

/// A review that agrees with everything, with a note of its own.
async fn review(channel: &Channel, call: &str, note: &str) -> v1::Review {
    let request = v1::GetCallRequest { name: call.into(), ..Default::default() };
    let found = CallServiceClient::new(channel.clone()).get_call(request).await.unwrap().into_inner();
    let request = agreeing(found, note);
    ReviewServiceClient::new(channel.clone()).submit_review(request).await.unwrap().into_inner()
}

/// Agrees with everything that is said of a call.
pub(crate) fn agreeing(call: v1::Call, note: &str) -> v1::SubmitReviewRequest {
    let analysis = call.analysis.unwrap();
    let mut verdicts: Vec<v1::VerdictInput> = Vec::new();
    for finding in analysis.findings.into_iter().chain(analysis.uncertain) {
        let label = v1::FindingLabel { code: finding.code, turn: finding.turn };
        if verdicts.iter().all(|verdict| verdict.finding.as_ref() != Some(&label)) {
            let kind = v1::VerdictKind::Agree.into();
            verdicts.push(v1::VerdictInput { kind, finding: Some(label), ..Default::default() });
        }
    }
    v1::SubmitReviewRequest { call: call.name, verdicts, note: note.into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_reviews_survive_the_kill_of_the_server() {
    let dir = tempfile::tempdir().unwrap();
    ok(&qingting(dir.path(), &["ingest", &demo_calls().display().to_string(), "--data", "data"]));
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let server = serve(dir.path());
        let channel = channel(dir.path()).await;
        for n in 0..8 {
            let call = format!("calls/demo-{:03}", round * 8 + n + 1);
            acknowledged.push(review(&channel, &call, &format!("第{round}轮第{n}条")).await);
        }
        drop(server); // SIGKILL, with the last acknowledgement just read
    }
    let data = DataDir::open_reader(&dir.path().join("data"), Context::new(&pipeline())).unwrap();
    let kept = data.reviews(&ReviewQuery::of(&[ReviewKind::Reviewed])).unwrap();
    assert_eq!(kept.len(), acknowledged.len());
    drop(data);
    // All agreed with, and as training reads them.
    let agreement = ok(&qingting(dir.path(), &["reviews", "agreement", "--data", "data"]));
    assert!(agreement.contains("复核 24 条") && agreement.contains("（100%）"), "{agreement}");
    let exported = ok(&qingting(dir.path(), &["reviews", "export", "--data", "data", "--out", "training"]));
    assert!(exported.starts_with("24 calls"), "{exported}");
    assert_eq!(Data::read(&dir.path().join("training")).unwrap().calls(), 24);
    let again = qingting(dir.path(), &["reviews", "export", "--data", "data", "--out", "training"]);
    assert_eq!(again.status.code(), Some(1), "nothing is written over");
    let _server = serve(dir.path());
    let mut client = ReviewServiceClient::new(channel(dir.path()).await);
    for review in acknowledged {
        let request = v1::GetReviewsRequest { call: review.call.clone() };
        assert_eq!(client.get_reviews(request).await.unwrap().into_inner().reviews, [review]);
    }
}
