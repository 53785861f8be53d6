//! Reading the store: calls by their ids, through the call index, and counts. Works without any lock; when a merge
//! takes a file away in between, the question is asked again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::sync::Arc;

use chrono::NaiveDate;
use qingting_pipeline::Analyzed;

use super::{DataDir, live};
use crate::calls::{CallPage, CallQuery, Group, Lookup, Transcripts};
use crate::ledger::{Ledger, Location};
use crate::store::{Pair, Row};
use crate::{Error, Result};

/// How often a question is asked again when files are merged meanwhile.
const ATTEMPTS: usize = 8;

/// What a data folder holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// Calls.
    pub calls: u64,
    /// Of these, live calls that are still in the write-ahead log.
    pub live_calls: u64,
    /// Dates with calls.
    pub dates: u64,
    /// The first of them.
    pub first_date: Option<NaiveDate>,
    /// The last of them.
    pub last_date: Option<NaiveDate>,
    /// Pairs of Parquet files.
    pub files: u64,
    /// Bytes of these.
    pub bytes: u64,
}

impl DataDir {
    /// A call and its analysis.
    ///
    /// # Errors
    /// When the store cannot be read; a call that is not there is `None`.
    pub fn get_call(&self, call_id: &str) -> Result<Option<Analyzed>> {
        Ok(self.get_calls(&[call_id])?.pop().flatten())
    }

    /// Calls and their analyses, in the order of the ids; each file is opened once.
    ///
    /// # Errors
    /// When the store cannot be read; a call that is not there is `None`.
    pub fn get_calls(&self, call_ids: &[&str]) -> Result<Vec<Option<Analyzed>>> {
        self.again(|| {
            let live = self.live.rows()?;
            let mut calls: Vec<Option<Analyzed>> = vec![None; call_ids.len()];
            // Rows of a file in their order, with the places where they are wanted.
            let mut wanted: BTreeMap<Pair, BTreeMap<u32, (Location, Vec<usize>)>> = BTreeMap::new();
            {
                let ledger = self.ledger();
                for (at, &call_id) in call_ids.iter().enumerate() {
                    let stored = ledger.locate(call_id)?;
                    match (live.get(call_id), stored) {
                        (Some(live), stored) if stored.as_ref().is_none_or(|stored| stored.seq < live.seq) => {
                            calls[at] = Some(Row::clone(live).into());
                        }
                        (_, Some(stored)) => {
                            let rows = wanted.entry(stored.pair.clone()).or_default();
                            rows.entry(stored.row).or_insert_with(|| (stored, Vec::new())).1.push(at);
                        }
                        (_, None) => {}
                    }
                }
            }
            for (pair, rows) in wanted {
                let numbers: Vec<u32> = rows.keys().copied().collect();
                let mut found = self.partitions.open(&pair, Some(&numbers), numbers.len())?;
                for (location, places) in rows.values() {
                    let row = found.next().transpose()?;
                    let is_it = |row: &Row| {
                        row.seq == location.seq && places.iter().all(|&at| call_ids.get(at) == Some(&row.call_id()))
                    };
                    let row = row.filter(is_it).ok_or_else(|| {
                        let file = self.partitions.paths(&pair).0;
                        Error::corrupt(file, format!("row {} is not the call that the ledger says", location.row))
                    })?;
                    for &at in places {
                        calls[at] = Some(row.clone().into());
                    }
                }
            }
            Ok(calls)
        })
    }

    /// Finds calls; see [`CallIndex::search`](crate::calls::CallIndex::search).
    ///
    /// # Errors
    /// As there, and when the store cannot be read.
    pub fn search(&self, query: &CallQuery, lookup: &dyn Lookup) -> Result<CallPage> {
        self.calls()?.search(query, lookup, self)
    }

    /// Groups calls; see [`CallIndex::aggregate`](crate::calls::CallIndex::aggregate).
    ///
    /// # Errors
    /// As there, and when the store cannot be read.
    pub fn aggregate(&self, query: &CallQuery, group_by: Option<&str>, lookup: &dyn Lookup) -> Result<Vec<Group>> {
        self.calls()?.aggregate(query, group_by, lookup, self)
    }

    /// Asks again while a merge takes files away.
    pub(super) fn again<T>(&self, ask: impl Fn() -> Result<T>) -> Result<T> {
        let vanished = |e: &Error| matches!(e, Error::Io { source, .. } if source.kind() == ErrorKind::NotFound);
        for _ in 1..ATTEMPTS {
            match ask() {
                Err(error) if vanished(&error) => {}
                result => return result,
            }
        }
        ask()
    }

    /// Counts.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn stats(&self) -> Result<Stats> {
        let live = self.live.rows()?;
        self.ledger().read(|ledger| {
            let newer = Newer::of(&live, ledger)?;
            let files = ledger.files()?;
            let hidden: usize = newer.hidden.values().map(BTreeSet::len).sum();
            let filled = files.iter().filter(|file| file.live as usize > newer.hidden_in(file.pair.number));
            let mut dates: BTreeSet<NaiveDate> = filled.map(|file| file.pair.date).collect();
            dates.extend(newer.rows.iter().filter_map(|row| row.date()));
            Ok(Stats {
                calls: (ledger.call_count()? + newer.rows.len() as u64).saturating_sub(hidden as u64),
                live_calls: newer.rows.len() as u64,
                dates: dates.len() as u64,
                first_date: dates.first().copied(),
                last_date: dates.last().copied(),
                files: files.len() as u64,
                bytes: files.iter().map(|file| self.partitions.bytes(&file.pair)).sum(),
            })
        })
    }
}

impl Transcripts for DataDir {
    fn transcripts(&self, call_ids: &[&str]) -> Result<Vec<Option<Analyzed>>> {
        self.get_calls(call_ids)
    }
}

impl From<Row> for Analyzed {
    fn from(row: Row) -> Self {
        Self { record: row.record, analysis: row.analysis }
    }
}

/// The live rows that count, and the stored rows that do not because of them.
pub(super) struct Newer {
    pub(super) rows: Vec<Arc<Row>>,
    /// By number of the file.
    hidden: BTreeMap<u64, BTreeSet<u32>>,
}

impl Newer {
    pub(super) fn of(live: &live::Rows, ledger: &Ledger) -> Result<Self> {
        let mut newer = Self { rows: Vec::with_capacity(live.len()), hidden: BTreeMap::new() };
        for (call_id, row) in live {
            if let Some(stored) = ledger.locate(call_id)? {
                if stored.seq >= row.seq {
                    continue;
                }
                newer.hidden.entry(stored.pair.number).or_default().insert(stored.row);
            }
            newer.rows.push(Arc::clone(row));
        }
        Ok(newer)
    }

    pub(super) fn hides(&self, file: u64, row: u32) -> bool {
        self.hidden.get(&file).is_some_and(|rows| rows.contains(&row))
    }

    fn hidden_in(&self, file: u64) -> usize {
        self.hidden.get(&file).map_or(0, BTreeSet::len)
    }
}
