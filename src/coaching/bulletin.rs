//! The bulletin of a period (期间通报), of a team or of the whole hotline, for everybody to read: volume, quality beside the period
//! before, calls to learn from, topics that rose, cases. Owns what goes into it and what has to stay out, so that nobody is told of
//! a person; how it looks is [`super::bulletin_page`]'s.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, Utc};
use qingting_index::{CaseQuery, Depth};
use qingting_pipeline::Analyzed;
use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::Agent;
use qingting_pipeline::topic::trend::trends;
use qingting_pipeline::topic::view::TopicView;
use serde::Serialize;

use super::anonymous::without_agent;
use super::config::{CoachingConfig, Naming};
use super::example::CaseStudy;
use super::rates::{Beside, beside};
use super::reviewed::Reviewed;
use super::sheet::Scores;
use crate::case::{Counts, Log, counts, of_period};
use crate::report::collect::Collector;
use crate::report::examples::Example;
use crate::report::figures::{Interval, Share};
use crate::report::matters::rises;
use crate::report::{Period, Report, ReportConfig};

/// Behaviours that are told.
const FAULTS: usize = 5;
/// Exemplary calls that are told.
const CALLS: usize = 3;
/// Topics that are told.
const TOPICS: usize = 5;
/// Examples of the case library that are told.
const STUDIES: usize = 5;
/// People who are named, at most.
const NAMED: usize = 5;
/// Days that topics are counted over, at least: fewer are mostly chance.
const LEAST_DAYS: u64 = 7;
/// Conversations of a period from which its shares are compared.
const COMPARED: u32 = 10;

/// A behaviour in the period and in the one before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Behaviour {
    /// Code or step.
    pub id: String,
    /// What people read.
    pub title: String,
    /// Conversations with it; of a step, those in which it was taken, of those that needed it.
    pub now: Share,
    /// The same in the period before.
    pub before: Share,
    /// The one less the other; only with enough conversations in both.
    pub change: Option<Interval>,
    /// How the one stands beside the other.
    pub beside: Beside,
}

impl Behaviour {
    fn new(id: &str, title: &str, now: Share, before: Share) -> Self {
        let (beside, change) = beside(now, before, COMPARED);
        Self { id: id.to_owned(), title: title.to_owned(), now, before, change, beside }
    }
}

/// What is told of quality; only of a group that is large enough.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    /// Scores.
    pub score: Scores,
    /// Scores of the period before.
    pub before: Scores,
    /// The mean less that of the period before.
    pub change: Option<Interval>,
    /// Conversations without a fault of the agent.
    pub faultless: Behaviour,
    /// The most frequent faults.
    pub faults: Vec<Behaviour>,
    /// Steps of the conduct of calls.
    pub steps: Vec<Behaviour>,
    /// Calls to learn from; without their agents unless these may be named.
    pub best: Vec<Example>,
    /// Agents with scored calls.
    pub agents: u64,
    /// Of these, with enough calls to be compared.
    pub compared: u64,
    /// Of these, above what their queues let expect by more than chance explains.
    pub above: u64,
    /// Of these, to be coached.
    pub below: u64,
    /// Those above, where they may be named.
    pub praised: Vec<String>,
    /// Those to be coached, where they may be named.
    pub coached: Vec<String>,
}

/// A topic that rose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Risen {
    /// What it is called.
    pub label: String,
    /// Calls in its days.
    pub calls: usize,
    /// Calls in as many days before.
    pub before: usize,
}

/// What was done about calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CaseTold {
    /// Opened in the period.
    pub opened: u64,
    /// Closed in it.
    pub closed: u64,
    /// Of these, in time.
    pub closed_on_time: u64,
    /// Open at its end.
    pub open: u64,
    /// Of these, overdue.
    pub overdue: u64,
    /// Closed in the period before.
    pub closed_before: u64,
    /// Overdue at its end.
    pub overdue_before: u64,
}

/// A bulletin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bulletin {
    /// What it is called.
    pub title: String,
    /// The team; `None`: the whole hotline.
    pub team: Option<String>,
    /// First day.
    pub since: NaiveDate,
    /// Last day.
    pub until: NaiveDate,
    /// First day of the period before.
    pub before_since: NaiveDate,
    /// Its last day.
    pub before_until: NaiveDate,
    /// What that is called.
    pub before_name: &'static str,
    /// Calls offered.
    pub offered: u64,
    /// The same in the period before.
    pub offered_before: u64,
    /// Conversations.
    pub conversations: u64,
    /// Answered, of the offered that say.
    pub connected: Share,
    /// Callers who were satisfied, of those who rated.
    pub satisfied: Behaviour,
    /// Quality; `None` of a group of fewer agents than the settings want.
    pub quality: Option<Quality>,
    /// Fewest agents of whom quality is told.
    pub min_group: u32,
    /// Topics that rose; `None` where that is not known.
    pub risen: Option<Vec<Risen>>,
    /// Cases.
    pub cases: Option<CaseTold>,
    /// Examples that were added to the case library.
    pub studies: Vec<CaseStudy>,
}

/// Calls on their way into a bulletin.
pub struct Counting<'a> {
    collector: Collector<'a>,
    catalog: &'a Catalog,
    config: &'a CoachingConfig,
    reviewed: &'a Reviewed,
    period: Period,
    team: Option<String>,
    queues: std::collections::BTreeSet<String>,
}

impl<'a> Counting<'a> {
    /// Nothing counted yet.
    pub fn new(
        period: Period,
        team: Option<String>,
        queues: std::collections::BTreeSet<String>,
        report: &'a ReportConfig,
        config: &'a CoachingConfig,
        catalog: &'a Catalog,
        reviewed: &'a Reviewed,
    ) -> Self {
        let collector = Collector::new(period, report, catalog);
        Self { collector, catalog, config, reviewed, period, team, queues }
    }

    /// Which days are to be read, and how much of their calls.
    pub fn ranges(&self) -> Vec<(Period, Depth)> {
        let (shown, counted) = self.collector.ranges();
        counted.into_iter().map(|range| (range, Depth::Outline)).chain([(shown, Depth::Whole)]).collect()
    }

    /// Counts a call, if it is of the team. Of one that is contested only the volume counts.
    pub fn add(&mut self, mut call: Analyzed) {
        let team = call.record.agent.as_ref().and_then(|agent| agent.team.as_ref());
        if self.team.is_some() && team != self.team.as_ref() {
            return;
        }
        if !self.queues.is_empty() && call.record.queue.as_ref().is_none_or(|queue| !self.queues.contains(queue)) {
            return;
        }
        if !self.reviewed.apply(&mut call, self.catalog) {
            let analysis = &mut call.analysis;
            (analysis.score, analysis.conduct) = (None, None);
            analysis.findings.clear();
            analysis.uncertain.clear();
        }
        self.collector.add(&call.record, &call.analysis);
    }

    /// The bulletin without topics, cases and studies.
    pub fn finish(self) -> Bulletin {
        let Self { config, period, team, .. } = self;
        let report = Report::new(self.collector);
        let before = period.before();
        let (now, earlier) = (&report.now, &report.before);
        Bulletin {
            title: period.bulletin_title().to_owned(),
            since: period.from(),
            until: period.to(),
            before_since: before.from(),
            before_until: before.to(),
            before_name: period.before_name(),
            offered: now.offered,
            offered_before: earlier.offered,
            conversations: now.conversations,
            connected: now.connected,
            satisfied: Behaviour::new("satisfied", "来电人满意率", now.satisfied, earlier.satisfied),
            quality: quality(&report, config),
            min_group: config.min_group,
            risen: None,
            cases: None,
            studies: Vec::new(),
            team,
        }
    }
}

fn quality(report: &Report, config: &CoachingConfig) -> Option<Quality> {
    let agents = report.agents.len() as u64;
    if agents < u64::from(config.min_group) {
        return None;
    }
    let (now, before) = (&report.now, &report.before);
    let above = |row: &&crate::report::agents::AgentRow| {
        row.compared && row.difference.is_some_and(|difference| difference.low > 0.0)
    };
    let named = |rows: Vec<&crate::report::agents::AgentRow>| -> Vec<String> {
        let names = rows.into_iter().map(|row| row.name.clone().unwrap_or_else(|| row.id.clone()));
        names.take(NAMED).collect()
    };
    // Rows come with the lowest first.
    let praised: Vec<_> = report.agents.iter().filter(above).rev().collect();
    let coached: Vec<_> = report.agents.iter().filter(|row| row.below()).collect();
    let mut best: Vec<Example> = report.best.iter().take(CALLS).cloned().collect();
    if config.name_agents == Naming::None {
        for example in &mut best {
            let id = example.agent.take().unwrap_or_default();
            let name = report.agents.iter().find(|row| row.id == id).and_then(|row| row.name.clone());
            let agent = Agent { id, name, ..Agent::default() };
            for point in &mut example.points {
                point.quote = without_agent(&point.quote, Some(&agent), true);
                point.explanation = without_agent(&point.explanation, Some(&agent), true);
            }
        }
    }
    let steps = now.conduct.iter().zip(&before.conduct).filter(|((_, share), _)| share.of > 0);
    let steps = steps.map(|((step, share), (_, earlier))| {
        let id = serde_json::to_value(step).ok().and_then(|id| id.as_str().map(str::to_owned)).unwrap_or_default();
        Behaviour::new(&id, step.zh(), *share, *earlier)
    });
    Some(Quality {
        score: (&now.score).into(),
        before: (&before.score).into(),
        change: now.score.less(&before.score),
        faultless: Behaviour::new("faultless", "没有服务问题的通话", now.faultless, before.faultless),
        faults: report
            .faults
            .iter()
            .filter(|row| row.now.part > 0)
            .take(FAULTS)
            .map(|row| Behaviour::new(&row.code, &row.title, row.now, row.before))
            .collect(),
        steps: steps.collect(),
        best,
        agents,
        compared: report.agents.iter().filter(|row| row.compared).count() as u64,
        above: praised.len() as u64,
        below: coached.len() as u64,
        praised: if config.name_agents == Naming::None {
            Vec::new()
        } else {
            named(praised)
        },
        coached: if config.name_agents == Naming::All {
            named(coached)
        } else {
            Vec::new()
        },
    })
}

impl Bulletin {
    /// Adds the topics that rose in the last days of the period, at least a week; nothing where the nightly step has not seen
    /// them, or has seen nothing to compare with.
    #[must_use]
    pub fn with_topics(self, view: &TopicView) -> Self {
        Self { risen: risen(view, self.since, self.until, self.team.as_deref()), ..self }
    }

    /// Adds the cases, out of a log that shows those that may be seen.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn with_cases(
        self,
        log: &(impl Log + ?Sized),
        now: &Range<DateTime<Utc>>,
        before: &Range<DateTime<Utc>>,
    ) -> qingting_index::Result<Self> {
        let query = CaseQuery { teams: self.team.clone().map(|team| vec![team]), ..CaseQuery::default() };
        let told = |range: &Range<DateTime<Utc>>| -> qingting_index::Result<Counts> {
            Ok(counts(&of_period(log, range, &query)?, range, None).0)
        };
        let (now, before) = (told(now)?, told(before)?);
        let cases = CaseTold {
            opened: now.opened,
            closed: now.closed,
            closed_on_time: now.closed_on_time,
            open: now.open,
            overdue: now.overdue,
            closed_before: before.closed,
            overdue_before: before.overdue,
        };
        Ok(Self { cases: Some(cases), ..self })
    }

    /// Adds what people have put into the case library in the period, the newest first.
    #[must_use]
    pub fn with_studies(self, studies: &[CaseStudy]) -> Self {
        let day = |study: &CaseStudy| study.approved_at.map(|at| at.date_naive());
        let of_team = |study: &&CaseStudy| self.team.is_none() || study.team == self.team;
        let within = |study: &&CaseStudy| {
            study.is_approved() && day(study).is_some_and(|day| (self.since..=self.until).contains(&day))
        };
        let mut told: Vec<CaseStudy> = studies.iter().filter(within).filter(of_team).cloned().collect();
        told.sort_by_key(|study| std::cmp::Reverse(study.number));
        told.truncate(STUDIES);
        Self { studies: told, ..self }
    }
}

fn risen(view: &TopicView, since: NaiveDate, until: NaiveDate, team: Option<&str>) -> Option<Vec<Risen>> {
    let counted = |call: &&qingting_pipeline::record::CallDigest| {
        call.day().is_some_and(|day| day <= until) && (team.is_none() || call.team.as_deref() == team)
    };
    let calls: Vec<_> = view.calls.iter().filter(counted).cloned().collect();
    let view = TopicView::new(view.topics.clone(), calls);
    let (earliest, last) = view.days().filter(|(_, last)| *last >= since)?;
    let days = Period::new(since, until)?.length().max(LEAST_DAYS);
    let first_compared = last.checked_sub_days(chrono::Days::new(2 * days - 1))?;
    if earliest > first_compared {
        return None;
    }
    let found = trends(&view, usize::try_from(days).unwrap_or(usize::MAX));
    let risen = found.into_iter().filter(|trend| trend.calls > 0 && rises(trend)).take(TOPICS);
    Some(risen.map(|trend| Risen { label: trend.label, calls: trend.calls, before: trend.before }).collect())
}
