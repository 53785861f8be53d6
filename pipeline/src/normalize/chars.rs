//! Characters: which of them are kept, in which form they are shown, and what they are
//! folded to for matching. Everything here looks at one character at a time, so that
//! positions stay countable.

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

use crate::letters::is_alphabetic;

/// First and one past the last code point of the block that the table of simplified forms covers.
const HAN: std::ops::Range<u32> = 0x4E00..0xA000;

/// Characters of simplified text which the converter takes for traditional ones
/// (呵呵 would become 嗬嗬, 捍卫 扞卫).
const KEEP: &str = "磐疋仝祗黏阪薰吒捍彷煅醯呵呱";

/// Simplified form of every character of the block, indexed from its start. fast2s looks up its
/// neighbours for a few characters; one by one they keep their most frequent reading.
static SIMPLIFIED: LazyLock<Box<[char]>> = LazyLock::new(|| {
    let mut buffer = [0; 4];
    HAN.filter_map(char::from_u32)
        .map(|c| match c {
            '妳' => '你',
            c if KEEP.contains(c) => c,
            c => fast2s::convert(c.encode_utf8(&mut buffer)).chars().next().unwrap_or(c),
        })
        .collect()
});

/// The character that a character of the displayed text is matched as: simplified, lower case,
/// half-width; of punctuation that has two widths, the ASCII one. `。` and `、` stay as they are.
pub fn fold_char(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let code = c as u32;
    if HAN.contains(&code) {
        return SIMPLIFIED.get((code - HAN.start) as usize).copied().unwrap_or(c);
    }
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(code - 0xFEE0).unwrap_or(c).to_ascii_lowercase(),
        '\u{3000}' => ' ',
        '｡' => '。',
        '“' | '”' | '„' | '«' | '»' | '「' | '」' | '『' | '』' | '〝' | '〞' => '"',
        '‘' | '’' | '‚' | '`' => '\'',
        '—' | '–' | '―' | '‐' | '‑' | '−' | '─' => '-',
        '〜' | '∼' => '~',
        '【' | '〔' | '〖' => '[',
        '】' | '〕' | '〗' => ']',
        _ => {
            let mut lower = c.to_lowercase();
            match (lower.next(), lower.next()) {
                (Some(single), None) => single,
                _ => c,
            }
        }
    }
}

/// Whether a character takes no part in the text: control, zero-width and directional
/// characters, variation selectors, tags. White space is not among them.
fn dropped(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
        || c.is_control() && !c.is_whitespace()
}

/// Whether a fullwidth character is shown as it is: the punctuation of Chinese text.
fn chinese_punctuation(c: char) -> bool {
    matches!(c, '，' | '！' | '？' | '：' | '；' | '（' | '）' | '～' | '…' | '‥')
}

/// The cleaned characters of a text, each with the index of the recorded character it came from.
#[derive(Debug, Default)]
pub(super) struct Cleaned {
    pub(super) chars: Vec<char>,
    pub(super) raw: Vec<u32>,
    /// Number of recorded characters.
    pub(super) raw_len: u32,
    pub(super) spoken_units: u32,
}

impl Cleaned {
    fn push(&mut self, c: char, raw: u32) {
        self.chars.push(c);
        self.raw.push(raw);
    }
}

/// Removes what is not text, unifies width, collapses white space and counts spoken units.
pub(super) fn clean(text: &str) -> Cleaned {
    let mut out = Cleaned::default();
    out.chars.reserve(text.len() / 2);
    out.raw.reserve(text.len() / 2);
    // White space that has been read and not yet been written: its first index, and whether a line ended in it.
    let mut pending: Option<(u32, bool)> = None;
    let mut units = Units::default();
    for (raw, c) in (0..).zip(text.chars()) {
        out.raw_len = raw + 1;
        if c.is_whitespace() {
            units.see(c);
            let (at, line) = pending.unwrap_or((raw, false));
            pending = Some((at, line || c == '\n' || c == '\u{2028}' || c == '\u{2029}'));
            continue;
        }
        if dropped(c) {
            continue;
        }
        units.see(c);
        if let Some((at, line)) = pending.take()
            && !out.chars.is_empty()
        {
            out.push(if line { '\n' } else { ' ' }, at);
        }
        if c.is_ascii() || HAN.contains(&(c as u32)) || chinese_punctuation(c) {
            out.push(c, raw);
        } else {
            widen(c, raw, &mut out);
        }
    }
    out.spoken_units = units.count;
    out
}

/// Writes the compatibility form of one character, unless that form would say something else:
/// ① keeps its circle (①② is not 12), ½ its bar, and spacing accents their base.
fn widen(c: char, raw: u32, out: &mut Cleaned) {
    let unchanged = matches!(c, '\u{2460}'..='\u{24FF}' | '\u{2776}'..='\u{2793}')
        || std::iter::once(c).nfkc().any(|n| {
            n.is_whitespace() || n == '\u{2044}' || dropped(n) || unicode_normalization::char::is_combining_mark(n)
        });
    if unchanged {
        out.push(c, raw);
    } else {
        for n in std::iter::once(c).nfkc() {
            out.push(n, raw);
        }
    }
}

/// Counts what takes time to say.
#[derive(Debug, Default)]
struct Units {
    count: u32,
    in_word: bool,
}

impl Units {
    fn see(&mut self, c: char) {
        if syllable(c) || is_numeric(c) {
            self.count += 1;
            self.in_word = false;
        } else if is_alphabetic(c) {
            self.count += u32::from(!self.in_word);
            self.in_word = true;
        } else if !matches!(c, '\'' | '’' | '-') && !is_mark(c) {
            self.in_word = false;
        }
    }
}

fn is_numeric(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_digit()
    } else {
        !chinese_punctuation(c) && c.is_numeric()
    }
}

fn is_mark(c: char) -> bool {
    !c.is_ascii() && !chinese_punctuation(c) && unicode_normalization::char::is_combining_mark(c)
}

/// Scripts in which a character is a syllable.
fn syllable(c: char) -> bool {
    is_han(c) || matches!(c, '\u{3041}'..='\u{30FF}' | '\u{AC00}'..='\u{D7AF}')
}

/// Whether a character is a Chinese one.
pub(super) fn is_han(c: char) -> bool {
    matches!(c, '\u{3007}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(text: &str) -> String {
        clean(text).chars.iter().collect()
    }

    #[test]
    fn width_is_unified_and_chinese_punctuation_kept() {
        assert_eq!(cleaned("ＡＢ１２３，你好！５０％"), "AB123，你好！50%");
        assert_eq!(cleaned("面积９０㎡①先②后…"), "面积90m2①先②后…");
    }

    #[test]
    fn what_cannot_be_seen_is_removed() {
        assert_eq!(cleaned("\u{FEFF}您\u{200B}好\u{0007}👍\u{FE0F}"), "您好👍");
        assert_eq!(cleaned("  标题 \r\n\r\n 正\u{3000}\t文  "), "标题\n正 文");
    }

    #[test]
    fn raw_indices_follow_removals_and_expansions() {
        let out = clean("a\u{200B}㎡ b");
        assert_eq!(out.chars, ['a', 'm', '2', ' ', 'b']);
        assert_eq!(out.raw, [0, 2, 2, 3, 4]);
        assert_eq!(out.raw_len, 5);
    }

    #[test]
    fn folding_maps_each_character_to_one() {
        let fold = |s: &str| s.chars().map(fold_char).collect::<String>();
        assert_eq!(fold("請問這個社會保險ＡＢc，怎麼辦？"), "请问这个社会保险abc,怎么办?");
        assert_eq!(fold("呵呵，捍卫幺三八"), "呵呵,捍卫幺三八");
        assert_eq!(fold("“乾净”—著名。İ"), "\"干净\"-著名。İ");
    }

    #[test]
    fn spoken_units_count_characters_digits_and_latin_words() {
        let units = |s: &str| clean(s).spoken_units;
        assert_eq!(units("您好，请讲。"), 4);
        assert_eq!(units("工号２０6"), 5);
        assert_eq!(units("用 Wi-Fi 或 don't stop 5G"), 2 + 3 + 2);
        assert_eq!(units("……"), 0);
        assert_eq!(units("OK OK好OK"), 4);
    }
}
