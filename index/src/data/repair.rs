//! What is done when a data folder is opened for writing: the store says what there is, and
//! ledger and index are brought up to it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::index::IndexSink;
use super::writer::Writer;
use super::{DataDir, live, reindex};
use crate::ledger;
use crate::store::wal::{self, Wal};
use crate::store::{Pair, Row};
use crate::{Error, Result, files};

/// Rows read at a time when they are indexed again.
const BATCH: usize = 512;

impl DataDir {
    pub(super) fn repair(&self) -> Result<()> {
        self.write(|log, writer| {
            self.partitions.clean()?;
            for folder in [self.path.clone(), self.path.join("assignments"), self.path.join("keys")] {
                files::sweep(&folder)?;
            }
            let lost = writer.reconcile(self)?;
            let logged = wal::replay(&self.path.join("wal"))?;
            writer.last = logged.iter().map(|row| row.seq).fold(writer.last, u64::max);
            writer.open_index(self)?;
            writer.forget(&lost)?;
            writer.index_missing(self)?;
            writer.recover_log(self, log, logged)?;
            writer.finish_erasure(self, log).map(drop)
        })
    }
}

impl Writer {
    /// Makes the ledger know the files that are there. Returns the calls that went with files that
    /// are there no more.
    fn reconcile(&mut self, data: &DataDir) -> Result<Vec<String>> {
        let known: BTreeSet<Pair> = self.ledger.files()?.into_iter().map(|file| file.pair).collect();
        let there: BTreeSet<Pair> = data.partitions.list()?.into_iter().collect();
        let mut unknown: Vec<&Pair> = there.difference(&known).collect();
        // By number: of two copies of a row the one in the later file counts.
        unknown.sort_by_key(|pair| pair.number);
        self.last = self.ledger.last_number()?;
        for pair in unknown {
            tracing::info!(date = %pair.date, number = pair.number, "entering a file that the ledger does not know");
            let keys = data.partitions.keys(pair)?;
            self.last = keys.iter().map(|(_, seq)| *seq).fold(self.last.max(pair.number), u64::max);
            self.enter(&[(pair.clone(), keys)], &[])?;
        }
        let mut lost = Vec::new();
        for pair in known.difference(&there) {
            lost.extend(self.ledger.calls_in(pair)?);
            self.strike(pair)?;
        }
        if !lost.is_empty() {
            tracing::warn!(calls = lost.len(), "files were removed from the store; their calls are forgotten");
        }
        // Files without a row that counts: a merge was interrupted before it removed them.
        for file in self.ledger.files()?.into_iter().filter(|file| file.live == 0) {
            self.strike(&file.pair)?;
            data.partitions.remove(&file.pair)?;
        }
        Ok(lost)
    }

    fn strike(&mut self, pair: &Pair) -> Result<()> {
        let last = self.last;
        self.ledger.write(|transaction| {
            ledger::remove_file(transaction, pair)?;
            ledger::set_last_number(transaction, last)
        })
    }

    /// Opens the call index. One that knows more than the store, as after the store came back from
    /// a backup, is begun anew.
    fn open_index(&mut self, data: &DataDir) -> Result<()> {
        let opener = data.context().index;
        let dir = data.call_index_dir();
        reindex::settle(&dir)?;
        let mut index = match opener.open(&dir) {
            Err(Error::Stale { why, .. }) => {
                tracing::warn!(why, "the call index has to be built anew");
                self.stale = Some(why);
                return Ok(());
            }
            other => other?,
        };
        if index.committed()? > self.last {
            tracing::warn!("the call index is ahead of the store and is built anew");
            drop(index);
            reindex::remove_dir(&dir)?;
            index = opener.open(&dir)?;
        }
        self.indexed = index.committed()?;
        self.use_index(data, index);
        Ok(())
    }

    /// From now on writes into this index, and searches it.
    pub(super) fn use_index(&mut self, data: &DataDir, index: Box<dyn IndexSink>) {
        data.set_calls(index.searcher());
        self.index = Some(index);
        self.stale = None;
    }

    fn forget(&mut self, calls: &[String]) -> Result<()> {
        if let Some(index) = &mut self.index {
            calls.iter().try_for_each(|call_id| index.delete(call_id))?;
            self.uncommitted |= !calls.is_empty();
        }
        Ok(())
    }

    /// Indexes what was stored after the index's last commit.
    fn index_missing(&mut self, data: &DataDir) -> Result<()> {
        if self.index.is_none() {
            return Ok(());
        }
        let after = self.indexed;
        for pair in self.ledger.files_after(after)? {
            let rows = self.ledger.live_rows(&pair, after)?;
            let mut reader = data.partitions.open(&pair, Some(&rows), BATCH)?;
            loop {
                let rows: Vec<Row> = reader.by_ref().take(BATCH).collect::<Result<_>>()?;
                if rows.is_empty() {
                    break;
                }
                self.index(&rows.iter().collect::<Vec<_>>())?;
            }
        }
        if self.uncommitted { self.commit_index() } else { Ok(()) }
    }

    /// Moves what the log of the last writer holds into Parquet and the index.
    fn recover_log(&mut self, data: &DataDir, log: &Wal, rows: Vec<Row>) -> Result<()> {
        let mut newest = live::Rows::new();
        for row in rows {
            if self.ledger.locate(row.call_id())?.is_none_or(|known| known.seq < row.seq) {
                live::insert(&mut newest, row);
            }
        }
        self.index(&newest.values().map(Arc::as_ref).collect::<Vec<_>>())?;
        data.live.change(|live| *live = newest);
        self.move_live(data, log)
    }
}
