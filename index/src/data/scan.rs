//! All calls of a range of dates, always in the same order: by date, time and id.

use std::collections::{BTreeSet, btree_set};
use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::NaiveDate;
use qingting_pipeline::Analyzed;

use super::DataDir;
use super::read::Newer;
use crate::Result;
use crate::store::{Depth, Merged, Row};

/// Rows decoded ahead, over all files of a date.
const ROWS_AHEAD: usize = 2048;

/// Dates, both ends included; an open end is as far as there are calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DateRange {
    /// First date.
    pub since: Option<NaiveDate>,
    /// Last date.
    pub until: Option<NaiveDate>,
}

impl DateRange {
    /// All dates.
    pub const ALL: Self = Self { since: None, until: None };

    /// One date.
    pub fn day(date: NaiveDate) -> Self {
        Self { since: Some(date), until: Some(date) }
    }

    /// Whether a date is within.
    pub fn contains(&self, date: NaiveDate) -> bool {
        self.since.is_none_or(|since| since <= date) && self.until.is_none_or(|until| date <= until)
    }
}

impl From<RangeInclusive<NaiveDate>> for DateRange {
    fn from(range: RangeInclusive<NaiveDate>) -> Self {
        Self { since: Some(*range.start()), until: Some(*range.end()) }
    }
}

impl DataDir {
    /// All calls of a range of dates, by date, time and id. What is written meanwhile is seen from
    /// the next date on.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn scan(&self, range: DateRange) -> Result<Scan<'_>> {
        self.scan_to(range, Depth::Whole)
    }

    /// As [`DataDir::scan`], to some depth. An outline is read nearly twice as fast; calls that are not in Parquet yet are
    /// whole all the same.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn scan_to(&self, range: DateRange, depth: Depth) -> Result<Scan<'_>> {
        Ok(Scan { data: Held::Borrowed(self), depth, dates: self.dates_of(range)?, rows: None })
    }

    /// As [`DataDir::scan_to`], for those who read on later and elsewhere.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn scan_owned(self: &Arc<Self>, range: DateRange, depth: Depth) -> Result<Scan<'static>> {
        Ok(Scan {
            data: Held::Owned(Arc::clone(self)),
            depth,
            dates: self.dates_of(range)?,
            rows: None,
        })
    }

    fn dates_of(&self, range: DateRange) -> Result<btree_set::IntoIter<NaiveDate>> {
        let mut dates: BTreeSet<NaiveDate> = self.live.rows()?.values().filter_map(|row| row.date()).collect();
        dates.extend(self.ledger().files()?.into_iter().map(|file| file.pair.date));
        dates.retain(|date| range.contains(*date));
        Ok(dates.into_iter())
    }

    /// The rows of a date that count.
    fn rows_of(&self, date: NaiveDate, depth: Depth) -> Result<Merged> {
        self.again(|| {
            let live = self.live.rows()?;
            let (newer, files) = self.ledger().read(|ledger| {
                let newer = Newer::of(&live, ledger)?;
                let mut files = Vec::new();
                for file in ledger.files_of(date)? {
                    let mut rows = ledger.live_rows(&file.pair, 0)?;
                    rows.retain(|&row| !newer.hides(file.pair.number, row));
                    files.push((file, rows));
                }
                Ok((newer, files))
            })?;
            // All files are opened here: a merge may then take them away.
            let batch = (ROWS_AHEAD / files.len().max(1)).clamp(16, 256);
            let mut sources = Vec::with_capacity(files.len() + 1);
            for (file, rows) in &files {
                let rows = (rows.len() < file.rows as usize).then_some(rows.as_slice());
                sources.push(self.partitions.source(&file.pair, rows, batch, depth)?);
            }
            let mut live: Vec<Arc<Row>> = newer.rows.into_iter().filter(|row| row.date() == Some(date)).collect();
            live.sort_by_cached_key(|row| row.sort_key());
            sources.push(Box::new(live.into_iter().map(|row| Ok(Arc::unwrap_or_clone(row)))));
            Merged::new(sources)
        })
    }
}

#[derive(Debug)]
enum Held<'a> {
    Borrowed(&'a DataDir),
    Owned(Arc<DataDir>),
}

impl Held<'_> {
    fn get(&self) -> &DataDir {
        match self {
            Self::Borrowed(data) => data,
            Self::Owned(data) => data,
        }
    }
}

/// The calls of a range of dates. After an error there is nothing more.
#[derive(Debug)]
pub struct Scan<'a> {
    data: Held<'a>,
    depth: Depth,
    dates: btree_set::IntoIter<NaiveDate>,
    rows: Option<Merged>,
}

impl Scan<'_> {
    pub(super) fn next_row(&mut self) -> Result<Option<Row>> {
        loop {
            if let Some(row) = self.rows.as_mut().and_then(Iterator::next) {
                return row.map(Some);
            }
            let Some(date) = self.dates.next() else { return Ok(None) };
            self.rows = Some(self.data.get().rows_of(date, self.depth)?);
        }
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<Analyzed>;

    fn next(&mut self) -> Option<Result<Analyzed>> {
        let row = self.next_row();
        if row.is_err() {
            self.dates = BTreeSet::new().into_iter();
            self.rows = None;
        }
        Some(row.transpose()?.map(|row| Analyzed::new(row.record, row.analysis)))
    }
}
