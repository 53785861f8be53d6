//! Sets over small numbers of calls that were counted by hand, and over many that were not.

mod doubts;
mod figures;
mod golden;
mod properties;
mod sets;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use qingting_pipeline::assets::{Asset, Assets};
use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::*;

use super::cases::NoCases;
use super::names::Names;
use super::scope::{By, Scope};
use super::set::{Set, load};
use super::tally::{Counting, Data, Datum, Group, Rules, Unit};
use crate::report::Period;
use crate::report::contacts::{Basis, RepeatRule};
use crate::testing::plain_analysis;

pub(super) type Call = (CallRecord, Analysis);

pub(super) const RULES: Rules = Rules { service_level_s: 20, repeat: RepeatRule { days: 7, basis: Basis::Matter } };

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(super) fn november() -> Period {
    Period::new(day("2026-11-01"), day("2026-11-30")).unwrap()
}

pub(super) fn names() -> Names {
    Names::new(&Catalog::guide(), [("greeting", "开场问候")])
}

pub(super) fn embedded() -> Vec<Set> {
    load(&Assets::embedded(), &names()).unwrap_or_else(|errors| panic!("{errors:?}"))
}

pub(super) fn asset(text: &str) -> Asset {
    Asset { origin: "set.toml".into(), text: text.to_owned().into() }
}

pub(super) fn set(text: &str) -> Set {
    Set::parse(&asset(text), &names()).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// A share of 1000 calls, or another figure over as many.
pub(super) fn datum(value: Option<f64>) -> Datum {
    Datum {
        title: "数据".into(),
        unit: Unit::Share,
        value,
        numerator: value.map(|value| (value * 1000.0) as u64),
        denominator: Some(if value.is_some() { 1000 } else { 0 }),
        missing: 0,
    }
}

pub(super) fn data(values: &[(&str, f64)]) -> Data {
    values.iter().map(|(name, value)| ((*name).to_owned(), datum(Some(*value)))).collect()
}

/// A taken call of a team with two turns, without anything else.
pub(super) fn call(id: &str, at: &str, team: &str, region: &str) -> Call {
    let record = CallRecord {
        started_at: Some(at.parse().unwrap()),
        answered: Some(true),
        region: (!region.is_empty()).then(|| region.to_owned()),
        agent: (!team.is_empty()).then(|| Agent {
            id: format!("{team}-1"),
            team: Some(team.to_owned()),
            ..Agent::default()
        }),
        turns: vec![
            Turn::timed(Role::Agent, 0, 20_000, "您好，请讲。"),
            Turn::timed(Role::Caller, 20_000, 60_000, "停水了。"),
        ],
        ..CallRecord::new(id)
    };
    (record, plain_analysis(id))
}

pub(super) fn groups(calls: &[Call], scope: &Scope, by: Option<By>) -> Vec<Group> {
    let catalog = Catalog::guide();
    let known = Some((day("2026-10-01"), day("2026-12-31")));
    let mut counting = Counting::new(scope, by, &catalog, RULES, known);
    calls.iter().for_each(|(record, analysis)| counting.add(record, analysis));
    counting.finish(&NoCases)
}

pub(super) fn counted(calls: &[Call], scope: &Scope) -> Data {
    groups(calls, scope, None).remove(0).data
}

pub(super) fn weights(of: &[(&str, i64)]) -> super::set::Weights {
    of.iter()
        .map(|(path, weight)| ((*path).to_owned(), rust_decimal::Decimal::from(*weight)))
        .collect::<BTreeMap<_, _>>()
}
