//! What a turn does with the floor, by its words: whether it demands, forbids or leads, and how the
//! other takes it: with assent or with protest. Pure functions of folded text, as in `wording.rs`.

use crate::finding::construction::is_punctuation;
use crate::finding::scene::letters;

/// Whether a turn demands something new, as against offering a word.
pub(super) fn demands(text: &str) -> bool {
    const MARKS: &[&str] = &[
        "什么",
        "哪",
        "几点",
        "几号",
        "几个",
        "几零",
        "几栋",
        "多少",
        "多深",
        "多大",
        "谁",
        "是不是",
        "有没有",
        "吗",
        "怎么",
        "为什么",
        "报一下",
        "说一下",
        "讲一下",
        "贵姓",
        "姓名报",
        "名字是",
        "多久",
        "还用问",
    ];
    // 谁都, 什么也: whoever, whatever; 什么的, 怎么说呢: fillers.
    const NOT: &[&str] = &["都", "也", "的", "说呢"];
    text.trim_end_matches(is_punctuation).ends_with("没有")
        || MARKS.iter().any(|mark| {
            text.match_indices(mark)
                .any(|(at, _)| !NOT.iter().any(|not| text[at + mark.len()..].starts_with(not)))
        })
}

/// Whether a turn tells the other not to do something (别动), as against 特别, 分别 and their like.
pub(super) fn forbids(text: &str) -> bool {
    text.match_indices('别')
        .any(|(at, _)| !text[..at].ends_with(['特', '分', '个', '区', '类', '级', '性', '差', '辨', '识']))
}

/// Whether a turn leads somebody out of danger, or keeps hold of them.
pub(super) fn leads(text: &str) -> bool {
    const MARKS: &[&str] = &[
        "跟我说",
        "听我",
        "出门",
        "往里",
        "往外",
        "里面",
        "坐下",
        "不挂",
        "陪您",
        "陪着",
        "看着我",
        "现在就",
        "马上",
        "赶紧",
        "拦住",
        "按住",
        "顶住",
        "抓住",
        "靠着",
        "慢慢",
    ];
    MARKS.iter().any(|mark| text.contains(mark))
}

/// Whether the speaker is looking for a word at the end of a text.
pub(super) fn searches_word(text: &str) -> bool {
    let end = text.trim_end_matches(is_punctuation);
    ["那个", "这个", "什么", "叫", "那什么", "叫啥", "姓", "念", "来着"]
        .iter()
        .any(|mark| end.ends_with(mark))
}

/// How strongly the first words of an answer confirm what the other has just said for the speaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Assent {
    /// Not at all.
    None,
    /// 是、嗯、没.
    Weak,
    /// 对.
    Strong,
}

/// Whether an answer begins with assent.
pub(super) fn assent(text: &str) -> Assent {
    let answer = letters(text);
    let answer = match answer.split_first() {
        Some((c, rest)) if "啊哎诶欸哦噢".contains(*c) => rest,
        _ => &answer[..],
    };
    match answer {
        ['对', second, ..] if *second != '不' => Assent::Strong,
        ['对'] | ['就', '是', '的' | '啊' | '呀' | '嘛', ..] => Assent::Strong,
        ['不', '是', ..] | ['没', '有' | '说', ..] => Assent::None,
        ['是' | '嗯', ..] | ['没', '错', ..] => Assent::Weak,
        _ => Assent::None,
    }
}

/// Whether the caller asks to be let finish, corrects the agent or takes the thread up again.
pub(super) fn protests(text: &str) -> bool {
    const MARKS: &[&str] = &[
        "说完",
        "讲完",
        "没说完",
        "没讲完",
        "听我说",
        "听我讲",
        "让我说",
        "我刚要说",
        "我刚才要说",
        "我刚才是想",
        "我刚想",
        "我是想",
        "我是说",
        "我是问",
        "我想问",
        "我想说",
        "我说的",
        "我问的",
        "说到哪",
        "讲到哪",
        "别打断",
        "插嘴",
        "我就想说",
        "等我说",
        "等我讲",
        "后面会讲",
        "后面会说",
        "不是说了",
        "正要说",
        "话还没",
    ];
    let head: String = text.chars().take(24).collect();
    MARKS.iter().any(|mark| head.contains(mark)) || text.starts_with("不是") || text.starts_with("我没")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_and_whatever_ask_nothing() {
        assert!(demands("您找谁"));
        assert!(!demands("换谁都一样"));
    }

    #[test]
    fn specially_and_separately_forbid_nothing() {
        assert!(forbids("千万别开灯"));
        assert!(!forbids("两张要分别勾选，特别快"));
    }
}
