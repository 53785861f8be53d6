//! The coaching sheet of one agent: what is done well, habits beside the team's and beside the period before, calls to listen to,
//! and what to practise. Owns the counting; what is chosen is [`super::chosen`]'s, the sentences are [`super::sheet_text`]'s. Holds no calls: what is
//! quoted is read when the sheet is finished.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use qingting_pipeline::Analyzed;
use qingting_pipeline::finding::{Catalog, Level};
use qingting_pipeline::record::Severity;
use serde::Serialize;

use super::chosen::{practice, praise};
use super::config::CoachingConfig;
use super::phrases::{Phrase, Phrases, Sector};
use super::rates::{Beside, Rate, beside};
use super::reviewed::Reviewed;
use crate::report::examples::{self, Example};
use crate::report::faults::faults_of;
use crate::report::figures::{Interval, Mean, Share};
use crate::report::individual::Individual;
use crate::report::kpis::Kpis;
use crate::report::listening::Listening;
use crate::report::trend::{self, Part, Trend};
use crate::report::{Period, ReportConfig};

/// Most things to practise at a time.
pub const PRACTICES: usize = 3;

/// Longest period whose trend is by days, where nobody says otherwise, and longest by weeks.
const BY_DAY: u64 = 14;
const BY_WEEK: u64 = 120;

/// The parts of a period's trend, where nobody says otherwise.
pub fn parts(period: Period) -> trend::Interval {
    let days = period.length();
    if days <= BY_DAY {
        trend::Interval::Day
    } else if days <= BY_WEEK {
        trend::Interval::Week
    } else {
        trend::Interval::Month
    }
}

/// What a sheet is made by.
#[derive(Debug, Clone, Copy)]
pub struct Making<'a> {
    /// What codes mean.
    pub catalog: &'a Catalog,
    /// How figures are counted.
    pub report: &'a ReportConfig,
    /// Sectors.
    pub coaching: &'a CoachingConfig,
    /// What is suggested.
    pub phrases: &'a Phrases,
    /// What people have decided.
    pub reviewed: &'a Reviewed,
}

/// Scores of some calls.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scores {
    /// Scored calls.
    pub calls: u64,
    /// Their mean, 0 to 100.
    pub mean: Option<f64>,
}

impl From<&Mean> for Scores {
    fn from(mean: &Mean) -> Self {
        Self { calls: mean.count(), mean: mean.value() }
    }
}

/// A fault beside the others of the team and beside the period before. All shares are of scored calls.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Habit {
    /// The code.
    pub code: String,
    /// What supervisors read.
    pub title: String,
    /// How grave it usually is.
    pub severity: Severity,
    /// It is about the whole call, not about single words.
    pub is_of_call: bool,
    /// Calls with it.
    pub own: Share,
    /// Its findings over the talk of the calls whose times are known.
    pub rate: Rate,
    /// Calls of the others of the team with it.
    pub team: Option<Share>,
    /// How the own share stands beside the team's.
    pub beside_team: Beside,
    /// The own share less the team's; only where enough calls are on both sides.
    pub difference: Option<Interval>,
    /// Calls with it in the period before.
    pub before: Share,
    /// How the share stands beside that.
    pub beside_before: Beside,
    /// The share less that of the period before; only where enough calls are on both sides.
    pub change: Option<Interval>,
    /// Calls that show it, the gravest and surest first.
    pub worst: Vec<Example>,
    /// The best-scored calls without it.
    pub best: Vec<Example>,
}

/// Something done well.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Strength {
    /// Step or code.
    pub id: String,
    /// What supervisors read.
    pub title: String,
    /// How often, of the calls that it is about. Of a fault: the calls with it.
    pub own: Share,
    /// The same of the others of the team.
    pub team: Option<Share>,
    /// How the one stands beside the other.
    pub beside_team: Beside,
    /// It is a fault that is rarer than with the others.
    pub is_absence: bool,
}

/// Something to practise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Practice {
    /// The code.
    pub code: String,
    /// What supervisors read.
    pub title: String,
    /// Why this one, a sentence.
    pub reason: String,
    /// How it is said and how it could be.
    pub phrases: Vec<Phrase>,
}

/// A part of the trend.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// First day.
    pub since: NaiveDate,
    /// Last day.
    pub until: NaiveDate,
    /// Scores.
    pub score: Scores,
    /// Conversations with each fault that is a habit, in the order of the habits.
    pub faults: Vec<Share>,
}

/// One agent in a period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sheet {
    /// Id of the agent.
    pub agent: String,
    /// Name, where the source gives one.
    pub name: Option<String>,
    /// The team beside which the agent is put; `None` where there is none, or too few others.
    pub team: Option<String>,
    /// First day.
    pub since: NaiveDate,
    /// Last day.
    pub until: NaiveDate,
    /// First day of the period before.
    pub before_since: NaiveDate,
    /// Its last day.
    pub before_until: NaiveDate,
    /// What it is called.
    pub before_name: &'static str,
    /// Fewest scored calls of whom habits are told.
    pub least: u32,
    /// Whether there are enough.
    pub is_enough: bool,
    /// Own calls that are left out, since an appeal is under way.
    pub contested: u64,
    /// Scores.
    pub score: Scores,
    /// Scores of the others of the team.
    pub team_score: Option<Scores>,
    /// The own mean less the team's.
    pub score_difference: Option<Interval>,
    /// Scores of the period before.
    pub before_score: Scores,
    /// The mean less that of the period before.
    pub score_change: Option<Interval>,
    /// The sector whose phrases are suggested first.
    pub sector: Sector,
    /// What is done well.
    pub praise: Vec<Strength>,
    /// The best calls, with what went well in them.
    pub best: Vec<Example>,
    /// Faults: those that are more frequent than the team's first, then the most frequent.
    pub habits: Vec<Habit>,
    /// The period in parts.
    pub trend: Vec<Point>,
    /// What to practise, at most three things, the most important first.
    pub practice: Vec<Practice>,
}

/// Calls on their way into a sheet.
pub struct Counting<'a> {
    making: Making<'a>,
    agent: String,
    period: Period,
    before_period: Period,
    name: Option<String>,
    individual: Individual<'a>,
    before: Individual<'a>,
    trend: Trend<'a>,
    listening: Listening,
    kpis: Kpis,
    others: BTreeMap<String, Kpis>,
    events: BTreeMap<String, u64>,
    talk_ms: u64,
    sectors: BTreeMap<Sector, u64>,
    contested: u64,
}

impl<'a> Counting<'a> {
    /// Nothing counted yet.
    pub fn new(making: Making<'a>, agent: &'a str, period: Period, interval: trend::Interval) -> Self {
        let Making { catalog, report, .. } = making;
        Self {
            making,
            agent: agent.to_owned(),
            period,
            before_period: period.before(),
            name: None,
            individual: Individual::new(agent, catalog),
            before: Individual::new(agent, catalog),
            trend: Trend::new(interval, period, catalog, report.service_level_s),
            listening: Listening::default(),
            kpis: Kpis::default(),
            others: BTreeMap::new(),
            events: BTreeMap::new(),
            talk_ms: 0,
            sectors: BTreeMap::new(),
            contested: 0,
        }
    }

    /// The days of the agent's own calls that are compared with.
    pub fn before_period(&self) -> Period {
        self.before_period
    }

    /// Counts a call of the period, the agent's or somebody else's, or one of the agent's of the period before; others are passed
    /// over.
    pub fn add(&mut self, mut call: Analyzed) {
        let Some(day) = call.record.started_at.map(|at| at.date_naive()) else {
            return;
        };
        let Some(agent) = call.record.agent.clone() else { return };
        let own = agent.id == self.agent;
        let (now, earlier) = (self.period.contains(day), self.before_period.contains(day));
        if !(now || own && earlier) {
            return;
        }
        let Making { catalog, report, coaching, reviewed, .. } = self.making;
        if !reviewed.apply(&mut call, catalog) {
            self.contested += u64::from(own && now);
            return;
        }
        let (record, analysis) = (&call.record, &call.analysis);
        if !now {
            self.before.add(record, analysis);
            return;
        }
        self.individual.add(record, analysis);
        if analysis.score.is_none() {
            return;
        }
        let faults = faults_of(analysis, catalog);
        if !own {
            if let Some(team) = agent.team {
                let kpis = self.others.entry(team).or_default();
                kpis.add(record, analysis, faults.is_empty(), report.service_level_s);
            }
            return;
        }
        self.name = agent.name.or(self.name.take());
        self.kpis.add(record, analysis, faults.is_empty(), report.service_level_s);
        self.trend.add(record, analysis);
        self.listening.add(record, analysis, &faults);
        *self.sectors.entry(coaching.sector_of(record.queue.as_deref())).or_default() += 1;
        // Without times it is not known how long it was, and its findings are left out of the rate too.
        if let Some(ms) = analysis.signals.duration_ms.filter(|ms| *ms > 0) {
            self.talk_ms = self.talk_ms.saturating_add(ms);
            for finding in &analysis.findings {
                if faults.contains(finding.code.as_str()) {
                    *self.events.entry(finding.code.clone()).or_default() += 1;
                }
            }
        }
    }

    /// The sheet; `None` where the agent has no scored calls. `fewest` others of the team have to be there for a comparison;
    /// `fetch` reads a call that is shown.
    ///
    /// # Errors
    /// When a call cannot be read.
    pub fn finish<E>(
        self,
        fewest: usize,
        sector: Option<Sector>,
        mut fetch: impl FnMut(&str) -> Result<Option<Analyzed>, E>,
    ) -> Result<Option<Sheet>, E> {
        let Self { making, period, before_period, .. } = self;
        let Making { catalog, report, coaching, reviewed, .. } = making;
        let (own, team) = self.individual.finish(fewest);
        if own.score.count() == 0 && self.contested == 0 {
            return Ok(None);
        }
        let (before, _) = self.before.finish(usize::MAX);
        let least = report.min_agent_calls;
        let is_enough = own.score.count() >= u64::from(least);
        let most = self.sectors.into_iter().max_by_key(|(sector, calls)| (*calls, std::cmp::Reverse(*sector)));
        let sector = sector.or(most.map(|(sector, _)| sector)).unwrap_or(coaching.sector);
        let others = team.as_ref().map(|(_, side)| side);
        let team_kpis = team.as_ref().and_then(|(team, _)| self.others.get(team));

        let mut show = |ids: Vec<&str>, write: &dyn Fn(&Analyzed) -> Option<Example>| -> Result<Vec<Example>, E> {
            let mut shown = Vec::new();
            for id in ids {
                // One that has gone, or was appealed against, since it was counted is not shown; nor a point that is none any more.
                if let Some(mut call) = fetch(id)?
                    && reviewed.apply(&mut call, catalog)
                {
                    shown.extend(write(&call));
                }
            }
            shown.retain(|example| !example.points.is_empty());
            Ok(shown)
        };
        // What went well is quoted of calls without any fault alone: else a turn could be praised that is a fault of another kind.
        let faultless = |call: &Analyzed| faults_of(&call.analysis, catalog).is_empty();
        let best = |call: &Analyzed| faultless(call).then(|| examples::best(&call.record, &call.analysis));
        let model = |call: &Analyzed| {
            best(call).filter(|_| examples::best_key(&call.record, &call.analysis, catalog).is_some())
        };
        let hours = self.talk_ms as f64 / 3_600_000.0;
        let mut habits = Vec::new();
        for code in own.codes() {
            let Some(info) = catalog.get(code) else { continue };
            let (share, earlier) = (own.share(code), before.share(code));
            let of_team = others.map(|side| side.share(code));
            let (beside_team, difference) =
                of_team.map_or((Beside::Unknown, None), |other| beside(share, other, least));
            let (beside_before, change) = beside(share, earlier, least);
            let worst = |call: &Analyzed| Some(examples::of_code(&call.record, &call.analysis, code, catalog));
            habits.push(Habit {
                code: code.to_owned(),
                title: info.title.clone(),
                severity: info.severity,
                is_of_call: info.level == Level::Call,
                own: share,
                rate: Rate { events: self.events.get(code).copied().unwrap_or(0), hours },
                team: of_team,
                beside_team,
                difference,
                before: earlier,
                beside_before,
                change,
                worst: show(self.listening.worst(code), &worst)?,
                best: show(self.listening.best(code), &best)?,
            });
        }
        habits.sort_by_key(|habit| (habit.beside_team != Beside::More, std::cmp::Reverse(habit.own.part)));
        let shown_best = show(self.listening.best(""), &model)?;
        let trend = self.trend.finish().iter().map(|part| point(part, &habits)).collect();
        let practice = match is_enough {
            true => practice(&habits, sector, making),
            false => Vec::new(),
        };
        Ok(Some(Sheet {
            agent: self.agent,
            name: self.name,
            team: team.as_ref().map(|(team, _)| team.clone()),
            since: period.from(),
            until: period.to(),
            before_since: before_period.from(),
            before_until: before_period.to(),
            before_name: period.before_name(),
            least,
            is_enough,
            contested: self.contested,
            score: (&own.score).into(),
            team_score: others.map(|side| (&side.score).into()),
            score_difference: others.filter(|_| is_enough).and_then(|side| own.score.less(&side.score)),
            before_score: (&before.score).into(),
            score_change: compared(&own.score, &before.score, least),
            sector,
            praise: praise(&self.kpis, team_kpis, &own, others, least, catalog),
            best: shown_best,
            habits,
            trend,
            practice,
        }))
    }
}

/// A difference of means, where enough calls are on both sides.
fn compared(own: &Mean, other: &Mean, least: u32) -> Option<Interval> {
    (own.count().min(other.count()) >= u64::from(least)).then(|| own.less(other)).flatten()
}

fn point(part: &Part, habits: &[Habit]) -> Point {
    Point {
        since: part.days.from(),
        until: part.days.to(),
        score: (&part.kpis.score).into(),
        faults: habits.iter().map(|habit| part.share(&habit.code)).collect(),
    }
}
