//! Browsers: gRPC-web over HTTP/1.1 on the same port, and which pages may ask.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use prost::Message;
use qingting::access::AccessConfig;
use qingting::server::ServerConfig;
use qingting_proto::v1;

use super::{Guarded, calls, folder_with, whole};

const PAGE: &str = "https://qa.example.cn";

/// One request over HTTP/1.1: head and body of the answer.
fn ask(address: SocketAddr, head: &str, body: &[u8]) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(stream, "{head}\r\nHost: {address}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n").unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    (String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase(), answer[end + 4..].to_vec())
}

/// A message as gRPC frames it.
fn framed(message: &impl Message) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend((message.encoded_len() as u32).to_be_bytes());
    frame.extend(message.encode_to_vec());
    frame
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_allowed_asks_with_a_key_and_another_is_not_let_in_by_the_browser() {
    let (folder, secrets) = folder_with(&[whole("viewer")]);
    let config = ServerConfig { web_origins: vec![PAGE.into()], ..ServerConfig::default() };
    let server = Guarded::start(folder.path(), config, AccessConfig::default()).await;
    drop(server.channel().await);
    let (address, key) = (server.address, secrets[0].clone());
    let asked = tokio::task::spawn_blocking(move || {
        let path = "/qingting.v1.CallService/SearchCalls HTTP/1.1";
        let grpc_web = "Content-Type: application/grpc-web+proto\r\nAccept: application/grpc-web+proto";
        let request = framed(&v1::SearchCallsRequest { query: "停水".into(), ..Default::default() });
        let with = |key: &str| {
            let head = format!("POST {path}\r\nOrigin: {PAGE}\r\n{grpc_web}\r\nAuthorization: Bearer {key}");
            ask(address, &head, &request)
        };
        let preflight = |origin: &str| {
            let head = format!(
                "OPTIONS {path}\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: POST\r\n\
                 Access-Control-Request-Headers: authorization,content-type,x-grpc-web"
            );
            ask(address, &head, &[]).0
        };
        (with(&key), with("qt_none_none"), preflight(PAGE), preflight("https://evil.example.com"))
    });
    let ((head, body), (refused, _), allowed, foreign) = asked.await.unwrap();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains(&format!("access-control-allow-origin: {PAGE}")), "{head}");
    assert!(head.contains("x-request-id: "), "{head}");
    // Chunks of HTTP/1.1 around the frame: the ids of the calls are in it as they are, and the trailers follow.
    let text = String::from_utf8_lossy(&body);
    assert!(text.contains("calls/demo-") && text.contains("grpc-status:0"), "{text}");
    assert!(refused.contains("grpc-status: 16"), "{refused}");
    assert!(allowed.contains(&format!("access-control-allow-origin: {PAGE}")), "{allowed}");
    assert!(allowed.contains("access-control-allow-headers: authorization,content-type,x-grpc-web"), "{allowed}");
    assert!(!foreign.contains("access-control-allow-origin"), "{foreign}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_reads_the_figures_of_the_server_with_a_key_of_its_own() {
    let (folder, secrets) = folder_with(&[whole("monitor"), whole("viewer")]);
    let server = Guarded::start(folder.path(), ServerConfig::default(), AccessConfig::default()).await;
    let channel = server.channel().await;
    calls(&channel, &secrets[1]).search_calls(v1::SearchCallsRequest::default()).await.unwrap();
    let address = server.address;
    let asked = tokio::task::spawn_blocking(move || {
        let get = |key: &str| ask(address, &format!("GET /metrics HTTP/1.1\r\nAuthorization: Bearer {key}"), &[]);
        (get(&secrets[0]), get(&secrets[1]).0, get("qt_none_none").0)
    });
    let ((head, body), forbidden, unknown) = asked.await.unwrap();
    assert!(head.starts_with("http/1.1 200") && head.contains("application/openmetrics-text"), "{head}");
    let text = String::from_utf8(body).unwrap();
    let counted = r#"qingting_requests_total{method="qingting.v1.CallService/SearchCalls",code="Ok"} 1"#;
    for line in [counted, "qingting_ready 1", "qingting_streams 0", "# EOF"] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(
        forbidden.starts_with("http/1.1 403") && unknown.starts_with("http/1.1 401"),
        "{forbidden} {unknown}"
    );
    server.stop().await;
}
