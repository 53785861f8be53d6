//! Vehicle plates and e-mail addresses, written or said.

use std::sync::LazyLock;

use super::digits::{digit, pause};
use super::kinds::CharKinds;
use super::mask::{Draft, Found};
use crate::letters::HanSet;
use crate::record::MaskKind;

static PROVINCES: LazyLock<HanSet> =
    LazyLock::new(|| HanSet::new("京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"));
const LAST: &str = "挂学警港澳领使";
const ENDS: &[&str] = &["com", "cn", "net", "org"];

/// Finds plates and e-mail addresses.
pub(super) fn find(drafts: &[Draft], found: &mut [Vec<Found>]) {
    let some = drafts.iter().zip(found).filter(|(draft, _)| draft.kinds.any(&[CharKinds::PLATE]));
    for (draft, found) in some {
        let fold = draft.fold.as_slice();
        let mut at = 0;
        while at < fold.len() {
            let piece = match fold[at] {
                '@' => email(fold, at, at + 1),
                '艾' | '爱' if fold.get(at + 1) == Some(&'特') => email(fold, at, at + 2),
                c if PROVINCES.contains(c) => {
                    plate(fold, at).map(|end| Found { kind: MaskKind::Plate, start: at, end })
                }
                _ => None,
            };
            at = piece.map_or(at + 1, |p| p.end.max(at + 1));
            found.extend(piece);
        }
    }
}

/// Whether a plate begins with a character, or an e-mail address has it.
pub(super) fn may_begin(c: char) -> bool {
    matches!(c, '@' | '艾' | '爱') || PROVINCES.contains(c)
}

/// The end of the plate that begins at an index: province, letter, then five characters, or six
/// with the mark of an electric car (GA 36).
fn plate(fold: &[char], start: usize) -> Option<usize> {
    fold.get(start + 1).filter(|&&c| office_letter(c))?;
    let mut serial: Vec<char> = Vec::with_capacity(6);
    let mut at = start + 2;
    let mut end = at;
    while let Some(&c) = fold.get(at)
        && serial.len() <= 6
    {
        if let Some(d) = digit(c) {
            serial.push(char::from(b'0' + d));
        } else if office_letter(c) {
            serial.push(c);
        } else if serial.len() == 4 && LAST.contains(c) {
            return Some(at + 1);
        } else if serial.len() < 5 && at - end < 2 && (pause(c) || c == '·') {
            at += 1;
            continue;
        } else {
            break;
        }
        at += 1;
        end = at;
    }
    let digits = serial.iter().filter(|c| c.is_ascii_digit()).count();
    let electric = || {
        let mark = |c: &char| ('a'..='k').contains(c);
        serial.first().is_some_and(mark) && serial[2..].iter().all(char::is_ascii_digit)
            || serial.last().is_some_and(mark) && serial[..5].iter().all(char::is_ascii_digit)
    };
    match serial.len() {
        5 => digits >= 3,
        6 => electric(),
        _ => false,
    }
    .then_some(end)
}

/// Letters on plates: I and O are left out.
fn office_letter(c: char) -> bool {
    c.is_ascii_lowercase() && c != 'i' && c != 'o'
}

/// The e-mail address around an @, or around one that was spoken.
fn email(fold: &[char], sign: usize, after: usize) -> Option<Found> {
    let local = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-') || digit(*c).is_some();
    let domain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '点') || digit(*c).is_some();
    let start = sign - fold[..sign].iter().rev().take_while(|c| local(c)).count();
    let end = after + fold[after..].iter().take_while(|c| domain(c)).count();
    let name: String = fold[after..end].iter().map(|&c| if c == '点' { '.' } else { c }).collect();
    let written = after - sign == 1;
    let ending = match name.rfind('.') {
        Some(dot) if written => name[dot + 1..].len() >= 2 && name[dot + 1..].bytes().all(|b| b.is_ascii_alphabetic()),
        Some(dot) => ENDS.contains(&&name[dot + 1..]),
        None => false,
    };
    (start < sign && ending).then_some(Found { kind: MaskKind::Email, start, end })
}
