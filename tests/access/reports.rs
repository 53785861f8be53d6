//! Who sees which figures: a team its own, an agent the own and how the others of the team are together.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use arrow_ipc::reader::StreamReader;
use qingting::access::{AccessConfig, KeyOrder};
use qingting::server::ServerConfig;
use qingting_pipeline::Analyzed;
use qingting_pipeline::record::{Agent, CallRecord, Evidence, Finding, Role, Score, Severity, Turn};
use qingting_proto::v1;
use qingting_proto::v1::report_service_client::ReportServiceClient;
use tonic::Code;
use tonic::transport::Channel;

use super::{Bearer, Guarded, With, access, folder_of, reason, whole};
use crate::grpc::pipeline;

/// Agents of 一组 (A1 to A4) and 二组 (B1 to B3) with the middle of their scores.
const AGENTS: [(&str, &str, f64); 7] = [
    ("A1", "一组", 71.0),
    ("A2", "一组", 81.0),
    ("A3", "一组", 81.0),
    ("A4", "一组", 91.0),
    ("B1", "二组", 50.0),
    ("B2", "二组", 60.0),
    ("B3", "二组", 63.0),
];

/// Two calls of each agent on each of eight days, a point above and below the middle; A1 is impatient in every first one.
fn calls() -> Vec<Analyzed> {
    let mut calls = Vec::new();
    for day in 1..=8 {
        for (agent, team, middle) in AGENTS {
            for (nth, apart) in [-1.0, 1.0].into_iter().enumerate() {
                let record = CallRecord {
                    started_at: Some(format!("2026-03-{day:02}T1{nth}:00:00+08:00").parse().unwrap()),
                    queue: Some("热线".into()),
                    answered: Some(true),
                    agent: Some(Agent {
                        id: agent.into(),
                        name: Some(format!("{agent}的名字")),
                        team: Some(team.into()),
                        site: None,
                    }),
                    turns: vec![
                        Turn::timed(Role::Agent, 0, 1000, "您好，请讲。"),
                        Turn::timed(Role::Caller, 1000, 3000, format!("{agent}听到的话：路灯不亮。")),
                    ],
                    ..CallRecord::new(format!("{agent}-{day}-{nth}"))
                };
                let mut call = pipeline().analyze(&record);
                (call.analysis.findings, call.analysis.uncertain) = (Vec::new(), Vec::new());
                if agent == "A1" && nth == 0 {
                    call.analysis.findings.push(impatient());
                }
                call.analysis.score = Some(Score {
                    scorecard: "t".into(),
                    total: middle + apart,
                    potential: 100.0,
                    normalized: (middle + apart) / 100.0,
                    fatal: Vec::new(),
                    items: Vec::new(),
                });
                calls.push(call);
            }
        }
    }
    calls
}

fn impatient() -> Finding {
    Finding {
        code: "impatience".into(),
        turn: Some(0),
        role: Role::Agent,
        severity: Severity::Major,
        confidence: 0.9,
        taboo: None,
        evidence: vec![Evidence {
            turn: 0,
            start_ms: Some(0),
            end_ms: Some(1000),
            start_char: 3,
            end_char: 5,
            quote: "请讲".into(),
        }],
        rule: "t".into(),
        explanation: "坐席不耐烦。".into(),
    }
}

pub(super) fn reports(channel: &Channel, bearer: &str) -> ReportServiceClient<With> {
    ReportServiceClient::with_interceptor(channel.clone(), Bearer(bearer.to_owned()))
}

fn week() -> Option<v1::CallSelection> {
    days("2026-03-01", "2026-03-08")
}

pub(super) fn days(since: &str, until: &str) -> Option<v1::CallSelection> {
    Some(v1::CallSelection { since: since.into(), until: until.into(), ..Default::default() })
}

fn list(selection: Option<v1::CallSelection>) -> v1::ListAgentScorecardsRequest {
    v1::ListAgentScorecardsRequest { selection, ..Default::default() }
}

fn places(answer: &v1::ListAgentScorecardsResponse) -> Vec<(&str, Option<i32>)> {
    answer.scorecards.iter().map(|row| (row.id.as_str(), row.rank)).collect()
}

async fn exported(client: &mut ReportServiceClient<With>, table: v1::ExportTable) -> BTreeSet<String> {
    exported_of(client, table, week()).await
}

/// Ids of the calls in an exported table.
pub(super) async fn exported_of(
    client: &mut ReportServiceClient<With>,
    table: v1::ExportTable,
    selection: Option<v1::CallSelection>,
) -> BTreeSet<String> {
    let request = v1::ExportRequest { table: table.into(), selection, include_texts: true };
    let mut stream = client.export(request).await.unwrap().into_inner();
    let mut bytes = Vec::new();
    while let Some(response) = stream.message().await.unwrap() {
        bytes.extend_from_slice(&response.data);
    }
    let mut ids = BTreeSet::new();
    for batch in StreamReader::try_new(bytes.as_slice(), None).unwrap() {
        let batch = batch.unwrap();
        let column = batch.column_by_name("call_id").unwrap().as_string::<i32>().clone();
        ids.extend(column.iter().flatten().map(str::to_owned));
    }
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_of_one_team_is_told_the_figures_of_that_team() {
    let teams = ["二组".to_owned()];
    let own = KeyOrder { teams: &teams, all_teams: false, ..whole("viewer") };
    let (folder, secrets) = folder_of(calls(), &[whole("admin"), own]);
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;

    let mut admin = reports(&channel, &secrets[0]);
    let all = admin.list_agent_scorecards(list(week())).await.unwrap().into_inner();
    let wanted = [("A4", Some(1)), ("A2", Some(2)), ("A3", Some(2)), ("A1", Some(4))];
    assert_eq!(places(&all)[..4], wanted);
    assert_eq!((all.total_size, all.ranked_count), (7, 7));
    let mut paged = Vec::new();
    let mut page_token = String::new();
    loop {
        let request =
            v1::ListAgentScorecardsRequest { page_size: 3, page_token, order_by: "score".into(), ..list(week()) };
        let page = admin.list_agent_scorecards(request).await.unwrap().into_inner();
        paged.extend(page.scorecards.into_iter().map(|row| row.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, ["B1", "B2", "B3", "A1", "A2", "A3", "A4"]);
    assert_eq!(exported(&mut admin, v1::ExportTable::Calls).await.len(), 112);
    let trail = v1::ListAuditEntriesRequest { page_size: 1, page_token: String::new() };
    let noted = access(&channel, &secrets[0])
        .list_audit_entries(trail)
        .await
        .unwrap()
        .into_inner()
        .entries
        .remove(0);
    assert_eq!((noted.action.as_str(), noted.subject.as_str()), ("calls exported", "calls"));
    assert_eq!(noted.detail, "with texts, 2026-03-01 to 2026-03-08");
    let coaching = v1::ListCoachingRequest { selection: week(), ..Default::default() };
    let coaching = admin.list_coaching(coaching).await.unwrap().into_inner();
    let named: Vec<&str> = coaching.agents.iter().map(|a| a.scorecard.as_ref().unwrap().id.as_str()).collect();
    // All calls have mean 497 ÷ 7 = 71, and A1 too.
    assert_eq!(named, ["B1", "B2", "B3"]);
    assert!(coaching.agents[0].reason.contains("低 21.0 分"), "{}", coaching.agents[0].reason);
    let one = v1::GetAgentScorecardRequest { agent_id: "A1".into(), selection: week(), ..Default::default() };
    let one = admin.get_agent_scorecard(one).await.unwrap().into_inner();
    let fault = &one.faults[0];
    assert_eq!((fault.code.as_str(), fault.worst.len(), fault.best.len()), ("impatience", 3, 2));
    assert!(fault.worst.iter().all(|call| call.points[0].quote == "请讲"), "{fault:?}");
    assert_eq!(fault.share.as_ref().unwrap().numerator, Some(8));
    assert_eq!(one.scorecard.as_ref().unwrap().rank, Some(4), "of the team");

    let mut viewer = reports(&channel, &secrets[1]);
    let listed = viewer.list_agent_scorecards(list(week())).await.unwrap().into_inner();
    assert_eq!(places(&listed), [("B3", Some(1)), ("B2", Some(2)), ("B1", Some(3))]);
    let by_team = v1::ListTeamScorecardsRequest { selection: week(), ..Default::default() };
    let listed = viewer.list_team_scorecards(by_team).await.unwrap().into_inner();
    assert_eq!(listed.scorecards.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["二组"]);
    let by_queue = v1::ListQueueScorecardsRequest { selection: week(), ..Default::default() };
    let listed = viewer.list_queue_scorecards(by_queue).await.unwrap().into_inner();
    assert_eq!(listed.scorecards[0].scored_count, 48);
    let kpis = viewer.get_kpis(v1::GetKpisRequest { selection: week(), ..Default::default() }).await.unwrap();
    assert_eq!((kpis.get_ref().figures[0].value, kpis.get_ref().partial), (Some(48.0), true));
    // Asking for the others by name finds nothing.
    let others = Some(v1::CallSelection { teams: vec!["一组".into()], ..week().unwrap() });
    let kpis = viewer.get_kpis(v1::GetKpisRequest { selection: others, ..Default::default() }).await.unwrap();
    assert_eq!(kpis.get_ref().figures[0].value, Some(0.0));
    let hidden = v1::GetAgentScorecardRequest { agent_id: "A1".into(), selection: week(), ..Default::default() };
    assert_eq!(viewer.get_agent_scorecard(hidden).await.unwrap_err().code(), Code::NotFound);
    let report = v1::GetPeriodReportRequest { selection: week() };
    let report = viewer.get_period_report(report).await.unwrap().into_inner();
    assert_eq!(report.figures[0].now.as_ref().unwrap().value, Some(48.0));
    assert!(!format!("{report:?}").contains("A1"));
    for table in [v1::ExportTable::Calls, v1::ExportTable::Analyses] {
        let ids = exported(&mut viewer, table).await;
        assert_eq!(ids.len(), 48);
        assert!(ids.iter().all(|id| id.starts_with('B')), "{ids:?}");
    }
    assert!(exported(&mut viewer, v1::ExportTable::Findings).await.is_empty(), "only A1 is impatient");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_is_told_the_own_figures_and_how_the_team_is_together() {
    let agent = |id: &'static str| KeyOrder { agent: id, ..whole("agent") };
    let (folder, secrets) = folder_of(calls(), &[agent("A1"), agent("B1")]);
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    let mut own = reports(&channel, &secrets[0]);

    let listed = own.list_agent_scorecards(list(week())).await.unwrap().into_inner();
    assert_eq!((places(&listed), listed.ranked_count, listed.total_size), (vec![("A1", Some(4))], 4, 1));
    // Beside the team, whose mean is 81.
    assert_eq!(listed.scorecards[0].expected_score, Some(81.0));
    let ask = |selection| v1::GetAgentScorecardRequest { selection, ..Default::default() };
    let card = own.get_agent_scorecard(ask(week())).await.unwrap().into_inner();
    let team = card.team.clone().unwrap();
    // The others have (81 + 81 + 91) ÷ 3.
    let others = team.score.as_ref().unwrap();
    assert_eq!((team.team.as_str(), team.agent_count, others.denominator), ("一组", 3, Some(48)));
    assert!((others.value.unwrap() - 253.0 / 3.0).abs() < 1e-9, "{team:?}");
    let fault = &card.faults[0];
    assert_eq!(fault.share.as_ref().unwrap().value, Some(0.5));
    assert_eq!(fault.team_share.as_ref().unwrap().denominator, Some(48));
    assert_eq!((card.trend.len(), card.scorecard.as_ref().unwrap().rank), (8, Some(4)));
    for told in [format!("{listed:?}"), format!("{card:?}")] {
        for other in ["A2", "A3", "A4", "B1", "\u{1}", "\\u{1}"] {
            assert!(!told.contains(other), "{other} in {told}");
        }
    }
    // Over a day, or a queue, the others may be few.
    let narrow = Some(v1::CallSelection { queues: vec!["热线".into()], ..week().unwrap() });
    for selection in [days("2026-03-01", "2026-03-06"), narrow] {
        let card = own.get_agent_scorecard(ask(selection.clone())).await.unwrap().into_inner();
        assert!(card.team.is_none() && card.faults[0].team_share.is_none(), "{card:?}");
        assert!(card.scorecard.unwrap().expected_score.is_none());
        let listed = own.list_agent_scorecards(list(selection)).await.unwrap().into_inner();
        assert_eq!((places(&listed), listed.ranked_count), (vec![("A1", None)], 0));
    }
    let other = v1::GetAgentScorecardRequest { agent_id: "A2".into(), ..ask(week()) };
    assert_eq!(own.get_agent_scorecard(other).await.unwrap_err().code(), Code::NotFound);
    let kpis = own.get_kpis(v1::GetKpisRequest { selection: week(), ..Default::default() }).await.unwrap();
    assert_eq!(kpis.get_ref().figures[0].value, Some(16.0));
    let teams = own.list_team_scorecards(v1::ListTeamScorecardsRequest::default()).await.unwrap_err();
    assert_eq!(reason(&teams), (Code::PermissionDenied, "ROLE".into()));
    let export = v1::ExportRequest { table: v1::ExportTable::Calls.into(), ..Default::default() };
    assert_eq!(reason(&own.export(export).await.unwrap_err()), (Code::PermissionDenied, "ROLE".into()));

    // Of two others, each could tell the other's figures from the sum.
    let mut few = reports(&channel, &secrets[1]);
    let listed = few.list_agent_scorecards(list(week())).await.unwrap().into_inner();
    assert_eq!((places(&listed), listed.ranked_count), (vec![("B1", None)], 0));
    assert!(few.get_agent_scorecard(ask(week())).await.unwrap().into_inner().team.is_none());
    server.stop().await;
}
