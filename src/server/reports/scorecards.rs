//! Agents, teams and queues beside each other, and who of the agents is to be coached.

use std::cmp::Ordering;

use qingting_index::Depth;
use qingting_proto::v1;
use tonic::{Request, Status};

use super::super::backend::Sight;
use super::super::colleagues::FEWEST;
use super::super::convert::Invalid;
use super::super::paging::{self, Cursor};
use super::super::shared::{Ask, Ready, Shared, Waiting};
use super::super::status::Failure;
use super::individual::{fault_to_wire, reason};
use super::selection::{self, Wanted};
use super::{each, wire};
use crate::report::contacts::{Basis, RepeatFigures, RepeatRule};
use crate::report::figures::Share;
use crate::report::kpis::Kpis;
use crate::report::selection::Selection;
use crate::report::standings::{By, Standing, Standings};

/// Fewest days over which an agent is compared with the others of the team: of a day, few calls tell of few people.
const FEWEST_DAYS: u64 = 7;

/// By what a list is ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Rank,
    Id,
    Figure(String),
}

/// A list of scorecards that is asked for; the three requests have the same fields.
struct List {
    wanted: Wanted,
    min_calls: Option<u32>,
    key: Key,
    descending: bool,
    size: usize,
    start: usize,
    owner: u64,
}

/// A page of scorecards.
struct Page {
    scorecards: Vec<v1::Scorecard>,
    next_page_token: String,
    total_size: i32,
    ranked_count: i32,
}

macro_rules! lists {
    ($($method:ident: $request:ident => $response:ident by $by:ident),+ $(,)?) => {$(
        pub(super) async fn $method(
            shared: &Shared,
            request: Request<v1::$request>,
        ) -> Result<v1::$response, Status> {
            let ask = shared.ask(&request)?;
            let v1::$request { selection, min_calls, order_by, page_size, page_token } = request.into_inner();
            let list = List::parse(shared, selection, min_calls, &order_by, page_size, &page_token)?;
            let page = list.page(shared, &ask, By::$by).await?;
            Ok(v1::$response {
                scorecards: page.scorecards,
                next_page_token: page.next_page_token,
                total_size: page.total_size,
                ranked_count: page.ranked_count,
            })
        }
    )+};
}

lists! {
    list_agent_scorecards: ListAgentScorecardsRequest => ListAgentScorecardsResponse by Agent,
    list_team_scorecards: ListTeamScorecardsRequest => ListTeamScorecardsResponse by Team,
    list_queue_scorecards: ListQueueScorecardsRequest => ListQueueScorecardsResponse by Queue,
}

impl List {
    fn parse(
        shared: &Shared,
        selection: Option<v1::CallSelection>,
        min_calls: i32,
        order_by: &str,
        page_size: i32,
        page_token: &str,
    ) -> Result<Self, Invalid> {
        let texts = selection::texts(selection.as_ref());
        let least = min_calls.to_string();
        let owner = paging::owner(texts.iter().map(String::as_str).chain([least.as_str(), order_by]));
        let (key, descending) = order(order_by)?;
        Ok(Self {
            wanted: Wanted::parse(selection)?,
            min_calls: selection::min_calls(min_calls)?,
            key,
            descending,
            size: paging::size(&shared.config, page_size)?,
            start: Cursor::parse(page_token, owner)?.calls,
            owner,
        })
    }

    async fn page(self, shared: &Shared, ask: &Ask, by: By) -> Result<Page, Failure> {
        let work = move |ready: &Ready, waiting: &Waiting| {
            let selected = self.wanted.clone().resolve(&*ready.reader)?;
            let min_calls = self.min_calls.unwrap_or(ready.insight.report.min_agent_calls);
            let (all, ranked) = standings(ready, waiting, &selected, by, min_calls)?;
            let all = sorted(all, &self.key, self.descending);
            let catalog = ready.judging.pipeline.finder().catalog();
            let end = self.start.saturating_add(self.size).min(all.len());
            let page = all.get(self.start..end).unwrap_or_default();
            let next = Cursor { calls: end, ..Cursor::default() };
            Ok(Page {
                scorecards: page.iter().map(|standing| wire::scorecard(standing, catalog)).collect(),
                next_page_token: if end < all.len() {
                    next.token(self.owner)
                } else {
                    String::new()
                },
                total_size: size(all.len()),
                ranked_count: size(ranked),
            })
        };
        shared.count(ask, work).await
    }
}

fn size(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// How everything stands that the asker sees, in order of the places, and how many have one.
pub(super) fn standings(
    ready: &Ready,
    waiting: &Waiting,
    selected: &Selection,
    by: By,
    min_calls: u32,
) -> Result<(Vec<Standing>, usize), Failure> {
    let reader = &*ready.reader;
    let config = &ready.insight.report;
    let rule = RepeatRule { days: config.repeat_window_days, basis: Basis::Matter };
    let days = reader.days()?;
    let catalog = ready.judging.pipeline.finder().catalog();
    let begin = || Standings::new(by, selected, catalog, config.service_level_s, rule, days);
    let range = rule.around(&selected.period).range();
    if by == By::Agent && reader.sight() == Sight::Agent && tellable(selected) {
        let mut standings = begin().together();
        for compared in reader.compared(range)? {
            waiting.check()?;
            let compared = compared?;
            let (record, analysis) = (&compared.call.record, &compared.call.analysis);
            match compared.anonymous {
                true => standings.compare_with(record, analysis),
                false => standings.add(record, analysis),
            }
        }
        if standings.others() >= FEWEST {
            return Ok(standings.finish(min_calls));
        }
    }
    let mut standings = begin();
    each(reader.scan(range, Depth::Outline)?, waiting, |call| standings.add(&call.record, &call.analysis))?;
    let (mut all, ranked) = standings.finish(min_calls);
    if by == By::Agent && reader.sight() == Sight::Agent {
        // Beside nobody there is no place.
        for standing in &mut all {
            (standing.rank, standing.row.compared) = (None, false);
        }
        return Ok((all, 0));
    }
    Ok((all, ranked))
}

/// Whether an agent may be told how the others are over these calls. Over few days or one queue the others may be few.
pub(in crate::server) fn tellable(selected: &Selection) -> bool {
    let whole = selected.queues.is_empty() && selected.teams.is_empty() && selected.agents.is_empty();
    whole && selected.period.length() >= FEWEST_DAYS
}

/// `rank`, `id` or a figure, optionally followed by `desc`.
fn order(order_by: &str) -> Result<(Key, bool), Invalid> {
    let words: Vec<&str> = order_by.split_whitespace().collect();
    let (key, descending) = match words.as_slice() {
        [] => ("rank", false),
        [key] | [key, "asc"] => (*key, false),
        [key, "desc"] => (*key, true),
        _ => return Err(Invalid::field("order_by", "must be one name, optionally followed by desc")),
    };
    let figures = Kpis::default().figures().into_iter().chain(RepeatFigures::default().figures());
    let names: Vec<&str> = figures.map(|figure| figure.id).collect();
    let key = match key {
        "rank" => Key::Rank,
        "id" => Key::Id,
        name if names.contains(&name) => Key::Figure(name.to_owned()),
        _ => return Err(Invalid::field("order_by", format!("must be rank, id, {}", names.join(", ")))),
    };
    Ok((key, descending))
}

/// In the order asked for; what has no value comes last either way, equals stay in order of their places.
fn sorted(all: Vec<Standing>, key: &Key, descending: bool) -> Vec<Standing> {
    let turned = |order: Ordering| if descending { order.reverse() } else { order };
    let value = |standing: &Standing| match key {
        Key::Rank => standing.rank.map(f64::from),
        Key::Id => None,
        Key::Figure(id) => {
            let figures = standing.figures();
            figures.iter().find(|figure| figure.id == id).and_then(|figure| figure.measured.value())
        }
    };
    let mut valued: Vec<(Option<f64>, Standing)> =
        all.into_iter().map(|standing| (value(&standing), standing)).collect();
    valued.sort_by(|(a, one), (b, other)| match (a, b) {
        _ if *key == Key::Id => turned(one.row.id.cmp(&other.row.id)),
        (Some(a), Some(b)) => turned(a.total_cmp(b)),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    valued.into_iter().map(|(_, standing)| standing).collect()
}

pub(super) async fn list_coaching(
    shared: &Shared,
    request: Request<v1::ListCoachingRequest>,
) -> Result<v1::ListCoachingResponse, Status> {
    let ask = shared.ask(&request)?;
    let v1::ListCoachingRequest { selection, min_calls, page_size, page_token } = request.into_inner();
    let list = List::parse(shared, selection, min_calls, "", page_size, &page_token)?;
    let work = move |ready: &Ready, waiting: &Waiting| {
        let selected = list.wanted.clone().resolve(&*ready.reader)?;
        let min_calls = list.min_calls.unwrap_or(ready.insight.report.min_agent_calls);
        let (all, ranked) = standings(ready, waiting, &selected, By::Agent, min_calls)?;
        // The last place is farthest below.
        let below: Vec<Standing> = all.into_iter().rev().filter(|standing| standing.row.below()).collect();
        let end = list.start.saturating_add(list.size).min(below.len());
        let page = below.get(list.start..end).unwrap_or_default();
        let agents: Result<Vec<_>, Failure> = page.iter().map(|standing| coaching(ready, standing)).collect();
        let next = Cursor { calls: end, ..Cursor::default() };
        Ok(v1::ListCoachingResponse {
            agents: agents?,
            next_page_token: if end < below.len() {
                next.token(list.owner)
            } else {
                String::new()
            },
            total_size: size(below.len()),
            compared_count: size(ranked),
        })
    };
    Ok(shared.count(&ask, work).await?)
}

fn coaching(ready: &Ready, standing: &Standing) -> Result<v1::Coaching, Failure> {
    let catalog = ready.judging.pipeline.finder().catalog();
    let typical = standing.row.typical.as_ref();
    let fault = typical.map(|typical| {
        // Of all agents, as in the nightly report, those of the agent included.
        let all: Share = typical.all;
        fault_to_wire(ready, &standing.listening, &typical.code, typical.share, Some(all))
    });
    Ok(v1::Coaching {
        scorecard: Some(wire::scorecard(standing, catalog)),
        reason: reason(&standing.row, catalog),
        typical_fault: fault.transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_one_name_with_its_direction() {
        assert_eq!(order(" ").unwrap(), (Key::Rank, false));
        assert_eq!(order("id desc").unwrap(), (Key::Id, true));
        assert_eq!(order("fcr asc").unwrap(), (Key::Figure("fcr".into()), false));
        for wrong in ["nothing", "rank id", "rank desc asc", "-rank"] {
            assert!(order(wrong).is_err(), "{wrong}");
        }
    }
}
