//! What makes a run of digits personal: the structure and check digits of identity cards,
//! bank cards and telephone numbers. Digits are values 0 to 9; [`CHECK_X`] stands for the
//! X that may end an identity card.

/// The check character X.
pub(super) const CHECK_X: u8 = 10;

/// First two digits of the administrative codes (GB/T 2260).
fn province(code: u32) -> bool {
    matches!(code, 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83)
}

fn value(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |sum, &d| sum * 10 + u32::from(d))
}

fn date(year: u32, month: u32, day: u32) -> bool {
    let last = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1900..2100).contains(&year) && (1..=last).contains(&day)
}

/// Whether region and date of birth of an 18-digit identity card are possible.
pub(super) fn id_card_plausible(digits: &[u8]) -> bool {
    digits.len() == 18
        && digits[..17].iter().all(|&d| d < 10)
        && province(value(&digits[..2]))
        && date(value(&digits[6..10]), value(&digits[10..12]), value(&digits[12..14]))
}

/// Whether this is an 18-digit identity card with the right check digit (GB 11643).
pub(super) fn id_card_18(digits: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECK: [u8; 11] = [1, 0, CHECK_X, 9, 8, 7, 6, 5, 4, 3, 2];
    if !id_card_plausible(digits) {
        return false;
    }
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(&d, w)| u32::from(d) * w).sum();
    digits.last() == CHECK.get((sum % 11) as usize)
}

/// Whether this is an identity card of the old form: 15 digits, no check digit, born in 19xx.
pub(super) fn id_card_15(digits: &[u8]) -> bool {
    digits.len() == 15
        && digits.iter().all(|&d| d < 10)
        && province(value(&digits[..2]))
        && date(1900 + value(&digits[6..8]), value(&digits[8..10]), value(&digits[10..12]))
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, &d)| match (i % 2, u32::from(d)) {
            (0, d) => d,
            (_, d) if d > 4 => d * 2 - 9,
            (_, d) => d * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether the first digits and the length are those of a card scheme. Without this every tenth
/// order number would pass for a card.
pub(super) fn bank_card_plausible(digits: &[u8]) -> bool {
    if digits.len() < 13 || digits.len() > 19 || digits.iter().any(|&d| d > 9) {
        return false;
    }
    let first2 = value(&digits[..2]);
    match digits.len() {
        13 => first2 / 10 == 4,
        14 => matches!(first2, 30 | 36 | 38 | 39),
        15 => matches!(first2, 34 | 37),
        16 => {
            matches!(first2, 35 | 40..=49 | 50..=59 | 60..=69 | 90..=99) || matches!(value(&digits[..4]), 2221..=2720)
        }
        _ => matches!(first2, 40..=69 | 90..=99),
    }
}

/// Whether this is the number of a bank card (ISO/IEC 7812, Luhn).
pub(super) fn bank_card(digits: &[u8]) -> bool {
    bank_card_plausible(digits) && luhn(digits)
}

/// Whether this is a mobile number, with or without the country code or a trunk 0.
pub(super) fn mobile(digits: &[u8]) -> bool {
    let local = match digits {
        [8, 6, rest @ ..] | [0, 0, 8, 6, rest @ ..] if rest.len() == 11 => rest,
        [0, rest @ ..] if rest.len() == 11 => rest,
        _ => digits,
    };
    matches!(local, [1, 3..=9, rest @ ..] if rest.len() == 9 && rest.iter().all(|&d| d < 10))
}

/// Whether this is a fixed-line number with its area code.
pub(super) fn fixed_line(digits: &[u8]) -> bool {
    let local = match digits {
        [0, 1, 0, rest @ ..] | [0, 2, _, rest @ ..] if rest.len() == 8 => rest,
        [0, 3..=9, _, _, rest @ ..] if matches!(rest.len(), 7 | 8) => rest,
        _ => return false,
    };
    local_line(local)
}

/// Whether this can be a fixed-line number without area code.
pub(super) fn local_line(digits: &[u8]) -> bool {
    matches!(digits.len(), 7 | 8) && matches!(digits.first(), Some(2..=8)) && digits.iter().all(|&d| d < 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().map(|b| if b == b'X' { CHECK_X } else { b - b'0' }).collect()
    }

    #[test]
    fn identity_cards_are_checked() {
        assert!(id_card_18(&digits("11010519491231002X")));
        assert!(!id_card_18(&digits("110105194912310021")));
        assert!(!id_card_18(&digits("99010519491231002X")));
        assert!(!id_card_18(&digits("110105194913310025")));
        assert!(id_card_15(&digits("110105491231002")));
        assert!(!id_card_15(&digits("110105491331002")));
    }

    #[test]
    fn bank_cards_are_checked() {
        assert!(bank_card(&digits("4111111111111111")));
        assert!(!bank_card(&digits("4111111111111112")));
        // Passes Luhn, but no scheme issues it: a date with a running number.
        assert!(luhn(&digits("2024031500001238")) && !bank_card(&digits("2024031500001238")));
    }

    #[test]
    fn telephone_numbers_are_told_from_service_numbers() {
        for number in ["13800138000", "8613800138000", "008613800138000", "013800138000"] {
            assert!(mobile(&digits(number)), "{number}");
        }
        for number in ["12345678901", "4008111234", "95588", "1380013800"] {
            assert!(!mobile(&digits(number)) && !fixed_line(&digits(number)), "{number}");
        }
        for number in ["01062345678", "057188886666", "08315122470"] {
            assert!(fixed_line(&digits(number)), "{number}");
        }
        assert!(!fixed_line(&digits("01012345678")));
    }
}
