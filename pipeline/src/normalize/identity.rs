//! Identity cards, bank cards and telephone numbers in a call: strings of digits, said in one
//! go, in pieces, or over several turns with the other side's 嗯 in between.

use std::collections::HashSet;

use super::digits::{Group, groups, joins, pause, quantity};
use super::identifier::{
    CHECK_X, bank_card, bank_card_plausible, fixed_line, id_card_15, id_card_18, id_card_plausible, local_line, mobile,
};
use super::kinds::CharKinds;
use super::mask::{Draft, Found, Kinds, ends_with_any};
use crate::record::MaskKind;

/// Most groups of digits that are read as one number: a bank card said figure by figure.
const MAX_GROUPS: usize = 19;
/// Longest turn of the other side that does not end a number, characters.
const MAX_BETWEEN: usize = 12;

/// Words before a number that say it is something else.
const OTHER_NUMBER: &[&str] = &[
    "单号",
    "工单",
    "订单",
    "编号",
    "流水",
    "户号",
    "工号",
    "尾号",
    "保单",
    "文号",
    "票号",
    "运单",
    "合同号",
];
const PHONE_CUE: &[&str] = &["电话", "座机", "固话", "联系方式", "手机", "号码"];
const ID_CUE: &[&str] = &["身份证", "证件", "份证"];
const CARD_CUE: &[&str] = &["卡号", "银行卡", "储蓄卡", "信用卡", "借记卡", "账号"];

/// A number that was recognised.
struct Window {
    kind: MaskKind,
    /// Fixed-line numbers: the agent's are the offices', the caller's are masked.
    fixed: bool,
    digits: Vec<u8>,
    /// One piece in every turn that it reaches into.
    pieces: Vec<(usize, Found)>,
}

/// Finds the personal numbers of a call.
pub(super) fn find(drafts: &[Draft], kinds: Kinds, found: &mut [Vec<Found>]) {
    let mut windows = Vec::new();
    for office in [false, true] {
        let side = side(drafts, office);
        let mut at = 0;
        while at < side.len() {
            at = match best(drafts, &side, at) {
                Some((window, next)) => {
                    windows.push(window);
                    next
                }
                None => {
                    split(&side[at], &mut windows);
                    at + 1
                }
            };
        }
    }
    windows.sort_by_key(|w| w.pieces.first().map(|(turn, piece)| (*turn, piece.start)));

    // A fixed-line number belongs to whoever says it first.
    let mut public: HashSet<Vec<u8>> = HashSet::new();
    let mut private: HashSet<Vec<u8>> = HashSet::new();
    for window in windows {
        if window.fixed {
            let office = window.pieces.first().is_some_and(|(turn, _)| drafts[*turn].office());
            if office && !private.contains(&window.digits) {
                public.insert(window.digits);
                continue;
            }
            if public.contains(&window.digits) {
                continue;
            }
            private.insert(window.digits);
        }
        if kinds.allows(window.kind) {
            for (turn, piece) in window.pieces {
                found[turn].push(piece);
            }
        }
    }
}

/// The groups of the turns of one side, linked across the short turns of the other.
fn side(drafts: &[Draft], office: bool) -> Vec<Group> {
    let mut all: Vec<Group> = Vec::new();
    // The last turn of this side, and whether the other side has said much since.
    let mut previous: Option<usize> = None;
    let mut broken = false;
    for (turn, draft) in drafts.iter().enumerate() {
        if draft.office() != office {
            broken |= draft.fold.len() > MAX_BETWEEN;
            continue;
        }
        let may_have = draft.kinds.any(&[CharKinds::NUMERAL]);
        let mut found = if may_have {
            groups(turn, &draft.fold)
        } else {
            Vec::new()
        };
        if let (Some(first), Some(last), Some(before)) = (found.first_mut(), all.last(), previous)
            && last.turn == before
            && !broken
        {
            let tail = &drafts[before].fold[last.end..];
            // 四幺幺二，听着没？
            let tail_ends_it = joins(tail) || (tail.len() <= 6 && tail.first().is_some_and(|&c| pause(c)));
            first.linked = tail_ends_it && joins(&draft.fold[..first.start]);
        }
        all.append(&mut found);
        previous = Some(turn);
        broken = false;
    }
    all
}

/// The most certain number that begins with a group, and the index of the first group after it.
fn best(drafts: &[Draft], side: &[Group], at: usize) -> Option<(Window, usize)> {
    let mut digits: Vec<u8> = Vec::with_capacity(20);
    let mut best: Option<(u8, usize, Vec<u8>, usize)> = None;
    for (count, group) in side[at..].iter().take(MAX_GROUPS).enumerate() {
        if count > 0 && !group.linked {
            break;
        }
        digits.extend(&group.digits);
        if digits.len() > 19 {
            break;
        }
        let window = &side[at..=at + count];
        let mut candidates = vec![(digits.clone(), group.end)];
        if let (17, Some(end)) = (digits.len(), check_x(&drafts[group.turn].fold, group.end)) {
            let mut with_x = digits.clone();
            with_x.push(CHECK_X);
            candidates.push((with_x, end));
        }
        for (digits, end) in candidates {
            if let Some(rank) = rank(drafts, window, &digits)
                && best.as_ref().is_none_or(|(r, ..)| rank <= *r)
            {
                best = Some((rank, count + 1, digits, end));
            }
        }
    }
    let (rank, count, digits, end) = best?;
    let mut pieces: Vec<(usize, Found)> = Vec::new();
    let kind = match rank {
        0 | 3 => MaskKind::IdCard,
        1 | 4 => MaskKind::BankCard,
        _ => MaskKind::Phone,
    };
    for group in &side[at..at + count] {
        match pieces.last_mut() {
            Some((turn, piece)) if *turn == group.turn => piece.end = group.end,
            _ => pieces.push((group.turn, Found { kind, start: group.start, end: group.end })),
        }
    }
    if let Some((_, last)) = pieces.last_mut() {
        last.end = end;
    }
    Some((Window { kind, fixed: rank >= 5, digits, pieces }, at + count))
}

/// How certain a window is a personal number, 0 most; `None` when it is none.
fn rank(drafts: &[Draft], window: &[Group], digits: &[u8]) -> Option<u8> {
    let (first, last) = (window.first()?, window.last()?);
    let fold = &drafts[first.turn].fold;
    let before = &fold[first.start.saturating_sub(12)..first.start];
    let single = window.len() == 1;
    let spoken = window.iter().all(|g| g.spoken);
    let lettered = first.start > 0 && fold[first.start - 1].is_ascii_alphabetic();
    if !single && (lettered || quantity(drafts[last.turn].fold.get(last.end).copied())) {
        return None;
    }
    if mobile(digits) && (single || mobile_shape(window)) {
        return Some(2);
    }
    if lettered {
        return None;
    }
    if id_card_18(digits) {
        return Some(0);
    }
    if bank_card(digits) && card_shape(window) {
        return Some(1);
    }
    let other = ends_with_any(before, OTHER_NUMBER, 6);
    if other {
        return None;
    }
    // A recogniser mishears a figure of eighteen sooner than one of a whole date.
    if id_card_plausible(digits) && (spoken || ends_with_any(before, ID_CUE, 8) || asked(drafts, first.turn, ID_CUE)) {
        return Some(3);
    }
    if id_card_15(digits) && (single || spoken) {
        return Some(3);
    }
    // So it does a figure of a card; what is called one is one.
    if digits.len() >= 16 && bank_card_plausible(digits) && ends_with_any(before, CARD_CUE, 6) {
        return Some(4);
    }
    if fixed_line(digits) && (single || line_shape(window)) {
        return Some(5);
    }
    // Without area code only what was called a telephone number, except to learn what the agent gives out.
    let called = ends_with_any(before, PHONE_CUE, 6) || asked(drafts, first.turn, PHONE_CUE) && first.start <= 4;
    let complete = last.end - last.start >= 2 || single;
    (local_line(digits) && complete && line_shape(window) && (called || drafts[first.turn].office())).then_some(6)
}

/// Whether the turn before, of the other side, ends by asking for such a number.
fn asked(drafts: &[Draft], turn: usize, cues: &[&str]) -> bool {
    drafts[..turn]
        .iter()
        .rev()
        .find(|d| !d.fold.is_empty())
        .is_some_and(|before| before.office() != drafts[turn].office() && ends_with_any(&before.fold, cues, 16))
}

/// How people cut a mobile number into pieces: 138 0013 8000, or one figure at a time. When it is
/// said with 幺, any way, for nothing else begins so.
fn mobile_shape(window: &[Group]) -> bool {
    let sizes = || window.iter().map(|g| g.digits.len());
    let first = sizes().next().unwrap_or(0);
    sizes().all(|n| n == 1)
        || (first >= 3 && sizes().all(|n| n >= 2))
        || (window.iter().all(|g| g.spoken) && first >= 2 && sizes().skip(1).all(|n| n <= 8))
}

fn card_shape(window: &[Group]) -> bool {
    let sizes = || window.iter().map(|g| g.digits.len());
    window.len() == 1 || sizes().all(|n| n == 1) || sizes().rev().skip(1).all(|n| n >= 2)
}

fn line_shape(window: &[Group]) -> bool {
    let sizes = || window.iter().map(|g| g.digits.len());
    window.len() == 1 || sizes().all(|n| n == 1) || sizes().all(|n| n >= 2)
}

/// The X that ends an identity card, in the ways it is written and said; the index after it.
fn check_x(fold: &[char], end: usize) -> Option<usize> {
    let rest = &fold[end..];
    let skip = rest.iter().take(2).take_while(|&&c| pause(c)).count();
    let rest = &rest[skip..];
    let x = match rest {
        ['x' | '×' | '叉', ..] => 1,
        ['艾' | '爱', '克', '斯' | '司', ..] => 3,
        _ => return None,
    };
    let latin_word = x == 1 && rest.get(1).is_some_and(char::is_ascii_alphabetic);
    (!latin_word).then_some(end + skip + x)
}

/// Several numbers that a recogniser wrote as one run, and a mobile number with a stray figure at
/// its end or start.
fn split(group: &Group, windows: &mut Vec<Window>) {
    let piece = |kind, from: usize, to: usize| Window {
        kind,
        fixed: false,
        digits: group.digits[from..to].to_vec(),
        pieces: vec![(group.turn, Found { kind, start: group.start + from, end: group.start + to })],
    };
    let n = group.digits.len();
    if n < 12 {
        return;
    }
    if let Some(parts) = partition(&group.digits) {
        let mut from = 0;
        for (kind, len) in parts {
            windows.push(piece(kind, from, from + len));
            from += len;
        }
    } else if group.spoken && n <= 14 {
        if mobile(&group.digits[..11]) {
            windows.push(piece(MaskKind::Phone, 0, 11));
        } else if mobile(&group.digits[n - 11..]) {
            windows.push(piece(MaskKind::Phone, n - 11, n));
        }
    }
}

/// Cuts a run wholly into identity cards and mobile numbers.
fn partition(digits: &[u8]) -> Option<Vec<(MaskKind, usize)>> {
    if digits.len() > 64 {
        return None;
    }
    let mut parts = Vec::new();
    let mut at = 0;
    while at < digits.len() {
        let rest = &digits[at..];
        let (kind, len) = match rest {
            r if r.len() >= 18 && id_card_18(&r[..18]) => (MaskKind::IdCard, 18),
            r if r.len() >= 11 && mobile(&r[..11]) => (MaskKind::Phone, 11),
            _ => return None,
        };
        parts.push((kind, len));
        at += len;
    }
    Some(parts)
}
