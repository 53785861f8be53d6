//! Bulletins: nobody is named, small groups are not told of, one team's tells nothing of another's.

use proptest::prelude::*;

use super::sheet::{calls, period};
use super::*;
use crate::coaching::bulletin::{Bulletin, Counting};
use crate::coaching::{CoachingConfig, Naming, bulletin_page};
use crate::report::ReportConfig;

fn made(calls: &[Analyzed], team: Option<&str>, config: &CoachingConfig, reviewed: &Reviewed) -> Bulletin {
    let report = ReportConfig::default();
    let team = team.map(str::to_owned);
    let mut counting = Counting::new(period(), team, Default::default(), &report, config, catalog(), reviewed);
    calls.iter().for_each(|call| counting.add(call.clone()));
    counting.finish()
}

/// Five more agents, so that the group is large enough.
fn many() -> Vec<Analyzed> {
    let mut all = calls();
    for agent in ["E", "F", "G", "H", "I"] {
        for nth in 0..12 {
            let mut one = call(&format!("{agent}{nth}"), "2026-03-04", agent, "一组", 95.0);
            one.record.agent.as_mut().unwrap().name = Some(format!("{agent}的姓名"));
            all.push(one);
        }
    }
    all
}

#[test]
fn of_a_small_group_nothing_is_told_but_the_volume() {
    let told = made(&calls(), Some("一组"), &CoachingConfig::default(), &Reviewed::default());
    assert_eq!((told.offered, told.offered_before), (80, 10));
    assert!(told.quality.is_none());
    let text = bulletin_page::markdown(&told);
    assert!(text.contains("不到 5 人") && !text.contains("不耐烦"), "{text}");
}

#[test]
fn nobody_is_named_unless_the_settings_say_so() {
    let config = CoachingConfig::default();
    let told = made(&many(), Some("一组"), &config, &Reviewed::default());
    let quality = told.quality.as_ref().unwrap();
    assert_eq!((quality.agents, quality.above, quality.below), (9, 8, 1));
    assert!(quality.praised.is_empty() && quality.coached.is_empty());
    let all = format!("{}{}", bulletin_page::page(&told), serde_json::to_string(&told).unwrap());
    assert!(!all.contains("的姓名"), "{all}");

    let told = made(
        &many(),
        Some("一组"),
        &CoachingConfig { name_agents: Naming::Praised, ..config.clone() },
        &Reviewed::default(),
    );
    let quality = told.quality.unwrap();
    assert!(quality.praised.contains(&"E的姓名".to_owned()) && quality.coached.is_empty());
    let told =
        made(&many(), Some("一组"), &CoachingConfig { name_agents: Naming::All, ..config }, &Reviewed::default());
    assert_eq!(told.quality.unwrap().coached, ["A"]);
}

#[test]
fn the_page_is_self_contained_and_escapes_what_was_said() {
    let hostile = "<script>alert(1)</script>";
    let mut all = many();
    for call in &mut all {
        call.record.agent.as_mut().unwrap().team = Some(hostile.into());
    }
    let told = made(&all, Some(hostile), &CoachingConfig::default(), &Reviewed::default());
    let page = bulletin_page::page(&told);
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script"));
    for outside in ["http:", "https:", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(!bulletin_page::markdown(&told).contains("<script"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn what_another_team_does_changes_nothing(scores in prop::collection::vec(0.0f64..100.0, 0..60)) {
        let config = CoachingConfig { min_group: 3, ..CoachingConfig::default() };
        let alone = made(&calls(), Some("一组"), &config, &Reviewed::default());
        let mut all = calls();
        for (nth, score) in scores.iter().enumerate() {
            let other = call(&format!("z{nth}"), "2026-03-05", ["X", "Y", "Z"][nth % 3], "二组", *score);
            all.push(with(other, "overpromise", "二组说的"));
        }
        let told = made(&all, Some("一组"), &config, &Reviewed::default());
        prop_assert_eq!(alone, told);
    }
}
