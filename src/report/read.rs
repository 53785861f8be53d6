//! Makes a report out of a data folder, beside whoever writes it. Owns which days are read from where.

use std::collections::BTreeSet;
use std::ops::Range;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use qingting_index::knowledge::{Gap, KnowledgeIndex};
use qingting_index::{DataDir, Intake};
use qingting_pipeline::Analyzed;
use qingting_pipeline::finding::Catalog;

use super::agents::AgentRow;
use super::cases::CaseFigures;
use super::collect::Collector;
use super::config::ReportConfig;
use super::examples::Example;
use super::faults::{self, FaultRow};
use super::kpis::Kpis;
use super::matters::{Matters, matters};
use super::period::{Period, ranges};
use super::volume::Volume;
use crate::experience;
use crate::insight::{self, InsightSettings, gaps};
use crate::journey::{Drivers, MeanJourney, NotEnough};

/// Knowledge gaps shown.
const GAPS: usize = 8;

/// Where a report is read from.
pub struct Source<'a> {
    /// The calls.
    pub data: &'a DataDir,
    /// What codes mean.
    pub catalog: &'a Catalog,
    /// How the report counts.
    pub config: &'a ReportConfig,
    /// How topics, bursts and hot spots are found.
    pub insight: &'a InsightSettings,
    /// What the programme of experience officers goes by.
    pub experience: &'a experience::Rules,
    /// The knowledge base, where there is one.
    pub knowledge: Option<&'a KnowledgeIndex>,
    /// The zone that days begin in, for what carries a moment and no date.
    pub zone: Tz,
}

/// A part of the report that may not be there, with the reason, in Chinese.
pub type Known<T> = std::result::Result<T, String>;

/// A whole report.
#[derive(Debug, Clone)]
pub struct Report {
    /// The days.
    pub period: Period,
    /// How it was counted.
    pub config: ReportConfig,
    /// Figures of the period.
    pub now: Kpis,
    /// Figures of the period before.
    pub before: Kpis,
    /// Calls by day and hour.
    pub volume: Volume,
    /// Faults, most frequent first.
    pub faults: Vec<FaultRow>,
    /// Lives in danger: their number, and the newest of them.
    pub crises: (u64, Vec<Example>),
    /// The same, where it waits for review.
    pub doubtful_crises: (u64, Vec<Example>),
    /// Worst first.
    pub worst: Vec<Example>,
    /// Best first.
    pub best: Vec<Example>,
    /// How callers felt on the way through their calls.
    pub journey: MeanJourney,
    /// What goes with dissatisfied callers, where the calls are enough to tell.
    pub drivers: Result<Drivers, NotEnough>,
    /// What was done about calls.
    pub cases: Known<CaseFigures>,
    /// What experience officers did, in the period and in the one before; `None`: there is no such programme.
    pub experience: Known<Option<[experience::Figures; 2]>>,
    /// Every agent with scored calls.
    pub agents: Vec<AgentRow>,
    /// What people called about.
    pub matters: Known<Matters>,
    /// What the knowledge base had no answer to.
    pub gaps: Known<Vec<Gap>>,
    /// Files that were read since the period began, and what of them could not be.
    pub intake: Intake,
}

impl Report {
    /// Puts together what was counted.
    pub fn new(collected: Collector<'_>) -> Self {
        let Collector { config, catalog, period, .. } = collected;
        Self {
            period,
            config: *config,
            faults: faults::rows(&collected.faults, &period, config.trend_days, catalog),
            now: collected.now,
            before: collected.before,
            volume: collected.volume,
            crises: (collected.crises, collected.crisis_calls.into_values()),
            doubtful_crises: (collected.doubtful_crises, collected.doubtful_calls.into_values()),
            worst: collected.worst.into_values(),
            best: collected.best.into_values(),
            agents: collected.agents.rows(config.min_agent_calls),
            journey: collected.journey,
            drivers: collected.drivers.finish(None, true, catalog),
            cases: Err("未读取案件".to_owned()),
            experience: Ok(None),
            matters: Err("未读取主题".to_owned()),
            gaps: Err("未读取知识库".to_owned()),
            intake: Intake::default(),
        }
    }

    /// The title of a code.
    pub fn title<'a>(&'a self, code: &'a str) -> &'a str {
        self.faults.iter().find(|row| row.code == code).map_or(code, |row| row.title.as_str())
    }
}

/// Reads a report. `each` gets every call of the period once, by date, time and id.
///
/// # Errors
/// When the store cannot be read, or `each` fails.
pub fn read<E: From<insight::Error>>(
    source: &Source<'_>,
    period: Period,
    mut each: impl FnMut(&Analyzed) -> Result<(), E>,
) -> Result<Report, E> {
    let index = |error: qingting_index::Error| E::from(insight::Error::from(error));
    let mut collector = Collector::new(period, source.config, source.catalog);
    let needed = collector.days();
    // The other days of the trends need no more than the rows of the nightly step, where these are complete.
    let trend: BTreeSet<NaiveDate> = period.trend(source.config.trend_days).days().collect();
    let kept = source.data.digested_dates().map_err(index)?;
    let cheap: BTreeSet<NaiveDate> = trend.difference(&needed).copied().filter(|day| kept.contains(day)).collect();
    let scanned: BTreeSet<NaiveDate> = needed.union(&trend).copied().filter(|day| !cheap.contains(day)).collect();
    for range in ranges(&scanned) {
        for call in source.data.scan(range.range()).map_err(index)? {
            let call = call.map_err(index)?;
            collector.add(&call.record, &call.analysis);
            if call.record.started_at.is_some_and(|at| period.contains(at.date_naive())) {
                each(&call)?;
            }
        }
    }
    if !cheap.is_empty() {
        for row in source.data.read_digests().map_err(index)?.into_iter().flatten() {
            let row = row.map_err(insight::Error::from)?;
            // Only a conversation has a caller with a manner.
            if let Some(day) = row.day().filter(|day| cheap.contains(day) && row.style.is_some()) {
                faults::add(&mut collector.faults, day, row.faults.iter().map(String::as_str));
            }
        }
    }
    let mut report = Report::new(collector);
    report.matters = match matters(source.data, source.insight, &period) {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err("尚无这一时期的主题，请在入库之后运行 qingting topics".to_owned()),
        Err(error) => Err(unread("主题", &error)),
    };
    let begins = |day: NaiveDate| -> DateTime<Utc> {
        let midnight = day.and_time(NaiveTime::MIN);
        // A midnight that a change of the clock leaves out is taken as if in UTC.
        source.zone.from_local_datetime(&midnight).earliest().map_or(midnight.and_utc(), |at| at.to_utc())
    };
    let ends = |day: NaiveDate| begins(day.succ_opt().unwrap_or(day));
    let (from, until) = (begins(period.from()), ends(period.to()));
    let earlier = period.before();
    let before = begins(earlier.from())..ends(earlier.to());
    report.experience = officers(source, &(from..until), &before).map_err(|error| unread("体验官", &error));
    report.cases = CaseFigures::read(source.data, &(from..until), &before).map_err(|error| unread("案件", &error));
    report.gaps = match source.knowledge {
        None => Err("没有知识库".to_owned()),
        Some(knowledge) if knowledge.is_empty() => Err("知识库中没有条目".to_owned()),
        Some(knowledge) => gaps::find_within(source.data, knowledge, period.range(), from..until, GAPS)
            .map_err(|error| unread("知识缺口", &error)),
    };
    report.intake = source.data.intake(from).map_err(index)?;
    Ok(report)
}

fn officers(
    source: &Source<'_>,
    now: &Range<DateTime<Utc>>,
    before: &Range<DateTime<Utc>>,
) -> qingting_index::Result<Option<[experience::Figures; 2]>> {
    let programme = experience::load(source.data)?;
    let there_is = !programme.officers.is_empty() || !programme.reports.is_empty() || !programme.tasks.is_empty();
    let figures = |period| experience::figures(&programme, source.experience, period);
    Ok(there_is.then(|| [figures(now), figures(before)]))
}

/// The calls are there even when what is derived from them is not: the report says so instead of failing.
fn unread(what: &str, error: &dyn std::error::Error) -> String {
    tracing::warn!(%error, what, "a part of the report cannot be read");
    format!("{what}暂时无法读取")
}
