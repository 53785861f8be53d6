//! Topics over gRPC on a real data folder: found, decided about, kept over refreshes and restarts; and
//! every number opens to its calls.

use std::path::Path;

use qingting::server::convert::record_to_wire;
use qingting_pipeline::record::CallRecord;
use qingting_proto::v1;
use qingting_proto::v1::topic_service_client::TopicServiceClient;
use tonic::Code;
use tonic::transport::Channel;
use tonic_types::StatusExt;

use crate::grpc::Server;

type Client = TopicServiceClient<Channel>;

/// The demo's calls, each three times under ids of its own, so that there is something to count.
fn calls() -> Vec<v1::CallRecord> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo/calls.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let records: Vec<CallRecord> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let copy = |nth: usize, record: &CallRecord| {
        let mut record = record.clone();
        record.call_id = format!("{}-{nth}", record.call_id);
        record_to_wire(record)
    };
    (0..3).flat_map(|nth| records.iter().map(move |record| copy(nth, record))).collect()
}

async fn total(client: &mut Client, items: &[String]) -> i64 {
    let request = v1::ListTopicCallsRequest { items: items.to_vec(), page_size: 1, ..Default::default() };
    client.list_topic_calls(request).await.unwrap().into_inner().total_size
}

async fn topics(client: &mut Client) -> v1::ListTopicsResponse {
    client.list_topics(v1::ListTopicsRequest::default()).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_are_found_decided_about_and_open_to_their_calls() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let mut client = Client::new(server.channel.clone());

    let early = client.list_topics(v1::ListTopicsRequest::default()).await.unwrap_err();
    assert_eq!(early.code(), Code::FailedPrecondition);
    assert_eq!(early.get_error_details().error_info().unwrap().reason, "NO_TOPICS");
    let empty = client.refresh_topics(v1::RefreshTopicsRequest::default()).await.unwrap_err();
    assert_eq!(empty.get_error_details().error_info().unwrap().reason, "NO_CALLS");

    let calls = calls();
    let answered = calls.iter().filter(|call| !call.turns.is_empty()).count() as i64;
    let all = calls.len() as i64;
    server.ingest(calls).await;
    server.searchable(all).await;
    let found = client.refresh_topics(v1::RefreshTopicsRequest::default()).await.unwrap().into_inner();
    let listed = topics(&mut client).await;
    assert_eq!(usize::try_from(found.topic_count).unwrap(), listed.topics.len());
    assert_eq!(found.opened.len(), listed.topics.len());
    assert!(listed.topics.len() >= 5, "{listed:?}");
    assert_eq!(listed.topics.iter().map(|t| t.call_count).sum::<i64>() + listed.unassigned_count, answered);

    // Every number opens to its calls.
    for topic in &listed.topics {
        assert_eq!(total(&mut client, &topic.items).await, topic.call_count, "{}", topic.label);
    }
    let first = listed.topics[0].name.clone();
    let request = v1::GetTopicRequest { name: first.clone(), ..Default::default() };
    let shown = client.get_topic(request).await.unwrap().into_inner();
    assert!(!shown.history.is_empty() && !shown.figures.is_empty());
    for figure in &shown.figures {
        let items = [shown.items.clone(), vec![figure.item.clone()]].concat();
        assert_eq!(total(&mut client, &items).await, figure.call_count, "{}", figure.item);
    }
    let request = v1::ListAssociationsRequest { target: "不满意".into(), ..Default::default() };
    let rules = client.list_associations(request).await.unwrap().into_inner().associations;
    assert!(!rules.is_empty());
    for rule in &rules {
        let both = [rule.when.clone(), vec![rule.then.clone()]].concat();
        assert_eq!(total(&mut client, &both).await, rule.call_count);
        assert_eq!(total(&mut client, &rule.when).await, rule.condition_count);
        assert!(rule.confidence > 0.0 && rule.lift >= 1.2 && rule.chance < 0.05);
    }
    let request = v1::ListHotspotsRequest { days: 30, ..Default::default() };
    let spots = client.list_hotspots(request).await.unwrap().into_inner().hotspots;
    assert!(spots.windows(2).all(|pair| pair[0].heat >= pair[1].heat) && !spots.is_empty());
    assert_eq!(total(&mut client, &spots[0].items).await, spots[0].call_count);
    let patterns = client.get_caller_patterns(v1::GetCallerPatternsRequest::default()).await.unwrap().into_inner();
    // The three copies of a call are contacts of one caller about one matter.
    assert!(patterns.repeat_count >= 2 * patterns.known_count / 3 - 6, "{patterns:?}");
    for group in patterns.needs.iter().chain(&patterns.styles) {
        assert_eq!(total(&mut client, &group.items).await, group.call_count, "{}", group.label);
    }
    let alerts = client.list_alerts(v1::ListAlertsRequest::default()).await.unwrap().into_inner();
    assert_eq!(alerts.crises.len(), 9);
    let trends = client
        .list_trends(v1::ListTrendsRequest { days: 2, ..Default::default() })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(trends.trends.len(), listed.topics.len());

    // What people decide is there after a refresh, and after a restart.
    let request =
        v1::UpdateTopicRequest { name: first.clone(), label: Some("我们的叫法".into()), pinned: Some(true) };
    let named = client.update_topic(request).await.unwrap().into_inner();
    assert_eq!((named.label.as_str(), named.named, named.pinned), ("我们的叫法", true, true));
    let (second, third) = (listed.topics[1].name.clone(), listed.topics[2].name.clone());
    let request = v1::MergeTopicsRequest { names: vec![third.clone()], into: second.clone() };
    let merged = client.merge_topics(request.clone()).await.unwrap().into_inner();
    assert_eq!(merged.call_count, listed.topics[1].call_count + listed.topics[2].call_count);
    let again = client.merge_topics(request).await.unwrap_err();
    assert_eq!(again.get_error_details().error_info().unwrap().reason, "TOPIC_MERGED");
    client.refresh_topics(v1::RefreshTopicsRequest { rebuild: true }).await.unwrap();
    server.stop().await;
    let server = Server::start(folder.path()).await;
    let mut client = Client::new(server.channel.clone());
    for (name, answers) in [(&first, &first), (&third, &second)] {
        let request = v1::GetTopicRequest { name: name.clone(), ..Default::default() };
        assert_eq!(client.get_topic(request).await.unwrap().into_inner().name, *answers);
    }
    let after = topics(&mut client).await;
    assert!(after.topics.iter().any(|topic| topic.name == first && topic.label == "我们的叫法"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_a_topics_calls_return_each_once_and_danger_first() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let mut client = Client::new(server.channel.clone());
    let calls = calls();
    let all = calls.len() as i64;
    server.ingest(calls).await;
    server.searchable(all).await;
    client.refresh_topics(v1::RefreshTopicsRequest::default()).await.unwrap();
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let request = v1::ListTopicCallsRequest { page_size: 7, page_token: token, ..Default::default() };
        let page = client.list_topic_calls(request).await.unwrap().into_inner();
        seen.extend(page.calls);
        token = page.next_page_token;
        if token.is_empty() {
            assert_eq!(seen.len() as i64, page.total_size);
            break;
        }
    }
    let mut distinct = seen.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), seen.len());
    assert!(
        seen[..9].iter().all(|call| ["demo-009", "demo-027", "demo-030"].iter().any(|id| call.contains(id))),
        "{seen:?}"
    );
    for (request, field) in [
        (v1::ListTopicCallsRequest { items: vec!["nowhere:1".into()], ..Default::default() }, "items"),
        (v1::ListTopicCallsRequest { since: "yesterday".into(), ..Default::default() }, "since"),
        (v1::ListTopicCallsRequest { page_token: "x".into(), ..Default::default() }, "page_token"),
    ] {
        let refused = client.list_topic_calls(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert_eq!(refused.get_error_details().bad_request().unwrap().field_violations[0].field, field);
    }
    let request = v1::GetTopicRequest { name: "topics/t99".into(), ..Default::default() };
    assert_eq!(client.get_topic(request).await.unwrap_err().code(), Code::NotFound);
    server.stop().await;
}
