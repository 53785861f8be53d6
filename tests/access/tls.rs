//! TLS, and the certificates of clients.

use std::path::Path;

use qingting::access::AccessConfig;
use qingting::server::{ServerConfig, TlsConfig};
use qingting_proto::v1;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

use super::{Guarded, calls, folder_with, serving, whole};
use crate::patience::PATIENCE;

pub(super) type Authority = CertifiedIssuer<'static, KeyPair>;

pub(super) fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    // A certificate whose subject is its issuer's looks signed by itself to some clients.
    params.distinguished_name.push(DnType::CommonName, "an authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Certificate and key in PEM.
fn certificate(authority: &Authority, name: &str, purpose: ExtendedKeyUsagePurpose) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.extended_key_usages = vec![purpose];
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

pub(super) fn files(dir: &Path, authority: &Authority, clients: Option<&Authority>) -> TlsConfig {
    let (cert, key) = certificate(authority, "localhost", ExtendedKeyUsagePurpose::ServerAuth);
    let write = |name: &str, text: &str| {
        std::fs::write(dir.join(name), text).unwrap();
        dir.join(name)
    };
    TlsConfig {
        cert: write("cert.pem", &cert),
        key: write("key.pem", &key),
        client_ca: clients.map(|clients| write("clients.pem", &clients.pem())).unwrap_or_default(),
    }
}

async fn connect(server: &Guarded, tls: ClientTlsConfig) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Channel::from_shared(format!("https://localhost:{}", server.address.port())).unwrap();
    endpoint.tls_config(tls)?.timeout(PATIENCE).connect().await
}

/// Whether a request over the connection is answered.
async fn answers(channel: &Channel, key: &str) -> bool {
    calls(channel, key).search_calls(v1::SearchCallsRequest::default()).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_those_are_heard_who_trust_the_certificate_and_have_a_key() {
    let (folder, secrets) = folder_with(&[whole("viewer")]);
    let (authority, files_of) = (authority(), tempfile::tempdir().unwrap());
    let config = ServerConfig { tls: files(files_of.path(), &authority, None), ..ServerConfig::default() };
    let server = Guarded::start(folder.path(), config, AccessConfig::default()).await;
    let trusting = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority.pem()));
    let channel = connect(&server, trusting).await.unwrap();
    serving(&channel).await;
    assert!(answers(&channel, &secrets[0]).await);
    assert!(!answers(&channel, "qt_none_none").await);
    let other = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(self::authority().pem()));
    assert!(connect(&server, other).await.is_err(), "a certificate that nobody vouches for");
    let plain = Channel::from_shared(format!("http://{}", server.address)).unwrap().connect().await;
    let heard = match plain {
        Ok(channel) => answers(&channel, &secrets[0]).await,
        Err(_) => false,
    };
    assert!(!heard, "without TLS");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_clients_need_certificates_a_key_alone_is_not_enough() {
    let (folder, secrets) = folder_with(&[whole("viewer")]);
    let (ours, theirs, files_of) = (authority(), authority(), tempfile::tempdir().unwrap());
    let config = ServerConfig { tls: files(files_of.path(), &ours, Some(&theirs)), ..ServerConfig::default() };
    let server = Guarded::start(folder.path(), config, AccessConfig::default()).await;
    let trusting = || ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ours.pem()));
    let (cert, key) = certificate(&theirs, "quality-desk", ExtendedKeyUsagePurpose::ClientAuth);
    let channel = connect(&server, trusting().identity(Identity::from_pem(cert, key))).await.unwrap();
    serving(&channel).await;
    assert!(answers(&channel, &secrets[0]).await);
    assert!(!answers(&channel, "qt_none_none").await, "nor a certificate alone");
    let (cert, key) = certificate(&ours, "quality-desk", ExtendedKeyUsagePurpose::ClientAuth);
    for tls in [trusting(), trusting().identity(Identity::from_pem(cert, key))] {
        // A client learns of the refusal with the first answer, since its own part of the handshake is done.
        let heard = match connect(&server, tls).await {
            Ok(channel) => answers(&channel, &secrets[0]).await,
            Err(_) => false,
        };
        assert!(!heard);
    }
    server.stop().await;
}
