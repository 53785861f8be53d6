//! Which characters sound alike to a recogniser of speech: pinyin without tones, with the usual
//! confusions folded together. Owns the folding and the classes of characters; knows no index.
//!
//! A character sounds like another one when any reading of the one folds to the same syllable as
//! any reading of the other. Folded are the confusions between Mandarin and the accents that
//! recognisers trip over most: flat and retroflex initials (zh z, ch c, sh s), n l and r l, and
//! nasal endings (an ang, en eng, in ing, also behind i and u). f and h are kept apart: they are
//! confused before u and in a few regions only, and folding them makes every class larger.

use std::collections::HashMap;
use std::sync::LazyLock;

use encoding_rs::GBK;
use pinyin::ToPinyinMulti;

/// A folded syllable, as an index into the classes.
type Syllable = u16;

/// Readings of a character that are looked at. The table lists them by how common they are; what
/// comes later is found in old texts, not on the telephone.
const MOST_READINGS: usize = 3;

/// First and last leading byte of the characters of GB 2312: what recognisers write.
const GB2312_ROWS: std::ops::RangeInclusive<u8> = 0xB0..=0xF7;

struct Sounds {
    syllables: HashMap<String, Syllable>,
    /// The characters of GB 2312 of every syllable.
    classes: Vec<Vec<char>>,
}

static SOUNDS: LazyLock<Sounds> = LazyLock::new(|| {
    let mut sounds = Sounds { syllables: HashMap::new(), classes: Vec::new() };
    for row in GB2312_ROWS {
        for cell in 0xA1..=0xFE {
            let bytes = [row, cell];
            let (text, _, bad) = GBK.decode(&bytes);
            let Some(c) = text.chars().next().filter(|_| !bad) else {
                continue;
            };
            for syllable in spellings(c) {
                let next = sounds.classes.len() as Syllable;
                let id = *sounds.syllables.entry(syllable).or_insert(next);
                if id == next {
                    sounds.classes.push(Vec::new());
                }
                if let Some(class) = sounds.classes.get_mut(usize::from(id))
                    && class.last() != Some(&c)
                {
                    class.push(c);
                }
            }
        }
    }
    sounds
});

/// Every character of GB 2312 that sounds like one, with itself, in order; only itself for what has
/// no reading, such as letters and digits.
pub fn class(c: char) -> Vec<char> {
    let mut class = vec![c];
    for syllable in spellings(c) {
        if let Some(&id) = SOUNDS.syllables.get(&syllable) {
            class.extend(SOUNDS.classes.get(usize::from(id)).into_iter().flatten());
        }
    }
    class.sort_unstable();
    class.dedup();
    class
}

/// The folded readings of a character.
fn spellings(c: char) -> Vec<String> {
    let Some(readings) = c.to_pinyin_multi() else {
        return Vec::new();
    };
    let mut folded: Vec<String> =
        readings.into_iter().take(MOST_READINGS).map(|reading| fold(reading.plain())).collect();
    folded.sort_unstable();
    folded.dedup();
    folded
}

/// Folds a syllable of pinyin without tone.
fn fold(syllable: &str) -> String {
    let (initial, last) = match syllable.as_bytes() {
        [b'z' | b'c' | b's', b'h', ..] => (&syllable[..1], &syllable[2..]),
        [b'n' | b'r' | b'l', ..] if syllable.len() > 1 => ("l", &syllable[1..]),
        _ => ("", syllable),
    };
    let last = match last.strip_suffix('g') {
        Some(open) if open.ends_with("an") || open.ends_with("en") || open.ends_with("in") => open,
        _ => last,
    };
    format!("{initial}{last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_fold() {
        for (syllable, wanted) in [
            ("zhang", "zan"),
            ("shi", "si"),
            ("chong", "cong"),
            ("ning", "lin"),
            ("neng", "len"),
            ("ren", "len"),
            ("guang", "guan"),
            ("nü", "lü"),
            ("hong", "hong"),
            ("n", "n"),
            ("er", "er"),
            ("fu", "fu"),
        ] {
            assert_eq!(fold(syllable), wanted, "{syllable}");
        }
    }

    #[test]
    fn characters_sound_alike_in_any_reading() {
        let pairs = [
            "机记", "重虫", "重种", "行航", "行形", "乐月", "长唱", "沙上", "诉数", "南蓝", "经今", "日立",
        ];
        for pair in pairs.map(|pair| pair.chars().collect::<Vec<_>>()) {
            let (a, b) = (pair[0], pair[1]);
            let expected = b != '上';
            assert_eq!(class(a).contains(&b), expected, "{a} {b}");
            assert_eq!(class(b).contains(&a), expected, "{b} {a}");
        }
        for (a, b) in [('福', '湖'), ('a', 'b'), ('1', '一'), ('水', '电')] {
            assert!(!class(a).contains(&b), "{a} {b}");
        }
        assert_eq!(class('7'), ['7']);
    }

    #[test]
    fn classes_are_small_enough_for_an_automaton() {
        let sizes: Vec<usize> = SOUNDS.classes.iter().map(Vec::len).collect();
        assert!(sizes.iter().all(|&size| size < 400), "{:?}", sizes.iter().max());
        assert!(sizes.len() > 200, "{}", sizes.len());
    }
}
