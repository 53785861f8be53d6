//! Small text helpers for configuration files: globs over names, and what a misspelt
//! name was probably meant to be. Owns no meaning of either.

/// Globs of which at least one must match: `*` is any text, `?` any one character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Globs(Vec<Vec<char>>);

impl Globs {
    /// Takes the globs as written.
    pub(crate) fn new(globs: &[String]) -> Self {
        Self(globs.iter().map(|glob| glob.chars().collect()).collect())
    }

    /// Whether one of them matches the whole text.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        self.0.iter().any(|glob| matches(glob, &text))
    }
}

/// The usual two-pointer matcher: on a mismatch it goes back to the last `*` and lets it take
/// one character more, so it is quadratic at worst.
fn matches(glob: &[char], text: &[char]) -> bool {
    let (mut g, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = text.get(t) {
        match glob.get(g) {
            Some('*') => {
                star = Some((g, t));
                g += 1;
            }
            Some(p) if *p == '?' || p == c => {
                g += 1;
                t += 1;
            }
            _ => match star {
                Some((star_g, star_t)) => {
                    star = Some((star_g, star_t + 1));
                    g = star_g + 1;
                    t = star_t + 1;
                }
                None => return false,
            },
        }
    }
    glob.get(g..).is_some_and(|rest| rest.iter().all(|&c| c == '*'))
}

/// `; did you mean `x`?` when one of the names is near `wrong`, else a list of them all
/// (the first dozen), ready to be put at the end of a message.
pub(crate) fn suggestion<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let near = |name: &&str| {
        let distance = edit_distance(wrong, name);
        (distance <= (wrong.chars().count() + 1) / 3).then_some(distance)
    };
    if let Some((_, name)) = names.iter().filter_map(|name| Some((near(name)?, name))).min_by_key(|(d, _)| *d) {
        return format!("; did you mean `{name}`?");
    }
    match names.as_slice() {
        [] => String::new(),
        names if names.len() > 12 => format!("; there are {}, ...", list(&names[..12])),
        names => format!("; there are {}", list(names)),
    }
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Levenshtein distance in characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cb, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let cost = diagonal + usize::from(ca != *cb);
            diagonal = *cell;
            left = cost.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn glob(glob: &str, text: &str) -> bool {
        Globs::new(&[glob.to_owned()]).matches(text)
    }

    #[test]
    fn stars_and_question_marks() {
        assert!(glob("12345*", "12345-夜班"));
        assert!(glob("*银行*", "城市银行客服"));
        assert!(glob("123?5", "12345"));
        assert!(glob("*a*b", "xaab"));
        assert!(!glob("12345", "12345-夜班"));
        assert!(!glob("?", ""));
        assert!(glob("*", ""));
    }

    #[test]
    fn a_near_name_is_suggested_else_all() {
        assert_eq!(suggestion("apolgy", ["apology", "empathy"]), "; did you mean `apology`?");
        assert_eq!(suggestion("zzz", ["apology", "empathy"]), "; there are `apology`, `empathy`");
    }

    proptest! {
        #[test]
        fn distance_is_a_metric_on_equal_and_empty(a in "[a-d]{0,8}", b in "[a-d]{0,8}") {
            prop_assert_eq!(edit_distance(&a, &a), 0);
            prop_assert_eq!(edit_distance(&a, ""), a.len());
            prop_assert_eq!(edit_distance(&a, &b), edit_distance(&b, &a));
        }

        #[test]
        fn a_text_matches_itself_with_a_star_anywhere(text in "[ab]{0,8}", at in 0usize..9) {
            let at = at.min(text.len());
            let pattern = format!("{}*{}", &text[..at], &text[at..]);
            prop_assert!(glob(&pattern, &text));
        }
    }
}
