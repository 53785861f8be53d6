//! The services over a real connection, with a backend in memory: what the wire promises
//! whatever the store is.

mod indicators;
mod knowledge;
mod live;
mod reports;

use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use futures::{Stream, stream};
use qingting_proto::v1;
use qingting_proto::v1::analysis_service_client::AnalysisServiceClient;
use qingting_proto::v1::call_service_client::CallServiceClient;
use qingting_proto::v1::ingest_service_client::IngestServiceClient;
use qingting_proto::v1::knowledge_service_client::KnowledgeServiceClient;
use tokio::net::TcpListener;
use tokio_stream::StreamExt;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use super::testing::{PATIENCE, TestServer, call, eventually};
use super::{Error, ServerConfig, State, run};
use crate::access::Guard;

fn quick() -> ServerConfig {
    ServerConfig { refresh_ms: 20, drain_timeout_ms: 2000, threads: 2, ..Default::default() }
}

fn requests(calls: Vec<v1::CallRecord>) -> impl Stream<Item = v1::IngestCallsRequest> {
    stream::iter(calls.into_iter().map(|call| v1::IngestCallsRequest { call: Some(call) }))
}

async fn ingest(server: &TestServer, calls: Vec<v1::CallRecord>) -> Vec<v1::IngestCallsResponse> {
    let mut client = IngestServiceClient::new(server.channel.clone());
    let acks = client.ingest_calls(requests(calls)).await.unwrap().into_inner();
    acks.map(Result::unwrap).collect().await
}

async fn search(server: &TestServer, request: v1::SearchCallsRequest) -> Result<v1::SearchCallsResponse, Status> {
    let mut client = CallServiceClient::new(server.channel.clone());
    client.search_calls(request).await.map(tonic::Response::into_inner)
}

/// Waits until so many calls are found.
async fn searchable(server: &TestServer, count: i64) {
    eventually(&format!("{count} calls are found"), async || {
        (search(server, Default::default()).await.unwrap().total_size == count).then_some(())
    })
    .await;
}

/// Settings with which nothing but the end of what is under way ends a drain.
fn draining_for_ever() -> ServerConfig {
    ServerConfig { drain_timeout_ms: 3_600_000, ..quick() }
}

/// Stops a server, and tells that it does not wait for ever.
async fn stops(server: TestServer) {
    let stopped = tokio::time::timeout(PATIENCE, server.stop()).await;
    stopped.expect("the drain comes to its end").unwrap();
}

fn violations(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    details.bad_request().unwrap().field_violations.iter().map(|v| v.field.clone()).collect()
}

#[tokio::test]
async fn calls_are_acknowledged_one_by_one_and_then_found() {
    let server = TestServer::start(quick()).await;
    let undated = v1::CallRecord { started_at: None, ..call("c", "water", "x") };
    let calls = vec![
        call("a", "water", "水费太贵了"),
        undated,
        call("", "gas", "x"),
        call("d", "gas", "燃气停了"),
    ];
    let acks = ingest(&server, calls).await;
    let outcome: Vec<_> = acks.iter().map(|a| (a.index, a.call_id.as_str(), a.status.clone().unwrap().code)).collect();
    assert_eq!(outcome, [(0, "a", 0), (1, "c", 3), (2, "", 3), (3, "d", 0)]);
    assert_eq!(server.memory.kept.lock().unwrap().len(), 2);
    searchable(&server, 2).await;

    let request = v1::SearchCallsRequest {
        query: "费太贵".into(),
        filter: "queue:water".into(),
        facets: vec!["queue".into()],
        ..Default::default()
    };
    let found = search(&server, request).await.unwrap();
    assert_eq!((found.total_size, found.next_page_token.as_str(), found.facets.len()), (1, "", 1));
    let hit = &found.hits[0];
    assert_eq!((hit.call.as_str(), hit.turns[0].turn), ("calls/a", 1));
    assert_eq!(hit.turns[0].highlights, [v1::CharRange { start_char: 1, end_char: 4 }]);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_call_is_shown_in_the_view_asked_for() {
    let server = TestServer::start(quick()).await;
    ingest(&server, vec![call("x/1", "water", "水费太贵了")]).await;
    let mut client = CallServiceClient::new(server.channel.clone());
    let request = |view| v1::GetCallRequest { name: "calls/x/1".into(), view };
    let full = client.get_call(request(0)).await.unwrap().into_inner();
    assert_eq!(full.record.unwrap().turns.len(), 2);
    assert_eq!(full.analysis.unwrap().turns[1].text, "水费太贵了");
    let basic = client.get_call(request(v1::CallView::Basic.into())).await.unwrap().into_inner();
    assert!(basic.record.unwrap().turns.is_empty() && basic.analysis.unwrap().turns.is_empty());

    let missing = client.get_call(v1::GetCallRequest { name: "calls/none".into(), view: 0 }).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    let resource = missing.get_error_details().resource_info().cloned().unwrap();
    assert_eq!(
        (resource.resource_type.as_str(), resource.resource_name.as_str()),
        ("qingting.v1.Call", "calls/none")
    );
    for (name, view, field) in [("none", 0, "name"), ("calls/", 0, "name"), ("calls/x/1", 9, "view")] {
        let wrong = client.get_call(v1::GetCallRequest { name: name.into(), view }).await.unwrap_err();
        assert_eq!((wrong.code(), violations(&wrong)), (Code::InvalidArgument, vec![field.to_owned()]));
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn pages_follow_each_other_and_refuse_foreign_tokens() {
    let server = TestServer::start(quick()).await;
    ingest(&server, (0..5).map(|i| call(&format!("c{i}"), "water", "水费")).collect()).await;
    searchable(&server, 5).await;
    let mut request = v1::SearchCallsRequest { query: "水费".into(), page_size: 2, ..Default::default() };
    let mut names = Vec::new();
    loop {
        let page = search(&server, request.clone()).await.unwrap();
        assert!(page.hits.len() <= 2);
        names.extend(page.hits.into_iter().map(|hit| hit.call));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(names, ["calls/c0", "calls/c1", "calls/c2", "calls/c3", "calls/c4"]);
    for (field, request) in [
        ("page_token", v1::SearchCallsRequest { page_token: "foreign".into(), ..Default::default() }),
        ("page_size", v1::SearchCallsRequest { page_size: -1, ..Default::default() }),
        ("filter", v1::SearchCallsRequest { filter: "nowhere:1".into(), ..Default::default() }),
        ("order_by", v1::SearchCallsRequest { order_by: "queue".into(), ..Default::default() }),
        ("facets", v1::SearchCallsRequest { facets: vec!["started_at".into()], ..Default::default() }),
        ("spoken_by", v1::SearchCallsRequest { spoken_by: 99, ..Default::default() }),
        ("turns_per_call", v1::SearchCallsRequest { turns_per_call: Some(-1), ..Default::default() }),
    ] {
        let wrong = search(&server, request).await.unwrap_err();
        assert_eq!((wrong.code(), violations(&wrong)), (Code::InvalidArgument, vec![field.to_owned()]));
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn findings_are_listed_page_by_page_over_all_calls_or_for_one() {
    let server = TestServer::start(quick()).await;
    // More calls than the index is asked for at a time.
    ingest(
        &server,
        (0..60)
            .map(|i| call(&format!("c{i:02}"), "water", "这是我第三次打电话了，再不解决我就去找记者曝光"))
            .collect(),
    )
    .await;
    searchable(&server, 60).await;
    let expected: Vec<_> = server
        .memory
        .kept
        .lock()
        .unwrap()
        .values()
        .flat_map(|c| c.analysis.findings.iter().map(|f| (format!("calls/{}", c.record.call_id), f.code.clone())))
        .collect();
    assert!(expected.len() > 60, "the test needs calls with more than one finding");
    let mut client = CallServiceClient::new(server.channel.clone());
    for page_size in [1, 7, 200] {
        let mut request = v1::ListFindingsRequest { parent: "calls/-".into(), page_size, ..Default::default() };
        let mut listed = Vec::new();
        loop {
            let page = client.list_findings(request.clone()).await.unwrap().into_inner();
            assert!(page.findings.len() <= page_size as usize);
            listed.extend(page.findings.into_iter().map(|f| (f.call, f.finding.unwrap().code)));
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert_eq!(listed, expected, "{page_size}");
    }
    let code = expected[0].1.clone();
    let one = v1::ListFindingsRequest { parent: "calls/c07".into(), codes: vec![code.clone()], ..Default::default() };
    let page = client.list_findings(one.clone()).await.unwrap().into_inner();
    assert!(page.findings.iter().all(|f| f.call == "calls/c07" && f.finding.as_ref().unwrap().code == code));
    assert_eq!((page.findings.len(), page.next_page_token.as_str()), (1, ""));

    let missing = v1::ListFindingsRequest { parent: "calls/none".into(), ..Default::default() };
    assert_eq!(client.list_findings(missing).await.unwrap_err().code(), Code::NotFound);
    let both = v1::ListFindingsRequest { filter: "queue:gas".into(), ..one };
    assert_eq!(violations(&client.list_findings(both).await.unwrap_err()), ["filter"]);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn calls_are_counted_by_a_field() {
    let server = TestServer::start(quick()).await;
    let calls = vec![
        call("a", "water", "水费"),
        call("b", "gas", "燃气"),
        call("c", "gas", "停气"),
    ];
    ingest(&server, calls).await;
    searchable(&server, 3).await;
    let mut client = CallServiceClient::new(server.channel.clone());
    let by = |field: &str| v1::AggregateCallsRequest { group_by: field.into(), ..Default::default() };
    let rows = client.aggregate_calls(by("queue")).await.unwrap().into_inner();
    let values: Vec<_> = rows.rows.iter().map(|r| (r.value.as_str(), r.call_count)).collect();
    assert_eq!((values, rows.total.unwrap().call_count), (vec![("gas", 2), ("water", 1)], 3));
    for field in ["", "nowhere"] {
        assert_eq!(violations(&client.aggregate_calls(by(field)).await.unwrap_err()), ["group_by"]);
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn analyses_come_in_order_and_keep_nothing() {
    let server = TestServer::start(quick()).await;
    let mut client = AnalysisServiceClient::new(server.channel.clone());
    let request = v1::AnalyzeCallRequest { call: Some(call("a", "water", "水费太贵了")) };
    let analysis = client.analyze_call(request).await.unwrap().into_inner().analysis.unwrap();
    assert_eq!((analysis.call_id.as_str(), analysis.turns.len()), ("a", 2));
    let nothing = client.analyze_call(v1::AnalyzeCallRequest::default()).await.unwrap_err();
    assert_eq!(violations(&nothing), ["call"]);

    let calls = (0..100).map(|i| if i == 7 { String::new() } else { format!("c{i}") });
    let messages: Vec<_> =
        calls.map(|id| v1::AnalyzeCallsRequest { call: Some(call(&id, "water", "水费太贵了")) }).collect();
    let answers = client.analyze_calls(stream::iter(messages)).await.unwrap().into_inner();
    let answers: Vec<_> = answers.map(Result::unwrap).collect().await;
    assert_eq!(answers.len(), 100);
    for (i, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.index, i as i64);
        match answer.result.unwrap() {
            v1::analyze_calls_response::Result::Analysis(analysis) => assert_eq!(analysis.call_id, format!("c{i}")),
            v1::analyze_calls_response::Result::Error(status) => assert_eq!((i, status.code), (7, 3)),
        }
    }
    assert!(server.memory.kept.lock().unwrap().is_empty());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn articles_are_imported_but_for_the_wrong_ones() {
    let server = TestServer::start(quick()).await;
    let mut client = KnowledgeServiceClient::new(server.channel.clone());
    let article = |id: &str, valid_to: &str| v1::ImportArticlesRequest {
        article: Some(v1::Article {
            id: id.into(),
            title: "阶梯水价".into(),
            body: "居民用水按年用水量分为三档。".into(),
            valid_to: Some(valid_to.into()),
            ..Default::default()
        }),
    };
    let articles: Vec<_> = (0..150).map(|i| article(&format!("a{i}"), "2027-01-31")).collect();
    let wrong = [article("", "2027-01-31"), article("z", "31.1.2027")];
    let imported = client.import_articles(stream::iter(articles.into_iter().chain(wrong))).await.unwrap().into_inner();
    assert_eq!(imported.imported_count, 150);
    let rejected: Vec<_> = imported.rejected.iter().map(|r| (r.index, r.id.as_str())).collect();
    assert_eq!(rejected, [(150, ""), (151, "z")]);
    let request = v1::SearchArticlesRequest { query: "三档".into(), page_size: 3, ..Default::default() };
    assert_eq!(client.search_articles(request).await.unwrap().into_inner().hits.len(), 3);
    for (query, valid_on, field) in [(" ", "", "query"), ("三档", "tomorrow", "valid_on")] {
        let (query, valid_on) = (query.into(), valid_on.into());
        let request = v1::SearchArticlesRequest { query, valid_on, ..Default::default() };
        assert_eq!(violations(&client.search_articles(request).await.unwrap_err()), [field]);
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn nothing_is_served_before_loading_nor_after_the_signal() {
    let (release, hold) = mpsc::channel::<()>();
    let mut server = TestServer::start_loading(draining_for_ever(), move || {
        let _ = hold.recv();
    })
    .await;
    for name in ["", "qingting.v1.CallService", "qingting.v1.IngestService"] {
        assert_eq!(server.health(name).await, 2, "{name}");
    }
    let early = search(&server, Default::default()).await.unwrap_err();
    assert_eq!(early.code(), Code::Unavailable);
    assert!(early.get_error_details().retry_info().is_some());
    release.send(()).unwrap();
    server.wait_ready().await;
    assert_eq!(server.health("qingting.v1.AnalysisService").await, 1);

    let mut client = tonic_health::pb::health_client::HealthClient::new(server.channel.clone());
    let request = tonic_health::pb::HealthCheckRequest { service: String::new() };
    let mut watch = client.watch(request).await.unwrap().into_inner();
    assert_eq!(watch.next().await.unwrap().unwrap().status, 1);
    server.signal();
    assert_eq!(watch.next().await.unwrap().unwrap().status, 2);
    // Its end lets the drain end at once.
    assert!(watch.next().await.is_none());
    let memory = server.memory.clone();
    stops(server).await;
    assert!(memory.finished.load(Ordering::SeqCst));
}

#[tokio::test]
async fn an_open_stream_is_told_to_end_after_its_acknowledgements() {
    let mut server = TestServer::start(draining_for_ever()).await;
    let mut client = IngestServiceClient::new(server.channel.clone());
    // A client that sends one call and then neither sends nor ends.
    let open = requests(vec![call("a", "water", "水费太贵了")]).chain(stream::pending());
    let mut acks = client.ingest_calls(open).await.unwrap().into_inner();
    assert_eq!(acks.next().await.unwrap().unwrap().call_id, "a");
    server.signal();
    assert_eq!(acks.next().await.unwrap().unwrap_err().code(), Code::Unavailable);
    stops(server).await;
}

#[tokio::test]
async fn a_request_that_does_not_end_does_not_hold_the_stop_up_for_ever() {
    let server = TestServer::start(ServerConfig { drain_timeout_ms: 100, ..quick() }).await;
    let (memory, channel) = (server.memory.clone(), server.channel.clone());
    memory.gate.close();
    let slow =
        tokio::spawn(
            async move { CallServiceClient::new(channel).search_calls(v1::SearchCallsRequest::default()).await },
        );
    memory.gate.reached().await;
    stops(server).await;
    memory.gate.open();
    drop(slow);
}

#[tokio::test]
async fn too_many_requests_are_turned_away_at_once() {
    let server = TestServer::start(ServerConfig { max_requests: 1, max_streams: 1, ..quick() }).await;
    let memory = server.memory.clone();
    memory.gate.close();
    let channel = server.channel.clone();
    let first =
        tokio::spawn(
            async move { CallServiceClient::new(channel).search_calls(v1::SearchCallsRequest::default()).await },
        );
    memory.gate.reached().await;
    let second = search(&server, Default::default()).await.unwrap_err();
    assert_eq!(second.code(), Code::ResourceExhausted);
    assert!(second.get_error_details().retry_info().is_some());
    memory.gate.open();
    first.await.unwrap().unwrap();

    let mut client = IngestServiceClient::new(server.channel.clone());
    let held = client.ingest_calls(stream::pending()).await.unwrap();
    assert_eq!(client.ingest_calls(stream::pending()).await.unwrap_err().code(), Code::ResourceExhausted);
    drop(held);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_late_answer_is_deadline_exceeded_and_a_panic_is_internal() {
    let server = TestServer::start(quick()).await;
    let memory = server.memory.clone();
    let mut client = CallServiceClient::new(server.channel.clone());
    memory.gate.close();
    // The client gives up by itself, as CANCELLED, a hundredth of a second after the server has to answer: where the machine
    // stands still for so long, the next one tells.
    let mut codes = Vec::new();
    while codes.len() < 50 && codes.last() != Some(&Code::DeadlineExceeded) {
        let mut request = Request::new(v1::SearchCallsRequest::default());
        request.metadata_mut().insert("grpc-timeout", "80m".parse().unwrap());
        codes.push(client.search_calls(request).await.unwrap_err().code());
    }
    let last = codes.pop();
    assert!(
        last == Some(Code::DeadlineExceeded) && codes.iter().all(|code| *code == Code::Cancelled),
        "{codes:?} {last:?}"
    );
    memory.gate.open();
    let panic = v1::SearchCallsRequest { query: "panic".into(), ..Default::default() };
    assert_eq!(client.search_calls(panic).await.unwrap_err().code(), Code::Internal);
    assert!(search(&server, Default::default()).await.is_ok());
    server.stop().await.unwrap();
}

/// After an error it is not known what is on disk, so both mean the same.
#[tokio::test]
async fn a_writer_that_panics_or_fails_shows_in_health_and_reading_goes_on() {
    for (queue, code) in [("panic", Code::Unavailable), ("broken", Code::ResourceExhausted)] {
        let server = TestServer::start(quick()).await;
        let acks = ingest(&server, vec![call("a", queue, "x")]).await;
        assert_eq!(acks[0].status.clone().unwrap().code, i32::from(code));
        eventually("health says that nothing is taken in", async || {
            (server.health("qingting.v1.IngestService").await == 2).then_some(())
        })
        .await;
        assert_eq!(server.health("qingting.v1.CallService").await, 1);
        assert!(search(&server, Default::default()).await.is_ok());
        let again = ingest(&server, vec![call("b", "water", "x")]).await;
        assert_eq!(again[0].status.clone().unwrap().code, i32::from(Code::Unavailable));
        assert_eq!(matches!(server.stop().await, Err(Error::WriterPanicked)), queue == "panic");
    }
}

#[tokio::test]
async fn calls_that_wait_share_a_group() {
    let server = TestServer::start(quick()).await;
    let memory = &server.memory;
    let shared = || memory.groups.lock().unwrap().iter().any(|&size| size > 1);
    // While the first write hangs, the others of the stream's window come to wait behind it; on a busy machine that takes
    // a while.
    let mut expected = 0;
    for (round, wait_ms) in [300, 1000, 3000, 10_000, 30_000].into_iter().enumerate() {
        memory.gate.close();
        let opened = memory.clone();
        let opener = tokio::spawn(async move {
            opened.gate.reached().await;
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            opened.gate.open();
        });
        let calls = (0..200).map(|i| call(&format!("c{round}-{i}"), "water", "水费")).collect();
        let acks = ingest(&server, calls).await;
        opener.await.unwrap();
        assert!(acks.iter().all(|a| a.status.clone().unwrap().code == 0));
        expected += 200;
        assert_eq!(memory.groups.lock().unwrap().iter().sum::<usize>(), expected);
        if shared() {
            break;
        }
    }
    assert!(shared(), "{:?}", memory.groups.lock().unwrap());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn messages_over_the_limit_are_refused() {
    let server = TestServer::start(ServerConfig { max_request_bytes: 2000, ..quick() }).await;
    let mut client = AnalysisServiceClient::new(server.channel.clone());
    let request = v1::AnalyzeCallRequest { call: Some(call("a", "water", &"很".repeat(1000))) };
    assert_eq!(client.analyze_call(request).await.unwrap_err().code(), Code::OutOfRange);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn addresses_beyond_this_machine_are_refused() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let load = || -> qingting_index::Result<State> { unreachable!("refused before") };
    let error = run(listener, quick(), Guard::open(), load, std::future::pending()).await.unwrap_err();
    assert!(matches!(error, Error::NotLoopback { .. }));
    let load = || Err(qingting_index::Error::not_found("data folder /nowhere"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = run(listener, quick(), Guard::open(), load, std::future::pending()).await.unwrap_err();
    assert_eq!(error.to_string(), "data folder /nowhere not found");
}

#[tokio::test]
async fn similar_calls_are_asked_for_by_a_name_and_within_limits() {
    let server = TestServer::start(quick()).await;
    let mut client = CallServiceClient::new(server.channel.clone());
    let request = |name: &str| v1::ListSimilarCallsRequest { name: name.into(), ..Default::default() };
    for (field, request) in [
        ("name", request("")),
        ("name", request("topics/t1")),
        ("page_size", v1::ListSimilarCallsRequest { page_size: -1, ..request("calls/a") }),
        ("turns_per_call", v1::ListSimilarCallsRequest { turns_per_call: Some(-1), ..request("calls/a") }),
        ("filter", v1::ListSimilarCallsRequest { filter: "nowhere:1".into(), ..request("calls/a") }),
        ("filter", v1::ListSimilarCallsRequest { filter: "topic:t1".into(), ..request("calls/a") }),
        ("page_token", v1::ListSimilarCallsRequest { page_token: "foreign".into(), ..request("calls/a") }),
    ] {
        let wrong = client.list_similar_calls(request).await.unwrap_err();
        assert_eq!((wrong.code(), violations(&wrong)), (Code::InvalidArgument, vec![field.to_owned()]));
    }
    server.stop().await.unwrap();
}
