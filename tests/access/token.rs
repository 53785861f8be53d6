//! Bearer tokens of an identity provider.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use qingting::access::{AccessConfig, Role, TokenConfig};
use qingting::server::ServerConfig;
use qingting_proto::v1;
use rcgen::{KeyPair, PublicKeyData};
use serde_json::{Value, json};
use tonic::Code;

use super::{Guarded, access, calls, folder_with, reason};
use crate::patience::eventually;

const ISSUER: &str = "https://id.example.cn/realms/hotline";

fn key_pair() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

/// The public half as a JSON Web Key.
fn jwk(id: &str, key: &KeyPair) -> Value {
    // An uncompressed point: 4, x, y.
    let point = &key.der_bytes()[1..];
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id, "x": text(&point[..32]), "y": text(&point[32..])})
}

fn config(folder: &Path, keys: &[Value]) -> AccessConfig {
    let path = folder.join("jwks.json");
    std::fs::write(&path, json!({"keys": keys}).to_string()).unwrap();
    let tokens = TokenConfig {
        issuer: ISSUER.into(),
        audience: "qingting".into(),
        jwks: path.display().to_string(),
        refresh_s: 1,
        role_claim: "realm_access.roles".into(),
        unmask_claim: "may_unmask".into(),
        roles: [("qa-lead".to_owned(), Role::Reviewer)].into(),
        ..TokenConfig::default()
    };
    AccessConfig { tokens, ..AccessConfig::default() }
}

/// Claims of a valid token, with others over them; null takes one away.
fn claims(over: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": "qingting", "sub": "u-17", "name": "李工",
        "exp": chrono::Utc::now().timestamp() + 600,
        "realm_access": {"roles": ["offline", "qa-lead"]}, "teams": ["一组"],
    });
    for (claim, value) in over.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(claim)),
            value => claims[claim] = value.clone(),
        }
    }
    claims
}

fn sign(id: &str, key: &KeyPair, over: &Value) -> String {
    let header = Header { kid: Some(id.to_owned()), ..Header::new(Algorithm::ES256) };
    encode(&header, &claims(over), &EncodingKey::from_ec_der(&key.serialize_der())).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_says_who_somebody_is_and_what_they_see() {
    let (folder, _) = folder_with(&[]);
    let (keys, key) = (tempfile::tempdir().unwrap(), key_pair());
    let server = Guarded::start(folder.path(), ServerConfig::default(), config(keys.path(), &[jwk("k1", &key)])).await;
    let channel = server.channel().await;
    let token = |over: Value| sign("k1", &key, &over);
    let who = access(&channel, &token(json!({})))
        .get_principal(v1::GetPrincipalRequest {})
        .await
        .unwrap()
        .into_inner();
    let expected = v1::Principal {
        id: "token:u-17".into(),
        display_name: "李工".into(),
        role: "reviewer".into(),
        teams: vec!["一组".into()],
        agent_id: String::new(),
        may_unmask: false,
    };
    assert_eq!(who, expected);
    for (granted, may) in [(json!(true), true), (json!("true"), false), (json!(false), false)] {
        let mut who = access(&channel, &token(json!({"may_unmask": granted})));
        let who = who.get_principal(v1::GetPrincipalRequest {}).await.unwrap().into_inner();
        assert_eq!(who.may_unmask, may);
    }
    let count = async |token: String| {
        let found = calls(&channel, &token).search_calls(v1::SearchCallsRequest::default()).await;
        found.map(|found| found.into_inner().total_size).map_err(|status| reason(&status))
    };
    assert_eq!(count(token(json!({}))).await, Ok(9));
    assert_eq!(count(token(json!({"teams": "*"}))).await, Ok(34));
    let agent = json!({"realm_access": {"roles": ["agent"]}, "agent_id": "A04"});
    assert_eq!(count(token(agent)).await, Ok(2));

    let refused = Err((Code::Unauthenticated, "INVALID_TOKEN".to_owned()));
    let now = chrono::Utc::now().timestamp();
    for over in [
        json!({"teams": null}),
        json!({"teams": []}),
        json!({"realm_access": {"roles": ["offline"]}}),
        json!({"realm_access": null}),
        json!({"realm_access": {"roles": ["agent"]}}),
        json!({"exp": now - 120}),
        json!({"exp": null}),
        json!({"nbf": now + 600}),
        json!({"iss": "https://elsewhere.example.cn"}),
        json!({"aud": "payroll"}),
        json!({"aud": null}),
        json!({"sub": null}),
    ] {
        assert_eq!(count(token(over.clone())).await, refused, "{over}");
    }
    assert_eq!(count(sign("k1", &key_pair(), &json!({}))).await, refused, "another's signature");
    assert_eq!(count(sign("k2", &key, &json!({}))).await, refused, "a key that is not published");
    // A signature with the published key as if it were a shared secret.
    let header = Header { kid: Some("k1".into()), ..Header::new(Algorithm::HS256) };
    let shared = EncodingKey::from_secret(key.public_key_pem().as_bytes());
    assert_eq!(count(encode(&header, &claims(&json!({})), &shared).unwrap()).await, refused);
    let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode("{}"));
    assert_eq!(count(unsigned).await, refused);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keys_of_the_issuer_are_read_again() {
    let (folder, _) = folder_with(&[]);
    let (keys, old, new) = (tempfile::tempdir().unwrap(), key_pair(), key_pair());
    let server = Guarded::start(folder.path(), ServerConfig::default(), config(keys.path(), &[jwk("k1", &old)])).await;
    let channel = server.channel().await;
    let heard = async |id: &str, key: &KeyPair| {
        let token = sign(id, key, &json!({}));
        calls(&channel, &token).search_calls(v1::SearchCallsRequest::default()).await.is_ok()
    };
    assert!(heard("k1", &old).await && !heard("k2", &new).await);
    config(keys.path(), &[jwk("k2", &new)]);
    eventually("the new key is taken", async || heard("k2", &new).await.then_some(())).await;
    assert!(!heard("k1", &old).await);
    // What cannot be read changes nothing.
    std::fs::write(keys.path().join("jwks.json"), "{").unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert!(heard("k2", &new).await);
    server.stop().await;
}
