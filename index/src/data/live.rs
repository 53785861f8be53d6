//! The live calls that are in the write-ahead log and not yet in Parquet, by id: what every
//! reading of the store has to look at first.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::Result;
use crate::store::{Row, wal};

/// The newest version of each call in the log.
pub(crate) type Rows = BTreeMap<String, Arc<Row>>;

/// Where the live calls are known from.
#[derive(Debug)]
pub(crate) enum Live {
    /// The writer's own memory.
    Writer(RwLock<Arc<Rows>>),
    /// The log of another process, read again whenever it has changed.
    Reader {
        /// Its folder.
        wal: PathBuf,
        /// What it held, and the state of its files then.
        cache: Mutex<(wal::LogState, Arc<Rows>)>,
    },
}

impl Live {
    pub(crate) fn writer() -> Self {
        Self::Writer(RwLock::default())
    }

    pub(crate) fn reader(wal: &Path) -> Self {
        Self::Reader { wal: wal.to_owned(), cache: Mutex::default() }
    }

    /// The live calls of this moment.
    pub(crate) fn rows(&self) -> Result<Arc<Rows>> {
        match self {
            Self::Writer(rows) => Ok(Arc::clone(&rows.read().unwrap_or_else(PoisonError::into_inner))),
            Self::Reader { wal, cache } => {
                let state = wal::state_of(wal)?;
                let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
                if cache.0 != state {
                    let mut rows = Rows::new();
                    wal::replay(wal)?.into_iter().for_each(|row| insert(&mut rows, row));
                    *cache = (state, Arc::new(rows));
                }
                Ok(Arc::clone(&cache.1))
            }
        }
    }

    /// Changes the writer's live calls. Those who hold the earlier state keep it.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Rows)) {
        if let Self::Writer(rows) = self {
            let mut rows = rows.write().unwrap_or_else(PoisonError::into_inner);
            change(Arc::make_mut(&mut rows));
        }
    }
}

/// Enters a row unless a newer version is there.
pub(crate) fn insert(rows: &mut Rows, row: Row) {
    if rows.get(row.call_id()).is_none_or(|known| known.seq <= row.seq) {
        rows.insert(row.call_id().to_owned(), Arc::new(row));
    }
}
