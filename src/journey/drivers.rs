//! What makes or breaks a call: a regression of 不满意 on what was done and what happened in it. Owns which calls and factors go
//! in, how few are too few, and how the result is told; the arithmetic is [`super::regression`]'s. It tells what goes
//! together, never what causes what.

use std::collections::{BTreeMap, BTreeSet};

use qingting_pipeline::Analyzed;
use qingting_pipeline::finding::Catalog;
use serde::Serialize;

use super::curve::Journey;
pub use super::factors::{Example, Kind, Unit};
use super::factors::{FIXED, Observation, shown};
use super::regression::{Coefficient, logistic};
use crate::report::kpis::conversation;

/// Fewest calls that anything is told of.
pub const LEAST_CALLS: usize = 100;
/// Calls of the rarer outcome for each factor (Peduzzi et al., Journal of Clinical Epidemiology 49, 1996).
pub const PER_FACTOR: usize = 10;
/// Fewest factors that it is worth while with.
const LEAST_FACTORS: usize = 2;
/// A factor that is or is not there has to be there, and not there, in so many calls.
const LEAST_OF_EACH: usize = 10;
/// Share of the calls that have to say what a factor is about.
const LEAST_KNOWN: f64 = 0.8;
/// The ridge penalty: what four calls at even odds know of a factor.
const RIDGE: f64 = 1.0;
/// Variance inflation from which on the effects of two factors are told together rather than apart.
pub const ENTANGLED: f64 = 5.0;
/// Most calls that are held; of more a sample is, the same whatever the order.
const MOST_CALLS: usize = 50_000;

/// What is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The caller's own rating, 1 or 2 against 3 to 5.
    Rating,
    /// The predicted satisfaction, below 2.5 against the rest. It is made of much that is a factor here, so that what goes
    /// with it tells of the prediction too.
    Predicted,
}

impl Target {
    /// The one of a name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "rating" => Some(Self::Rating),
            "predicted" => Some(Self::Predicted),
            _ => None,
        }
    }

    /// The name in JSON and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rating => "rating",
            Self::Predicted => "predicted",
        }
    }

    /// What supervisors read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Rating => "来电人评价不满意（1、2 分）",
            Self::Predicted => "预测不满意（低于 2.5 分）",
        }
    }

    fn of(self, observation: &Observation) -> Option<bool> {
        match self {
            Self::Rating => observation.rating.map(|rating| rating <= 2),
            Self::Predicted => Some(observation.satisfaction < 2.5),
        }
    }
}

/// A value with its 95% interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Range {
    /// The value.
    pub value: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// A factor and what goes with it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Driver {
    /// Code of a fault, or name of another factor.
    pub id: String,
    /// What supervisors read.
    pub title: String,
    /// What kind of thing it is.
    pub kind: Kind,
    /// Of what the odds ratio is told.
    pub unit: Unit,
    /// Share of the calls in which it is there; of what is measured the mean, in minutes, tens of seconds or points of feeling.
    pub mean: f64,
    /// Log-odds of 不满意 for one standard deviation: comparable between factors; above 0 goes with 不满意.
    pub effect: Range,
    /// Odds ratio of 不满意 for one unit.
    pub odds: Range,
    /// Variance inflation factor.
    pub inflation: f64,
    /// The interval excludes no effect: more than chance explains.
    pub clear: bool,
    /// Where it can be seen: a dissatisfied caller where it goes with that, else a satisfied one.
    pub example: Option<Example>,
}

/// What makes or breaks a call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drivers {
    /// What is explained.
    pub target: Target,
    /// Calls that it rests on.
    pub calls: usize,
    /// Dissatisfied among them.
    pub dissatisfied: usize,
    /// The effective sample: calls of the rarer outcome.
    pub effective: usize,
    /// Conversations that do not say what is explained.
    pub untold: usize,
    /// Calls that do not say what one of the factors is about.
    pub incomplete: usize,
    /// Each conversation stands for that many; 1 where none was left out to hold fewer.
    pub thinned: u32,
    /// The strongest first.
    pub drivers: Vec<Driver>,
    /// Titles of factors that others all but determine.
    pub determined: Vec<String>,
    /// Titles of factors that were left out: too rare, too seldom known, or more than the calls are enough for.
    pub left_out: Vec<String>,
    /// The intervals allow for calls of one agent being like each other.
    pub clustered: bool,
    /// Area under the ROC curve on these calls, 0.5 to 1: how well the factors together tell the dissatisfied.
    pub discrimination: f64,
}

/// Why nothing is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{calls} calls, {effective} of the rarer outcome: at least {LEAST_CALLS} and {needed} are needed")]
pub struct NotEnough {
    /// Calls that say what is explained.
    pub calls: usize,
    /// Calls of the rarer outcome among them.
    pub effective: usize,
    /// So many of these are needed.
    pub needed: usize,
}

impl NotEnough {
    /// What supervisors read.
    pub fn zh(&self) -> String {
        format!(
            "数据不足：有评价（或预测）的通话 {} 通，其中较少的一类 {} 通；至少需要 {LEAST_CALLS} 通和 {} 通",
            self.calls, self.effective, self.needed
        )
    }
}

/// Said wherever drivers are shown.
pub const CAVEAT: &str = "只说明同时出现，不说明因果；情绪与办理结果既可能影响评价，也可能与评价同出一因。";

/// Calls on their way into drivers.
#[derive(Debug, Clone)]
pub struct Collector {
    rows: BTreeMap<(u64, String), Observation>,
    /// Of hashes below this the calls are held.
    below: u64,
    most: usize,
    /// By factor and whether the caller is dissatisfied, the surest place, of equal ones that of the first id.
    examples: BTreeMap<(String, bool), (f32, Example)>,
}

impl Default for Collector {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            below: u64::MAX,
            most: MOST_CALLS,
            examples: BTreeMap::new(),
        }
    }
}

/// FNV-1a, so that a sample does not depend on the order of the calls.
fn hash(text: &str) -> u64 {
    let mut hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    // Its high bits, by which calls are chosen, hardly differ between ids that do; one more round spreads them.
    hash ^= hash >> 32;
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Collector {
    #[cfg(test)]
    pub(super) fn holding(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Counts a conversation; anything else is left out.
    pub fn add(&mut self, call: &Analyzed, catalog: &Catalog) {
        self.put(&call.record, &call.analysis, catalog);
    }

    /// The same of the parts of a call.
    pub fn put(
        &mut self,
        record: &qingting_pipeline::record::CallRecord,
        analysis: &qingting_pipeline::record::Analysis,
        catalog: &Catalog,
    ) {
        let key = hash(&record.call_id);
        if !conversation(record) || key >= self.below {
            return;
        }
        let Some(journey) = Journey::of(record, analysis) else {
            return;
        };
        let observation = Observation::of(record, analysis, &journey, catalog);
        let dissatisfied = observation.dissatisfied();
        for (factor, sure, example) in shown(record, analysis, catalog) {
            let better = |(kept, there): &(f32, Example)| {
                (sure, std::cmp::Reverse(&example.call_id)) > (*kept, std::cmp::Reverse(&there.call_id))
            };
            let of = (factor, dissatisfied);
            if self.examples.get(&of).is_none_or(better) {
                self.examples.insert(of, (sure, example));
            }
        }
        self.rows.insert((key, record.call_id.clone()), observation);
        while self.rows.len() > self.most {
            self.below /= 2;
            drop(self.rows.split_off(&(self.below, String::new())));
        }
    }

    /// What goes with a dissatisfied caller. Without a target it is the rating where enough calls have one, else the prediction.
    /// `feelings` lets lowest point and end be factors: they lie between what is done and how it is rated, and take their part of
    /// its effect.
    ///
    /// # Errors
    /// When there are too few calls.
    pub fn finish(&self, target: Option<Target>, feelings: bool, catalog: &Catalog) -> Result<Drivers, NotEnough> {
        match target {
            Some(target) => self.of(target, feelings, catalog),
            None => self
                .of(Target::Rating, feelings, catalog)
                .or_else(|_| self.of(Target::Predicted, feelings, catalog)),
        }
    }

    fn of(&self, target: Target, feelings: bool, catalog: &Catalog) -> Result<Drivers, NotEnough> {
        let told: Vec<(&Observation, bool)> =
            self.rows.values().filter_map(|row| Some((row, target.of(row)?))).collect();
        let untold = self.rows.len() - told.len();
        enough(told.iter().map(|(_, is)| *is))?;
        let columns = Columns::of(&told, feelings, catalog);
        let complete: Vec<(&Observation, bool, Vec<f64>)> =
            told.iter().filter_map(|(row, is)| Some((*row, *is, columns.row(row)?))).collect();
        let effective = enough(complete.iter().map(|(_, is, _)| *is))?;
        let used = columns.all.len().min(effective / PER_FACTOR);
        let rows: Vec<Vec<f64>> = complete.iter().map(|(.., row)| row[..used].to_vec()).collect();
        let outcome: Vec<bool> = complete.iter().map(|(_, is, _)| *is).collect();
        let clusters = clusters(complete.iter().map(|(row, ..)| row.agent.as_deref()));
        let too_few = NotEnough { calls: complete.len(), effective, needed: LEAST_FACTORS * PER_FACTOR };
        let fit = logistic(&rows, &outcome, clusters.as_deref(), RIDGE).ok_or(too_few)?;
        let mean = |column: usize| rows.iter().map(|row| row[column]).sum::<f64>() / rows.len() as f64;
        let mut drivers: Vec<Driver> = fit
            .coefficients
            .iter()
            .map(|of| self.driver(&columns.all[of.column], of, mean(of.column)))
            .collect();
        drivers.sort_by(|a, b| b.effect.value.abs().total_cmp(&a.effect.value.abs()).then_with(|| a.id.cmp(&b.id)));
        let title = |column: &usize| columns.all[*column].title.clone();
        let unused = columns.all[used..].iter().map(|column| column.title.clone());
        Ok(Drivers {
            target,
            calls: complete.len(),
            dissatisfied: outcome.iter().filter(|is| **is).count(),
            effective,
            untold,
            incomplete: told.len() - complete.len(),
            thinned: u32::try_from(u64::MAX / self.below).unwrap_or(u32::MAX),
            drivers,
            determined: fit.determined.iter().map(title).collect(),
            left_out: columns.left_out.iter().cloned().chain(unused).collect(),
            clustered: fit.clustered,
            discrimination: fit.discrimination,
        })
    }

    fn driver(&self, column: &Column, of: &Coefficient, mean: f64) -> Driver {
        let per_unit = |value: f64| (value / of.deviation * column.unit.size()).exp();
        let against = of.value > 0.0;
        let example = self.examples.get(&(column.id.clone(), against)).map(|(_, example)| example.clone());
        Driver {
            id: column.id.clone(),
            title: column.title.clone(),
            kind: column.kind,
            unit: column.unit,
            mean,
            effect: Range { value: of.value, low: of.low, high: of.high },
            odds: Range { value: per_unit(of.value), low: per_unit(of.low), high: per_unit(of.high) },
            inflation: of.inflation,
            clear: of.low > 0.0 || of.high < 0.0,
            example,
        }
    }
}

/// The calls of the rarer outcome, where they are enough.
fn enough(outcome: impl Iterator<Item = bool>) -> Result<usize, NotEnough> {
    let (mut calls, mut with) = (0, 0);
    for is in outcome {
        calls += 1;
        with += usize::from(is);
    }
    let (effective, needed) = (with.min(calls - with), LEAST_FACTORS * PER_FACTOR);
    match calls >= LEAST_CALLS && effective >= needed {
        true => Ok(effective),
        false => Err(NotEnough { calls, effective, needed }),
    }
}

/// Numbers for agents; `None` where a call does not name its own.
fn clusters<'a>(agents: impl Iterator<Item = Option<&'a str>>) -> Option<Vec<usize>> {
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    agents
        .map(|agent| {
            let next = numbers.len();
            Some(*numbers.entry(agent?).or_insert(next))
        })
        .collect()
}

struct Column {
    id: String,
    title: String,
    kind: Kind,
    unit: Unit,
    /// Which of [`FIXED`]; `None` for a fault.
    fixed: Option<usize>,
}

impl Column {
    fn value(&self, row: &Observation) -> Option<f64> {
        match self.fixed {
            Some(at) => row.fixed.get(at).copied().flatten().map(f64::from),
            None => Some(f64::from(u8::from(row.faults.contains(&self.id)))),
        }
    }
}

struct Columns {
    all: Vec<Column>,
    left_out: Vec<String>,
}

impl Columns {
    /// What the calls say enough about. Nothing here looks at the outcome, which the intervals would have to pay for.
    fn of(told: &[(&Observation, bool)], feelings: bool, catalog: &Catalog) -> Self {
        let codes: BTreeSet<&String> = told.iter().flat_map(|(row, _)| &row.faults).collect();
        let count = |code: &str| told.iter().filter(|(row, _)| row.faults.iter().any(|of| of == code)).count();
        let mut faults: Vec<(usize, &String)> = codes.into_iter().map(|code| (count(code), code)).collect();
        faults.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        let faults = faults.into_iter().map(|(_, code)| Column {
            id: code.clone(),
            title: catalog.get(code).map_or_else(|| code.clone(), |info| info.title.clone()),
            kind: Kind::Fault,
            unit: Unit::Presence,
            fixed: None,
        });
        let fixed = FIXED.iter().enumerate().filter(|(_, of)| feelings || of.kind != Kind::Feeling);
        let fixed = fixed.map(|(at, of)| Column {
            id: of.id.to_owned(),
            title: of.zh.to_owned(),
            kind: of.kind,
            unit: of.unit,
            fixed: Some(at),
        });
        let (mut all, mut left_out) = (Vec::new(), Vec::new());
        for column in faults.chain(fixed) {
            let values: Vec<f64> = told.iter().filter_map(|(row, _)| column.value(row)).collect();
            let known = values.len() as f64 >= LEAST_KNOWN * told.len() as f64;
            let there = values.iter().filter(|value| **value != 0.0).count();
            let varies = match column.unit {
                Unit::Presence => there.min(values.len() - there) >= LEAST_OF_EACH,
                _ => there >= LEAST_OF_EACH,
            };
            match known && varies {
                true => all.push(column),
                false => left_out.push(column.title),
            }
        }
        Self { all, left_out }
    }

    fn row(&self, row: &Observation) -> Option<Vec<f64>> {
        self.all.iter().map(|column| column.value(row)).collect()
    }
}

/// An odds ratio as people read it: no more digits than it has.
pub(super) fn odds(ratio: f64) -> String {
    match ratio {
        _ if ratio > 1000.0 => ">1000".to_owned(),
        _ if ratio >= 10.0 => format!("{ratio:.0}"),
        _ if ratio < 0.01 => "<0.01".to_owned(),
        _ => format!("{ratio:.2}"),
    }
}

impl Driver {
    /// What supervisors read: one sentence.
    pub fn zh(&self) -> String {
        let of = match self.unit {
            Unit::Presence => format!("有“{}”的通话", self.title),
            Unit::Minute => format!("{}每多 1 分钟", self.title),
            Unit::TenSeconds => format!("{}每多 10 秒", self.title),
            Unit::HalfPoint => format!("{}每高 0.5", self.title),
        };
        let (value, low, high) = (odds(self.odds.value), odds(self.odds.low), odds(self.odds.high));
        let told = match self.clear {
            true => "",
            false => "，可能只是偶然",
        };
        let apart = match self.inflation > ENTANGLED {
            true => "，与其他因素难以分开",
            false => "",
        };
        format!("{of}，不满意的几率为 {value} 倍（95% 区间 {low}–{high}{told}{apart}）")
    }
}

impl Drivers {
    /// What supervisors read of what it rests on.
    pub fn basis(&self) -> String {
        let mut text = format!(
            "以{}为结果，{} 通通话，不满意 {} 通，有效样本（较少一类）{} 通；",
            self.target.zh(),
            self.calls,
            self.dissatisfied,
            self.effective
        );
        text += match self.clustered {
            true => "区间已计及同一坐席的通话彼此相似",
            false => "区间未计及同一坐席的通话彼此相似",
        };
        if self.target == Target::Predicted {
            text += "；预测满意度本身由部分这些因素得出，关联会偏强";
        }
        text + "。"
    }
}
