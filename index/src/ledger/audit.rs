//! The audit trail: who did what to what. Append-only, and chained: the hash of an entry covers the entry and
//! the hash before it, so that whoever changes or removes one has to change all that follow. What is cut off
//! at the end can only be told by somebody who knows a later hash: [`AuditCheck::head`] is to be kept elsewhere.

use qingting_pipeline::assets::hex;
use rusqlite::{Connection, Row, params};
use sha2::{Digest, Sha256};

use super::Ledger;
use crate::Result;

/// One entry of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number, ascending.
    pub number: i64,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Who, by the name of the key.
    pub who: String,
    /// What was done, such as `reveal`.
    pub action: String,
    /// To what, such as a call id.
    pub subject: String,
    /// Anything else, in words.
    pub detail: String,
    /// SHA-256 over the hash before and the entry, hexadecimal; empty for entries from before there was a chain.
    pub hash: String,
}

/// What a check of the chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditCheck {
    /// Entries that were looked at.
    pub entries: u64,
    /// The first entry that does not fit the one before it.
    pub broken: Option<AuditEntry>,
    /// The hash of the last entry as it has to be; empty when there is none.
    pub head: String,
}

const COLUMNS: &str = "id, at, who, action, subject, detail, hash";

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    Ok(AuditEntry {
        number: row.get(0)?,
        at: row.get(1)?,
        who: row.get(2)?,
        action: row.get(3)?,
        subject: row.get(4)?,
        detail: row.get(5)?,
        hash: row.get(6)?,
    })
}

/// The hash of an entry: over the JSON array of the hash before it and its fields, so that no two entries
/// are written alike.
fn chained(before: &str, entry: &AuditEntry) -> String {
    let AuditEntry { number, at, who, action, subject, detail, .. } = entry;
    let fields = serde_json::json!([before, number, at, who, action, subject, detail]);
    hex(&Sha256::digest(fields.to_string()))
}

/// The hash that the next entry goes on from. Entries from before the chain are covered by its first one.
fn last_hash(connection: &Connection) -> Result<String> {
    let mut query = connection.prepare_cached("SELECT hash FROM audit ORDER BY id DESC LIMIT 1")?;
    let last: Option<String> = query.query_map([], |row| row.get(0))?.next().transpose()?;
    match last {
        None => Ok(String::new()),
        Some(hash) if !hash.is_empty() => Ok(hash),
        Some(_) => Ok(check(connection)?.head),
    }
}

fn check(connection: &Connection) -> Result<AuditCheck> {
    let mut query = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM audit ORDER BY id"))?;
    let mut checked = AuditCheck { entries: 0, broken: None, head: String::new() };
    let mut chain = false;
    for entry in query.query_map([], entry)? {
        let entry = entry?;
        checked.entries += 1;
        checked.head = chained(&checked.head, &entry);
        // Once there is a chain, every entry is part of it.
        chain |= !entry.hash.is_empty();
        if chain && entry.hash != checked.head && checked.broken.is_none() {
            checked.broken = Some(entry);
        }
    }
    Ok(checked)
}

/// Appends an entry within a transaction that writes.
pub(crate) fn append(connection: &Connection, who: &str, action: &str, subject: &str, detail: &str) -> Result<()> {
    let before = last_hash(connection)?;
    let mut last = connection.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")?;
    let number = last.query_map([], |row| row.get::<_, i64>(0))?.next().transpose()?.unwrap_or(0) + 1;
    let mut entry = AuditEntry {
        number,
        at: chrono::Utc::now().to_rfc3339(),
        who: who.to_owned(),
        action: action.to_owned(),
        subject: subject.to_owned(),
        detail: detail.to_owned(),
        hash: String::new(),
    };
    entry.hash = chained(&before, &entry);
    connection
        .prepare_cached(&format!("INSERT INTO audit ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"))?
        .execute(params![number, entry.at, who, action, subject, detail, entry.hash])?;
    Ok(())
}

impl Ledger {
    /// Appends an entry; it is durable on return.
    pub(crate) fn audit(&mut self, who: &str, action: &str, subject: &str, detail: &str) -> Result<()> {
        self.write(|transaction| append(transaction, who, action, subject, detail))
    }

    /// Whether there is such an entry already, whenever it was written.
    pub(crate) fn is_audited(&self, action: &str, subject: &str, detail: &str) -> Result<bool> {
        let mut query = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM audit WHERE action = ?1 AND subject = ?2 AND detail = ?3)")?;
        Ok(query.query_row([action, subject, detail], |row| row.get(0))?)
    }

    /// Number of entries of an action.
    pub(crate) fn audited(&self, action: &str) -> Result<u64> {
        let mut query = self.connection.prepare_cached("SELECT count(*) FROM audit WHERE action = ?1")?;
        Ok(query.query_row([action], |row| row.get::<_, i64>(0))?.cast_unsigned())
    }

    /// The last entries before a number, newest first.
    pub(crate) fn audit_trail(&self, before: Option<i64>, limit: u32) -> Result<Vec<AuditEntry>> {
        let mut query = self
            .connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2"))?;
        let entries = query.query_map(params![before.unwrap_or(i64::MAX), limit], entry)?;
        Ok(entries.collect::<rusqlite::Result<_>>()?)
    }

    /// Goes through the whole chain.
    pub(crate) fn check_audit(&self) -> Result<AuditCheck> {
        check(&self.connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> (tempfile::TempDir, Ledger) {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(dir.path()).unwrap();
        for call in ["a", "b", "c"] {
            ledger.audit("甲", "reveal", call, "核实").unwrap();
        }
        (dir, ledger)
    }

    /// What somebody does who can write the file: the triggers are no hindrance to them.
    fn tampered(change: &str) -> AuditCheck {
        let (_dir, ledger) = ledger();
        let unhindered = "DROP TRIGGER audit_is_never_changed; DROP TRIGGER audit_is_never_shortened;";
        ledger.connection.execute_batch(&format!("{unhindered} {change}")).unwrap();
        ledger.check_audit().unwrap()
    }

    #[test]
    fn a_changed_or_removed_entry_breaks_the_chain_where_it_was() {
        let (_dir, good) = ledger();
        let check = good.check_audit().unwrap();
        let last = &good.audit_trail(None, 1).unwrap()[0];
        assert_eq!((check.entries, check.broken, &check.head), (3, None, &last.hash));
        let broken = |change: &str| tampered(change).broken.map(|entry| entry.subject);
        assert_eq!(broken("UPDATE audit SET detail = '' WHERE subject = 'b'").as_deref(), Some("b"));
        assert_eq!(broken("DELETE FROM audit WHERE subject = 'a'").as_deref(), Some("b"));
        assert_eq!(broken("UPDATE audit SET hash = '' WHERE subject = 'c'").as_deref(), Some("c"));
        // What is cut off at the end leaves a chain that holds, with another head.
        let cut = tampered("DELETE FROM audit WHERE subject = 'c'");
        assert!(cut.broken.is_none() && cut.head != check.head);
    }

    #[test]
    fn entries_from_before_the_chain_are_covered_by_its_first_one() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(dir.path()).unwrap();
        let old = "INSERT INTO audit (at, who, action, subject, detail) VALUES ('t', '甲', 'erase', ?1, '')";
        ledger.connection.execute(old, ["x"]).unwrap();
        ledger.connection.execute(old, ["y"]).unwrap();
        ledger.audit("乙", "reveal", "z", "").unwrap();
        assert!(ledger.check_audit().unwrap().broken.is_none());
        ledger.connection.execute_batch("DROP TRIGGER audit_is_never_changed").unwrap();
        ledger.connection.execute("UPDATE audit SET who = '丙' WHERE subject = 'x'", []).unwrap();
        assert_eq!(ledger.check_audit().unwrap().broken.unwrap().subject, "z");
    }
}
