//! The server over a real data folder, as a client in another language would use it: found
//! out through reflection, called with messages built at run time.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::{StreamExt, stream};
use prost::Message;
use prost::bytes::{Buf, BufMut};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use qingting::access::Guard;
use qingting::config::Settings;
use qingting::documents::Shelf;
use qingting::insight::InsightSettings;
use qingting::insight::gaps::ArticleModels;
use qingting::knowledge::Choice;
use qingting::server::{Error, Judging, ServerConfig, State, data, run};
use qingting_index::{Context, Originals};
use qingting_pipeline::Pipeline;
use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::PipelineConfig;
use qingting_proto::v1;
use qingting_proto::v1::analysis_service_client::AnalysisServiceClient;
use qingting_proto::v1::call_service_client::CallServiceClient;
use qingting_proto::v1::ingest_service_client::IngestServiceClient;
use qingting_proto::v1::knowledge_service_client::KnowledgeServiceClient;
use qingting_proto::v1::topic_service_client::TopicServiceClient;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServiceResponse};
use tonic_types::StatusExt;

use crate::patience::{PATIENCE, UNHURRIED_MS, eventually, opened_again};

pub(crate) fn pipeline() -> Arc<Pipeline> {
    static PIPELINE: OnceLock<Arc<Pipeline>> = OnceLock::new();
    let load = || Arc::new(Pipeline::new(&PipelineConfig::default(), &Assets::embedded()).unwrap());
    PIPELINE.get_or_init(load).clone()
}

/// With a key that opens what masking took out of calls, and that may be `kept`.
pub(crate) fn keeping(kept: bool) -> Context {
    let keys = Originals::parse(&"17".repeat(32)).unwrap();
    Context::new(&pipeline()).with_originals(Some(Arc::new(keys)), kept)
}

pub(crate) fn open(folder: &Path) -> qingting_index::Result<State> {
    // The same answers whether or not there are weights on this machine.
    let mut settings = Settings::default();
    settings.knowledge.models = ArticleModels::Static;
    let shelf = Shelf::of_folder(Assets::embedded(), folder)?;
    let judging = Judging { pipeline: pipeline(), config: Arc::default(), shelf };
    data::open(
        folder,
        "qingting serve",
        judging,
        keeping(false),
        &Choice::new(&settings),
        InsightSettings::default(),
    )
}

pub(crate) struct Server {
    pub(crate) channel: Channel,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), Error>>,
}

impl Server {
    /// Serves a data folder on a free port, and waits until health says that it does.
    pub(crate) async fn start(folder: &Path) -> Self {
        let config = ServerConfig {
            refresh_ms: 50,
            threads: 2,
            request_timeout_ms: UNHURRIED_MS,
            ..ServerConfig::default()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let folder = folder.to_owned();
        let load = move || opened_again(|| open(&folder));
        let task = tokio::spawn(run(listener, config, Guard::open(), load, async {
            let _ = stopped.await;
        }));
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        // The first status may be either; the watch ends with the one that is waited for.
        let request = HealthCheckRequest { service: "qingting.v1.CallService".into() };
        let mut health = HealthClient::new(channel.clone()).watch(request).await.unwrap().into_inner();
        while health.next().await.unwrap().unwrap().status != 1 {}
        Self { channel, stop, task }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }

    fn calls(&self) -> CallServiceClient<Channel> {
        CallServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn ingest(&self, calls: Vec<v1::CallRecord>) {
        let count = calls.len() as i64;
        let requests = stream::iter(calls.into_iter().map(|call| v1::IngestCallsRequest { call: Some(call) }));
        let mut client = IngestServiceClient::new(self.channel.clone());
        let acks = client.ingest_calls(requests).await.unwrap().into_inner();
        let acks: Vec<_> = acks.map(|ack| ack.unwrap()).collect().await;
        assert_eq!(acks.iter().map(|ack| ack.index).collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
        for ack in acks {
            assert_eq!(ack.status.unwrap().code, 0, "{}", ack.call_id);
        }
    }

    pub(crate) async fn searchable(&self, count: i64) {
        eventually(&format!("{count} calls are found"), async || {
            let found = self.calls().search_calls(v1::SearchCallsRequest::default()).await.unwrap();
            (found.into_inner().total_size == count).then_some(())
        })
        .await;
    }

    async fn reflect(&self, message: MessageRequest) -> MessageResponse {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(message) };
        let mut client = ServerReflectionClient::new(self.channel.clone());
        let mut answers = client.server_reflection_info(stream::iter([request])).await.unwrap().into_inner();
        answers.next().await.unwrap().unwrap().message_response.unwrap()
    }
}

pub(crate) fn call(call_id: &str, started_at: &str, team: &str, caller_says: &str) -> v1::CallRecord {
    let turn = |role: v1::Role, start_ms, end_ms, text: &str| v1::Turn {
        role: role.into(),
        start_ms: Some(start_ms),
        end_ms: Some(end_ms),
        text: text.into(),
        ..Default::default()
    };
    v1::CallRecord {
        call_id: call_id.into(),
        started_at: Some(started_at.into()),
        agent: Some(v1::Agent { id: format!("{team}-1"), team: Some(team.into()), ..Default::default() }),
        turns: vec![
            turn(v1::Role::Agent, 0, 2000, "您好，市民热线，请问有什么可以帮您？"),
            turn(v1::Role::Caller, 2500, 7000, caller_says),
            turn(v1::Role::Agent, 7400, 11_000, "好的，我帮您登记一下，感谢您的来电，再见。"),
        ],
        ..Default::default()
    }
}

fn calls() -> Vec<v1::CallRecord> {
    vec![
        call("c-1", "2026-03-02T09:15:00+08:00", "A", "我们小区物业费太贵了，想问问是谁定的。"),
        call("c-2", "2026-03-02T10:00:00+08:00", "A", "路灯坏了三天没人来修。"),
        call("c-3", "2026-03-03T08:30:00+08:00", "B", "公交车总是晚点。"),
    ]
}

/// Encodes and decodes messages that are known at run time only.
#[derive(Clone)]
struct DynamicCodec {
    response: MessageDescriptor,
}

struct Dynamic(Option<MessageDescriptor>);

impl Codec for DynamicCodec {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Dynamic;
    type Decoder = Dynamic;

    fn encoder(&mut self) -> Dynamic {
        Dynamic(None)
    }

    fn decoder(&mut self) -> Dynamic {
        Dynamic(Some(self.response.clone()))
    }
}

impl Encoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, message: DynamicMessage, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&message.encode_to_vec());
        Ok(())
    }
}

impl Decoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        Ok(Some(DynamicMessage::decode(self.0.clone().unwrap(), bytes).unwrap()))
    }
}

/// Calls a method by its name with JSON, knowing nothing but what reflection tells.
async fn call_by_name(server: &Server, service: &str, method: &str, request: Value) -> Result<Value, Status> {
    let asked = server.reflect(MessageRequest::FileContainingSymbol(service.to_owned())).await;
    let MessageResponse::FileDescriptorResponse(files) = asked else {
        panic!("no descriptors of {service}")
    };
    let mut pool = DescriptorPool::new();
    let mut wanted = files.file_descriptor_proto;
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    // As grpcurl does: the file, then whatever it imports.
    while let Some(bytes) = wanted.pop() {
        let file = prost_types::FileDescriptorProto::decode(bytes.as_slice()).unwrap();
        if !seen.insert(file.name().to_owned()) {
            continue;
        }
        for import in &file.dependency {
            let asked = server.reflect(MessageRequest::FileByFilename(import.clone())).await;
            let MessageResponse::FileDescriptorResponse(more) = asked else {
                panic!("no file {import}")
            };
            wanted.extend(more.file_descriptor_proto);
        }
        files.push(file);
    }
    pool.add_file_descriptor_protos(files).unwrap();
    let method = pool.get_service_by_name(service).unwrap().methods().find(|m| m.name() == method).unwrap();
    let message = DynamicMessage::deserialize(method.input(), request).unwrap();
    let codec = DynamicCodec { response: method.output() };
    let path = format!("/{service}/{}", method.name()).parse().unwrap();
    let mut client = tonic::client::Grpc::new(server.channel.clone());
    client.ready().await.unwrap();
    let answer = client.unary(Request::new(message), path, codec).await?;
    Ok(serde_json::to_value(answer.into_inner()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_knows_only_reflection_finds_a_phrase_across_word_boundaries() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    server.ingest(calls()).await;
    server.searchable(3).await;

    let listed = server.reflect(MessageRequest::ListServices(String::new())).await;
    let MessageResponse::ListServicesResponse(services) = listed else {
        panic!("no list of services")
    };
    let names: BTreeSet<String> = services.service.into_iter().map(|ServiceResponse { name }| name).collect();
    for service in [
        "AnalysisService",
        "CallService",
        "IndicatorService",
        "IngestService",
        "KnowledgeService",
        "ReviewService",
        "RuleService",
        "TopicService",
    ] {
        assert!(names.contains(&format!("qingting.v1.{service}")), "{names:?}");
    }
    assert!(names.contains("grpc.health.v1.Health"), "{names:?}");

    // 物业费 and 太贵 are words; 费太贵 is not, nor does it begin or end with one.
    let request = json!({ "query": "\"费太贵\"", "facets": ["team"] });
    let found = call_by_name(&server, "qingting.v1.CallService", "SearchCalls", request).await.unwrap();
    assert_eq!(found["totalSize"], "1", "{found:#}");
    assert_eq!(found["hits"][0]["call"], "calls/c-1");
    let turn = &found["hits"][0]["turns"][0];
    assert_eq!((turn["turn"].as_i64(), turn["role"].as_str()), (Some(1), Some("ROLE_CALLER")));
    assert_eq!(found["facets"][0]["values"], json!([{ "value": "A", "count": "1" }]));

    let request = json!({ "name": "calls/c-1" });
    let shown = call_by_name(&server, "qingting.v1.CallService", "GetCall", request).await.unwrap();
    let text: Vec<char> = shown["analysis"]["turns"][1]["text"].as_str().unwrap().chars().collect();
    let [range] = turn["highlights"].as_array().unwrap().as_slice() else {
        panic!("one highlight: {turn:#}")
    };
    let at = |key: &str| range[key].as_u64().unwrap() as usize;
    assert_eq!(text[at("startChar")..at("endChar")].iter().collect::<String>(), "费太贵");
    assert_eq!(shown["record"]["startedAt"], "2026-03-02T09:15:00+08:00");

    let wrong = json!({ "filter": "score<good" });
    let refused = call_by_name(&server, "qingting.v1.CallService", "SearchCalls", wrong).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let details = refused.get_error_details();
    assert_eq!(details.bad_request().unwrap().field_violations[0].field, "filter");
    let missing = json!({ "name": "calls/c-9" });
    let missing = call_by_name(&server, "qingting.v1.CallService", "GetCall", missing).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    assert_eq!(missing.get_error_details().resource_info().unwrap().resource_name, "calls/c-9");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_after_a_restart_and_is_replaced_by_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    server.ingest(calls()).await;
    server.stop().await;

    let server = Server::start(folder.path()).await;
    server.searchable(3).await;
    server.ingest(vec![call("c-2", "2026-03-04T10:00:00+08:00", "B", "路灯修好了，谢谢你们。")]).await;
    let query = |query: &str| v1::SearchCallsRequest { query: query.into(), ..Default::default() };
    eventually("the new text is found", async || {
        (server.calls().search_calls(query("路灯修好")).await.unwrap().into_inner().total_size == 1).then_some(())
    })
    .await;
    assert_eq!(server.calls().search_calls(query("没人来修")).await.unwrap().into_inner().total_size, 0);
    server.searchable(3).await;
    let by_team = v1::AggregateCallsRequest { group_by: "team".into(), ..Default::default() };
    let groups = server.calls().aggregate_calls(by_team).await.unwrap().into_inner();
    let rows: Vec<_> = groups.rows.iter().map(|row| (row.value.as_str(), row.call_count)).collect();
    assert_eq!((rows, groups.total.unwrap().call_count), (vec![("A", 1), ("B", 2)], 3));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_calls_and_of_findings_hold_everything_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let many: Vec<_> = (0..25)
        .map(|i| call(&format!("c-{i:02}"), &format!("2026-03-02T09:{i:02}:00+08:00"), "A", "停水了，什么时候来水？"))
        .collect();
    server.ingest(many).await;
    server.searchable(25).await;

    let mut request = v1::SearchCallsRequest {
        query: "停水".into(),
        order_by: "started_at".into(),
        page_size: 10,
        ..Default::default()
    };
    let mut found = Vec::new();
    loop {
        let page = server.calls().search_calls(request.clone()).await.unwrap().into_inner();
        assert_eq!(page.total_size, 25);
        found.extend(page.hits.into_iter().map(|hit| hit.call));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(found, (0..25).map(|i| format!("calls/c-{i:02}")).collect::<Vec<_>>());
    request.query = "来水".into();
    request.page_token = "no token".into();
    let foreign = server.calls().search_calls(request).await.unwrap_err();
    assert_eq!(foreign.code(), Code::InvalidArgument);
    assert_eq!(foreign.get_error_details().bad_request().unwrap().field_violations[0].field, "page_token");

    // What each call says of itself, against the list over all of them.
    let mut expected = Vec::new();
    for name in &found {
        let request = v1::GetCallRequest { name: name.clone(), view: 0 };
        let analysis = server.calls().get_call(request).await.unwrap().into_inner().analysis.unwrap();
        expected.extend(analysis.findings.into_iter().map(|f| (name.clone(), f.code)));
    }
    let mut request = v1::ListFindingsRequest {
        parent: "calls/-".into(),
        order_by: "started_at".into(),
        page_size: 4,
        ..Default::default()
    };
    let mut listed = Vec::new();
    loop {
        let page = server.calls().list_findings(request.clone()).await.unwrap().into_inner();
        listed.extend(page.findings.into_iter().map(|f| (f.call, f.finding.unwrap().code)));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(listed, expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_article_answers_a_question_asked_in_other_words() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let mut client = KnowledgeServiceClient::new(server.channel.clone());
    let article = |id: &str, title: &str, body: &str| v1::ImportArticlesRequest {
        article: Some(v1::Article { id: id.into(), title: title.into(), body: body.into(), ..Default::default() }),
    };
    let articles = [
        article("k-1", "居住证办理", "持身份证和租房合同到居住地派出所办理居住证，十五个工作日内领取。"),
        article("k-2", "阶梯水价", "居民生活用水按年用水量分三档计价，超出部分加价。"),
        article("", "没有编号", "这篇不收。"),
    ];
    let imported = client.import_articles(stream::iter(articles)).await.unwrap().into_inner();
    assert_eq!((imported.imported_count, imported.rejected.len(), imported.rejected[0].index), (2, 1, 2));
    let request = v1::SearchArticlesRequest { query: "租房怎么办居住证".into(), ..Default::default() };
    let hits = client.search_articles(request).await.unwrap().into_inner().hits;
    assert_eq!(hits[0].id, "k-1");
    assert!(hits[0].passage.contains("租房合同"), "{}", hits[0].passage);
    server.stop().await;
}

/// The next alert: call, whether it runs, and the alert's own name.
async fn alert(alerts: &mut Streaming<v1::WatchAlertsResponse>) -> (String, bool, String) {
    let next = tokio::time::timeout(PATIENCE, alerts.next()).await.expect("an alert in time");
    let alert = next.unwrap().unwrap().alert.unwrap();
    match alert.subject {
        Some(v1::alert::Subject::Crisis(crisis)) => (crisis.call, crisis.live, alert.name),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_life_in_danger_reaches_who_watches_before_the_next_turn_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let watch = async |server: &Server| {
        let mut client = TopicServiceClient::new(server.channel.clone());
        client.watch_alerts(v1::WatchAlertsRequest::default()).await.unwrap().into_inner()
    };
    let mut alerts = watch(&server).await;
    let whole = call("c-9", "2026-03-02T21:15:00+08:00", "A", "我不想活了，我现在就站在楼顶上。");
    let (say, messages) = tokio::sync::mpsc::channel(1);
    let mut client = AnalysisServiceClient::new(server.channel.clone());
    let mut answers = client.follow_call(ReceiverStream::new(messages)).await.unwrap().into_inner();
    let begun = v1::CallRecord { turns: Vec::new(), ..whole.clone() };
    say.send(v1::FollowCallRequest { call: Some(begun), turns: Vec::new() }).await.unwrap();
    answers.next().await.unwrap().unwrap();
    for (i, turn) in whole.turns.iter().enumerate() {
        say.send(v1::FollowCallRequest { call: None, turns: vec![turn.clone()] }).await.unwrap();
        let answer = answers.next().await.unwrap().unwrap();
        let Some(v1::follow_call_response::Result::Update(update)) = answer.result else {
            panic!("{answer:?}")
        };
        assert_eq!(update.danger.map(|danger| danger.turn), (i >= 1).then_some(Some(1)));
        if i == 1 {
            let (name, live, _) = alert(&mut alerts).await;
            assert_eq!((name.as_str(), live), ("calls/c-9", true));
        }
    }
    drop(say);
    assert!(answers.next().await.is_none());

    // The whole call is no news; who comes later is told of it none the less.
    server.ingest(vec![whole]).await;
    server.searchable(1).await;
    let quiet = tokio::time::timeout(Duration::from_millis(200), alerts.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    let (name, live, before) = alert(&mut watch(&server).await).await;
    assert_eq!((name.as_str(), live), ("calls/c-9", false));
    server.stop().await;
    assert_eq!(alerts.next().await.unwrap().unwrap_err().code(), Code::Unavailable);

    let server = Server::start(folder.path()).await;
    let mut alerts = watch(&server).await;
    let (name, live, after) = alert(&mut alerts).await;
    assert_eq!((name.as_str(), live), ("calls/c-9", false));
    assert_ne!(before, after);
    let request = v1::SearchCallsRequest { filter: "crisis:true".into(), ..Default::default() };
    assert_eq!(server.calls().search_calls(request).await.unwrap().into_inner().hits[0].call, "calls/c-9");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_being_served_is_not_served_twice() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let path = folder.path().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let load = move || open(&path);
    let second = run(listener, ServerConfig::default(), Guard::open(), load, std::future::pending())
        .await
        .unwrap_err();
    assert!(second.to_string().contains("qingting serve"), "{second}");
    server.stop().await;
}
