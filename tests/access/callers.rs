//! Who sees the history of a caller and lists of callers, and what the audit trail says of it.

use arrow_ipc::reader::StreamReader;
use chrono::{Duration, Utc};
use qingting::access::{AccessConfig, KeyOrder};
use qingting::server::ServerConfig;
use qingting_index::Erase;
use qingting_pipeline::Analyzed;
use qingting_pipeline::record::{Agent, CallRecord, Caller, Role, Turn};
use qingting_proto::v1;
use qingting_proto::v1::caller_service_client::CallerServiceClient;
use qingting_proto::v1::journey_service_client::JourneyServiceClient;
use tonic::Code;
use tonic::transport::Channel;

use super::reports::days;
use super::{Bearer, Guarded, With, access, folder_of, reason, whole, writer};
use crate::grpc::pipeline;

const NUMBER: &str = "13812345678";

fn callers(channel: &Channel, bearer: &str) -> CallerServiceClient<With> {
    CallerServiceClient::with_interceptor(channel.clone(), Bearer(bearer.to_owned()))
}

fn journeys(channel: &Channel, bearer: &str) -> JourneyServiceClient<With> {
    JourneyServiceClient::with_interceptor(channel.clone(), Bearer(bearer.to_owned()))
}

/// A call of a caller with an agent of a team, so many days ago.
fn call(id: &str, number: &str, (agent, team): (&str, &str), ago: i64, says: &str) -> Analyzed {
    let record = CallRecord {
        started_at: Some((Utc::now() - Duration::days(ago)).fixed_offset()),
        region: Some("东城".into()),
        answered: Some(true),
        caller: Some(Caller { id: None, number: Some(number.into()) }),
        agent: Some(Agent {
            id: agent.into(), name: Some("李明".into()), team: Some(team.into()), site: None
        }),
        turns: vec![
            Turn::timed(Role::Agent, 0, 2000, "您好，市民热线，请讲。"),
            Turn::timed(Role::Caller, 2000, 6000, says),
            Turn::timed(Role::Agent, 6000, 9000, "我马上登记工单，三个工作日内给您回电。"),
            Turn::timed(Role::Caller, 9000, 10_000, "好的，谢谢。"),
        ],
        ..CallRecord::new(id)
    };
    pipeline().analyze(&record)
}

fn calls() -> Vec<Analyzed> {
    let (one, two) = (("A01", "一组"), ("B01", "二组"));
    vec![
        call("a", NUMBER, one, 20, "小区暖气不热，家里老人受不了。"),
        call("b", NUMBER, two, 10, "暖气还是不热，上次说的没有人管。"),
        call("c", "13900000001", two, 9, "暖气不热，请你们管一管。"),
        call("d", "13900000002", one, 8, "我不想活了，活着没意思，暖气也不热。"),
        call("e", "13900000003", one, 7, "路灯不亮。"),
    ]
}

fn period() -> Option<v1::CallSelection> {
    let day = |ago: i64| (Utc::now() - Duration::days(ago)).date_naive().to_string();
    days(&day(30), &day(0))
}

fn list() -> v1::ListAffectedCallersRequest {
    v1::ListAffectedCallersRequest {
        query: "暖气".into(),
        selection: period(),
        purpose: "供暖时间调整，逐一告知".into(),
        ..Default::default()
    }
}

async fn trail(channel: &Channel, admin: &str) -> Vec<v1::AuditEntry> {
    let request = v1::ListAuditEntriesRequest { page_size: 50, page_token: String::new() };
    access(channel, admin).list_audit_entries(request).await.unwrap().into_inner().entries
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_shows_what_one_may_see_and_every_look_is_written_down() {
    let teams = ["一组".to_owned()];
    let orders = [
        whole("admin"),
        KeyOrder { teams: &teams, all_teams: false, ..whole("viewer") },
        whole("agent"),
    ];
    let (folder, secrets) = folder_of(calls(), &orders);
    let ask = |caller: &str| v1::GetCallerCardRequest { caller: caller.into(), days: 0 };
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;

    let card = callers(&channel, &secrets[0]).get_caller_card(ask("138 1234 5678")).await.unwrap().into_inner();
    let ids: Vec<&str> = card.contacts.iter().map(|contact| contact.call.as_str()).collect();
    assert_eq!(ids, ["calls/b", "calls/a"]);
    assert!(card.headline.starts_with("180 天内来电 2 次") && card.lines.len() <= 5, "{card:?}");
    assert!(!format!("{card:?}").contains(NUMBER));
    let again = callers(&channel, &secrets[0]).get_caller_card(ask(&card.pseudonyms[0])).await.unwrap().into_inner();
    assert_eq!((again.contacts.len(), &again.pseudonyms), (2, &card.pseudonyms));
    let danger = callers(&channel, &secrets[0]).get_caller_card(ask("13900000002")).await.unwrap().into_inner();
    assert!(danger.crisis && danger.headline.starts_with("【曾有危机情形】"), "{}", danger.headline);

    let own = callers(&channel, &secrets[1]).get_caller_card(ask(NUMBER)).await.unwrap().into_inner();
    assert_eq!(own.contacts.len(), 1, "a team sees its own calls alone");
    assert_eq!(own.contacts[0].call, "calls/a");
    let agent = callers(&channel, &secrets[2]).get_caller_card(ask(NUMBER)).await.unwrap_err();
    assert_eq!(reason(&agent), (Code::PermissionDenied, "ROLE".into()));

    let entries = trail(&channel, &secrets[0]).await;
    let looks: Vec<_> = entries.iter().filter(|entry| entry.action == "caller card shown").collect();
    assert_eq!(looks.len(), 4);
    assert!(looks.iter().all(|entry| entry.subject.starts_with("caller ") && !entry.subject.contains("1234")));
    assert_eq!(looks[0].subject, format!("caller {}", card.pseudonyms[0]));
    for wrong in [
        ask(""),
        ask(&"1".repeat(201)),
        v1::GetCallerCardRequest { days: -1, ..ask(NUMBER) },
    ] {
        assert_eq!(
            callers(&channel, &secrets[0]).get_caller_card(wrong).await.unwrap_err().code(),
            Code::InvalidArgument
        );
    }
    server.stop().await;

    // Where the settings grant it, an agent sees what colleagues did, and not who they are.
    let granted = AccessConfig { agents_see_cards: true, ..AccessConfig::default() };
    let server = Guarded::start(folder.path(), ServerConfig::default(), granted).await;
    let channel = server.channel().await;
    let card = callers(&channel, &secrets[2]).get_caller_card(ask(NUMBER)).await.unwrap().into_inner();
    assert_eq!(card.contacts.len(), 2);
    assert!(!format!("{card:?}").contains("B01") && !format!("{card:?}").contains("李明"));
    let refused = callers(&channel, &secrets[2]).list_affected_callers(list()).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::PermissionDenied, "ROLE".into()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_has_a_purpose_nobody_in_danger_and_numbers_for_those_alone_who_may_unmask() {
    let teams = ["二组".to_owned()];
    let orders = [
        whole("admin"),
        KeyOrder { teams: &teams, all_teams: false, ..whole("viewer") },
        KeyOrder { unmask: true, ..whole("reviewer") },
    ];
    let (folder, secrets) = folder_of(calls(), &orders);
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    let mut admin = callers(&channel, &secrets[0]);

    let all = admin.list_affected_callers(list()).await.unwrap().into_inner();
    assert_eq!((all.call_count, all.total_size, all.excluded_count, all.unknown_caller_count), (4, 2, 1, 0));
    let rows: Vec<_> = all.callers.iter().map(|row| (row.last_call.as_str(), row.call_count)).collect();
    assert_eq!(rows, [("calls/c", 1), ("calls/b", 2)]);
    assert_eq!((all.callers[1].region.as_str(), all.callers[1].number.as_str()), ("东城", ""));
    let own = callers(&channel, &secrets[1]).list_affected_callers(list()).await.unwrap().into_inner();
    assert_eq!((own.call_count, own.callers[1].call_count), (2, 1), "{own:?}");

    let numbers = || v1::ListAffectedCallersRequest { include_numbers: true, ..list() };
    let refused = admin.list_affected_callers(numbers()).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::PermissionDenied, "ROLE".into()));
    let arrow = v1::ListAffectedCallersRequest { format: v1::CallerListFormat::Arrow.into(), ..numbers() };
    let shown = callers(&channel, &secrets[2]).list_affected_callers(arrow).await.unwrap().into_inner();
    assert!(shown.callers.is_empty());
    let batch = StreamReader::try_new(shown.data.as_slice(), None).unwrap().next().unwrap().unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (2, 8));
    let csv = v1::ListAffectedCallersRequest { format: v1::CallerListFormat::Csv.into(), ..numbers() };
    let csv = callers(&channel, &secrets[2]).list_affected_callers(csv).await.unwrap().into_inner();
    assert!(String::from_utf8(csv.data).unwrap().contains(NUMBER));

    let entries = trail(&channel, &secrets[0]).await;
    let of = |action: &str| entries.iter().filter(|entry| entry.action == action).collect::<Vec<_>>();
    assert_eq!((of("affected callers listed").len(), of("call unmasked").len()), (4, 4));
    assert_eq!(of("affected callers listed")[3].subject, "暖气");
    assert!(
        of("affected callers listed")[3]
            .detail
            .starts_with("供暖时间调整，逐一告知 (2 callers, without numbers")
    );

    // A number that somebody searches for is not in the trail; a purpose is asked for, and something to look for.
    let searched = v1::ListAffectedCallersRequest { query: NUMBER.into(), ..list() };
    admin.list_affected_callers(searched).await.unwrap();
    assert!(!format!("{:?}", trail(&channel, &secrets[0]).await).contains(NUMBER));
    for wrong in [
        v1::ListAffectedCallersRequest { purpose: "  ".into(), ..list() },
        v1::ListAffectedCallersRequest { query: String::new(), ..list() },
        v1::ListAffectedCallersRequest { items: vec!["幸福路".into()], ..list() },
        v1::ListAffectedCallersRequest { format: 9, ..list() },
        v1::ListAffectedCallersRequest { filter: "nothing:1".into(), ..list() },
    ] {
        assert_eq!(admin.list_affected_callers(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    }
    server.stop().await;

    // Whoever was erased is on no list.
    let data = writer(folder.path());
    data.erase(Erase::Caller(NUMBER), "甲").unwrap();
    data.close().unwrap();
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    let left = callers(&channel, &secrets[0]).list_affected_callers(list()).await.unwrap().into_inner();
    assert_eq!(left.callers.iter().map(|row| row.last_call.as_str()).collect::<Vec<_>>(), ["calls/c"]);
    let request = v1::GetCallerCardRequest { caller: NUMBER.into(), days: 0 };
    let card = callers(&channel, &secrets[0]).get_caller_card(request).await.unwrap().into_inner();
    assert_eq!(card.headline, "180 天内没有来电记录");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_team_is_told_the_curves_of_its_own_calls() {
    let teams = ["二组".to_owned()];
    let order = KeyOrder { teams: &teams, all_teams: false, ..whole("viewer") };
    let (folder, secrets) = folder_of(calls(), &[whole("admin"), order, whole("agent")]);
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    let (mut admin, mut viewer) = (journeys(&channel, &secrets[0]), journeys(&channel, &secrets[1]));

    let request = |name: &str| v1::GetJourneyRequest { name: name.into(), include_svg: true };
    let one = admin.get_journey(request("calls/a")).await.unwrap().into_inner();
    assert_eq!((one.caller.len(), one.agent.len(), one.name.as_str()), (2, 2, "calls/a"));
    assert!(one.svg.starts_with("<?xml") && one.steps[0].title == "开场", "{one:?}");
    assert_eq!(viewer.get_journey(request("calls/a")).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(
        journeys(&channel, &secrets[2]).get_journey(request("calls/b")).await.unwrap_err().code(),
        Code::NotFound
    );
    assert!(journeys(&channel, &secrets[2]).get_journey(request("calls/a")).await.is_ok());

    let mean = |group_by: &str, min_calls| v1::GetMeanJourneyRequest {
        selection: Some(v1::JourneySelection { calls: period(), ..Default::default() }),
        group_by: group_by.into(),
        min_calls,
        include_svg: true,
    };
    let all = admin.get_mean_journey(mean("team", 2)).await.unwrap().into_inner();
    let groups: Vec<_> = all.groups.iter().map(|group| (group.id.as_str(), group.call_count)).collect();
    assert_eq!(groups, [("一组", 3), ("二组", 2)]);
    let overall = all.overall.unwrap();
    assert_eq!((overall.call_count, overall.caller.len(), all.svg.is_empty()), (5, 21, false));
    let own = viewer.get_mean_journey(mean("team", 2)).await.unwrap().into_inner();
    assert_eq!((own.groups.len(), own.overall.unwrap().call_count), (1, 2));
    let few = admin.get_mean_journey(mean("", 0)).await.unwrap().into_inner();
    assert!(few.svg.is_empty() && few.overall.unwrap().caller.is_empty(), "five calls are fewer than ten");
    let drivers = v1::GetDriversRequest { selection: mean("", 0).selection, ..Default::default() };
    let few = admin.get_drivers(drivers.clone()).await.unwrap().into_inner();
    assert!(few.drivers.is_empty() && few.note.contains("数据不足"), "{}", few.note);
    for wrong in [mean("mood", 2), mean("", 1)] {
        assert_eq!(admin.get_mean_journey(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    }
    let wrong = v1::GetDriversRequest { target: "luck".into(), ..drivers };
    assert_eq!(admin.get_drivers(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    server.stop().await;
}
