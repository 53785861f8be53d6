//! No path through a case leaves a step out, nothing is accepted that the rules refuse, and due dates only move on.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

/// What happened, a letter each.
fn letters(case: &Case) -> String {
    let letter = |row: &Recorded| match &row.event {
        Event::Opened(_) | Event::Reopened { .. } => 'O',
        Event::Verified { confirmed: true, .. } => 'V',
        Event::Verified { confirmed: false, .. } => 'U',
        Event::Assigned { .. } => 'A',
        Event::Rectified { .. } => 'R',
        Event::Replied { .. } => 'P',
        Event::Rechecked { passed: true, .. } => 'K',
        Event::Rechecked { passed: false, .. } => 'F',
        Event::Closed { .. } => 'C',
        Event::Contested { .. } => 'T',
        Event::Decided { upheld: true, .. } => 'X',
        Event::Decided { upheld: false, .. } => 'D',
    };
    case.history.iter().map(letter).collect()
}

/// Whether a round is one that the text of the rules describes, told another way than by the table of states: a whole round
/// is `O(UC|VA+RP(FA*RP)*KC)`, any beginning of one is right too, and anywhere before C there may be one `TD`, or a `TX` that ends it.
fn is_right(round: &str) -> bool {
    let mut rest = round.strip_prefix('O').unwrap_or("?").to_owned();
    if let Some(contest) = rest.find('T') {
        let behind = rest[contest + 1..].to_owned();
        rest.truncate(contest);
        if rest.contains('C') {
            return false;
        }
        match behind.chars().next() {
            None => {}
            Some('X') if behind.len() == 1 => {}
            Some('D') => rest.push_str(&behind[1..]),
            Some(_) => return false,
        }
    }
    if "UC".starts_with(&rest) {
        return true;
    }
    let mut expected = "V";
    for letter in rest.chars() {
        if !expected.contains(letter) {
            return false;
        }
        expected = match letter {
            'V' => "A",
            'A' => "AR",
            'R' => "P",
            'P' => "KF",
            'F' => "AR",
            'K' => "C",
            _ => "",
        };
    }
    true
}

fn rounds(path: &str) -> Vec<String> {
    path.split('O').skip(1).map(|steps| format!("O{steps}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_path_leaves_a_step_out_and_due_dates_only_move_on(
        steps in prop::collection::vec((0usize..12, 0usize..4, 0i64..6000), 1..60),
        is_rating in any::<bool>(),
    ) {
        let cause = if is_rating { Cause::Rating } else { Cause::Crisis };
        let mut now = at("2026-02-11T01:30:00Z");
        let mut case = opened(cause, now);
        for (event, person, minutes) in steps {
            now += TimeDelta::minutes(minutes);
            let event = events(now).swap_remove(event);
            let (before, allowed) = (case.clone(), case.next());
            let step = event.step().unwrap();
            let people = ["甲", "乙", "丙", "丁"];
            match taken(&mut case, event, people[person], now) {
                Ok(()) => {
                    prop_assert!(allowed.contains(&step));
                    let row = case.history.last().unwrap();
                    // Who is given what is late already has no new time.
                    let is_handed_on = step == Step::Assign && before.state == State::Assigned;
                    prop_assert!(is_handed_on || row.due.is_none_or(|due| due >= row.at), "{row:?}");
                    prop_assert!(case.total_due >= before.total_due || step == Step::Reopen);
                    prop_assert!(row.at >= before.history.last().unwrap().at);
                    prop_assert_eq!(case.due.is_some(), case.state.is_open());
                }
                Err(Refusal::OwnDecision(_)) => {
                    prop_assert!(matches!(step, Step::Recheck | Step::Decide));
                    prop_assert_eq!(&case, &before);
                }
                Err(Refusal::NotNow(_)) => {
                    prop_assert!(!allowed.contains(&step));
                    prop_assert_eq!(&case, &before);
                }
                Err(other) => prop_assert!(false, "{other}"),
            }
            let path = letters(&case);
            for round in rounds(&path) {
                prop_assert!(is_right(&round), "{round} of {path}");
            }
            prop_assert!(is_rating || !path.contains('T'));
            // Told again from its rows, through the ledger's form, it is the same.
            let rows = case.history.iter().map(|row| {
                let mut entry = row.to_entry().unwrap();
                if row.version == 1 {
                    entry.opening = None;
                }
                Recorded::of(entry).unwrap()
            });
            prop_assert_eq!(&Case::of(rows).unwrap(), &case);
        }
    }

    #[test]
    fn a_step_that_is_taken_later_is_due_no_earlier(
        minutes in prop::collection::vec(0i64..20_000, 2),
        event in 0usize..12,
    ) {
        let start = at("2026-02-11T01:30:00Z");
        let mut case = opened(Cause::Rating, start);
        for walk in [0, 2, 3, 4, 5] {
            let times: Vec<_> = minutes.iter().map(|m| start + TimeDelta::minutes(*m)).collect();
            let due = |now| {
                let event = events(now).swap_remove(event);
                case.take(event, &who("戊"), now, case.version, &rules()).ok().map(|row| (row.due, row.total_due))
            };
            let (first, last) = (*times.iter().min().unwrap(), *times.iter().max().unwrap());
            prop_assert!(due(first) <= due(last));
            taken(&mut case, events(start).swap_remove(walk), if walk == 5 { "丙" } else { "甲" }, start).unwrap();
        }
    }
}

/// Every state is reached, and in each exactly the steps of the table are taken.
#[test]
fn exactly_what_may_come_next_is_accepted_in_every_state() {
    let now = at("2026-03-02T02:00:00Z");
    let mut reached = std::collections::BTreeSet::new();
    let mut waiting = vec![opened(Cause::Rating, now), opened(Cause::Hand, now)];
    while let Some(case) = waiting.pop() {
        if case.history.len() > 9 {
            continue;
        }
        reached.insert(case.state);
        for (nth, event) in events(now).into_iter().enumerate() {
            let may = case.next().contains(&event.step().unwrap());
            let mut after = case.clone();
            // Everybody does one thing, so that nobody decides about their own.
            assert_eq!(taken(&mut after, event, &format!("{nth}"), now).is_ok(), may, "{:?}", letters(&case));
            if may {
                waiting.push(after);
            }
        }
    }
    assert_eq!(reached.len(), State::ALL.len());
}

#[test]
fn who_has_seen_an_older_version_and_who_has_done_it_themselves_is_refused() {
    let now = at("2026-03-02T02:00:00Z");
    let mut case = opened(Cause::Rating, now);
    let [verified, assigned, rectified, replied] = [0, 2, 3, 4].map(|nth| events(now).swap_remove(nth));
    let stale = case.take(verified.clone(), &who("甲"), now, 2, &rules()).unwrap_err();
    assert_eq!(stale, Refusal::Conflict { expected: 2, is: 1 });
    taken(&mut case, verified, "甲", now).unwrap();
    let contested = events(now).swap_remove(8);
    taken(&mut case, contested, "乙", now).unwrap();
    for own in ["甲", "乙"] {
        let refused = taken(&mut case, events(now).swap_remove(10), own, now).unwrap_err();
        assert!(matches!(refused, Refusal::OwnDecision(_)), "{own}: {refused}");
    }
    taken(&mut case, events(now).swap_remove(10), "丙", now).unwrap();
    assert_eq!(case.state, State::Confirmed, "it goes on where it was");
    assert!(!case.next().contains(&Step::Contest), "once in a round");
    for event in [assigned, rectified, replied] {
        taken(&mut case, event, "甲", now).unwrap();
    }
    let own = taken(&mut case, events(now).swap_remove(5), "甲", now).unwrap_err();
    assert!(matches!(own, Refusal::OwnDecision(_)), "{own}");
    taken(&mut case, events(now).swap_remove(6), "乙", now).unwrap();
    assert_eq!((case.state, case.returned), (State::Assigned, 1));
}

#[test]
fn what_is_written_is_checked() {
    let now = at("2026-03-02T02:00:00Z");
    let case = opened(Cause::Rating, now);
    let verify = |note: &str| {
        let event = Event::Verified { confirmed: true, note: note.to_owned() };
        case.take(event, &who("甲"), now, 1, &rules())
    };
    assert!(matches!(verify("  ").unwrap_err(), Refusal::Wrong { field: "note", .. }));
    assert!(matches!(verify(&"长".repeat(LONGEST_TEXT + 1)).unwrap_err(), Refusal::Wrong { field: "note", .. }));
    assert_eq!(verify(" 属实 ").unwrap().event, Event::Verified { confirmed: true, note: "属实".into() });
    let mut case = case;
    for nth in [0, 2, 3] {
        taken(&mut case, events(now).swap_remove(nth), "甲", now).unwrap();
    }
    let reply = |at, reached, answer: &str, satisfied| {
        let (channel, told, answer) = (Channel::Phone, "已致歉".to_owned(), answer.to_owned());
        let event = Event::Replied { channel, at, reached, told, answer, satisfied };
        case.take(event, &who("甲"), now, case.version, &rules()).map(drop)
    };
    let field = |refused: Result<(), Refusal>| match refused {
        Err(Refusal::Wrong { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(reply(now + TimeDelta::minutes(1), true, "好", None)), "reply_time");
    assert_eq!(field(reply(now - TimeDelta::minutes(1), true, "好", None)), "reply_time");
    assert_eq!(field(reply(now, true, "", None)), "answer");
    assert_eq!(field(reply(now, false, "", Some(true))), "satisfied");
    reply(now, false, "", None).unwrap();
}

#[test]
fn a_clock_that_is_set_back_does_not_turn_the_order_round() {
    let now = at("2026-03-02T02:00:00Z");
    let mut case = opened(Cause::Rating, now);
    taken(&mut case, events(now).swap_remove(0), "甲", now - TimeDelta::hours(3)).unwrap();
    assert_eq!(case.history[1].at, now);
}

#[test]
fn the_time_of_a_contest_is_added_to_the_whole_and_whoever_gets_it_later_has_no_more() {
    let monday = at("2026-03-02T01:00:00Z"); // 09:00
    let mut case = opened(Cause::Rating, monday);
    let total = case.total_due;
    assert_eq!(total, at("2026-03-23T10:00:00Z"), "15 working days, the last to its end");
    taken(&mut case, events(monday).swap_remove(8), "甲", monday).unwrap();
    let tuesday = at("2026-03-03T01:00:00Z");
    taken(&mut case, events(tuesday).swap_remove(10), "乙", tuesday).unwrap();
    assert_eq!(case.total_due, at("2026-03-24T10:00:00Z"), "a working day more");
    assert_eq!(case.due, Some(at("2026-03-04T10:00:00Z")), "and the step begins anew");
    for nth in [0, 2] {
        taken(&mut case, events(tuesday).swap_remove(nth), "甲", tuesday).unwrap();
    }
    let due = case.due;
    let later = at("2026-03-05T01:00:00Z");
    taken(&mut case, events(later).swap_remove(2), "甲", later).unwrap();
    assert_eq!((case.state, case.due), (State::Assigned, due));
}
