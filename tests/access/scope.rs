//! Who sees the calls of one team or of one agent sees nothing of the others, whatever is asked.

use std::collections::BTreeSet;

use futures::stream;
use qingting::access::{AccessConfig, KeyOrder};
use qingting::server::ServerConfig;
use qingting_proto::v1;
use qingting_proto::v1::analysis_service_client::AnalysisServiceClient;
use qingting_proto::v1::knowledge_service_client::KnowledgeServiceClient;
use qingting_proto::v1::topic_service_client::TopicServiceClient;
use tonic::Code;
use tonic::transport::Channel;

use super::{Bearer, Guarded, With, calls, folder_with, reason, whole};

fn topics(channel: &Channel, bearer: &str) -> TopicServiceClient<With> {
    TopicServiceClient::with_interceptor(channel.clone(), Bearer(bearer.to_owned()))
}

async fn found(channel: &Channel, bearer: &str, query: &str) -> BTreeSet<String> {
    let request = v1::SearchCallsRequest { query: query.into(), page_size: 100, ..Default::default() };
    let hits = calls(channel, bearer).search_calls(request).await.unwrap().into_inner().hits;
    hits.into_iter().map(|hit| hit.call).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_of_one_team_sees_nothing_of_another() {
    let teams = ["一组".to_owned()];
    let own = KeyOrder { teams: &teams, all_teams: false, ..whole("viewer") };
    let agent = KeyOrder { agent: "A04", ..whole("agent") };
    let (folder, secrets) = folder_with(&[whole("admin"), own, agent]);
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    topics(&channel, &secrets[0]).refresh_topics(v1::RefreshTopicsRequest::default()).await.unwrap();
    let all = found(&channel, &secrets[0], "").await;
    assert_eq!(all.len(), 34);

    for (bearer, mine, count) in [(&secrets[1], "班组:一组", 9), (&secrets[2], "坐席:A04", 2)] {
        let own = found(&channel, &secrets[0], mine).await;
        assert_eq!(own.len(), count);
        assert_eq!(found(&channel, bearer, "").await, own);
        // Asking for the others by name finds nothing either, nor does an alternative beside one's own.
        assert!(found(&channel, bearer, "班组:三组").await.is_empty());
        assert_eq!(found(&channel, bearer, "班组:三组 OR 班组:一组 OR 班组:二组").await, own);
        let mut client = calls(&channel, bearer);
        let (hidden, seen) = (all.difference(&own).next().unwrap().clone(), own.first().unwrap().clone());
        let get = |name: &String| v1::GetCallRequest { name: name.clone(), ..Default::default() };
        client.get_call(get(&seen)).await.unwrap();
        assert_eq!(client.get_call(get(&hidden)).await.unwrap_err().code(), Code::NotFound);
        let list =
            |parent: &str| v1::ListFindingsRequest { parent: parent.into(), page_size: 200, ..Default::default() };
        assert_eq!(client.list_findings(list(&hidden)).await.unwrap_err().code(), Code::NotFound);
        let listed = client.list_findings(list("calls/-")).await.unwrap().into_inner().findings;
        assert!(!listed.is_empty() && listed.iter().all(|finding| own.contains(&finding.call)));
        let like = |name: &String| v1::ListSimilarCallsRequest { name: name.clone(), ..Default::default() };
        assert_eq!(client.list_similar_calls(like(&hidden)).await.unwrap_err().code(), Code::NotFound);
        let alike = client.list_similar_calls(like(&seen)).await.unwrap().into_inner().calls;
        assert!(alike.iter().all(|call| own.contains(&call.hit.as_ref().unwrap().call)));
        let count_by = |group_by: &str| v1::AggregateCallsRequest { group_by: group_by.into(), ..Default::default() };
        let counted = client.aggregate_calls(count_by("team")).await.unwrap().into_inner();
        assert_eq!((counted.rows.len(), counted.total.unwrap().call_count), (1, count as i64));
    }

    let mut viewer = topics(&channel, &secrets[1]);
    let own = found(&channel, &secrets[1], "").await;
    let listed = viewer.list_topics(v1::ListTopicsRequest::default()).await.unwrap().into_inner();
    let counted: i64 = listed.topics.iter().map(|topic| topic.call_count).sum();
    assert_eq!(counted + listed.unassigned_count, own.len() as i64);
    let by_team = v1::ListTopicCallsRequest { items: vec!["team:三组".into()], page_size: 100, ..Default::default() };
    assert_eq!(viewer.list_topic_calls(by_team).await.unwrap().into_inner().total_size, 0);
    let everything = v1::ListTopicCallsRequest { page_size: 100, ..Default::default() };
    let listed = viewer.list_topic_calls(everything).await.unwrap().into_inner();
    assert_eq!(listed.calls.into_iter().collect::<BTreeSet<_>>(), own);
    let alerts = viewer.list_alerts(v1::ListAlertsRequest::default()).await.unwrap().into_inner();
    assert!(alerts.crises.iter().all(|crisis| own.contains(&crisis.call)), "{alerts:?}");
    // What cannot be told apart by team is not told at all.
    let mut knowledge = KnowledgeServiceClient::with_interceptor(channel.clone(), Bearer(secrets[1].clone()));
    let gaps = knowledge.list_knowledge_gaps(v1::ListKnowledgeGapsRequest::default()).await.unwrap_err();
    assert_eq!(reason(&gaps), (Code::PermissionDenied, "SCOPE".into()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_follows_no_call_but_the_own() {
    let (folder, secrets) = folder_with(&[KeyOrder { agent: "A04", ..whole("agent") }]);
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    let mut client = AnalysisServiceClient::with_interceptor(channel.clone(), Bearer(secrets[0].clone()));
    for (agent, refused) in [(Some("A04"), false), (Some("A05"), true), (None, false)] {
        let call = v1::CallRecord {
            call_id: "c".into(),
            agent: agent.map(|id| v1::Agent { id: id.into(), ..Default::default() }),
            turns: vec![v1::Turn { role: v1::Role::Caller.into(), text: "停水了".into(), ..Default::default() }],
            ..Default::default()
        };
        let request = v1::FollowCallRequest { call: Some(call), turns: Vec::new() };
        let mut answers = client.follow_call(stream::iter([request])).await.unwrap().into_inner();
        let result = answers.message().await.unwrap().unwrap().result.unwrap();
        match result {
            v1::follow_call_response::Result::Error(status) => {
                assert!(refused && status.code == i32::from(Code::PermissionDenied), "{agent:?}: {status:?}");
            }
            v1::follow_call_response::Result::Update(_) => assert!(!refused, "{agent:?}"),
        }
    }
    server.stop().await;
}
