//! Names of persons, where the words around them say that it is one: after 我叫 and its like, as
//! the answer to a question for the name, before a title, and everywhere else in the call once
//! they are known. A surname alone (我姓王, 王先生) stays: it names nobody.

use std::collections::BTreeSet;

use super::chars::is_han;
use super::mask::{Draft, Found, ends_with_any, starts_at};
use crate::record::{MaskKind, Role};

const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付傅方白邹孟熊秦邱江尹薛闫阎段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤常温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳欧管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝";
const COMPOUND: &[&str] = &[
    "欧阳", "上官", "司马", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "长孙", "宇文", "司徒", "夏侯",
    "南宫", "端木", "百里", "呼延", "轩辕", "钟离", "闾丘", "澹台", "拓跋", "独孤",
];
/// Words that begin with a surname and are no names.
const WORDS: &[&str] = &[
    "单位", "单身", "单元", "单独", "高级", "高龄", "高中", "高三", "高二", "高一", "高兴", "高考", "方便", "方式",
    "安全", "安保", "安排", "安装", "时候", "时间", "毛病", "毛坯", "周末", "周围", "周边", "周一", "周二", "周三",
    "周四", "周五", "周六", "周日", "马上", "马路", "温馨", "常客", "常住", "金融", "金额", "石油", "文件", "文化",
    "白天", "万一", "严重", "任何", "解决", "解释", "应该", "全部", "全家", "明天", "明白", "连续", "路边", "路口",
    "车主", "车辆", "车位", "司机", "师傅", "师父", "和你", "关于", "关键", "包括", "成本", "成人", "房东", "房产",
    "管理", "商家", "商店", "农民", "项目", "边上", "查询", "党员", "江苏", "江西", "云南", "甘肃", "宁夏", "成都",
    "温州", "武汉", "石家", "华为", "许多", "何时", "何必", "何况", "经理", "古城", "阳光", "荣誉", "沙发", "麻烦",
    "明明", "向您", "向你", "段时", "曾经", "左右", "左边", "余额", "钱包", "路过", "景区", "花园", "祝您", "祝你",
    "谢谢", "感谢", "那位", "贺卡", "程序", "游客", "顾客", "乔迁", "齐全", "季度", "章程", "简单", "简直", "尚未",
    "申请", "申报", "施工", "康复", "易拉", "向上", "邮箱", "夏天", "秦岭", "苏州", "孙子", "孙女",
];
/// Characters that no given name has, as they are said right after a name or cue.
const NEVER: &str = "我你您他她它的了是在有不要想就都也还这那哪什么怎吗吧啊呀哦嗯呃额个们给把被让跟说打请没很太去过从谁为到对能会啥咋嘛呢哎喂先女老小电手身住今昨号姐哥叔婶爷妈爸写";
const CUES: &[&str] = &[
    "名字叫",
    "名字是",
    "姓名是",
    "姓名叫",
    "姓名",
    "大名叫",
    "本名叫",
    "真名叫",
    "全名叫",
    "全名是",
    "我叫",
    "俺叫",
    "本人叫",
];
/// Cues of written messages: a name only when it ends with the clause.
const FORM_CUES: &[&str] = &[
    "联系人",
    "申请人",
    "投诉人",
    "举报人",
    "收件人",
    "反映人",
    "来信人",
    "来电人",
    "本人",
];
/// Last characters of places, which are given where a name was asked for as well.
const PLACES: &str = "巷路街城村园苑里镇县区店厂楼栋庄湾弄道桥市省局院校站场馆公司";
const ASKS: &[&str] = &["姓名", "名字", "贵姓", "称呼", "全名", "大名", "叫什么"];
const TITLES: &[&str] = &["先生", "女士", "小姐", "同志"];

/// Finds names in the turns of a call.
pub(super) fn find(drafts: &[Draft], found: &mut [Vec<Found>]) {
    let mut known: BTreeSet<Vec<char>> = BTreeSet::new();
    for (turn, draft) in drafts.iter().enumerate() {
        let fold = draft.fold.as_slice();
        let mut note = |start: usize, end: usize| {
            known.insert(fold[start..end].to_vec());
            found[turn].push(Found { kind: MaskKind::Name, start, end });
        };
        // Agents give their own names as part of the service.
        if draft.role != Role::Agent {
            after_cue(fold, &mut note);
        }
        before_title(fold, &mut note);
        if asked(drafts, turn) {
            answer(fold, &mut note);
        }
    }
    if known.is_empty() {
        return;
    }
    for (draft, found) in drafts.iter().zip(found) {
        for name in &known {
            let mut at = 0;
            while let Some(offset) = draft.fold[at..].windows(name.len()).position(|w| w == name.as_slice()) {
                let start = at + offset;
                at = start + name.len();
                found.push(Found { kind: MaskKind::Name, start, end: at });
            }
        }
    }
}

fn after_cue(fold: &[char], note: &mut impl FnMut(usize, usize)) {
    // Every cue has one of these characters; most turns have none.
    if !fold.iter().any(|c| matches!(c, '叫' | '名' | '人')) {
        return;
    }
    for at in 0..fold.len() {
        for cue in CUES.iter().filter(|cue| starts_at(fold, at, cue)) {
            let mut start = at + cue.chars().count();
            start += skip(&fold[start..]);
            let explicit =
                cue.contains('名') && fold.get(start.wrapping_sub(1)).is_some_and(|c| matches!(c, '叫' | '是' | ':'));
            let rest = &fold[start..];
            let foreign = || if explicit { foreign_len(rest) } else { None };
            if let Some(len) = dotted_len(rest).or_else(|| name_len(rest)).or_else(foreign) {
                note(start, start + len);
            }
        }
        for cue in FORM_CUES.iter().filter(|cue| starts_at(fold, at, cue)) {
            let from = at + cue.chars().count();
            let start = from + skip(&fold[from..]);
            let marked = start > from || *cue == "本人";
            if marked
                && let Some(len) = name_len(&fold[start..])
                && boundary(fold.get(start + len).copied())
            {
                note(start, start + len);
            }
        }
    }
}

/// The mark between a cue and the name.
fn skip(rest: &[char]) -> usize {
    rest.iter().take(3).take_while(|c| matches!(c, ':' | ',' | ' ' | '是' | '叫' | '做')).count()
}

fn boundary(c: Option<char>) -> bool {
    c.is_none_or(|c| !is_han(c) && c != '[')
}

/// Length of the surname at the start of a text, 0 when there is none.
fn surname_len(text: &[char]) -> usize {
    if COMPOUND.iter().any(|s| starts_at(text, 0, s)) {
        2
    } else {
        usize::from(text.first().is_some_and(|&c| SURNAMES.contains(c)))
    }
}

fn given(c: Option<&char>) -> bool {
    c.is_some_and(|&c| is_han(c) && !NEVER.contains(c))
}

/// Length of the full name at the start of a text.
fn name_len(text: &[char]) -> Option<usize> {
    let surname = surname_len(text);
    if surname == 0 || !given(text.get(surname)) || WORDS.iter().any(|word| starts_at(text, 0, word)) {
        return None;
    }
    if !given(text.get(surname + 1)) {
        return Some(surname + 1);
    }
    // 刘英英雄的英: the explanation of a character begins with it.
    let explained =
        |at: usize| text.get(at + 2) == Some(&'的') && text.get(at + 3).is_some_and(|c| text[..at].contains(c));
    let explained_long =
        |at: usize| text.get(at + 3) == Some(&'的') && text.get(at + 4).is_some_and(|c| text[..at].contains(c));
    if explained(surname + 1) || explained_long(surname + 1) && text.get(surname + 1) == text.get(surname + 5) {
        return Some(surname + 1);
    }
    Some(surname + 2)
}

/// Length of a name that is written with a dot: 阿依古丽·买买提.
fn dotted_len(text: &[char]) -> Option<usize> {
    let len = text.iter().take(24).take_while(|&&c| is_han(c) || c == '·' || c == '•').count();
    let dot = text[..len].iter().position(|c| matches!(c, '·' | '•'))?;
    (dot >= 2 && dot + 1 < len).then_some(len)
}

/// Length of a name without a known surname, where the cue leaves no doubt and a boundary ends it.
fn foreign_len(text: &[char]) -> Option<usize> {
    let len = text.iter().take(8).take_while(|&&c| is_han(c)).count();
    let plain = text[..len].iter().all(|c| !NEVER.contains(*c));
    ((2..=6).contains(&len)
        && plain
        && boundary(text.get(len).copied())
        && !WORDS.iter().any(|w| starts_at(text, 0, w)))
    .then_some(len)
}

/// 张建国先生: the name goes, the title stays.
fn before_title(fold: &[char], note: &mut impl FnMut(usize, usize)) {
    for at in 2..fold.len() {
        if !matches!(fold[at], '先' | '女' | '小' | '同') || !TITLES.iter().any(|title| starts_at(fold, at, title))
        {
            continue;
        }
        // A full name, unless only a surname is there (欧阳先生) or the word before belongs to it (感谢张先生).
        for len in [4, 3, 2] {
            let Some(start) = at.checked_sub(len) else { continue };
            let text = &fold[start..at];
            let surname = surname_len(text);
            let complete =
                surname > 0 && len - surname <= 2 && len > surname && text[surname..].iter().all(|c| given(Some(c)));
            let free = start == 0
                || !is_han(fold[start - 1]) && fold[start - 1] != ']'
                || matches!(fold[start - 1], '是' | '叫' | '给' | '找' | '的' | '由' | '为');
            let lone = surname_len(&text[len - 1..]) == 1 && len == 2;
            if complete && free && !lone && !WORDS.iter().any(|word| starts_at(text, 0, word)) {
                note(start, at);
                break;
            }
        }
    }
}

/// Whether the turn before, of the other side, asks for the name at its end.
fn asked(drafts: &[Draft], turn: usize) -> bool {
    !drafts[turn].office()
        && drafts[..turn]
            .iter()
            .rev()
            .find(|d| !d.fold.is_empty())
            .is_some_and(|before| before.office() && ends_with_any(&before.fold, ASKS, 12))
}

/// A name at the head of an answer, when something marks its end: 何志远。 / 舒长根舒服的舒
fn answer(fold: &[char], note: &mut impl FnMut(usize, usize)) {
    let start = fold
        .iter()
        .take(8)
        .take_while(|&&c| !is_han(c) && c != '[' || "嗯呃啊哦我是叫就".contains(c))
        .count();
    let rest = &fold[start..];
    for len in [4, 3, 2] {
        let Some(name) = rest.get(..len) else { continue };
        let surname = surname_len(name);
        let complete =
            surname > 0 && len > surname && len - surname <= 2 && name[surname..].iter().all(|c| given(Some(c)));
        if !complete
            || name.last().is_some_and(|&c| PLACES.contains(c))
            || WORDS.iter().any(|word| starts_at(name, 0, word))
        {
            continue;
        }
        let next = rest.get(len).copied();
        let digit_follows = next.is_some_and(|c| super::digits::digit(c).is_some());
        let explained = rest[len..]
            .iter()
            .take(5)
            .collect::<Vec<_>>()
            .windows(2)
            .any(|w| *w[0] == '的' && name.contains(w[1]));
        if boundary(next) || digit_follows || explained {
            note(start, start + len);
            return;
        }
    }
}
