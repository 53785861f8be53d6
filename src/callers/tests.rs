//! Cards and lists, on a few calls that can be told by hand.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use arrow_ipc::reader::StreamReader;
use chrono::{DateTime, Utc};
use proptest::prelude::*;
use qingting_pipeline::Analyzed;
use qingting_pipeline::record::Role::{Agent as A, Caller as C};
use qingting_pipeline::record::*;

use super::card::{CONTACTS, Known, LINES};
use super::*;
use crate::journey::tests::made;

fn now() -> DateTime<Utc> {
    "2026-04-01T00:00:00Z".parse().unwrap()
}

/// A contact of the caller `p` about heating.
fn contact(id: &str, day: u32, outcome: &str) -> Analyzed {
    let acts: [&[Act]; 3] = [&[Act::Greeting], &[Act::Complain], &[Act::NextStep]];
    let mut call = made(id, &[(A, 0.0, acts[0]), (C, -0.2, acts[1]), (A, 0.0, acts[2])]);
    call.record.started_at = Some(format!("2026-03-{day:02}T10:00:00+08:00").parse().unwrap());
    call.record.caller = Some(Caller { id: Some("p".into()), number: Some("n".into()) });
    call.analysis.facts.outcome = outcome.into();
    call.analysis.turns[2].text = format!("{id}的答复：三个工作日内给您回电。");
    call
}

fn ticket(due: u32, closed: Option<u32>) -> Ticket {
    let day = |day: u32| Some(format!("2026-03-{day:02}T18:00:00+08:00").parse().unwrap());
    Ticket {
        id: "G1".into(),
        due_at: day(due),
        closed_at: closed.and_then(day),
        ..Ticket::default()
    }
}

/// The card of calls that come oldest first.
fn card(mut calls: Vec<Analyzed>) -> Card {
    calls.reverse();
    let known = Known {
        pseudonyms: &["p".into(), "x".into()],
        topics: &TopicNames::new(),
        cases: &[],
        days: 180,
        now: now(),
    };
    Card::new(&calls, &known)
}

#[test]
fn a_card_is_read_in_seconds() {
    let mut good = contact("good", 1, "resolved");
    good.record.rating = Some(5);
    let mut promised = contact("promised", 5, "follow_up");
    promised.record.ticket = Some(ticket(8, None));
    let mut again = contact("again", 12, "unresolved");
    again.record.rating = Some(1);
    let card = card(vec![good, promised, again]);
    assert_eq!(card.headline, "180 天内来电 3 次；“供热”反复来电，2 次未解决；上次不满意");
    assert_eq!(
        card.lines,
        [
            "上次：3月12日供热，未解决，评价 1 分",
            "承诺：3月5日“promised的答复：三个工作日内给您回电。”，未见答复，3月12日 再次来电",
            "未了：工单 G1 未办结，3月8日到期",
            "有效：“good的答复：三个工作日内给您回电。”",
        ]
    );
    assert_eq!((card.pseudonyms, card.crisis, card.more), (vec!["p".to_owned()], false, false));
    assert_eq!(card.helped.unwrap().turn, 2);
}

#[test]
fn danger_comes_first_and_a_stranger_is_told_as_one() {
    let mut danger = contact("danger", 2, "resolved");
    danger.analysis.facts.crisis = true;
    danger.analysis.facts.language = "yue".into();
    let told = card(vec![danger, contact("later", 9, "resolved")]);
    assert!(told.headline.starts_with("【曾有危机情形】先确认安全；"), "{}", told.headline);
    assert!(told.lines[0].starts_with("危机：3月2日来电"), "{:?}", told.lines);
    let mut cantonese = contact("c", 9, "resolved");
    cantonese.analysis.facts.language = "yue-Hant".into();
    assert!(card(vec![cantonese]).headline.starts_with("说粤语；180 天内来电 1 次"));
    let stranger = card(Vec::new());
    assert_eq!((stranger.headline.as_str(), stranger.lines.len()), ("180 天内没有来电记录", 0));
    assert_eq!(stranger.pseudonyms, ["p", "x"], "what was looked for is what the audit trail names");
}

#[test]
fn what_became_of_a_promise_is_told_by_what_shows_it() {
    let kept = |change: fn(&mut Vec<Analyzed>)| {
        let mut calls = vec![contact("a", 5, "follow_up")];
        change(&mut calls);
        let card = card(calls);
        let promise = card.contacts.last().unwrap().promise.clone().unwrap();
        (promise.kept, promise.why)
    };
    assert_eq!(kept(|_| {}), (Kept::Unknown, "没有办结记录".into()));
    assert_eq!(kept(|calls| calls[0].record.ticket = Some(ticket(8, Some(7)))).0, Kept::Kept);
    assert_eq!(
        kept(|calls| calls[0].record.ticket = Some(ticket(8, Some(9)))),
        (Kept::Late, "工单 3月9日 逾期办结".into())
    );
    assert_eq!(kept(|calls| calls[0].record.ticket = Some(ticket(8, None))).1, "3月8日 到期，未见办结记录");
    fn said(calls: &mut [Analyzed], yes: &str) {
        calls[0].record.attributes.insert("ticket_responded".into(), yes.into());
    }
    assert_eq!(kept(|calls| said(calls, "true")).0, Kept::Kept);
    assert_eq!(kept(|calls| said(calls, "false")).0, Kept::Broken);
    // Called back before the caller came again, or after.
    fn back(day: u32) -> Analyzed {
        let mut back = contact("back", day, "resolved");
        back.record.direction = Direction::Outbound;
        back
    }
    assert_eq!(
        kept(|calls| calls.extend([back(6), contact("b", 9, "resolved")])),
        (Kept::Kept, "3月6日 已回拨".into())
    );
    assert_eq!(kept(|calls| calls.extend([contact("b", 7, "resolved"), back(9)])).0, Kept::Broken);
    // Before it is due, coming again says nothing; the newest record tells most of the work order.
    assert_eq!(
        kept(|calls| {
            calls[0].record.ticket = Some(ticket(20, None));
            calls.push(contact("b", 9, "resolved"));
        })
        .0,
        Kept::Unknown
    );
    assert_eq!(
        kept(|calls| {
            calls[0].record.ticket = Some(ticket(8, None));
            let mut newer = contact("b", 9, "resolved");
            newer.record.ticket = Some(ticket(8, Some(8)));
            calls.push(newer);
        })
        .0,
        Kept::Kept
    );
    // Another matter.
    assert_eq!(
        kept(|calls| {
            let mut other = contact("b", 9, "resolved");
            other.analysis.facts.category = vec!["交通".into(), "停车".into()];
            calls.push(other);
        })
        .0,
        Kept::Unknown
    );
}

#[test]
fn a_list_has_each_caller_once_and_nobody_who_was_in_danger() {
    let of = |id: &str, who: &str, day: u32| {
        let mut call = contact(id, day, "follow_up");
        call.record.caller = (!who.is_empty()).then(|| Caller { id: None, number: Some(who.into()) });
        call.record.region = (day < 5).then(|| "=东城".into());
        call
    };
    let mut list = Affected::new(["c".to_owned()].into());
    let mut danger = of("6", "d", 7);
    danger.analysis.facts.crisis = true;
    for call in [
        of("1", "a", 3),
        of("2", "a", 9),
        of("3", "b", 4),
        of("4", "c", 4),
        of("5", "", 4),
        of("0", "d", 1),
        danger,
        of("7", "d", 8),
    ] {
        list.add(&call.record, &call.analysis, &TopicNames::new());
    }
    let list = list.finish();
    let rows: Vec<_> =
        list.callers.iter().map(|row| (row.caller.as_str(), row.calls, row.last_call.as_str())).collect();
    assert_eq!(rows, [("a", 2, "2"), ("b", 1, "3")]);
    assert_eq!((list.total, list.calls, list.unknown, list.excluded), (2, 8, 1, 2));
    let first = &list.callers[0];
    assert_eq!(
        (first.region.as_deref(), first.open.as_str(), first.matter.as_deref()),
        (Some("=东城"), "待跟进", Some("供热"))
    );

    let csv = String::from_utf8(table::csv(&list.callers, false).unwrap()).unwrap();
    assert!(csv.starts_with("\u{feff}caller,calls,") && !csv.contains("number"));
    assert!(csv.contains("a,2,2,2026-03-09T10:00:00+08:00,'=东城,供热,待跟进"), "{csv}");
    let bytes = table::arrow(&list.callers, true).unwrap();
    let batch = StreamReader::try_new(bytes.as_slice(), None).unwrap().next().unwrap().unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (2, 8));
    assert_eq!(batch.column_by_name("caller").unwrap().as_string::<i32>().value(1), "b");
    assert!(table::arrow(&[], false).is_ok());
}

fn any_call() -> impl Strategy<Value = Analyzed> {
    let outcome = prop::sample::select(vec!["resolved", "follow_up", "unresolved"]);
    (
        1u32..31,
        outcome,
        prop::option::of(1u8..6),
        any::<(bool, bool, bool)>(),
        prop::option::of((1u32..31, prop::option::of(1u32..31))),
    )
        .prop_map(|(day, outcome, rating, (crisis, outbound, known), order)| {
            let mut call = contact("c", day, outcome);
            call.record.call_id = format!("c{day}{outcome}{rating:?}{crisis}{outbound}");
            call.record.rating = rating;
            call.analysis.facts.crisis = crisis;
            call.record.direction = if outbound {
                Direction::Outbound
            } else {
                Direction::Inbound
            };
            call.record.ticket = order.map(|(due, closed)| ticket(due, closed));
            if !known {
                call.record.caller = None;
            }
            call
        })
}

proptest! {
    #[test]
    fn a_card_is_short_whatever_happened(mut calls in prop::collection::vec(any_call(), 0..30)) {
        calls.sort_by_key(|call| call.record.started_at);
        let danger = calls.iter().rev().take(CONTACTS).any(|call| call.analysis.facts.crisis);
        let card = card(calls);
        prop_assert!(card.lines.len() <= LINES && card.contacts.len() <= CONTACTS);
        prop_assert!(card.headline.chars().count() <= 80, "{}", card.headline);
        prop_assert!(card.lines.iter().all(|line| line.chars().count() <= 90), "{:?}", card.lines);
        prop_assert_eq!(card.crisis, danger);
        prop_assert_eq!(danger, card.headline.starts_with("【曾有危机情形】"));
    }

    #[test]
    fn a_list_counts_every_call_somewhere(calls in prop::collection::vec(any_call(), 0..30)) {
        let mut list = Affected::new(BTreeSet::new());
        calls.iter().for_each(|call| list.add(&call.record, &call.analysis, &TopicNames::new()));
        let list = list.finish();
        prop_assert_eq!(list.calls, calls.len() as u64);
        let danger = calls.iter().any(|call| call.analysis.facts.crisis && call.record.caller.is_some());
        prop_assert_eq!((list.callers.len(), list.excluded), if danger { (0, 1) } else { (usize::from(list.unknown < list.calls), 0) });
    }
}
