//! The boolean expression of a rule's `when`: `"(a && !b) || c"` over the names of its
//! conditions. Owns parsing, printing and evaluation in three values; what a name means
//! is the caller's business.
//!
//! Three values, because a condition can be *unknown* (a silence in a call without times):
//! neither it nor its negation may then fire a rule.

use std::fmt;

/// How deep an expression may be nested: far beyond any rule, and safe for the stack.
const MAX_DEPTH: usize = 64;

/// The value of a condition on one call (Kleene's strong logic).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// What it needs was not recorded.
    Unknown,
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}

/// A boolean expression over condition names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expr {
    /// A condition.
    Name(String),
    /// Negation.
    Not(Box<Expr>),
    /// Both.
    And(Box<Expr>, Box<Expr>),
    /// At least one.
    Or(Box<Expr>, Box<Expr>),
}

impl Expr {
    /// Parses an expression. `!` binds tighter than `&&`, that tighter than `||`; both are
    /// read from left to right.
    ///
    /// # Errors
    /// A message for the author of the rule that says what was found and what was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens: &tokens, next: 0, depth: 0 };
        let expr = parser.or()?;
        match parser.tokens.get(parser.next) {
            None => Ok(expr),
            Some(token) => Err(format!("expected `&&`, `||` or the end before {token}")),
        }
    }

    /// Calls `visit` with every name, in order, repeated ones too.
    pub(crate) fn names<'a>(&'a self, visit: &mut dyn FnMut(&'a str)) {
        match self {
            Self::Name(name) => visit(name),
            Self::Not(inner) => inner.names(visit),
            Self::And(a, b) | Self::Or(a, b) => {
                a.names(visit);
                b.names(visit);
            }
        }
    }

    /// The value of the expression; the right side is not asked for where the left one decides.
    pub(crate) fn eval(&self, value: &mut dyn FnMut(&str) -> Truth) -> Truth {
        use Truth::{No, Unknown, Yes};
        match self {
            Self::Name(name) => value(name),
            Self::Not(inner) => match inner.eval(value) {
                Yes => No,
                No => Yes,
                Unknown => Unknown,
            },
            Self::And(a, b) => match a.eval(value) {
                No => No,
                left => match (left, b.eval(value)) {
                    (_, No) => No,
                    (Yes, right) => right,
                    _ => Unknown,
                },
            },
            Self::Or(a, b) => match a.eval(value) {
                Yes => Yes,
                left => match (left, b.eval(value)) {
                    (_, Yes) => Yes,
                    (No, right) => right,
                    _ => Unknown,
                },
            },
        }
    }

    fn precedence(&self) -> u8 {
        match self {
            Self::Or(..) => 0,
            Self::And(..) => 1,
            Self::Not(_) | Self::Name(_) => 2,
        }
    }

    /// Prints `self` where only what binds at least as tightly as `least` may stand bare.
    fn print(&self, least: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.precedence() < least {
            f.write_str("(")?;
            self.print(0, f)?;
            return f.write_str(")");
        }
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Not(inner) => {
                f.write_str("!")?;
                inner.print(2, f)
            }
            Self::And(a, b) => {
                a.print(1, f)?;
                f.write_str(" && ")?;
                b.print(2, f)
            }
            Self::Or(a, b) => {
                a.print(0, f)?;
                f.write_str(" || ")?;
                b.print(1, f)
            }
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(0, f)
    }
}

/// Whether a condition may have this name.
pub(crate) fn is_name(text: &str) -> bool {
    text.chars().next().is_some_and(starts_name) && text.chars().all(continues_name)
}

fn starts_name(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn continues_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Name(String),
    Not,
    And,
    Or,
    Open,
    Close,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Name(name) => name,
            Self::Not => "!",
            Self::And => "&&",
            Self::Or => "||",
            Self::Open => "(",
            Self::Close => ")",
        };
        write!(f, "`{text}`")
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let token = match c {
            c if c.is_whitespace() => continue,
            '!' => Token::Not,
            '(' => Token::Open,
            ')' => Token::Close,
            '&' | '|' => {
                if chars.next_if_eq(&c).is_none() {
                    return Err(format!("`{c}` alone means nothing; write `{c}{c}`"));
                }
                if c == '&' { Token::And } else { Token::Or }
            }
            c if starts_name(c) => {
                let mut name = String::from(c);
                while let Some(c) = chars.next_if(|&c| continues_name(c)) {
                    name.push(c);
                }
                Token::Name(name)
            }
            c => return Err(format!("`{c}` means nothing here; there are names, `&&`, `||`, `!` and parentheses")),
        };
        tokens.push(token);
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: &'a [Token],
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn accept(&mut self, token: &Token) -> bool {
        let found = self.tokens.get(self.next) == Some(token);
        self.next += usize::from(found);
        found
    }

    fn or(&mut self) -> Result<Expr, String> {
        let mut left = self.and()?;
        let mut operands = 1;
        while self.accept(&Token::Or) {
            operands += 1;
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
            limit(operands)?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, String> {
        let mut left = self.unary()?;
        let mut operands = 1;
        while self.accept(&Token::And) {
            operands += 1;
            left = Expr::And(Box::new(left), Box::new(self.unary()?));
            limit(operands)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        limit(self.depth)?;
        let expr = match self.tokens.get(self.next) {
            Some(Token::Name(name)) => {
                self.next += 1;
                Expr::Name(name.clone())
            }
            Some(Token::Not) => {
                self.next += 1;
                Expr::Not(Box::new(self.unary()?))
            }
            Some(Token::Open) => {
                self.next += 1;
                let inner = self.or()?;
                if !self.accept(&Token::Close) {
                    return Err("a `(` is never closed".to_owned());
                }
                inner
            }
            Some(token) => return Err(format!("expected a condition, `!` or `(` before {token}")),
            None => return Err("expected a condition, `!` or `(` at the end".to_owned()),
        };
        self.depth -= 1;
        Ok(expr)
    }
}

/// Bounds nesting and the length of a chain alike: both become the depth of the tree.
fn limit(depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH {
        Err(format!("nested deeper than {MAX_DEPTH}"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn eval(text: &str, values: &[(&str, Truth)]) -> Truth {
        let expr = Expr::parse(text).unwrap();
        expr.eval(&mut |name| values.iter().find(|(n, _)| *n == name).unwrap().1)
    }

    #[test]
    fn not_binds_tighter_than_and_that_tighter_than_or() {
        let name = |n: &str| Box::new(Expr::Name(n.to_owned()));
        let expected = Expr::Or(name("a"), Box::new(Expr::And(Box::new(Expr::Not(name("b"))), name("c"))));
        assert_eq!(Expr::parse("a||!b&&c").unwrap(), expected);
        assert_eq!(expected.to_string(), "a || !b && c");
    }

    #[test]
    fn what_is_unknown_fires_neither_way_unless_the_rest_decides() {
        use Truth::{No, Unknown, Yes};
        let values = [("y", Yes), ("n", No), ("u", Unknown)];
        for (text, expected) in [
            ("u", Unknown),
            ("!u", Unknown),
            ("y && u", Unknown),
            ("u && n", No),
            ("n || u", Unknown),
            ("u || y", Yes),
            ("!(u && n)", Yes),
            ("y && !n", Yes),
        ] {
            assert_eq!(eval(text, &values), expected, "{text}");
        }
    }

    #[test]
    fn mistakes_say_what_was_expected() {
        for (text, part) in [
            ("", "expected a condition, `!` or `(` at the end"),
            ("a &", "`&` alone means nothing; write `&&`"),
            ("a b", "expected `&&`, `||` or the end before `b`"),
            ("(a || b", "never closed"),
            ("a && )", "before `)`"),
            ("a and b", "or the end before `and`"),
            ("a ^ b", "`^` means nothing here"),
        ] {
            let error = Expr::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(Expr::parse(&"!".repeat(100_000)).unwrap_err().contains("deeper"));
        assert!(Expr::parse(&vec!["a"; 100_000].join(" && ")).unwrap_err().contains("deeper"));
    }

    fn expressions() -> impl Strategy<Value = Expr> {
        let leaf = "[a-z_][a-z0-9_]{0,5}".prop_map(Expr::Name);
        leaf.prop_recursive(5, 24, 2, |inner| {
            prop_oneof![
                inner.clone().prop_map(|e| Expr::Not(Box::new(e))),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| Expr::And(Box::new(a), Box::new(b))),
                (inner.clone(), inner).prop_map(|(a, b)| Expr::Or(Box::new(a), Box::new(b))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same(expr in expressions()) {
            prop_assert_eq!(Expr::parse(&expr.to_string()).unwrap(), expr);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,60}", ops in "[ab!&|() ]{0,60}") {
            let _ = Expr::parse(&text);
            if let Ok(expr) = Expr::parse(&ops) {
                prop_assert_eq!(Expr::parse(&expr.to_string()).unwrap(), expr);
            }
        }
    }
}
