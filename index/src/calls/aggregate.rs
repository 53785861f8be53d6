//! Counting over all calls that match: facets of a search, and groups with their means and
//! findings. Exact counts out of the fast fields, in one pass.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::{Column, MonotonicallyMappableToU64, StrColumn};
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

use super::collect::lower_bound;
use super::filter::Lookup;
use super::histogram::{Histogram, monday, week};
use super::query::{CallQuery, Facet, FacetRequest, FacetValue};
use super::schema::{FIELDS, Kind, field_info};
use super::transcripts::Transcripts;
use super::{CallIndex, search};
use crate::{Error, Result};

/// Calls of one value of a field, with what they have in common.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// The value; empty when everything is one group.
    pub key: String,
    /// Calls.
    pub calls: u64,
    /// Mean total of the scorecard over the calls that have one.
    pub score: Option<f64>,
    /// Mean predicted rating.
    pub satisfaction: Option<f64>,
    /// Mean rating by the callers that gave one.
    pub rating: Option<f64>,
    /// Mean duration over the calls with times, seconds.
    pub duration: Option<f64>,
    /// Findings by code.
    pub findings: BTreeMap<String, u64>,
    /// Calls by outcome.
    pub outcomes: BTreeMap<String, u64>,
}

/// What the values of a column are called.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Naming {
    Text,
    Attribute { prefix: String },
    Number,
    Hour,
    Day,
    Week,
    Month,
    Nothing,
}

/// A field to count by.
#[derive(Debug, Clone)]
pub(super) struct By {
    column: &'static str,
    naming: Naming,
}

impl By {
    pub(super) fn field(name: &str) -> Result<Self> {
        match name {
            "month" => return Ok(Self { column: "date", naming: Naming::Month }),
            "week" => return Ok(Self { column: "date", naming: Naming::Week }),
            _ => {}
        }
        let by = field_info(name).and_then(|info| {
            let naming = match info.kind {
                Kind::Keyword => Naming::Text,
                Kind::Number if info.name == "hour" => Naming::Hour,
                Kind::Number => Naming::Number,
                Kind::Day => Naming::Day,
                Kind::Attribute => Naming::Attribute { prefix: format!("{}=", name.strip_prefix("attr.")?) },
                Kind::Instant | Kind::Elsewhere => return None,
            };
            Some(Self { column: info.name, naming })
        });
        by.ok_or_else(|| {
            let names: Vec<_> = FIELDS.iter().filter(|f| f.kind == Kind::Keyword).map(|f| f.name).collect();
            Error::query(
                format!(
                    "cannot count by \"{name}\"; date, week, month, hour, weekday, attr.KEY, or one of {}",
                    names.join(", ")
                ),
                1,
            )
        })
    }

    fn everything() -> Self {
        Self { column: "", naming: Naming::Nothing }
    }
}

/// Whether the values of a field can be counted, and calls be grouped by them.
pub fn countable(name: &str) -> bool {
    By::field(name).is_ok()
}

impl CallIndex {
    /// Groups the calls that match by the values of a field, `week`, `month` or `attr.KEY`; all in one
    /// group without a field. A call with several values is in several groups. Groups come in the
    /// order of their keys. Sort, page, facets and snippets of the query play no part.
    ///
    /// # Errors
    /// When the field cannot be grouped by, a filter names a set that is not there, or the index or the
    /// call that others are to be like cannot be read.
    pub fn aggregate(
        &self,
        query: &CallQuery,
        group_by: Option<&str>,
        lookup: &dyn Lookup,
        calls: &dyn Transcripts,
    ) -> Result<Vec<Group>> {
        let by = group_by.map_or_else(|| Ok(By::everything()), By::field)?;
        let searcher = self.reader.searcher();
        let text = query.text.as_deref().map(|text| self.parse(text));
        let built = search::build(self, query, text, &searcher, lookup, calls)?;
        let counts = searcher.search(&built.query, &Tally { by: vec![by], detailed: true })?;
        let groups = counts.into_iter().next().unwrap_or_default();
        Ok(groups.into_iter().map(|(key, stats)| stats.group(key)).collect())
    }
}

/// Turns the counts of a field into a facet.
pub(super) fn facet(request: &FacetRequest, counts: Counts) -> Facet {
    let values = counts.into_iter().map(|(value, stats)| FacetValue { value, calls: stats.calls }).collect();
    let values = match Histogram::of(&request.field) {
        Some(histogram) => histogram.filled(values, request.limit),
        None => most_frequent(values, request.limit),
    };
    Facet { field: request.field.clone(), values }
}

fn most_frequent(mut values: Vec<FacetValue>, limit: usize) -> Vec<FacetValue> {
    values.sort_by(|a, b| b.calls.cmp(&a.calls).then_with(|| a.value.cmp(&b.value)));
    values.truncate(limit);
    values
}

/// Values with their counts, by name.
pub(super) type Counts = BTreeMap<String, Stats>;

/// Sum and number of the values of a column.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    fn add(&mut self, other: Self) {
        self.sum += other.sum;
        self.count += other.count;
    }

    fn value(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

const MEANS: [&str; 4] = ["score", "satisfaction", "rating", "duration"];
const TALLIES: [&str; 2] = ["code", "outcome"];

/// What is known of the calls of one value.
#[derive(Debug, Clone, Default)]
pub(super) struct Stats<K: Ord = String> {
    calls: u64,
    means: [Mean; MEANS.len()],
    tallies: [BTreeMap<K, u64>; TALLIES.len()],
}

impl Stats {
    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        for (mine, theirs) in self.means.iter_mut().zip(other.means) {
            mine.add(theirs);
        }
        for (mine, theirs) in self.tallies.iter_mut().zip(other.tallies) {
            for (key, count) in theirs {
                *mine.entry(key).or_default() += count;
            }
        }
    }

    fn group(self, key: String) -> Group {
        let [score, satisfaction, rating, duration] = self.means.map(Mean::value);
        let [findings, outcomes] = self.tallies;
        Group {
            key,
            calls: self.calls,
            score,
            satisfaction,
            rating,
            duration,
            findings,
            outcomes,
        }
    }
}

/// The collector: for each field a table of its values.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) by: Vec<By>,
    /// Means and tallies too, not only numbers of calls.
    pub(super) detailed: bool,
}

struct Table {
    naming: Naming,
    values: Option<Column<u64>>,
    text: Option<StrColumn>,
    /// Ordinals that belong to the attribute.
    range: std::ops::Range<u64>,
    rows: HashMap<u64, Stats<u64>>,
    /// Calls by value, where nothing else is wanted and the values lie close together.
    calls: Option<Calls>,
}

/// Values that lie closer together than this are counted in a table.
const WIDEST: u64 = 1 << 20;

/// Numbers of calls by value, from the smallest value on.
#[derive(Debug)]
struct Calls {
    smallest: u64,
    counts: Vec<u64>,
}

impl Calls {
    fn new(smallest: u64, largest: u64) -> Option<Self> {
        let width = largest.checked_sub(smallest)?.checked_add(1).filter(|&width| width <= WIDEST)?;
        Some(Self { smallest, counts: vec![0; usize::try_from(width).ok()?] })
    }

    fn add(&mut self, value: u64) {
        let place = usize::try_from(value.wrapping_sub(self.smallest)).ok();
        if let Some(count) = place.and_then(|place| self.counts.get_mut(place)) {
            *count += 1;
        }
    }

    fn into_rows(self) -> impl Iterator<Item = (u64, Stats<u64>)> {
        let counted = (self.smallest..).zip(self.counts).filter(|&(_, calls)| calls > 0);
        counted.map(|(value, calls)| (value, Stats { calls, ..Stats::default() }))
    }
}

pub(super) struct TallySegment {
    tables: Vec<Table>,
    means: Vec<Option<Column<f64>>>,
    tallies: Vec<Option<StrColumn>>,
    scratch: Vec<u64>,
}

impl Collector for Tally {
    type Fruit = Vec<Counts>;
    type Child = TallySegment;

    fn for_segment(&self, _segment: SegmentOrdinal, reader: &SegmentReader) -> tantivy::Result<TallySegment> {
        let fast = reader.fast_fields();
        let tables: tantivy::Result<Vec<Table>> = self
            .by
            .iter()
            .map(|by| {
                let mut table = Table {
                    naming: by.naming.clone(),
                    values: None,
                    text: None,
                    range: 0..u64::MAX,
                    rows: HashMap::new(),
                    calls: None,
                };
                match &by.naming {
                    Naming::Text => table.text = fast.str(by.column)?,
                    Naming::Attribute { prefix } => {
                        table.text = fast.str(by.column)?;
                        if let Some(text) = &table.text {
                            let after = prefix.replace('=', ">");
                            table.range = lower_bound(text, prefix.as_bytes())?..lower_bound(text, after.as_bytes())?;
                        }
                    }
                    Naming::Number | Naming::Hour | Naming::Day | Naming::Week | Naming::Month => {
                        table.values = fast.u64_lenient(by.column)?.map(|(column, _)| column);
                    }
                    Naming::Nothing => {}
                }
                if !self.detailed {
                    table.calls = table.narrow();
                }
                Ok(table)
            })
            .collect();
        let (mut means, mut tallies) = (Vec::new(), Vec::new());
        if self.detailed {
            for name in MEANS {
                means.push(fast.column_opt::<f64>(name)?);
            }
            for name in TALLIES {
                tallies.push(fast.str(name)?);
            }
        }
        Ok(TallySegment { tables: tables?, means, tallies, scratch: Vec::new() })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, fruits: Vec<tantivy::Result<Vec<Counts>>>) -> tantivy::Result<Vec<Counts>> {
        let mut merged: Vec<Counts> = vec![Counts::new(); self.by.len()];
        for fruit in fruits {
            for (mine, theirs) in merged.iter_mut().zip(fruit?) {
                for (key, stats) in theirs {
                    mine.entry(key).or_default().add(stats);
                }
            }
        }
        Ok(merged)
    }
}

impl SegmentCollector for TallySegment {
    type Fruit = tantivy::Result<Vec<Counts>>;

    fn collect(&mut self, doc: DocId, _score: Score) {
        for table in &mut self.tables {
            self.scratch.clear();
            match &table.naming {
                Naming::Nothing => self.scratch.push(0),
                Naming::Month => {
                    self.scratch.extend(table.values.iter().flat_map(|c| c.values_for_doc(doc)).map(|d| d / 100));
                }
                Naming::Week => {
                    self.scratch.extend(table.values.iter().flat_map(|c| c.values_for_doc(doc)).filter_map(monday));
                }
                Naming::Number | Naming::Hour | Naming::Day => {
                    self.scratch.extend(table.values.iter().flat_map(|c| c.values_for_doc(doc)));
                }
                Naming::Text | Naming::Attribute { .. } => {
                    let ords = table.text.iter().flat_map(|c| c.ords().values_for_doc(doc));
                    self.scratch.extend(ords.filter(|ord| table.range.contains(ord)));
                }
            }
            // A call counts once, however often it has the value.
            if self.scratch.len() > 1 {
                self.scratch.sort_unstable();
                self.scratch.dedup();
            }
            if let Some(calls) = &mut table.calls {
                for &value in &self.scratch {
                    calls.add(value);
                }
                continue;
            }
            for &value in &self.scratch {
                let row = table.rows.entry(value).or_default();
                row.calls += 1;
                for (mean, column) in row.means.iter_mut().zip(&self.means) {
                    if let Some(value) = column.as_ref().and_then(|c| c.first(doc)) {
                        mean.add(Mean { sum: value, count: 1 });
                    }
                }
                for (tally, column) in row.tallies.iter_mut().zip(&self.tallies) {
                    for ord in column.iter().flat_map(|c| c.ords().values_for_doc(doc)) {
                        *tally.entry(ord).or_default() += 1;
                    }
                }
            }
        }
    }

    fn harvest(self) -> tantivy::Result<Vec<Counts>> {
        let Self { tables, tallies, .. } = self;
        tables.into_iter().map(|table| table.named(&tallies)).collect()
    }
}

impl Table {
    /// A table of counts if all values fit into one.
    fn narrow(&self) -> Option<Calls> {
        match (&self.naming, &self.text, &self.values) {
            (Naming::Month, _, Some(days)) => Calls::new(days.min_value() / 100, days.max_value() / 100),
            (Naming::Week, _, Some(days)) => Calls::new(monday(days.min_value())?, monday(days.max_value())?),
            (_, _, Some(values)) => Calls::new(values.min_value(), values.max_value()),
            (_, Some(text), None) => Calls::new(0, text.num_terms() as u64),
            _ => None,
        }
    }

    fn named(self, tally_columns: &[Option<StrColumn>]) -> tantivy::Result<Counts> {
        let mut counts = Counts::new();
        for (value, row) in self.rows.into_iter().chain(self.calls.into_iter().flat_map(Calls::into_rows)) {
            let key = match &self.naming {
                Naming::Nothing => String::new(),
                Naming::Number => f64::from_u64(value).to_string(),
                Naming::Hour => format!("{:02}", f64::from_u64(value)),
                Naming::Day => format!("{:04}-{:02}-{:02}", value / 10_000, value / 100 % 100, value % 100),
                Naming::Week => week(value),
                Naming::Month => format!("{:04}-{:02}", value / 100, value % 100),
                Naming::Text => text(self.text.as_ref(), value)?,
                Naming::Attribute { prefix } => {
                    let mut key = text(self.text.as_ref(), value)?;
                    key.drain(..prefix.len().min(key.len()));
                    key
                }
            };
            let mut stats = Stats { calls: row.calls, means: row.means, ..Stats::default() };
            for ((named, ords), column) in stats.tallies.iter_mut().zip(row.tallies).zip(tally_columns) {
                for (ord, count) in ords {
                    named.insert(text(column.as_ref(), ord)?, count);
                }
            }
            counts.entry(key).or_default().add(stats);
        }
        Ok(counts)
    }
}

fn text(column: Option<&StrColumn>, ord: u64) -> tantivy::Result<String> {
    let mut value = String::new();
    if let Some(column) = column {
        column.ord_to_str(ord, &mut value)?;
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fields_with_values_to_count_are_counted() {
        for field in [
            "code", "taboo", "severity", "date", "week", "month", "hour", "weekday", "attr.源", "score", "坐席",
        ] {
            assert!(countable(field), "{field}");
        }
        for field in ["started_at", "attr", "topic", "nowhere", ""] {
            assert!(!countable(field), "{field}");
        }
    }
}
