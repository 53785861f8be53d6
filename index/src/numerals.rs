//! The ways in which one number is said and written: 300, 三百, 三零零, 叁佰. Owns the forms; which
//! characters of a text are a number is told by the pipeline's normalizer.

use qingting_pipeline::normalize::find_numbers;
use qingting_pipeline::record::Span;

/// Numbers above this are identifiers; nobody says them as a quantity.
const LARGEST: u64 = 999_999_999_999;

/// Characters before and after a figure that tell whether it counts something.
const AROUND: usize = 24;

/// Longest string of digits that is also read as a quantity.
const LONGEST_QUANTITY: usize = 9;

/// Longest quantity that is also read digit by digit, such as the number of a room.
const LONGEST_READ_OUT: usize = 4;

const DIGITS: [char; 10] = ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'];
const FORMAL_DIGITS: [char; 10] = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'];

/// In what manner a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Manner {
    /// 1200
    Figures,
    /// 一千二百
    Numeral,
    /// 一二零零
    ReadOut,
    /// 幺二零零
    ReadOutYao,
    /// 两千二百 for 二千二百
    Liang,
    /// 一千二
    Short,
    /// 壹仟贰佰
    Formal,
    /// 12万
    TenThousands,
}

/// Every manner, the most usual first.
pub(crate) const MANNERS: [Manner; 8] = [
    Manner::Figures,
    Manner::Numeral,
    Manner::ReadOut,
    Manner::ReadOutYao,
    Manner::Liang,
    Manner::Short,
    Manner::Formal,
    Manner::TenThousands,
];

/// A number in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Numeral {
    /// Where it stands, in characters.
    pub(crate) span: Span,
    /// The other forms of it.
    pub(crate) forms: Vec<(Manner, String)>,
}

/// The numbers of a folded text of content characters, with their other forms.
pub(crate) fn find(text: &str) -> Vec<Numeral> {
    let chars: Vec<char> = text.chars().collect();
    find_numbers(text)
        .into_iter()
        .filter_map(|number| {
            let own = chars.get(number.span.start as usize..number.span.end as usize)?;
            if !counts(&chars, number.span) {
                return None;
            }
            let own: String = own.iter().collect();
            let mut forms = forms(&own, number.value);
            forms.retain(|(_, form)| *form != own);
            (!forms.is_empty()).then_some(Numeral { span: number.span, forms })
        })
        .collect()
}

/// Whether a lone figure counts something: it does where the Chinese digit in its place would, so
/// that the 1 of a search for "1" does not become every 一.
fn counts(chars: &[char], span: Span) -> bool {
    let Some(&[lone]) = chars.get(span.start as usize..span.end as usize) else {
        return true;
    };
    let Some(digit) = lone.to_digit(10) else { return true };
    let at = span.start as usize;
    let from = at.saturating_sub(AROUND);
    let near = chars.get(from..chars.len().min(at + AROUND)).unwrap_or_default();
    let mut spoken = near.to_vec();
    if let (Some(c), Some(&said)) = (spoken.get_mut(at - from), DIGITS.get(digit as usize)) {
        *c = said;
    }
    let there = Span::new((at - from) as u32, (at - from + 1) as u32);
    find_numbers(&spoken.iter().collect::<String>()).iter().any(|number| number.span == there)
}

/// The forms of a number that is written `own`, without repetition.
fn forms(own: &str, value: f64) -> Vec<(Manner, String)> {
    let mut forms: Vec<(Manner, String)> = Vec::new();
    let mut add = |manner: Manner, form: String| {
        if !forms.iter().any(|(_, known)| *known == form) {
            forms.push((manner, form));
        }
    };
    let digits: Option<String> = own.chars().map(digit).collect();
    let quantity = match &digits {
        Some(digits) => {
            // The digits themselves, whatever they amount to: 零九 is 09 and not 9.
            add(Manner::Figures, digits.clone());
            let leading_zero = digits.len() > 1 && digits.starts_with('0');
            (!leading_zero && digits.len() <= LONGEST_QUANTITY).then(|| digits.parse().ok()).flatten()
        }
        None => whole(value),
    };
    if let Some(quantity) = quantity {
        add(Manner::Figures, quantity.to_string());
        let numeral = numeral(quantity);
        add(Manner::Numeral, numeral.clone());
        if numeral.contains('二') {
            add(Manner::Liang, liang(&numeral));
        }
        if let Some(short) = short(&numeral) {
            if short.contains('二') {
                add(Manner::Short, liang(&short));
            }
            add(Manner::Short, short);
        }
        add(Manner::Formal, formal(&numeral));
        if quantity >= 10_000 && quantity % 10_000 == 0 && quantity < 100_000_000 {
            add(Manner::TenThousands, format!("{}万", quantity / 10_000));
        }
    }
    let read_out = digits
        .or_else(|| quantity.map(|quantity| quantity.to_string()).filter(|figures| figures.len() <= LONGEST_READ_OUT));
    if let Some(figures) = read_out {
        let spoken: String = figures.chars().filter_map(|c| DIGITS.get(c.to_digit(10)? as usize)).collect();
        if figures.len() >= 3 && spoken.contains('一') {
            add(Manner::ReadOutYao, spoken.replace('一', "幺"));
        }
        add(Manner::ReadOut, spoken);
    }
    forms.sort_by_key(|&(manner, _)| manner);
    forms
}

/// The figure of a character that is read digit by digit. 两 is none: 两三 is no number of a room.
fn digit(c: char) -> Option<char> {
    let at = match c {
        '0'..='9' => return Some(c),
        '〇' => 0,
        '幺' => 1,
        _ => DIGITS.iter().position(|&d| d == c).or_else(|| FORMAL_DIGITS.iter().position(|&d| d == c))?,
    };
    char::from_digit(at as u32, 10)
}

fn whole(value: f64) -> Option<u64> {
    (value.fract() == 0.0 && (0.0..=LARGEST as f64).contains(&value)).then_some(value as u64)
}

/// A whole number as it is said: 1205 is 一千二百零五, 10 is 十.
fn numeral(value: u64) -> String {
    if value == 0 {
        return "零".to_owned();
    }
    let mut text = String::new();
    let mut zero = false;
    for (unit, name) in [(100_000_000, "亿"), (10_000, "万"), (1, "")] {
        let section = value / unit % 10_000;
        if section == 0 {
            zero |= !text.is_empty();
            continue;
        }
        if !text.is_empty() && (zero || section < 1_000) {
            text.push('零');
        }
        zero = false;
        text.push_str(&section_numeral(section));
        text.push_str(name);
    }
    match text.strip_prefix("一十") {
        Some(rest) => format!("十{rest}"),
        None => text,
    }
}

/// A number below 10,000 without leading zeros.
fn section_numeral(section: u64) -> String {
    let mut text = String::new();
    let mut zero = false;
    for (unit, name) in [(1_000, "千"), (100, "百"), (10, "十"), (1, "")] {
        let digit = section / unit % 10;
        if digit == 0 {
            zero |= !text.is_empty();
            continue;
        }
        if zero {
            text.push('零');
        }
        zero = false;
        text.extend(DIGITS.get(digit as usize));
        text.push_str(name);
    }
    text
}

/// 二 as 两 where people say so: before 百, 千, 万 and 亿, and alone.
fn liang(numeral: &str) -> String {
    let chars: Vec<char> = numeral.chars().collect();
    chars
        .iter()
        .enumerate()
        .map(|(at, &c)| {
            let before_large = matches!(chars.get(at + 1), Some('百' | '千' | '万' | '亿'));
            if c == '二' && (before_large || chars.len() == 1) {
                '两'
            } else {
                c
            }
        })
        .collect()
}

/// Without the last unit, where it goes without saying: 一百二 for 一百二十, 两万五 for 二万五千.
fn short(numeral: &str) -> Option<String> {
    let chars: Vec<char> = numeral.chars().collect();
    let [.., larger, digit, unit] = chars.as_slice() else {
        return None;
    };
    let follows = matches!((larger, unit), ('百', '十') | ('千', '百') | ('万', '千'));
    (follows && DIGITS.contains(digit)).then(|| chars.iter().take(chars.len() - 1).collect())
}

/// As on a receipt.
fn formal(numeral: &str) -> String {
    let numeral = if numeral.starts_with('十') {
        format!("一{numeral}")
    } else {
        numeral.to_owned()
    };
    numeral
        .chars()
        .map(|c| match c {
            '十' => '拾',
            '百' => '佰',
            '千' => '仟',
            c => DIGITS.iter().position(|&d| d == c).and_then(|at| FORMAL_DIGITS.get(at)).copied().unwrap_or(c),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn forms_in(text: &str) -> Vec<Vec<String>> {
        find(text).into_iter().map(|n| n.forms.into_iter().map(|(_, form)| form).collect()).collect()
    }

    #[test]
    fn numbers_are_said_as_people_say_them() {
        for (value, text) in [
            (0, "零"),
            (10, "十"),
            (12, "十二"),
            (105, "一百零五"),
            (110, "一百一十"),
            (1_050, "一千零五十"),
            (10_005, "一万零五"),
            (20_500, "二万零五百"),
            (100_000, "十万"),
            (35_000, "三万五千"),
            (100_000_001, "一亿零一"),
            (100_100_000, "一亿零一十万"),
            (1_200_003_400, "十二亿零三千四百"),
        ] {
            assert_eq!(numeral(value), text);
        }
    }

    #[test]
    fn a_number_is_found_in_all_its_forms() {
        for (text, wanted) in [
            ("三百块", &["300", "叁佰", "三零零"][..]),
            ("300块", &["三百", "叁佰", "三零零"]),
            ("叁佰元", &["300", "三百"]),
            ("十二号楼", &["12", "一二"]),
            ("12号楼", &["十二"]),
            ("零九年", &["09"]),
            ("09年", &["零九"]),
            ("一二三四五", &["12345", "幺二三四五"]),
            ("12345", &["一二三四五", "幺二三四五"]),
            ("2个月", &["二", "两"]),
            ("两个月", &["2", "二"]),
            ("25000元", &["二万五千", "两万五千", "两万五", "二万五"]),
            ("两万五", &["25000", "二万五千"]),
            ("30000块", &["三万", "3万"]),
            ("3万块", &["三万", "30000"]),
        ] {
            let found = forms_in(text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            for form in wanted {
                assert!(found[0].contains(&(*form).to_owned()), "{text}: {form} not in {found:?}");
            }
        }
    }

    #[test]
    fn zeros_in_front_belong_to_the_number() {
        assert!(!forms_in("零九年")[0].contains(&"9".to_owned()));
        assert!(!forms_in("09年")[0].contains(&"九".to_owned()));
    }

    #[test]
    fn a_lone_figure_that_counts_nothing_stays_what_it_is() {
        for text in ["1", "a1", "5g", "一样", "万一"] {
            assert!(find(text).is_empty(), "{text}: {:?}", find(text));
        }
    }

    proptest! {
        /// What a numeral is turned into has the value that it came from.
        #[test]
        fn numerals_are_read_back(value in 10u64..LARGEST) {
            let read = find_numbers(&numeral(value));
            prop_assert_eq!(read.len(), 1);
            prop_assert_eq!(read[0].value, value as f64);
        }

        #[test]
        fn any_text_can_be_looked_through(text in "[0-9零一二三十百千万亿两幺个块号a]{0,12}") {
            let length = text.chars().count() as u32;
            for number in find(&text) {
                prop_assert!(number.span.start < number.span.end && number.span.end <= length);
                prop_assert!(number.forms.iter().all(|(_, form)| !form.is_empty()));
            }
        }
    }
}
