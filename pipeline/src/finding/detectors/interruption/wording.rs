//! What the words say about an overlap: whether a turn only listens, whether the one that was
//! cut ends in the air, how the one that came in begins, and what is said afterwards. Pure
//! functions of folded text; times are the business of `floor.rs`.

use crate::finding::construction::is_punctuation;

/// Characters of which a backchannel is made.
const BACKCHANNEL: &str = "嗯哦噢喔啊呀哎唉诶欸呃额对是的好行中成吧呢嘛了哈呵嘿哇哟呦嗨没错明白了解知道清楚懂理晓得可不就这样啦要得听着在记您说讲你请接着继续我都先完当然真确实同意";

/// Marks that close a sentence.
const CLOSING: [char; 7] = ['。', '!', '！', '?', '？', '~', '；'];

/// Whether a turn shows listening and nothing more.
pub(super) fn only_listens(text: &str) -> bool {
    // Made of the same characters, but no assent.
    const REFUSES: &[&str] = &["不是", "不对", "不行", "不可"];
    const DEMANDS: &[&str] = &["听我说", "我说", "我先", "没听"];
    text.chars().filter(|c| !is_punctuation(*c)).all(|c| BACKCHANNEL.contains(c))
        && !REFUSES.iter().any(|word| text.trim_start_matches(is_punctuation).starts_with(word))
        && !DEMANDS.iter().any(|word| text.contains(word))
}

/// How turns end in the transcript of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marks {
    /// No sentence marks at all.
    None,
    /// Every turn is closed with a sentence mark, as recognisers do: the mark says nothing.
    Always,
    /// Some turns are closed and some are left open: the mark says how the turn ended.
    Telling,
}

impl Marks {
    /// Looks at every turn that says something.
    pub(super) fn of<'t>(turns: impl Iterator<Item = &'t str>) -> Self {
        let (mut closed, mut open) = (0u32, 0u32);
        for text in turns {
            let text = text.trim_end();
            if text.ends_with(CLOSING) {
                closed += 1;
            } else if text.chars().any(|c| !is_punctuation(c)) {
                open += 1;
            }
        }
        match (closed, open) {
            (0, _) => Self::None,
            (_, 0) => Self::Always,
            _ => Self::Telling,
        }
    }
}

/// How a turn ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// In the air: by its mark or by a word that cannot end a sentence.
    Open,
    /// With a finished sentence.
    Closed,
    /// Neither the marks nor the words tell.
    Unknown,
}

/// How a turn ends: by its mark where marks tell, else by its last words. `last_word` is the last
/// one of the segmented turn, where it was segmented.
pub(super) fn ending(text: &str, last_word: Option<&str>, marks: Marks) -> Ending {
    let text = text.trim_end();
    if text.ends_with(['…', '—', '-', '、', ',', '，']) || text.ends_with("..") {
        return Ending::Open;
    }
    if hangs(text, last_word) {
        return Ending::Open;
    }
    match marks {
        Marks::Telling if text.ends_with(CLOSING) => Ending::Closed,
        Marks::Telling if text.contains(['。', ',', '，', '?', '？']) => Ending::Open,
        _ if rounds_off(text) => Ending::Closed,
        _ => Ending::Unknown,
    }
}

/// Whether the last words want a continuation: a connective, a preposition, an adverb before its
/// verb, a modal verb, a measure word without its noun, or the first half of a compound sentence.
fn hangs(text: &str, last_word: Option<&str>) -> bool {
    const ENDS: &[&str] = &[
        // Connectives.
        "因为",
        "所以",
        "但是",
        "可是",
        "不过",
        "然后",
        "而且",
        "并且",
        "或者",
        "还是说",
        "如果",
        "要是",
        "虽然",
        "既然",
        "比如",
        "比如说",
        "比方说",
        "就是说",
        "也就是",
        "就是",
        "包括",
        "以及",
        "除了",
        "另外",
        "还有",
        "的话",
        "不光",
        "不仅",
        "不但",
        "只要",
        "除非",
        "毕竟",
        "其实",
        "反正",
        "尤其",
        "特别是",
        "首先",
        "第一",
        "第二",
        "第三",
        "而是",
        "那么",
        "为了",
        // Prepositions.
        "把",
        "被",
        "给",
        "跟",
        "和",
        "与",
        "对于",
        "关于",
        "从",
        "往",
        "向",
        "由",
        "按照",
        "根据",
        "通过",
        "在",
        "让",
        "像",
        // Adverbs before a verb or an adjective.
        "也",
        "都",
        "就",
        "还",
        "又",
        "再",
        "才",
        "很",
        "太",
        "更",
        "最",
        "挺",
        "比较",
        "非常",
        "已经",
        "正在",
        "一直",
        "可能",
        "应该",
        "好像",
        "估计",
        "肯定",
        "必须",
        "并不",
        "都不",
        "也不",
        // Modal and linking verbs, verbs of thinking and saying with nothing thought or said.
        "要",
        "想",
        "会",
        "能",
        "是",
        "需要",
        "想要",
        "觉得",
        "我认为",
        "感觉",
        "希望",
        "属于",
        "叫做",
        "他说",
        "我说",
        "就说",
        "我看",
        // Measure words and pronouns that announce a noun.
        "一个",
        "这个",
        "那个",
        "这种",
        "那种",
        "一种",
        "某个",
        "什么样的",
        "这些",
        "那",
        "这",
    ];
    /// Ends that only look like one of the above.
    const WHOLE: &[&str] = &[
        "不给",
        "不在",
        "现在",
        "存在",
        "还在",
        "也在",
        "都在",
        "不要",
        "还要",
        "也要",
        "重要",
        "主要",
        "不想",
        "不会",
        "也会",
        "都会",
        "机会",
        "社会",
        "开会",
        "不能",
        "功能",
        "智能",
        "不是",
        "也是",
        "都是",
        "还是",
        "怎么会",
        "好像是",
    ];
    /// Clauses that open a compound sentence.
    const FIRST_HALF: &[&str] = &[
        "虽然", "如果", "要是", "既然", "不但", "不仅", "不光", "不管", "除非", "只要", "因为", "假如",
    ];
    let body = text.trim_end_matches(is_punctuation);
    let clause = body.rsplit(is_punctuation).next().unwrap_or(body);
    if WHOLE.iter().any(|end| clause.ends_with(end)) {
        return false;
    }
    // A character that is only the end of a longer word (给 in 供给) is none of these.
    let stands =
        |end: &str| clause.ends_with(end) && (end.chars().count() > 1 || last_word.is_none_or(|word| word == end));
    if ENDS.iter().any(|end| stands(end)) {
        // A clause that is nothing but an answer (就是, 会, 能, 要) is whole.
        return clause.chars().count() > 2 || body.len() > clause.len() || clause.chars().count() == 1;
    }
    // A pronoun alone, or after a connective, is the subject of a sentence that never came.
    let subject = ["我", "你", "您", "他", "她", "我们", "你们", "他们", "咱们", "大家"];
    if clause.chars().count() <= 4 && subject.iter().any(|end| clause.ends_with(end)) {
        return true;
    }
    FIRST_HALF.iter().any(|start| clause.starts_with(start)) && clause.chars().count() <= 14
}

/// Whether the last words close a sentence by themselves.
fn rounds_off(text: &str) -> bool {
    const PARTICLES: [char; 12] = ['了', '吗', '呢', '吧', '嘛', '呀', '哦', '哈', '啦', '么', '呗', '啊'];
    const FORMULAS: &[&str] = &[
        "谢谢",
        "是不是",
        "对不对",
        "行不行",
        "可以",
        "没有",
        "不行",
        "好的",
        "是的",
        "什么的",
    ];
    let body = text.trim_end_matches(is_punctuation);
    text.ends_with(['?', '？', '!', '！'])
        || body.ends_with(PARTICLES)
        || FORMULAS.iter().any(|formula| body.ends_with(formula))
}

/// How an incoming turn begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// With assent, and no contradiction right after it.
    Agrees,
    /// With a contradiction, a call to stop, or an order of what to say.
    Opposes,
    /// By carrying the other's sentence on.
    Continues,
    /// By turning to the other, or with a view or a plan of one's own.
    Claims,
    /// With its own matter.
    Plain,
}

/// How an incoming turn begins.
pub(super) fn opening(text: &str) -> Opening {
    const ASSENT: &[&str] = &[
        "对",
        "是的",
        "是啊",
        "是是",
        "是呀",
        "嗯",
        "哦",
        "噢",
        "哎",
        "诶",
        "没错",
        "好的",
        "确实",
        "同意",
        "哈",
        "可不",
        "就是就是",
        "明白",
        "很可能",
        "有可能",
    ];
    const STOP: &[&str] = &[
        "不是",
        "不对",
        "不不",
        "不用",
        "不行",
        "不可能",
        "不能",
        "没有",
        "可是",
        "但是",
        "但",
        "不过",
        "等一下",
        "等等",
        "等会",
        "停",
        "您先",
        "你先",
        "咱先",
        "咱们先",
        "先别",
        "别说",
        "别讲",
    ];
    const BUT: &[&str] = &["但", "不过", "可是", "不是", "不对", "不用", "不行", "问题是", "别说"];
    const OWN: &[&str] = &[
        "我觉得",
        "我感觉",
        "我认为",
        "我想",
        "我跟",
        "我建议",
        "你",
        "您",
        "咱",
        "我们",
        "那我们",
        "那咱",
        "那你",
        "那您",
    ];
    const ONWARD: &[&str] = &[
        "还有", "而且", "或者", "包括", "甚至", "比如", "就是", "也", "然后", "以及", "或是",
    ];
    let said = text.trim_start_matches(is_punctuation);
    let core = said.trim_start_matches(['啊', '呃', '额', '那']).trim_start_matches(is_punctuation);
    let starts = |marks: &[&str], text: &str| marks.iter().any(|mark| text.starts_with(mark));
    if starts(STOP, core) || core.starts_with('不') && !core.starts_with("不错") {
        return Opening::Opposes;
    }
    let agreed = core.starts_with('好') && core.chars().nth(1).is_none_or(is_punctuation);
    if agreed || starts(ASSENT, core) {
        let head: String = core.chars().take(12).collect();
        return if BUT.iter().any(|but| head.contains(but)) {
            Opening::Plain
        } else {
            Opening::Agrees
        };
    }
    // 我也, 他们也: what follows is of one mind with the other.
    if starts(ONWARD, core) || core.chars().take(4).any(|c| c == '也') {
        Opening::Continues
    } else if starts(OWN, core) {
        Opening::Claims
    } else {
        Opening::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_made_of_backchannel_characters_is_no_backchannel() {
        for text in ["嗯嗯", "对对，是的", "哦，这样啊", "可不是嘛", "您请讲"] {
            assert!(only_listens(text), "{text}");
        }
        for text in ["不是不是", "你听我说", "我先说", "对，水表"] {
            assert!(!only_listens(text), "{text}");
        }
    }

    #[test]
    fn marks_tell_only_where_some_turns_are_left_open() {
        assert_eq!(Marks::of(["路灯坏了", "哪一条路"].into_iter()), Marks::None);
        assert_eq!(Marks::of(["路灯坏了。", "哪一条路？"].into_iter()), Marks::Always);
        assert_eq!(Marks::of(["路灯坏了，", "哪一条路？"].into_iter()), Marks::Telling);
    }

    #[test]
    fn a_turn_hangs_by_its_mark_or_by_its_last_word() {
        for text in [
            "我去了三趟，",
            "他跟我讲……",
            "我本来是想",
            "虽然合同到期了。",
            "那天他没来，然后我。",
        ] {
            assert_eq!(ending(text, None, Marks::Always), Ending::Open, "{text}");
        }
        assert_eq!(ending("我去了三趟。", None, Marks::Telling), Ending::Closed);
        assert_eq!(ending("我去了三趟。", None, Marks::Always), Ending::Unknown);
        assert_eq!(ending("水已经停了。", None, Marks::Always), Ending::Closed);
        assert_eq!(ending("这个不重要", None, Marks::None), Ending::Unknown);
        assert_eq!(ending("那边有供给", Some("供给"), Marks::Always), Ending::Unknown);
        assert_eq!(ending("我就想给", Some("给"), Marks::Always), Ending::Open);
    }

    #[test]
    fn openings_of_a_turn_that_comes_in() {
        assert_eq!(opening("对，我们这边也有。"), Opening::Agrees);
        assert_eq!(opening("对，但是合同上没有写。"), Opening::Plain);
        assert_eq!(opening("不是，您听错了。"), Opening::Opposes);
        assert_eq!(opening("不错，挺好的。"), Opening::Plain);
        assert_eq!(opening("而且还便宜。"), Opening::Continues);
        assert_eq!(opening("您把户号报一下"), Opening::Claims);
    }
}
