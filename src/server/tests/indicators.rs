//! Indicators on the wire: what is refused, and that work ends when nobody waits for it any more.

use qingting_proto::v1::indicator_service_client::IndicatorServiceClient;
use tonic::transport::Channel;

use super::*;

async fn started(endless: bool, config: ServerConfig) -> (TestServer, IndicatorServiceClient<Channel>) {
    let server = TestServer::start(config).await;
    let calls = (0..20).map(|nth| call(&format!("c{nth}"), "热线", "家里停水了。")).collect();
    ingest(&server, calls).await;
    server.memory.endless.store(endless, Ordering::SeqCst);
    let client = IndicatorServiceClient::new(server.channel.clone());
    (server, client)
}

fn evaluate(set_id: &str) -> v1::EvaluateIndicatorsRequest {
    v1::EvaluateIndicatorsRequest { set_id: set_id.into(), scope: None }
}

#[tokio::test]
async fn what_a_request_cannot_mean_is_told_with_its_field() {
    let (server, mut client) = started(false, quick()).await;
    let error = client.evaluate_indicators(evaluate("")).await.unwrap_err();
    assert_eq!(violations(&error), ["set_id"]);
    let error = client.evaluate_indicators(evaluate("none")).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    let selection = v1::CallSelection { since: "2026-3-2".into(), ..Default::default() };
    let scope = Some(v1::IndicatorScope { selection: Some(selection), regions: Vec::new() });
    let request = v1::EvaluateIndicatorsRequest { scope, ..evaluate("hotline-12345") };
    assert_eq!(violations(&client.evaluate_indicators(request).await.unwrap_err()), ["scope.selection.since"]);
    let scope = Some(v1::IndicatorScope { regions: vec!["区".into(); 1001], ..Default::default() });
    let request = v1::EvaluateIndicatorsRequest { scope, ..evaluate("hotline-12345") };
    assert_eq!(violations(&client.evaluate_indicators(request).await.unwrap_err()), ["scope.regions"]);

    let set_id = || "hotline-12345".to_owned();
    let request = v1::CompareIndicatorsRequest {
        set_id: set_id(),
        before_since: "2026-03-02".into(),
        before_until: "2026-03-01".into(),
        ..Default::default()
    };
    let error = client.compare_indicators(request).await.unwrap_err();
    assert_eq!(violations(&error), ["before.selection.until"]);
    let request = v1::RankIndicatorsRequest { set_id: set_id(), dimension: 9, ..Default::default() };
    assert_eq!(violations(&client.rank_indicators(request).await.unwrap_err()), ["dimension"]);
    let request = v1::RankIndicatorsRequest { set_id: set_id(), min_calls: -1, ..Default::default() };
    assert_eq!(violations(&client.rank_indicators(request).await.unwrap_err()), ["min_calls"]);
    for path in ["nowhere", "deduction:nothing", "bonus:", "malus:care"] {
        let request = v1::ExplainIndicatorRequest { set_id: set_id(), path: path.into(), scope: None };
        assert_eq!(client.explain_indicator(request).await.unwrap_err().code(), Code::NotFound, "{path}");
    }
    let request = v1::SimulateIndicatorsRequest::default();
    assert_eq!(violations(&client.simulate_indicators(request).await.unwrap_err()), ["set_id"]);
    let draft = "x".repeat(300 << 10);
    let request = v1::SimulateIndicatorsRequest { draft, ..Default::default() };
    assert_eq!(violations(&client.simulate_indicators(request).await.unwrap_err()), ["draft"]);
    let weights = [("response".to_owned(), "20.00001".to_owned())].into_iter().collect();
    let request = v1::SimulateIndicatorsRequest { set_id: set_id(), weights, ..Default::default() };
    assert_eq!(violations(&client.simulate_indicators(request).await.unwrap_err()), ["weights"]);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn counting_and_the_search_for_the_calls_behind_a_figure_end_when_time_is_up() {
    let config = ServerConfig { max_requests: 1, request_timeout_ms: 1500, ..quick() };
    let (server, mut client) = started(true, config).await;
    let late = client.evaluate_indicators(evaluate("bank-branch")).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded, "{late}");
    let mut calls = CallServiceClient::new(server.channel.clone());
    let filter = "figure:\"kpi.connected/about/2026-03-01/2026-03-31\"";
    let search = || v1::SearchCallsRequest { filter: filter.into(), ..Default::default() };
    // The place of the first is free once it has noticed.
    let late = eventually("the place of the first is free", async || {
        Some(calls.search_calls(search()).await.unwrap_err()).filter(|late| late.code() != Code::ResourceExhausted)
    })
    .await;
    assert_eq!(late.code(), Code::DeadlineExceeded, "{late}");
    server.memory.endless.store(false, Ordering::SeqCst);
    // On a busy machine even what has an end may not come to it in time.
    let found = eventually("the indicators are counted", async || {
        match client.evaluate_indicators(evaluate("bank-branch")).await {
            Ok(found) => Some(found.into_inner()),
            Err(status) => {
                assert!(matches!(status.code(), Code::ResourceExhausted | Code::DeadlineExceeded), "{status}");
                None
            }
        }
    })
    .await;
    assert_eq!((found.call_count, found.total, found.missing_weight.as_str()), (20, None, "100"));
    server.stop().await.unwrap();
}

/// Each page used to count the whole period.
#[tokio::test]
async fn the_calls_behind_a_figure_are_counted_for_the_first_page_and_again_when_the_list_is_begun_anew() {
    let (server, _) = started(false, quick()).await;
    let mut calls = CallServiceClient::new(server.channel.clone());
    let filter = "figure:\"kpi.connected/about/2026-03-01/2026-03-31\"";
    let mut request = v1::SearchCallsRequest { filter: filter.into(), page_size: 8, ..Default::default() };
    eventually("all calls are found", async || {
        let found = calls.search_calls(v1::SearchCallsRequest::default()).await.unwrap().into_inner();
        (found.total_size == 20).then_some(())
    })
    .await;
    let scanned = || server.memory.scanned.load(Ordering::SeqCst);
    let (mut sizes, begun) = (Vec::new(), scanned());
    loop {
        let page = calls.search_calls(request.clone()).await.unwrap().into_inner();
        sizes.push(page.hits.len());
        assert_eq!(scanned(), begun + 20, "after {} pages", sizes.len());
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(sizes, [8, 8, 4]);
    calls.search_calls(request).await.unwrap();
    assert_eq!(scanned(), begun + 40, "what has come since is in a new list");
    server.stop().await.unwrap();
}
