//! Numbers and their values: figures (3,106.5万, 50%), numerals (三百二十, 两万五, 百分之十, 第三)
//! and strings of digits (幺三八 → 138). Whether a number is money, a time or a count is not told here.

use super::digits::digit;
use crate::record::{NumberSpan, Span};

/// What a lone Chinese digit counts or numbers; before anything else it is part of a word (一样, 三明).
const MEASURES: &str = "个次天年月日号秒元块毛角位名户家张条件套辆台遍回周岁级类种份本笔项届期成倍折楼层栋幢单室间米公里斤吨度分时小星楼路人万亿千百十点句声页枚只头口棵封通趟场顿瓶箱袋包双对支把扇根片部";

/// Finds the numbers of a folded text.
pub(super) fn find(fold: &[char]) -> Vec<NumberSpan> {
    let mut found = Vec::new();
    let mut at = 0;
    // Looked through once, however many of its characters a number is looked for from.
    let mut run = Run::default();
    while at < fold.len() {
        let parsed = if fold[at].is_ascii_digit() {
            figures(fold, at)
        } else if starts_at_percent(fold, at) {
            numeral(fold, at + 3, &Run::from(fold, at + 3)).map(|(value, end)| (value / 100.0, end))
        } else if numeral_char(fold[at]) {
            if run.end <= at {
                run = Run::from(fold, at);
            }
            numeral(fold, at, &run).filter(|&(_, end)| counts(fold, at, end))
        } else {
            None
        };
        match parsed {
            Some((value, end)) => {
                found.push(NumberSpan { span: Span::new(at as u32, end as u32), value });
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

/// Whether a number may begin with a character.
pub(super) fn may_begin(c: char) -> bool {
    c.is_ascii_digit() || numeral_char(c)
}

fn starts_at_percent(fold: &[char], at: usize) -> bool {
    fold.get(at..at + 3) == Some(&['百', '分', '之'])
}

/// A number in figures, with thousands separators, decimals, a multiplier or a percent sign.
fn figures(fold: &[char], start: usize) -> Option<(f64, usize)> {
    let mut text = String::new();
    let mut at = start;
    let figure = |i: usize| fold.get(i).is_some_and(char::is_ascii_digit);
    let three = |i: usize| figure(i) && figure(i + 1) && figure(i + 2) && !figure(i + 3);
    loop {
        match fold.get(at) {
            Some(&c) if c.is_ascii_digit() => text.push(c),
            Some(',')
                if !text.is_empty()
                    && text.len() <= 3 + (at - start)
                    && at - start <= 15
                    && three(at + 1)
                    && !text.contains('.') => {}
            Some('.') if figure(at + 1) && !text.contains('.') => text.push('.'),
            _ => break,
        }
        at += 1;
    }
    let mut value: f64 = text.parse().ok()?;
    while let Some(factor) = fold.get(at).and_then(|&c| unit(c)).filter(|&f| f >= 100.0) {
        value *= factor;
        at += 1;
    }
    if fold.get(at) == Some(&'%') {
        value /= 100.0;
        at += 1;
    }
    Some((value, at))
}

fn unit(c: char) -> Option<f64> {
    Some(match c {
        '十' | '拾' => 10.0,
        '百' | '佰' => 100.0,
        '千' | '仟' => 1_000.0,
        '万' => 10_000.0,
        '亿' => 100_000_000.0,
        _ => return None,
    })
}

fn plain_digit(c: char) -> Option<f64> {
    if c.is_ascii_digit() {
        return None;
    }
    match c {
        '两' => Some(2.0),
        c => digit(c).map(f64::from),
    }
}

fn numeral_char(c: char) -> bool {
    plain_digit(c).is_some() || unit(c).is_some()
}

/// Numeral characters one after the other.
#[derive(Default)]
struct Run {
    /// Behind the last of them.
    end: usize,
    /// The last that is a unit.
    last_unit: Option<usize>,
}

impl Run {
    /// Those from `start` on.
    fn from(fold: &[char], start: usize) -> Self {
        let text = fold.get(start..).unwrap_or_default();
        let length = text.iter().take_while(|&&c| numeral_char(c)).count();
        let last_unit = text[..length].iter().rposition(|&c| unit(c).is_some());
        Self { end: start + length, last_unit: last_unit.map(|at| start + at) }
    }
}

/// A number in Chinese characters from `start`, which lies in `run`, and where it ends.
fn numeral(fold: &[char], start: usize, run: &Run) -> Option<(f64, usize)> {
    let text = &fold[start..run.end];
    let (value, mut end) = if run.last_unit.is_some_and(|at| at >= start) {
        let (value, used) = composed(text)?;
        (value, start + used)
    } else {
        // A string of digits; longer ones than f64 holds exactly are identifiers, not numbers.
        if text.is_empty() || text.len() > 15 {
            return None;
        }
        (text.iter().fold(0.0, |sum, &c| sum * 10.0 + plain_digit(c).unwrap_or(0.0)), run.end)
    };
    // 三点五, but not 三点五十 or 三点五分, which are times.
    let mut value = value;
    if fold.get(end) == Some(&'点') && end == run.end {
        let decimals = fold[end + 1..].iter().take_while(|&&c| plain_digit(c).is_some()).count();
        let after = fold.get(end + 1 + decimals).copied();
        if decimals > 0 && !after.is_some_and(|c| matches!(c, '十' | '分' | '钟' | '到' | '半')) {
            let mut place = 0.1;
            for &c in &fold[end + 1..end + 1 + decimals] {
                value += plain_digit(c).unwrap_or(0.0) * place;
                place /= 10.0;
            }
            value = (value * 1e9).round() / 1e9;
            end += 1 + decimals;
            while let Some(factor) = fold.get(end).and_then(|&c| unit(c)).filter(|&f| f >= 100.0) {
                value *= factor;
                end += 1;
            }
        }
    }
    Some((value, end))
}

/// 三百二十五 / 两万五 / 一亿三千万: value and number of characters used.
fn composed(text: &[char]) -> Option<(f64, usize)> {
    let (mut total, mut section, mut pending): (f64, f64, Option<f64>) = (0.0, 0.0, None);
    let (mut last_unit, mut zero) = (1.0, false);
    let mut used = 0;
    for (i, &c) in text.iter().enumerate() {
        if let Some(factor) = unit(c) {
            if factor >= 10_000.0 {
                let base = section + pending.take().unwrap_or(0.0);
                // 万 in front of nothing is no number.
                if base == 0.0 && total == 0.0 {
                    return (i > 0).then_some((total, used));
                }
                total = if factor > 10_000.0 {
                    (total + base) * factor
                } else {
                    total + base * factor
                };
                section = 0.0;
            } else {
                let base = match pending.take() {
                    Some(d) => d,
                    None if factor == 10.0 => 1.0,
                    None => return (used > 0).then_some((total + section, used)),
                };
                section += base * factor;
            }
            last_unit = factor;
            zero = false;
        } else {
            let d = plain_digit(c)?;
            if c == '零' || c == '〇' {
                zero = true;
            } else if pending.is_some() {
                // 二十三四: a digit after a digit begins something else.
                break;
            } else {
                pending = Some(d);
            }
        }
        used = i + 1;
    }
    if let Some(d) = pending {
        // 两万五 is 25000, 两万零五 is 20005, 二十五 is 25.
        section += if zero || last_unit <= 10.0 {
            d
        } else {
            d * last_unit / 10.0
        };
    }
    Some((total + section, used))
}

/// Whether a numeral is one, and not a part of a word.
fn counts(fold: &[char], start: usize, end: usize) -> bool {
    let ordinal = start > 0 && fold[start - 1] == '第';
    if ordinal || end - start >= 2 {
        // 万一, 千万 and 百万 as words: a multiplier alone, or before a digit only.
        return ordinal || unit(fold[start]).is_none_or(|f| f == 10.0);
    }
    if unit(fold[start]).is_some_and(|f| f != 10.0) {
        return false;
    }
    let next = fold.get(end).copied();
    let measured = next.is_some_and(|c| MEASURES.contains(c));
    // 一点, 一些, 一下, 一样 ... are words; 一点钟 and 一点半 are times.
    let word = fold[start] == '一'
        && (next == Some('点')
            && !fold.get(end + 1).is_some_and(|&c| matches!(c, '钟' | '半' | '多') || numeral_char(c))
            || start > 0 && matches!(fold[start - 1], '统' | '唯' | '万' | '之' | '专' | '同')
            || next == Some('时')
            || next == Some('级')
            || next == Some('成')
            || next == Some('口'));
    measured && !word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<f64> {
        find(&text.chars().collect::<Vec<_>>()).iter().map(|n| n.value).collect()
    }

    #[test]
    fn numerals_have_their_value() {
        for (text, value) in [
            ("三百二十块", 320.0),
            ("两万五", 25_000.0),
            ("两万零五块", 20_005.0),
            ("一百二", 120.0),
            ("一百零五天", 105.0),
            ("百分之十", 0.1),
            ("第三次", 3.0),
            ("幺三八", 138.0),
            ("三点五万", 35_000.0),
            ("十五天", 15.0),
            ("一亿三千万", 130_000_000.0),
            ("三千八百六十二元", 3_862.0),
            ("12,500.5元", 12_500.5),
            ("3.5万", 35_000.0),
            ("50%", 0.5),
            ("三个人", 3.0),
        ] {
            assert_eq!(values(text), [value], "{text}");
        }
    }

    #[test]
    fn times_are_two_numbers() {
        assert_eq!(values("三点四十分"), [3.0, 40.0]);
        assert_eq!(values("两点五分"), [2.0, 5.0]);
    }

    #[test]
    fn words_with_a_digit_are_no_numbers() {
        for text in [
            "一样",
            "一直在等",
            "万一不行",
            "统一办理",
            "千万别急",
            "一点都不",
            "三明",
            "百姓",
            "一起去",
        ] {
            assert_eq!(values(text), [] as [f64; 0], "{text}");
        }
    }

    /// Numbers in a run of a hundred thousand numerals were looked for by reading all that follows, once a character.
    #[test]
    fn a_long_run_of_numerals_was_read_once_a_character() {
        for text in [
            "二幺".repeat(200),
            "二百零".repeat(60) + "五点三",
            "幺".repeat(15),
            "两万五".repeat(3) + "点五十",
        ] {
            let fold: Vec<char> = text.chars().collect();
            let whole = Run::from(&fold, 0);
            for at in 0..whole.end {
                assert_eq!(numeral(&fold, at, &whole), numeral(&fold, at, &Run::from(&fold, at)), "{text} from {at}");
            }
        }
        let long: Vec<char> = "二幺".repeat(500_000).chars().collect();
        assert_eq!(find(&long).len(), 1, "the last characters, few enough to be a number");
    }
}
