//! A scorecard, compiled and checked against the codes there are. Owns the checks; the
//! arithmetic is in [`super::arithmetic`].

use std::collections::BTreeMap;

use toml::Spanned;

use super::raw::{RawBonus, RawCard, RawFatal, RawItem, RawNa};
use crate::assets::{Asset, line_of};
use crate::finding::Catalog;
use crate::pattern::{Globs, suggestion};
use crate::record::{Act, CallRecord, Direction, Facts, Party, Severity};
use crate::{Error, Result};

const APPEAL_TYPES: [&str; 6] = ["咨询", "求助", "投诉", "举报", "建议", "表扬"];
const OUTCOMES: [&str; 3] = ["resolved", "follow_up", "unresolved"];

/// A scorecard.
#[derive(Debug)]
pub struct Scorecard {
    pub(super) id: String,
    pub(super) version: u32,
    pub(super) title: String,
    pub(super) doc: String,
    queues: Option<Globs>,
    channels: Option<Globs>,
    pub(super) sections: Vec<Section>,
    pub(super) line: usize,
}

/// A group of items.
#[derive(Debug)]
pub struct Section {
    /// Id within the scorecard.
    pub id: String,
    /// What supervisors read.
    pub title: String,
    /// Factor on the points of its items.
    pub weight: f64,
    /// Its items.
    pub items: Vec<Item>,
}

/// One line of a scorecard.
#[derive(Debug)]
pub struct Item {
    /// Id within the scorecard.
    pub id: String,
    /// What supervisors read.
    pub title: String,
    /// Points that can be had, before the section's weight.
    pub points: f64,
    pub(super) cap: f64,
    pub(super) deductions: Vec<Deduction>,
    pub(super) na: Vec<NotApplicable>,
    pub(super) fatal: Option<Fatal>,
    pub(super) bonus: Option<Bonus>,
}

/// What each finding of one code costs.
#[derive(Debug)]
pub(super) struct Deduction {
    pub(super) code: String,
    /// What supervisors read.
    pub(super) title: String,
    pub(super) points: f64,
}

/// Findings that fail the call.
#[derive(Debug)]
pub(super) struct Fatal {
    /// Code and what supervisors read.
    pub(super) codes: Vec<(String, String)>,
    pub(super) severity: Severity,
    pub(super) confidence: f32,
}

/// Points on top.
#[derive(Debug)]
pub(super) struct Bonus {
    pub(super) acts: Vec<Act>,
    pub(super) turns: usize,
}

/// When an item does not apply.
#[derive(Debug)]
pub(super) struct NotApplicable {
    pub(super) reason: String,
    appeal_types: Option<Vec<String>>,
    outcomes: Option<Vec<String>>,
    queues: Option<Globs>,
    channels: Option<Globs>,
    direction: Option<Direction>,
    hangup_by: Option<Vec<Party>>,
    transferred: Option<bool>,
    crisis: Option<bool>,
    timed: Option<bool>,
    without_acts: Option<Vec<Act>>,
    turns_under: Option<usize>,
}

impl Scorecard {
    /// Id of the scorecard.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Counted up by its author with every change.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What supervisors read.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What it is for and where its points come from.
    pub fn doc(&self) -> &str {
        &self.doc
    }

    /// Its sections.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Whether the file says that it is for this call. A scorecard that names no queue is for none,
    /// but can be the default.
    pub(super) fn is_for(&self, record: &CallRecord) -> bool {
        let queue = |globs: &Globs| record.queue.as_deref().is_some_and(|queue| globs.matches(queue));
        self.queues.as_ref().is_some_and(queue) && self.channels.as_ref().is_none_or(|g| g.matches(&record.channel))
    }

    /// Compiles and checks one file.
    pub(super) fn compile(asset: &Asset, raw: RawCard, catalog: &Catalog) -> Result<Self> {
        if raw.id.get_ref().trim().is_empty() || raw.id.get_ref().contains('@') {
            return Err(at(asset, &raw.id, "the id must not be empty or contain `@`".to_owned()));
        }
        let mut seen = Seen::default();
        let mut sections = Vec::with_capacity(raw.sections.len());
        for section in raw.sections {
            seen.section(asset, &section.id)?;
            positive(asset, &section.weight, "weight")?;
            let items = section
                .items
                .into_iter()
                .map(|item| compile_item(asset, item, catalog, &mut seen))
                .collect::<Result<Vec<_>>>()?;
            sections.push(Section {
                id: section.id.into_inner(),
                title: section.title,
                weight: section.weight.into_inner(),
                items,
            });
        }
        if !sections.iter().flat_map(|section| &section.items).any(|item| item.bonus.is_none()) {
            return Err(at(asset, &raw.id, "a scorecard needs at least one item that is no bonus".to_owned()));
        }
        let globs = |list: &[String]| (!list.is_empty()).then(|| Globs::new(list));
        Ok(Self {
            line: line_of(&asset.text, raw.id.span().start),
            id: raw.id.into_inner(),
            version: raw.version,
            title: raw.title,
            doc: raw.doc.trim().to_owned(),
            queues: globs(&raw.applies_to.queues),
            channels: globs(&raw.applies_to.channels),
            sections,
        })
    }
}

impl NotApplicable {
    /// Whether everything holds that the file names. What was not recorded does not hold.
    pub(super) fn holds(&self, record: &CallRecord, acts: &[Act], facts: &Facts) -> bool {
        let globs = |globs: &Option<Globs>, value: Option<&str>| {
            globs.as_ref().is_none_or(|globs| value.is_some_and(|value| globs.matches(value)))
        };
        let listed = |list: &Option<Vec<String>>, value: &str| {
            list.as_ref().is_none_or(|list| list.iter().any(|known| known == value))
        };
        listed(&self.appeal_types, &facts.appeal_type)
            && listed(&self.outcomes, &facts.outcome)
            && globs(&self.queues, record.queue.as_deref())
            && globs(&self.channels, Some(&record.channel))
            && self.direction.is_none_or(|direction| record.direction == direction)
            && self
                .hangup_by
                .as_ref()
                .is_none_or(|parties| record.hangup_by.is_some_and(|by| parties.contains(&by)))
            && self.transferred.is_none_or(|transferred| record.transferred == Some(transferred))
            && self.crisis.is_none_or(|crisis| facts.crisis == crisis)
            && self.timed.is_none_or(|timed| record.timed() == timed)
            && self.without_acts.as_ref().is_none_or(|without| !without.iter().any(|act| acts.contains(act)))
            && self.turns_under.is_none_or(|limit| record.turns.len() < limit)
    }

    fn compile(asset: &Asset, raw: RawNa) -> Result<Self> {
        let compiled = Self {
            reason: raw.reason.get_ref().trim().to_owned(),
            queues: raw.queues.map(|list| Globs::new(&list)),
            channels: raw.channels.map(|list| Globs::new(&list)),
            appeal_types: raw.appeal_types,
            outcomes: raw.outcomes,
            direction: raw.direction,
            hangup_by: raw.hangup_by,
            transferred: raw.transferred,
            crisis: raw.crisis,
            timed: raw.timed,
            without_acts: raw.without_acts,
            turns_under: raw.turns_under,
        };
        if compiled.reason.is_empty() {
            return Err(at(asset, &raw.reason, "`reason` is what supervisors read: it must not be empty".to_owned()));
        }
        for (list, known) in [
            (&compiled.appeal_types, &APPEAL_TYPES[..]),
            (&compiled.outcomes, &OUTCOMES[..]),
        ] {
            if let Some(wrong) = list.iter().flatten().find(|name| !known.contains(&name.as_str())) {
                let hint = suggestion(wrong, known.iter().copied());
                return Err(at(asset, &raw.reason, format!("no call is ever `{wrong}`{hint}")));
            }
        }
        let asks = compiled.appeal_types.is_some()
            || compiled.outcomes.is_some()
            || compiled.queues.is_some()
            || compiled.channels.is_some()
            || compiled.direction.is_some()
            || compiled.hangup_by.is_some()
            || compiled.transferred.is_some()
            || compiled.crisis.is_some()
            || compiled.timed.is_some()
            || compiled.without_acts.is_some()
            || compiled.turns_under.is_some();
        if !asks {
            return Err(at(asset, &raw.reason, "this `na` asks nothing: the item would never apply".to_owned()));
        }
        Ok(compiled)
    }
}

/// What a scorecard may name once.
#[derive(Default)]
struct Seen {
    sections: BTreeMap<String, ()>,
    items: BTreeMap<String, ()>,
    /// Deducted code and the item that deducts it.
    codes: BTreeMap<String, String>,
}

impl Seen {
    fn section(&mut self, asset: &Asset, id: &Spanned<String>) -> Result<()> {
        match self.sections.insert(id.get_ref().clone(), ()) {
            None => Ok(()),
            Some(()) => Err(at(asset, id, format!("section `{}` is defined twice", id.get_ref()))),
        }
    }

    fn item(&mut self, asset: &Asset, id: &Spanned<String>) -> Result<()> {
        match self.items.insert(id.get_ref().clone(), ()) {
            None => Ok(()),
            Some(()) => {
                Err(at(asset, id, format!("item `{}` is defined twice; findings point at its id", id.get_ref())))
            }
        }
    }

    fn deducted(&mut self, asset: &Asset, code: &Spanned<String>, item: &str) -> Result<()> {
        match self.codes.insert(code.get_ref().clone(), item.to_owned()) {
            None => Ok(()),
            Some(other) => {
                let message = format!("code `{}` deducts twice, in `{other}` and `{item}`", code.get_ref());
                Err(at(asset, code, message))
            }
        }
    }
}

fn compile_item(asset: &Asset, raw: RawItem, catalog: &Catalog, seen: &mut Seen) -> Result<Item> {
    seen.item(asset, &raw.id)?;
    positive(asset, &raw.points, "points")?;
    let points = *raw.points.get_ref();
    let cap = match &raw.cap {
        None => points,
        Some(cap) => {
            positive(asset, cap, "cap")?;
            if *cap.get_ref() > points {
                let message = format!("`cap` is {}, more than the item's {points} points", cap.get_ref());
                return Err(at(asset, cap, message));
            }
            *cap.get_ref()
        }
    };
    let mut deductions = Vec::new();
    for deduction in &raw.deduct {
        positive(asset, &deduction.points, "points")?;
        for code in &deduction.codes {
            seen.deducted(asset, code, raw.id.get_ref())?;
            let title = title_of(asset, code, catalog)?;
            deductions.push(Deduction { code: code.get_ref().clone(), title, points: *deduction.points.get_ref() });
        }
    }
    let asks = !deductions.is_empty() || raw.fatal.is_some() || raw.bonus.is_some();
    if !asks {
        return Err(at(asset, &raw.id, format!("item `{}` has no `deduct`, `fatal` or `bonus`", raw.id.get_ref())));
    }
    if raw.fatal.is_some() && !raw.na.is_empty() {
        let message = format!("item `{}` is fatal: it always applies and can have no `na`", raw.id.get_ref());
        return Err(at(asset, &raw.id, message));
    }
    if raw.bonus.is_some() && (!deductions.is_empty() || raw.fatal.is_some() || raw.cap.is_some() || !raw.na.is_empty())
    {
        let message = format!("item `{}` is a bonus: it has `points` and `bonus`, nothing else", raw.id.get_ref());
        return Err(at(asset, &raw.id, message));
    }
    Ok(Item {
        title: raw.title,
        points,
        cap,
        deductions,
        na: raw.na.into_iter().map(|na| NotApplicable::compile(asset, na)).collect::<Result<Vec<_>>>()?,
        fatal: raw.fatal.map(|fatal| compile_fatal(asset, fatal, catalog)).transpose()?,
        bonus: raw.bonus.map(|bonus| compile_bonus(asset, &raw.id, bonus)).transpose()?,
        id: raw.id.into_inner(),
    })
}

fn compile_fatal(asset: &Asset, raw: RawFatal, catalog: &Catalog) -> Result<Fatal> {
    let codes = raw
        .codes
        .into_iter()
        .map(|code| Ok((title_of(asset, &code, catalog)?, code.into_inner())))
        .map(|pair| pair.map(|(title, code)| (code, title)))
        .collect::<Result<Vec<_>>>()?;
    Ok(Fatal { codes, severity: raw.severity, confidence: raw.confidence })
}

fn compile_bonus(asset: &Asset, id: &Spanned<String>, raw: RawBonus) -> Result<Bonus> {
    if raw.acts.is_empty() || raw.turns == 0 {
        return Err(at(asset, id, "`bonus` needs `acts`, and `turns` of at least 1".to_owned()));
    }
    Ok(Bonus { acts: raw.acts, turns: raw.turns })
}

fn title_of(asset: &Asset, code: &Spanned<String>, catalog: &Catalog) -> Result<String> {
    catalog.get(code.get_ref()).map(|info| info.title.clone()).ok_or_else(|| {
        let hint = suggestion(code.get_ref(), catalog.iter().map(|info| info.code.as_str()));
        at(asset, code, format!("unknown code `{}`{hint}", code.get_ref()))
    })
}

fn positive(asset: &Asset, value: &Spanned<f64>, what: &str) -> Result<()> {
    if value.get_ref().is_finite() && *value.get_ref() > 0.0 {
        return Ok(());
    }
    Err(at(asset, value, format!("`{what}` must be above 0, not {}", value.get_ref())))
}

fn at<T>(asset: &Asset, value: &Spanned<T>, message: String) -> Error {
    Error::at(asset, value.span().start, message)
}
