//! House-level addresses: building, entrance and room are masked, road and district stay, so
//! that what a call is about can still be told.

use super::digits::digit;
use super::kinds::CharKinds;
use super::mask::{Draft, Found, ends_with_any, starts_at};
use crate::record::MaskKind;

/// What ends a part of an address, longest first, and whether it names a building or a home.
const PARTS: &[(&str, bool)] = &[
    ("号楼", true),
    ("号院", true),
    ("门栋", true),
    ("单元", true),
    ("栋", true),
    ("幢", true),
    ("座", true),
    ("弄", true),
    ("室", true),
    ("号", false),
    ("排", false),
    ("层", false),
    ("楼", false),
    ("门", false),
    ("房", false),
];
/// Where an agent sends people: such an address is public.
const OFFICES: &[&str] = &[
    "中心",
    "大厅",
    "窗口",
    "网点",
    "营业厅",
    "支行",
    "分行",
    "派出所",
    "服务站",
    "分局",
    "支队",
    "大队",
    "法院",
    "医院",
    "车管所",
    "税务",
    "人社局",
    "社保局",
    "医保局",
    "街道办",
    "居委会",
    "公司",
    "门店",
    "档案馆",
    "仲裁院",
    "学校",
];
/// What an agent reads back to a caller.
const OWN: &[&str] = &["您家", "您住", "您的地址", "住址", "您那", "您是", "您这"];

/// Finds house-level addresses.
pub(super) fn find(drafts: &[Draft], found: &mut [Vec<Found>]) {
    let spans: Vec<Vec<(usize, usize)>> = drafts
        .iter()
        .map(|draft| {
            let may_have = draft.kinds.any(&[CharKinds::NUMERAL, CharKinds::LETTER]);
            if may_have { houses(&draft.fold) } else { Vec::new() }
        })
        .collect();
    let told = drafts.iter().zip(&spans).any(|(d, s)| !d.office() && !s.is_empty())
        || drafts.iter().any(|d| !d.office() && d.masks.iter().any(|m| m.kind == MaskKind::Address));
    for ((draft, spans), found) in drafts.iter().zip(spans).zip(found) {
        for (start, end) in spans {
            let before = &draft.fold[start.saturating_sub(25)..start];
            let public =
                draft.office() && !ends_with_any(before, OWN, 25) && (!told || ends_with_any(before, OFFICES, 25));
            if !public {
                found.push(Found { kind: MaskKind::Address, start, end });
            }
        }
    }
}

/// Spans of at least two parts, one of them a building or a home.
fn houses(fold: &[char]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < fold.len() {
        match house(fold, at) {
            Some(end) => {
                found.push((at, end));
                at = end;
            }
            // A number is tried from its start only.
            None => at += number_len(&fold[at..]).max(1),
        }
    }
    found
}

/// The end of the address that begins with the number at `start`.
fn house(fold: &[char], start: usize) -> Option<usize> {
    let (mut at, mut end, mut parts, mut strong) = (start, start, 0, false);
    loop {
        let number = number_len(&fold[at..]);
        if number == 0 {
            break;
        }
        let after = at + number;
        if let Some((word, home)) = PARTS.iter().find(|(word, _)| starts_at(fold, after, word)) {
            // 五座城, 三号线, 两室一厅, 十二户人家
            let next = fold.get(after + word.chars().count());
            let other = match (*word, next) {
                ("号", Some('线' | '文' | '令' | '下' | '上' | '早' | '晚' | '中')) => true,
                ("门" | "层", _) => parts == 0,
                ("座", Some(c)) => matches!(c, '城' | '桥' | '位' | '山'),
                ("室", Some(c)) => matches!(c, '厅' | '一' | '两' | '二') || fold[at..after] == ['两'],
                _ => false,
            };
            if other {
                break;
            }
            at = after + word.chars().count();
            parts += 1;
            strong |= home;
            end = at;
            at += fold[at..].iter().take(2).take_while(|c| matches!(c, ',' | ' ' | '、' | '-' | '的')).count();
        } else {
            // A room without a word for it: 二单元三零一, 5栋1203.
            let digits = fold[at..after].iter().filter(|&&c| digit(c).is_some()).count();
            let room =
                parts > 0 && strong && digits == number && (3..=4).contains(&number) && !counted(fold.get(after));
            if room {
                parts += 1;
                end = after;
            }
            break;
        }
    }
    (parts >= 2 && strong).then_some(end)
}

fn counted(next: Option<&char>) -> bool {
    next.is_some_and(|c| {
        matches!(c, '年' | '月' | '日' | '点' | '元' | '块' | '万' | '个' | '人' | '多' | '度' | '米' | '平')
    })
}

/// Length of the number, written or said, that a text begins with; letters name buildings (A座).
fn number_len(text: &[char]) -> usize {
    let letters = usize::from(
        text.first().is_some_and(char::is_ascii_lowercase) && !text.get(1).is_some_and(char::is_ascii_lowercase),
    );
    let digits = text[letters.min(text.len())..]
        .iter()
        .take(6)
        .take_while(|&&c| digit(c).is_some() || matches!(c, '十' | '百' | '两'))
        .count();
    letters + digits
}
