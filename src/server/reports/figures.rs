//! Figures of a selection of calls: the report of a period, KPIs, and trends.

use qingting_index::Depth;
use qingting_proto::v1;
use tonic::{Request, Status};

use super::super::backend::{Reader, Sight};
use super::super::convert::Invalid;
use super::super::shared::{Ready, Shared, Waiting};
use super::super::status::Failure;
use super::selection::{self, Wanted};
use super::{each, wire};
use crate::report::collect::Collector;
use crate::report::contacts::{Contacts, RepeatRule};
use crate::report::faults::faults_of;
use crate::report::kpis::Kpis;
use crate::report::listed::Measured;
use crate::report::selection::Selection;
use crate::report::tickets::Tickets;
use crate::report::trend::Trend;
use crate::report::{Report, ReportConfig};

/// Codes of a trend.
const MOST_CODES: usize = 100;

pub(super) async fn get_period_report(
    shared: &Shared,
    request: Request<v1::GetPeriodReportRequest>,
) -> Result<v1::PeriodReport, Status> {
    let ask = shared.ask(&request)?;
    let wanted = Wanted::parse(request.into_inner().selection)?;
    let work = move |ready: &Ready, waiting: &Waiting| {
        let selection = wanted.resolve(&*ready.reader)?;
        let catalog = ready.judging.pipeline.finder().catalog();
        let mut collector = Collector::new(selection.period, &ready.insight.report, catalog);
        // What is quoted is of the period alone.
        let (shown, counted) = collector.ranges();
        let counted = counted.into_iter().map(|range| (range, Depth::Outline));
        for (range, depth) in counted.chain([(shown, Depth::Whole)]) {
            each(ready.reader.scan(range.range(), depth)?, waiting, |call| {
                if selection.is_of(&call.record) {
                    collector.add(&call.record, &call.analysis);
                }
            })?;
        }
        Ok(report_to_wire(Report::new(collector)))
    };
    Ok(shared.count(&ask, work).await?)
}

fn report_to_wire(report: Report) -> v1::PeriodReport {
    let (period, before) = (report.period, report.period.before());
    let figures = report.now.figures().into_iter().zip(report.before.figures());
    let figures = figures.map(|(now, before)| v1::ComparedFigure {
        now: Some(wire::figure(&now)),
        before: Some(wire::figure(&before)),
        change: now.measured.less(&before.measured).map(wire::difference),
    });
    let faults = report.faults.iter().map(|row| v1::FaultFigure {
        code: row.code.clone(),
        title: row.title.clone(),
        now: Some(wire::measured(&row.code, &row.title, &Measured::Share(row.now))),
        before: Some(wire::measured(&row.code, &row.title, &Measured::Share(row.before))),
        change: row.change.map(wire::difference),
    });
    let conduct = report.now.conduct.iter().map(|(step, share)| {
        let id = serde_json::to_value(step).ok().and_then(|id| id.as_str().map(str::to_owned)).unwrap_or_default();
        wire::measured(&id, step.zh(), &Measured::Share(*share))
    });
    let days = report.volume.days.keys().filter_map(|day| Some((*day, report.volume.on(*day)?)));
    let expected = report.volume.expected_by_hour(&period).map_or_else(Vec::new, |hours| hours.to_vec());
    let examples = |calls: Vec<_>| calls.into_iter().map(wire::example).collect();
    v1::PeriodReport {
        since: period.from().to_string(),
        until: period.to().to_string(),
        before_since: before.from().to_string(),
        before_until: before.to().to_string(),
        title: period.title(),
        figures: figures.collect(),
        faults: faults.collect(),
        hourly_counts: report.volume.by_hour().map(wire::count).to_vec(),
        expected_hourly_counts: expected,
        daily_counts: days
            .map(|(day, calls)| v1::DayCount { date: day.to_string(), count: wire::count(calls) })
            .collect(),
        appeal_counts: report.now.appeals.iter().map(|(kind, n)| (kind.clone(), wire::count(*n))).collect(),
        conduct: conduct.collect(),
        crisis_count: wire::count(report.crises.0),
        crises: examples(report.crises.1),
        doubtful_crisis_count: wire::count(report.doubtful_crises.0),
        doubtful_crises: examples(report.doubtful_crises.1),
        worst: examples(report.worst),
        best: examples(report.best),
    }
}

pub(super) async fn get_kpis(
    shared: &Shared,
    request: Request<v1::GetKpisRequest>,
) -> Result<v1::GetKpisResponse, Status> {
    let ask = shared.ask(&request)?;
    let request = request.into_inner();
    let wanted = Wanted::parse(request.selection)?;
    let limit = selection::service_level(request.service_level_seconds)?;
    // Checked before anything is read; the settings are only known then.
    selection::rule(request.repeat_window_days, request.repeat_basis, &ReportConfig::default())?;
    let work = move |ready: &Ready, waiting: &Waiting| {
        let selected = wanted.resolve(&*ready.reader)?;
        let config = &ready.insight.report;
        let rule = selection::rule(request.repeat_window_days, request.repeat_basis, config)?;
        let limit = limit.unwrap_or(config.service_level_s);
        let figures = kpis(ready, waiting, &selected, limit, rule)?;
        Ok(v1::GetKpisResponse {
            since: selected.period.from().to_string(),
            until: selected.period.to().to_string(),
            figures,
            service_level_seconds: i32::try_from(limit).unwrap_or(i32::MAX),
            repeat_window_days: rule.days.into(),
            partial: ready.reader.sight() != Sight::All,
        })
    };
    Ok(shared.count(&ask, work).await?)
}

fn kpis(
    ready: &Ready,
    waiting: &Waiting,
    selected: &Selection,
    service_level_s: u32,
    rule: RepeatRule,
) -> Result<Vec<v1::Figure>, Failure> {
    let reader: &dyn Reader = &*ready.reader;
    let catalog = ready.judging.pipeline.finder().catalog();
    let mut kpis = Kpis::default();
    let days = reader.days()?;
    let (mut contacts, mut tickets) = (Contacts::new(rule, days), Tickets::new(days));
    each(reader.scan(rule.around(&selected.period).range(), Depth::Outline)?, waiting, |call| {
        let has = selected.has(&call.record);
        if has {
            let faultless = faults_of(&call.analysis, catalog).is_empty();
            kpis.add(&call.record, &call.analysis, faultless, service_level_s);
        }
        contacts.add(&call.record, &call.analysis, has.then_some(0));
        // A work order counts by its last call of the period, whoever's that is.
        if call.record.started_at.is_some_and(|at| selected.period.contains(at.date_naive())) {
            tickets.add(&call.record, has.then_some(0));
        }
    })?;
    let repeats = contacts.finish(1).into_iter().flat_map(|repeats| repeats.figures());
    let tickets = tickets.finish(1).into_iter().flat_map(|tickets| tickets.figures());
    Ok(kpis
        .figures()
        .into_iter()
        .chain(repeats)
        .chain(tickets)
        .map(|figure| wire::figure(&figure))
        .collect())
}

pub(super) async fn get_trend(
    shared: &Shared,
    request: Request<v1::GetTrendRequest>,
) -> Result<v1::GetTrendResponse, Status> {
    let ask = shared.ask(&request)?;
    let v1::GetTrendRequest { selection, interval, figures, codes } = request.into_inner();
    let wanted = Wanted::parse(selection)?;
    let interval = selection::interval(interval)?;
    let known = Kpis::default().figures();
    if let Some(unknown) = figures.iter().find(|id| known.iter().all(|figure| figure.id != id.as_str())) {
        let names: Vec<&str> = known.iter().map(|figure| figure.id).collect();
        return Err(Invalid::field("figures", format!("no figure {unknown:?}; there are {}", names.join(", "))).into());
    }
    if codes.len() > MOST_CODES {
        return Err(Invalid::field("codes", format!("must be {MOST_CODES} at most")).into());
    }
    let work = move |ready: &Ready, waiting: &Waiting| {
        let selected = wanted.resolve(&*ready.reader)?;
        let catalog = ready.judging.pipeline.finder().catalog();
        if let Some(unknown) = codes.iter().find(|code| catalog.get(code).is_none()) {
            return Err(Invalid::field("codes", format!("no code {unknown:?}")).into());
        }
        let mut trend = Trend::new(interval, selected.period, catalog, ready.insight.report.service_level_s);
        each(ready.reader.scan(selected.period.range(), Depth::Outline)?, waiting, |call| {
            if selected.is_of(&call.record) {
                trend.add(&call.record, &call.analysis);
            }
        })?;
        let points = trend.finish();
        let points = points.iter().map(|part| wire::trend_point(part, &figures, &codes, catalog));
        Ok(v1::GetTrendResponse { points: points.collect() })
    };
    Ok(shared.count(&ask, work).await?)
}
