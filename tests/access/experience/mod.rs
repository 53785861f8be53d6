//! Experience officers over a real server: tasks, races, scopes, what is joined to what.

mod command;
mod crash;

use qingting::access::{AccessConfig, KeyOrder};
use qingting::server::ServerConfig;
use qingting_proto::v1;
use qingting_proto::v1::case_service_client::CaseServiceClient;
use qingting_proto::v1::experience_service_client::ExperienceServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::{Bearer, Guarded, With, calls, folder_with, reason, whole};
use crate::patience::eventually;

type Client = ExperienceServiceClient<With>;

fn experience(channel: &Channel, bearer: &str) -> Client {
    ExperienceServiceClient::with_interceptor(channel.clone(), Bearer(bearer.to_owned()))
}

fn day(offset: i64) -> String {
    (chrono::Utc::now() + chrono::TimeDelta::days(offset)).date_naive().to_string()
}

fn enrolment(id: &str) -> v1::EnrolOfficerRequest {
    let attributes = [("occupation", "退休"), ("district", "近郊")];
    v1::EnrolOfficerRequest {
        officer_id: id.into(),
        particulars: Some(v1::OfficerParticulars {
            display_name: "老槐".into(),
            age: 66,
            employee: false,
            attributes: attributes.map(|(name, value)| (name.into(), value.into())).into(),
            since: day(-30),
        }),
        actor: String::new(),
    }
}

fn plan(id: &str, officer: &str) -> v1::PlanTaskRequest {
    v1::PlanTaskRequest {
        task_id: id.into(),
        theme: "夜里拨打热线".into(),
        mode: v1::ExperienceMode::Alone.into(),
        questions: vec![v1::ExperienceQuestion { id: "wait".into(), text: "等候是否合理".into() }],
        start_date: day(-3),
        due_date: day(20),
        officer: format!("officers/{officer}"),
        ..Default::default()
    }
}

async fn step(
    client: &mut Client,
    task: &v1::ExperienceTask,
    step: v1::ExperienceStep,
) -> Result<v1::ExperienceTask, Status> {
    let request = v1::TakeTaskStepRequest {
        name: task.name.clone(),
        expected_version: task.version,
        step: step.into(),
        passed: (step == v1::ExperienceStep::Check).then_some(true),
        note: "原因".into(),
        ..Default::default()
    };
    client.take_task_step(request).await.map(tonic::Response::into_inner)
}

fn submission(id: &str, task: &str) -> v1::SubmitExperienceReportRequest {
    v1::SubmitExperienceReportRequest {
        report_id: id.into(),
        task: if task.is_empty() {
            String::new()
        } else {
            format!("experienceTasks/{task}")
        },
        officer: "officers/o1".into(),
        experience_time: chrono::Utc::now().to_rfc3339(),
        way: "12345电话".into(),
        place: "近郊".into(),
        waiting_minutes: Some(30),
        answers: match task {
            "" => Vec::new(),
            _ => vec![v1::ExperienceAnswer {
                question: "wait".into(), rating: 1, remark: "停水两天没人接电话".into()
            }],
        },
        good: String::new(),
        problems: "停水的进度没人说得清，让我回拨13912345678自己问".into(),
        suggestion: "停水请先发短信".into(),
        evidence: vec![v1::ExperienceEvidence { call: "calls/demo-001".into(), ..Default::default() }],
        rating: 2,
        actor: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_ends_in_a_report_that_is_a_call_with_a_case() {
    let (folder, secrets) = folder_with(&[whole("reviewer"), whole("viewer")]);
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    let (mut office, mut other) = (experience(&channel, &secrets[0]), experience(&channel, &secrets[1]));
    let officer = office.enrol_officer(enrolment("o1")).await.unwrap().into_inner();
    assert_eq!((officer.version, officer.serving, officer.attributes["age_group"].as_str()), (1, true, "60+"));
    assert_eq!(office.enrol_officer(enrolment("o1")).await.unwrap().into_inner(), officer, "the same again");
    let mut changed = enrolment("o1");
    changed.particulars.as_mut().unwrap().display_name = "别人".into();
    let twice = office.enrol_officer(changed.clone()).await.unwrap_err();
    assert_eq!(reason(&twice), (Code::AlreadyExists, "EXPERIENCE_EXISTS".into()));
    let young = v1::OfficerParticulars { age: 12, ..enrolment("o2").particulars.unwrap() };
    let young = v1::EnrolOfficerRequest { particulars: Some(young), ..enrolment("o2") };
    let refused = office.enrol_officer(young).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::InvalidArgument, "INVALID_FIELD".into()));
    let stale = v1::UpdateOfficerRequest {
        name: officer.name.clone(),
        expected_version: 7,
        particulars: changed.particulars,
        actor: String::new(),
    };
    assert_eq!(reason(&office.update_officer(stale).await.unwrap_err()), (Code::Aborted, "VERSION_CONFLICT".into()));

    let task = office.plan_task(plan("t1", "o1")).await.unwrap().into_inner();
    assert_eq!(
        (task.state(), task.version, task.officer.as_str()),
        (v1::ExperienceTaskState::Assigned, 2, "officers/o1")
    );
    let early = step(&mut office, &task, v1::ExperienceStep::Start).await.unwrap_err();
    assert_eq!(reason(&early), (Code::FailedPrecondition, "EXPERIENCE_STATE".into()));
    // Two at once: one of them is too late.
    let mut second = office.clone();
    let (one, two) = tokio::join!(
        step(&mut office, &task, v1::ExperienceStep::Accept),
        step(&mut second, &task, v1::ExperienceStep::Decline)
    );
    let (mut task, lost) = match (one, two) {
        (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
        both => panic!("{both:?}"),
    };
    assert_eq!(reason(&lost), (Code::Aborted, "VERSION_CONFLICT".into()));
    if task.state() == v1::ExperienceTaskState::Declined {
        let assign = v1::TakeTaskStepRequest {
            name: task.name.clone(),
            expected_version: task.version,
            step: v1::ExperienceStep::Assign.into(),
            officer: "officers/o1".into(),
            ..Default::default()
        };
        task = office.take_task_step(assign).await.unwrap().into_inner();
        task = step(&mut office, &task, v1::ExperienceStep::Accept).await.unwrap();
    }
    step(&mut office, &task, v1::ExperienceStep::Start).await.unwrap();
    let handed = submission("r1", "t1");
    let report = office.submit_experience_report(handed.clone()).await.unwrap().into_inner();
    assert_eq!(office.submit_experience_report(handed.clone()).await.unwrap().into_inner().name, report.name);
    let other_text = v1::SubmitExperienceReportRequest { good: "别的".into(), ..handed };
    let exists = office.submit_experience_report(other_text).await.unwrap_err();
    assert_eq!(reason(&exists), (Code::AlreadyExists, "EXPERIENCE_EXISTS".into()));
    assert_eq!((report.rating, report.answers[0].remark.as_str()), (2, "停水两天没人接电话"));
    assert!(report.problems.contains("[电话]") && !report.problems.contains("139"), "{}", report.problems);
    assert_eq!(report.cases.len(), 1, "{report:?}");
    let get_task = v1::GetTaskRequest { name: task.name.clone() };
    let task = other.get_task(get_task).await.unwrap().into_inner();
    assert_eq!((task.state(), task.report.as_str()), (v1::ExperienceTaskState::Reported, report.name.as_str()));
    assert_eq!(task.history.len(), task.version as usize);

    let bearer = Bearer(secrets[0].clone());
    let mut cases = CaseServiceClient::with_interceptor(channel.clone(), bearer);
    let case = cases.get_case(v1::GetCaseRequest { name: report.cases[0].clone() }).await.unwrap().into_inner();
    assert_eq!((case.cause(), case.call.as_str()), (v1::CaseCause::Experience, report.call.as_str()));
    assert_eq!((case.experience_report.as_str(), case.agent_id.as_str()), (report.name.as_str(), ""));
    // Searchable like any call.
    let search =
        || v1::SearchCallsRequest {
            query: "停水".into(), filter: "channel:experience".into(), ..Default::default()
        };
    eventually("the report is found", async || {
        let found = calls(&channel, &secrets[0]).search_calls(search()).await.unwrap().into_inner().total_size;
        assert!(found <= 1, "{found}");
        (found == 1).then_some(())
    })
    .await;

    // A discussion and a poll.
    let open = v1::OpenDiscussionRequest { discussion_id: "d1".into(), title: "停水".into(), ..Default::default() };
    office.open_discussion(open).await.unwrap();
    let opinion = v1::SubmitOpinionRequest {
        opinion_id: "p1".into(),
        discussion: "discussions/d1".into(),
        officer: "officers/o1".into(),
        text: "最想知道几点来水。\n有个大概也行。".into(),
        ..Default::default()
    };
    assert_eq!(office.submit_opinion(opinion).await.unwrap().into_inner().call, "calls/experience-opinion-p1");
    let discussion = v1::GetDiscussionRequest { name: "discussions/d1".into() };
    assert_eq!(other.get_discussion(discussion).await.unwrap().into_inner().opinions.len(), 1);
    let poll = v1::OpenPollRequest {
        poll_id: "v1".into(),
        question: "怎么通知".into(),
        options: vec!["短信".into(), "张贴".into()],
        secret: true,
        close_time: (chrono::Utc::now() + chrono::TimeDelta::days(3)).to_rfc3339(),
        ..Default::default()
    };
    office.open_poll(poll).await.unwrap();
    let vote = |choices: Vec<i32>| v1::CastVoteRequest {
        name: "polls/v1".into(),
        officer: "officers/o1".into(),
        choices,
        actor: String::new(),
    };
    // Two different votes at once: one of them counts.
    let (one, two) = tokio::join!(office.cast_vote(vote(vec![1])), second.cast_vote(vote(vec![2])));
    assert!(one.is_ok() != two.is_ok());
    let results = other
        .get_poll_results(v1::GetPollResultsRequest { name: "polls/v1".into() })
        .await
        .unwrap()
        .into_inner();
    assert_eq!((results.participation, results.answers.len(), results.groups.len()), (Some(1.0), 0, 0));
    // A viewer sees what is reported, and not who the officers are.
    assert_eq!(
        other.list_officers(v1::ListOfficersRequest::default()).await.unwrap_err().code(),
        Code::PermissionDenied
    );
    let rows = other
        .get_roster_structure(v1::GetRosterStructureRequest::default())
        .await
        .unwrap()
        .into_inner()
        .rows;
    assert_eq!((rows[0].have_count, rows[0].missing_count), (1, 19));
    let far = v1::ListDueExperienceRequest { at_time: (chrono::Utc::now() + chrono::TimeDelta::days(60)).to_rfc3339() };
    let due = other.list_due_experience(far).await.unwrap().into_inner().reminders;
    assert_eq!((due[0].due.as_str(), due[0].overdue), ("check", true), "{due:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sees_a_part_of_the_calls_sees_nothing_of_the_programme() {
    let teams = ["一组".to_owned()];
    let of_team = |role| KeyOrder { teams: &teams, all_teams: false, ..whole(role) };
    let (folder, secrets) = folder_with(&[whole("admin"), of_team("reviewer"), of_team("viewer"), whole("agent")]);
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    let mut office = experience(&channel, &secrets[0]);
    office.enrol_officer(enrolment("o1")).await.unwrap();
    office.submit_experience_report(submission("r1", "")).await.unwrap();
    for secret in &secrets[1..] {
        let mut client = experience(&channel, secret);
        let listed = client.list_experience_reports(v1::ListExperienceReportsRequest::default()).await.unwrap_err();
        assert_eq!(listed.code(), Code::PermissionDenied);
        assert_eq!(client.enrol_officer(enrolment("o9")).await.unwrap_err().code(), Code::PermissionDenied);
        let name = "calls/experience-report-r1".to_owned();
        let hidden = calls(&channel, secret).get_call(v1::GetCallRequest { name, ..Default::default() }).await;
        assert_eq!(hidden.unwrap_err().code(), Code::NotFound);
    }
    server.stop().await;
}
