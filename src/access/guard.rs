//! Decides on every request: who asks, whether they may, and whether it is too much.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use qingting_index::ApiKey;
use tokio_util::sync::CancellationToken;

use super::{AccessConfig, Needed, Pass, Permission, Principal, Role, Scope, TokenError, Tokens, key, needed};

/// Callers that the limiter remembers before it forgets those who have been quiet.
const REMEMBERED: usize = 10_000;

/// Why somebody is turned away.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// Neither key nor token came with the request.
    #[error("a key or token is needed: send it as `authorization: Bearer ...`")]
    NoCredentials,
    /// The key is not known, or its secret is wrong.
    #[error("the key is not known")]
    UnknownKey,
    /// The key no longer works.
    #[error("the key {0} has expired or was revoked")]
    EndedKey(String),
    /// What was begun with a key or token goes on no longer than it.
    #[error("{0} has expired or was revoked")]
    Over(String),
    /// The key has a role of another version, or is an agent's and does not say whose.
    #[error("the key {id} has the role \"{role}\", which says too little here; make a new one")]
    UnknownRole {
        /// The key.
        id: String,
        /// Its role.
        role: String,
    },
    /// The token is not taken.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// No tokens are taken here.
    #[error("tokens are not taken here; use a key")]
    NoTokens,
    /// The keys are still being read.
    #[error("still loading")]
    NotReady,
    /// The role does not permit it.
    #[error("{role} may not do this: it needs the permission {permission:?}", role = role.as_str())]
    Forbidden {
        /// The caller's role.
        role: Role,
        /// What it would need.
        permission: Permission,
    },
    /// It concerns more than the caller sees.
    #[error("this concerns all calls, and {who} sees a part of them")]
    Narrow {
        /// The caller.
        who: String,
    },
    /// The call is none of those that the caller sees.
    #[error("this call is none of those that you may see")]
    NotSeen,
    /// There is no such method.
    #[error("there is no method {0}")]
    UnknownMethod(String),
    /// Too many requests.
    #[error("too many requests; the next one in {retry_after:?}")]
    TooMany {
        /// When the next one is taken.
        retry_after: Duration,
    },
}

/// The keys that are known, the tokens that are taken, and how often each caller has asked.
pub struct Guard {
    /// Nobody is asked for a key.
    open: bool,
    /// Agents may see history cards.
    agents_see_cards: bool,
    /// By id, with whom each stands for; `None` until they were read.
    keys: RwLock<Option<BTreeMap<String, Known>>>,
    tokens: Option<Tokens>,
    limiter: Option<DefaultKeyedRateLimiter<String>>,
}

struct Known {
    key: ApiKey,
    /// `None` where the key says too little.
    principal: Option<Arc<Principal>>,
    /// Cancelled when it no longer works.
    revoked: CancellationToken,
}

impl Known {
    fn new(key: ApiKey) -> Self {
        Self { principal: principal(&key), key, revoked: CancellationToken::new() }
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("open", &self.open).finish_non_exhaustive()
    }
}

impl Guard {
    /// One that asks everybody for a key or token. Keys come with [`Guard::set_keys`].
    pub fn new(config: &AccessConfig, tokens: Option<Tokens>) -> Self {
        Self {
            open: false,
            agents_see_cards: config.agents_see_cards,
            keys: RwLock::default(),
            tokens,
            limiter: limiter(config),
        }
    }

    /// One that takes everybody for the administrator, and so cannot tell who asks too often. Only for a server
    /// that nobody else can reach.
    pub fn open() -> Self {
        Self {
            open: true,
            agents_see_cards: true,
            keys: RwLock::default(),
            tokens: None,
            limiter: None,
        }
    }

    /// Whether nobody is asked for a key.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The tokens that are taken.
    pub fn tokens(&self) -> Option<&Tokens> {
        self.tokens.as_ref()
    }

    /// From now on these are the keys.
    pub fn set_keys(&self, keys: Vec<ApiKey>) {
        let keys = keys.into_iter().map(|key| (key.id.clone(), Known::new(key))).collect();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(keys);
    }

    /// From now on there is this key too, or it is as it says.
    pub fn set_key(&self, key: ApiKey) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let ends = key.revoked_at.is_some();
        if let Some(before) = keys.get_or_insert_default().insert(key.id.clone(), Known::new(key))
            && ends
        {
            before.revoked.cancel();
        }
    }

    /// The key of an id, one that has ended too.
    pub fn key(&self, id: &str) -> Option<ApiKey> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.as_ref()?.get(id).map(|known| known.key.clone())
    }

    /// Who calls a method, when they may; `None` where the method needs nobody. `bearer` is what came as
    /// `authorization: Bearer`; `local` says that it came over the socket in the data folder.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(
        &self,
        path: &str,
        bearer: Option<&str>,
        local: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<Pass>, Denied> {
        let needed = needed(path);
        if needed == Some(Needed::Nothing) {
            return Ok(None);
        }
        let pass = if local || self.open {
            Pass::lasting(Principal::local())
        } else {
            self.identify(bearer, now)?
        };
        let who = &pass.who;
        // Only those who are known learn what there is.
        let Some(Needed::Permission(permission)) = needed else {
            return Err(Denied::UnknownMethod(path.to_owned()));
        };
        let kept_from = permission == Permission::ReadCallerCards && who.role == Role::Agent && !self.agents_see_cards;
        if kept_from || !who.may(permission) {
            return Err(Denied::Forbidden { role: who.role, permission });
        }
        if permission.is_about_everything() && who.scope != Scope::All {
            return Err(Denied::Narrow { who: who.name.clone() });
        }
        if !local {
            self.count(who)?;
        }
        Ok(Some(pass))
    }

    fn identify(&self, bearer: Option<&str>, now: DateTime<Utc>) -> Result<Pass, Denied> {
        let bearer = bearer.ok_or(Denied::NoCredentials)?;
        let Some((id, hash)) = key::parse(bearer) else {
            let tokens = self.tokens.as_ref().ok_or(Denied::NoTokens)?;
            let (who, until) = tokens.identify(bearer)?;
            return Ok(Pass { until, ..Pass::lasting(Arc::new(who)) });
        };
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let keys = keys.as_ref().ok_or(Denied::NotReady)?;
        // How long hashes take to compare tells nothing: nobody can choose a secret for the start of its hash.
        let known = keys.get(id).filter(|known| known.key.secret_sha256 == hash).ok_or(Denied::UnknownKey)?;
        if !known.key.is_valid(now) {
            return Err(Denied::EndedKey(id.to_owned()));
        }
        let role = || Denied::UnknownRole { id: id.to_owned(), role: known.key.role.clone() };
        let who = known.principal.clone().ok_or_else(role)?;
        Ok(Pass { who, until: known.key.expires_at, revoked: known.revoked.clone() })
    }

    fn count(&self, who: &Principal) -> Result<(), Denied> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        if limiter.len() > REMEMBERED {
            limiter.retain_recent();
        }
        limiter.check_key(&who.id).map_err(|until| {
            let retry_after = until.wait_time_from(DefaultClock::default().now());
            Denied::TooMany { retry_after }
        })
    }
}

fn limiter(config: &AccessConfig) -> Option<DefaultKeyedRateLimiter<String>> {
    let (rate, burst) = (NonZeroU32::new(config.requests_per_second)?, NonZeroU32::new(config.burst)?);
    Some(RateLimiter::keyed(Quota::per_second(rate).allow_burst(burst)))
}

fn principal(key: &ApiKey) -> Option<Arc<Principal>> {
    let role = Role::parse(&key.role)?;
    let scope = match &key.agent {
        Some(agent) => Scope::Agent(agent.clone()),
        // Better no agent than one who sees everybody's calls.
        None if role == Role::Agent => return None,
        None if key.teams.is_empty() => Scope::All,
        None => Scope::Teams(key.teams.iter().cloned().collect()),
    };
    Some(Arc::new(Principal {
        id: format!("key:{}", key.id),
        name: key.name.clone(),
        role,
        scope,
        unmasks: key.unmasks,
    }))
}
