//! Names of fields as people type them: found, or the nearest one told.

use crate::calls::schema::{FIELDS, FieldInfo, Kind, field_info};

/// A character typed on a full-width keyboard as the half-width one that was meant.
pub(super) fn half(c: char) -> char {
    match c {
        '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '　' => ' ',
        other => other,
    }
}

/// The field that a name stands for.
pub(super) fn known(name: &str) -> Option<&'static FieldInfo> {
    field_info(name)
        .or_else(|| field_info(&name.to_lowercase()))
        .filter(|info| info.kind != Kind::Attribute || name.len() > "attr.".len())
}

/// What a name that is none is told in a warning: the nearest one, or all.
pub(super) fn unknown(name: &str) -> String {
    let wanted: Vec<char> = name.to_lowercase().chars().collect();
    let names = FIELDS.iter().flat_map(|info| info.aliases.iter().chain([&info.name]));
    let nearest = names
        .filter_map(|known| {
            let known_chars: Vec<char> = known.chars().collect();
            // A short name is near to everything, so more of it has to be right.
            let most = if known.is_ascii() {
                known_chars.len() / 4
            } else {
                known_chars.len() / 2
            };
            let distance = distance(&wanted, &known_chars);
            (distance <= most && distance < known_chars.len()).then_some((distance, *known))
        })
        .min();
    match nearest {
        Some((_, nearest)) => {
            format!("没有“{name}”这个条件，是不是要写“{nearest}:”？已按文字查找")
        }
        None => {
            let names: Vec<_> = FIELDS.iter().map(FieldInfo::zh).filter(|zh| !zh.is_ascii()).collect();
            format!("“{name}”不是条件，已按文字查找；可用的条件：{}", names.join("、"))
        }
    }
}

/// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    if a.len().abs_diff(b.len()) > 2 {
        return usize::MAX;
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let mut best = (rows[i][j + 1] + 1).min(row[j] + 1).min(rows[i][j] + usize::from(x != y));
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_letters_and_mistyped_ones_get_a_hint() {
        for (name, field) in [
            ("agent", "agent"),
            ("Agent", "agent"),
            ("坐席", "agent"),
            ("日期", "date"),
            ("主题", "topic"),
        ] {
            assert_eq!(known(name).unwrap().name, field);
        }
        assert!(known("attr.").is_none() && known("attr.来源").is_some());
        for (name, nearest) in [
            ("agnet", "“agent:”"),
            ("scor", "“score:”"),
            ("满意渡", "“满意度:”"),
            ("坐度", "“坐席:”"),
        ] {
            assert!(unknown(name).contains(nearest), "{}", unknown(name));
        }
        for name in ["http", "8", "我说", ""] {
            assert!(unknown(name).contains("可用的条件：通话、坐席、班组"), "{}", unknown(name));
        }
    }

    #[test]
    fn no_name_is_two_fields() {
        let mut names: Vec<&str> =
            FIELDS.iter().flat_map(|info| info.aliases.iter().chain([&info.name])).copied().collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
