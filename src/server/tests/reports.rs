//! Figures and exports on the wire: what is refused, and that work ends when nobody waits for it any more.

use qingting_proto::v1::report_service_client::ReportServiceClient;
use tonic::transport::Channel;

use super::*;

/// A server with twenty calls, whose scans never end if `endless` is set.
async fn started(endless: bool, config: ServerConfig) -> (TestServer, ReportServiceClient<Channel>) {
    let server = TestServer::start(config).await;
    let calls = (0..20).map(|nth| call(&format!("c{nth}"), "热线", "家里停水了。")).collect();
    ingest(&server, calls).await;
    server.memory.endless.store(endless, Ordering::SeqCst);
    let client = ReportServiceClient::new(server.channel.clone());
    (server, client)
}

fn scanned(server: &TestServer) -> usize {
    server.memory.scanned.load(Ordering::SeqCst)
}

/// Waits until nothing is scanned any more, and tells how much was. A thread that is not let on for a moment is not done.
async fn still(server: &TestServer) -> usize {
    let (mut before, mut same) = (scanned(server), 0);
    eventually("the work ends", async || {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = scanned(server);
        same = if now == before { same + 1 } else { 0 };
        before = now;
        (same == 3).then_some(now)
    })
    .await
}

/// The figures, once there is a place for a request and time enough.
async fn counted(client: &mut ReportServiceClient<Channel>) -> v1::GetKpisResponse {
    eventually("the figures are counted", async || match client.get_kpis(v1::GetKpisRequest::default()).await {
        Ok(kpis) => Some(kpis.into_inner()),
        Err(status) => {
            assert!(matches!(status.code(), Code::ResourceExhausted | Code::DeadlineExceeded), "{status}");
            None
        }
    })
    .await
}

#[tokio::test]
async fn counting_ends_when_time_is_up_and_gives_its_place_back() {
    let config = ServerConfig { max_requests: 1, request_timeout_ms: 1500, ..quick() };
    let (server, mut client) = started(true, config).await;
    // Where the machine stands still, time may be up before the work has begun.
    eventually("time is up when it is under way", async || {
        let late = client.get_kpis(v1::GetKpisRequest::default()).await.unwrap_err();
        assert!(matches!(late.code(), Code::ResourceExhausted | Code::DeadlineExceeded), "{late}");
        (late.code() == Code::DeadlineExceeded && scanned(&server) > 20).then_some(())
    })
    .await;
    still(&server).await;
    server.memory.endless.store(false, Ordering::SeqCst);
    let kpis = counted(&mut client).await;
    assert_eq!((kpis.since.as_str(), kpis.until.as_str(), kpis.partial), ("2026-03-02", "2026-03-02", false));
    assert_eq!(kpis.figures[0].value, Some(20.0), "{:?}", kpis.figures[0]);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn counting_ends_when_the_client_has_gone_and_gives_its_place_back() {
    // Time is never up.
    let config = ServerConfig { max_requests: 1, request_timeout_ms: 3_600_000, ..quick() };
    let (server, mut client) = started(true, config).await;
    let mut other = client.clone();
    let gone = tokio::spawn(async move { other.get_trend(v1::GetTrendRequest::default()).await });
    eventually("it is under way", async || (scanned(&server) >= 100).then_some(())).await;
    gone.abort();
    still(&server).await;
    server.memory.endless.store(false, Ordering::SeqCst);
    assert_eq!(counted(&mut client).await.figures[0].value, Some(20.0));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn an_export_is_made_as_it_is_read_and_ends_with_its_reader() {
    let config = ServerConfig { max_streams: 1, ..quick() };
    let (server, mut client) = started(true, config).await;
    let request = || v1::ExportRequest { table: v1::ExportTable::Analyses.into(), ..Default::default() };
    let mut stream = client.export(request()).await.unwrap().into_inner();
    // What fits into the buffers of the connection is made ahead, and no more.
    let ahead = still(&server).await;
    let full = client.export(request()).await.unwrap_err();
    assert_eq!(full.code(), Code::ResourceExhausted);
    let mut rows = 0;
    while rows < ahead as i64 + 5000 {
        let response = stream.next().await.unwrap().unwrap();
        assert!(response.data.len() <= crate::export::PIECE_BYTES && response.row_count >= rows);
        rows = response.row_count;
    }
    drop(stream);
    let read = still(&server).await;
    assert!(read > ahead && (read as i64) < rows + 50_000, "{ahead} {read} {rows}");
    server.memory.endless.store(false, Ordering::SeqCst);
    let again =
        eventually("the place of the one that has gone is free", async || match client.export(request()).await {
            Ok(again) => Some(again.into_inner()),
            Err(status) => {
                assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
                None
            }
        })
        .await;
    let pieces: Vec<_> = again.map(Result::unwrap).collect().await;
    assert_eq!(pieces.last().unwrap().row_count, 20);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn what_a_request_cannot_mean_is_told_with_its_field() {
    let (server, mut client) = started(false, quick()).await;
    let days = |since: &str, until: &str| {
        Some(v1::CallSelection { since: since.into(), until: until.into(), ..Default::default() })
    };
    for (since, until, field) in [
        ("2026-3-2", "", "selection.since"),
        ("", "today", "selection.until"),
        ("2026-03-02", "2026-03-01", "selection.until"),
        ("2026-01-01", "2027-01-02", "selection.until"),
        ("+12026-01-01", "", "selection.since"),
    ] {
        let request = v1::GetKpisRequest { selection: days(since, until), ..Default::default() };
        assert_eq!(violations(&client.get_kpis(request).await.unwrap_err()), [field], "{since} {until}");
    }
    let kpis = |request: v1::GetKpisRequest| {
        let mut client = client.clone();
        async move { violations(&client.get_kpis(request).await.unwrap_err()) }
    };
    let request = v1::GetKpisRequest::default();
    assert_eq!(
        kpis(v1::GetKpisRequest { service_level_seconds: -1, ..request.clone() }).await,
        ["service_level_seconds"]
    );
    assert_eq!(kpis(v1::GetKpisRequest { repeat_window_days: 91, ..request.clone() }).await, ["repeat_window_days"]);
    assert_eq!(kpis(v1::GetKpisRequest { repeat_basis: 9, ..request }).await, ["repeat_basis"]);
    let trend = v1::GetTrendRequest { figures: vec!["happiness".into()], ..Default::default() };
    assert_eq!(violations(&client.get_trend(trend).await.unwrap_err()), ["figures"]);
    let trend = v1::GetTrendRequest { codes: vec!["nothing".into()], ..Default::default() };
    assert_eq!(violations(&client.get_trend(trend).await.unwrap_err()), ["codes"]);
    let list = v1::ListTeamScorecardsRequest { min_calls: 1, ..Default::default() };
    assert_eq!(violations(&client.list_team_scorecards(list).await.unwrap_err()), ["min_calls"]);
    let list = v1::ListQueueScorecardsRequest { order_by: "luck".into(), ..Default::default() };
    assert_eq!(violations(&client.list_queue_scorecards(list).await.unwrap_err()), ["order_by"]);
    let one = v1::GetAgentScorecardRequest::default();
    assert_eq!(violations(&client.get_agent_scorecard(one).await.unwrap_err()), ["agent_id"]);
    let one = v1::GetAgentScorecardRequest { agent_id: "nobody".into(), ..Default::default() };
    assert_eq!(client.get_agent_scorecard(one).await.unwrap_err().code(), Code::NotFound);
    let table = v1::ExportRequest::default();
    assert_eq!(violations(&client.export(table).await.unwrap_err()), ["table"]);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn nothing_is_counted_out_of_nothing() {
    let server = TestServer::start(quick()).await;
    let mut client = ReportServiceClient::new(server.channel.clone());
    let report = client.get_period_report(v1::GetPeriodReportRequest::default()).await.unwrap().into_inner();
    let values = report.figures.iter().map(|figure| figure.now.as_ref().unwrap());
    for figure in values {
        let is_count = figure.unit() == v1::FigureUnit::Calls;
        assert_eq!(figure.value, is_count.then_some(0.0), "{figure:?}");
    }
    let agents = client.list_agent_scorecards(v1::ListAgentScorecardsRequest::default()).await.unwrap().into_inner();
    assert_eq!((agents.scorecards.len(), agents.total_size, agents.ranked_count), (0, 0, 0));
    server.stop().await.unwrap();
}
