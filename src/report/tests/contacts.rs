//! Repeats and first contact resolution, counted by hand.

use proptest::prelude::*;
use qingting_pipeline::record::{Caller, Ticket};

use super::*;
use crate::report::contacts::{Basis, Contacts, RepeatFigures, RepeatRule};
use crate::report::figures::Share;

const WEEK: RepeatRule = RepeatRule { days: 7, basis: Basis::Matter };

/// A call of a caller about something, settled in the call or not.
fn contact(id: &str, day: u32, caller: &str, matter: &str, outcome: &str) -> Call {
    let (mut record, mut analysis) = call(id, &format!("2026-11-{day:02}T09:00:00+08:00"));
    record.caller = (!caller.is_empty()).then(|| Caller { id: Some(caller.to_owned()), number: None });
    analysis.facts.category = match matter {
        "" => Vec::new(),
        matter => vec!["市政".to_owned(), matter.to_owned()],
    };
    analysis.facts.outcome = outcome.to_owned();
    (record, analysis)
}

fn ticketed((record, analysis): Call, ticket: &str) -> Call {
    (
        CallRecord { ticket: Some(Ticket { id: ticket.to_owned(), ..Ticket::default() }), ..record },
        analysis,
    )
}

/// The figures of those of `calls` whose id does not begin with `x`, of data from the 1st to the 30th.
fn counted(rule: RepeatRule, calls: &[Call]) -> RepeatFigures {
    let mut contacts = Contacts::new(rule, Some((day("2026-11-01"), day("2026-11-30"))));
    for (record, analysis) in calls {
        contacts.add(record, analysis, (!record.call_id.starts_with('x')).then_some(0));
    }
    contacts.finish(1)[0]
}

/// A comes back about the water after three days, B about the light after eight, C about something else, D is not known,
/// nobody knows what E wanted; F is too near to the end and G to the beginning of the data.
fn calls() -> Vec<Call> {
    vec![
        contact("g", 3, "G", "停水", "resolved"),
        contact("a1", 10, "A", "停水", "resolved"),
        contact("b1", 10, "B", "路灯", "resolved"),
        contact("c1", 10, "C", "停水", "resolved"),
        contact("d", 11, "", "停水", "resolved"),
        contact("e", 11, "E", "", "resolved"),
        contact("c2", 12, "C", "噪声", "follow_up"),
        contact("a2", 13, "A", "停水", "resolved"),
        contact("b2", 18, "B", "路灯", "unresolved"),
        contact("f", 26, "F", "停水", "resolved"),
    ]
}

#[test]
fn repeats_and_first_contacts_are_those_counted_by_hand() {
    let figures = counted(WEEK, &calls());
    assert_eq!(figures.contacts, 10);
    // All but d, e and g: a1, b1, c1, c2, a2, b2, f; a2 alone comes within the week.
    assert_eq!(figures.repeats, Share::new(1, 7));
    // First contacts whose week is over: a1, b1, c1, c2, b2. Only A came back.
    assert_eq!(figures.not_again, Share::new(4, 5));
    // Of these b1 and c1 were settled in the call, and a1, which was not the last.
    assert_eq!(figures.resolved, Share::new(2, 5));
    let listed: Vec<_> = figures.figures().iter().map(|f| (f.id, f.measured.value(), f.missing())).collect();
    assert_eq!(
        listed,
        [
            ("repeat_contact", Some(1.0 / 7.0), 3),
            ("not_again", Some(0.8), 4),
            ("fcr", Some(0.4), 4)
        ]
    );
}

#[test]
fn any_contact_of_the_caller_is_a_repeat_where_that_is_asked_for() {
    let figures = counted(RepeatRule { basis: Basis::Caller, ..WEEK }, &calls());
    // e is known now; c2 is a repeat of c1.
    assert_eq!((figures.repeats, figures.not_again), (Share::new(2, 8), Share::new(3, 5)));
    assert_eq!(figures.resolved, Share::new(2, 5), "b1 and e");
    let longer = counted(RepeatRule { days: 8, ..WEEK }, &calls());
    assert_eq!(longer.repeats, Share::new(2, 7), "eight days later is within eight days");
}

#[test]
fn a_work_order_is_a_matter_whatever_it_was_filed_under() {
    let calls = [
        ticketed(contact("1", 10, "A", "停水", "resolved"), "T1"),
        ticketed(contact("2", 12, "A", "噪声", "resolved"), "T1"),
        contact("3", 13, "A", "停水", "resolved"),
        ticketed(contact("4", 13, "B", "", "resolved"), "T1"),
    ];
    let figures = counted(WEEK, &calls);
    assert_eq!((figures.repeats, figures.not_again), (Share::new(2, 4), Share::new(1, 2)), "B is somebody else");
}

/// Calls that are not selected show that a selected one was not the last, and are not counted.
#[test]
fn contacts_of_others_are_looked_at_and_not_counted() {
    let calls = [
        contact("1", 10, "A", "停水", "resolved"),
        contact("x2", 12, "A", "停水", "resolved"),
    ];
    let figures = counted(WEEK, &calls);
    assert_eq!((figures.contacts, figures.repeats, figures.not_again), (1, Share::new(0, 1), Share::new(0, 1)));
    // Nobody knows what an unanswered call was about; a call of the hotline is no contact of the caller.
    let mut missed = calls.clone();
    (missed[1].0.answered, missed[1].0.turns) = (Some(false), Vec::new());
    assert_eq!(counted(WEEK, &missed).not_again, Share::new(1, 1));
    let mut back = calls;
    back[1].0.direction = Direction::Outbound;
    assert_eq!(counted(WEEK, &back).not_again, Share::new(1, 1));
}

#[test]
fn what_is_held_is_the_window_and_not_the_period() {
    let mut contacts = Contacts::new(WEEK, Some((day("2026-01-01"), day("2026-12-31"))));
    let mut most = (0, 0);
    for nth in 0..360u32 {
        for caller in 0..10 {
            let at = day("2026-01-01") + chrono::Days::new(nth.into());
            let (record, analysis) = contact("1", 1, &format!("{nth}-{caller}"), "停水", "resolved");
            let started_at = Some(format!("{at}T0{caller}:00:00+08:00").parse().unwrap());
            contacts.add(&CallRecord { started_at, ..record }, &analysis, Some(0));
            most = (most.0.max(contacts.held().0), most.1.max(contacts.held().1));
        }
    }
    assert!(most.0 <= 90 && most.1 <= 90, "{most:?}");
    assert_eq!(contacts.finish(1)[0].contacts, 3600);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    /// Counted by looking at every pair of contacts.
    #[test]
    fn the_window_that_moves_counts_what_all_pairs_say(
        drawn in prop::collection::vec((1u32..=30, 0u32..4, 0u32..3, any::<bool>()), 0..60),
        days in 1u16..10,
    ) {
        let mut drawn = drawn;
        drawn.sort_unstable();
        let calls: Vec<Call> = drawn.iter().enumerate().map(|(nth, (on, caller, matter, resolved))| {
            let matter = ["", "停水", "噪声"][*matter as usize];
            let outcome = if *resolved { "resolved" } else { "follow_up" };
            contact(&nth.to_string(), *on, &caller.to_string(), matter, outcome)
        }).collect();
        let figures = counted(RepeatRule { days, ..WEEK }, &calls);
        let (mut repeats, mut not_again, mut resolved) = (Share::default(), Share::default(), Share::default());
        let window = i64::from(days) * 24;
        let hours = |on: u32| (i64::from(on) - 1) * 24 + 9;
        for (nth, (on, caller, matter, settled)) in drawn.iter().enumerate() {
            if *matter == 0 || hours(*on) < window {
                continue;
            }
            let same = |other: &&(u32, u32, u32, bool)| (other.1, other.2) == (*caller, *matter);
            let near = |other: &(u32, u32, u32, bool)| (hours(other.0) - hours(*on)).abs() <= window;
            let is_repeat = drawn[..nth].iter().filter(same).any(near);
            let again = drawn[nth + 1..].iter().filter(same).any(near);
            repeats.add(is_repeat);
            if !is_repeat && 30 * 24 - hours(*on) >= window {
                not_again.add(!again);
                resolved.add(!again && *settled);
            }
        }
        prop_assert_eq!((figures.repeats, figures.not_again, figures.resolved), (repeats, not_again, resolved));
    }
}
