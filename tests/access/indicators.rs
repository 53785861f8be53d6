//! Whoever sees some teams only is told indicators of their calls alone.

use qingting::access::{AccessConfig, KeyOrder};
use qingting::server::ServerConfig;
use qingting_pipeline::record::{Agent, CallRecord, Role, Turn};
use qingting_proto::v1;
use qingting_proto::v1::indicator_service_client::IndicatorServiceClient;

use super::reports::days;
use super::{Bearer, Guarded, calls, folder_of, reason, whole};
use crate::grpc::pipeline;

/// Three calls of 一组, all answered, and two of 二组, of which one is.
fn kept() -> Vec<qingting_pipeline::Analyzed> {
    let call = |nth: usize| {
        let team = if nth < 3 { "一组" } else { "二组" };
        let answered = nth != 4;
        let record = CallRecord {
            started_at: Some(format!("2026-03-02T1{nth}:00:00+08:00").parse().unwrap()),
            answered: Some(answered),
            agent: Some(Agent { id: format!("A{nth}"), team: Some(team.into()), ..Agent::default() }),
            turns: if answered {
                vec![Turn::new(Role::Agent, "您好，请讲。")]
            } else {
                Vec::new()
            },
            ..CallRecord::new(format!("c{nth}"))
        };
        pipeline().analyze(&record)
    };
    (0..5).map(call).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn indicators_rankings_and_the_calls_behind_them_stay_within_the_scope() {
    let teams = ["一组".to_owned()];
    let narrow = KeyOrder { teams: &teams, all_teams: false, ..whole("viewer") };
    let (folder, secrets) = folder_of(kept(), &[whole("viewer"), narrow, whole("agent")]);
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    let client = |nth: usize| IndicatorServiceClient::with_interceptor(channel.clone(), Bearer(secrets[nth].clone()));
    let scope = || Some(v1::IndicatorScope { selection: days("2026-03-02", "2026-03-02"), regions: Vec::new() });
    for (nth, expected, partial) in [(0, (4, 5), false), (1, (3, 3), true)] {
        let path = "response.answering.connected".to_owned();
        let request = v1::ExplainIndicatorRequest { set_id: "hotline-12345".into(), scope: scope(), path };
        let explained = client(nth).explain_indicator(request).await.unwrap().into_inner();
        let figure = explained.inputs[0].figure.clone().unwrap();
        assert_eq!((figure.numerator, figure.denominator), (Some(expected.0), Some(expected.1)));
        // The very filter of who sees everything finds no more than one may see.
        let filter = "figure:\"kpi.connected/of/2026-03-02/2026-03-02\"".to_owned();
        assert_eq!(explained.inputs[0].denominator_filter, filter);
        let request = v1::SearchCallsRequest { filter, ..Default::default() };
        let found = calls(&channel, &secrets[nth]).search_calls(request).await.unwrap().into_inner();
        assert_eq!(found.total_size, expected.1);
        let request = v1::EvaluateIndicatorsRequest { set_id: "hotline-12345".into(), scope: scope() };
        let result = client(nth).evaluate_indicators(request).await.unwrap().into_inner();
        assert_eq!((result.call_count, result.partial), (expected.1, partial));
        let request =
            v1::RankIndicatorsRequest { set_id: "hotline-12345".into(), scope: scope(), ..Default::default() };
        let ranks = client(nth).rank_indicators(request).await.unwrap().into_inner().ranks;
        let teams: Vec<&str> = ranks.iter().map(|rank| rank.key.as_str()).collect();
        assert_eq!(teams, [&["一组", "二组"][..], &["一组"]][nth]);
    }
    let request = v1::EvaluateIndicatorsRequest { set_id: "hotline-12345".into(), scope: scope() };
    let denied = client(2).evaluate_indicators(request).await.unwrap_err();
    assert_eq!(reason(&denied).1, "ROLE");
    server.stop().await;
}
