//! The nightly step: every call gets its row, new calls their topics, and both are kept beside the
//! calls. Reads the store from its oldest to its newest call and holds at most `[topic] max_calls`
//! of them at a time.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use chrono::NaiveDate;
use qingting_index::{DataDir, DateRange};
use qingting_pipeline::Pipeline;
use qingting_pipeline::assets::Assets;
use qingting_pipeline::topic::digest::digest;
use qingting_pipeline::topic::entity::EntityFinder;
use qingting_pipeline::topic::{Mode, TopicConfig, TopicDocument, TopicFinder, Topics};
use rayon::prelude::*;

use super::{Error, Result};

/// Calls that are read together.
const CHUNK: usize = 1024;
/// Older calls that go to known topics together, beside as many known ones.
const OLDER: usize = 20_000;

/// What the step works with.
pub struct Nightly<'a> {
    /// The data folder; what is found is kept when it was opened for writing.
    pub data: &'a DataDir,
    /// Settings of topics.
    pub config: &'a TopicConfig,
    /// Configuration files.
    pub assets: &'a Assets,
    /// Words, and codes with their meaning.
    pub pipeline: &'a Pipeline,
    /// Seed of the clustering.
    pub seed: u64,
    /// Cluster anew what people have not decided about.
    pub rebuild: bool,
}

/// The calls that were read.
#[derive(Default)]
struct Read {
    /// The newest, oldest first.
    window: VecDeque<TopicDocument>,
    /// Calls before the window that no topic has yet.
    older: usize,
    ids: BTreeSet<String>,
    night: Option<NaiveDate>,
}

impl Nightly<'_> {
    /// Finds or updates the topics with the calls of a range of days, and returns what they are over
    /// that range.
    ///
    /// # Errors
    /// [`Error::NoCalls`]; when the store or the configuration cannot be read or the result not be written.
    pub fn run(&self, range: DateRange) -> Result<Topics> {
        let known: Topics = self.data.read_topics()?.unwrap_or_default();
        let whole = range == DateRange::ALL;
        if self.data.is_writer() && (whole || self.data.read_digests()?.is_none()) {
            self.digest()?;
        }
        let finder = TopicFinder::new(self.config, self.assets, Arc::clone(self.pipeline.segmenter()))?;
        let read = self.read(range, &known)?;
        if read.ids.is_empty() {
            return Err(Error::NoCalls);
        }
        let mut before = known;
        if whole {
            before.retain_calls(|id| read.ids.contains(id));
        }
        let mode = if self.rebuild { Mode::Rebuild } else { Mode::Update };
        let window: Vec<TopicDocument> = read.window.into();
        let mut topics = finder.update(&before, &window, mode, read.night, self.seed);
        if read.older > 0 {
            topics = self.older(&finder, topics, &window, range, read.night)?;
        }
        if self.data.is_writer() {
            self.data.write_topics(&topics)?;
        }
        Ok(topics.restricted(&read.ids.iter().map(String::as_str).collect()))
    }

    /// A row for every call of the store.
    fn digest(&self) -> Result<()> {
        let entities = EntityFinder::new(self.assets, Arc::clone(self.pipeline.segmenter()))?;
        let mut writer = self.data.write_digests()?;
        let mut scan = self.data.scan(DateRange::ALL)?;
        loop {
            let calls = scan.by_ref().take(CHUNK).collect::<qingting_index::Result<Vec<_>>>()?;
            if calls.is_empty() {
                break;
            }
            let rows: Vec<_> = calls
                .par_iter()
                .filter(|call| !call.record.turns.is_empty())
                .map(|call| digest(&call.record, &call.analysis, self.pipeline.finder().catalog(), &entities))
                .collect();
            writer.write(&rows)?;
        }
        Ok(writer.publish()?)
    }

    fn documents(&self, range: DateRange) -> Result<impl Iterator<Item = Result<(TopicDocument, Option<NaiveDate>)>>> {
        let scan = self.data.scan(range)?;
        Ok(scan.filter(|call| call.as_ref().map_or(true, |call| !call.record.turns.is_empty())).map(|call| {
            let call = call?;
            let day = call.record.started_at.map(|at| at.date_naive());
            Ok((TopicDocument::of(&call.record, &call.analysis.facts.category, self.config), day))
        }))
    }

    fn read(&self, range: DateRange, known: &Topics) -> Result<Read> {
        let at = known.by_call();
        let mut read = Read::default();
        for document in self.documents(range)? {
            let (document, day) = document?;
            read.night = read.night.max(day);
            read.ids.insert(document.call_id.clone());
            read.window.push_back(document);
            if read.window.len() > self.config.max_calls.max(1) {
                let older = read.window.pop_front();
                read.older += usize::from(older.is_some_and(|call| !at.contains_key(call.call_id.as_str())));
            }
        }
        Ok(read)
    }

    /// Gives the calls before the window, which no topic has yet, to the topics.
    fn older(
        &self,
        finder: &TopicFinder,
        mut topics: Topics,
        window: &[TopicDocument],
        range: DateRange,
        night: Option<NaiveDate>,
    ) -> Result<Topics> {
        let step = window.len().div_ceil(OLDER).max(1);
        let known: Vec<TopicDocument> = window.iter().step_by(step).cloned().collect();
        let assigned: BTreeSet<String> = topics.by_call().into_keys().map(str::to_owned).collect();
        let newest: BTreeSet<&str> = window.iter().map(|call| call.call_id.as_str()).collect();
        let mut chunk = known.clone();
        for document in self.documents(range)? {
            let (document, _) = document?;
            if assigned.contains(&document.call_id) || newest.contains(document.call_id.as_str()) {
                continue;
            }
            chunk.push(document);
            if chunk.len() == known.len() + OLDER {
                topics = finder.update(&topics, &chunk, Mode::Assign, night, self.seed);
                chunk.truncate(known.len());
            }
        }
        if chunk.len() > known.len() {
            topics = finder.update(&topics, &chunk, Mode::Assign, night, self.seed);
        }
        Ok(topics)
    }
}
