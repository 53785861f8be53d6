//! Reviews as several people work on them over a real server: queue, appeal, judgement, scopes, calibration, export, and
//! what a crash leaves.

pub(super) mod crash;

use std::collections::BTreeMap;

use qingting::access::{AccessConfig, KeyOrder};
use qingting::server::ServerConfig;
use qingting::training::Data;
use qingting_proto::v1;
use qingting_proto::v1::review_service_client::ReviewServiceClient;
use tonic::Code;
use tonic::transport::Channel;
use tonic_types::StatusExt;

use super::cases::cases;
use super::reports::{days, exported_of, reports};
use super::{Bearer, Guarded, With, calls, folder_with, reason, whole};

fn reviews(channel: &Channel, bearer: &str) -> ReviewServiceClient<With> {
    ReviewServiceClient::with_interceptor(channel.clone(), Bearer(bearer.to_owned()))
}

/// One of each: an administrator, two reviewers of everything, one of a team, a viewer, two agents.
struct People {
    admin: String,
    first: String,
    second: String,
    of_team: String,
    viewer: String,
    agent: String,
    other_agent: String,
}

fn folder() -> (tempfile::TempDir, People) {
    let teams = ["一组".to_owned()];
    let of_team = KeyOrder { teams: &teams, all_teams: false, ..whole("reviewer") };
    let agent = |agent| KeyOrder { agent, ..whole("agent") };
    let orders = [
        whole("admin"),
        whole("reviewer"),
        whole("reviewer"),
        of_team,
        whole("viewer"),
        agent("A04"),
        agent("A01"),
    ];
    let (folder, secrets) = folder_with(&orders);
    let [admin, first, second, of_team, viewer, agent, other_agent]: [String; 7] = secrets.try_into().unwrap();
    (folder, People { admin, first, second, of_team, viewer, agent, other_agent })
}

fn label(code: &str, turn: Option<i32>) -> v1::FindingLabel {
    v1::FindingLabel { code: code.into(), turn }
}

fn verdict(kind: v1::VerdictKind, finding: v1::FindingLabel, reason: &str) -> v1::VerdictInput {
    v1::VerdictInput { kind: kind.into(), finding: Some(finding), correct: None, reason: reason.into() }
}

/// Agreement with everything that the machine says of a call.
async fn agreeing(channel: &Channel, bearer: &str, call: &str) -> Vec<v1::VerdictInput> {
    let request = v1::GetCallRequest { name: call.into(), ..Default::default() };
    let analysis = calls(channel, bearer).get_call(request).await.unwrap().into_inner().analysis.unwrap();
    let found = analysis.findings.into_iter().chain(analysis.uncertain);
    let distinct: BTreeMap<_, _> = found.map(|f| ((f.code.clone(), f.turn), label(&f.code, f.turn))).collect();
    distinct.into_values().map(|finding| verdict(v1::VerdictKind::Agree, finding, "")).collect()
}

async fn plan(client: &mut ReviewServiceClient<With>, method: v1::SamplingMethod, filter: &str, size: i32) -> String {
    let request = v1::CreatePlanRequest {
        display_name: "三月抽检".into(),
        method: method.into(),
        filter: filter.into(),
        sample_size: size,
        seed: 7,
    };
    client.create_plan(request).await.unwrap().into_inner().name
}

async fn drawn(client: &mut ReviewServiceClient<With>, plan: &str) -> Vec<String> {
    client.draw_sample(v1::DrawSampleRequest { plan: plan.into() }).await.unwrap().into_inner().calls
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_from_the_draw_to_the_final_judgement() {
    let (folder, people) = folder();
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    let client = |bearer: &str| reviews(&channel, bearer);
    let (mut first, mut second) = (client(&people.first), client(&people.second));
    let (mut agent, mut admin) = (client(&people.agent), client(&people.admin));

    // The draw: the two calls of A04, once.
    let plan = plan(&mut first, v1::SamplingMethod::Random, "agent:A04", 5).await;
    let mut calls = drawn(&mut first, &plan).await;
    calls.sort();
    assert_eq!(calls, ["calls/demo-004", "calls/demo-010"]);
    assert!(drawn(&mut second, &plan).await.is_empty(), "none twice");
    let plans = client(&people.viewer).list_plans(v1::ListPlansRequest {}).await.unwrap().into_inner().plans;
    assert_eq!((plans[0].drawn_count, plans[0].open_count), (2, 2));
    assert_eq!(agent.list_plans(v1::ListPlansRequest {}).await.unwrap_err().code(), Code::PermissionDenied);

    // The queue: two reviewers never have the same call.
    let next = v1::NextReviewRequest::default;
    let item = first.next_review(next()).await.unwrap().into_inner().item.unwrap();
    let other = second.next_review(next()).await.unwrap().into_inner().item.unwrap();
    assert_ne!(item.call, other.call);
    assert_eq!(
        first.next_review(next()).await.unwrap().into_inner().item.unwrap().call,
        item.call,
        "the own one again"
    );
    assert!(admin.next_review(next()).await.unwrap().into_inner().item.is_none());
    assert!(
        client(&people.of_team).next_review(next()).await.unwrap().into_inner().item.is_none(),
        "not of its team"
    );
    let queue = client(&people.viewer).list_queue(v1::ListQueueRequest::default()).await.unwrap().into_inner().items;
    assert!(queue.len() == 2 && queue.iter().all(|item| item.leased_to.is_some()));

    // The review.
    let call = item.call;
    let agreeing = agreeing(&channel, &people.first, &call).await;
    let submit = |verdicts: Vec<v1::VerdictInput>| v1::SubmitReviewRequest {
        call: call.clone(),
        verdicts,
        note: "整体尚可".into(),
    };
    let leased = second.submit_review(submit(agreeing.clone())).await.unwrap_err();
    assert_eq!(reason(&leased), (Code::Aborted, "LEASED".into()));
    assert!(!agreeing.is_empty(), "the demo's calls of A04 have findings");
    let missing = first.submit_review(submit(agreeing[1..].to_vec())).await.unwrap_err();
    assert_eq!(missing.get_error_details().bad_request().unwrap().field_violations[0].field, "verdicts");
    let mut verdicts = agreeing.clone();
    verdicts[0].kind = v1::VerdictKind::Overrule.into();
    verdicts[0].reason = "复听后不成立".into();
    let review = first.submit_review(submit(verdicts)).await.unwrap().into_inner();
    let overruled = review.verdicts.iter().find(|verdict| verdict.correct.is_none()).unwrap();
    assert!(overruled.machine.as_ref().unwrap().confidence > 0.0 && overruled.reason == "复听后不成立");
    assert!(!review.provenance.as_ref().unwrap().rules_version.is_empty());

    // Who sees it.
    let get = || v1::GetReviewsRequest { call: call.clone() };
    for bearer in [&people.agent, &people.viewer, &people.second] {
        let seen = client(bearer).get_reviews(get()).await.unwrap().into_inner();
        assert_eq!((seen.reviews.len(), seen.source()), (1, v1::VerdictSource::Review));
        assert_eq!(seen.reviews[0], review);
    }
    for bearer in [&people.other_agent, &people.of_team] {
        let mut outside = client(bearer);
        assert_eq!(outside.get_reviews(get()).await.unwrap_err().code(), Code::NotFound);
        assert!(
            outside
                .list_reviews(v1::ListReviewsRequest::default())
                .await
                .unwrap()
                .into_inner()
                .reviews
                .is_empty()
        );
    }

    // The appeal.
    let lodge = || v1::LodgeAppealRequest { call: call.clone(), text: "我有说明原因".into() };
    assert_eq!(client(&people.other_agent).lodge_appeal(lodge()).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(first.lodge_appeal(lodge()).await.unwrap_err().code(), Code::PermissionDenied);
    let appeal = agent.lodge_appeal(lodge()).await.unwrap().into_inner();
    assert_eq!((appeal.stage(), appeal.review.as_str()), (v1::AppealStage::Open, review.name.as_str()));
    let twice = agent.lodge_appeal(lodge()).await.unwrap_err();
    assert_eq!(reason(&twice), (Code::FailedPrecondition, "REVIEW_STATE".into()));
    let decide = || v1::DecideAppealRequest {
        appeal: appeal.name.clone(),
        reason: "录音里没有说明".into(),
        ..Default::default()
    };
    let own = first.decide_appeal(decide()).await.unwrap_err();
    assert_eq!(reason(&own), (Code::PermissionDenied, "OWN_DECISION".into()));
    assert_eq!(client(&people.of_team).decide_appeal(decide()).await.unwrap_err().code(), Code::NotFound);
    let judge = |granted: bool, verdicts: Vec<v1::VerdictInput>| v1::JudgeAppealRequest {
        appeal: appeal.name.clone(),
        granted,
        verdicts,
        reason: "终审".into(),
    };
    let early = admin.judge_appeal(judge(false, Vec::new())).await.unwrap_err();
    assert_eq!(reason(&early), (Code::FailedPrecondition, "REVIEW_STATE".into()), "no step is skipped");
    let decided = second.decide_appeal(decide()).await.unwrap().into_inner();
    assert_eq!(decided.stage(), v1::AppealStage::Decided);
    let contest = v1::ContestDecisionRequest { appeal: appeal.name.clone(), text: "请终审".into() };
    assert_eq!(agent.contest_decision(contest).await.unwrap().into_inner().stage(), v1::AppealStage::Contested);
    assert_eq!(second.judge_appeal(judge(false, Vec::new())).await.unwrap_err().code(), Code::PermissionDenied);
    let mut right = agreeing.clone();
    right.push(verdict(v1::VerdictKind::Add, label("overpromise", Some(0)), "首句承诺了时限"));
    let judged = admin.judge_appeal(judge(true, right)).await.unwrap().into_inner();
    assert!(judged.stage() == v1::AppealStage::Judged && judged.judgement.unwrap().granted);
    let over = first.submit_review(submit(agreeing.clone())).await.unwrap_err();
    assert_eq!(reason(&over), (Code::FailedPrecondition, "REVIEW_STATE".into()), "it is final");
    let final_state = agent.get_reviews(get()).await.unwrap().into_inner();
    assert_eq!(final_state.source(), v1::VerdictSource::Judgement);
    assert!(final_state.standing.contains(&label("overpromise", Some(0))));

    for (bearer, count) in [
        (&people.agent, 1),
        (&people.viewer, 1),
        (&people.other_agent, 0),
        (&people.of_team, 0),
    ] {
        let listed = v1::ListAppealsRequest { stage: v1::AppealStage::Judged.into(), ..Default::default() };
        assert_eq!(client(bearer).list_appeals(listed).await.unwrap().into_inner().appeals.len(), count);
        let open = v1::ListAppealsRequest { stage: v1::AppealStage::Open.into(), ..Default::default() };
        assert!(client(bearer).list_appeals(open).await.unwrap().into_inner().appeals.is_empty());
    }

    // Agreement, and training data out of what stands.
    let agreement = first.get_agreement(v1::GetAgreementRequest::default()).await.unwrap().into_inner().codes;
    let counted = |count: fn(&v1::CodeAgreement) -> i64| agreement.iter().map(count).sum::<i64>();
    assert!(counted(|code| code.decided_count) > counted(|code| code.agreed_count), "{agreement:?}");
    let narrow = client(&people.of_team).get_agreement(v1::GetAgreementRequest::default()).await.unwrap();
    assert!(narrow.into_inner().codes.is_empty());
    let exported = lines(&mut first).await;
    assert!(lines(&mut client(&people.of_team)).await.is_empty());
    let out = tempfile::tempdir().unwrap();
    std::fs::create_dir(out.path().join("calls")).unwrap();
    std::fs::write(out.path().join("calls/reviews.jsonl"), exported.join("\n") + "\n").unwrap();
    let data = Data::read(out.path()).unwrap();
    assert_eq!(data.samples.len(), 1);
    assert_eq!(format!("calls/{}", data.samples[0].record.call_id), call);
    assert!(data.samples[0].labels.turns[0].codes.contains(&"overpromise".to_owned()));
    server.stop().await;

    // And after a restart.
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let again = reviews(&server.channel().await, &people.agent).get_reviews(get()).await.unwrap().into_inner();
    assert_eq!(again, final_state);
    server.stop().await;
}

async fn lines(client: &mut ReviewServiceClient<With>) -> Vec<String> {
    let mut stream = client.export_reviews(v1::ExportReviewsRequest::default()).await.unwrap().into_inner();
    let mut lines = Vec::new();
    while let Some(line) = stream.message().await.unwrap() {
        lines.push(line.json);
    }
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draws_keep_to_filter_scope_and_method() {
    let (folder, people) = folder();
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    let (mut first, mut of_team) = (reviews(&channel, &people.first), reviews(&channel, &people.of_team));
    // 一组 has the agents A01, A02, A09 and A10 with two, three, two and two calls.
    let by_agent = plan(&mut first, v1::SamplingMethod::ByAgent, "team:一组", 4).await;
    let calls = drawn(&mut first, &by_agent).await;
    let queue = first.list_queue(v1::ListQueueRequest::default()).await.unwrap().into_inner().items;
    let agents: std::collections::BTreeSet<_> = queue.into_iter().map(|item| item.agent_id).collect();
    assert_eq!(calls.len(), 4);
    assert_eq!(agents.into_iter().collect::<Vec<_>>(), ["A01", "A02", "A09", "A10"]);

    // A plan for everything draws, for somebody with a team, calls of the team alone.
    let unsure = plan(&mut first, v1::SamplingMethod::ByUncertainty, "", 1000).await;
    let own = drawn(&mut of_team, &unsure).await;
    assert_eq!(own.len(), 9);
    let rest = drawn(&mut first, &unsure).await;
    assert!(rest.len() == 25 && rest.iter().all(|call| !own.contains(call)), "{rest:?}");
    let page = |page_token: String| v1::ListQueueRequest { plan: unsure.clone(), page_size: 5, page_token };
    let one = of_team.list_queue(page(String::new())).await.unwrap().into_inner();
    let two = of_team.list_queue(page(one.next_page_token)).await.unwrap().into_inner();
    let listed: Vec<String> = one.items.into_iter().chain(two.items).map(|item| item.call).collect();
    assert_eq!((listed.len(), two.next_page_token.as_str()), (9, ""));
    assert!(listed.iter().all(|call| own.contains(call)));

    // However many ask at once, each gets a call of their own; and of two reviews of one call at once the lease decides.
    let (mut second, mut admin) = (reviews(&channel, &people.second), reviews(&channel, &people.admin));
    let next = v1::NextReviewRequest::default;
    let (a, b, c) = tokio::join!(first.next_review(next()), second.next_review(next()), admin.next_review(next()));
    let leased = [a, b, c].map(|answer| answer.unwrap().into_inner().item.unwrap().call);
    assert_eq!(leased.iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "{leased:?}");
    let verdicts = agreeing(&channel, &people.first, &leased[0]).await;
    let submit =
        || v1::SubmitReviewRequest { call: leased[0].clone(), verdicts: verdicts.clone(), ..Default::default() };
    let (own, other) = tokio::join!(first.submit_review(submit()), second.submit_review(submit()));
    assert!(own.is_ok());
    // Behind the review the lease is over: whoever comes later adds a review of their own.
    assert!(other.is_ok() || reason(&other.unwrap_err()) == (Code::Aborted, "LEASED".into()));
    // The call was drawn by two plans; the review answers both.
    let open = first.list_queue(v1::ListQueueRequest { page_size: 200, ..Default::default() }).await.unwrap();
    assert!(open.into_inner().items.iter().all(|item| item.call != leased[0]));

    let wrong = v1::CreatePlanRequest { display_name: "x".into(), sample_size: 1001, method: 1, ..Default::default() };
    assert_eq!(first.create_plan(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    let unknown = v1::DrawSampleRequest { plan: "reviewPlans/99".into() };
    assert_eq!(first.draw_sample(unknown).await.unwrap_err().code(), Code::NotFound);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sees_an_answer_before_a_calibration_is_closed() {
    let (folder, people) = folder();
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    let (mut first, mut second) = (reviews(&channel, &people.first), reviews(&channel, &people.second));
    let mut of_team = reviews(&channel, &people.of_team);
    let create = |codes: &[&str]| v1::CreateCalibrationRequest {
        display_name: "三月校准".into(),
        calls: vec!["calls/demo-001".into(), "calls/demo-004".into()],
        codes: codes.iter().map(|code| (*code).to_owned()).collect(),
    };
    assert_eq!(first.create_calibration(create(&["dancing"])).await.unwrap_err().code(), Code::InvalidArgument);
    let hidden = of_team.create_calibration(create(&["impatience"])).await.unwrap_err();
    assert_eq!(hidden.code(), Code::NotFound, "demo-004 is not of the team");
    let name = first.create_calibration(create(&["impatience", "no_recap"])).await.unwrap().into_inner().name;
    let answer = |call: &str, labels: Vec<v1::FindingLabel>| v1::SubmitCalibrationRequest {
        calibration: name.clone(),
        call: format!("calls/{call}"),
        labels,
        note: String::new(),
    };
    let there = || vec![label("no_recap", None)];
    let left = first.submit_calibration(answer("demo-001", there())).await.unwrap().into_inner();
    assert_eq!(left.remaining_count, 1);
    first.submit_calibration(answer("demo-004", there())).await.unwrap();
    let twice = first.submit_calibration(answer("demo-004", Vec::new())).await.unwrap_err();
    assert_eq!(reason(&twice), (Code::FailedPrecondition, "REVIEW_STATE".into()));
    second.submit_calibration(answer("demo-001", Vec::new())).await.unwrap();

    let get = || v1::GetCalibrationRequest { name: name.clone() };
    let open = second.get_calibration(get()).await.unwrap().into_inner();
    assert!(open.kappas.is_empty() && open.close_time.is_empty() && open.calls.len() == 2);
    let own: Vec<usize> = open.calls.iter().map(|call| call.answers.len()).collect();
    assert_eq!(own, [1, 0], "the own answer and no other");
    assert!(
        open.calls
            .iter()
            .all(|call| call.machine.is_empty() && !call.record.as_ref().unwrap().turns.is_empty())
    );
    let seen = of_team.get_calibration(get()).await.unwrap().into_inner();
    assert_eq!(seen.calls.iter().map(|call| call.call.as_str()).collect::<Vec<_>>(), ["calls/demo-001"]);
    assert_eq!(of_team.submit_calibration(answer("demo-004", there())).await.unwrap_err().code(), Code::NotFound);
    // What was or is decided on its calls is not shown meanwhile.
    let blind = second.get_reviews(v1::GetReviewsRequest { call: "calls/demo-001".into() }).await.unwrap_err();
    assert_eq!(reason(&blind), (Code::FailedPrecondition, "BLIND".into()));
    let request = v1::GetCallRequest { name: "calls/demo-001".into(), ..Default::default() };
    let blinded = calls(&channel, &people.second).get_call(request.clone()).await.unwrap().into_inner();
    let analysis = blinded.analysis.unwrap();
    assert!(analysis.findings.is_empty() && analysis.uncertain.is_empty() && analysis.score.is_none());
    // Nor do figures and exports tell them.
    let (demo, table) = (days("2026-11-23", "2026-11-27"), v1::ExportTable::Findings);
    let mut figures = reports(&channel, &people.second);
    let all = exported_of(&mut reports(&channel, &people.admin), table, demo.clone()).await;
    assert!(all.contains("demo-001") && all.contains("demo-004"));
    let told = exported_of(&mut figures, table, demo.clone()).await;
    assert_eq!(all.difference(&told).collect::<Vec<_>>(), ["demo-001", "demo-004"]);
    let shown = calls(&channel, &people.admin).get_call(request.clone()).await.unwrap().into_inner();
    assert!(shown.analysis.unwrap().score.is_some(), "who does not calibrate sees it as ever");
    // Nor does a case, by being there: demo-004 has one for its fault and one for its rating.
    let mut all_cases = cases(&channel, &people.admin);
    let since = v1::OpenCasesByRulesRequest { since: "2026-11-23".into() };
    all_cases.open_cases_by_rules(since).await.unwrap();
    let mut own_cases = cases(&channel, &people.second);
    let of_call = || v1::ListCasesRequest { call: "calls/demo-004".into(), ..Default::default() };
    let both = all_cases.list_cases(of_call()).await.unwrap().into_inner().cases;
    let seen = own_cases.list_cases(of_call()).await.unwrap().into_inner().cases;
    let causes = |cases: &[v1::Case]| cases.iter().map(v1::Case::cause).collect::<Vec<_>>();
    assert_eq!(causes(&both), [v1::CaseCause::Rating, v1::CaseCause::Finding]);
    assert_eq!(causes(&seen), [v1::CaseCause::Rating]);
    let fault = both.iter().find(|case| case.cause() == v1::CaseCause::Finding).unwrap();
    let get_fault = || v1::GetCaseRequest { name: fault.name.clone() };
    assert_eq!(own_cases.get_case(get_fault()).await.unwrap_err().code(), Code::NotFound);

    let close = || v1::CloseCalibrationRequest { name: name.clone() };
    assert_eq!(second.close_calibration(close()).await.unwrap_err().code(), Code::PermissionDenied);
    let closed = first.close_calibration(close()).await.unwrap().into_inner();
    assert_eq!(closed.calls.iter().map(|call| call.answers.len()).collect::<Vec<_>>(), [2, 1]);
    // For each of two codes: the pair, and each of the two against the others and the machine.
    assert_eq!(closed.kappas.len(), 2 * (1 + 2 + 2));
    let pair = |code: &str| closed.kappas.iter().find(|kappa| kappa.code == code && kappa.other.starts_with("key:"));
    let recap = pair("no_recap").unwrap();
    assert_eq!((recap.decisions, recap.observed, recap.too_few), (1, 0.0, true));
    assert_eq!(pair("impatience").unwrap().kappa, None, "both only ever say no");
    assert_eq!(
        second.submit_calibration(answer("demo-004", there())).await.unwrap_err().code(),
        Code::FailedPrecondition
    );
    let seen = calls(&channel, &people.second).get_call(request).await.unwrap().into_inner();
    assert!(seen.analysis.unwrap().score.is_some());
    assert_eq!(own_cases.get_case(get_fault()).await.unwrap().into_inner().codes, fault.codes);
    assert_eq!(exported_of(&mut figures, table, demo).await, all);
    let listed = of_team.list_calibrations(v1::ListCalibrationsRequest {}).await.unwrap().into_inner().calibrations;
    assert_eq!(listed.len(), 1);
    server.stop().await;
}
