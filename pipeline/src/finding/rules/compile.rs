//! From the file format to rules that can run, with every check that needs more than the
//! shape: names, patterns, numbers, cycles. A mistake names file and line.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use qingting_models::Encoder;
use toml::Spanned;

use super::condition::{Anchor, AverageRate, Condition, Window};
use super::example::Example;
use super::expr::{Expr, is_name};
use super::raw::{Place, RawCondition, RawFile, RawLevel, RawRule, RawWindow};
use super::template::{Field, Template};
use super::{Rule, RuleInfo};
use crate::assets::{Asset, line_of};
use crate::finding::rerun::is_built_in;
use crate::finding::{Catalog, CodeInfo, Level};
use crate::pattern::suggestion;
use crate::signal::CueLists;
use crate::{Error, Result};

/// What compiling needs and fills.
pub(super) struct Compiler<'a> {
    pub(super) cues: &'a CueLists,
    pub(super) encoder: &'a Arc<dyn Encoder>,
    pub(super) catalog: &'a mut Catalog,
    /// Every phrase of every rule, folded, by its number in the automaton.
    pub(super) phrases: Vec<String>,
    pub(super) numbers: HashMap<String, usize>,
    pub(super) ids: BTreeSet<String>,
}

impl Compiler<'_> {
    /// Adds a file's own codes to the catalog, and tells of those that cannot be.
    pub(super) fn add_codes(&mut self, asset: &Asset, file: &RawFile, note: &mut dyn FnMut(Error)) {
        for raw in &file.code {
            let code = raw.code.get_ref();
            if !is_name(code) {
                note(at(asset, &raw.code, format!("`{code}` is no code: letters, digits and `_` only")));
                continue;
            }
            let info = CodeInfo {
                code: code.clone(),
                title: raw.title.clone(),
                level: match raw.level {
                    RawLevel::Turn => Level::Turn,
                    RawLevel::Call => Level::Call,
                },
                role: raw.role,
                taboo: raw.taboo,
                severity: raw.severity,
            };
            if !self.catalog.add(info) {
                note(at(asset, &raw.code, format!("code `{code}` is defined already; choose another name")));
            }
        }
    }

    /// Compiles one rule.
    pub(super) fn rule(&mut self, asset: &Asset, raw: RawRule) -> Result<Rule> {
        let id = raw.id.get_ref().clone();
        if id.is_empty() || !id.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_') {
            return Err(at(asset, &raw.id, format!("`{id}` is no id: letters, digits, `-` and `_` only")));
        }
        if is_built_in(&id) {
            return Err(at(
                asset,
                &raw.id,
                format!("`{id}` is the name of a detector; findings could not be told apart"),
            ));
        }
        if !self.ids.insert(id.clone()) {
            return Err(at(asset, &raw.id, format!("rule `{id}` is defined twice; an id may be used once")));
        }
        let Some(code) = self.catalog.get(raw.code.get_ref()).cloned() else {
            let hint = suggestion(raw.code.get_ref(), self.catalog.iter().map(|info| info.code.as_str()));
            return Err(at(asset, &raw.code, format!("unknown code `{}`{hint}", raw.code.get_ref())));
        };
        let confidence = *raw.confidence.get_ref();
        if !(confidence > 0.0 && confidence <= 1.0) {
            return Err(at(asset, &raw.confidence, "`confidence` must be above 0 and at most 1".to_owned()));
        }

        let names: Vec<&str> = raw.condition.keys().map(|name| name.get_ref().as_str()).collect();
        if names.is_empty() {
            return Err(at(asset, &raw.id, format!("rule `{id}` has no [rule.condition.NAME]")));
        }
        let mut conditions = Vec::with_capacity(names.len());
        for (name, condition) in &raw.condition {
            if !is_name(name.get_ref()) {
                let message = format!("`{}` is no condition name: letters, digits and `_` only", name.get_ref());
                return Err(at(asset, name, message));
            }
            conditions.push(self.condition(asset, name, condition, &names)?);
        }
        check_cycles(asset, &raw.condition, &conditions)?;

        // The one condition that no other needs is what the rule is about.
        let needed: BTreeSet<usize> = conditions.iter().flat_map(Condition::needs).collect();
        let own: Vec<&str> =
            names.iter().enumerate().filter(|(i, _)| !needed.contains(i)).map(|(_, name)| *name).collect();
        let only = match own.as_slice() {
            [name] => Some(*name),
            _ => None,
        };
        let when = match (&raw.when, only) {
            (Some(when), _) => Expr::parse(when.get_ref()).map_err(|message| at(asset, when, message))?,
            (None, Some(name)) => Expr::Name(name.to_owned()),
            (None, None) => {
                return Err(at(asset, &raw.id, format!("rule `{id}` has several conditions and no `when`")));
            }
        };
        let when_span = raw.when.as_ref().unwrap_or(&raw.id);
        let mut unknown = None;
        when.names(&mut |name| {
            if !names.contains(&name) && unknown.is_none() {
                unknown = Some(name.to_owned());
            }
        });
        if let Some(name) = unknown {
            let hint = suggestion(&name, names.iter().copied());
            return Err(at(asset, when_span, format!("unknown condition `{name}` in `when`{hint}")));
        }
        let on = match (raw.on.as_ref().map(|on| on.get_ref().as_str()), only) {
            (Some(name), _) | (None, Some(name)) => name,
            (None, None) => {
                let message =
                    format!("rule `{id}` has several conditions and no `on`: which one carries the evidence?");
                return Err(at(asset, &raw.id, message));
            }
        };
        let on_span = raw.on.as_ref().unwrap_or(&raw.id);
        let Some(on) = names.iter().position(|name| *name == on) else {
            let hint = suggestion(on, names.iter().copied());
            return Err(at(asset, on_span, format!("unknown condition `{on}` in `on`{hint}")));
        };
        check_on(asset, on_span, conditions.get(on), &code)?;
        check_used(asset, &raw.condition, &conditions, &when, on)?;

        let explanation =
            Template::parse(raw.explanation.get_ref()).map_err(|message| at(asset, &raw.explanation, message))?;
        let has = conditions.get(on).map(Condition::measures).unwrap_or_default();
        if let Some(field) = explanation.fields().find(|field| !has.contains(field)) {
            let message = format!(
                "the explanation uses {field:?}, which condition `{}` (`on`) does not measure",
                names.get(on).copied().unwrap_or_default()
            );
            return Err(at(asset, &raw.explanation, message));
        }
        let line = line_of(&asset.text, raw.id.span().start);
        let examples = raw
            .example
            .into_iter()
            .map(|example| Example::compile(asset, example, &id, code.level))
            .collect::<Result<Vec<_>>>()?;
        Ok(Rule {
            info: RuleInfo {
                id,
                version: raw.version,
                title: raw.title,
                doc: raw.doc.trim().to_owned(),
                code: code.code.clone(),
                enabled: raw.enabled,
                when: when.to_string(),
                file: asset.origin.clone(),
                line,
                positive_examples: examples.iter().filter(|example| example.hit).count(),
                negative_examples: examples.iter().filter(|example| !example.hit).count(),
            },
            level: code.level,
            role: code.role,
            confidence,
            severity: raw.severity,
            when,
            on,
            explanation,
            conditions,
            examples,
        })
    }

    fn condition(
        &mut self,
        asset: &Asset,
        name: &Spanned<String>,
        raw: &RawCondition,
        names: &[&str],
    ) -> Result<Condition> {
        let roles = raw.role.as_ref().map(|roles| roles.0.clone()).unwrap_or_default();
        if let Some(percent) = &raw.percent {
            let (from, to) = *percent.get_ref();
            if !(0.0 <= from && from < to && to <= 100.0) {
                return Err(at(asset, percent, "`percent` must be [from, to] with 0 <= from < to <= 100".to_owned()));
            }
        }
        let index_of = |other: &Spanned<String>| {
            names.iter().position(|name| name == other.get_ref()).ok_or_else(|| {
                let hint = suggestion(other.get_ref(), names.iter().copied());
                at(asset, other, format!("unknown condition `{}`{hint}", other.get_ref()))
            })
        };
        let anchor = match &raw.anchor {
            None => None,
            Some(anchor) => Some(Anchor {
                to: index_of(&anchor.to)?,
                nth: anchor.nth,
                window: window(asset, anchor.place, anchor.turns.as_ref(), anchor.ms)?,
            }),
        };
        let unless = raw
            .unless
            .iter()
            .map(|unless| {
                Ok((index_of(&unless.condition)?, window(asset, unless.place, unless.turns.as_ref(), unless.ms)?))
            })
            .collect::<Result<Vec<_>>>()?;
        if raw.min_hits == Some(0) {
            return Err(at(asset, name, "`min_hits` must be at least 1; for absence negate the condition".to_owned()));
        }
        let operators = self.operators(asset, raw)?;
        let similar = self.similar(asset, raw)?;
        let average_rate = match &raw.rate {
            Some(rate) if rate.get_ref().average => {
                let [role @ (crate::record::Role::Agent | crate::record::Role::Caller)] = roles.as_slice() else {
                    let message = "`average` needs `role = \"agent\"` or `role = \"caller\"`".to_owned();
                    return Err(at(asset, rate, message));
                };
                Some(AverageRate { role: *role, over: rate.get_ref().over, under: rate.get_ref().under })
            }
            _ => None,
        };
        let call = raw.call.as_ref().map(Self::call_test);
        let scoped = raw.role.is_some()
            || raw.first_turns.is_some()
            || raw.last_turns.is_some()
            || raw.first_ms.is_some()
            || raw.last_ms.is_some()
            || raw.percent.is_some()
            || raw.min_chars.is_some()
            || raw.max_chars.is_some()
            || anchor.is_some();
        let asks = !operators.is_empty() || similar.is_some() || average_rate.is_some();
        if !scoped && !asks && call.is_none() {
            return Err(at(asset, name, format!("condition `{}` asks nothing", name.get_ref())));
        }
        Ok(Condition {
            name: name.get_ref().clone(),
            roles,
            first_turns: raw.first_turns,
            last_turns: raw.last_turns,
            first_ms: raw.first_ms,
            last_ms: raw.last_ms,
            percent: raw.percent.as_ref().map(|percent| *percent.get_ref()),
            min_chars: raw.min_chars,
            max_chars: raw.max_chars,
            anchor,
            unless,
            min_hits: raw.min_hits.unwrap_or(1),
            call_only: call.is_some() && !scoped && !asks,
            operators,
            similar,
            average_rate,
            call,
        })
    }
}

impl Condition {
    /// The placeholders that its hits have values for.
    fn measures(&self) -> Vec<Field> {
        use super::operator::Operator;
        let mut fields = vec![Field::Quote, Field::Text, Field::Turn, Field::Count];
        for operator in &self.operators {
            match operator {
                Operator::Overlap { .. } | Operator::Silence { .. } => fields.extend([Field::Ms, Field::Seconds]),
                Operator::Rate { .. } => fields.push(Field::Rate),
                Operator::Repeats { .. } => fields.push(Field::Similarity),
                Operator::Act { .. }
                | Operator::Sentiment { .. }
                | Operator::Mask { .. }
                | Operator::Keywords { .. }
                | Operator::Regex { .. } => {}
            }
        }
        if self.similar.is_some() {
            fields.push(Field::Similarity);
        }
        if self.average_rate.is_some() {
            fields.push(Field::Rate);
        }
        fields
    }

    /// The conditions whose hits it needs.
    fn needs(&self) -> impl Iterator<Item = usize> + '_ {
        self.anchor.iter().map(|anchor| anchor.to).chain(self.unless.iter().map(|(other, _)| *other))
    }
}

/// An error at a value of a file.
pub(super) fn at<T>(asset: &Asset, value: &Spanned<T>, message: String) -> Error {
    Error::at(asset, value.span().start, message)
}

fn window(asset: &Asset, place: Place, turns: Option<&Spanned<RawWindow>>, ms: Option<u64>) -> Result<Window> {
    let far = i64::MAX;
    let int = |n: usize| i64::try_from(n).unwrap_or(far);
    let (least, most) = match (place, turns.map(|turns| *turns.get_ref())) {
        (Place::After, None) => (1, far),
        (Place::After, Some(RawWindow::UpTo(n))) => (1, int(n)),
        (Place::After, Some(RawWindow::Range(from, to))) => (int(from), int(to)),
        (Place::Before, None) => (-far, -1),
        (Place::Before, Some(RawWindow::UpTo(n))) => (-int(n), -1),
        (Place::Before, Some(RawWindow::Range(from, to))) => (-int(to), -int(from)),
        (Place::Around, None) => (-far, far),
        (Place::Around, Some(RawWindow::UpTo(n))) => (-int(n), int(n)),
        (Place::Around, Some(RawWindow::Range(before, after))) => (-int(before), int(after)),
        (Place::Current, None) => (0, 0),
        (Place::Current, Some(_)) => (1, 0),
    };
    match turns {
        Some(turns) if least > most => {
            let message = match (place, turns.get_ref()) {
                (Place::Current, _) => "`where = \"current\"` is the same turn: leave `turns` out",
                (_, RawWindow::Range(..)) => "the window ends before it begins: write `turns = [from, to]`",
                (_, RawWindow::UpTo(_)) => "`turns` must be at least 1; [0, n] takes in the turn itself",
            };
            Err(at(asset, turns, message.to_owned()))
        }
        _ => Ok(Window { place, least, most, ms }),
    }
}

/// Refuses conditions that need each other's hits.
fn check_cycles(asset: &Asset, raw: &BTreeMap<Spanned<String>, RawCondition>, conditions: &[Condition]) -> Result<()> {
    // Takes away what needs nothing that is left, until nothing changes: what stays is a cycle
    // or leads into one.
    let mut left: BTreeSet<usize> = (0..conditions.len()).collect();
    loop {
        let before = left.len();
        let free: Vec<usize> = left
            .iter()
            .copied()
            .filter(|&i| conditions.get(i).is_some_and(|c| c.needs().all(|n| !left.contains(&n))))
            .collect();
        for index in free {
            left.remove(&index);
        }
        if left.is_empty() {
            return Ok(());
        }
        if left.len() == before {
            break;
        }
    }
    let names: Vec<&str> = left.iter().filter_map(|&i| conditions.get(i)).map(|c| c.name.as_str()).collect();
    let first = raw.keys().find(|name| names.first() == Some(&name.get_ref().as_str()));
    let message = format!("conditions {} wait for each other's hits in a circle", names.join(", "));
    match first {
        Some(name) => Err(at(asset, name, message)),
        None => Ok(()),
    }
}

/// The evidence must be turns, and for a code on a turn those of its role.
fn check_on(asset: &Asset, span: &Spanned<String>, on: Option<&Condition>, code: &CodeInfo) -> Result<()> {
    let Some(on) = on else { return Ok(()) };
    if on.call_only {
        let message = format!("condition `{}` asks about the call alone: there is no turn to show in `on`", on.name);
        return Err(at(asset, span, message));
    }
    if code.level == Level::Turn && on.roles != [code.role] {
        let role = code.role.as_str();
        let message = format!(
            "code `{}` stands on turns of the {role}: condition `{}` needs `role = \"{role}\"`",
            code.code, on.name
        );
        return Err(at(asset, span, message));
    }
    Ok(())
}

/// A condition that nothing asks for is a slip of the pen.
fn check_used(
    asset: &Asset,
    raw: &BTreeMap<Spanned<String>, RawCondition>,
    conditions: &[Condition],
    when: &Expr,
    on: usize,
) -> Result<()> {
    let mut used: BTreeSet<usize> = conditions.iter().flat_map(Condition::needs).collect();
    used.insert(on);
    when.names(&mut |name| used.extend(conditions.iter().position(|c| c.name == name)));
    for (index, name) in raw.keys().enumerate() {
        if !used.contains(&index) {
            let message =
                format!("condition `{}` is used nowhere: neither in `when` nor by another one", name.get_ref());
            return Err(at(asset, name, message));
        }
    }
    Ok(())
}
