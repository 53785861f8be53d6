//! Calls that are followed while they run, and alerts that are watched.

use std::collections::BTreeSet;

use qingting_proto::v1::follow_call_response::Result as Followed;
use qingting_proto::v1::topic_service_client::TopicServiceClient;
use tokio::sync::mpsc::{Sender, channel};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::super::alerts::{Hub, Subject, Wants};
use super::super::backend::Writer;
use super::super::testing::{Memory, MemoryWriter, pipeline};
use super::super::{convert, topics};
use super::*;

const AGENT: v1::Role = v1::Role::Agent;
const CALLER: v1::Role = v1::Role::Caller;
/// What is said before and in a danger.
const BEFORE: &str = "我想问一下，我家的低保申请办得怎么样了？";
const DANGER: &str = "算了，我不想活了，我现在就站在楼顶上。";

fn turn(role: v1::Role, text: &str) -> v1::Turn {
    v1::Turn { role: role.into(), text: text.into(), ..Default::default() }
}

fn turns(turns: Vec<v1::Turn>) -> v1::FollowCallRequest {
    v1::FollowCallRequest { call: None, turns }
}

fn begin(call_id: &str) -> v1::FollowCallRequest {
    let call = v1::CallRecord { turns: Vec::new(), ..call(call_id, "welfare", "") };
    v1::FollowCallRequest { call: Some(call), turns: Vec::new() }
}

/// A call that is being followed, a message at a time.
struct Line {
    say: Sender<v1::FollowCallRequest>,
    answers: Streaming<v1::FollowCallResponse>,
}

impl Line {
    async fn open(server: &TestServer) -> Self {
        let (say, messages) = channel(1);
        let mut client = AnalysisServiceClient::new(server.channel.clone());
        let answers = client.follow_call(ReceiverStream::new(messages)).await.unwrap().into_inner();
        Self { say, answers }
    }

    async fn send(&mut self, message: v1::FollowCallRequest) -> v1::FollowCallResponse {
        self.say.send(message).await.unwrap();
        self.answers.next().await.unwrap().unwrap()
    }

    async fn update(&mut self, message: v1::FollowCallRequest) -> v1::CallUpdate {
        match self.send(message).await.result.unwrap() {
            Followed::Update(update) => update,
            Followed::Error(error) => panic!("{error:?}"),
        }
    }

    async fn refused(&mut self, message: v1::FollowCallRequest) -> String {
        match self.send(message).await.result.unwrap() {
            Followed::Update(update) => panic!("{update:?}"),
            Followed::Error(error) => {
                assert_eq!(error.code, i32::from(Code::InvalidArgument));
                error.message
            }
        }
    }
}

async fn watch(server: &TestServer, request: v1::WatchAlertsRequest) -> Streaming<v1::WatchAlertsResponse> {
    TopicServiceClient::new(server.channel.clone()).watch_alerts(request).await.unwrap().into_inner()
}

async fn told(alerts: &mut Streaming<v1::WatchAlertsResponse>) -> (String, bool, v1::WatchAlertsResponse) {
    let next = tokio::time::timeout(PATIENCE, alerts.next()).await.expect("an alert");
    let response = next.unwrap().unwrap();
    match response.alert.as_ref().and_then(|alert| alert.subject.clone()) {
        Some(v1::alert::Subject::Crisis(crisis)) => (crisis.call, crisis.live, response),
        other => panic!("{other:?}"),
    }
}

async fn silent(alerts: &mut Streaming<v1::WatchAlertsResponse>) {
    let next = tokio::time::timeout(Duration::from_millis(100), alerts.next()).await;
    assert!(next.is_err(), "{next:?}");
}

fn keys(findings: &[v1::Finding]) -> BTreeSet<(Option<i32>, String)> {
    findings.iter().map(|finding| (finding.turn, finding.code.clone())).collect()
}

#[tokio::test]
async fn what_was_found_less_what_was_withdrawn_is_what_the_whole_call_is_given() {
    let server = TestServer::start(quick()).await;
    let said = [
        turn(AGENT, "您好，市民热线，请问有什么可以帮您？"),
        turn(CALLER, "我们楼停水三天了，这是我第三次打电话，没人管！"),
        turn(AGENT, "这个不归我们管，你找物业去。"),
        turn(CALLER, "你们就会推，我要去找记者曝光。"),
        turn(AGENT, "对不起，让您久等了。我帮您登记，今天下午两点前供水公司给您回电。"),
        turn(CALLER, "好的，谢谢。"),
        turn(AGENT, "不客气，感谢您的来电，再见。"),
    ];
    let mut line = Line::open(&server).await;
    let first = line.send(begin("f-1")).await;
    assert_eq!((first.index, first.call_id.as_str()), (0, "f-1"));
    let (mut standing, mut withdrawn, mut texts) = (BTreeSet::new(), 0, Vec::new());
    let mut facts = None;
    for (i, said) in said.iter().enumerate() {
        let answer = line.send(turns(vec![said.clone()])).await;
        assert_eq!((answer.index, answer.call_id.as_str()), (i as i64 + 1, "f-1"));
        let Some(Followed::Update(update)) = answer.result else {
            panic!("{answer:?}")
        };
        assert_eq!(update.turn_count, i as i32 + 1);
        for gone in keys(&update.withdrawn) {
            withdrawn += 1;
            assert!(standing.remove(&gone), "{gone:?} was not told");
        }
        for new in keys(&update.found) {
            assert!(standing.insert(new.clone()), "{new:?} was told before");
        }
        texts.extend(update.turns.into_iter().map(|turn| (turn.turn, turn.text, turn.sentiment.is_some())));
        facts = update.facts;
    }
    let whole = v1::CallRecord { turns: said.to_vec(), ..call("f-1", "welfare", "") };
    let request = v1::AnalyzeCallRequest { call: Some(whole) };
    let mut client = AnalysisServiceClient::new(server.channel.clone());
    let analysis = client.analyze_call(request).await.unwrap().into_inner().analysis.unwrap();
    assert!(standing.len() > 1 && withdrawn > 0, "{standing:?}: the test needs a call with both");
    assert_eq!(standing, keys(&analysis.findings));
    assert_eq!(facts, analysis.facts);
    let expected: Vec<_> = analysis.turns.into_iter().map(|turn| (turn.turn, turn.text, true)).collect();
    assert_eq!(texts, expected);
    assert!(server.memory.kept.lock().unwrap().is_empty());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_message_that_is_refused_leaves_the_call_as_it_was() {
    let config = ServerConfig { max_followed_turns: 3, max_request_bytes: 2000, ..quick() };
    let server = TestServer::start(config).await;
    let mut line = Line::open(&server).await;
    let one = || turn(CALLER, BEFORE);
    assert!(line.refused(turns(vec![one()])).await.starts_with("turns: only after the call"));
    assert!(line.refused(turns(vec![])).await.starts_with("call: required"));
    assert_eq!(line.update(begin("f-1")).await.turn_count, 0);
    assert!(line.refused(begin("f-1")).await.starts_with("call: only in the first"));
    assert!(line.refused(turns(vec![])).await.starts_with("turns: required"));
    let wrong = v1::Turn { start_ms: Some(9), end_ms: Some(1), ..one() };
    assert!(line.refused(turns(vec![one(), wrong])).await.starts_with("turns[1].end_ms"));
    assert_eq!(line.update(turns(vec![one(), one()])).await.turn_count, 2);
    assert!(line.refused(turns(vec![one(), one()])).await.starts_with("turns: more than 3"));
    // Each message is small enough, all of them together are not.
    let long = || turn(CALLER, &"水".repeat(640));
    assert!(line.refused(turns(vec![long()])).await.starts_with("turns: the call so far is larger"));
    let last = line.send(turns(vec![one()])).await;
    assert!(matches!(&last.result, Some(Followed::Update(update)) if update.turn_count == 3), "{last:?}");
    assert_eq!(last.index, 9);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_life_in_danger_is_told_before_the_next_turn_and_once() {
    let server = TestServer::start(quick()).await;
    let mut early = watch(&server, Default::default()).await;
    let mut line = Line::open(&server).await;
    line.update(begin("f-1")).await;
    let calm = line.update(turns(vec![turn(AGENT, "您好，请讲。"), turn(CALLER, BEFORE)])).await;
    assert_eq!(calm.danger, None);
    silent(&mut early).await;
    let danger = line.update(turns(vec![turn(CALLER, DANGER)])).await;
    let heard = danger.danger.unwrap();
    assert_eq!((heard.code.as_str(), heard.turn), ("crisis", Some(2)));
    let (call_name, live, response) = told(&mut early).await;
    assert_eq!((call_name.as_str(), live, response.missed), ("calls/f-1", true, 0));
    let alert = response.alert.unwrap();
    let Some(v1::alert::Subject::Crisis(crisis)) = &alert.subject else {
        panic!("{alert:?}")
    };
    assert_eq!((alert.kind, crisis.turn), (v1::AlertKind::Crisis.into(), Some(2)));
    assert!(DANGER.contains(&crisis.quote) && !crisis.quote.is_empty() && !alert.explanation.is_empty());
    assert!(alert.confidence > 0.5 && alert.raised_at.ends_with("+08:00"), "{alert:?}");
    assert_eq!(crisis.queue.as_deref(), Some("welfare"));
    // Said again, and then ingested, with and without the danger.
    line.update(turns(vec![turn(CALLER, "别劝我，我这就跳下去。")])).await;
    ingest(&server, vec![call("f-1", "welfare", DANGER), call("f-1", "welfare", BEFORE)]).await;
    silent(&mut early).await;
    let (call_name, live, late) = told(&mut watch(&server, Default::default()).await).await;
    assert_eq!((call_name.as_str(), live, late.alert.unwrap().name), ("calls/f-1", false, alert.name));
    // Who goes on where it was is told of others only.
    ingest(&server, vec![call("f-2", "welfare", DANGER)]).await;
    let after = v1::WatchAlertsRequest { after: response.position, ..Default::default() };
    assert_eq!(told(&mut watch(&server, after).await).await.0, "calls/f-2");
    assert_eq!(told(&mut early).await.0, "calls/f-2");
    server.stop().await.unwrap();
}

/// The judgement of whole calls took a danger after calm turns for none until others spoke of it.
#[tokio::test]
async fn a_danger_late_in_a_calm_call_was_not_heard_at_once() {
    let server = TestServer::start(quick()).await;
    let calm = [
        "您好，市民热线。",
        "公积金提取要什么材料？",
        "身份证和购房合同。",
        "好的，那多久能到账？",
        "三个工作日。",
    ];
    for (i, danger) in [
        "等一下，着火了，楼道里全是浓烟，孩子还在屋里！",
        "我妈倒在地上叫不醒，没有呼吸了！",
        "我已经把安眠药全吃了。",
        "快来人，我老公拿着刀在砍门！",
    ]
    .into_iter()
    .enumerate()
    {
        let mut line = Line::open(&server).await;
        line.update(begin(&format!("f-{i}"))).await;
        for (at, text) in calm.iter().enumerate() {
            let role = if at % 2 == 0 { AGENT } else { CALLER };
            assert_eq!(line.update(turns(vec![turn(role, text)])).await.danger, None, "{text}");
        }
        let heard = line.update(turns(vec![turn(CALLER, danger)])).await.danger.expect(danger);
        assert_eq!(heard.turn, Some(5), "{danger}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn analyses_by_themselves_raise_nothing_and_bad_requests_are_refused() {
    let server = TestServer::start(quick()).await;
    let mut alerts = watch(&server, Default::default()).await;
    let mut client = AnalysisServiceClient::new(server.channel.clone());
    let request = v1::AnalyzeCallRequest { call: Some(call("a", "welfare", DANGER)) };
    let analysis = client.analyze_call(request).await.unwrap().into_inner().analysis.unwrap();
    assert!(analysis.facts.unwrap().crisis);
    silent(&mut alerts).await;
    let mut client = TopicServiceClient::new(server.channel.clone());
    for (field, request) in [
        ("kinds[1]", v1::WatchAlertsRequest { kinds: vec![1, 9], ..Default::default() }),
        ("kinds[0]", v1::WatchAlertsRequest { kinds: vec![0], ..Default::default() }),
        ("after", v1::WatchAlertsRequest { after: "alerts/1".into(), ..Default::default() }),
    ] {
        let wrong = client.watch_alerts(request).await.unwrap_err();
        assert_eq!((wrong.code(), violations(&wrong)), (Code::InvalidArgument, vec![field.to_owned()]));
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_watcher_holds_a_stream_until_it_goes_and_is_told_of_the_end() {
    let mut server = TestServer::start(ServerConfig { max_streams: 1, ..draining_for_ever() }).await;
    let held = watch(&server, Default::default()).await;
    let mut client = TopicServiceClient::new(server.channel.clone());
    let busy = client.watch_alerts(v1::WatchAlertsRequest::default()).await.unwrap_err();
    assert_eq!(busy.code(), Code::ResourceExhausted);
    drop(held);
    let mut again = eventually("the stream of a client that has gone is free again", async || {
        client.watch_alerts(v1::WatchAlertsRequest::default()).await.ok().map(tonic::Response::into_inner)
    })
    .await;
    server.signal();
    assert_eq!(again.next().await.unwrap().unwrap_err().code(), Code::Unavailable);
    stops(server).await;
}

#[test]
fn the_backlog_begins_with_the_crises_of_the_store() {
    let memory = std::sync::Arc::new(Memory::default());
    let mut writer = MemoryWriter(memory.clone());
    let calls = [("a", DANGER), ("b", BEFORE), ("c", DANGER), ("d", DANGER)];
    let analyzed = calls.map(|(id, text)| {
        pipeline().analyze(&convert::record_from_wire(Some(call(id, "welfare", text)), "call").unwrap())
    });
    writer.ingest(analyzed.to_vec()).unwrap();
    writer.refresh().unwrap();
    let wants = Wants {
        crises: true,
        bursts: true,
        agent_ids: Vec::new(),
        teams: Vec::new(),
        queues: Vec::new(),
        scope: crate::access::Scope::All,
    };
    let recalled = |most| {
        let hub = Hub::new(10);
        topics::recall(&hub, &*memory, most).unwrap();
        let mut watcher = hub.watcher("", wants.clone()).unwrap();
        let alerts = std::iter::from_fn(|| hub.next(&mut watcher)).map(|told| told.alert.unwrap());
        let of = |alert: std::sync::Arc<super::super::alerts::Alert>| match &alert.subject {
            Subject::Crisis(crisis) => (crisis.call_id.clone(), crisis.live, crisis.quote.is_empty(), alert.raised_at),
            Subject::Burst(burst) => panic!("{burst:?}"),
        };
        alerts.map(of).collect::<Vec<_>>()
    };
    let began = analyzed[0].record.started_at.unwrap();
    // The backend's order stands for newest first.
    let all = ["d", "c", "a"].map(|id| (id.to_owned(), false, false, began));
    assert_eq!(recalled(10), all);
    assert_eq!(recalled(2), all[1..]);
    memory.unreadable.store(true, Ordering::SeqCst);
    let unread: Vec<_> = recalled(10).into_iter().map(|(id, live, unquoted, _)| (id, live, unquoted)).collect();
    assert_eq!(unread, ["d", "c", "a"].map(|id| (id.to_owned(), false, true)));
}
