//! What each method answers.

use std::sync::Arc;

use qingting_index::Depth;
use qingting_proto::v1;
use rust_decimal::Decimal;
use tonic::{Request, Status};

use super::super::backend::Sight;
use super::super::convert::Invalid;
use super::super::reports::each;
use super::super::reports::selection::Wanted;
use super::super::reports::wire::count;
use super::super::shared::{Ready, Shared, Waiting};
use super::super::status::Failure;
use super::request::{self, Kept, WantedScope, within};
use super::wire::{self, exact, hundredths};
use crate::indicator::compare::{compare, unlike};
use crate::indicator::explain::{adjustment_zh, inputs, node_zh, total_zh};
use crate::indicator::expression::Expression;
use crate::indicator::rank::rank;
use crate::indicator::set::Adjustment;
use crate::indicator::tally::{Counting, Group, Rules};
use crate::indicator::{By, KnownCases, Outcome, PARTS, Scope, Set, shown};

/// Figures of one set of calls.
pub(super) struct Counted {
    pub(super) group: Group,
    pub(super) partial: bool,
}

/// Counts the calls of a scope, together or by something.
fn groups(ready: &Ready, waiting: &Waiting, scope: &Scope, by: Option<By>) -> Result<Vec<Group>, Failure> {
    let catalog = ready.judging.pipeline.finder().catalog();
    let rules = Rules::of(&ready.insight.report);
    let mut counting = Counting::new(scope, by, catalog, rules, ready.reader.days()?);
    if by.is_some() {
        counting = counting.by_parts(PARTS);
    }
    let calls = ready.reader.scan(counting.days().range(), Depth::Outline)?;
    each(calls, waiting, |call| counting.add(&call.record, &call.analysis))?;
    let cases = KnownCases::read(&*ready.reader, &ready.cases.calendar)?;
    Ok(counting.finish(&cases))
}

fn counted(ready: &Ready, waiting: &Waiting, scope: &Scope) -> Result<Counted, Failure> {
    let group = groups(ready, waiting, scope, None)?.into_iter().next();
    Ok(Counted {
        group: group.unwrap_or_else(Group::nothing),
        partial: ready.reader.sight() != Sight::All,
    })
}

pub(super) async fn list_indicator_sets(
    shared: &Shared,
    kept: &Arc<Kept>,
    request: Request<v1::ListIndicatorSetsRequest>,
) -> Result<v1::ListIndicatorSetsResponse, Status> {
    let (ask, kept) = (shared.ask(&request)?, Arc::clone(kept));
    let work = move |ready: &Ready| {
        let sets = kept.sets(ready)?;
        Ok(v1::ListIndicatorSetsResponse { sets: sets.all().iter().map(wire::info).collect() })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) async fn get_indicator_set(
    shared: &Shared,
    kept: &Arc<Kept>,
    request: Request<v1::GetIndicatorSetRequest>,
) -> Result<v1::IndicatorSet, Status> {
    let (ask, kept) = (shared.ask(&request)?, Arc::clone(kept));
    let id = request.into_inner().set_id;
    Ok(shared.read(&ask, move |ready: &Ready| Ok(wire::set(kept.sets(ready)?.get(&id)?))).await?)
}

pub(super) async fn evaluate_indicators(
    shared: &Shared,
    kept: &Arc<Kept>,
    request: Request<v1::EvaluateIndicatorsRequest>,
) -> Result<v1::IndicatorResult, Status> {
    let (ask, kept) = (shared.ask(&request)?, Arc::clone(kept));
    let v1::EvaluateIndicatorsRequest { set_id, scope } = request.into_inner();
    let scope = WantedScope::parse(scope)?;
    let work = move |ready: &Ready, waiting: &Waiting| {
        let sets = kept.sets(ready)?;
        let set = sets.get(&set_id)?;
        let scope = scope.resolve(&*ready.reader)?;
        let counted = counted(ready, waiting, &scope)?;
        let outcome = set.evaluate(&counted.group.data);
        Ok(wire::result(set, &scope, &outcome, &counted))
    };
    Ok(shared.count(&ask, work).await?)
}

pub(super) async fn compare_indicators(
    shared: &Shared,
    kept: &Arc<Kept>,
    request: Request<v1::CompareIndicatorsRequest>,
) -> Result<v1::CompareIndicatorsResponse, Status> {
    let (ask, kept) = (shared.ask(&request)?, Arc::clone(kept));
    let v1::CompareIndicatorsRequest { set_id, scope, before_since, before_until } = request.into_inner();
    let scope = WantedScope::parse(scope)?;
    let says = !before_since.is_empty() || !before_until.is_empty();
    let other = v1::CallSelection { since: before_since, until: before_until, ..Default::default() };
    let other = says.then(|| Wanted::parse(Some(other)).map_err(|invalid| within("before", invalid))).transpose()?;
    let work = move |ready: &Ready, waiting: &Waiting| {
        let sets = kept.sets(ready)?;
        let set = sets.get(&set_id)?;
        let scope = scope.resolve(&*ready.reader)?;
        let before = match other {
            Some(other) => other.resolve(&*ready.reader)?.period,
            None => scope.period().before(),
        };
        let before = scope.on(before);
        let (now_counted, before_counted) = (counted(ready, waiting, &scope)?, counted(ready, waiting, &before)?);
        let evaluate = |counted: &Counted| set.evaluate(&counted.group.data);
        let (now_outcome, before_outcome) = (evaluate(&now_counted), evaluate(&before_counted));
        let (_, changes) = compare(set, &now_outcome, &before_outcome);
        let changes = set.nodes.iter().zip(changes).map(|(node, change)| v1::IndicatorChange {
            path: node.path.clone(),
            score_change: change.score.map(hundredths),
            points_change: change.points.map(hundredths),
        });
        let unlike = unlike(set, &now_outcome, &before_outcome);
        Ok(v1::CompareIndicatorsResponse {
            total_change: change(&now_outcome, &before_outcome).map(hundredths),
            changes: changes.collect(),
            unlike_paths: unlike.iter().filter_map(|of| set.nodes.get(*of)).map(|node| node.path.clone()).collect(),
            now: Some(wire::result(set, &scope, &now_outcome, &now_counted)),
            before: Some(wire::result(set, &before, &before_outcome, &before_counted)),
        })
    };
    Ok(shared.count(&ask, work).await?)
}

/// The difference of two totals as both are shown, so that who computes it again gets the same.
fn change(now: &Outcome, before: &Outcome) -> Option<Decimal> {
    now.total.zip(before.total).map(|(now, before)| shown(now) - shown(before))
}

pub(super) async fn rank_indicators(
    shared: &Shared,
    kept: &Arc<Kept>,
    request: Request<v1::RankIndicatorsRequest>,
) -> Result<v1::RankIndicatorsResponse, Status> {
    let (ask, kept) = (shared.ask(&request)?, Arc::clone(kept));
    let v1::RankIndicatorsRequest { set_id, scope, dimension, min_calls } = request.into_inner();
    let scope = WantedScope::parse(scope)?;
    let by = request::by(dimension)?;
    let least = u64::try_from(min_calls).map_err(|_| Invalid::field("min_calls", "must not be negative"))?;
    let work = move |ready: &Ready, waiting: &Waiting| {
        let sets = kept.sets(ready)?;
        let set = sets.get(&set_id)?;
        let scope = scope.resolve(&*ready.reader)?;
        let groups = groups(ready, waiting, &scope, Some(by))?;
        let least = if least == 0 {
            u64::from(ready.insight.report.min_agent_calls)
        } else {
            least
        };
        let data: std::collections::BTreeMap<_, _> =
            groups.iter().map(|group| (group.key.clone(), group.data.clone())).collect();
        let rows = rank(set, groups, least);
        let ranked = rows.iter().filter(|row| row.place.is_some()).count();
        let nothing = Default::default();
        let ranks = rows.into_iter().map(|row| {
            let data = data.get(&row.key).unwrap_or(&nothing);
            let first = set.children(None).filter_map(|(number, _)| wire::node(set, &row.outcome, number, data));
            v1::IndicatorRank {
                nodes: first.collect(),
                place: row.place.and_then(|place| i32::try_from(place).ok()),
                call_count: count(row.calls),
                total: row.outcome.total.map(hundredths),
                total_low: row.interval.map(|(low, _)| hundredths(low)),
                total_high: row.interval.map(|(_, high)| hundredths(high)),
                missing_weight: exact(row.outcome.missing_weight()),
                key: row.key,
            }
        });
        Ok(v1::RankIndicatorsResponse {
            ranks: ranks.collect(),
            set: Some(wire::info(set)),
            since: scope.period().from().to_string(),
            until: scope.period().to().to_string(),
            ranked_count: i32::try_from(ranked).unwrap_or(i32::MAX),
        })
    };
    Ok(shared.count(&ask, work).await?)
}

/// What is explained.
enum Explained {
    Total,
    Node(usize),
    Deduction(usize),
    Bonus(usize),
}

impl Explained {
    fn of(set: &Set, path: &str) -> Option<Self> {
        let position = |of: &[Adjustment], id: &str| of.iter().position(|one| one.id == id);
        match path.split_once(':') {
            None if path.is_empty() => Some(Self::Total),
            None => set.find(path).map(Self::Node),
            Some(("deduction", id)) => position(&set.deductions, id).map(Self::Deduction),
            Some(("bonus", id)) => position(&set.bonuses, id).map(Self::Bonus),
            Some(_) => None,
        }
    }
}

pub(super) async fn explain_indicator(
    shared: &Shared,
    kept: &Arc<Kept>,
    request: Request<v1::ExplainIndicatorRequest>,
) -> Result<v1::IndicatorExplanation, Status> {
    let (ask, kept) = (shared.ask(&request)?, Arc::clone(kept));
    let v1::ExplainIndicatorRequest { set_id, scope, path } = request.into_inner();
    let scope = WantedScope::parse(scope)?;
    let work = move |ready: &Ready, waiting: &Waiting| {
        let sets = kept.sets(ready)?;
        let (set, names) = (sets.get(&set_id)?, &sets.names);
        let missing = || Failure::NotFound { kind: "qingting.v1.IndicatorNode", name: format!("{set_id}/{path}") };
        let explained = Explained::of(set, &path).ok_or_else(missing)?;
        let scope = scope.resolve(&*ready.reader)?;
        let counted = counted(ready, waiting, &scope)?;
        let data = &counted.group.data;
        let outcome = set.evaluate(data);
        let mut answer = v1::IndicatorExplanation {
            set: Some(wire::info(set)),
            since: scope.period().from().to_string(),
            until: scope.period().to().to_string(),
            path: path.clone(),
            ..Default::default()
        };
        let of_formula = |answer: &mut v1::IndicatorExplanation, formula: &Expression| {
            answer.formula = formula.text().to_owned();
            answer.inputs = inputs(formula.names(), data, names, &scope).into_iter().map(wire::input).collect();
        };
        let under = |parent: Option<usize>| {
            set.children(parent).filter_map(|(number, _)| wire::node(set, &outcome, number, data)).collect()
        };
        match explained {
            Explained::Total => {
                answer.title.clone_from(&set.title);
                answer.explanation = total_zh(set, &outcome);
                answer.children = under(None);
                answer.adjustments = wire::adjustments(&set.deductions, &outcome.deductions, data);
                answer.adjustments.extend(wire::adjustments(&set.bonuses, &outcome.bonuses, data));
                answer.total = outcome.total.map(hundredths);
            }
            Explained::Node(number) => {
                answer.node = wire::node(set, &outcome, number, data);
                answer.explanation = node_zh(set, &outcome, number, data);
                answer.children = under(Some(number));
                if let Some(node) = set.nodes.get(number) {
                    answer.title.clone_from(&node.title);
                    if let Some(item) = &node.item {
                        of_formula(&mut answer, &item.formula);
                    }
                }
            }
            Explained::Deduction(of) | Explained::Bonus(of) => {
                let (all, given) = match explained {
                    Explained::Deduction(_) => (&set.deductions, &outcome.deductions),
                    _ => (&set.bonuses, &outcome.bonuses),
                };
                if let Some((one, given)) = all.get(of).zip(given.get(of)) {
                    answer.title.clone_from(&one.title);
                    answer.explanation = adjustment_zh(one, given, data);
                    answer.adjustments = vec![wire::adjustment_result(one, given, data)];
                    of_formula(&mut answer, &one.formula);
                }
            }
        }
        Ok(answer)
    };
    Ok(shared.count(&ask, work).await?)
}

pub(super) async fn simulate_indicators(
    shared: &Shared,
    kept: &Arc<Kept>,
    request: Request<v1::SimulateIndicatorsRequest>,
) -> Result<v1::SimulateIndicatorsResponse, Status> {
    let (ask, kept) = (shared.ask(&request)?, Arc::clone(kept));
    let v1::SimulateIndicatorsRequest { set_id, scope, weights, draft } = request.into_inner();
    let scope = WantedScope::parse(scope)?;
    let weights = request::weights(weights)?;
    let work = move |ready: &Ready, waiting: &Waiting| {
        let sets = kept.sets(ready)?;
        let current = if set_id.is_empty() {
            None
        } else {
            Some(sets.get(&set_id)?)
        };
        let basis = match (draft.is_empty(), current) {
            (false, _) => request::draft(draft, &sets.names)?,
            (true, Some(current)) => current.clone(),
            (true, None) => return Err(Invalid::field("set_id", "required without a draft").into()),
        };
        let simulated = request::weighted(&basis, &weights)?;
        let scope = scope.resolve(&*ready.reader)?;
        let counted = counted(ready, waiting, &scope)?;
        let outcome = simulated.evaluate(&counted.group.data);
        let beside = current.map(|current| (current, current.evaluate(&counted.group.data)));
        let total_change = beside.as_ref().and_then(|(_, now)| change(&outcome, now)).map(hundredths);
        Ok(v1::SimulateIndicatorsResponse {
            simulated: Some(wire::result(&simulated, &scope, &outcome, &counted)),
            current: beside.map(|(current, now)| wire::result(current, &scope, &now, &counted)),
            total_change,
        })
    };
    Ok(shared.count(&ask, work).await?)
}
