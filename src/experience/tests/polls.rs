//! Votes are counted once, and no group is told of that is too small.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn poll(multiple: bool, secret: bool) -> Entry {
    Entry::Poll(PollEntry {
        id: "v".into(),
        discussion: String::new(),
        question: "先体验哪些事".into(),
        options: vec!["办证".into(), "看病".into(), "公交".into()],
        multiple,
        secret,
        closes_at: at("2026-03-10T10:00:00Z").fixed_offset(),
        asked: Vec::new(),
        at: None,
    })
}

fn vote(officer: &str, choices: &[u32]) -> Entry {
    Entry::Vote(VoteEntry { poll: "v".into(), officer: officer.into(), choices: choices.to_vec(), at: None })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn votes_count_once_and_small_groups_are_not_told(
        count in 1usize..40,
        votes in prop::collection::vec((0usize..44, prop::collection::vec(0u32..5, 0..4)), 0..80),
        multiple in any::<bool>(),
        secret in any::<bool>(),
    ) {
        let now = at("2026-03-02T01:30:00Z");
        let mut programme = with_officers(count, now);
        give(&mut programme, &poll(multiple, secret), &given(now)).unwrap();
        let mut counted: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        for (who, choices) in votes {
            let id = format!("o{who}");
            let chosen: BTreeSet<u32> = choices.iter().copied().collect();
            let is_good = who < count
                && !counted.contains_key(&id)
                && !chosen.is_empty()
                && chosen.iter().all(|choice| (1..=3).contains(choice))
                && (multiple || chosen.len() == 1);
            prop_assert_eq!(give(&mut programme, &vote(&id, &choices), &given(now)).is_ok(), is_good);
            if is_good {
                counted.insert(id, chosen);
            }
        }
        let poll = &programme.polls["v"];
        let open = results(&programme, poll, rules(), now);
        prop_assert_eq!(open.groups.len(), 0);
        prop_assert_eq!(open.answers.is_empty(), secret, "two results before and after a vote would tell it");
        let came = results(&programme, poll, rules(), at("2026-03-11T00:00:00Z"));
        prop_assert_eq!((came.asked as usize, came.voted as usize), (count, counted.len()));
        let is_told = !secret || counted.len() >= rules().min_group as usize;
        prop_assert_eq!(!came.answers.is_empty(), is_told);
        for (answer, nth) in came.answers.iter().zip(1..) {
            let votes = counted.values().filter(|choices| choices.contains(&nth)).count();
            prop_assert_eq!(answer.votes as usize, votes);
            prop_assert_eq!(answer.officers.len(), if secret { 0 } else { votes });
        }
        for attribute in &rules().attributes {
            let groups: Vec<&GroupResult> = came.groups.iter().filter(|g| g.attribute == attribute.name).collect();
            let shown: u32 = groups.iter().map(|group| group.voted).sum();
            for group in &groups {
                prop_assert!(group.voted >= rules().min_group);
            }
            // What is not shown cannot be told from the whole either.
            let hidden = came.voted - shown;
            prop_assert!(groups.is_empty() || hidden == 0 || hidden >= rules().min_group, "{came:?}");
        }
    }
}

#[test]
fn groups_that_are_large_enough_are_told() {
    let now = at("2026-03-02T01:30:00Z");
    let mut programme = with_officers(15, now);
    give(&mut programme, &poll(false, true), &given(now)).unwrap();
    for nth in 0..15 {
        give(&mut programme, &vote(&format!("o{nth}"), &[nth % 3 + 1]), &given(now)).unwrap();
    }
    let came = results(&programme, &programme.polls["v"], rules(), at("2026-03-11T00:00:00Z"));
    assert_eq!((came.voted, came.participation()), (15, Some(1.0)));
    let of = |attribute: &str| came.groups.iter().filter(|group| group.attribute == attribute).collect::<Vec<_>>();
    assert_eq!(of("age_group").len(), 3);
    assert_eq!(of("age_group")[0].votes, [5, 0, 0]);
    assert_eq!(of("district").iter().map(|group| group.voted).collect::<Vec<_>>(), [8, 7]);
    assert_eq!(of("language").len(), 0, "nobody said it");
}

#[test]
fn a_poll_takes_votes_while_it_is_open_from_those_who_are_asked() {
    let now = at("2026-03-02T01:30:00Z");
    let mut programme = with_officers(3, now);
    give(&mut programme, &poll(false, false), &given(now)).unwrap();
    let code = Given { code: "late".into(), ..given(now) };
    give(&mut programme, &officer("o9", 30, "远郊"), &code).unwrap();
    let refused =
        |programme: &mut Programme, entry: &Entry, now| give(programme, entry, &given(now)).unwrap_err().to_string();
    assert!(refused(&mut programme, &vote("o9", &[1]), now).contains("not asked"));
    assert!(refused(&mut programme, &vote("o1", &[1]), at("2026-03-10T10:00:00Z")).contains("closed"));
    assert!(refused(&mut programme, &vote("nobody", &[1]), now).contains("not found"));
    let left = reminders(&programme, rules(), at("2026-03-10T03:00:00Z"));
    assert_eq!(left[0].officers, ["o0", "o1", "o2"]);
    give(&mut programme, &vote("o1", &[1]), &given(now)).unwrap();
    assert_eq!(reminders(&programme, rules(), at("2026-03-10T03:00:00Z"))[0].officers, ["o0", "o2"]);
    let end = Entry::PollEnd(Closing { id: "v".into(), result: "办证".into() });
    give(&mut programme, &end, &given(now)).unwrap();
    assert!(refused(&mut programme, &end, now).contains("closed already"));
    assert!(refused(&mut programme, &vote("o2", &[1]), now).contains("closed"));
}
