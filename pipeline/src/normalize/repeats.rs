//! Stutters and restarts that a recogniser writes out: 我我我想, 那个那个, 我想问我想问.
//! Emphasis (对对对, 好好好), reduplication (看看, 研究研究) and digits are none.

use std::sync::LazyLock;

use super::chars::is_han;
use super::digits::digit;
use crate::letters::HanSet;
use crate::record::Span;

/// Characters whose doubling is always a stutter: none of them ends one word and begins the next.
static STUTTER: LazyLock<HanSet> = LazyLock::new(|| HanSet::new("我你您他她它这那就也跟很把被因但在给再没"));
/// Characters that people repeat for emphasis or in answer.
const EMPHATIC: &str = "对好行嗯哦啊是哈嘿喂谢不来快哎诶唉有没嘟滴喔噢呵呜妈爸哥姐爷奶";
/// First characters of phrases that are begun anew.
static RESTART: LazyLock<HanSet> = LazyLock::new(|| HanSet::new("我你您他她它这那就因但所然如也什怎"));

/// Finds the characters that could be left out.
pub(super) fn find(fold: &[char]) -> Vec<Span> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < fold.len() {
        let len = if is_han(fold[at]) && digit(fold[at]).is_none() {
            repeated(&fold[at..])
        } else {
            0
        };
        if len > 0 {
            found.push(Span::new(at as u32, (at + len) as u32));
        }
        at += len.max(1);
    }
    found
}

/// Number of characters at the start that are said again right after; 0 for none.
fn repeated(text: &[char]) -> usize {
    let c = text[0];
    // 我我我想, 美、美食团
    let mut last = 0;
    let mut times = 1;
    let mut at = 1;
    while at < text.len() {
        let pause = usize::from(matches!(text[at], '、' | ',' | '…' | ' '));
        let hesitates = text[at] == '、' || text[at] == '…' || STUTTER.contains(c);
        if text.get(at + pause) != Some(&c) || pause > 0 && !hesitates {
            break;
        }
        last = at + pause;
        times += 1;
        at = last + 1;
    }
    let hesitation = last > times - 1;
    if times > 1 && (STUTTER.contains(c) || !EMPHATIC.contains(c) && (times > 2 || hesitation)) {
        return last;
    }
    // 那个那个, 我想问我想问
    if RESTART.contains(c) {
        for n in (2..=5).rev() {
            let mut copies = 0;
            let mut end = 0;
            while let Some(pause) = again(text, n, end) {
                copies += 1;
                end += n + pause;
            }
            if copies > 0 {
                return end;
            }
        }
    }
    0
}

/// Whether the first `n` characters come again after the copy at `at`; the length of the pause between.
fn again(text: &[char], n: usize, at: usize) -> Option<usize> {
    let phrase = text.get(..n)?;
    let pause = usize::from(text.get(at + n).is_some_and(|c| matches!(c, '、' | ',' | '…' | ' ')));
    let same = text.get(at + n + pause..at + 2 * n + pause)? == phrase;
    (same && phrase.iter().all(|&c| is_han(c))).then_some(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_out(text: &str) -> Vec<String> {
        let fold: Vec<char> = text.chars().collect();
        find(&fold).iter().map(|s| fold[s.start as usize..s.end as usize].iter().collect()).collect()
    }

    #[test]
    fn stutters_and_restarts() {
        assert_eq!(left_out("我我我想问一下"), ["我我"]);
        assert_eq!(left_out("那个那个水费"), ["那个"]);
        assert_eq!(left_out("我想问,我想问一下"), ["我想问,"]);
        assert_eq!(left_out("住在向、向阳新村"), ["向、"]);
    }

    #[test]
    fn emphasis_reduplication_and_digits_stay() {
        for text in [
            "对对对",
            "好的好的",
            "嗯嗯",
            "看看",
            "研究研究",
            "幺三三三八",
            "天天打电话",
            "谢谢谢谢",
            "等等",
            "妈妈",
        ] {
            assert_eq!(left_out(text), [] as [&str; 0], "{text}");
        }
    }
}
