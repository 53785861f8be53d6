//! What sets give for the calls of a data folder.

use miette::{IntoDiagnostic, miette};
use qingting_index::Depth;
use qingting_index::calls::Filter;
use rust_decimal::Decimal;
use serde_json::json;

use super::{CompareArgs, EvaluateArgs, ExplainArgs, OverArgs, RankArgs, SimulateArgs, print, sets};
use crate::cli::data::{Opened, index};
use crate::indicator::compare::{compare as changes, unlike};
use crate::indicator::explain::{adjustment_zh, inputs, node_zh, total_zh};
use crate::indicator::rank::rank as ranked;
use crate::indicator::set::Weights;
use crate::indicator::tally::{Counting, Group, Rules};
use crate::indicator::told::{self, Told, ToldInput, ToldNode, told};
use crate::indicator::trace::{MOST_FIGURES, Tracing, Wanted, figures_of};
use crate::indicator::{By, Names, Outcome, Scope, Set, shown};
use crate::indicator::{KnownCases, PARTS};
use crate::report::Period;
use crate::report::selection::Selection;
use crate::{case, diagnostic};

/// `PATH=WEIGHT`.
pub(super) fn weight(text: &str) -> Result<(String, Decimal), String> {
    let (path, weight) = text.split_once('=').ok_or_else(|| format!("{text:?} is not PATH=WEIGHT"))?;
    let weight: Decimal = weight.trim().parse().map_err(|_| format!("{weight:?} is no number"))?;
    match weight.normalize().scale() {
        0..=4 => Ok((path.trim().to_owned(), weight)),
        _ => Err("at most four decimals".to_owned()),
    }
}

/// An open data folder, a set, and the calls that are evaluated.
struct Over {
    opened: Opened,
    set: Set,
    names: Names,
    scope: Scope,
}

impl Over {
    fn open(args: &OverArgs) -> miette::Result<Self> {
        let opened = args.data.reader()?;
        let (set, names) = sets::chosen(opened.shelf.assets(), &opened.pipeline, args.set.as_deref())?;
        let last = || -> miette::Result<_> {
            let stats = opened.data.stats().map_err(index)?;
            stats.last_date.ok_or_else(|| miette!("there are no calls in {}", args.data.data.display()))
        };
        let period = match args.from.zip(args.to) {
            Some((from, to)) => Period::new(from, to).ok_or_else(|| miette!("--to {to} is before --from {from}"))?,
            None => Period::day(last()?),
        };
        let set_of = |values: &[String]| values.iter().cloned().collect();
        let selection = Selection {
            period,
            teams: set_of(&args.team),
            queues: set_of(&args.queue),
            agents: set_of(&args.agent),
        };
        let scope = Scope { selection, regions: set_of(&args.region) };
        Ok(Self { opened, set, names, scope })
    }

    fn groups(&self, scope: &Scope, by: Option<By>) -> miette::Result<Vec<Group>> {
        let data = &self.opened.data;
        let stats = data.stats().map_err(index)?;
        let catalog = self.opened.pipeline.finder().catalog();
        let rules = Rules::of(&self.opened.settings.report);
        let mut counting = Counting::new(scope, by, catalog, rules, stats.first_date.zip(stats.last_date));
        if by.is_some() {
            counting = counting.by_parts(PARTS);
        }
        for call in data.scan_to(counting.days().range(), Depth::Outline).map_err(index)? {
            let call = call.map_err(index)?;
            counting.add(&call.record, &call.analysis);
        }
        let rules = case::Rules::load(self.opened.shelf.assets()).map_err(diagnostic::pipeline)?;
        let cases = KnownCases::read(data, &rules.calendar).map_err(index)?;
        Ok(counting.finish(&cases))
    }

    /// The figures of all calls of a scope together.
    fn group(&self, scope: &Scope) -> miette::Result<Group> {
        let group = self.groups(scope, None)?.into_iter().next();
        Ok(group.unwrap_or_else(Group::nothing))
    }
}

fn json(value: &impl serde::Serialize) -> miette::Result<u8> {
    println!("{}", serde_json::to_string(value).into_diagnostic()?);
    Ok(crate::cli::GOOD)
}

fn difference(now: &Outcome, before: &Outcome) -> Option<String> {
    now.total.zip(before.total).map(|(now, before)| (shown(now) - shown(before)).to_string())
}

pub(super) fn evaluate(args: &EvaluateArgs) -> miette::Result<u8> {
    let over = Over::open(&args.over)?;
    let group = over.group(&over.scope)?;
    let told = told(&over.set, &over.scope, &group, &over.set.evaluate(&group.data));
    if args.over.json {
        return json(&told);
    }
    print::whole(&told);
    Ok(crate::cli::GOOD)
}

pub(super) fn compare(args: &CompareArgs) -> miette::Result<u8> {
    let over = Over::open(&args.over)?;
    let before = match args.before_from.zip(args.before_to) {
        Some((from, to)) => Period::new(from, to).ok_or_else(|| miette!("--before-to is before --before-from"))?,
        None => over.scope.period().before(),
    };
    let before = over.scope.on(before);
    let (now_group, before_group) = (over.group(&over.scope)?, over.group(&before)?);
    let (now, then) = (over.set.evaluate(&now_group.data), over.set.evaluate(&before_group.data));
    let (_, of_nodes) = changes(&over.set, &now, &then);
    let unlike: Vec<&str> = unlike(&over.set, &now, &then)
        .into_iter()
        .filter_map(|number| over.set.nodes.get(number))
        .map(|node| node.path.as_str())
        .collect();
    let text = |value: Option<Decimal>| value.map(|value| shown(value).to_string());
    let (now_told, before_told) =
        (told(&over.set, &over.scope, &now_group, &now), told(&over.set, &before, &before_group, &then));
    if args.over.json {
        let changes: Vec<_> = over
            .set
            .nodes
            .iter()
            .zip(&of_nodes)
            .map(|(node, change)| {
                json!({ "path": node.path, "score_change": text(change.score), "points_change": text(change.points) })
            })
            .collect();
        return json(&json!({
            "now": now_told, "before": before_told, "total_change": difference(&now, &then),
            "changes": changes, "unlike_paths": unlike,
        }));
    }
    print::head(&now_told);
    println!("对比 {} 至 {}，{} 通", before_told.since, before_told.until, before_told.call_count);
    let or_none = |value: Option<String>| value.unwrap_or_else(|| "无数据".to_owned());
    println!(
        "总分 {}，前期 {}，变化 {}",
        or_none(now_told.total),
        or_none(before_told.total),
        or_none(difference(&now, &then))
    );
    for (node, change) in over.set.nodes.iter().zip(&of_nodes) {
        let indent = "  ".repeat(usize::from(node.level));
        let (is, was) = (or_none(text(change.now)), or_none(text(change.before)));
        println!("{indent}{}  {is}，前期 {was}，相当于 {} 分", node.title, or_none(text(change.points)));
    }
    if !unlike.is_empty() {
        println!("只在其中一期有数据的指标：{}；总分不完全可比", unlike.join("、"));
    }
    Ok(crate::cli::GOOD)
}

pub(super) fn rank(args: &RankArgs) -> miette::Result<u8> {
    let over = Over::open(&args.over)?;
    let least = args.min_calls.unwrap_or_else(|| u64::from(over.opened.settings.report.min_agent_calls));
    let rows = ranked(&over.set, over.groups(&over.scope, Some(args.by.into()))?, least);
    let (since, until) = (over.scope.period().from(), over.scope.period().to());
    if args.over.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                json!({
                    "key": row.key, "place": row.place, "call_count": row.calls,
                    "total": row.outcome.total.map(|total| shown(total).to_string()),
                    "total_low": row.interval.map(|(low, _)| shown(low).to_string()),
                    "total_high": row.interval.map(|(_, high)| shown(high).to_string()),
                    "missing_weight": row.outcome.missing_weight().normalize().to_string(),
                })
            })
            .collect();
        return json(&json!({
            "set_id": over.set.id, "set_version": over.set.version, "set_fingerprint": over.set.fingerprint,
            "since": since.to_string(), "until": until.to_string(), "ranks": rows,
        }));
    }
    println!("{} 第 {} 版，{since} 至 {until}，至少 {least} 通", over.set.title, over.set.version);
    for row in rows {
        let place = row.place.map_or_else(|| "—".to_owned(), |place| place.to_string());
        let total = row.outcome.total.map_or_else(|| "无数据".to_owned(), |total| shown(total).to_string());
        let missing = row.outcome.missing_weight();
        let note = if missing.is_zero() {
            String::new()
        } else {
            format!("，没有数据的权重 {}", missing.normalize())
        };
        let interval =
            row.interval.map_or_else(String::new, |(low, high)| format!("（{}–{}）", shown(low), shown(high)));
        println!("{place:>4}  {total:>7}{interval}  {}（{} 通{note}）", row.key, row.calls);
    }
    println!("括号内为总分的 95% 区间；区间重叠的名次之间，差距可能只是偶然。");
    Ok(crate::cli::GOOD)
}

pub(super) fn explain(args: &ExplainArgs) -> miette::Result<u8> {
    let over = Over::open(&args.over)?;
    let group = over.group(&over.scope)?;
    let outcome = over.set.evaluate(&group.data);
    let told = told(&over.set, &over.scope, &group, &outcome);
    let explained = Explained::of(&over, &args.path, &outcome, &group).ok_or_else(|| {
        miette!(
            help = "qingting indicators evaluate shows all paths",
            "there is no {:?} in {}",
            args.path,
            over.set.id
        )
    })?;
    if args.over.json {
        return json(&json!({
            "set_id": told.set_id, "set_version": told.set_version, "set_fingerprint": told.set_fingerprint,
            "since": told.since, "until": told.until, "path": args.path, "title": explained.title,
            "explanation": explained.explanation, "formula": explained.formula,
            "children": explained.children, "inputs": explained.inputs,
        }));
    }
    explained.print(&told);
    Ok(crate::cli::GOOD)
}

/// A number with what it is made of.
struct Explained {
    title: String,
    explanation: String,
    formula: Option<String>,
    children: Vec<ToldNode>,
    inputs: Vec<ToldInput>,
}

impl Explained {
    fn of(over: &Over, path: &str, outcome: &Outcome, group: &Group) -> Option<Self> {
        let (set, data) = (&over.set, &group.data);
        let under = |parent: Option<usize>| {
            set.children(parent).filter_map(|(number, _)| told::node(set, outcome, number, data)).collect()
        };
        let of_formula = |formula: &crate::indicator::expression::Expression| {
            let inputs = inputs(formula.names(), data, &over.names, &over.scope);
            (Some(formula.text().to_owned()), inputs.into_iter().map(ToldInput::from).collect())
        };
        if let Some((kind, id)) = path.split_once(':') {
            let (all, given) = match kind {
                "deduction" => (&set.deductions, &outcome.deductions),
                "bonus" => (&set.bonuses, &outcome.bonuses),
                _ => return None,
            };
            let (one, of) = all.iter().zip(given).find(|(one, _)| one.id == id)?;
            let (formula, inputs) = of_formula(&one.formula);
            let explanation = adjustment_zh(one, of, data);
            return Some(Self { title: one.title.clone(), explanation, formula, children: Vec::new(), inputs });
        }
        if path.is_empty() {
            let (title, explanation) = (set.title.clone(), total_zh(set, outcome));
            return Some(Self { title, explanation, formula: None, children: under(None), inputs: Vec::new() });
        }
        let number = set.find(path)?;
        let node = set.nodes.get(number)?;
        let (formula, inputs) = node.item.as_ref().map_or((None, Vec::new()), |item| of_formula(&item.formula));
        let explanation = node_zh(set, outcome, number, data);
        Some(Self {
            title: node.title.clone(),
            explanation,
            formula,
            children: under(Some(number)),
            inputs,
        })
    }

    fn print(&self, told: &Told) {
        print::head(told);
        println!("{}：{}", self.title, self.explanation);
        self.children.iter().for_each(print::node);
        self.inputs.iter().for_each(print::input);
    }
}

pub(super) fn simulate(args: &SimulateArgs) -> miette::Result<u8> {
    let over = Over::open(&args.over)?;
    let basis = match &args.draft {
        Some(path) => sets::draft(path, &over.names)?.map_err(|errors| sets::mistakes(&errors))?,
        None => over.set.clone(),
    };
    let weights: Weights = args.weight.iter().cloned().collect();
    let simulated = basis.with_weights(&weights).map_err(|wrong| miette!("{}", wrong.join("；")))?;
    let group = over.group(&over.scope)?;
    let (outcome, current) = (simulated.evaluate(&group.data), over.set.evaluate(&group.data));
    let now = told(&over.set, &over.scope, &group, &current);
    let other = told(&simulated, &over.scope, &group, &outcome);
    let change = difference(&outcome, &current);
    if args.over.json {
        return json(&json!({ "simulated": other, "current": now, "total_change": change }));
    }
    print::whole(&other);
    let or_none = |value: Option<String>| value.unwrap_or_else(|| "无数据".to_owned());
    println!("现行总分 {}，变化 {}", or_none(now.total), or_none(change));
    Ok(crate::cli::GOOD)
}

/// Puts the calls behind the figures of a filter in their place.
pub(in crate::cli) fn resolve(opened: &Opened, filter: &mut Filter) -> miette::Result<()> {
    let figures = figures_of(filter);
    if figures.is_empty() {
        return Ok(());
    }
    if figures.len() > MOST_FIGURES {
        return Err(miette!("--filter: must have {MOST_FIGURES} figures at most"));
    }
    let names = Names::of(&opened.pipeline);
    let catalog = opened.pipeline.finder().catalog();
    let stats = opened.data.stats().map_err(index)?;
    let rules = Rules::of(&opened.settings.report);
    for figure in figures {
        let Filter::Elsewhere { value, .. } = &*figure else {
            continue;
        };
        let wanted = Wanted::parse(value, &names).map_err(|message| miette!("--filter: {message}"))?;
        let mut tracing = Tracing::new(&wanted, catalog, rules, stats.first_date.zip(stats.last_date));
        for call in opened.data.scan_to(tracing.days().range(), Depth::Outline).map_err(index)? {
            let call = call.map_err(index)?;
            tracing.add(&call.record, &call.analysis);
        }
        *figure = Filter::Calls(tracing.finish().into_iter().collect());
    }
    Ok(())
}
