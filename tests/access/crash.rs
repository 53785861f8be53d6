//! What was acknowledged over TLS, while reviews and calls come in at once, survives the server's death.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use qingting_index::{Context, DataDir, ReviewKind, ReviewQuery};
use qingting_pipeline::record::CallRecord;
use qingting_proto::v1;
use qingting_proto::v1::call_service_client::CallServiceClient;
use qingting_proto::v1::ingest_service_client::IngestServiceClient;
use qingting_proto::v1::review_service_client::ReviewServiceClient;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig};

use super::reviews::crash::agreeing;
use super::tls::{authority, files};
use super::{Bearer, With, serving};
use crate::cli::{demo_calls, ok, qingting, serve_with};
use crate::grpc::pipeline;
use crate::patience::eventually;

/// Has somebody work on a server with the demo's calls until it is killed, three times, each after `least` things and five more were
/// done than the time before; what was acknowledged.
pub(super) async fn killed<T, F>(
    dir: &Path,
    least: usize,
    work: impl Fn(Channel, String, usize, Arc<AtomicUsize>) -> F,
) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = Vec<T>> + Send + 'static,
{
    ok(&qingting(dir, &["ingest", &demo_calls().display().to_string(), "--data", "data"]));
    let key = ok(&qingting(dir, &["keys", "create", "--data", "data", "--name", "甲", "--role", "admin"]));
    let mut kept = Vec::new();
    for round in 0..3 {
        let (server, port) = serve_with(dir, &[]);
        let channel = Channel::from_shared(format!("http://127.0.0.1:{port}")).unwrap().connect().await.unwrap();
        serving(&channel).await;
        let done = Arc::new(AtomicUsize::new(0));
        let working = tokio::spawn(work(channel, key.trim().to_owned(), round, done.clone()));
        let begun = || done.load(Ordering::SeqCst) >= least + 5 * round;
        eventually("it is under way", async || begun().then_some(())).await;
        drop(server); // SIGKILL
        kept.extend(working.await.unwrap());
    }
    drop(serve_with(dir, &[]).0);
    kept
}

/// Hands calls in until the server is gone; the ids that were acknowledged.
async fn hand_in(mut client: IngestServiceClient<With>, round: usize, count: Arc<AtomicUsize>) -> BTreeSet<String> {
    let text = std::fs::read_to_string(demo_calls()).unwrap();
    let record: CallRecord = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let (sender, requests) = tokio::sync::mpsc::channel(8);
    tokio::spawn(async move {
        for number in 0.. {
            let record = CallRecord { call_id: format!("live-{round}-{number}"), ..record.clone() };
            let call = Some(qingting::server::convert::record_to_wire(record));
            if sender.send(v1::IngestCallsRequest { call }).await.is_err() {
                break;
            }
        }
    });
    let mut kept = BTreeSet::new();
    let mut answers = client.ingest_calls(ReceiverStream::new(requests)).await.unwrap().into_inner();
    while let Ok(Some(answer)) = answers.message().await {
        assert_eq!(answer.status.unwrap().code, 0);
        kept.insert(answer.call_id);
        count.fetch_add(1, Ordering::SeqCst);
    }
    kept
}

/// Reviews calls until the server is gone; the notes that were acknowledged.
async fn review(channel: Channel, bearer: Bearer, round: usize, count: Arc<AtomicUsize>) -> BTreeSet<String> {
    let mut calls = CallServiceClient::with_interceptor(channel.clone(), bearer.clone());
    let mut reviews = ReviewServiceClient::with_interceptor(channel, bearer);
    let mut kept = BTreeSet::new();
    for number in 8 * round.. {
        let name = format!("calls/demo-{:03}", number % 34 + 1);
        let Ok(call) = calls.get_call(v1::GetCallRequest { name, ..Default::default() }).await else {
            break;
        };
        let note = format!("第{round}轮第{number}条");
        if reviews.submit_review(agreeing(call.into_inner(), &note)).await.is_err() {
            break;
        }
        kept.insert(note);
        count.fetch_add(1, Ordering::SeqCst);
    }
    kept
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_over_tls_survives_kills_during_reviews_and_ingestion() {
    let dir = tempfile::tempdir().unwrap();
    let authority = authority();
    let tls = files(dir.path(), &authority, None);
    let path = |path: &Path| path.display().to_string();
    let tls = format!("{{ cert = {:?}, key = {:?} }}", path(&tls.cert), path(&tls.key));
    ok(&qingting(dir.path(), &["ingest", &demo_calls().display().to_string(), "--data", "data"]));
    let key = ok(&qingting(dir.path(), &["keys", "create", "--data", "data", "--name", "甲", "--role", "admin"]));
    let bearer = Bearer(key.trim().to_owned());
    let (mut calls, mut notes) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..4 {
        let (server, port) = serve_with(dir.path(), &[("QINGTING__SERVER__TLS", &tls)]);
        let trust = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority.pem()));
        let endpoint = Channel::from_shared(format!("https://localhost:{port}")).unwrap().tls_config(trust).unwrap();
        let channel = endpoint.connect().await.unwrap();
        serving(&channel).await;
        let (handed, reviewed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let client = IngestServiceClient::with_interceptor(channel.clone(), bearer.clone());
        let handing = tokio::spawn(hand_in(client, round, handed.clone()));
        let reviewing = tokio::spawn(review(channel, bearer.clone(), round, reviewed.clone()));
        // Both are under way, and neither at its end.
        let begun = || handed.load(Ordering::SeqCst) >= 15 + 10 * round && reviewed.load(Ordering::SeqCst) >= 3 + round;
        eventually("calls and reviews are under way", async || begun().then_some(())).await;
        drop(server); // SIGKILL
        calls.extend(handing.await.unwrap());
        notes.extend(reviewing.await.unwrap());
    }
    assert!(calls.len() >= 120 && notes.len() >= 18, "{} calls, {} reviews", calls.len(), notes.len());
    // Read as the next writer finds it.
    drop(serve_with(dir.path(), &[]).0);
    let data = DataDir::open_reader(&dir.path().join("data"), Context::new(&pipeline())).unwrap();
    let lost: Vec<_> = calls.iter().filter(|id| data.get_call(id).unwrap().is_none()).collect();
    assert!(lost.is_empty(), "{lost:?} of {}", calls.len());
    let kept = data.reviews(&ReviewQuery::of(&[ReviewKind::Reviewed])).unwrap();
    let kept: String = kept.iter().map(|entry| format!("{entry:?}")).collect();
    let lost: Vec<_> = notes.iter().filter(|note| !kept.contains(note.as_str())).collect();
    assert!(lost.is_empty(), "{lost:?} of {}", notes.len());
    println!("{} calls and {} reviews acknowledged, 4 kills, 0 lost", calls.len(), notes.len());
}
