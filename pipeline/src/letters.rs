//! Characters of Chinese text told apart quickly: what the standard library looks up in tables of all
//! scripts is here a comparison for those that almost every turn is made of.

/// Whether a character is a letter, a digit or a Chinese character: as [`char::is_alphanumeric`].
pub(crate) fn is_alphanumeric(c: char) -> bool {
    match c {
        '\u{4E00}'..='\u{9FFF}' => true,
        '\0'..='\u{7F}' => c.is_ascii_alphanumeric(),
        '。' | '、' | '，' | '？' | '！' | '…' => false,
        _ => c.is_alphanumeric(),
    }
}

/// Whether a character is a letter or a Chinese character: as [`char::is_alphabetic`].
pub(crate) fn is_alphabetic(c: char) -> bool {
    is_alphanumeric(c) && !c.is_ascii_digit() && (matches!(c, '\u{4E00}'..='\u{9FFF}') || c.is_alphabetic())
}

/// First and one past the last code point of the block of common Chinese characters.
const HAN: std::ops::Range<u32> = 0x4E00..0xA000;

/// Some Chinese characters, asked after in constant time.
#[derive(Debug)]
pub(crate) struct HanSet(Vec<u64>);

impl HanSet {
    /// The Chinese characters of a text; it has no others.
    pub(crate) fn new(text: &str) -> Self {
        let mut bits = vec![0u64; HAN.len() / 64];
        for code in text.chars().map(u32::from) {
            debug_assert!(HAN.contains(&code));
            if let Some(word) = code.checked_sub(HAN.start).and_then(|at| bits.get_mut(at as usize / 64)) {
                *word |= 1 << (code % 64);
            }
        }
        Self(bits)
    }

    /// Whether a character is one of them.
    pub(crate) fn contains(&self, c: char) -> bool {
        let code = u32::from(c);
        code.checked_sub(HAN.start)
            .and_then(|at| self.0.get(at as usize / 64))
            .is_some_and(|word| word >> (code % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_told_apart_as_the_standard_library_does() {
        for c in '\0'..=char::MAX {
            assert_eq!(is_alphanumeric(c), c.is_alphanumeric(), "{c:?}");
            assert_eq!(is_alphabetic(c), c.is_alphabetic(), "{c:?}");
        }
    }

    #[test]
    fn a_set_has_its_characters_and_no_others() {
        let text = "的了吗一龥";
        let set = HanSet::new(text);
        for c in '\0'..='\u{FFFF}' {
            assert_eq!(set.contains(c), text.contains(c), "{c:?}");
        }
    }
}
