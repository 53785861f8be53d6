//! Publishing on a running server: who gets which version, and what is refused.

use futures::{StreamExt, stream};
use qingting_proto::v1;
use qingting_proto::v1::analysis_service_client::AnalysisServiceClient;
use qingting_proto::v1::dry_run_response::Update;
use qingting_proto::v1::ingest_service_client::IngestServiceClient;
use qingting_proto::v1::rule_service_client::RuleServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::server::ServerConfig;
use crate::server::testing::{TestServer, call, eventually};

const NAME: &str = "documents/rules/own.toml";

/// A rule of a code of its own that finds what agents say.
fn rule(code: &str, word: &str) -> String {
    format!(
        "[[code]]\ncode = \"{code}\"\ntitle = \"x\"\nlevel = \"call\"\nrole = \"agent\"\n[[rule]]\nid = \"own\"\nversion = 1\n\
         title = \"x\"\ndoc = \"x\"\ncode = \"{code}\"\nconfidence = 0.9\nexplanation = \"说了“{{quote}}”。\"\n\
         [rule.condition.a]\nrole = \"agent\"\nkeywords = {{ any = [\"{word}\"] }}\n"
    )
}

fn draft(name: &str, text: &str, expected_version: i32) -> v1::Draft {
    v1::Draft { name: name.into(), text: text.into(), expected_version }
}

fn order(text: &str, expected: i32) -> v1::PublishDocumentsRequest {
    v1::PublishDocumentsRequest { drafts: vec![draft(NAME, text, expected)], note: "试行".into() }
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

fn rules(server: &TestServer) -> RuleServiceClient<Channel> {
    RuleServiceClient::new(server.channel.clone())
}

/// The codes of rules of one's own that are found in a call, and the configuration that it was analysed by.
fn own(analysis: Option<v1::Analysis>) -> (Vec<String>, String) {
    let analysis = analysis.unwrap();
    let codes = analysis.findings.into_iter().filter(|finding| finding.rule == "own").map(|finding| finding.code);
    (codes.collect(), analysis.provenance.unwrap().config_fingerprint)
}

async fn analyzed(server: &TestServer) -> (Vec<String>, String) {
    let mut client = AnalysisServiceClient::new(server.channel.clone());
    let request = v1::AnalyzeCallRequest { call: Some(call("c", "q", "停水了。")) };
    own(client.analyze_call(request).await.unwrap().into_inner().analysis)
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_published_listed_compared_and_rolled_back() {
    let server = TestServer::start(ServerConfig::default()).await;
    let mut client = rules(&server);
    let (none, files) = analyzed(&server).await;
    assert!(none.is_empty());
    let first = client.publish_documents(order(&rule("one", "您好"), 0)).await.unwrap().into_inner();
    assert_eq!((first.documents[0].version, first.affected()), (1, v1::AffectedStages::Rules));
    assert_eq!(analyzed(&server).await, (vec!["one".to_owned()], first.config_fingerprint.clone()));
    let second = client.publish_documents(order(&rule("two", "您好"), 1)).await.unwrap().into_inner();
    assert_eq!(analyzed(&server).await, (vec!["two".to_owned()], second.config_fingerprint.clone()));

    // Somebody who has not seen the second version.
    for expected in [0, 1, 3] {
        let status = client.publish_documents(order(&rule("three", "您好"), expected)).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Aborted, "VERSION_CONFLICT"), "{status}");
    }
    let status = client.publish_documents(order(&rule("two", "您好"), 2)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "NOTHING_CHANGES"));

    let listed = client.list_documents(v1::ListDocumentsRequest { kinds: vec![1] }).await.unwrap().into_inner();
    assert_eq!((listed.documents.len(), &listed.config_fingerprint), (5, &second.config_fingerprint));
    let own = listed.documents.iter().find(|document| document.name == NAME).unwrap();
    assert_eq!((own.source(), own.version, own.text.as_str()), (v1::DocumentSource::Published, 2, ""));
    let newest = own.newest.as_ref().unwrap();
    assert_eq!((newest.note.as_str(), newest.active), ("试行", true));
    assert_eq!(newest.author.as_ref().unwrap().id, "local");

    let get = |version| v1::GetDocumentRequest { name: NAME.into(), version };
    assert_eq!(client.get_document(get(None)).await.unwrap().into_inner().text, rule("two", "您好"));
    assert_eq!(client.get_document(get(Some(1))).await.unwrap().into_inner().text, rule("one", "您好"));
    for version in [0, 3] {
        assert_eq!(client.get_document(get(Some(version))).await.unwrap_err().code(), Code::NotFound);
    }
    let diff = v1::DiffDocumentRequest { name: NAME.into(), base_version: Some(1), target: None };
    let diff = client.diff_document(diff).await.unwrap().into_inner();
    let items: Vec<_> = diff.changes.iter().map(|change| (change.item.as_str(), change.kind)).collect();
    assert_eq!(items, [("code:one", 2), ("code:two", 1), ("rule:own", 3)]);
    assert_eq!(diff.changes[2].fields, ["code"]);
    assert!(diff.unified.contains("-code = \"one\"\n+code = \"two\""), "{}", diff.unified);

    let back = |version, expected_version| v1::RollBackDocumentRequest {
        name: NAME.into(),
        version,
        expected_version,
        note: "撤回".into(),
    };
    let third = client.roll_back_document(back(1, 2)).await.unwrap().into_inner();
    assert_eq!(third.config_fingerprint, first.config_fingerprint);
    assert_eq!(analyzed(&server).await, (vec!["one".to_owned()], first.config_fingerprint));
    assert_eq!(client.roll_back_document(back(9, 3)).await.unwrap_err().code(), Code::NotFound);
    let gone = client.roll_back_document(back(0, 3)).await.unwrap().into_inner();
    assert!(gone.documents.is_empty(), "it is in no file");
    assert_eq!(analyzed(&server).await, (vec![], files));
    assert_eq!(client.get_document(get(None)).await.unwrap_err().code(), Code::NotFound);
    let list = |page_token: String| v1::ListVersionsRequest { name: NAME.into(), page_size: 3, page_token };
    let page = client.list_versions(list(String::new())).await.unwrap().into_inner();
    let told: Vec<_> = page.versions.iter().map(|v| (v.version, v.restores, v.active)).collect();
    assert_eq!(told, [(4, Some(0), true), (3, Some(1), false), (2, None, false)]);
    let page = client.list_versions(list(page.next_page_token)).await.unwrap().into_inner();
    assert_eq!((page.versions.len(), page.versions[0].version, page.next_page_token.as_str()), (1, 1, ""));
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_who_publish_at_once_one_does() {
    let server = TestServer::start(ServerConfig::default()).await;
    let orders = (0..4).map(|i| {
        let mut client = rules(&server);
        async move { client.publish_documents(order(&rule(&format!("code{i}"), "您好"), 0)).await }
    });
    let answers = futures::future::join_all(orders).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((done.len(), refused.len()), (1, 3));
    assert!(refused.into_iter().all(|answer| answer.unwrap_err().code() == Code::Aborted));
    let fingerprint = done.into_iter().next().unwrap().unwrap().into_inner().config_fingerprint;
    assert_eq!(analyzed(&server).await.1, fingerprint);
    server.stop().await.unwrap();
}

/// Settings with which nothing but the client ends a request.
fn unhurried() -> ServerConfig {
    ServerConfig { request_timeout_ms: 3_600_000, ..ServerConfig::default() }
}

/// The write is handed in and waits when the client goes away: it is kept, and so it has to be taken up.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_nobody_waits_for_any_more_is_taken_up_none_the_less() {
    let server = TestServer::start(unhurried()).await;
    server.memory.gate.close();
    let mut client = rules(&server);
    let waiting = tokio::spawn(async move { client.publish_documents(order(&rule("one", "您好"), 0)).await });
    server.memory.gate.reached().await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    // On the same connection, behind what says that the client has gone.
    assert!(analyzed(&server).await.0.is_empty());
    server.memory.gate.open();
    eventually("what is kept counts", async || (analyzed(&server).await.0 == ["one"]).then_some(())).await;
    let list = v1::ListVersionsRequest { name: NAME.into(), ..Default::default() };
    let versions = rules(&server).list_versions(list).await.unwrap().into_inner().versions;
    assert!(versions.len() == 1 && versions[0].active);
    server.stop().await.unwrap();
}

/// So it is when the time is up that the client has set.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_whose_time_is_up_while_it_is_written_is_taken_up_none_the_less() {
    let server = TestServer::start(unhurried()).await;
    server.memory.gate.close();
    // Time enough for the pipeline to be built and the write to be handed in; where it was not, the next one has more.
    let mut seconds = 5;
    let status = loop {
        let mut late = tonic::Request::new(order(&rule("one", "您好"), 0));
        late.set_timeout(std::time::Duration::from_secs(seconds));
        let status = rules(&server).publish_documents(late).await.unwrap_err();
        if server.memory.gate.is_reached() || seconds >= 80 {
            break status;
        }
        seconds *= 2;
    };
    assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status}");
    assert!(analyzed(&server).await.0.is_empty());
    server.memory.gate.open();
    eventually("what is kept counts", async || (analyzed(&server).await.0 == ["one"]).then_some(())).await;
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_refused_with_every_place_and_changes_nothing() {
    let server = TestServer::start(ServerConfig::default()).await;
    let mut client = rules(&server);
    let before = analyzed(&server).await;
    let wrong = rule("one", "您好").replace("confidence = 0.9", "confidence = 9.0");
    let two = format!("{wrong}{}", rule("two", "您好").replace("id = \"own\"", "id = \"b!\""));
    let validate = |drafts| v1::ValidateDocumentsRequest { drafts };
    let told = client.validate_documents(validate(vec![draft(NAME, &two, 0)])).await.unwrap().into_inner();
    let places: Vec<_> = told.mistakes.iter().map(|m| (m.document.as_str(), m.line, m.column)).collect();
    assert_eq!(places, [(NAME, 12, 14), (NAME, 23, 6)]);
    assert_eq!(told.config_fingerprint, "");
    let status = client.publish_documents(order(&two, 0)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID_DOCUMENT"));
    let violations = status.get_error_details().bad_request().unwrap().field_violations.clone();
    assert_eq!(violations.len(), 2);
    assert!(violations[0].description.starts_with("rules/own.toml:12:14: "), "{violations:?}");

    let mut refused = async |drafts: Vec<v1::Draft>, note: &str| {
        let request = v1::PublishDocumentsRequest { drafts, note: note.into() };
        let status = client.publish_documents(request).await.unwrap_err();
        (status.code(), reason(&status))
    };
    let good = rule("one", "您好");
    let invalid = |reason: &str| (Code::InvalidArgument, reason.to_owned());
    assert_eq!(refused(vec![draft(NAME, &good, 0)], " ").await, invalid("INVALID_FIELD"));
    assert_eq!(refused(vec![], "试").await, invalid("INVALID_FIELD"));
    assert_eq!(refused(vec![draft("documents/../x.toml", "", 0)], "试").await, invalid("INVALID_FIELD"));
    assert_eq!(refused(vec![draft(NAME, &good, -1)], "试").await, invalid("INVALID_FIELD"));
    // All or none.
    let both = vec![
        draft(NAME, &good, 0),
        draft("documents/scorecards/bank.toml", "id = \"bank\"\n", 0),
    ];
    assert_eq!(refused(both, "试").await, invalid("INVALID_DOCUMENT"));
    let words = vec![draft("documents/dict/zz.txt", "停水抢修\n", 0)];
    assert_eq!(refused(words, "试").await, (Code::FailedPrecondition, "NEEDS_REINDEX".to_owned()));
    assert_eq!(analyzed(&server).await, before);
    let listed = client.list_documents(v1::ListDocumentsRequest::default()).await.unwrap().into_inner();
    assert!(listed.documents.iter().all(|document| document.version == 0));
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_followed_call_keeps_its_version_and_calls_of_a_stream_have_the_newest() {
    let server = TestServer::start(ServerConfig::default()).await;
    let mut client = AnalysisServiceClient::new(server.channel.clone());
    let (send, messages) = tokio::sync::mpsc::channel(4);
    let messages = tokio_stream::wrappers::ReceiverStream::new(messages);
    let (send_calls, calls) = tokio::sync::mpsc::channel(4);
    let calls = tokio_stream::wrappers::ReceiverStream::new(calls);
    let begin = v1::FollowCallRequest { call: Some(call("f", "q", "停水了。")), turns: vec![] };
    send.send(begin).await.unwrap();
    let mut followed = client.follow_call(messages).await.unwrap().into_inner();
    let mut streamed = client.analyze_calls(calls).await.unwrap().into_inner();
    let mut one = async || {
        send_calls.send(v1::AnalyzeCallsRequest { call: Some(call("a", "q", "停水了。")) }).await.unwrap();
        match streamed.next().await.unwrap().unwrap().result.unwrap() {
            v1::analyze_calls_response::Result::Analysis(analysis) => own(Some(analysis)).0,
            v1::analyze_calls_response::Result::Error(error) => panic!("{error:?}"),
        }
    };
    let mut found = async || match followed.next().await.unwrap().unwrap().result.unwrap() {
        v1::follow_call_response::Result::Update(update) => {
            update.found.into_iter().filter(|finding| finding.rule == "own").count()
        }
        v1::follow_call_response::Result::Error(error) => panic!("{error:?}"),
    };
    assert_eq!((found().await, one().await), (0, vec![]));
    rules(&server).publish_documents(order(&rule("one", "您好"), 0)).await.unwrap();
    let turn = v1::Turn {
        role: v1::Role::Agent.into(),
        text: "您好，在哪里？".into(),
        ..Default::default()
    };
    send.send(v1::FollowCallRequest { call: None, turns: vec![turn] }).await.unwrap();
    assert_eq!((found().await, one().await), (0, vec!["one".to_owned()]));
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_what_would_change_and_changes_nothing() {
    let server = TestServer::start(ServerConfig::default()).await;
    let calls = (0..5).map(|i| call(&format!("c{i}"), "q", "停水了。"));
    let requests = stream::iter(calls.map(|call| v1::IngestCallsRequest { call: Some(call) }).collect::<Vec<_>>());
    let mut client = IngestServiceClient::new(server.channel.clone());
    let acks = client.ingest_calls(requests).await.unwrap().into_inner();
    assert_eq!(acks.filter(|ack| std::future::ready(ack.is_ok())).count().await, 5);
    let before = analyzed(&server).await;
    let request = |text: &str, max_calls| v1::DryRunRequest {
        drafts: vec![draft(NAME, text, 0)],
        max_calls,
        example_count: 2,
        top_count: 1,
        ..Default::default()
    };
    for (most, judged) in [(0, 5), (5, 5), (3, 3)] {
        let answers = rules(&server).dry_run(request(&rule("one", "您好"), most)).await.unwrap().into_inner();
        let mut answers: Vec<Update> = answers.map(|answer| answer.unwrap().update.unwrap()).collect().await;
        let Some(Update::Result(result)) = answers.pop() else {
            panic!("{answers:?}")
        };
        assert_eq!((result.call_count, result.changed_count, result.truncated), (judged, judged, judged == 3));
        let one = result.codes.iter().find(|code| code.code == "one").unwrap();
        assert_eq!((one.before_count, one.after_count, one.gained_count, one.lost_count), (0, judged, judged, 0));
        assert_eq!((one.gained_examples.len(), result.top_calls.len()), (2, 1));
        assert_eq!((one.gained_examples[0].call.as_str(), one.gained_examples[0].quote.as_str()), ("calls/c0", "您好"));
        let progress: Vec<_> = answers.iter().filter(|update| matches!(update, Update::Progress(_))).collect();
        assert!(!progress.is_empty() && progress.len() == answers.len());
    }
    assert_eq!(analyzed(&server).await, before);
    let failed = async |request: v1::DryRunRequest| {
        let mut answers = rules(&server).dry_run(request).await?.into_inner();
        while answers.message().await?.is_some() {}
        Ok::<_, Status>(())
    };
    let status = failed(request("[[rule", 0)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID_DOCUMENT"));
    let backwards = v1::DryRunRequest { since: "2026-03-02".into(), until: "2026-03-01".into(), ..request("", 0) };
    assert_eq!(failed(backwards).await.unwrap_err().code(), Code::InvalidArgument);
    let mut late = tonic::Request::new(request(&rule("one", "您好"), 0));
    late.set_timeout(std::time::Duration::from_millis(30));
    let late = async {
        let mut answers = rules(&server).dry_run(late).await?.into_inner();
        while answers.message().await?.is_some() {}
        Ok::<_, Status>(())
    };
    let status = late.await.unwrap_err();
    assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status}");
    let again = request(&rule("one", "您好"), 0);
    eventually("the place of the one that was given up is free again", async || match failed(again.clone()).await {
        Ok(()) => Some(()),
        Err(status) => {
            assert_eq!(reason(&status), "BUSY", "{status}");
            None
        }
    })
    .await;
    server.stop().await.unwrap();
}
