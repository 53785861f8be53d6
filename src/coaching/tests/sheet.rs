//! Sheets: counted by hand, never of others, never of what was overruled.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::coaching::phrases::Sector;
use crate::coaching::rates::Beside;
use crate::coaching::sheet::{Counting, Making, PRACTICES, Sheet};
use crate::coaching::{CoachingConfig, sheet_text};
use crate::report::figures::Share;
use crate::report::trend::Interval;
use crate::report::{Period, ReportConfig};
use crate::review::{Kind, Label};

pub(super) fn period() -> Period {
    Period::new("2026-03-02".parse().unwrap(), "2026-03-08".parse().unwrap()).unwrap()
}

fn made(agent: &str, calls: &[Analyzed], reviewed: &Reviewed, fewest: usize) -> Option<Sheet> {
    let (report, coaching, phrases) = (ReportConfig::default(), CoachingConfig::default(), library_of_phrases());
    let making = Making {
        catalog: catalog(),
        report: &report,
        coaching: &coaching,
        phrases: &phrases,
        reviewed,
    };
    let mut counting = Counting::new(making, agent, period(), Interval::Day);
    calls.iter().for_each(|call| counting.add(call.clone()));
    let by_id: BTreeMap<&str, &Analyzed> = calls.iter().map(|call| (call.record.call_id.as_str(), call)).collect();
    counting.finish(fewest, None, |id| Ok::<_, ()>(by_id.get(id).map(|call| (*call).clone()))).unwrap()
}

/// Twenty calls of A, twelve with impatience; sixty of three others, six with it; ten of A in the week before, one with it.
pub(super) fn calls() -> Vec<Analyzed> {
    let mut calls = Vec::new();
    for nth in 0..20 {
        let day = format!("2026-03-{:02}", 2 + nth % 7);
        let own = call(&format!("a{nth:02}"), &day, "A", "一组", 70.0 + f64::from(nth % 3));
        calls.push(if nth < 12 {
            with(own, "impatience", "快点说")
        } else {
            own
        });
        for (at, other) in ["B", "C", "D"].into_iter().enumerate() {
            let one = call(&format!("{other}{nth:02}"), &day, other, "一组", 90.0);
            calls.push(if nth < 2 {
                with(one, "impatience", "行了")
            } else {
                one
            });
            if at == 0 {
                let stranger = call(&format!("x{nth:02}"), &day, "X", "二组", 10.0);
                calls.push(with(stranger, "deflection", "二组的话"));
            }
        }
    }
    for nth in 0..10 {
        let own = call(&format!("w{nth}"), "2026-02-25", "A", "一组", 75.0);
        calls.push(if nth < 1 {
            with(own, "impatience", "快点说")
        } else {
            own
        });
    }
    calls
}

#[test]
fn a_habit_stands_beside_the_team_and_beside_the_week_before() {
    let sheet = made("A", &calls(), &Reviewed::default(), 1).unwrap();
    assert_eq!((sheet.team.as_deref(), sheet.score.calls, sheet.is_enough), (Some("一组"), 20, true));
    let habit = &sheet.habits[0];
    assert_eq!(
        (habit.code.as_str(), habit.own, habit.team),
        ("impatience", Share::new(12, 20), Some(Share::new(6, 60)))
    );
    assert_eq!(
        (habit.before, habit.beside_team, habit.beside_before),
        (Share::new(1, 10), Beside::More, Beside::More)
    );
    // Twenty calls of a minute each.
    assert_eq!(habit.rate.events, 12);
    assert!((habit.rate.hours - 20.0 / 60.0).abs() < 1e-9);
    assert_eq!(habit.worst.len(), 3);
    let point = &habit.worst[0].points[0];
    assert_eq!((point.quote.as_str(), point.turn, point.at_ms), ("快点说", Some(2), Some(40_000)));
    assert_eq!(sheet.practice.len(), 1);
    assert_eq!(sheet.practice[0].phrases[0].sector, Some(Sector::Government));
    assert_eq!(sheet.trend.len(), 7);
    let text = sheet_text::markdown(&sheet);
    assert!(!text.contains("二组") && !text.contains("x00") && !text.contains("B00"), "{text}");
    assert!(text.find("做得好的").unwrap() < text.find("## 习惯").unwrap(), "praise comes first");
}

#[test]
fn too_few_calls_are_no_judgement() {
    let few: Vec<Analyzed> = calls()
        .into_iter()
        .filter(|call| call.record.agent.as_ref().unwrap().id != "A" || call.record.call_id.as_str() < "a09")
        .collect();
    let sheet = made("A", &few, &Reviewed::default(), 1).unwrap();
    assert_eq!((sheet.score.calls, sheet.is_enough), (9, false));
    assert!(sheet.practice.is_empty() && sheet.praise.is_empty() && sheet.score_difference.is_none());
    assert!(sheet.habits.iter().all(|habit| habit.beside_team == Beside::Unknown && habit.difference.is_none()));
    let text = sheet_text::markdown(&sheet);
    assert!(text.contains("数据不足") && !text.contains("95% 区间"), "{text}");
    assert!(made("nobody", &few, &Reviewed::default(), 1).is_none());
}

#[test]
fn too_few_others_are_not_compared_with() {
    let sheet = made("A", &calls(), &Reviewed::default(), 4).unwrap();
    assert_eq!((sheet.team, sheet.team_score, sheet.habits[0].team), (None, None, None));
}

#[test]
fn a_contested_call_is_not_counted_and_not_shown() {
    let calls = calls();
    let mut decisions = Decisions::default();
    decisions.add(&calls[0], Event::Appealed { text: "不是".into(), against: None });
    let sheet = made("A", &calls, &decisions.read(), 1).unwrap();
    assert_eq!((sheet.contested, sheet.score.calls, sheet.habits[0].own), (1, 19, Share::new(11, 19)));
    let text = sheet_text::markdown(&sheet);
    assert!(!text.contains("`a00`") && text.contains("另有 1 通正在申诉"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever was found and decided: an overruled finding is in no figure, no quote and no practice; at most three things are to be
    /// practised; nothing of others is shown; the same calls make the same sheet.
    #[test]
    fn what_was_overruled_never_shows(
        faulty in prop::collection::vec((0u8..4, any::<bool>()), 12..40),
        others in 0usize..40,
    ) {
        const CODES: [&str; 4] = ["impatience", "deflection", "forbidden_phrase", "no_honorific"];
        let mut calls = Vec::new();
        let mut decisions = Decisions::default();
        let mut stands: BTreeMap<&str, u64> = BTreeMap::new();
        for (nth, (code, overruled)) in faulty.iter().enumerate() {
            let code = CODES[usize::from(*code)];
            let quote = if *overruled { format!("改判{nth}") } else { format!("成立{nth}") };
            let one = with(call(&format!("a{nth}"), "2026-03-03", "A", "一组", 60.0), code, &quote);
            if *overruled {
                let finding = Label { code: code.into(), turn: Some(2) };
                decisions.review(&one, &[Opinion { kind: Kind::Overrule, finding, correct: None, reason: "否".into() }]);
            } else {
                *stands.entry(code).or_default() += 1;
            }
            calls.push(one);
        }
        for nth in 0..others {
            let other = ["B", "C", "D"][nth % 3];
            calls.push(with(call(&format!("o{nth}"), "2026-03-03", other, "一组", 80.0), "dismissive", "别人的话"));
        }
        let reviewed = decisions.read();
        let sheet = made("A", &calls, &reviewed, 1).unwrap();
        let told: BTreeMap<&str, u64> = sheet.habits.iter().map(|habit| (habit.code.as_str(), habit.own.part)).collect();
        prop_assert_eq!(told, stands);
        prop_assert!(sheet.practice.len() <= PRACTICES);
        let all = format!("{}{}", sheet_text::markdown(&sheet), serde_json::to_string(&sheet).unwrap());
        // The last line of a sheet tells that what was overruled does not count.
        prop_assert!(!all.replace("已改判的不计", "").contains("改判"), "{}", all);
        prop_assert!(!all.contains("别人的话"));
        prop_assert_eq!(&sheet, &made("A", &calls, &reviewed, 1).unwrap());
    }
}
