//! Settings of who may ask: section `[access]` of the configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Role;

/// Who may ask, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessConfig {
    /// Requests a second that one caller may make for a while; 0 is no limit.
    pub requests_per_second: u32,
    /// Requests that one caller may make at once.
    pub burst: u32,
    /// Agents may see the history card of who calls, with the contacts that others had.
    pub agents_see_cards: bool,
    /// Bearer tokens of an identity provider.
    pub tokens: TokenConfig,
}

impl Default for AccessConfig {
    fn default() -> Self {
        Self {
            requests_per_second: 50,
            burst: 200,
            agents_see_cards: false,
            tokens: TokenConfig::default(),
        }
    }
}

/// Which bearer tokens are taken (OpenID Connect Core 1.0, RFC 7519), and what their claims mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenConfig {
    /// The `iss` that tokens must have; empty: no tokens are taken.
    pub issuer: String,
    /// The `aud` that tokens must have.
    pub audience: String,
    /// The keys of the issuer (RFC 7517): a file, or an address that begins with https://.
    pub jwks: String,
    /// Seconds after which the keys are read again.
    pub refresh_s: u64,
    /// Claim with the name that the audit trail shows; `sub` where it is missing. Dots go into objects.
    pub name_claim: String,
    /// Claim with the role or roles.
    pub role_claim: String,
    /// Claim with the teams whose calls are seen; `*` is all.
    pub team_claim: String,
    /// Claim with the id of an agent.
    pub agent_claim: String,
    /// Claim that is `true` for those who may see what masking took out of calls; empty: nobody with a token may.
    pub unmask_claim: String,
    /// What the issuer calls the roles; a role that is not here goes by its own name.
    pub roles: BTreeMap<String, Role>,
}

impl Default for TokenConfig {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            audience: String::new(),
            jwks: String::new(),
            refresh_s: 3600,
            name_claim: "name".to_owned(),
            role_claim: "roles".to_owned(),
            team_claim: "teams".to_owned(),
            agent_claim: "agent_id".to_owned(),
            unmask_claim: String::new(),
            roles: BTreeMap::new(),
        }
    }
}

impl TokenConfig {
    /// Whether tokens are taken at all.
    pub fn is_on(&self) -> bool {
        !self.issuer.is_empty()
    }
}

impl AccessConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// Key and mistake of the first one that is wrong.
    pub fn validate(&self) -> Result<(), (&'static str, String)> {
        if self.requests_per_second > 0 && self.burst == 0 {
            return Err(("burst", "must be at least 1".to_owned()));
        }
        let TokenConfig { issuer, audience, jwks, refresh_s, .. } = &self.tokens;
        if issuer.is_empty() {
            return Ok(());
        }
        if audience.is_empty() {
            return Err(("tokens.audience", "is needed with an issuer: tokens for others must not work here".into()));
        }
        if jwks.is_empty() || jwks.starts_with("http://") {
            return Err(("tokens.jwks", "must be a file or an address that begins with https://".to_owned()));
        }
        if *refresh_s == 0 {
            return Err(("tokens.refresh_s", "must be at least 1".to_owned()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_need_an_audience_and_keys_that_nobody_can_exchange() {
        let with = |issuer: &str, audience: &str, jwks: &str| {
            let tokens = TokenConfig {
                issuer: issuer.into(),
                audience: audience.into(),
                jwks: jwks.into(),
                ..TokenConfig::default()
            };
            AccessConfig { tokens, ..AccessConfig::default() }.validate().map_err(|(key, _)| key)
        };
        assert_eq!(with("", "", ""), Ok(()));
        assert_eq!(with("https://id", "", "keys.json"), Err("tokens.audience"));
        assert_eq!(with("https://id", "qingting", ""), Err("tokens.jwks"));
        assert_eq!(with("https://id", "qingting", "http://id/keys"), Err("tokens.jwks"));
        assert_eq!(with("https://id", "qingting", "https://id/keys"), Ok(()));
        assert!(toml::from_str::<AccessConfig>("[tokens.roles]\nlead = \"boss\"").is_err());
    }
}
