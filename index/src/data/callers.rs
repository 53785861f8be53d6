//! The calls of a caller, newest first, fast enough for while the telephone rings. Owns which rows of which file are of
//! whom: files never change, so what was read of one stays true until a merge takes it away.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::NaiveDate;
use qingting_pipeline::Analyzed;
use qingting_pipeline::record::Caller;

use super::DataDir;
use crate::caller::CallerKey;
use crate::store::{Pair, Row};
use crate::{Error, Result};

/// Rows read at a time.
const BATCH: usize = 64;
/// Hexadecimal digits of a pseudonym that rows are found by: 128 bits, after which the row itself is asked.
const DIGITS: usize = 32;

/// The start of a pseudonym, and a row.
type Rows = Vec<(u128, u32)>;

/// The rows of every file that was asked about, in order of pseudonyms.
#[derive(Debug, Default)]
pub(super) struct CallerRows(Mutex<HashMap<u64, Arc<Rows>>>);

fn start(pseudonym: &str) -> Option<u128> {
    u128::from_str_radix(pseudonym.get(..DIGITS)?, 16).ok()
}

fn is_one_of(caller: Option<&Caller>, pseudonyms: &[String]) -> bool {
    caller.is_some_and(|caller| [&caller.id, &caller.number].into_iter().flatten().any(|p| pseudonyms.contains(p)))
}

impl CallerRows {
    fn of(&self, data: &DataDir, pair: &Pair) -> Result<Arc<Rows>> {
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&pair.number) {
            return Ok(Arc::clone(known));
        }
        let mut rows = Rows::new();
        for ((_, caller), row) in data.partitions.callers(pair)?.into_iter().zip(0..) {
            let caller = caller.unwrap_or_default();
            rows.extend([caller.id, caller.number].into_iter().flatten().filter_map(|p| Some((start(&p)?, row))));
        }
        rows.sort_unstable();
        rows.shrink_to_fit();
        let rows = Arc::new(rows);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(pair.number, Arc::clone(&rows));
        Ok(rows)
    }

    fn keep(&self, numbers: &BTreeSet<u64>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|number, _| numbers.contains(number));
    }
}

impl DataDir {
    /// Every pseudonym that an id, a telephone number or a pseudonym may stand for.
    ///
    /// # Errors
    /// When the key of the folder cannot be read.
    pub fn caller_pseudonyms(&self, caller: &str) -> Result<Vec<String>> {
        Ok(CallerKey::read(&self.path)?.candidates(caller))
    }

    /// The calls of whoever has one of some pseudonyms, at most `limit`, from a day on, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn calls_of(&self, pseudonyms: &[String], since: Option<NaiveDate>, limit: usize) -> Result<Vec<Analyzed>> {
        let starts: BTreeSet<u128> = pseudonyms.iter().filter_map(|pseudonym| start(pseudonym)).collect();
        let within = |date: NaiveDate| since.is_none_or(|since| date >= since);
        self.again(|| {
            let live = self.live.rows()?;
            let (mut files, mut found) = (self.ledger().files()?, Vec::new());
            self.callers.keep(&files.iter().map(|file| file.pair.number).collect());
            for row in live.values().filter(|row| is_one_of(row.record.caller.as_ref(), pseudonyms)) {
                let stored = self.ledger().locate(row.call_id())?;
                if row.date().is_some_and(within) && stored.is_none_or(|stored| stored.seq < row.seq) {
                    found.push(Row::clone(row));
                }
            }
            files.retain(|file| within(file.pair.date));
            files.sort_by_key(|file| (std::cmp::Reverse(file.pair.date), file.pair.number));
            let mut oldest = None;
            for file in files {
                // Of a day all files are read: only then it is known which of its calls are the newest.
                if found.len() >= limit && oldest.is_some_and(|oldest| file.pair.date < oldest) {
                    break;
                }
                let known = self.callers.of(self, &file.pair)?;
                let mut rows = Vec::new();
                for &wanted in &starts {
                    let from = known.partition_point(|(start, _)| *start < wanted);
                    rows.extend(known[from..].iter().take_while(|(start, _)| *start == wanted).map(|(_, row)| *row));
                }
                if rows.is_empty() {
                    continue;
                }
                rows.sort_unstable();
                rows.dedup();
                oldest = Some(file.pair.date);
                for row in self.partitions.open(&file.pair, Some(&rows), BATCH)? {
                    let row = row?;
                    let counts = self.ledger().locate(row.call_id())?.is_some_and(|at| at.seq == row.seq);
                    let newer = live.get(row.call_id()).is_some_and(|live| live.seq > row.seq);
                    if counts && !newer && is_one_of(row.record.caller.as_ref(), pseudonyms) {
                        found.push(row);
                    }
                }
            }
            found.sort_by(|a, b| {
                b.record.started_at.cmp(&a.record.started_at).then_with(|| a.call_id().cmp(b.call_id()))
            });
            found.truncate(limit);
            Ok::<_, Error>(found.into_iter().map(|row| Analyzed::new(row.record, row.analysis)).collect())
        })
    }
}
