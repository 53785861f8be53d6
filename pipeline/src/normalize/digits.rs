//! Digits as people say and write them: runs of figures and Chinese digits, and which gaps
//! between two runs a speaker makes inside one number.

/// Value of a character that is read digit by digit.
pub(super) fn digit(c: char) -> Option<u8> {
    Some(match c {
        '0'..='9' => c as u8 - b'0',
        '零' | '〇' => 0,
        '一' | '幺' | '壹' => 1,
        '二' | '贰' => 2,
        '三' | '叁' => 3,
        '四' | '肆' => 4,
        '五' | '伍' => 5,
        '六' | '陆' => 6,
        '七' | '柒' => 7,
        '八' | '捌' => 8,
        '九' | '玖' => 9,
        _ => return None,
    })
}

/// A run of digit characters in a folded turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) turn: usize,
    /// Character range.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) digits: Vec<u8>,
    /// Said in Chinese digits, not written in figures.
    pub(super) spoken: bool,
    /// The speaker may have gone on from the group before to this one within one number.
    pub(super) linked: bool,
}

/// Multipliers: the digit before them belongs to a numeral, not to a string of digits.
fn multiplier(c: char) -> bool {
    matches!(c, '十' | '百' | '千' | '万' | '亿' | '拾' | '佰' | '仟')
}

/// Characters that make a word or a count with the 一 before them.
fn counts_one(c: char) -> bool {
    matches!(c, '共' | '个' | '起' | '下' | '样' | '直' | '定' | '般' | '点' | '些' | '次' | '位' | '种')
}

/// The runs of one turn, in order; `linked` as far as this turn alone tells.
pub(super) fn groups(turn: usize, fold: &[char]) -> Vec<Group> {
    let mut found: Vec<Group> = Vec::new();
    let mut at = 0;
    while at < fold.len() {
        if digit(fold[at]).is_none() {
            at += 1;
            continue;
        }
        let mut start = at;
        // Figures and Chinese digits make groups of their own: 13800138000一共 ends before the 一.
        let written = fold[at].is_ascii_digit();
        while at < fold.len() && digit(fold[at]).is_some() && fold[at].is_ascii_digit() == written {
            at += 1;
        }
        let mut end = at;
        if let Some(&next) = fold.get(end).filter(|_| !written) {
            end -= usize::from(multiplier(next) || (fold[end - 1] == '一' && counts_one(next)));
        }
        if !written && start > 0 && multiplier(fold[start - 1]) {
            start += 1;
        }
        if start < end {
            let run = &fold[start..end];
            let linked = found.last().is_some_and(|before| joins(&fold[before.end..start]));
            found.push(Group {
                turn,
                start,
                end,
                digits: run.iter().copied().filter_map(digit).collect(),
                spoken: !written,
                linked,
            });
        }
    }
    found
}

/// Whether a gap is only a pause: punctuation, white space, hesitation.
pub(super) fn joins(gap: &[char]) -> bool {
    gap.len() <= 8 && gap.iter().all(|&c| pause(c))
}

pub(super) fn pause(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, ',' | '。' | '、' | '.' | '-' | '~' | '…' | '·' | ';' | ':' | '?' | '!' | '+' | '(' | ')')
        || matches!(
            c,
            '嗯' | '呃'
                | '额'
                | '啊'
                | '哦'
                | '哎'
                | '诶'
                | '唉'
                | '呀'
                | '呢'
                | '对'
                | '那'
                | '然'
                | '后'
                | '再'
                | '杠'
        )
}

/// Whether a group is a quantity, so that no number of several groups ends with it.
pub(super) fn quantity(next: Option<char>) -> bool {
    next.is_some_and(|c| {
        multiplier(c)
            || matches!(c, '年' | '月' | '日' | '点' | '分' | '元' | '块' | '个' | '度' | '%' | '岁' | '天' | '斤')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(text: &str) -> Vec<(String, bool)> {
        let fold: Vec<char> = text.chars().collect();
        groups(0, &fold)
            .iter()
            .map(|g| (g.digits.iter().map(|d| char::from(b'0' + d)).collect(), g.linked))
            .collect()
    }

    #[test]
    fn runs_and_the_pauses_between_them() {
        assert_eq!(
            runs("电话幺三八,嗯零零幺三 8000一共三户"),
            [
                ("138".into(), false),
                ("0013".into(), true),
                ("8000".into(), true),
                ("3".into(), false)
            ]
        );
    }

    #[test]
    fn numerals_are_no_strings_of_digits() {
        assert_eq!(runs("三百二十五"), []);
        assert_eq!(runs("下午五点四十一,幺零五路"), [("5".into(), false), ("105".into(), false)]);
    }
}
