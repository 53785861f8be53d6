//! Bearer tokens of an identity provider: signed JSON Web Tokens (RFC 7519) whose keys are published as a JSON
//! Web Key Set (RFC 7517). Only signatures with a public key are taken: with a shared secret whoever checks
//! tokens could make them too.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::{Principal, Role, Scope, TokenConfig};

const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// How far the clocks of issuer and server may differ, seconds.
const LEEWAY: u64 = 60;
/// How long the issuer may take to answer.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest set of keys that is read, bytes.
const LARGEST: u64 = 1 << 20;
/// The claim value that stands for all teams.
const ALL_TEAMS: &str = "*";

/// Why a token is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is no token, its signature is wrong, it is over, or it was made for somebody else.
    #[error("the token is not valid: {0}")]
    Invalid(#[from] jsonwebtoken::errors::Error),
    /// It is signed in a way that is not taken.
    #[error("tokens signed with {0:?} are not taken")]
    Algorithm(Algorithm),
    /// The issuer does not publish the key that it is signed with.
    #[error("the issuer has no key \"{0}\"")]
    Key(String),
    /// It lacks a claim, or the claim says nothing that is known.
    #[error("claim {claim}: {message}")]
    Claim {
        /// The claim.
        claim: String,
        /// What is missing.
        message: &'static str,
    },
}

/// Why the keys of the issuer cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwksError {
    /// The file cannot be read.
    #[error("{path}")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The address does not answer.
    #[error("{url}")]
    Fetch {
        /// The address.
        url: String,
        /// Why.
        #[source]
        source: Box<ureq::Error>,
    },
    /// What was read is no set of keys.
    #[error("{place}: no JSON Web Key Set")]
    Format {
        /// File or address.
        place: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// Recognises the bearers of tokens.
#[derive(Debug)]
pub struct Tokens {
    config: TokenConfig,
    keys: RwLock<Arc<JwkSet>>,
}

impl Tokens {
    /// Reads the keys of the issuer.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn load(config: &TokenConfig) -> Result<Self, JwksError> {
        Ok(Self { keys: RwLock::new(Arc::new(read(&config.jwks)?)), config: config.clone() })
    }

    /// Reads the keys again; on an error the old ones stay. Blocks.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn refresh(&self) -> Result<(), JwksError> {
        let keys = Arc::new(read(&self.config.jwks)?);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// How often the keys are to be read again.
    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.config.refresh_s)
    }

    /// Who bears a token, and until when it holds.
    ///
    /// # Errors
    /// When it is not valid, or does not say what somebody is and sees.
    pub fn identify(&self, token: &str) -> Result<(Principal, Option<DateTime<Utc>>), TokenError> {
        let header = decode_header(token)?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(TokenError::Algorithm(header.alg));
        }
        let keys = Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner));
        let key = match (&header.kid, keys.keys.as_slice()) {
            (Some(id), _) => keys.find(id),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let key = key.ok_or_else(|| TokenError::Key(header.kid.clone().unwrap_or_default()))?;
        // The algorithm is the token's word; the kind of key is the issuer's, and a signature of another kind fails.
        let mut validation = Validation::new(header.alg);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.config.issuer]);
        validation.set_audience(&[&self.config.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let claims = decode::<Map<String, Value>>(token, &DecodingKey::from_jwk(key)?, &validation)?.claims;
        let end = claims.get("exp").and_then(Value::as_i64);
        let end = end.and_then(|end| DateTime::from_timestamp(end + LEEWAY as i64, 0));
        Ok((self.principal(&claims)?, end))
    }

    fn principal(&self, claims: &Map<String, Value>) -> Result<Principal, TokenError> {
        let TokenConfig { name_claim, role_claim, team_claim, agent_claim, unmask_claim, roles, .. } = &self.config;
        let missing = |claim: &str, message| TokenError::Claim { claim: claim.to_owned(), message };
        let subject = strings(claims, "sub").into_iter().next().ok_or_else(|| missing("sub", "is missing"))?;
        let known = |name: &String| roles.get(name).copied().or_else(|| Role::parse(name));
        let role = strings(claims, role_claim).iter().filter_map(known).max();
        let role = role.ok_or_else(|| missing(role_claim, "names no role that is known here"))?;
        let scope = match role {
            Role::Admin | Role::Ingest | Role::Monitor => Scope::All,
            Role::Agent => {
                let agent = strings(claims, agent_claim).into_iter().next();
                Scope::Agent(agent.ok_or_else(|| missing(agent_claim, "is missing for an agent"))?)
            }
            Role::Viewer | Role::Reviewer => {
                let teams: BTreeSet<String> = strings(claims, team_claim).into_iter().collect();
                match teams.contains(ALL_TEAMS) {
                    true => Scope::All,
                    false if teams.is_empty() => return Err(missing(team_claim, "names neither teams nor *")),
                    false => Scope::Teams(teams),
                }
            }
        };
        let name = strings(claims, name_claim).into_iter().next().unwrap_or_else(|| subject.clone());
        let unmasks = !unmask_claim.is_empty() && claim(claims, unmask_claim) == Some(&Value::Bool(true));
        Ok(Principal { id: format!("token:{subject}"), name, role, scope, unmasks })
    }
}

/// A claim, by the names on the way to it.
fn claim<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    claims.get(path).or_else(|| {
        let mut names = path.split('.');
        let first = names.next().and_then(|name| claims.get(name));
        names.fold(first, |value, name| value?.get(name))
    })
}

/// The text or texts of a claim.
fn strings(claims: &Map<String, Value>, path: &str) -> Vec<String> {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    match claim(claims, path) {
        Some(Value::Array(values)) => values.iter().filter_map(text).collect(),
        Some(value) => text(value).into_iter().collect(),
        None => Vec::new(),
    }
}

fn read(place: &str) -> Result<JwkSet, JwksError> {
    let text = if place.starts_with("https://") {
        fetch(place).map_err(|source| JwksError::Fetch { url: place.to_owned(), source: Box::new(source) })?
    } else {
        std::fs::read_to_string(Path::new(place))
            .map_err(|source| JwksError::File { path: place.to_owned(), source })?
    };
    serde_json::from_str(&text).map_err(|source| JwksError::Format { place: place.to_owned(), source })
}

fn fetch(url: &str) -> Result<String, ureq::Error> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(FETCH_TIMEOUT)).https_only(true).build().into();
    agent.get(url).call()?.body_mut().with_config().limit(LARGEST).read_to_string()
}
