//! Cases as several people work on them over a real server: steps, races, contests, scopes, and what a crash leaves.

mod command;
mod crash;

use qingting::access::{AccessConfig, KeyOrder};
use qingting::server::ServerConfig;
use qingting_proto::v1;
use qingting_proto::v1::case_service_client::CaseServiceClient;
use tonic::Code;
use tonic::transport::Channel;

use super::{Bearer, Guarded, With, folder_of, reason, whole};
use crate::grpc::pipeline;

pub(super) fn cases(channel: &Channel, bearer: &str) -> CaseServiceClient<With> {
    CaseServiceClient::with_interceptor(channel.clone(), Bearer(bearer.to_owned()))
}

/// The demo's calls as if they were of today, the first of each team with the worst rating.
fn folder(orders: &[KeyOrder<'_>]) -> (tempfile::TempDir, Vec<String>) {
    let text = std::fs::read_to_string(crate::cli::demo_calls()).unwrap();
    let mut records: Vec<qingting_pipeline::record::CallRecord> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut rated = std::collections::BTreeSet::new();
    for record in &mut records {
        record.started_at = Some(chrono::Utc::now().fixed_offset());
        record.rating = None;
        let Some(team) = record.agent.as_ref().and_then(|agent| agent.team.clone()) else {
            continue;
        };
        if rated.insert(team) {
            record.rating = Some(1);
        }
    }
    let mut calls = pipeline().analyze_batch(&records);
    for call in &mut calls {
        call.analysis.findings.clear();
        call.analysis.facts.crisis = false;
    }
    folder_of(calls, orders)
}

fn step(case: &v1::Case) -> (String, i32) {
    (case.name.clone(), case.version)
}

async fn verify(client: &mut CaseServiceClient<With>, case: &v1::Case) -> Result<v1::Case, tonic::Status> {
    let (name, expected_version) = step(case);
    let request = v1::VerifyCaseRequest {
        name,
        expected_version,
        confirmed: true,
        note: "属实".into(),
        actor: String::new(),
    };
    client.verify_case(request).await.map(tonic::Response::into_inner)
}

async fn assign(client: &mut CaseServiceClient<With>, case: &v1::Case, to: &str) -> Result<v1::Case, tonic::Status> {
    let (name, expected_version) = step(case);
    let request = v1::AssignCaseRequest {
        name,
        expected_version,
        assignee: to.into(),
        note: String::new(),
        actor: String::new(),
    };
    client.assign_case(request).await.map(tonic::Response::into_inner)
}

async fn list(client: &mut CaseServiceClient<With>) -> Vec<v1::Case> {
    client.list_cases(v1::ListCasesRequest::default()).await.unwrap().into_inner().cases
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_goes_from_its_rating_to_its_end_and_no_step_is_left_out() {
    let (folder, secrets) = folder(&[whole("admin"), whole("reviewer"), whole("reviewer")]);
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    let [mut admin, mut first, mut second] = [0, 1, 2].map(|nth: usize| cases(&channel, &secrets[nth]));
    let by_rules = v1::OpenCasesByRulesRequest::default;
    let opened = admin.open_cases_by_rules(by_rules()).await.unwrap().into_inner().cases;
    assert!(opened.len() >= 2, "{opened:?}");
    assert!(
        admin.open_cases_by_rules(by_rules()).await.unwrap().into_inner().cases.is_empty(),
        "twice, and no more"
    );
    let all = list(&mut first).await;
    assert_eq!(all.iter().map(|case| case.name.clone()).collect::<Vec<_>>(), opened);
    let case = all[0].clone();
    assert_eq!((case.cause(), case.state(), case.rating), (v1::CaseCause::Rating, v1::CaseState::Opened, 1));
    assert_eq!(case.next_steps, [v1::CaseStep::Verify as i32, v1::CaseStep::Contest as i32]);

    // Out of turn.
    let early = assign(&mut first, &case, "一组").await.unwrap_err();
    assert_eq!(reason(&early), (Code::FailedPrecondition, "CASE_STATE".into()));
    // Two at once: one of them is too late.
    let mut other = second.clone();
    let (one, two) = tokio::join!(verify(&mut first, &case), verify(&mut other, &case));
    let (won, lost) = match (one, two) {
        (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
        both => panic!("{both:?}"),
    };
    assert_eq!(reason(&lost), (Code::Aborted, "VERSION_CONFLICT".into()));
    assert_eq!((won.version, won.state()), (2, v1::CaseState::Confirmed));
    let case = assign(&mut first, &won, "一组").await.unwrap();
    assert_eq!(case.assignee, "一组");
    let (name, expected_version) = step(&case);
    let actor = "王芳".to_owned();
    let rectify = |actor: String| v1::RectifyCaseRequest {
        name: name.clone(),
        expected_version,
        measures: "已培训".into(),
        actor,
    };
    let named = first.rectify_case(rectify(actor)).await.unwrap_err();
    assert_eq!(reason(&named), (Code::PermissionDenied, "ROLE".into()), "a key tells who acts");
    let case = first.rectify_case(rectify(String::new())).await.unwrap().into_inner();
    let reply = v1::CallerReply {
        channel: v1::ReplyChannel::Phone.into(),
        reply_time: chrono::Utc::now().to_rfc3339(),
        reached: true,
        told: "已致歉并说明".into(),
        answer: "接受".into(),
        satisfied: Some(true),
    };
    let (name, expected_version) = step(&case);
    let told = |reply| v1::ReplyToCallerRequest { name: name.clone(), expected_version, reply, actor: String::new() };
    let silent = v1::CallerReply { answer: String::new(), ..reply.clone() };
    assert_eq!(first.reply_to_caller(told(Some(silent))).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(first.reply_to_caller(told(None)).await.unwrap_err().code(), Code::InvalidArgument);
    let case = first.reply_to_caller(told(Some(reply))).await.unwrap().into_inner();
    let (name, expected_version) = step(&case);
    let recheck = || v1::RecheckCaseRequest {
        name: name.clone(),
        expected_version,
        passed: true,
        note: "已改正".into(),
        actor: String::new(),
    };
    let own = first.recheck_case(recheck()).await.unwrap_err();
    assert_eq!(reason(&own), (Code::PermissionDenied, "OWN_DECISION".into()));
    let case = second.recheck_case(recheck()).await.unwrap().into_inner();
    let (name, expected_version) = step(&case);
    let close = v1::CloseCaseRequest { name, expected_version, result: "已整改".into(), actor: String::new() };
    let case = second.close_case(close).await.unwrap().into_inner();
    assert_eq!((case.state(), case.on_time, case.version), (v1::CaseState::Closed, Some(true), 7));
    let shown = first.get_case(v1::GetCaseRequest { name: case.name.clone() }).await.unwrap().into_inner();
    assert_eq!(shown.history.len(), 7);
    assert!(shown.history[0].actor.as_ref().unwrap().id == "rule" && shown.history.iter().all(|event| !event.late));
    let counted = first
        .get_case_counts(v1::GetCaseCountsRequest::default())
        .await
        .unwrap()
        .into_inner()
        .total
        .unwrap();
    assert_eq!((counted.closed_count, counted.on_time_rate, counted.replied_count), (1, Some(1.0), 1));
    assert_eq!(counted.opened_count as usize, opened.len());
    // Closed, it is not opened by rule again, but by somebody.
    assert!(admin.open_cases_by_rules(by_rules()).await.unwrap().into_inner().cases.is_empty());
    let (name, expected_version) = step(&case);
    let reopen = v1::ReopenCaseRequest { name, expected_version, reason: "又来电".into(), actor: String::new() };
    let case = second.reopen_case(reopen).await.unwrap().into_inner();
    assert_eq!((case.state(), case.reopen_count), (v1::CaseState::Opened, 1));

    // Pages in an order, and their tokens.
    let page = |page_token: String| v1::ListCasesRequest {
        page_size: 1,
        order_by: "due_time".into(),
        page_token,
        ..Default::default()
    };
    let (mut token, mut seen) = (String::new(), Vec::new());
    loop {
        let answer = first.list_cases(page(token)).await.unwrap().into_inner();
        assert_eq!(answer.total_size as usize, opened.len());
        seen.extend(answer.cases.into_iter().map(|case| case.name));
        token = answer.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    seen.sort();
    let mut expected = opened.clone();
    expected.sort();
    assert_eq!(seen, expected);
    for wrong in [
        v1::ListCasesRequest { page_token: "x".into(), ..Default::default() },
        v1::ListCasesRequest { order_by: "name".into(), ..Default::default() },
        v1::ListCasesRequest { due_before: "soon".into(), ..Default::default() },
        v1::ListCasesRequest { states: vec![99], ..Default::default() },
    ] {
        assert_eq!(first.list_cases(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    }
    let later = v1::ListRemindersRequest {
        at_time: (chrono::Utc::now() + chrono::TimeDelta::days(60)).to_rfc3339(),
        team: String::new(),
    };
    let reminders = first.list_reminders(later).await.unwrap().into_inner().reminders;
    assert_eq!(reminders.len(), opened.len());
    assert!(reminders.iter().all(|one| one.level == 3 && one.escalate_to == "热线负责人"), "{reminders:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_sees_the_cases_of_their_scope_and_agents_contest_their_own() {
    let teams = ["一组".to_owned()];
    let of_team = |role| KeyOrder { teams: &teams, all_teams: false, ..whole(role) };
    let (folder, mut secrets) = folder(&[whole("admin"), of_team("reviewer"), of_team("viewer")]);
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    let [mut admin, mut reviewer, mut viewer] = [0, 1, 2].map(|nth: usize| cases(&channel, &secrets[nth]));
    admin.open_cases_by_rules(v1::OpenCasesByRulesRequest::default()).await.unwrap();
    let all = list(&mut admin).await;
    let (own, others): (Vec<v1::Case>, Vec<_>) = all.into_iter().partition(|case| case.team == "一组");
    assert!(own.len() == 1 && !others.is_empty());
    assert_eq!(list(&mut viewer).await, own);
    for (client, what) in [(&mut viewer, "a viewer"), (&mut reviewer, "a reviewer")] {
        let hidden = client.get_case(v1::GetCaseRequest { name: others[0].name.clone() }).await.unwrap_err();
        assert_eq!(reason(&hidden), (Code::NotFound, "NOT_FOUND".into()), "{what}");
        let request = v1::ListCasesRequest { team: others[0].team.clone(), ..Default::default() };
        assert!(client.list_cases(request).await.unwrap().into_inner().cases.is_empty(), "{what}");
        let request = v1::GetCaseCountsRequest { group_by: "team".into(), ..Default::default() };
        let counts = client.get_case_counts(request).await.unwrap().into_inner();
        assert_eq!(counts.groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["一组"], "{what}");
        let all = client.open_cases_by_rules(v1::OpenCasesByRulesRequest::default()).await.unwrap_err();
        assert_eq!(all.code(), Code::PermissionDenied, "{what}");
    }
    assert_eq!(verify(&mut reviewer, &others[0]).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(verify(&mut viewer, &own[0]).await.unwrap_err().code(), Code::PermissionDenied);
    let hidden = v1::OpenCaseRequest { call: others[0].call.clone(), reason: "督办".into(), ..Default::default() };
    assert_eq!(reviewer.open_case(hidden).await.unwrap_err().code(), Code::NotFound);
    let by_hand = || v1::OpenCaseRequest { call: own[0].call.clone(), reason: "督办".into(), ..Default::default() };
    assert_eq!(reviewer.open_case(by_hand()).await.unwrap().into_inner().cause(), v1::CaseCause::Hand);
    let twice = reviewer.open_case(by_hand()).await.unwrap_err();
    assert_eq!(reason(&twice), (Code::AlreadyExists, "CASE_EXISTS".into()));

    // The agent of the call sees it, and can do one thing.
    let mut access = super::access(&channel, &secrets[0]);
    let agent_key = async |access: &mut super::AccessServiceClient<With>, agent: &str| {
        let order = v1::CreateKeyRequest {
            display_name: agent.into(),
            role: "agent".into(),
            agent_id: agent.into(),
            ..Default::default()
        };
        access.create_key(order).await.unwrap().into_inner().secret
    };
    secrets.push(agent_key(&mut access, &own[0].agent_id).await);
    secrets.push(agent_key(&mut access, &others[0].agent_id).await);
    let (mut agent, mut stranger) = (cases(&channel, &secrets[3]), cases(&channel, &secrets[4]));
    assert!(list(&mut agent).await.iter().all(|case| case.agent_id == own[0].agent_id));
    assert_eq!(verify(&mut agent, &own[0]).await.unwrap_err().code(), Code::PermissionDenied);
    let contest = |case: &v1::Case| v1::ContestRatingRequest {
        name: case.name.clone(),
        expected_version: case.version,
        reason: "来电人按错键".into(),
        actor: String::new(),
    };
    assert_eq!(stranger.contest_rating(contest(&own[0])).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(reviewer.contest_rating(contest(&own[0])).await.unwrap_err().code(), Code::PermissionDenied);
    let contested = agent.contest_rating(contest(&own[0])).await.unwrap().into_inner();
    assert_eq!(contested.state(), v1::CaseState::Contested);
    let waits = verify(&mut reviewer, &contested).await.unwrap_err();
    assert_eq!(reason(&waits), (Code::FailedPrecondition, "CASE_STATE".into()));
    let decide = || v1::DecideContestRequest {
        name: contested.name.clone(),
        expected_version: contested.version,
        upheld: true,
        reason: "录音中来电人致谢".into(),
        actor: String::new(),
    };
    for client in [&mut agent, &mut reviewer] {
        assert_eq!(client.decide_contest(decide()).await.unwrap_err().code(), Code::PermissionDenied);
    }
    let decided = admin.decide_contest(decide()).await.unwrap().into_inner();
    assert_eq!((decided.state(), decided.on_time), (v1::CaseState::Excluded, None));
    let request = v1::GetCaseCountsRequest { group_by: "cause".into(), ..Default::default() };
    let counts = viewer.get_case_counts(request).await.unwrap().into_inner();
    let rating = counts.groups.iter().find(|group| group.name == "rating").unwrap().figures.unwrap();
    assert_eq!((rating.opened_count, rating.contested_count, rating.excluded_count), (0, 1, 1));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_life_in_danger_has_a_case_as_soon_as_the_call_is_acknowledged_and_one_alone() {
    let (folder, secrets) = folder(&[whole("admin")]);
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    let mut record = qingting_pipeline::record::CallRecord::new("danger");
    record.started_at = Some(chrono::Utc::now().fixed_offset());
    record.turns = vec![
        qingting_pipeline::record::Turn::new(qingting_pipeline::record::Role::Agent, "您好，请讲。"),
        qingting_pipeline::record::Turn::new(
            qingting_pipeline::record::Role::Caller,
            "我不想活了，我就在楼顶上，我现在就跳下去。",
        ),
    ];
    let mut ingest =
        v1::ingest_service_client::IngestServiceClient::with_interceptor(channel.clone(), Bearer(secrets[0].clone()));
    // It comes twice, as it does when somebody tries again.
    for _ in 0..2 {
        let call = Some(qingting::server::convert::record_to_wire(record.clone()));
        let requests = tokio_stream::iter([v1::IngestCallsRequest { call }]);
        let mut answers = ingest.ingest_calls(requests).await.unwrap().into_inner();
        assert_eq!(answers.message().await.unwrap().unwrap().status.unwrap().code, 0);
    }
    let mut admin = cases(&channel, &secrets[0]);
    let opened = list(&mut admin).await;
    assert_eq!(opened.len(), 1, "{opened:?}");
    assert_eq!((opened[0].cause(), opened[0].call.as_str()), (v1::CaseCause::Crisis, "calls/danger"));
    let night = admin.open_cases_by_rules(v1::OpenCasesByRulesRequest::default()).await.unwrap().into_inner();
    assert!(!night.cases.is_empty(), "those of the ratings");
    let danger = list(&mut admin).await.into_iter().filter(|case| case.call == "calls/danger").count();
    assert_eq!(danger, 1);
    server.stop().await;
}
