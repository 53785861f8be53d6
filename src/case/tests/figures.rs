//! Reminders and counts, worked out by hand.

use chrono::TimeDelta;

use super::*;

#[test]
fn who_is_reminded_of_what() {
    let rules = rules();
    let monday = at("2026-03-02T01:00:00Z"); // 09:00
    let case = opened(Cause::Rating, monday); // to be verified by Tuesday 18:00
    let remind = |now: &str| {
        let found = reminders([case.clone()], &rules, at(now));
        found.first().map(|one| (one.kind, one.step, one.to.clone()))
    };
    let to = |name: &str| Some(name.to_owned());
    assert_eq!(remind("2026-03-03T04:59:00Z"), None, "five hours before");
    let near = Some((Kind::Warning, Some(Step::Verify), None));
    assert_eq!(remind("2026-03-03T06:00:00Z"), near, "four");
    assert_eq!(remind("2026-03-03T10:00:00Z"), near, "at the moment itself");
    // At night nobody is late: the first minute of the next morning is.
    assert_eq!(remind("2026-03-03T15:00:00Z"), Some((Kind::Overdue(0), Some(Step::Verify), None)));
    assert_eq!(remind("2026-03-04T01:01:00Z"), Some((Kind::Overdue(1), Some(Step::Verify), to("班组长"))));
    assert_eq!(remind("2026-03-04T10:00:00Z"), Some((Kind::Overdue(2), Some(Step::Verify), to("质检主管"))));
    assert_eq!(remind("2026-03-06T10:00:00Z"), Some((Kind::Overdue(3), Some(Step::Verify), to("热线负责人"))));
    let text = reminders([case.clone()], &rules, at("2026-03-04T10:00:00Z"))[0].zh(&rules);
    assert_eq!(text, "1 号（差评）已逾期：核实，应于 2026-03-03 18:00；请质检主管督办");
    // Of a case whose whole time is up the whole is late, whatever its step.
    let mut late = case.clone();
    for nth in [0, 2] {
        taken(&mut late, events(monday).swap_remove(nth), "甲", at("2026-03-23T09:00:00Z")).unwrap();
    }
    let found = reminders([late], &rules, at("2026-03-24T02:00:00Z"));
    assert_eq!((found[0].step, found[0].due), (None, at("2026-03-23T10:00:00Z")));
    let mut closed = case;
    for (nth, by) in [(1, "甲"), (7, "甲")] {
        taken(&mut closed, events(monday).swap_remove(nth), by, monday).unwrap();
    }
    assert_eq!(reminders([closed], &rules, at("2027-03-04T10:00:00Z")), []);
}

#[test]
fn cases_are_counted_in_the_periods_to_which_they_belong() {
    let monday = at("2026-03-02T01:00:00Z");
    let number = |mut case: Case, number: i64| {
        case.number = number;
        Outline::of(&case)
    };
    let unfounded = |cause, closed: DateTime<Utc>| {
        let mut case = opened(cause, monday);
        for nth in [1, 7] {
            taken(&mut case, events(monday).swap_remove(nth), "甲", closed).unwrap();
        }
        case
    };
    let mut excluded = opened(Cause::Rating, monday);
    for (nth, by) in [(8, "甲"), (9, "乙")] {
        taken(&mut excluded, events(monday).swap_remove(nth), by, monday + TimeDelta::hours(1)).unwrap();
    }
    let mut mended = opened(Cause::Crisis, monday);
    for (nth, by) in [(0, "甲"), (2, "甲"), (3, "甲"), (4, "甲"), (5, "乙"), (7, "乙")] {
        taken(&mut mended, events(monday).swap_remove(nth), by, monday).unwrap();
    }
    let all = [
        number(opened(Cause::Rating, monday), 1),
        number(unfounded(Cause::Rating, at("2026-03-10T01:00:00Z")), 2),
        number(unfounded(Cause::Rating, at("2026-03-30T01:00:00Z")), 3),
        number(excluded, 4),
        number(mended, 5),
    ];
    let period = |from: &str, to: &str| rules().calendar.period(from.parse().unwrap(), to.parse().unwrap());
    let (march, groups) = counts(&all, &period("2026-03-01", "2026-03-31"), Some(GroupBy::Cause));
    let expected = Counts {
        opened: 4,
        closed: 3,
        closed_on_time: 2,
        open: 1,
        overdue: 1,
        contested: 1,
        excluded: 1,
        replied: 1,
    };
    assert_eq!(march, expected);
    assert!((march.on_time_rate().unwrap() - 2.0 / 3.0).abs() < 1e-12);
    let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["crisis", "rating"]);
    assert_eq!((groups[0].counts.opened, groups[1].counts.opened), (1, 3));
    // In its first week the late one is open, and nothing is late yet.
    let (week, _) = counts(&all, &period("2026-03-02", "2026-03-08"), None);
    assert_eq!((week.opened, week.closed, week.open, week.overdue), (4, 1, 3, 0));
    let (april, _) = counts(&all, &period("2026-04-01", "2026-04-30"), None);
    assert_eq!((april.opened, april.closed, april.open, april.overdue), (0, 0, 1, 1));
    assert_eq!(april.on_time_rate(), None);
}
