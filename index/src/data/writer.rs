//! The state of the one writer, and the checkpoint: Parquet, then index, then ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use qingting_pipeline::Analyzed;

use super::hook::Step;
use super::index::IndexSink;
use super::{DataDir, live};
use crate::caller::CallerKey;
use crate::ledger::{self, Ledger, SourceFile};
use crate::lock::WriterLock;
use crate::manifest::Manifest;
use crate::originals::Originals;
use crate::store::wal::Wal;
use crate::store::{Pair, Row};
use crate::{Error, Result, stamp};

/// A checkpoint is due when this much waits in memory.
const BUFFERED_CALLS: usize = 16_384;
const BUFFERED_BYTES: usize = 64 << 20;
/// Live calls move from the log into Parquet at the latest when there are so many.
const LIVE_CALLS: usize = 4096;
/// Calls handed to the index at a time.
const INDEX_BATCH: usize = 1024;

/// A written pair, with id and version of each of its rows.
pub(super) type Written = (Pair, Vec<(String, u64)>);

/// What only the writer knows, under its lock.
pub(super) struct Writer {
    pub(super) ledger: Ledger,
    pub(super) index: Option<Box<dyn IndexSink>>,
    /// Why the index cannot be written before it is built anew.
    pub(super) stale: Option<String>,
    pub(super) manifest: Manifest,
    pub(super) key: CallerKey,
    /// With what the particulars of calls are sealed; they are dropped otherwise.
    originals: Option<Arc<Originals>>,
    _lock: WriterLock,
    /// The last number given to a row or a file.
    pub(super) last: u64,
    /// The highest number of a row that the index was given.
    pub(super) indexed: u64,
    /// Whether the index was given something since its last commit.
    pub(super) uncommitted: bool,
    /// Rows put and not yet written, newest version only.
    buffer: BTreeMap<String, Row>,
    buffer_bytes: usize,
    /// Source files whose rows were all put, with the numbers of their calls and bad records.
    pub(super) sources: Vec<(SourceFile, u64, u64)>,
    pub(super) session: Option<Session>,
    pub(super) failed: bool,
}

/// Counts of a running import.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) began_after: u64,
    /// A checkpoint is due when so many calls wait; 0: as many as memory is meant for.
    pub(super) commit_calls: usize,
    pub(super) put: u64,
    pub(super) replaced: u64,
    pub(super) duplicates: u64,
    pub(super) sources: u64,
    pub(super) dates: BTreeSet<NaiveDate>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("last", &self.last)
            .field("buffered", &self.buffer.len())
            .finish_non_exhaustive()
    }
}

impl Writer {
    pub(super) fn new(
        ledger: Ledger,
        (key, originals): (CallerKey, Option<Arc<Originals>>),
        manifest: Manifest,
        lock: WriterLock,
    ) -> Self {
        Self {
            originals,
            ledger,
            index: None,
            stale: None,
            manifest,
            key,
            _lock: lock,
            last: 0,
            indexed: 0,
            uncommitted: false,
            buffer: BTreeMap::new(),
            buffer_bytes: 0,
            sources: Vec::new(),
            session: None,
            failed: false,
        }
    }

    /// A number never given before.
    pub(super) fn allocate(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Turns analysed calls into rows of one version, their callers into pseudonyms. All or none.
    pub(super) fn rows(&mut self, calls: Vec<Analyzed>, source: &str) -> Result<Vec<Row>> {
        if let Some(why) = &self.stale {
            return Err(Error::Stale { why: why.clone(), fix: stamp::FIX.to_owned() });
        }
        for Analyzed { record, analysis, .. } in &calls {
            let wrong = match record.started_at {
                _ if record.call_id.is_empty() => "call_id is empty",
                None => "started_at is missing",
                Some(_) if analysis.call_id != record.call_id => "the analysis is that of another call",
                Some(_) => continue,
            };
            return Err(Error::Refused { what: format!("call {}", record.call_id), message: wrong.to_owned() });
        }
        let source: Option<Arc<str>> = (!source.is_empty()).then(|| source.into());
        let seq = self.allocate();
        let row = |Analyzed { mut record, analysis, particulars }: Analyzed| {
            record.caller = record.caller.as_ref().map(|caller| self.key.pseudonyms(caller));
            let originals = self.originals.as_ref().filter(|_| !particulars.is_empty());
            let sealed = originals.map(|keys| keys.seal(&record.call_id, &particulars)).transpose()?;
            Ok(Row { seq, source: source.clone(), sealed, record, analysis })
        };
        calls.into_iter().map(row).collect()
    }

    /// Takes rows until the next checkpoint; tells whether one is due.
    pub(super) fn buffer(&mut self, rows: Vec<Row>) -> bool {
        for row in rows {
            self.buffer_bytes += weight(&row);
            let date = row.date();
            let before = self.buffer.insert(row.call_id().to_owned(), row);
            if let Some(session) = &mut self.session {
                session.put += 1;
                session.duplicates += u64::from(before.is_some());
                session.dates.extend(date);
            }
            self.buffer_bytes -= before.as_ref().map_or(0, weight);
        }
        let wanted = self.session.as_ref().map_or(0, |session| session.commit_calls);
        let most = if wanted == 0 {
            BUFFERED_CALLS
        } else {
            wanted.min(BUFFERED_CALLS)
        };
        self.buffer.len() >= most || self.buffer_bytes >= BUFFERED_BYTES
    }

    /// Forgets what was put and not yet written.
    pub(super) fn abandon(&mut self) {
        self.buffer.clear();
        self.buffer_bytes = 0;
        self.sources.clear();
    }

    /// Gives rows to the index.
    pub(super) fn index(&mut self, rows: &[&Row]) -> Result<()> {
        if let Some(index) = &mut self.index {
            for rows in rows.chunks(INDEX_BATCH) {
                let calls: Vec<_> = rows.iter().map(|row| (&row.record, &row.analysis)).collect();
                index.put(&calls)?;
            }
        }
        self.uncommitted |= !rows.is_empty();
        self.indexed = rows.iter().map(|row| row.seq).fold(self.indexed, u64::max);
        Ok(())
    }

    /// Commits the index with its note.
    pub(super) fn commit_index(&mut self) -> Result<()> {
        if let Some(index) = &mut self.index {
            index.commit(self.indexed)?;
        }
        self.uncommitted = false;
        Ok(())
    }

    /// Writes rows as pairs of files, one a date.
    pub(super) fn write_pairs(&mut self, data: &DataDir, rows: &[&Row]) -> Result<Vec<Written>> {
        let mut by_date: BTreeMap<NaiveDate, Vec<&Row>> = BTreeMap::new();
        for row in rows {
            if let Some(date) = row.date() {
                by_date.entry(date).or_default().push(row);
            }
        }
        let mut written = Vec::with_capacity(by_date.len());
        for (date, mut rows) in by_date {
            rows.sort_by_cached_key(|row| row.sort_key());
            let pair = Pair { date, number: self.allocate() };
            let mut file = data.partitions.create(&pair)?;
            file.write(&rows)?;
            file.publish(|| data.hook.at(Step::BetweenHalves))?;
            data.hook.at(Step::PairPublished)?;
            written.push((pair, rows.iter().map(|row| (row.call_id().to_owned(), row.seq)).collect()));
        }
        Ok(written)
    }

    /// Enters written pairs and finished sources into the ledger. Returns the earlier version's
    /// number for each call that had one.
    pub(super) fn enter(&mut self, written: &[Written], sources: &[(SourceFile, u64, u64)]) -> Result<Vec<u64>> {
        let last = self.last;
        self.ledger.write(|transaction| {
            let mut earlier = Vec::new();
            for (pair, keys) in written {
                earlier.extend(ledger::add_file(transaction, pair, keys)?);
            }
            for (file, calls, quarantined) in sources {
                ledger::add_source(transaction, file, *calls, *quarantined)?;
            }
            ledger::set_last_number(transaction, last)?;
            Ok(earlier)
        })
    }

    /// Everything put so far becomes durable and visible. There is no commit of the index without
    /// all of it: the index's note says that every lower number is in it.
    pub(super) fn checkpoint(&mut self, data: &DataDir, wal: &Wal) -> Result<()> {
        let rows: Vec<Row> = std::mem::take(&mut self.buffer).into_values().collect();
        self.buffer_bytes = 0;
        if rows.is_empty() && self.sources.is_empty() && !self.uncommitted {
            return Ok(());
        }
        let rows: Vec<&Row> = rows.iter().collect();
        let written = self.write_pairs(data, &rows)?;
        // A live call may have come after a row was put: then the index has the newer version.
        let live = data.live.rows()?;
        let newer = |row: &&Row| live.get(row.call_id()).is_none_or(|live| live.seq < row.seq);
        self.index(&rows.iter().copied().filter(newer).collect::<Vec<_>>())?;
        drop(live);
        data.hook.at(Step::Indexed)?;
        // The index must not know calls that a power failure could still take from the log.
        wal.sync_all()?;
        self.commit_index()?;
        data.hook.at(Step::IndexCommitted)?;
        let sources = std::mem::take(&mut self.sources);
        let earlier = self.enter(&written, &sources)?;
        data.hook.at(Step::LedgerWritten)?;
        if let Some(session) = &mut self.session {
            let again = earlier.iter().filter(|&&seq| seq > session.began_after).count() as u64;
            session.duplicates += again;
            session.replaced += earlier.len() as u64 - again;
            session.sources += sources.len() as u64;
        }
        data.live.change(|live| {
            for row in rows {
                if live.get(row.call_id()).is_some_and(|known| known.seq < row.seq) {
                    live.remove(row.call_id());
                }
            }
        });
        Ok(())
    }

    /// Moves live calls from the log into Parquet.
    pub(super) fn move_live(&mut self, data: &DataDir, wal: &Wal) -> Result<()> {
        self.checkpoint(data, wal)?;
        let live = data.live.rows()?;
        if !live.is_empty() {
            let rows: Vec<&Row> = live.values().map(Arc::as_ref).collect();
            let written = self.write_pairs(data, &rows)?;
            self.enter(&written, &[])?;
            data.hook.at(Step::LedgerWritten)?;
        }
        wal.clear()?;
        data.live.change(live::Rows::clear);
        Ok(())
    }
}

impl DataDir {
    /// Stores live calls. On return they are on disk, in the write-ahead log, and are found by id
    /// and by scans; searches find them after the next [`DataDir::commit`]. May be called from
    /// many threads: they share the waiting for the disk.
    ///
    /// # Errors
    /// [`Error::Refused`] for a call that cannot be stored, and then none of them is.
    pub fn append(&self, calls: Vec<Analyzed>, source: &str) -> Result<()> {
        if calls.is_empty() {
            return Ok(());
        }
        let ticket = self.write(|wal, writer| {
            let rows = writer.rows(calls, source)?;
            if self.live.rows()?.len() >= LIVE_CALLS {
                writer.move_live(self, wal)?;
            }
            let ticket = wal.append(&rows)?;
            self.hook.at(Step::LogAppended)?;
            writer.index(&rows.iter().collect::<Vec<_>>())?;
            self.live.change(|live| rows.into_iter().for_each(|row| live::insert(live, row)));
            Ok(ticket)
        })?;
        self.writer_side()?.wal.sync(ticket)
    }

    /// Makes everything stored so far visible to searches.
    ///
    /// # Errors
    /// When one of the stores cannot be written.
    pub fn commit(&self) -> Result<()> {
        self.write(|wal, writer| writer.checkpoint(self, wal))
    }
}

/// About what a row takes in memory, bytes.
fn weight(row: &Row) -> usize {
    let turns: usize = row.record.turns.iter().map(|turn| turn.text.len() + 128 + 48 * turn.words.len()).sum();
    let analysis: usize = row.analysis.turns.iter().map(|turn| turn.text.len() + 96).sum();
    let findings = row.analysis.findings.len() + row.analysis.uncertain.len();
    1024 + turns + analysis + 512 * findings
}
