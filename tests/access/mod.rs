//! Who may ask what: keys, tokens, TLS, scopes and limits over a real connection to a real data folder.

mod callers;
mod cases;
mod coaching;
mod command;
mod crash;
mod experience;
mod indicators;
mod matrix;
mod originals;
mod python;
mod reports;
mod reviews;
mod rules;
mod scope;
mod tls;
mod token;
mod web;

use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

use qingting::access::{AccessConfig, Guard, KeyOrder, Tokens, new_key};
use qingting::server::{Error, ServerConfig, run};
use qingting_index::{ApiKey, DataDir};
use qingting_pipeline::Analyzed;
use qingting_pipeline::record::CallRecord;
use qingting_proto::v1;
use qingting_proto::v1::access_service_client::AccessServiceClient;
use qingting_proto::v1::call_service_client::CallServiceClient;
use qingting_proto::v1::topic_service_client::TopicServiceClient;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::grpc::{keeping, open, pipeline};
use crate::patience::{PATIENCE, UNHURRIED_MS, opened_again};

/// A server that asks for keys.
struct Guarded {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), Error>>,
}

impl Guarded {
    async fn start(folder: &Path, config: ServerConfig, access: AccessConfig) -> Self {
        let config = ServerConfig { refresh_ms: 50, threads: 2, request_timeout_ms: UNHURRIED_MS, ..config };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let folder = folder.to_owned();
        let tokens = access.tokens.is_on().then(|| Tokens::load(&access.tokens).unwrap());
        let guard = Guard::new(&access, tokens);
        let load = move || opened_again(|| open(&folder));
        let task = tokio::spawn(run(listener, config, guard, load, async {
            let _ = stopped.await;
        }));
        Self { address, stop, task }
    }

    /// A connection without TLS, once everything is served.
    async fn channel(&self) -> Channel {
        let channel = Channel::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap();
        serving(&channel).await;
        channel
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

async fn serving(channel: &Channel) {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;
    let request = HealthCheckRequest { service: "qingting.v1.CallService".into() };
    let mut health = HealthClient::new(channel.clone()).watch(request).await.unwrap().into_inner();
    while health.message().await.unwrap().unwrap().status != 1 {}
}

/// Sends a key or token with every request.
#[derive(Clone)]
struct Bearer(String);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let value = MetadataValue::from_str(&format!("Bearer {}", self.0)).unwrap();
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    }
}

type With = InterceptedService<Channel, Bearer>;

fn calls(channel: &Channel, bearer: &str) -> CallServiceClient<With> {
    CallServiceClient::with_interceptor(channel.clone(), Bearer(bearer.to_owned()))
}

fn access(channel: &Channel, bearer: &str) -> AccessServiceClient<With> {
    AccessServiceClient::with_interceptor(channel.clone(), Bearer(bearer.to_owned()))
}

/// The demo's calls, and keys: of each the secret, in the order asked for.
fn folder_with(keys: &[KeyOrder<'_>]) -> (tempfile::TempDir, Vec<String>) {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo/calls.jsonl")).unwrap();
    let records: Vec<CallRecord> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    folder_of(pipeline().analyze_batch(&records), keys)
}

/// Calls and keys.
fn folder_of(calls: Vec<Analyzed>, keys: &[KeyOrder<'_>]) -> (tempfile::TempDir, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::open_writer(dir.path(), keeping(true), "test").unwrap();
    let mut session = data.ingest().unwrap();
    session.put_batch(calls, "demo").unwrap();
    session.finish().unwrap();
    let secrets = keys.iter().map(|order| {
        let (role, scope) = order.check().unwrap();
        let mut made = new_key(order.name, role, &scope, None);
        made.kept.unmasks = order.unmask;
        data.add_key(&made.kept, "test").unwrap();
        made.secret
    });
    let secrets = secrets.collect();
    data.close().unwrap();
    (dir, secrets)
}

/// A folder to write into, also where a server had it just before.
fn writer(folder: &Path) -> DataDir {
    opened_again(|| DataDir::open_writer(folder, keeping(true), "test")).unwrap()
}

/// An order of a key that sees everything its role can see.
fn whole(role: &str) -> KeyOrder<'_> {
    let all_teams = ["viewer", "reviewer"].contains(&role);
    KeyOrder {
        name: role,
        role,
        teams: &[],
        all_teams,
        agent: if role == "agent" { "A01" } else { "" },
        unmask: false,
    }
}

/// The part of a key that is to be known to its owner alone; it may have underscores of its own.
fn secret_of(key: &str) -> &str {
    key.splitn(3, '_').nth(2).unwrap()
}

fn reason(status: &Status) -> (Code, String) {
    (
        status.code(),
        status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_work_from_the_moment_they_are_made_until_they_are_revoked() {
    let (folder, secrets) = folder_with(&[whole("admin")]);
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    let mut admin = access(&channel, &secrets[0]);
    let who = admin.get_principal(v1::GetPrincipalRequest {}).await.unwrap().into_inner();
    assert_eq!((who.role.as_str(), who.display_name.as_str()), ("admin", "admin"));

    let order = v1::CreateKeyRequest {
        display_name: "一组质检".into(),
        role: "viewer".into(),
        teams: vec!["一组".into()],
        days: 90,
        ..Default::default()
    };
    let forgotten = v1::CreateKeyRequest { teams: Vec::new(), ..order.clone() };
    let wrong = admin.create_key(forgotten).await.unwrap_err();
    assert_eq!(wrong.get_error_details().bad_request().unwrap().field_violations[0].field, "teams");
    let made = admin.create_key(order).await.unwrap().into_inner();
    let key = made.key.unwrap();
    assert!(!key.expire_time.is_empty() && key.revoke_time.is_empty());
    let search = || v1::SearchCallsRequest::default();
    let found = calls(&channel, &made.secret).search_calls(search()).await.unwrap().into_inner();
    assert_eq!(found.total_size, 9, "the calls of 一组");

    let listed = admin.list_keys(v1::ListKeysRequest {}).await.unwrap().into_inner().keys;
    assert_eq!(listed.len(), 2);
    assert!(!format!("{listed:?}").contains(secret_of(&made.secret)));
    let revoke = v1::RevokeKeyRequest { name: key.name.clone() };
    assert!(!admin.revoke_key(revoke.clone()).await.unwrap().into_inner().revoke_time.is_empty());
    let refused = calls(&channel, &made.secret).search_calls(search()).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::Unauthenticated, "ENDED_KEY".into()));
    let unknown = v1::RevokeKeyRequest { name: "keys/none".into() };
    assert_eq!(admin.revoke_key(unknown).await.unwrap_err().code(), Code::NotFound);
    // Refusing did not harm the writer.
    admin.revoke_key(revoke).await.unwrap();

    let page = |page_token: String| v1::ListAuditEntriesRequest { page_size: 2, page_token };
    let first = admin.list_audit_entries(page(String::new())).await.unwrap().into_inner();
    let actions: Vec<&str> = first.entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["key revoked", "key created"]);
    assert!(first.entries[0].who.contains("admin (key:"), "{:?}", first.entries[0]);
    let second = admin.list_audit_entries(page(first.next_page_token)).await.unwrap().into_inner();
    assert_eq!((second.entries.len(), second.next_page_token.as_str()), (1, ""));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_wrong_or_have_expired_are_told_apart_for_their_owners() {
    let (folder, secrets) = folder_with(&[whole("viewer")]);
    let old = {
        let data = writer(folder.path());
        let (role, scope) = whole("viewer").check().unwrap();
        let made = new_key("old", role, &scope, Some(chrono::Utc::now() - chrono::TimeDelta::seconds(1)));
        data.add_key(&made.kept, "test").unwrap();
        let lost = ApiKey { id: "lost".into(), role: "agent".into(), ..made.kept.clone() };
        data.add_key(&ApiKey { expires_at: None, ..lost }, "test").unwrap();
        data.close().unwrap();
        made.secret
    };
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    let wrong = format!("{}x", secrets[0]);
    let agent_of_nobody = format!("qt_lost_{}", secret_of(&old));
    for (bearer, expected) in [
        (old.as_str(), "ENDED_KEY"),
        (&wrong, "UNKNOWN_KEY"),
        (&agent_of_nobody, "UNKNOWN_KEY"),
        ("qt_000000000000_AAAA", "UNKNOWN_KEY"),
        ("eyJhbGciOiJub25lIn0.e30.", "INVALID_TOKEN"),
    ] {
        let refused = calls(&channel, bearer).search_calls(v1::SearchCallsRequest::default()).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::Unauthenticated, expected.into()), "{bearer}");
        assert!(!refused.message().contains(secret_of(&secrets[0])));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_often_is_told_when_to_come_back_and_others_are_not_held_up() {
    let (folder, secrets) = folder_with(&[whole("viewer"), whole("reviewer")]);
    let access = AccessConfig { requests_per_second: 1, burst: 3, ..AccessConfig::default() };
    let server = Guarded::start(folder.path(), ServerConfig::default(), access).await;
    let channel = server.channel().await;
    // So many at once that some are too many even where the machine takes most of a minute for them.
    const ASKED: usize = 60;
    let begun = Instant::now();
    let ask = || {
        let mut client = calls(&channel, &secrets[0]);
        async move { client.search_calls(v1::SearchCallsRequest::default()).await }
    };
    let results = futures::future::join_all((0..ASKED).map(|_| ask())).await;
    let answered = results.iter().filter(|result| result.is_ok()).count();
    let refused: Vec<Status> = results.into_iter().filter_map(Result::err).collect();
    // Three at once, and another one a second.
    let most = 3 + begun.elapsed().as_secs() as usize + 1;
    assert!((3..=most).contains(&answered) && !refused.is_empty(), "{answered} of at most {most}");
    let mut longest = Duration::ZERO;
    for status in &refused {
        assert_eq!(reason(status), (Code::ResourceExhausted, "RATE".into()));
        let retry = status.get_error_details().retry_info().unwrap().retry_delay.unwrap();
        assert!(retry.as_secs() <= 1, "{retry:?}");
        longest = longest.max(retry);
    }
    assert!(longest.as_millis() > 0, "{longest:?}");
    calls(&channel, &secrets[1]).search_calls(v1::SearchCallsRequest::default()).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_with_the_key_that_began_it() {
    let (folder, secrets) = folder_with(&[whole("admin"), whole("viewer")]);
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    let watch = async |secret: &str| {
        let mut alerts = TopicServiceClient::with_interceptor(channel.clone(), Bearer(secret.to_owned()));
        alerts.watch_alerts(v1::WatchAlertsRequest::default()).await.unwrap().into_inner()
    };
    let (mut kept, mut cut) = (watch(&secrets[0]).await, watch(&secrets[1]).await);
    let id = secrets[1].split('_').nth(1).unwrap();
    let revoke = v1::RevokeKeyRequest { name: format!("keys/{id}") };
    access(&channel, &secrets[0]).revoke_key(revoke).await.unwrap();
    let ended = async |stream: &mut tonic::Streaming<v1::WatchAlertsResponse>| loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => return (Code::Ok, String::new()),
            Err(status) => return reason(&status),
        }
    };
    let end = tokio::time::timeout(PATIENCE, ended(&mut cut)).await.unwrap();
    assert_eq!(end, (Code::Unauthenticated, "ENDED_KEY".into()));
    let other = tokio::time::timeout(Duration::from_millis(300), ended(&mut kept)).await;
    assert!(other.is_err(), "that of another key goes on");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_no_longer_works_however_busy_the_server_is() {
    let (folder, secrets) = folder_with(&[whole("admin"), whole("viewer")]);
    let config = ServerConfig { max_streams: 1, ..ServerConfig::default() };
    let server = Guarded::start(folder.path(), config, AccessConfig::default()).await;
    let channel = server.channel().await;
    // The only place for a stream is taken.
    let bearer = Bearer(secrets[0].clone());
    let mut alerts = TopicServiceClient::with_interceptor(channel.clone(), bearer);
    let _watched = alerts.watch_alerts(v1::WatchAlertsRequest::default()).await.unwrap();
    let id = secrets[1].split('_').nth(1).unwrap();
    let revoke = v1::RevokeKeyRequest { name: format!("keys/{id}") };
    access(&channel, &secrets[0]).revoke_key(revoke).await.unwrap();
    let refused = calls(&channel, &secrets[1]).search_calls(v1::SearchCallsRequest::default()).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::Unauthenticated, "ENDED_KEY".into()));
    server.stop().await;
}
