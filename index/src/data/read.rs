//! Reading the store: calls by their ids, through the call index, and counts. Works without any lock; when a merge
//! takes a file away in between, the question is asked again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::sync::Arc;

use chrono::NaiveDate;
use qingting_pipeline::Analyzed;
use qingting_pipeline::record::{CallRecord, Particulars};
use rayon::prelude::*;

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
        Ok(self.row(call_id)?.map(|row| Analyzed::new(row.record, row.analysis)))
    }

    fn row(&self, call_id: &str) -> Result<Option<Row>> {
        self.again(|| {
            let live = self.live.rows()?.get(call_id).cloned();
            let stored = self.ledger().locate(call_id)?;
            match newest(live, stored) {
                None => Ok(None),
                Some(Newest::Live(row)) => Ok(Some(Arc::unwrap_or_clone(row))),
                Some(Newest::Stored(stored)) => self.stored_row(call_id, &stored).map(Some),
            }
        })
    }

    /// What masking took out of a call; `None` when the call is not there, or nothing of the kind is kept of it.
    ///
    /// # Errors
    /// When there is no key, it is another one, or the store cannot be read.
    pub fn particulars(&self, call_id: &str) -> Result<Option<Particulars>> {
        let Some(sealed) = self.row(call_id)?.and_then(|row| row.sealed) else {
            return Ok(None);
        };
        let keys = self.context().originals.ok_or_else(|| Error::Sealed {
            call: call_id.to_owned(),
            message: "the key is not here; [originals] says where it is".to_owned(),
        })?;
        keys.open(call_id, &sealed).map(Some)
    }

    fn stored_row(&self, call_id: &str, location: &Location) -> Result<Row> {
        let row = self.partitions.open(&location.pair, Some(&[location.row]), 1)?.next().transpose()?;
        row.filter(|row| row.call_id() == call_id && row.seq == location.seq)
            .ok_or_else(|| self.misplaced(call_id, location))
    }

    fn misplaced(&self, call_id: &str, location: &Location) -> Error {
        let file = self.partitions.paths(&location.pair).0;
        Error::corrupt(file, format!("row {} is not call {call_id}, as the ledger says", location.row))
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
    /// Each file is opened once, and several at the same time.
    fn transcripts(&self, call_ids: &[&str]) -> Result<Vec<Option<CallRecord>>> {
        self.again(|| {
            let live = self.live.rows()?;
            let mut calls: Vec<Option<CallRecord>> = vec![None; call_ids.len()];
            let mut wanted: BTreeMap<Pair, BTreeMap<u32, (Location, Vec<usize>)>> = BTreeMap::new();
            {
                let ledger = self.ledger();
                for (at, (&call_id, call)) in call_ids.iter().zip(&mut calls).enumerate() {
                    match newest(live.get(call_id).cloned(), ledger.locate(call_id)?) {
                        None => {}
                        Some(Newest::Live(row)) => *call = Some(row.record.clone()),
                        Some(Newest::Stored(stored)) => {
                            let rows = wanted.entry(stored.pair.clone()).or_default();
                            rows.entry(stored.row).or_insert_with(|| (stored, Vec::new())).1.push(at);
                        }
                    }
                }
            }
            let read = |(pair, rows): (Pair, BTreeMap<u32, (Location, Vec<usize>)>)| {
                let numbers: Vec<u32> = rows.keys().copied().collect();
                Ok((rows, self.partitions.transcripts(&pair, &numbers)?))
            };
            let read: Result<Vec<_>> = wanted.into_par_iter().map(read).collect();
            for (rows, found) in read? {
                let mut found = found.into_iter();
                for (location, places) in rows.into_values() {
                    let row = found.next().filter(|(_, seq)| *seq == location.seq);
                    for at in places {
                        let row = row.as_ref().filter(|(call, _)| call.call_id == call_ids[at]);
                        let (call, _) = row.ok_or_else(|| self.misplaced(call_ids[at], &location))?;
                        calls[at] = Some(call.clone());
                    }
                }
            }
            Ok(calls)
        })
    }
}

/// The version of a call that counts.
enum Newest {
    Live(Arc<Row>),
    Stored(Location),
}

fn newest(live: Option<Arc<Row>>, stored: Option<Location>) -> Option<Newest> {
    match (live, stored) {
        (Some(live), stored) if stored.as_ref().is_none_or(|stored| stored.seq < live.seq) => Some(Newest::Live(live)),
        (_, stored) => stored.map(Newest::Stored),
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
