//! Every method by every role, expected (docs/security.md) and actual.

use std::collections::BTreeMap;
use std::path::Path;

use prost_reflect::DescriptorPool;
use qingting::access::{AccessConfig, Role};
use qingting::server::ServerConfig;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_prost::ProstCodec;

use super::{Bearer, Guarded, folder_with, whole};

/// What docs/security.md says: for every method the roles that may call it.
fn documented() -> BTreeMap<String, Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines().skip_while(|line| !line.starts_with("| method |"));
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    let roles = cells(lines.next().unwrap());
    let rows = lines.skip(1).take_while(|line| line.starts_with('|')).map(cells);
    rows.map(|row| {
        let may = roles.iter().zip(&row).skip(1).filter(|(_, cell)| *cell == "✓").map(|(role, _)| role.clone());
        (row[0].clone(), may.collect())
    })
    .collect()
}

/// Every method that the server describes, with its path.
fn methods() -> Vec<(String, String)> {
    let pool = DescriptorPool::decode(qingting_proto::FILE_DESCRIPTOR_SET).unwrap();
    let mut methods = vec![(
        "ServerReflection.ServerReflectionInfo".to_owned(),
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo".to_owned(),
    )];
    for service in pool.services() {
        for method in service.methods() {
            methods.push((
                format!("{}.{}", service.name(), method.name()),
                format!("/{}/{}", service.full_name(), method.name()),
            ));
        }
    }
    methods
}

/// Calls a method with an empty message, which is one of every type; what comes of it is told by the code.
async fn call(channel: &Channel, bearer: Option<&str>, path: &str) -> Code {
    let path = PathAndQuery::try_from(path).unwrap();
    let codec = ProstCodec::<(), ()>::default();
    let answer = match bearer {
        Some(bearer) => {
            let with = tonic::service::interceptor::InterceptedService::new(channel.clone(), Bearer(bearer.to_owned()));
            let mut client = Grpc::new(with);
            client.ready().await.unwrap();
            client.server_streaming(Request::new(()), path, codec).await.map(drop)
        }
        None => {
            let mut client = Grpc::new(channel.clone());
            client.ready().await.unwrap();
            client.server_streaming(Request::new(()), path, codec).await.map(drop)
        }
    };
    answer.map_or_else(|status| status.code(), |()| Code::Ok)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_may_call_what_the_documentation_says_and_nothing_else() {
    let roles = Role::ALL.map(Role::as_str);
    let orders = roles.map(whole);
    let (folder, secrets) = folder_with(&orders);
    let access = AccessConfig { requests_per_second: 0, ..AccessConfig::default() };
    let server = Guarded::start(folder.path(), ServerConfig::default(), access).await;
    let channel = server.channel().await;
    let documented = documented();
    let methods = methods();
    assert_eq!(methods.len(), documented.len(), "every method is documented, and no other");
    for (name, path) in &methods {
        assert_eq!(call(&channel, None, path).await, Code::Unauthenticated, "{name} without a key");
        for (role, secret) in roles.iter().zip(&secrets) {
            let code = call(&channel, Some(secret), path).await;
            let expected = documented[name].iter().any(|may| may == role);
            let admitted = !matches!(code, Code::PermissionDenied | Code::Unauthenticated | Code::Unimplemented);
            assert_eq!(admitted, expected, "{name} by {role}: {code:?}");
        }
    }
    // What there is not is not told to strangers.
    let nowhere = "/qingting.v1.CallService/DropCalls";
    assert_eq!(call(&channel, None, nowhere).await, Code::Unauthenticated);
    assert_eq!(call(&channel, Some(&secrets[5]), nowhere).await, Code::Unimplemented);
    server.stop().await;
}
