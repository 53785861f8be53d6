//! Which row of which pair of files holds the version of a call that counts.

use chrono::NaiveDate;
use rusqlite::{OptionalExtension, Row as SqlRow, Transaction, params};

use super::Ledger;
use crate::Result;
use crate::store::Pair;

/// Where a call lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) seq: u64,
    pub(crate) pair: Pair,
    pub(crate) row: u32,
}

/// A pair of files as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredFile {
    pub(crate) pair: Pair,
    pub(crate) rows: u32,
    /// Rows that count; the rest was replaced by rows of other files.
    pub(crate) live: u32,
}

fn pair(date: &str, number: i64) -> Option<Pair> {
    Some(Pair { date: date.parse().ok()?, number: number.cast_unsigned() })
}

/// Date and number out of the first two columns.
fn pair_of(row: &SqlRow<'_>) -> rusqlite::Result<Pair> {
    let date: String = row.get(0)?;
    pair(&date, row.get(1)?).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, format!("no date: {date}").into())
    })
}

impl Ledger {
    /// Where the version of a call that counts lies.
    pub(crate) fn locate(&self, call_id: &str) -> Result<Option<Location>> {
        let mut query = self.connection.prepare_cached(
            "SELECT f.date, f.number, c.seq, c.row FROM calls c JOIN files f ON f.number = c.file WHERE c.call_id = ?1",
        )?;
        let found = query.query_row([call_id], |row| {
            Ok(Location {
                pair: pair_of(row)?,
                seq: row.get::<_, i64>(2)?.cast_unsigned(),
                row: row.get(3)?,
            })
        });
        Ok(found.optional()?)
    }

    /// Every pair of files, by date and number.
    pub(crate) fn files(&self) -> Result<Vec<StoredFile>> {
        self.files_where("1 = 1", [])
    }

    /// The pairs of one date.
    pub(crate) fn files_of(&self, date: NaiveDate) -> Result<Vec<StoredFile>> {
        self.files_where("date = ?1", [date.to_string()])
    }

    fn files_where(&self, condition: &str, values: impl rusqlite::Params) -> Result<Vec<StoredFile>> {
        let mut query = self.connection.prepare_cached(&format!(
            "SELECT date, number, rows, live FROM files WHERE {condition} ORDER BY date, number"
        ))?;
        let files = query
            .query_map(values, |row| Ok(StoredFile { pair: pair_of(row)?, rows: row.get(2)?, live: row.get(3)? }))?;
        Ok(files.collect::<rusqlite::Result<_>>()?)
    }

    /// The rows of a file that count and were written after `seq`, ascending.
    pub(crate) fn live_rows(&self, pair: &Pair, after: u64) -> Result<Vec<u32>> {
        let mut query =
            self.connection.prepare_cached("SELECT row FROM calls WHERE file = ?1 AND seq > ?2 ORDER BY row")?;
        let rows = query.query_map(params![pair.number.cast_signed(), after.cast_signed()], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The pairs with rows that count and were written after `seq`.
    pub(crate) fn files_after(&self, seq: u64) -> Result<Vec<Pair>> {
        let mut query = self.connection.prepare_cached(
            "SELECT date, number FROM files WHERE number IN (SELECT file FROM calls WHERE seq > ?1) ORDER BY date, number",
        )?;
        let pairs = query.query_map([seq.cast_signed()], pair_of)?;
        Ok(pairs.collect::<rusqlite::Result<_>>()?)
    }

    /// The calls that a file is said to hold.
    pub(crate) fn calls_in(&self, pair: &Pair) -> Result<Vec<String>> {
        let mut query = self.connection.prepare_cached("SELECT call_id FROM calls WHERE file = ?1 ORDER BY call_id")?;
        let ids = query.query_map([pair.number.cast_signed()], |row| row.get(0))?;
        Ok(ids.collect::<rusqlite::Result<_>>()?)
    }

    /// The highest number given so far to a row or a file.
    pub(crate) fn last_number(&self) -> Result<u64> {
        let last: i64 = self.connection.query_row(
            "SELECT max(coalesce((SELECT value FROM meta WHERE name = 'last_number'), 0),
                        coalesce((SELECT max(number) FROM files), 0),
                        coalesce((SELECT max(seq) FROM calls), 0))",
            [],
            |row| row.get(0),
        )?;
        Ok(last.cast_unsigned())
    }

    /// Number of calls.
    pub(crate) fn call_count(&self) -> Result<u64> {
        let count: i64 = self.connection.query_row("SELECT coalesce(sum(live), 0) FROM files", [], |row| row.get(0))?;
        Ok(count.cast_unsigned())
    }
}

/// Enters a pair of files with the id and version of each of its rows. A row counts unless a newer
/// version is known; of two rows with the same version (one was copied from the other) that
/// of the file entered later does. Returns how many calls had an earlier version, with its number.
pub(crate) fn add_file(transaction: &Transaction<'_>, pair: &Pair, keys: &[(String, u64)]) -> Result<Vec<u64>> {
    transaction
        .prepare_cached("INSERT INTO files (number, date, rows) VALUES (?1, ?2, ?3)")?
        .execute(params![pair.number.cast_signed(), pair.date.to_string(), keys.len() as i64])?;
    let mut known = transaction.prepare_cached("SELECT seq FROM calls WHERE call_id = ?1")?;
    let mut put = transaction.prepare_cached(
        "INSERT INTO calls (call_id, seq, file, row) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (call_id) DO UPDATE SET seq = excluded.seq, file = excluded.file, row = excluded.row
         WHERE excluded.seq >= seq",
    )?;
    let mut earlier = Vec::new();
    for (row, (call_id, seq)) in keys.iter().enumerate() {
        let before: Option<i64> = known.query_row([call_id], |row| row.get(0)).optional()?;
        earlier.extend(before.map(i64::cast_unsigned).filter(|before| before < seq));
        put.execute(params![call_id, seq.cast_signed(), pair.number.cast_signed(), row as i64])?;
    }
    Ok(earlier)
}

/// Strikes a pair of files, and the calls that it alone held.
pub(crate) fn remove_file(transaction: &Transaction<'_>, pair: &Pair) -> Result<()> {
    let number = pair.number.cast_signed();
    transaction.prepare_cached("DELETE FROM calls WHERE file = ?1")?.execute([number])?;
    transaction.prepare_cached("DELETE FROM files WHERE number = ?1")?.execute([number])?;
    Ok(())
}

/// Strikes calls wherever they lie: their rows count no longer.
pub(crate) fn remove_calls<'a>(
    transaction: &Transaction<'_>,
    call_ids: impl IntoIterator<Item = &'a String>,
) -> Result<()> {
    let mut remove = transaction.prepare_cached("DELETE FROM calls WHERE call_id = ?1")?;
    for call_id in call_ids {
        remove.execute([call_id])?;
    }
    Ok(())
}

/// Notes the highest number given so far.
pub(crate) fn set_last_number(transaction: &Transaction<'_>, number: u64) -> Result<()> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES ('last_number', ?1)")?
        .execute([number.cast_signed()])?;
    Ok(())
}
