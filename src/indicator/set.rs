//! Sets of indicators: the tree of a file of `config/indicators/`, checked as a whole, so that whatever is evaluated is right.
//! Owns what a set may say; docs/indicators.md describes it to people.

use std::collections::{BTreeMap, BTreeSet};

use qingting_pipeline::Error;
use qingting_pipeline::assets::{Asset, Assets, parse_toml, short_hex};
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};
use toml::Spanned;

use super::expression::Expression;
use super::names::Names;
use super::raw::{RawAdjustment, RawFirst, RawMissing, RawSecond, RawSet, RawThird};

/// Where sets are.
pub const FOLDER: &str = "indicators";
/// Most nodes, deductions and bonuses of a set.
pub const MOST_NODES: usize = 300;
/// Longest text of a set, bytes.
pub const MOST_BYTES: usize = 256 << 10;
/// Longest name, title or note, characters.
const MOST_TEXT: usize = 2000;
/// Weight of all first-level nodes together, and what a set gives at most where it does not say.
pub const FULL: Decimal = Decimal::ONE_HUNDRED;

/// How the total is formed where items have no data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Out of the items that have, in proportion.
    Exclude,
    /// They give nothing.
    Zero,
}

/// A set that can be evaluated.
#[derive(Debug, Clone)]
pub struct Set {
    /// Id.
    pub id: String,
    /// Version, as its author counts.
    pub version: u32,
    /// What supervisors read.
    pub title: String,
    /// What it is for, and where its names and weights are from.
    pub doc: String,
    /// SHA-256 over its text, first 16 hex digits.
    pub fingerprint: String,
    /// How the total is formed where items have no data.
    pub missing: Missing,
    /// Least weight of the items with data for there to be a total.
    pub least_weight: Decimal,
    /// The greatest total.
    pub most: Decimal,
    /// Every node, each before what is under it, in the order of the file.
    pub nodes: Vec<Node>,
    /// Points off.
    pub deductions: Vec<Adjustment>,
    /// Points on.
    pub bonuses: Vec<Adjustment>,
}

/// An indicator of the first, second or third level.
#[derive(Debug, Clone)]
pub struct Node {
    /// Ids from the first level down, with dots, such as `response.answer.rate`.
    pub path: String,
    /// What supervisors read.
    pub title: String,
    /// Where it is from, and why it is so.
    pub note: String,
    /// Whether its name is published; else it is ours.
    pub published: bool,
    /// 1 to 3.
    pub level: u8,
    /// The node that it is under.
    pub parent: Option<usize>,
    /// Points that it is worth, of 100 of the whole set.
    pub weight: Decimal,
    /// What an item is scored by; `None` for what has others under it.
    pub item: Option<Item>,
}

/// What an item is scored by.
#[derive(Debug, Clone)]
pub struct Item {
    /// Gives 0 to 100, or more up to the cap.
    pub formula: Expression,
    /// What it may reach, as a multiple of its weight: 1, or up to 1.2.
    pub cap: Decimal,
    /// Fewest calls that each share or mean has to be over.
    pub least: u64,
}

/// Points off or on, outside of the weights.
#[derive(Debug, Clone)]
pub struct Adjustment {
    /// Id.
    pub id: String,
    /// What supervisors read.
    pub title: String,
    /// Where it is from, and why it is so.
    pub note: String,
    /// Gives the points, 0 or more.
    pub formula: Expression,
    /// Most points.
    pub most: Decimal,
    /// Fewest calls that each share or mean has to be over.
    pub least: u64,
}

/// Every set of the configuration.
///
/// # Errors
/// Every mistake in one of them, with its file and line.
pub fn load(assets: &Assets, names: &Names) -> Result<Vec<Set>, Vec<Error>> {
    let files = assets.read_dir(FOLDER, "toml").map_err(|error| vec![error])?;
    let (mut sets, mut errors): (Vec<Set>, Vec<Error>) = (Vec::new(), Vec::new());
    for file in files {
        match Set::parse(&file, names) {
            Ok(set) if sets.iter().any(|other| other.id == set.id) => {
                errors.push(Error::in_line(&file, 1, format!("已有编号为 {} 的指标体系", set.id)));
            }
            Ok(set) => sets.push(set),
            Err(mistakes) => errors.extend(mistakes),
        }
    }
    if errors.is_empty() { Ok(sets) } else { Err(errors) }
}

impl Set {
    /// Reads a file.
    ///
    /// # Errors
    /// Every mistake, with its line.
    pub fn parse(asset: &Asset, names: &Names) -> Result<Self, Vec<Error>> {
        if asset.text.len() > MOST_BYTES {
            return Err(vec![Error::in_line(asset, 1, format!("文件不能超过 {MOST_BYTES} 字节"))]);
        }
        let raw: RawSet = parse_toml(asset).map_err(|error| vec![error])?;
        let mut reading = Reading { asset, names, errors: Vec::new(), nodes: Vec::new() };
        let id = reading.id(&raw.id, true);
        reading.short(&raw.id, &[&raw.title, &raw.doc]);
        if raw.first.is_empty() {
            reading.wrong(&raw.id, "至少要有一个一级指标（[[first]]）");
        }
        for first in raw.first {
            reading.first(first);
        }
        let mut taken = BTreeSet::new();
        let deductions = reading.adjustments(raw.deduction, &mut taken);
        let bonuses = reading.adjustments(raw.bonus, &mut taken);
        if reading.nodes.len() + deductions.len() + bonuses.len() > MOST_NODES {
            reading.wrong(&raw.id, format!("指标、扣分项、加分项合计不能超过 {MOST_NODES} 个"));
        }
        let within = |reading: &mut Reading<'_>, value: Option<Spanned<f64>>, default: Decimal, most: Decimal| {
            let Some(value) = value else { return default };
            reading.points(&value, Decimal::ZERO, most)
        };
        let least_weight = within(&mut reading, raw.least_weight, Decimal::ZERO, FULL);
        let most = within(&mut reading, raw.most, FULL, FULL + FULL);
        let set = Self {
            id,
            version: raw.version,
            title: raw.title,
            doc: raw.doc,
            fingerprint: short_hex(&Sha256::digest(asset.text.as_bytes())),
            missing: match raw.missing {
                RawMissing::Exclude => Missing::Exclude,
                RawMissing::Zero => Missing::Zero,
            },
            least_weight,
            most,
            nodes: reading.nodes.iter().map(|(node, _)| node.clone()).collect(),
            deductions,
            bonuses,
        };
        let mut errors = reading.errors;
        if errors.is_empty() {
            // Of the whole set its first node.
            let at = |of: Option<usize>| reading.nodes.get(of.unwrap_or(0)).map_or(0, |(_, byte)| *byte);
            errors.extend(set.unbalanced().map(|(of, message)| Error::at(asset, at(of), message)));
        }
        if errors.is_empty() { Ok(set) } else { Err(errors) }
    }

    /// The node of a path.
    pub fn find(&self, path: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.path == path)
    }

    /// What is right under a node, or of the first level.
    pub fn children(&self, of: Option<usize>) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes.iter().enumerate().filter(move |(_, node)| node.parent == of)
    }

    /// Nodes whose children do not add up to them, `None` for the whole set, with what is wrong.
    pub(super) fn unbalanced(&self) -> impl Iterator<Item = (Option<usize>, String)> {
        let parents = std::iter::once(None).chain((0..self.nodes.len()).map(Some));
        parents.filter_map(|parent| {
            let mut children = self.children(parent).peekable();
            children.peek()?;
            let sum: Decimal = children.map(|(_, node)| node.weight).sum();
            let (name, whole) = match parent.and_then(|parent| self.nodes.get(parent)) {
                Some(node) => (format!("“{}”的下级指标", node.title), node.weight),
                None => ("一级指标".to_owned(), FULL),
            };
            (sum != whole)
                .then(|| (parent, format!("{name}权重合计为 {}，应为 {}", sum.normalize(), whole.normalize())))
        })
    }

    /// Every formula.
    fn formulas(&self) -> impl Iterator<Item = &Expression> {
        let items = self.nodes.iter().filter_map(|node| node.item.as_ref()).map(|item| &item.formula);
        items.chain(self.deductions.iter().chain(&self.bonuses).map(|adjustment| &adjustment.formula))
    }

    /// The names of all figures that go in.
    pub fn figures(&self) -> BTreeSet<&str> {
        self.formulas().flat_map(Expression::names).map(String::as_str).collect()
    }
}

/// A set on its way out of its file.
struct Reading<'a> {
    asset: &'a Asset,
    names: &'a Names,
    errors: Vec<Error>,
    /// With the byte at which each stands.
    nodes: Vec<(Node, usize)>,
}

/// What every level has.
struct Written {
    id: Spanned<String>,
    title: String,
    weight: Spanned<f64>,
    published: bool,
    note: String,
    formula: Option<Spanned<String>>,
    cap: Option<Spanned<f64>>,
    least: Option<u64>,
}

macro_rules! written {
    ($raw:ident) => {
        Written {
            id: $raw.id,
            title: $raw.title,
            weight: $raw.weight,
            published: $raw.published,
            note: $raw.note,
            formula: $raw.formula,
            cap: $raw.cap,
            least: $raw.least,
        }
    };
}

impl Reading<'_> {
    fn wrong<T>(&mut self, at: &Spanned<T>, message: impl Into<String>) {
        self.errors.push(Error::at(self.asset, at.span().start, message));
    }

    fn first(&mut self, raw: RawFirst) {
        let under = raw.second;
        let node = self.node(written!(raw), None, 1, !under.is_empty());
        under.into_iter().for_each(|second| self.second(second, node));
    }

    fn second(&mut self, raw: RawSecond, parent: usize) {
        let under = raw.third;
        let node = self.node(written!(raw), Some(parent), 2, !under.is_empty());
        under.into_iter().for_each(|third| self.third(third, node));
    }

    fn third(&mut self, raw: RawThird, parent: usize) {
        self.node(written!(raw), Some(parent), 3, false);
    }

    /// Takes a node in; its number.
    fn node(&mut self, written: Written, parent: Option<usize>, level: u8, has_children: bool) -> usize {
        let id = self.id(&written.id, false);
        let path = match parent.and_then(|parent| self.nodes.get(parent)) {
            Some((above, _)) => format!("{}.{id}", above.path),
            None => id,
        };
        if self.nodes.iter().any(|(node, _)| node.path == path) {
            self.wrong(&written.id, format!("同一级中已有编号为 {path} 的指标"));
        }
        self.short(&written.id, &[&written.title, &written.note]);
        let weight = self.points(&written.weight, Decimal::ZERO, FULL);
        if weight.is_zero() {
            self.wrong(&written.weight, "权重必须大于 0");
        }
        let item = match (&written.formula, has_children) {
            (Some(formula), true) => {
                self.wrong(formula, "有下级指标的指标不能有公式");
                None
            }
            (None, false) => {
                self.wrong(&written.id, "没有下级指标的指标必须有公式（formula）");
                None
            }
            (None, true) => {
                if let Some(cap) = &written.cap {
                    self.wrong(cap, "只有带公式的指标可以有上限（cap）");
                }
                if written.least.is_some() {
                    self.wrong(&written.id, "只有带公式的指标可以有最少数量（least）");
                }
                None
            }
            (Some(formula), false) => {
                let most = Decimal::new(12, 1);
                let cap = match &written.cap {
                    Some(cap) => self.points(cap, Decimal::ONE, most),
                    None => Decimal::ONE,
                };
                let formula = self.formula(formula);
                formula.map(|formula| Item { formula, cap, least: written.least.unwrap_or(1) })
            }
        };
        let node = Node {
            path,
            title: written.title,
            note: written.note,
            published: written.published,
            level,
            parent,
            weight,
            item,
        };
        self.nodes.push((node, written.id.span().start));
        self.nodes.len() - 1
    }

    fn adjustments(&mut self, raw: Vec<RawAdjustment>, taken: &mut BTreeSet<String>) -> Vec<Adjustment> {
        let mut adjustments = Vec::new();
        for raw in raw {
            let id = self.id(&raw.id, false);
            if !taken.insert(id.clone()) {
                self.wrong(&raw.id, format!("已有编号为 {id} 的加分或扣分项"));
            }
            self.short(&raw.id, &[&raw.title, &raw.note]);
            let most = self.points(&raw.most, Decimal::ZERO, FULL);
            if let Some(formula) = self.formula(&raw.formula) {
                let least = raw.least.unwrap_or(1);
                adjustments.push(Adjustment { id, title: raw.title, note: raw.note, formula, most, least });
            }
        }
        adjustments
    }

    fn formula(&mut self, text: &Spanned<String>) -> Option<Expression> {
        match Expression::parse(text.as_ref(), &|name| self.names.get(name).is_some()) {
            Ok(formula) => Some(formula),
            Err(message) => {
                self.wrong(text, message);
                None
            }
        }
    }

    fn id(&mut self, id: &Spanned<String>, dashes: bool) -> String {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || (dashes && c == '-');
        let text = id.as_ref();
        if text.is_empty() || text.len() > 64 || !text.chars().all(fits) {
            let dash = if dashes { "、-" } else { "" };
            self.wrong(id, format!("编号只能由 1 至 64 个字母、数字、_{dash} 组成"));
        }
        text.clone()
    }

    fn short(&mut self, at: &Spanned<String>, texts: &[&String]) {
        if texts.iter().any(|text| text.chars().count() > MOST_TEXT) {
            self.wrong(at, format!("名称和说明不能超过 {MOST_TEXT} 个字符"));
        }
    }

    /// A number of the file as it is written, to hundredths.
    fn points(&mut self, value: &Spanned<f64>, least: Decimal, most: Decimal) -> Decimal {
        match exact(*value.as_ref()).filter(|points| (least..=most).contains(points)) {
            Some(points) => points,
            None => {
                self.wrong(value, format!("必须为 {} 至 {} 的数，最多两位小数", least.normalize(), most.normalize()));
                Decimal::ZERO
            }
        }
    }
}

/// A number with at most two decimals, without the error of its binary form.
pub(super) fn exact(value: f64) -> Option<Decimal> {
    let decimal = Decimal::try_from(value).ok()?;
    (decimal.round_dp(2) == decimal).then(|| decimal.normalize())
}

/// Weights by path.
pub type Weights = BTreeMap<String, Decimal>;
