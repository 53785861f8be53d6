//! Who tries rules out on which calls, and who publishes them.

use futures::StreamExt;
use qingting::access::{AccessConfig, KeyOrder};
use qingting::server::ServerConfig;
use qingting_proto::v1;
use qingting_proto::v1::dry_run_response::Update;
use qingting_proto::v1::review_service_client::ReviewServiceClient;
use qingting_proto::v1::rule_service_client::RuleServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::{Bearer, Guarded, With, access, folder_with, whole};
use crate::patience::eventually;

const NAME: &str = "documents/rules/own.toml";
const RULE: &str = "[[code]]\ncode = \"greeted\"\ntitle = \"x\"\nlevel = \"call\"\nrole = \"agent\"\n[[rule]]\nid = \"own\"\n\
    version = 1\ntitle = \"x\"\ndoc = \"x\"\ncode = \"greeted\"\nconfidence = 0.9\nexplanation = \"x\"\n\
    [rule.condition.a]\nrole = \"agent\"\nmin_chars = 1\n";

fn rules(channel: &Channel, bearer: &str) -> RuleServiceClient<With> {
    RuleServiceClient::with_interceptor(channel.clone(), Bearer(bearer.to_owned()))
}

fn draft() -> v1::Draft {
    v1::Draft { name: NAME.into(), text: RULE.into(), expected_version: 0 }
}

async fn tried(channel: &Channel, bearer: &str) -> Result<v1::DryRunResult, Status> {
    let request = v1::DryRunRequest { drafts: vec![draft()], example_count: 20, top_count: 100, ..Default::default() };
    // That of somebody before may be about to end.
    let answers = eventually("there is a place for a dry run", async || {
        match rules(channel, bearer).dry_run(request.clone()).await {
            Err(status) if status.code() == Code::ResourceExhausted => None,
            answers => Some(answers),
        }
    });
    let mut answers = answers.await?.into_inner();
    while let Some(answer) = answers.next().await {
        if let Some(Update::Result(result)) = answer?.update {
            return Ok(result);
        }
    }
    panic!("no result");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_are_tried_out_on_ones_own_calls_and_published_by_administrators() {
    let teams = ["一组".to_owned()];
    let own = KeyOrder { name: "一组质检", teams: &teams, all_teams: false, ..whole("reviewer") };
    let viewer = KeyOrder { teams: &teams, all_teams: false, ..whole("viewer") };
    let (folder, secrets) = folder_with(&[whole("admin"), whole("reviewer"), own, viewer]);
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    let [admin, reviewer, team, viewer] = [0, 1, 2, 3].map(|at| secrets[at].as_str());
    let all = tried(&channel, admin).await.unwrap();
    assert_eq!(all.call_count, 34);
    assert_eq!(tried(&channel, reviewer).await.unwrap(), all);
    let mine = tried(&channel, team).await.unwrap();
    assert_eq!(mine.call_count, 9);
    let named: Vec<&str> = mine.top_calls.iter().map(|call| call.call.as_str()).collect();
    assert!(named.len() > 3, "{named:?}");

    // A call of an open calibration is not shown to those who are to judge it, nor counted for them.
    let mut reviews = ReviewServiceClient::with_interceptor(channel.clone(), Bearer(admin.to_owned()));
    let calibration = v1::CreateCalibrationRequest {
        display_name: "校准".into(),
        calls: vec![named[0].to_owned()],
        codes: vec!["impatience".into()],
    };
    reviews.create_calibration(calibration).await.unwrap();
    let blind = tried(&channel, team).await.unwrap();
    assert_eq!(blind.call_count, 8);
    assert!(blind.top_calls.iter().all(|call| call.call != named[0]));
    assert_eq!(tried(&channel, admin).await.unwrap(), all);

    assert_eq!(tried(&channel, viewer).await.unwrap_err().code(), Code::PermissionDenied);
    let order = || v1::PublishDocumentsRequest { drafts: vec![draft()], note: "试行".into() };
    for bearer in [reviewer, team, viewer] {
        let status = rules(&channel, bearer).publish_documents(order()).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
    }
    rules(&channel, admin).publish_documents(order()).await.unwrap();
    let get = v1::GetDocumentRequest { name: NAME.into(), version: None };
    let document = rules(&channel, viewer).get_document(get).await.unwrap().into_inner();
    let author = document.newest.unwrap().author.unwrap();
    assert!(author.id.starts_with("key:") && author.display_name == "admin", "{author:?}");
    let trail = access(&channel, admin).list_audit_entries(v1::ListAuditEntriesRequest::default()).await.unwrap();
    let entry = &trail.into_inner().entries[0];
    assert_eq!((entry.action.as_str(), entry.subject.as_str()), ("document published", "rules/own.toml version 1"));
    assert!(entry.who.contains("key:") && entry.who.contains("admin") && entry.detail == "试行", "{entry:?}");
    server.stop().await;
}
