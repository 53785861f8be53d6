//! κ, agreement and calibrations against what is worked out by hand.

use proptest::prelude::*;

use super::*;

fn table(both: u64, one_alone: u64, other_alone: u64, neither: u64) -> Kappa {
    let times = |n: u64, pair: (bool, bool)| std::iter::repeat_n(pair, n as usize);
    kappa(
        times(both, (true, true))
            .chain(times(one_alone, (true, false)))
            .chain(times(other_alone, (false, true)))
            .chain(times(neither, (false, false))),
    )
}

#[test]
fn kappa_is_what_it_is_by_hand() {
    // p_o = 35/50; p_e = 25/50 · 30/50 + 25/50 · 20/50 = 0.5; κ = 0.2/0.5.
    let k = table(20, 5, 10, 15);
    assert_eq!((k.decisions, k.too_few()), (50, false));
    assert!((k.observed - 0.7).abs() < 1e-12 && (k.expected - 0.5).abs() < 1e-12);
    assert!((k.value.unwrap() - 0.4).abs() < 1e-12);
    // Much agreement, no more than by chance: p_o = 0.9, p_e = 0.95² + 0.05² = 0.905.
    let rare = table(0, 2, 2, 36);
    assert!(rare.observed > 0.89 && (rare.value.unwrap() + 0.005 / 0.095).abs() < 1e-9);
    assert_eq!(table(3, 0, 0, 5).value, Some(1.0));
    assert_eq!(table(0, 4, 4, 0).value, Some(-1.0));
    // Nothing tells agreement from chance.
    assert_eq!((table(0, 0, 0, 40).value, table(40, 0, 0, 0).value), (None, None));
    let none = table(0, 0, 0, 0);
    assert_eq!((none.decisions, none.value, none.too_few()), (0, None, true));
    assert!(table(5, 5, 5, 14).too_few());
}

proptest! {
    #[test]
    fn kappa_is_between_minus_one_and_one_and_takes_no_side(a in 0_u64..40, b in 0_u64..40, c in 0_u64..40, d in 0_u64..40) {
        let k = table(a, b, c, d);
        prop_assert_eq!(k.value.is_none(), a + b + c + d == 0 || (b == 0 && c == 0 && (a == 0 || d == 0)));
        if let Some(value) = k.value {
            prop_assert!((-1.0 - 1e-12..=1.0 + 1e-12).contains(&value), "{value}");
            prop_assert!((value - table(a, c, b, d).value.unwrap()).abs() < 1e-12);
            prop_assert!((value - table(d, b, c, a).value.unwrap()).abs() < 1e-12);
        }
    }

    #[test]
    fn agreement_that_has_not_fallen_raises_no_alarm(
        before in 0_u64..200, agreed in 0_u64..200, recent_agreed in 0_u64..=50,
    ) {
        let agreed = agreed.min(before);
        // Not a smaller share than before.
        prop_assume!(before == 0 || recent_agreed * before >= agreed * 50);
        prop_assert!(looked_at(before, agreed, 50, recent_agreed).is_none());
    }
}

/// Verdicts on impatience, one a review: so many before and so many at last, of which so many agree.
fn looked_at(before: u64, agreed: u64, recent: u64, recent_agreed: u64) -> Option<Drift> {
    let template = |kind, reason| {
        let call = call(vec![finding("impatience", Some(2), 0.9)], Vec::new());
        review(&call, &[opinion(kind, "impatience", Some(2), reason)]).unwrap()
    };
    let (agree, overrule) = (template(Kind::Agree, ""), template(Kind::Overrule, "没有"));
    let part = |all: u64, agreed: u64| (0..all).map(move |n| n < agreed);
    let decisions: Vec<bool> = part(before, agreed).chain(part(recent, recent_agreed)).collect();
    let at = DateTime::from_timestamp(1_772_400_000, 0).unwrap();
    let reviews = decisions.iter().map(|agrees| (at, if *agrees { &agree } else { &overrule }));
    agreement(reviews, 50).into_iter().next().and_then(|code| code.drift)
}

#[test]
fn a_fall_raises_an_alarm_and_few_decisions_none() {
    let drift = looked_at(200, 180, 50, 31).unwrap();
    assert_eq!((drift.recent, drift.before), ((50, 31), (200, 180)));
    assert!(drift.p < 1e-5, "{}", drift.p);
    let text = drift.explanation("语气随意或不耐烦");
    assert!(
        text.contains("“语气随意或不耐烦”最近 50 次") && text.contains("31 次（62%）") && text.contains("（90%）"),
        "{text}"
    );
    assert!(looked_at(19, 19, 50, 0).is_none(), "too few before");
    assert!(looked_at(0, 0, 50, 0).is_none());
    assert!(looked_at(40, 36, 50, 41).is_none(), "no more than chance");
}

#[test]
fn agreement_counts_what_was_asserted_and_beside_it_what_was_missed() {
    let call = call(vec![finding("impatience", Some(2), 0.9)], vec![finding("dismissive", Some(2), 0.4)]);
    let with = |kind, reason| {
        let opinions = [
            opinion(kind, "impatience", Some(2), reason),
            opinion(Kind::Agree, "dismissive", Some(2), ""),
            opinion(Kind::Add, "deflection", Some(0), "推给别的部门"),
        ];
        review(&call, &opinions).unwrap()
    };
    let (agree, overrule) = (with(Kind::Agree, ""), with(Kind::Overrule, "没有"));
    let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
    let reviews = [
        (at("2026-02-28T10:00:00Z"), &agree),
        (at("2026-03-01T10:00:00Z"), &overrule),
    ];
    let codes = agreement(reviews, DEFAULT_WINDOW);
    let of = |code: &str| codes.iter().find(|found| found.code == code).unwrap();
    let impatience = of("impatience");
    assert_eq!((impatience.decided, impatience.agreed, impatience.missed), (2, 1, 0));
    assert_eq!(
        impatience.months.iter().map(|(m, n)| (m.as_str(), *n)).collect::<Vec<_>>(),
        [("2026-02", (1, 1)), ("2026-03", (1, 0))]
    );
    assert_eq!((of("dismissive").decided, of("dismissive").missed), (0, 2), "it was left to people");
    assert_eq!((of("deflection").decided, of("deflection").missed), (0, 2));
}

#[test]
fn a_calibration_tells_nothing_before_it_is_closed_then_every_pair() {
    let event = |number: i64, who: usize, call: Option<&str>, event: Event| {
        let recorded = Recorded::new(&person(who), DateTime::from_timestamp(number, 0).unwrap(), Some(1), event);
        Recorded { number, call_id: call.map(str::to_owned), ..recorded }
    };
    let impatient = || vec![label("impatience", Some(2))];
    let answered = |n, who, call, there: bool| {
        let labels = if there { impatient() } else { Vec::new() };
        event(n, who, Some(call), Event::Answered { labels, note: String::new() })
    };
    let opened = Event::Opened { display_name: "三月校准".into(), codes: vec!["impatience".into()] };
    let mut log = vec![
        Recorded { under: None, ..event(1, 1, None, opened) },
        event(2, 1, Some("a"), Event::Included),
        event(3, 1, Some("b"), Event::Included),
        answered(4, 1, "a", true),
        answered(5, 2, "a", true),
        answered(6, 1, "b", false),
        answered(7, 2, "b", true),
        answered(8, 3, "b", false),
    ];
    let open = Session::of(log.clone()).unwrap();
    assert!(kappas(&open).is_empty() && open.may_close().is_ok());
    let mut record = call(Vec::new(), Vec::new()).record;
    record.call_id = "b".into();
    let codes = pipeline().finder().catalog();
    let answer = |who: usize, labels| open.may_answer(&person(who), &record, codes, labels, "");
    assert!(answer(4, impatient()).is_ok() && answer(3, impatient()).is_err(), "once each");
    assert!(answer(4, vec![label("deflection", Some(0))]).is_err(), "none of its codes");

    log.push(event(9, 1, None, Event::Closed));
    log.push(event(10, 1, Some("a"), Event::Compared { labels: impatient() }));
    log.push(event(11, 1, Some("b"), Event::Compared { labels: impatient() }));
    let closed = Session::of(log).unwrap();
    assert!(closed.may_answer(&person(4), &record, codes, Vec::new(), "").is_err() && closed.may_close().is_err());
    let pairs = kappas(&closed);
    let of = |one: usize, other: &str| {
        pairs.iter().find(|pair| pair.one == person(one).id && pair.other == other).unwrap().kappa
    };
    assert_eq!(pairs.len(), 3 + 3 + 3);
    // Two calls, agreed on one; the second says yes to both: p_o = p_e = 1/2.
    assert_eq!((of(1, "key:2").decisions, of(1, "key:2").value), (2, Some(0.0)));
    assert_eq!((of(1, "key:3").decisions, of(1, "key:3").value), (1, None));
    assert_eq!(of(1, OTHERS).decisions, 3, "an answer of another each");
    assert_eq!((of(2, MACHINE).observed, of(3, MACHINE).observed), (1.0, 0.0));
    assert!(of(1, OTHERS).too_few());
}
