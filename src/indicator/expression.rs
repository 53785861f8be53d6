//! Formulas: the arithmetic part of CEL (Common Expression Language), and nothing of it that could take long. Owns what a formula
//! may be made of; which figures there are is [`super::names`]'s business.
//!
//! Parsing and evaluation are the `cel` crate's. Before anything is evaluated the parsed tree is checked: numbers, names,
//! `+ - * /`, comparisons, `&& || !`, `? :` and four functions. Lists, maps, texts, macros such as `all` or `map`, and with them every
//! loop, are refused, so that the time of a formula is bounded by its length.

use std::collections::BTreeSet;
use std::sync::Arc;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators as op};
use cel::parser::Parser;
use cel::{Context, Env, Value};

/// Longest formula, characters.
pub const MOST_CHARS: usize = 400;
/// Most numbers, names and operators of a formula.
pub const MOST_PARTS: usize = 120;
/// Deepest nesting of a formula.
const DEEPEST: u16 = 32;

/// A formula that can be evaluated.
#[derive(Debug, Clone)]
pub struct Expression {
    text: String,
    tree: IdedExpr,
    names: BTreeSet<String>,
}

/// Why a formula has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoValue {
    /// A figure of that name has none.
    Missing(String),
    /// Something was divided by nothing, or the like.
    Undefined,
}

/// What a part of a formula is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Number,
    Truth,
}

impl Type {
    fn zh(self) -> &'static str {
        match self {
            Self::Number => "数值",
            Self::Truth => "真假",
        }
    }
}

/// The functions, with how many numbers each takes.
const FUNCTIONS: [(&str, usize); 4] = [("linear", 3), ("ratio", 2), ("least", 2), ("greatest", 2)];

/// 0 where `value` is `zero`, 100 where it is `full`, in between in proportion, and never beyond these.
fn linear(value: f64, zero: f64, full: f64) -> f64 {
    if zero == full {
        return f64::NAN;
    }
    ((value - zero) * 100.0 / (full - zero)).clamp(0.0, 100.0)
}

/// The share of `target` that is reached, 100 for all of it; more where it is exceeded.
fn ratio(value: f64, target: f64) -> f64 {
    (value * 100.0 / target).max(0.0)
}

impl Expression {
    /// Reads a formula whose names are all `known`; what is wrong with it, in Chinese, otherwise.
    ///
    /// # Errors
    /// When it is too long, is no CEL, uses what formulas may not be made of, or is no number.
    pub fn parse(text: &str, known: &dyn Fn(&str) -> bool) -> Result<Self, String> {
        if text.chars().count() > MOST_CHARS {
            return Err(format!("公式不能超过 {MOST_CHARS} 个字符"));
        }
        // The grammar needs several steps for each level that somebody writes; deeper texts are refused before it is asked.
        if nesting(text) > DEEPEST {
            return Err(format!("公式嵌套不能超过 {DEEPEST} 层"));
        }
        let parsed = Parser::new().max_recursion_depth(96).error_recovery_limit(4).parse(text);
        let mut tree = parsed.map_err(|errors| match errors.errors.first() {
            Some(first) => format!("公式第 {} 个字符附近有误：{}", first.pos.1.max(1), first.msg),
            None => "公式有误".to_owned(),
        })?;
        let mut check = Check { known, names: BTreeSet::new(), parts: 0 };
        match check.part(&mut tree, 0)? {
            Type::Number => {}
            Type::Truth => return Err("公式的结果必须是数值，不能是真假".to_owned()),
        }
        let expression = Self { text: text.to_owned(), tree, names: check.names };
        for probe in [0.0, 0.5, 1.0, 300.0] {
            // Nothing is undefined of figures that happen to be nothing; anything else would be a mistake of the check.
            expression.evaluate(&|_| Some(probe)).map_err(|message| format!("公式不能计算：{message}"))?;
        }
        Ok(expression)
    }

    /// The formula as it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names of the figures that go in.
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// Its value for some figures. A formula needs all of its figures, also those of a branch that is not taken.
    ///
    /// # Errors
    /// The reason why it has none.
    pub fn value(&self, of: &dyn Fn(&str) -> Option<f64>) -> Result<f64, NoValue> {
        if let Some(missing) = self.names.iter().find(|name| of(name).is_none()) {
            return Err(NoValue::Missing(missing.clone()));
        }
        match self.evaluate(of) {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) | Err(_) => Err(NoValue::Undefined),
        }
    }

    fn evaluate(&self, of: &dyn Fn(&str) -> Option<f64>) -> Result<f64, String> {
        let mut context = Context::with_env(environment());
        let added = context
            .add_function("linear", linear)
            .and_then(|()| context.add_function("ratio", ratio))
            .and_then(|()| context.add_function("least", |a: f64, b: f64| a.min(b)))
            .and_then(|()| context.add_function("greatest", |a: f64, b: f64| a.max(b)));
        added.map_err(|error| error.to_string())?;
        for name in &self.names {
            if let Some(value) = of(name) {
                context.add_variable_from_value(name.clone(), value);
            }
        }
        match Value::resolve(&self.tree, &context).map_err(|error| error.to_string())? {
            Value::Float(value) => Ok(value),
            other => Err(format!("{:?}", other.type_of())),
        }
    }
}

/// The standard environment, made once.
fn environment() -> Arc<Env> {
    static ENVIRONMENT: std::sync::OnceLock<Arc<Env>> = std::sync::OnceLock::new();
    ENVIRONMENT.get_or_init(|| Arc::new(Env::stdlib())).clone()
}

/// The most brackets, signs and conditions that are open at once, or could be.
fn nesting(text: &str) -> u16 {
    let (mut open, mut most) = (0u16, 0u16);
    for character in text.chars() {
        match character {
            '(' | '[' | '{' | '?' => open = open.saturating_add(1),
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

struct Check<'a> {
    known: &'a dyn Fn(&str) -> bool,
    names: BTreeSet<String>,
    parts: usize,
}

impl Check<'_> {
    /// What a part of the tree is. Whole numbers become numbers with a fraction, so that `100 * kpi.connected` means something.
    fn part(&mut self, part: &mut IdedExpr, depth: u16) -> Result<Type, String> {
        self.parts += 1;
        if self.parts > MOST_PARTS {
            return Err(format!("公式不能超过 {MOST_PARTS} 个数、名称和运算"));
        }
        if depth > DEEPEST {
            return Err(format!("公式嵌套不能超过 {DEEPEST} 层"));
        }
        let name = name(part, 0);
        match &mut part.expr {
            Expr::Literal(literal) => {
                let value = match literal {
                    LiteralValue::Double(value) => *value.inner(),
                    LiteralValue::Int(value) => *value.inner() as f64,
                    LiteralValue::Boolean(_) => return Ok(Type::Truth),
                    _ => return Err("公式中只能有数值，不能有文字".to_owned()),
                };
                if !value.is_finite() {
                    return Err("公式中的数值太大".to_owned());
                }
                *literal = LiteralValue::Double(value.into());
                Ok(Type::Number)
            }
            Expr::Ident(_) | Expr::Select(_) => {
                let name = name.ok_or_else(|| "公式中不能用 has() 或对结果取字段".to_owned())?;
                if !(self.known)(&name) {
                    return Err(format!("没有名为 {name} 的指标数据，可用的名称见 docs/indicators.md"));
                }
                self.names.insert(name);
                Ok(Type::Number)
            }
            Expr::Call(call) => self.call(call, depth + 1),
            Expr::Comprehension(_) => Err("公式中不能有循环（all、exists、map、filter 等）".to_owned()),
            Expr::List(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                Err("公式中只能有数值、名称和运算".to_owned())
            }
        }
    }

    fn call(&mut self, call: &mut CallExpr, depth: u16) -> Result<Type, String> {
        if call.target.is_some() {
            return Err(format!("公式中不能用 {} 这样的方法", call.func_name));
        }
        let mut types = Vec::with_capacity(call.args.len());
        for argument in &mut call.args {
            types.push(self.part(argument, depth)?);
        }
        let what = call.func_name.as_str();
        let all = |wanted: Type, result: Type| match types.iter().find(|found| **found != wanted) {
            None => Ok(result),
            Some(found) => Err(format!("{} 需要{}，这里却是{}", written(what), wanted.zh(), found.zh())),
        };
        match what {
            op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::NEGATE => all(Type::Number, Type::Number),
            op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS | op::EQUALS | op::NOT_EQUALS => {
                all(Type::Number, Type::Truth)
            }
            op::LOGICAL_AND | op::LOGICAL_OR | op::LOGICAL_NOT => all(Type::Truth, Type::Truth),
            op::CONDITIONAL => match types.as_slice() {
                [Type::Truth, a, b] if a == b => Ok(*a),
                [Type::Truth, ..] => Err("条件的两个结果必须同为数值或同为真假".to_owned()),
                _ => Err("“?”之前必须是条件，例如 kpi.connected >= 0.95 ? 100 : 60".to_owned()),
            },
            function => match FUNCTIONS.iter().find(|(name, _)| *name == function) {
                Some((_, count)) if *count == types.len() => all(Type::Number, Type::Number),
                Some((_, count)) => Err(format!("{function} 需要 {count} 个数值")),
                None => {
                    let names: Vec<&str> = FUNCTIONS.iter().map(|(name, _)| *name).collect();
                    Err(format!("公式中不能用 {}，函数只有 {}", written(function), names.join("、")))
                }
            },
        }
    }
}

/// A function or operator as people write it.
fn written(function: &str) -> String {
    function.trim_matches('_').to_owned()
}

/// The name that a part spells, such as `kpi.connected`.
fn name(part: &IdedExpr, depth: u16) -> Option<String> {
    match &part.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test && depth < 3 => {
            Some(format!("{}.{}", name(&select.operand, depth + 1)?, select.field))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(name: &str) -> bool {
        ["kpi.a", "kpi.b", "finding.c"].contains(&name)
    }

    fn value(text: &str) -> Result<f64, NoValue> {
        let figures = |name: &str| match name {
            "kpi.a" => Some(0.9),
            "kpi.b" => Some(30.0),
            _ => None,
        };
        Expression::parse(text, &known).unwrap_or_else(|error| panic!("{text}: {error}")).value(&figures)
    }

    #[test]
    fn formulas_are_computed() {
        for (text, expected) in [
            ("100 * kpi.a", 90.0),
            ("linear(kpi.a, 0.8, 1)", 50.0),
            ("linear(kpi.b, 60, 20)", 75.0),
            ("linear(kpi.b, 20, 10)", 0.0),
            ("ratio(kpi.a, 0.75)", 120.0),
            ("ratio(-kpi.a, 0.75)", 0.0),
            ("kpi.a >= 0.95 ? 100 : kpi.b < 40.0 && !(kpi.a == 0) ? 60 : 0", 60.0),
            ("least(kpi.b, 20) + greatest(1, 2) / 4 - 0.5", 20.0),
            ("7", 7.0),
        ] {
            let found = value(text).unwrap();
            assert!((found - expected).abs() < 1e-9, "{text}: {found}");
        }
    }

    #[test]
    fn a_formula_without_its_figures_has_no_value() {
        assert_eq!(value("kpi.a + finding.c"), Err(NoValue::Missing("finding.c".into())));
        assert_eq!(value("kpi.a > 0 ? 1 : finding.c"), Err(NoValue::Missing("finding.c".into())));
        assert_eq!(value("kpi.a / (kpi.b - 30)"), Err(NoValue::Undefined));
        assert_eq!(value("linear(kpi.a, 1, 1)"), Err(NoValue::Undefined));
    }

    #[test]
    fn what_is_no_formula_is_told_in_chinese() {
        for (text, part) in [
            ("", "有误"),
            ("kpi.a +", "有误"),
            ("kpi.x", "kpi.x"),
            ("a", "没有名为 a"),
            ("kpi.a.b.c.d.e", "取字段"),
            ("has(kpi.a) ? 1 : 0", "has"),
            ("[1, 2].all(x, x > 0) ? 1 : 0", "循环"),
            ("[1, 2, 3].map(x, x * 2)", "循环"),
            ("size([kpi.a])", "只能有"),
            ("'text'", "文字"),
            ("kpi.a.size()", "方法"),
            ("size(kpi.a)", "函数只有"),
            ("kpi.a % 2", "不能用 %"),
            ("kpi.a in [1]", "只能有"),
            ("linear(kpi.a)", "需要 3 个"),
            ("kpi.a > 1", "不能是真假"),
            ("kpi.a && true ? 1 : 0", "需要真假"),
            ("kpi.a ? 1 : 0", "之前必须是条件"),
            ("true ? 1 : false", "同为"),
            ("{'a': 1}.a", "取字段"),
            ("1e999", ""),
        ] {
            let error = Expression::parse(text, &known).map(|found| found.text().to_owned()).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        let long = format!("1{}", " + 1".repeat(MOST_CHARS / 4));
        assert!(Expression::parse(&long, &known).unwrap_err().contains("字符"));
        let wide = format!("1{}", "+1".repeat(MOST_PARTS));
        assert!(Expression::parse(&wide, &known).unwrap_err().contains("不能超过"));
        for (open, close) in [("(", ")"), ("!", ""), ("true?", ":1"), ("[", "]"), ("least(1,", ")")] {
            let count = MOST_CHARS / (open.len() + close.len()) - 1;
            let deep = format!("{}1{}", open.repeat(count), close.repeat(count));
            assert!(Expression::parse(&deep, &known).is_err(), "{deep}");
        }
    }

    #[test]
    fn the_longest_row_of_signs_is_read() {
        let signs = format!("{}1", "-".repeat(MOST_CHARS - 1));
        assert_eq!(value(&signs).map(f64::abs), Ok(1.0));
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_or_refused_and_never_takes_long(text in "[a-z.0-9+*/()?:<>=!&|,\\[\\] 是-]{0,120}") {
            if let Ok(formula) = Expression::parse(&text, &known) {
                let _ = formula.value(&|_| Some(1.0));
            }
        }

        #[test]
        fn linear_stays_within_its_bounds(value in -1e6..1e6f64, zero in -1e3..1e3f64, full in -1e3..1e3f64) {
            prop_assume!(zero != full);
            prop_assert!((0.0..=100.0).contains(&linear(value, zero, full)));
        }
    }
}
