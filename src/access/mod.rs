//! Who asks, and what they may: roles and what each permits, which calls somebody sees, API keys, bearer
//! tokens, and which permission every method needs. Owns the decision; what travels over the wire and what
//! is answered is the business of the server.
//!
//! Everything is denied that is not permitted: a method that has no permission here cannot be called, and who
//! has neither key nor token may ask for the server's health and nothing else.

mod config;
mod guard;
mod key;
mod method;
mod pass;
mod role;
mod scope;
mod token;

use std::fmt;
use std::sync::Arc;

pub use config::{AccessConfig, TokenConfig};
pub use guard::{Denied, Guard};
pub use key::{KeyOrder, NewKey, WrongOrder, new_key};
pub use method::{METHODS, METRICS_PATH, Needed, needed};
pub use pass::Pass;
pub use role::{Permission, Role};
pub use scope::Scope;
pub use token::{JwksError, TokenError, Tokens};

/// Somebody who was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// What limits and logs go by: `key:ID`, `token:SUBJECT`, `local`.
    pub id: String,
    /// As the audit trail names them.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Which calls they see.
    pub scope: Scope,
    /// Whether they may see what masking took out of these.
    pub unmasks: bool,
}

impl Principal {
    /// Whoever may write the data folder on this machine. They could read and change everything in it without
    /// the service too.
    pub fn local() -> Arc<Self> {
        Arc::new(Self {
            id: "local".to_owned(),
            name: "local".to_owned(),
            role: Role::Admin,
            scope: Scope::All,
            unmasks: true,
        })
    }

    /// Whether they may do that.
    pub fn may(&self, permission: Permission) -> bool {
        self.role.permits(permission) || (permission == Permission::Unmask && self.unmasks && self.role.sees_calls())
    }

    /// The agent that they are, where they see the calls of one agent alone.
    pub fn agent(&self) -> Option<&str> {
        match &self.scope {
            Scope::Agent(agent) => Some(agent),
            Scope::All | Scope::Teams(_) => None,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.id)
    }
}
