//! No path through a task leaves a step out, and nothing is taken that the table does not say.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

/// What happened, a letter each.
fn letters(task: &Task) -> String {
    let letter = |row: &Recorded| match (&row.event, row.event.step()) {
        (Event::Checked { passed: false, .. }, _) => 'B',
        (_, None) => 'P',
        (_, Some(Step::Assign)) => 'A',
        (_, Some(Step::Accept)) => 'Y',
        (_, Some(Step::Decline)) => 'N',
        (_, Some(Step::Start)) => 'S',
        (_, Some(Step::Report)) => 'R',
        (_, Some(Step::Check)) => 'K',
        (_, Some(Step::Close)) => 'C',
        (_, Some(Step::Cancel)) => 'X',
        (_, Some(Step::Expire)) => 'E',
    };
    task.history.iter().map(letter).collect()
}

/// Whether a path is what the text of docs/experience.md describes, told another way than by the table of states:
/// `P(AN)*AYSR(BR)*KC`, any beginning of it, and at its end, unless a report is being checked, X or E.
fn is_right(path: &str) -> bool {
    let (path, is_ended) = match path.strip_suffix(['X', 'E']) {
        Some(rest) => (rest, true),
        None => (path, false),
    };
    let mut expected = "P";
    let mut last = ' ';
    for letter in path.chars() {
        if !expected.contains(letter) {
            return false;
        }
        last = letter;
        expected = match letter {
            'P' | 'N' => "A",
            'A' => "YN",
            'Y' => "S",
            'S' | 'B' => "R",
            'R' => "BK",
            'K' => "C",
            _ => "",
        };
    }
    !is_ended || !matches!(last, 'R' | 'K' | 'C' | ' ')
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_path_through_a_task_leaves_a_step_out(
        steps in prop::collection::vec((0usize..10, 0usize..3, 0i64..2000), 1..60),
        catching_up in any::<bool>(),
    ) {
        let mut now = at("2026-03-02T01:30:00Z");
        let mut programme = with_officers(3, now);
        give(&mut programme, &task("t", ""), &given(now)).unwrap();
        for (nth, (what, who, minutes)) in steps.into_iter().enumerate() {
            now += TimeDelta::minutes(minutes);
            let known = programme.tasks["t"].clone();
            let by = Given { catching_up, ..given(now) };
            let id = format!("o{who}");
            let entry = match what {
                9 => {
                    let experienced = if catching_up { now.min(known.history.last().unwrap().at) } else { now };
                    Entry::Report(report(&format!("r{nth}"), "t", &id, experienced))
                }
                at => {
                    let what = Step::ALL[at];
                    let passed = (what == Step::Check).then_some(who == 0);
                    let officer = if what == Step::Assign { id } else { String::new() };
                    Entry::Step(StepEntry { passed, officer, ..step("t", what) })
                }
            };
            let is_next = match what {
                9 => known.state.steps().contains(&Step::Report)
                    || (catching_up && matches!(known.state, TaskState::Assigned | TaskState::Accepted)),
                at => known.state.steps().contains(&Step::ALL[at]) && Step::ALL[at] != Step::Report,
            };
            match give(&mut programme, &entry, &by) {
                Ok(_) => prop_assert!(is_next, "{entry:?} at {:?}", known.state),
                Err(Refusal::NotNow(_) | Refusal::Wrong { .. }) => {}
                Err(other) => prop_assert!(false, "{other}"),
            }
            let task = &programme.tasks["t"];
            prop_assert!(is_right(&letters(task)), "{}", letters(task));
            let versions: Vec<u32> = task.history.iter().map(|row| row.version).collect();
            prop_assert_eq!(versions, (1..=task.version).collect::<Vec<_>>());
            prop_assert!(task.history.is_sorted_by_key(|row| row.at));
            prop_assert_eq!(task.state_at(now + TimeDelta::days(1)), Some(task.state));
            // Whoever is asked to do something can be told.
            for reminder in reminders(&programme, rules(), now) {
                prop_assert!(!reminder.text.is_empty());
            }
        }
    }
}

#[test]
fn a_task_goes_to_its_end_and_says_what_comes_next() {
    let mut now = at("2026-03-02T01:30:00Z");
    let mut programme = with_officers(2, now);
    give(&mut programme, &task("t", "o0"), &given(now)).unwrap();
    let early = give(&mut programme, &Entry::Step(step("t", Step::Start)), &given(now)).unwrap_err();
    assert!(early.to_string().contains("接受"), "{early}");
    let stale = Given { expected: Some(1), ..given(now) };
    let accept = Entry::Step(step("t", Step::Accept));
    assert!(matches!(give(&mut programme, &accept, &stale), Err(Refusal::Conflict { expected: 1, is: 2, .. })));
    // Nobody has answered by the time they were to.
    let late = reminders(&programme, rules(), at("2026-03-05T09:00:00Z"));
    assert_eq!(
        (late[0].due, late[0].kind, late[0].officers.join(",")),
        (Due::Answer, Kind::Overdue, "o0".to_owned())
    );
    give(&mut programme, &accept, &Given { expected: Some(2), ..given(now) }).unwrap();
    give(&mut programme, &Entry::Step(step("t", Step::Start)), &given(now)).unwrap();
    assert!(reminders(&programme, rules(), now).is_empty(), "not due yet");
    let near = reminders(&programme, rules(), at("2026-03-13T03:00:00Z"));
    assert_eq!((near[0].due, near[0].kind), (Due::Report, Kind::Warning), "{near:?}");
    assert!(
        near[0].text.contains("夜里拨打热线") && near[0].text.contains("2026-03-14 00:00"),
        "{}",
        near[0].text
    );
    now += TimeDelta::days(1);
    let other = Entry::Report(report("r1", "t", "o1", now));
    assert!(
        matches!(give(&mut programme, &other, &given(now)), Err(Refusal::NotNow(_))),
        "it is somebody else's"
    );
    assert_eq!(give(&mut programme, &Entry::Report(report("r1", "t", "o0", now)), &given(now)), Ok(2));
    let due = reminders(&programme, rules(), now + TimeDelta::days(20));
    assert_eq!((due[0].due, due[0].officers.len()), (Due::Check, 0));
    let retire = Entry::Retirement(Retirement { officer: "o0".into(), reason: String::new() });
    let back = Entry::Step(StepEntry { passed: Some(false), ..step("t", Step::Check) });
    give(&mut programme, &back, &given(now)).unwrap();
    let open = give(&mut programme, &retire, &given(now)).unwrap_err();
    assert!(open.to_string().contains("experienceTasks/t"), "{open}");
    give(&mut programme, &Entry::Report(report("r2", "t", "o0", now)), &given(now)).unwrap();
    let good = Entry::Step(StepEntry { passed: Some(true), note: String::new(), ..step("t", Step::Check) });
    give(&mut programme, &good, &given(now)).unwrap();
    give(&mut programme, &Entry::Step(step("t", Step::Close)), &given(now)).unwrap();
    assert_eq!(letters(&programme.tasks["t"]), "PAYSRBRKC");
    assert_eq!(programme.tasks["t"].report.as_deref(), Some("r2"));
    let over = give(&mut programme, &Entry::Step(step("t", Step::Cancel)), &given(now)).unwrap_err();
    assert!(over.to_string().contains("nothing comes next"), "{over}");
    give(&mut programme, &retire, &given(now)).unwrap();
    let served = |day: &str| programme.officers["o0"].serves(day.parse().unwrap());
    assert!(served("2026-03-02") && !served("2026-03-03"), "what was before stays so");
    let period = at("2026-03-01T16:00:00Z")..at("2026-03-31T16:00:00Z");
    let counted = figures(&programme, rules(), &period);
    assert_eq!((counted.reports, counted.rating(), counted.due, counted.in_time), (2, Some(4.0), 1, 1));
}

#[test]
fn a_task_expires_after_its_day_and_not_before() {
    let now = at("2026-03-02T01:30:00Z");
    let mut programme = with_officers(1, now);
    give(&mut programme, &task("t", "o0"), &given(now)).unwrap();
    let expire = Entry::Step(step("t", Step::Expire));
    let last = at("2026-03-13T15:59:00Z");
    assert!(matches!(give(&mut programme, &expire, &given(last)), Err(Refusal::NotNow(_))));
    let period = at("2026-03-01T16:00:00Z")..at("2026-03-15T16:00:00Z");
    assert_eq!(figures(&programme, rules(), &period).overdue, 1);
    give(&mut programme, &expire, &given(at("2026-03-13T16:00:00Z"))).unwrap();
    assert_eq!(programme.tasks["t"].state, TaskState::Expired);
}

#[test]
fn a_report_says_what_is_missing_in_it() {
    let now = at("2026-03-04T01:30:00Z");
    let mut programme = with_officers(1, now);
    give(&mut programme, &task("t", "o0"), &given(now)).unwrap();
    for what in [Step::Accept, Step::Start] {
        give(&mut programme, &Entry::Step(step("t", what)), &given(now)).unwrap();
    }
    let good = report("r", "t", "o0", now);
    let answered =
        |rating, remark: &str| BTreeMap::from([("wait".to_owned(), StepAnswer { rating, remark: remark.into() })]);
    let file = |sha256: &str| Evidence { call: String::new(), name: "单.jpg".into(), sha256: sha256.into() };
    let silent = ReportEntry { good: String::new(), steps: answered(4, ""), ..good.clone() };
    let wrong = [
        (ReportEntry { id: "第一份".into(), ..good.clone() }, "id"),
        (ReportEntry { rating: 6, ..good.clone() }, "rating"),
        (ReportEntry { way: " ".into(), ..good.clone() }, "way"),
        (ReportEntry { rating: 2, ..good.clone() }, "problems"),
        (ReportEntry { steps: BTreeMap::new(), ..good.clone() }, "steps.wait"),
        (ReportEntry { steps: answered(0, ""), ..good.clone() }, "steps.wait.rating"),
        (ReportEntry { steps: answered(1, ""), ..good.clone() }, "steps.wait.remark"),
        (ReportEntry { waiting_minutes: Some(2000), ..good.clone() }, "waiting_minutes"),
        (ReportEntry { evidence: vec![file("ab")], ..good.clone() }, "evidence[0]"),
        (ReportEntry { evidence: vec![file(&"a".repeat(64)); 2], ..good.clone() }, "evidence[1]"),
        (ReportEntry { at: (now + TimeDelta::hours(1)).fixed_offset(), ..good.clone() }, "at"),
        (silent, "good"),
    ];
    for (entry, expected) in wrong {
        match give(&mut programme, &Entry::Report(entry.clone()), &given(now)) {
            Err(Refusal::Wrong { field, message }) => {
                assert_eq!(field, expected, "{message}");
                assert!(message.chars().count() > 3);
            }
            other => panic!("{expected}: {other:?}"),
        }
    }
    let once = Given { digest: digest(&Entry::Report(good.clone())), ..given(now) };
    assert_eq!(give(&mut programme, &Entry::Report(good.clone()), &once), Ok(2));
    assert_eq!(give(&mut programme, &Entry::Report(good.clone()), &once), Ok(0), "the same again");
    let changed = Entry::Report(ReportEntry { good: "别的".into(), ..good });
    assert!(matches!(give(&mut programme, &changed, &given(now)), Err(Refusal::Exists(_))));
}
