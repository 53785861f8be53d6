//! The shape of a turn: its length in spoken units and whether it asks. Small helpers on
//! folded text that acts, sentiment and facts share; they judge nothing.

use std::sync::LazyLock;

use crate::letters::is_alphabetic;
use crate::phrases::Phrases;

/// What takes time to say in a folded text: each Chinese character and digit and each run of
/// other letters is one.
pub(crate) fn units(fold: &str) -> usize {
    let mut count = 0;
    let mut in_word = false;
    for c in fold.chars() {
        let han = is_han(c);
        let letter = !han && is_alphabetic(c);
        count += usize::from(han || c.is_numeric() || letter && !in_word);
        in_word = letter;
    }
    count
}

/// Whether a character is a Chinese one.
pub(crate) fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

/// Words that ask wherever they stand.
const ASKING: [&str; 30] = [
    "请问",
    "什么",
    "哪",
    "几点",
    "几号",
    "几天",
    "几个",
    "几岁",
    "几楼",
    "多少",
    "多久",
    "多大",
    "多长",
    "多远",
    "怎么",
    "为啥",
    "干啥",
    "咋",
    "是不是",
    "有没有",
    "能不能",
    "要不要",
    "行不行",
    "对不对",
    "可不可以",
    "是否",
    "啥时候",
    "谁",
    "在不在",
    "还是",
];

static ASKS: LazyLock<Phrases> = LazyLock::new(|| Phrases::new(ASKING));

/// Particles that ask at the end of a clause.
const PARTICLES: [&str; 14] = [
    "吗", "么", "呢", "没有", "了没", "不成", "吧", "嘛", "行不", "对不", "好不", "伐", "啵", "没",
];

/// Whether a turn asks something, with or without a question mark.
pub(crate) fn is_question(fold: &str) -> bool {
    if fold.contains(['?', '？']) || ASKS.any(fold) {
        return true;
    }
    fold.split(['，', ',', '。', '！', '!', ' ', '；', ';', '、', '…'])
        .map(str::trim_end)
        .any(|clause| PARTICLES.iter().any(|particle| clause.len() > particle.len() && clause.ends_with(particle)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_what_takes_time_to_say() {
        assert_eq!(units("我要退ETC押金，3106号！"), 11);
        assert_eq!(units(""), 0);
        assert_eq!(units("，。 "), 0);
    }

    #[test]
    fn questions_with_and_without_a_mark() {
        for text in [
            "您住哪个小区",
            "修好了没有",
            "这样行吗，我等着",
            "请问贵姓",
            "今天能来？",
        ] {
            assert!(is_question(text), "{text}");
        }
        for text in ["路灯坏了三天", "好的，谢谢", "吗"] {
            assert!(!is_question(text), "{text}");
        }
    }
}
