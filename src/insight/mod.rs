//! What is known over many calls of a data folder: read for those who ask ([`load`]), and brought up
//! to date every night ([`nightly`]). How calls become topics, trends and the rest is the business of
//! the topic stage.

pub mod gaps;
pub mod lookup;
pub mod nightly;

use qingting_index::calls::{CallQuery, Filter, NoLookup, Sort};
use qingting_index::{self as index, DataDir, DateRange};
use qingting_pipeline::record::CallDigest;
use qingting_pipeline::topic::association::AssociationConfig;
use qingting_pipeline::topic::burst::BurstConfig;
use qingting_pipeline::topic::callers::CallerConfig;
use qingting_pipeline::topic::hotspot::HotspotConfig;
use qingting_pipeline::topic::trend::CrisisAlert;
use qingting_pipeline::topic::view::TopicView;
use qingting_pipeline::topic::{TopicConfig, TopicError, Topics};

use crate::coaching::CoachingConfig;
use crate::report::{ReportConfig, crisis_quote};

/// How what is known over many calls is found.
#[derive(Debug, Clone, Default)]
pub struct InsightSettings {
    /// Topics.
    pub topic: TopicConfig,
    /// Bursts.
    pub burst: BurstConfig,
    /// Hot spots.
    pub hotspot: HotspotConfig,
    /// Associations.
    pub association: AssociationConfig,
    /// Caller patterns.
    pub callers: CallerConfig,
    /// What is remembered of the knowledge base's use.
    pub knowledge: gaps::KnowledgeConfig,
    /// How figures are counted.
    pub report: ReportConfig,
    /// How sheets and bulletins are made.
    pub coaching: CoachingConfig,
}

/// Most calls in danger that are listed.
const MOST_CRISES: usize = 1000;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The nightly step has not run yet.
    #[error("there are no topics yet: run `qingting topics --data DIR` first")]
    NoTopics,
    /// There is no call to find topics in.
    #[error("there are no calls in that range of days")]
    NoCalls,
    /// Topics are being refreshed or changed.
    #[error("the topics are being refreshed; try again when that is done")]
    Busy,
    /// A topic cannot be changed in that way.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// The data folder refused.
    #[error(transparent)]
    Index(#[from] index::Error),
    /// A file of the configuration is missing or wrong.
    #[error(transparent)]
    Pipeline(#[from] qingting_pipeline::Error),
}

/// `Result` of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The calls of a range of days beside their topics, as the last nightly step left them.
///
/// # Errors
/// [`Error::NoTopics`] before the first nightly step; when a file cannot be read.
pub fn load(data: &DataDir, range: DateRange) -> Result<TopicView> {
    let topics: Topics = data.read_topics()?.ok_or(Error::NoTopics)?;
    let rows = data.read_digests()?.ok_or(Error::NoTopics)?;
    let open = range == DateRange::ALL;
    let within = |row: &CallDigest| open || row.day().is_some_and(|day| range.contains(day));
    let mut calls = Vec::new();
    for row in rows {
        let row = row?;
        if within(&row) {
            calls.push(row);
        }
    }
    Ok(TopicView::new(topics, calls))
}

/// The calls in which a life is in danger, newest first: of this moment, whenever the nightly step ran.
///
/// # Errors
/// When the call index or the store cannot be read.
pub fn crises(data: &DataDir, range: DateRange) -> Result<Vec<CrisisAlert>> {
    let query = CallQuery {
        filter: Some(Filter::parse("crisis:true")?),
        since: range.since,
        until: range.until,
        sort: Some(Sort::NEWEST),
        limit: MOST_CRISES,
        turns_per_call: 0,
        ..CallQuery::default()
    };
    let mut crises = Vec::new();
    for hit in data.search(&query, &NoLookup)?.hits {
        if let Some(call) = data.get_call(&hit.call_id)? {
            crises.push(CrisisAlert {
                call_id: hit.call_id,
                started_at: call.record.started_at,
                quote: crisis_quote(&call.analysis),
            });
        }
    }
    Ok(crises)
}
