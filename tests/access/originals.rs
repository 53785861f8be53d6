//! What masking took out of calls: who sees it, and what is written down of that.

use qingting::access::{AccessConfig, KeyOrder};
use qingting::server::ServerConfig;
use qingting_proto::v1;
use tonic::{Code, Request};
use tonic_types::StatusExt;

use super::{Guarded, access, calls, folder_with, reason, whole};

/// A call of the demo in which something was masked, and its team.
async fn masked(channel: &tonic::transport::Channel, bearer: &str) -> (String, String) {
    let request = v1::SearchCallsRequest { page_size: 100, ..Default::default() };
    let found = calls(channel, bearer).search_calls(request).await.unwrap().into_inner();
    for hit in found.hits {
        let request = v1::GetCallRequest { name: hit.call.clone(), ..Default::default() };
        let record = calls(channel, bearer).get_call(request).await.unwrap().into_inner().record.unwrap();
        if record.turns.iter().any(|turn| turn.text.contains('[')) {
            return (hit.call, record.agent.unwrap().team.unwrap());
        }
    }
    panic!("nothing is masked in any call")
}

fn unmask(name: &str, reason: &str) -> Request<v1::UnmaskCallRequest> {
    Request::new(v1::UnmaskCallRequest { name: name.into(), reason: reason.into() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn particulars_are_shown_to_those_who_may_for_a_reason_that_is_written_down() {
    let (folder, secrets) = folder_with(&[
        whole("admin"),
        KeyOrder { unmask: true, ..whole("admin") },
        KeyOrder { unmask: true, ..whole("agent") },
        whole("reviewer"),
    ]);
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    let (admin, granted, agent, reviewer) = (&secrets[0], &secrets[1], &secrets[2], &secrets[3]);
    let (name, team) = masked(&channel, admin).await;

    for without in [admin, reviewer] {
        let refused = calls(&channel, without).unmask_call(unmask(&name, "回拨来电人")).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::PermissionDenied, "ROLE".into()), "making keys is no grant");
    }
    let hidden = calls(&channel, agent).unmask_call(unmask(&name, "回拨来电人")).await.unwrap_err();
    assert_eq!(hidden.code(), Code::NotFound, "a call of somebody else");
    let mute = calls(&channel, granted).unmask_call(unmask(&name, " 看 ")).await.unwrap_err();
    assert_eq!(mute.get_error_details().bad_request().unwrap().field_violations[0].field, "reason");
    let absent = calls(&channel, granted).unmask_call(unmask("calls/none", "回拨来电人")).await.unwrap_err();
    assert_eq!(absent.code(), Code::NotFound);

    let trail = || async {
        let request = v1::ListAuditEntriesRequest { page_size: 50, page_token: String::new() };
        let entries = access(&channel, admin).list_audit_entries(request).await.unwrap().into_inner().entries;
        entries.into_iter().filter(|entry| entry.action == "call unmasked").collect::<Vec<_>>()
    };
    assert!(trail().await.is_empty(), "nothing was shown yet");
    let shown = calls(&channel, granted)
        .unmask_call(unmask(&name, "来电人有危险，\n需要回拨"))
        .await
        .unwrap()
        .into_inner();
    let said = &shown.particulars[0];
    let record = shown.record.unwrap();
    assert!(record.turns[said.turn as usize].text.contains(&said.text) && !said.text.contains('['), "{said:?}");
    let entries = trail().await;
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (entries[0].subject.as_str(), entries[0].detail.as_str()),
        (name.as_str(), "来电人有危险， 需要回拨")
    );
    assert!(entries[0].who.starts_with("admin (key:"), "{}", entries[0].who);

    // A key with the grant, made for another team.
    let order = v1::CreateKeyRequest {
        display_name: "别组".into(),
        role: "reviewer".into(),
        teams: vec![format!("不是{team}")],
        may_unmask: true,
        ..Default::default()
    };
    let other = access(&channel, admin).create_key(order.clone()).await.unwrap().into_inner();
    assert!(other.key.unwrap().may_unmask);
    let hidden = calls(&channel, &other.secret).unmask_call(unmask(&name, "回拨来电人")).await.unwrap_err();
    assert_eq!(hidden.code(), Code::NotFound);
    let own = v1::CreateKeyRequest { teams: vec![team], ..order };
    let own = access(&channel, admin).create_key(own).await.unwrap().into_inner();
    calls(&channel, &own.secret).unmask_call(unmask(&name, "回拨来电人")).await.unwrap();
    let wrong = v1::CreateKeyRequest {
        display_name: "录音".into(),
        role: "ingest".into(),
        may_unmask: true,
        ..Default::default()
    };
    let wrong = access(&channel, admin).create_key(wrong).await.unwrap_err();
    assert_eq!(wrong.get_error_details().bad_request().unwrap().field_violations[0].field, "may_unmask");
    server.stop().await;
}
