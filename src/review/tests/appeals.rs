//! No path of an appeal skips a step, and nobody decides about themselves.

use proptest::prelude::*;

use super::*;

fn empty() -> Review {
    review(&call(Vec::new(), Vec::new()), &[]).unwrap()
}

fn ruling(granted: bool) -> Ruling {
    Ruling { granted, review: granted.then(empty), reason: "复听录音".into() }
}

/// What happened to a call so far.
#[derive(Default)]
struct Log {
    events: Vec<Recorded>,
}

impl Log {
    fn case(&self) -> Case {
        Case::of(self.events.iter().cloned())
    }

    fn push(&mut self, who: usize, under: Option<i64>, event: Event) -> i64 {
        let number = self.events.len() as i64 + 1;
        let at = DateTime::from_timestamp(number, 0).unwrap();
        let recorded = Recorded::new(&person(who), at, under, event);
        self.events.push(Recorded { number, call_id: Some("c-1".into()), ..recorded });
        number
    }

    /// Somebody tries something; whether it was allowed.
    fn tries(&mut self, who: usize, action: usize, appeal: i64, granted: bool) -> bool {
        let (case, by) = (self.case(), person(who));
        let event = match action {
            0 => case.may_review().map(|()| (None, Event::Reviewed(empty()))),
            1 => case.may_appeal("不同意").map(|event| (None, event)),
            2 => case.may_decide(appeal, &by).map(|()| (Some(appeal), Event::Decided(ruling(granted)))),
            3 => case.may_contest(appeal, "仍不同意").map(|()| (Some(appeal), Event::Contested { text: "".into() })),
            _ => case.may_judge(appeal, &by).map(|()| (Some(appeal), Event::Judged(ruling(granted)))),
        };
        let allowed = event.is_ok();
        if let Ok((under, event)) = event {
            self.push(who, under, event);
        }
        allowed
    }

    /// What happened, a letter each.
    fn path(&self) -> String {
        let letter = |recorded: &Recorded| match recorded.event {
            Event::Reviewed(_) => 'R',
            Event::Appealed { .. } => 'A',
            Event::Decided(_) => 'D',
            Event::Contested { .. } => 'C',
            Event::Judged(_) => 'J',
            _ => '?',
        };
        self.events.iter().map(letter).collect()
    }
}

/// Which letters may follow each: the grammar `R*(ADR+)*(A(D(CJ?)?)?)?`, written down apart from the code that decides.
fn may_follow(before: Option<char>, after: char) -> bool {
    match before {
        None | Some('R') => "RA".contains(after),
        Some('A') => after == 'D',
        Some('D') => "RC".contains(after),
        Some('C') => after == 'J',
        _ => false,
    }
}

proptest! {
    #[test]
    fn no_path_skips_a_step_and_nobody_decides_about_themselves(
        attempts in prop::collection::vec((0_usize..4, 0_usize..5, 0_i64..20, any::<bool>()), 1..60),
    ) {
        let mut log = Log::default();
        for (who, action, appeal, granted) in attempts {
            // Mostly of the appeal that is there, now and then of none.
            let last = log.case().appeals.last().map(|appeal| appeal.number);
            let number = if appeal < 17 { last.unwrap_or(appeal) } else { appeal };
            log.tries(who, action, number, granted);
        }
        let path = log.path();
        let mut before = None;
        for letter in path.chars() {
            prop_assert!(may_follow(before, letter), "{path}");
            before = Some(letter);
        }
        prop_assert!(path.matches('J').count() <= 1, "{path}");
        for appeal in log.case().appeals {
            let by = |number: i64| log.events.iter().find(|event| event.number == number).map(|event| &event.who);
            let reviewer = appeal.against.and_then(by);
            for decision in appeal.decision.iter().chain(&appeal.judgement) {
                prop_assert!(Some(&decision.who) != reviewer && decision.who != appeal.who, "{path}");
            }
            if let (Some(decision), Some(judgement)) = (&appeal.decision, &appeal.judgement) {
                prop_assert!(decision.who != judgement.who, "{path}");
            }
        }
    }
}

#[test]
fn what_stands_goes_from_machine_to_final_judgement() {
    let call = call(vec![finding("impatience", Some(2), 0.9)], Vec::new());
    let machine = || [label("impatience", Some(2))].into();
    let mut log = Log::default();
    assert_eq!(log.case().labels(&call), (machine(), Source::Machine));
    let agree = review(&call, &[opinion(Kind::Agree, "impatience", Some(2), "")]).unwrap();
    log.push(1, None, Event::Reviewed(agree));
    assert_eq!(log.case().labels(&call), (machine(), Source::Review));
    assert!(log.tries(9, 1, 0, false));
    let appeal = 2;
    assert!(!log.tries(1, 2, appeal, true), "not against one's own review");
    assert!(!log.tries(3, 0, 0, false), "no review meanwhile");
    assert!(log.tries(2, 2, appeal, false));
    assert_eq!(log.case().labels(&call), (machine(), Source::Review), "what was refused changes nothing");
    assert!(!log.tries(3, 4, appeal, true), "not contested yet");
    assert!(log.tries(9, 3, appeal, false));
    assert!(!log.case().is_settled());
    assert!(!log.tries(2, 4, appeal, true), "not the one who decided");
    assert!(log.tries(3, 4, appeal, true));
    assert_eq!(log.case().labels(&call), (Default::default(), Source::Judgement));
    assert!(
        !log.tries(3, 4, appeal, true) && !log.tries(9, 1, 0, false) && !log.tries(4, 0, 0, false),
        "it is final"
    );
    assert!(log.case().has_decided(&person(3)) && !log.case().has_decided(&person(9)));
}

#[test]
fn the_machines_verdict_can_be_appealed_against_without_a_review() {
    let mut log = Log::default();
    assert!(log.tries(9, 1, 0, false) && log.tries(1, 2, 1, true));
    assert_eq!(log.case().standing().unwrap().1, Source::Appeal);
    assert!(!log.tries(9, 1, 0, false), "that was decided: contest it");
    assert!(log.tries(2, 0, 0, false), "a later review takes its place");
    assert!(!log.tries(9, 3, 1, false) && log.tries(9, 1, 0, false), "and is what to appeal against");
}
