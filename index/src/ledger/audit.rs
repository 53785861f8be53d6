//! The audit trail: who did what to what, append-only.

use rusqlite::params;

use super::Ledger;
use crate::Result;

/// One line of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Who, by the name of the key.
    pub who: String,
    /// What was done, such as `unmask`.
    pub action: String,
    /// To what, such as a call id.
    pub subject: String,
    /// Anything else, in words.
    pub detail: String,
}

impl Ledger {
    /// Appends a line; it is durable on return.
    pub(crate) fn audit(&self, who: &str, action: &str, subject: &str, detail: &str) -> Result<()> {
        self.connection
            .prepare_cached("INSERT INTO audit (at, who, action, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![chrono::Utc::now().to_rfc3339(), who, action, subject, detail])?;
        Ok(())
    }

    /// Whether there is such a line already, whenever it was written.
    pub(crate) fn is_audited(&self, action: &str, subject: &str, detail: &str) -> Result<bool> {
        let mut query = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM audit WHERE action = ?1 AND subject = ?2 AND detail = ?3)")?;
        Ok(query.query_row([action, subject, detail], |row| row.get(0))?)
    }

    /// Number of lines of an action.
    pub(crate) fn audited(&self, action: &str) -> Result<u64> {
        let mut query = self.connection.prepare_cached("SELECT count(*) FROM audit WHERE action = ?1")?;
        Ok(query.query_row([action], |row| row.get::<_, i64>(0))?.cast_unsigned())
    }

    /// The last lines, newest first.
    pub(crate) fn audit_trail(&self, limit: u32) -> Result<Vec<AuditEntry>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT at, who, action, subject, detail FROM audit ORDER BY id DESC LIMIT ?1")?;
        let entries = query.query_map([limit], |row| {
            Ok(AuditEntry {
                at: row.get(0)?,
                who: row.get(1)?,
                action: row.get(2)?,
                subject: row.get(3)?,
                detail: row.get(4)?,
            })
        })?;
        Ok(entries.collect::<rusqlite::Result<_>>()?)
    }
}
