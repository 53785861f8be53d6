//! One agent: beside the queues, beside the others of the team, over time, and in single calls.

use qingting_index::Depth;
use qingting_pipeline::finding::Catalog;
use qingting_proto::v1;
use tonic::{Request, Status};

use super::super::backend::Sight;
use super::super::colleagues::FEWEST;
use super::super::convert::Invalid;
use super::super::shared::{Ready, Shared, Waiting};
use super::super::status::Failure;
use super::scorecards::{standings, tellable};
use super::selection::{self, Wanted};
use super::{each, wire};
use crate::report::agents::AgentRow;
use crate::report::examples::{self, Example};
use crate::report::figures::Share;
use crate::report::individual::{Individual, Side};
use crate::report::listed::Measured;
use crate::report::listening::Listening;
use crate::report::selection::Selection;
use crate::report::standings::{By, Standing, ranks};
use crate::report::trend::{Interval, Part, Trend};

pub(super) async fn get_agent_scorecard(
    shared: &Shared,
    request: Request<v1::GetAgentScorecardRequest>,
) -> Result<v1::AgentScorecard, Status> {
    let ask = shared.ask(&request)?;
    let v1::GetAgentScorecardRequest { agent_id, selection, interval } = request.into_inner();
    let agent = match agent_id.as_str() {
        "" => ask.who.agent().map(str::to_owned).ok_or_else(|| Invalid::field("agent_id", "required"))?,
        id => id.to_owned(),
    };
    let wanted = Wanted::parse(selection)?;
    wanted.only_days_and_queues()?;
    let interval = selection::interval(interval)?;
    let work = move |ready: &Ready, waiting: &Waiting| {
        let selected = wanted.resolve(&*ready.reader)?;
        scorecard(ready, waiting, &agent, &selected, interval)
    };
    Ok(shared.count(&ask, work).await?)
}

fn scorecard(
    ready: &Ready,
    waiting: &Waiting,
    agent: &str,
    selected: &Selection,
    interval: Interval,
) -> Result<v1::AgentScorecard, Failure> {
    let catalog = ready.judging.pipeline.finder().catalog();
    let (all, _) = standings(ready, waiting, selected, By::Agent, ready.insight.report.min_agent_calls)?;
    let missing = || Failure::NotFound { kind: "qingting.v1.Agent", name: format!("agents/{agent}") };
    let (own, team, trend) = sides(ready, waiting, agent, selected, interval)?;
    let mut standing = all.iter().find(|standing| standing.row.id == agent).cloned().ok_or_else(missing)?;
    // The place of an agent who asks is within the team already: nobody else is there.
    if ready.reader.sight() != Sight::Agent {
        standing.rank = team.as_ref().and_then(|(team, _)| place(&all, agent, team));
    }
    let others = team.as_ref().map(|(_, side)| side);
    let faults = own.codes().into_iter().map(|code| {
        let of_others = others.map(|side| side.share(code));
        fault_to_wire(ready, &standing.listening, code, own.share(code), of_others)
    });
    Ok(v1::AgentScorecard {
        faults: faults.collect::<Result<_, _>>()?,
        items: items(ready, &own, others),
        team: team.as_ref().map(|(team, side)| comparison(team, &own, side)),
        trend: trend.iter().map(|part| wire::trend_point(part, &[], &[], catalog)).collect(),
        scorecard: Some(wire::scorecard(&standing, catalog)),
    })
}

/// The agent, the others of the team, and the agent's figures over time.
#[expect(
    clippy::type_complexity,
    reason = "three things of one pass, taken apart where it is called"
)]
fn sides(
    ready: &Ready,
    waiting: &Waiting,
    agent: &str,
    selected: &Selection,
    interval: Interval,
) -> Result<(Side, Option<(String, Side)>, Vec<Part>), Failure> {
    let catalog = ready.judging.pipeline.finder().catalog();
    let mut individual = Individual::new(agent, catalog);
    let mut trend = Trend::new(interval, selected.period, catalog, ready.insight.report.service_level_s);
    let range = selected.period.range();
    let mut take = |call: &qingting_pipeline::Analyzed| {
        if selected.has(&call.record) {
            individual.add(&call.record, &call.analysis);
            if call.record.agent.as_ref().is_some_and(|of| of.id == agent) {
                trend.add(&call.record, &call.analysis);
            }
        }
    };
    let fewest = match ready.reader.sight() {
        Sight::Agent if tellable(selected) => {
            for compared in ready.reader.compared(range)? {
                waiting.check()?;
                take(&compared?.call);
            }
            FEWEST
        }
        _ => {
            each(ready.reader.scan(range, Depth::Outline)?, waiting, take)?;
            1
        }
    };
    let (own, team) = individual.finish(fewest);
    Ok((own, team, trend.finish()))
}

/// The agent's place among those of the team who are compared.
fn place(all: &[Standing], agent: &str, team: &str) -> Option<u32> {
    let of_team = all.iter().filter(|standing| standing.row.team.as_deref() == Some(team));
    let mut rows: Vec<AgentRow> = of_team.map(|standing| standing.row.clone()).collect();
    let ranks = ranks(&mut rows);
    rows.iter().zip(ranks).find(|(row, _)| row.id == agent).and_then(|(_, rank)| rank)
}

fn comparison(team: &str, own: &Side, others: &Side) -> v1::TeamComparison {
    let score = |side: &Side| Measured::Mean { mean: side.score, scale: 1.0 };
    v1::TeamComparison {
        team: team.to_owned(),
        agent_count: i32::try_from(others.agents()).unwrap_or(i32::MAX),
        score: Some(wire::measured("score", "质检均分", &score(others))),
        difference: score(own).less(&score(others)).map(wire::difference),
    }
}

fn items(ready: &Ready, own: &Side, others: Option<&Side>) -> Vec<v1::ItemFigure> {
    let title = |card: &str, item: &str| {
        let card = ready.judging.pipeline.scorer().iter().find(|known| known.id() == card)?;
        let mut items = card.sections().iter().flat_map(|section| &section.items);
        items.find(|known| known.id == item).map(|known| known.title.clone())
    };
    let figure = |(key, sum): (&(String, String), &crate::report::individual::ItemSum)| v1::ItemFigure {
        scorecard: key.0.clone(),
        item: key.1.clone(),
        // An item that is no longer on the scorecard has no other name.
        title: title(&key.0, &key.1).unwrap_or_else(|| key.1.clone()),
        applied_count: wire::count(sum.applied),
        deducted_count: wire::count(sum.deducted),
        share: sum.value(),
        team_share: others.and_then(|side| side.items.get(key)?.value()),
    };
    own.items.iter().map(figure).collect()
}

/// A fault of an agent beside how often others make it, with calls to listen to.
pub(super) fn fault_to_wire(
    ready: &Ready,
    listening: &Listening,
    code: &str,
    share: Share,
    others: Option<Share>,
) -> Result<v1::AgentFault, Failure> {
    let catalog = ready.judging.pipeline.finder().catalog();
    let shown = |ids: Vec<&str>, show: &dyn Fn(&qingting_pipeline::Analyzed) -> Example| {
        let mut calls = Vec::new();
        for id in ids {
            // One that has gone since it was counted is not shown.
            if let Some(call) = ready.reader.get_call(id)? {
                calls.push(wire::example(show(&call)));
            }
        }
        Ok::<_, Failure>(calls)
    };
    let worst = |call: &qingting_pipeline::Analyzed| examples::of_code(&call.record, &call.analysis, code, catalog);
    let best = |call: &qingting_pipeline::Analyzed| examples::best(&call.record, &call.analysis);
    Ok(v1::AgentFault {
        code: code.to_owned(),
        title: wire::title(code, catalog),
        share: Some(wire::fault(code, share, catalog)),
        team_share: others.map(|others| wire::fault(code, others, catalog)),
        difference: others.and_then(|others| share.less(others)).map(wire::difference),
        worst: shown(listening.worst(code), &worst)?,
        best: shown(listening.best(code), &best)?,
    })
}

/// Why an agent is named, for supervisors.
pub(super) fn reason(row: &AgentRow, catalog: &Catalog) -> String {
    let Some(difference) = row.difference else {
        return String::new();
    };
    let mut reason = format!(
        "{} 通评分通话，均分比同队列低 {:.1} 分（95% 区间 {:.1} 至 {:.1} 分）",
        row.score.count(),
        -difference.value,
        -difference.high,
        -difference.low
    );
    if let Some(typical) = &row.typical {
        let percent = |share: Share| share.value().unwrap_or_default() * 100.0;
        let (title, own, all) = (wire::title(&typical.code, catalog), percent(typical.share), percent(typical.all));
        reason.push_str(&format!("；“{title}”占 {own:.1}%，全体 {all:.1}%"));
    }
    reason.push('。');
    reason
}
