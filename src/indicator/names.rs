//! Which figures formulas may name, and what each is called. How they are counted is [`super::tally`]'s business.

use std::collections::BTreeMap;

use qingting_pipeline::Pipeline;
use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::ConductStep;
use qingting_pipeline::score::Scorecard;

use super::cases::CaseFigures;
use super::tally::{Unit, unit_of};
use crate::report::contacts::RepeatFigures;
use crate::report::kpis::Kpis;
use crate::report::tickets::TicketFigures;

/// What a figure is called and measured in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// What supervisors read.
    pub title: String,
    /// In what it is measured.
    pub unit: Unit,
}

/// Every figure by its name in formulas.
#[derive(Debug, Clone, Default)]
pub struct Names(BTreeMap<String, Name>);

impl Names {
    /// The figures that are counted of calls that a pipeline judged.
    pub fn of(pipeline: &Pipeline) -> Self {
        let items = pipeline.scorer().iter().flat_map(Scorecard::sections).flat_map(|section| &section.items);
        Self::new(pipeline.finder().catalog(), items.map(|item| (item.id.as_str(), item.title.as_str())))
    }

    /// The figures where these codes are found and these items of scorecards are scored.
    pub fn new<'a>(catalog: &Catalog, items: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut names = BTreeMap::new();
        let mut add = |name: String, title: &str, unit: Unit| {
            names.entry(name).or_insert_with(|| Name { title: title.to_owned(), unit });
        };
        let kpis = Kpis::default().figures();
        let figures = kpis.iter().copied().chain(RepeatFigures::default().figures());
        for figure in figures.chain(TicketFigures::default().figures()) {
            add(format!("kpi.{}", figure.id), figure.title, unit_of(&figure.measured));
        }
        for step in ConductStep::ALL {
            add(format!("step.{}", step_id(step)), &format!("诉求处理：{}", step.zh()), Unit::Share);
        }
        for (id, title) in NEEDS {
            add(format!("need.{id}"), title, Unit::Share);
        }
        for info in catalog.iter() {
            add(format!("finding.{}", info.code), &format!("{}的通话占比", info.title), Unit::Share);
        }
        for (id, title) in items {
            add(format!("item.{}", id.replace('-', "_")), &format!("评分项得分率：{title}"), Unit::Share);
        }
        for (id, title, unit, _) in CaseFigures::default().listed() {
            add(format!("case.{id}"), title, unit);
        }
        Self(names)
    }

    /// What a figure is called, if there is one of that name.
    pub fn get(&self, name: &str) -> Option<&Name> {
        self.0.get(name)
    }

    /// Every figure, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Name)> {
        self.0.iter().map(|(name, of)| (name.as_str(), of))
    }
}

/// The needs, as [`Kpis::needs`] has them.
pub(super) const NEEDS: [(&str, &str); 2] = [("emotional", "情感需求满足率"), ("factual", "办事需求满足率")];

/// The name of a step in formulas.
pub(super) fn step_id(step: ConductStep) -> &'static str {
    match step {
        ConductStep::Receive => "receive",
        ConductStep::Calm => "calm",
        ConductStep::FindOut => "find_out",
        ConductStep::Resolve => "resolve",
        ConductStep::Agree => "agree",
        ConductStep::FollowUp => "follow_up",
    }
}
