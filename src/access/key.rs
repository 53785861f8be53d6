//! API keys: `qt_ID_SECRET`. The id is public and finds the key; the secret is 32 random bytes, of which only the
//! SHA-256 is kept. A secret of that length cannot be guessed, so a slow hash would protect nothing and make
//! every request slow.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use qingting_index::ApiKey;
use qingting_pipeline::assets::hex;
use rand::RngCore;
use sha2::{Digest, Sha256};

use super::{Role, Scope};

const PREFIX: &str = "qt_";
const ID_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;

/// A key just made: what is kept, and what is handed over, once.
#[derive(Clone)]
pub struct NewKey {
    /// What is kept.
    pub kept: ApiKey,
    /// The whole key.
    pub secret: String,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKey").field("kept", &self.kept).finish_non_exhaustive()
    }
}

/// What is asked of a new key, in the words of people.
#[derive(Debug, Clone, Copy)]
pub struct KeyOrder<'a> {
    /// Whose it is to be.
    pub name: &'a str,
    /// Name of the role.
    pub role: &'a str,
    /// The teams whose calls it may see.
    pub teams: &'a [String],
    /// It may see the calls of all teams.
    pub all_teams: bool,
    /// The agent whose calls it may see; empty for none.
    pub agent: &'a str,
    /// It may see what masking took out of these calls.
    pub unmask: bool,
}

/// What is wrong with an order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct WrongOrder {
    /// The field, by its name in requests.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl KeyOrder<'_> {
    /// Role and scope, when everything that is needed was said and nothing that contradicts it: nobody is to see
    /// all calls because a team was forgotten.
    ///
    /// # Errors
    /// The first thing that is missing or too much.
    pub fn check(&self) -> Result<(Role, Scope), WrongOrder> {
        let wrong = |field, message: &str| Err(WrongOrder { field, message: message.to_owned() });
        if self.name.trim().is_empty() {
            return wrong("display_name", "required: the audit trail names the key by it");
        }
        let Some(role) = Role::parse(self.role) else {
            let roles = Role::ALL.map(Role::as_str).join(", ");
            return wrong("role", &format!("must be one of {roles}"));
        };
        if self.teams.iter().any(|team| team.trim().is_empty() || team.contains('\n')) {
            return wrong("teams", "the name of a team is one line");
        }
        if self.unmask && !role.sees_calls() {
            return wrong("may_unmask", "this role sees no calls");
        }
        if !self.agent.is_empty() && role != Role::Agent {
            return wrong("agent_id", "only a key of the role agent has one");
        }
        match role {
            Role::Viewer | Role::Reviewer => match (self.teams, self.all_teams) {
                ([], true) => Ok((role, Scope::All)),
                ([], false) => wrong("teams", "say which teams, or that it is all"),
                (_, true) => wrong("all_teams", "either all teams or some"),
                (teams, false) => Ok((role, Scope::Teams(teams.iter().cloned().collect()))),
            },
            _ if !self.teams.is_empty() || self.all_teams => wrong("teams", "only viewers and reviewers have teams"),
            Role::Agent if self.agent.trim().is_empty() => wrong("agent_id", "required for an agent"),
            Role::Agent => Ok((role, Scope::Agent(self.agent.to_owned()))),
            Role::Admin | Role::Ingest | Role::Monitor => Ok((role, Scope::All)),
        }
    }
}

/// Makes a key; it may not unmask.
pub fn new_key(name: &str, role: Role, scope: &Scope, expires_at: Option<DateTime<Utc>>) -> NewKey {
    let mut rng = rand::rng();
    let (mut id, mut secret) = ([0; ID_BYTES], [0; SECRET_BYTES]);
    rng.fill_bytes(&mut id);
    rng.fill_bytes(&mut secret);
    let id = hex(&id);
    let secret = URL_SAFE_NO_PAD.encode(secret);
    let (teams, agent) = match scope {
        Scope::All => (Vec::new(), None),
        Scope::Teams(teams) => (teams.iter().cloned().collect(), None),
        Scope::Agent(agent) => (Vec::new(), Some(agent.clone())),
    };
    let kept = ApiKey {
        id: id.clone(),
        name: name.to_owned(),
        role: role.as_str().to_owned(),
        teams,
        agent,
        unmasks: false,
        secret_sha256: hash(&secret),
        created_at: Utc::now(),
        expires_at,
        revoked_at: None,
    };
    NewKey { kept, secret: format!("{PREFIX}{id}_{secret}") }
}

/// Id and hash of the secret of what looks like a key.
pub(super) fn parse(key: &str) -> Option<(&str, String)> {
    let (id, secret) = key.strip_prefix(PREFIX)?.split_once('_')?;
    Some((id, hash(secret)))
}

fn hash(secret: &str) -> String {
    hex(&Sha256::digest(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_id_and_the_hash_of_its_secret_alone() {
        let made = new_key("质检", Role::Viewer, &Scope::Teams(["一组".to_owned()].into()), None);
        let (id, hash) = parse(&made.secret).unwrap();
        assert_eq!((id, &hash), (made.kept.id.as_str(), &made.kept.secret_sha256));
        assert!(!format!("{made:?}").contains(&made.secret));
        assert_ne!(new_key("质检", Role::Viewer, &Scope::All, None).secret, made.secret);
        assert!(parse("qt_ab").is_none() && parse("eyJhbGciOi").is_none());
        let other = made.secret.replace(['A', 'a'], "B");
        assert_ne!(parse(&format!("{other}x")).unwrap().1, hash);
    }

    #[test]
    fn nobody_sees_all_calls_because_something_was_forgotten() {
        let teams = ["一组".to_owned()];
        let order = KeyOrder {
            name: "甲",
            role: "viewer",
            teams: &[],
            all_teams: false,
            agent: "",
            unmask: false,
        };
        let field = |order: KeyOrder<'_>| order.check().map_err(|wrong| wrong.field);
        assert_eq!(field(order), Err("teams"));
        assert_eq!(field(KeyOrder { all_teams: true, ..order }), Ok((Role::Viewer, Scope::All)));
        assert_eq!(field(KeyOrder { teams: &teams, all_teams: true, ..order }), Err("all_teams"));
        assert!(matches!(field(KeyOrder { teams: &teams, ..order }), Ok((_, Scope::Teams(_)))));
        assert_eq!(field(KeyOrder { name: " ", ..order }), Err("display_name"));
        assert_eq!(field(KeyOrder { role: "boss", ..order }), Err("role"));
        let agent = KeyOrder { role: "agent", ..order };
        assert_eq!(field(agent), Err("agent_id"));
        assert_eq!(field(KeyOrder { agent: "A01", ..agent }), Ok((Role::Agent, Scope::Agent("A01".into()))));
        assert_eq!(field(KeyOrder { teams: &teams, agent: "A01", ..agent }), Err("teams"));
        assert_eq!(field(KeyOrder { role: "admin", agent: "A01", ..order }), Err("agent_id"));
        assert_eq!(field(KeyOrder { role: "ingest", unmask: true, ..order }), Err("may_unmask"));
        assert_eq!(field(KeyOrder { role: "admin", unmask: true, ..order }), Ok((Role::Admin, Scope::All)));
        assert_eq!(field(KeyOrder { role: "admin", teams: &teams, ..order }), Err("teams"));
    }
}
