//! Which kinds of characters a turn has at all. Most turns have no figure, no plate and no name, and what
//! looks for these need not look at them character by character.

use std::sync::LazyLock;

use super::digits::digit;
use super::{numbers, plate};

/// Kinds of characters, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct CharKinds(u8);

impl CharKinds {
    /// Digits, written or spoken, and whatever else a number may begin with.
    pub(super) const NUMERAL: Self = Self(1);
    /// Latin letters, which name buildings.
    pub(super) const LETTER: Self = Self(2);
    /// What plates and e-mail addresses are found by.
    pub(super) const PLATE: Self = Self(4);

    /// Those of a folded text.
    pub(super) fn of(fold: &[char]) -> Self {
        static HAN: LazyLock<Box<[CharKinds]>> =
            LazyLock::new(|| (FIRST..LAST).map(|code| char::from_u32(code).map_or(CharKinds(0), kinds)).collect());
        let table = &**HAN;
        let kinds = fold.iter().map(|&c| match u32::from(c).checked_sub(FIRST).and_then(|at| table.get(at as usize)) {
            Some(known) => known.0,
            None => kinds(c).0,
        });
        Self(kinds.fold(0, |all, kinds| all | kinds))
    }

    /// Whether there is one of these kinds.
    pub(super) fn any(self, kinds: &[Self]) -> bool {
        kinds.iter().any(|kind| self.0 & kind.0 != 0)
    }
}

/// First and one past the last of the common Chinese characters.
const FIRST: u32 = 0x4E00;
const LAST: u32 = 0xA000;

fn kinds(c: char) -> CharKinds {
    let bit = |has: bool, kind: CharKinds| if has { kind.0 } else { 0 };
    CharKinds(
        bit(digit(c).is_some() || numbers::may_begin(c), CharKinds::NUMERAL)
            | bit(c.is_ascii_lowercase(), CharKinds::LETTER)
            | bit(plate::may_begin(c), CharKinds::PLATE),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_a_text_are_those_of_its_characters() {
        let of = |text: &str| CharKinds::of(&text.chars().collect::<Vec<_>>());
        assert!(!of("您好,请讲").any(&[CharKinds::NUMERAL, CharKinds::LETTER, CharKinds::PLATE]));
        for text in ["三", "〇", "两点", "百分之十", "5"] {
            assert!(of(text).any(&[CharKinds::NUMERAL]), "{text}");
        }
        assert!(of("a座").any(&[CharKinds::LETTER]) && !of("a座").any(&[CharKinds::NUMERAL]));
        for text in ["京", "@", "爱"] {
            assert!(of(text).any(&[CharKinds::PLATE]), "{text}");
        }
    }
}
