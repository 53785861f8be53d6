//! Search over gRPC on a real data folder: the one box, similar calls, topics in filters, histograms.

use qingting_proto::v1;
use qingting_proto::v1::call_service_client::CallServiceClient;
use qingting_proto::v1::topic_service_client::TopicServiceClient;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::grpc::{Server, call};

fn calls() -> Vec<v1::CallRecord> {
    vec![
        call("w-1", "2026-03-02T09:15:00+08:00", "A", "幸福路小区停水三天了，自来水公司没有通知。"),
        call("w-2", "2026-03-02T10:00:00+08:00", "B", "自来水公司又停水，幸福路一带都没有水。"),
        call("l-1", "2026-03-05T08:30:00+08:00", "A", "路灯坏了三天没人来修。"),
        call("b-1", "2026-03-05T09:30:00+08:00", "B", "公交车总是晚点。"),
        call("b-2", "2026-03-05T20:30:00+08:00", "B", "公交司机态度恶劣。"),
    ]
}

fn wrong_fields(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    details.bad_request().unwrap().field_violations.iter().map(|v| v.field.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_box_similar_calls_and_topics() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    server.ingest(calls()).await;
    server.searchable(5).await;
    let mut client = CallServiceClient::new(server.channel.clone());

    let request = v1::SearchCallsRequest {
        query: "停水 坐席:A-1 日期:2026-03 OR 公交 时段>=20".into(),
        facets: vec!["date".into(), "hour".into(), "severity".into()],
        ..Default::default()
    };
    let found = client.search_calls(request).await.unwrap().into_inner();
    let mut names: Vec<_> = found.hits.iter().map(|hit| hit.call.as_str()).collect();
    names.sort_unstable();
    assert_eq!((names, found.warnings.len()), (vec!["calls/b-2", "calls/w-1"], 0));
    let counts: Vec<_> = found.facets[0].values.iter().map(|v| (v.value.as_str(), v.count)).collect();
    assert_eq!(
        counts,
        [
            ("2026-03-02", 1),
            ("2026-03-03", 0),
            ("2026-03-04", 0),
            ("2026-03-05", 1)
        ]
    );
    assert_eq!(found.facets[1].values.len(), 24);

    let misheard = v1::SearchCallsRequest { query: "挺水".into(), ..Default::default() };
    let heard = client.search_calls(misheard.clone()).await.unwrap().into_inner();
    assert!(heard.total_size == 2 && heard.hits.iter().all(|hit| hit.by_sound), "{heard:?}");
    let literal = client
        .search_calls(v1::SearchCallsRequest { literal: true, ..misheard })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(literal.total_size, 0);

    let request = v1::ListSimilarCallsRequest { name: "calls/w-1".into(), ..Default::default() };
    let similar = client.list_similar_calls(request.clone()).await.unwrap().into_inner();
    let first = &similar.calls[0];
    assert_eq!(first.hit.as_ref().unwrap().call, "calls/w-2");
    assert!(first.shared_words.contains(&"停水".to_owned()), "{first:?}");
    assert!(similar.calls.iter().all(|call| call.hit.as_ref().unwrap().call != "calls/w-1"));
    let narrowed = v1::ListSimilarCallsRequest { filter: "team:A".into(), ..request };
    let narrowed = client.list_similar_calls(narrowed).await.unwrap().into_inner();
    assert!(narrowed.calls.iter().all(|call| call.hit.as_ref().unwrap().call != "calls/w-2"));
    let nowhere = v1::ListSimilarCallsRequest { name: "calls/nowhere".into(), ..Default::default() };
    assert_eq!(client.list_similar_calls(nowhere).await.unwrap_err().code(), Code::NotFound);

    let by_topic = |filter: &str, query: &str| v1::SearchCallsRequest {
        filter: filter.into(),
        query: query.into(),
        ..Default::default()
    };
    let early = client.search_calls(by_topic("topic:t1", "")).await.unwrap_err();
    assert_eq!((early.code(), wrong_fields(&early)), (Code::InvalidArgument, vec!["filter".to_owned()]));
    assert!(early.message().contains("RefreshTopics"), "{early}");
    let early = client.search_calls(by_topic("", "主题:t1 OR 停水")).await.unwrap().into_inner();
    assert_eq!((early.total_size, early.warnings.len()), (2, 1));

    let mut topics = TopicServiceClient::new(server.channel.clone());
    topics.refresh_topics(v1::RefreshTopicsRequest::default()).await.unwrap();
    let listed = topics.list_topics(v1::ListTopicsRequest::default()).await.unwrap().into_inner();
    for topic in &listed.topics {
        let id = topic.name.strip_prefix("topics/").unwrap();
        for request in [
            by_topic(&format!("topic:{id}"), ""),
            by_topic("", &format!("主题:{id}")),
        ] {
            let found = client.search_calls(request).await.unwrap().into_inner();
            assert_eq!((found.total_size, found.warnings.len()), (topic.call_count, 0), "{id}");
        }
    }
    let unknown = client.search_calls(by_topic("topic:t99", "")).await.unwrap_err();
    assert!(unknown.message().contains("ListTopics"), "{unknown}");
    server.stop().await;
}
