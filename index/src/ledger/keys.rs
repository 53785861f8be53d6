//! Who may ask the service: API keys, without their secrets. What a role may do is the service's business.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, params};

use super::{Ledger, audit};
use crate::{Error, Result};

/// A key as it is kept. The secret itself is shown once, when the key is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The public part, which is in the key too.
    pub id: String,
    /// Whose it is, as the audit trail and the logs name it.
    pub name: String,
    /// Name of the role.
    pub role: String,
    /// The teams whose calls it may see; empty is all.
    pub teams: Vec<String>,
    /// The agent whose calls it may see.
    pub agent: Option<String>,
    /// Whether it may see what masking took out of these calls.
    pub unmasks: bool,
    /// SHA-256 of the secret, hexadecimal. The secret is random and long, so nothing slower is called for.
    pub secret_sha256: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it works.
    pub expires_at: Option<DateTime<Utc>>,
    /// Since when it no longer works.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl ApiKey {
    /// Whether it works at that time.
    pub fn is_valid(&self, at: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| at < end)
    }
}

/// The action of a made key in the audit trail.
const CREATED: &str = "key created";
/// The action of a revoked key in the audit trail.
const REVOKED: &str = "key revoked";

const COLUMNS: &str = "id, name, role, teams, agent, secret_sha256, created_at, expires_at, revoked_at, unmasks";

fn key(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    let time = |text: String, column: usize| {
        DateTime::parse_from_rfc3339(&text)
            .map(|at| at.to_utc())
            .map_err(|e| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, e.into()))
    };
    let optional = |column: usize| row.get::<_, Option<String>>(column)?.map(|text| time(text, column)).transpose();
    let teams: String = row.get(3)?;
    Ok(ApiKey {
        id: row.get(0)?,
        name: row.get(1)?,
        role: row.get(2)?,
        teams: teams.lines().map(str::to_owned).collect(),
        agent: row.get(4)?,
        secret_sha256: row.get(5)?,
        created_at: time(row.get(6)?, 6)?,
        expires_at: optional(7)?,
        revoked_at: optional(8)?,
        unmasks: row.get(9)?,
    })
}

impl Ledger {
    /// All keys, revoked ones too, in the order in which they were made.
    pub(crate) fn keys(&self) -> Result<Vec<ApiKey>> {
        let mut query =
            self.connection.prepare_cached(&format!("SELECT {COLUMNS} FROM keys ORDER BY created_at, id"))?;
        Ok(query.query_map([], key)?.collect::<rusqlite::Result<_>>()?)
    }

    /// Keeps a new key, and who made it.
    pub(crate) fn add_key(&mut self, key: &ApiKey, who: &str) -> Result<()> {
        if key.teams.iter().any(|team| team.contains('\n')) {
            return Err(Error::Refused { what: format!("key {}", key.name), message: "a team of two lines".into() });
        }
        let unmasks = if key.unmasks { ", may unmask" } else { "" };
        let detail = format!("{} as {}{unmasks}", key.name, key.role);
        self.write(|transaction| {
            transaction.execute(
                &format!("INSERT INTO keys ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
                params![
                    key.id,
                    key.name,
                    key.role,
                    key.teams.join("\n"),
                    key.agent,
                    key.secret_sha256,
                    key.created_at.to_rfc3339(),
                    key.expires_at.map(|at| at.to_rfc3339()),
                    key.revoked_at.map(|at| at.to_rfc3339()),
                    key.unmasks,
                ],
            )?;
            audit::append(transaction, who, CREATED, &key.id, &detail)
        })
    }

    /// Ends a key for good; one that was revoked before stays as it is.
    pub(crate) fn revoke_key(&mut self, id: &str, at: DateTime<Utc>, who: &str) -> Result<ApiKey> {
        self.write(|transaction| {
            let read = || transaction.query_row(&format!("SELECT {COLUMNS} FROM keys WHERE id = ?1"), [id], key);
            let known = read().optional()?.ok_or_else(|| Error::not_found(format!("key {id}")))?;
            if known.revoked_at.is_some() {
                return Ok(known);
            }
            transaction.execute("UPDATE keys SET revoked_at = ?2 WHERE id = ?1", [id, &at.to_rfc3339()])?;
            audit::append(transaction, who, REVOKED, id, &known.name)?;
            Ok(read()?)
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn keys_come_back_as_they_were_and_their_ends_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(dir.path()).unwrap();
        let now = Utc::now();
        let made = ApiKey {
            id: "k1".into(),
            name: "质检一组".into(),
            role: "viewer".into(),
            teams: vec!["一组".into(), "夜班".into()],
            agent: None,
            unmasks: true,
            secret_sha256: "00".into(),
            created_at: now,
            expires_at: Some(now + TimeDelta::days(1)),
            revoked_at: None,
        };
        ledger.add_key(&made, "管理员").unwrap();
        assert_eq!(ledger.keys().unwrap(), std::slice::from_ref(&made));
        assert!(made.is_valid(now) && !made.is_valid(now + TimeDelta::days(1)));
        assert!(ledger.add_key(&made, "管理员").is_err(), "ids are unique");
        let revoked = ledger.revoke_key("k1", now, "管理员").unwrap();
        assert!(!revoked.is_valid(now));
        let again = ledger.revoke_key("k1", now + TimeDelta::days(2), "别人").unwrap();
        assert_eq!(again, revoked);
        assert!(matches!(ledger.revoke_key("k2", now, "管理员"), Err(Error::NotFound { .. })));
        let actions: Vec<String> = ledger.audit_trail(None, 9).unwrap().into_iter().map(|e| e.action).collect();
        assert_eq!(actions, [REVOKED, CREATED]);
    }
}
