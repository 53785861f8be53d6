//! Pages: each hit once, whatever happens in between.

use std::collections::BTreeSet;

use proptest::prelude::*;
use qingting_pipeline::record::Role;

use super::*;

/// All pages of a query, one after the other.
pub(super) fn all_pages(index: &Indexed, mut query: CallQuery) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let page = index.search(&query).unwrap();
        assert!(page.hits.len() <= query.limit);
        ids.extend(page.hits.into_iter().map(|hit| hit.call_id));
        match page.next {
            Some(next) => query.page_token = Some(next),
            None => return ids,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Every hit is on exactly one page, in the order of one large page, however the index is cut into segments.
    #[test]
    fn pages_give_each_hit_once(
        scores in prop::collection::vec(prop::option::of(0u8..4), 1..30),
        limit in 1usize..7,
        commits in 1usize..4,
        sort in prop::sample::select(vec!["score", "-score", "newest", "relevance"]),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let index = open(dir.path());
        let mut writer = index.writer(0).unwrap();
        for (i, score) in scores.iter().enumerate() {
            let text = "停水".repeat(1 + i % 3);
            let mut sample = call(&format!("c{:02}", (i * 7) % scores.len()), &[(Role::Caller, &text)]);
            if let Some(score) = score {
                sample = sample.score(f64::from(*score)).at(&format!("2026-03-0{}T09:00:00+08:00", score + 1));
            }
            writer.upsert(&sample.record, &sample.analysis).unwrap();
            if i % commits == 0 {
                writer.commit("").unwrap();
            }
        }
        writer.commit("").unwrap();
        writer.finish().unwrap();
        index.reload().unwrap();
        let query = CallQuery { sort: Some(Sort::parse(sort).unwrap()), limit, ..CallQuery::text("停水") };
        let paged = all_pages(&index, query.clone());
        let whole = index.search(&CallQuery { limit: 100, ..query }).unwrap();
        prop_assert_eq!(whole.total, index.len());
        prop_assert_eq!(ids(&whole), paged.iter().map(String::as_str).collect::<Vec<_>>());
        prop_assert_eq!(paged.iter().collect::<BTreeSet<_>>().len(), paged.len());
    }
}

#[test]
fn a_page_whose_state_is_gone_goes_on_with_a_warning() {
    let texts: Vec<String> = (1..=6).map(|n| format!("停水{}", "很久了".repeat(n))).collect();
    let calls: Vec<Sample> =
        texts.iter().enumerate().map(|(i, t)| call(&format!("c{i}"), &[(Role::Caller, t)])).collect();
    let (dir, index) = indexed(&calls);
    let query = CallQuery { limit: 2, ..CallQuery::text("停水") };
    let first = index.search(&query).unwrap();
    let next = CallQuery { page_token: first.next.clone(), ..query.clone() };
    // Another process finds the same state on disk.
    let other = Indexed { calls: RefCell::new(index.calls.borrow().clone()), ..open(dir.path()) };
    assert!(other.search(&next).unwrap().warnings.is_empty());
    assert_eq!(ids(&other.search(&next).unwrap()), ids(&index.search(&next).unwrap()));

    write(&index, &[call("c9", &[(Role::Caller, "停水")])]);
    let kept = index.search(&next).unwrap();
    assert!(kept.warnings.is_empty() && kept.total == 6, "{kept:?}");
    index.pins.forget();
    let gone = index.search(&next).unwrap();
    assert_eq!(gone.warnings.len(), 1, "{gone:?}");
    // A field's value does not shift, so nothing needs to be said.
    let newest = CallQuery { sort: Some(Sort::NEWEST), ..query };
    let first = index.search(&newest).unwrap();
    write(&index, &[call("c8", &[(Role::Caller, "停水")])]);
    index.pins.forget();
    let next = index.search(&CallQuery { page_token: first.next, ..newest }).unwrap();
    assert!(next.warnings.is_empty());
    assert_eq!(ids(&next), ["c2", "c3"]);
}

#[test]
fn the_states_kept_are_bounded() {
    let (_dir, index) = indexed(&some_calls());
    for round in 0..80 {
        write(&index, &[call(&format!("x{round}"), &[(Role::Caller, "停水")])]);
        index.search(&CallQuery { limit: 1, ..CallQuery::default() }).unwrap();
    }
    assert_eq!(index.pins.len(), 64);
    // A state is kept once, however many searches read it.
    index.search(&CallQuery { limit: 1, ..CallQuery::default() }).unwrap();
    assert_eq!(index.pins.len(), 64);
}

#[derive(Debug, Clone)]
enum Write {
    Add(usize, u8),
    Replace(usize, usize, u8),
    Remove(usize),
}

fn writes() -> impl Strategy<Value = Write> {
    prop_oneof![
        (0usize..6, 0u8..4).prop_map(|(words, score)| Write::Add(words, score)),
        (0usize..20, 0usize..6, 0u8..4).prop_map(|(call, words, score)| Write::Replace(call, words, score)),
        (0usize..20).prop_map(Write::Remove),
    ]
}

fn with_words(id: &str, words: usize, score: u8) -> Sample {
    call(id, &[(Role::Caller, &format!("停水{}{}", "停水".repeat(words), "一二三".repeat(6 - words)))])
        .score(f64::from(score))
        .at(&format!("2026-03-0{}T09:00:00+08:00", score + 1))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However calls are added, replaced and removed between two pages, what was there at the first is
    /// returned exactly once.
    #[test]
    fn pages_are_of_one_state_whatever_is_written(
        start in prop::collection::vec((0usize..6, 0u8..4), 1..20),
        rounds in prop::collection::vec(prop::collection::vec(writes(), 0..4), 10),
        limit in 1usize..5,
        sort in prop::sample::select(vec!["score", "-score", "newest", "relevance"]),
        text in prop::sample::select(vec!["停水", "停水 score>=0", "-银行"]),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let index = open(dir.path());
        let mut writer = index.writer(0).unwrap();
        let id = |n: usize| format!("c{n:02}");
        for (n, (words, score)) in start.iter().enumerate() {
            let sample = with_words(&id(n), *words, *score);
            writer.upsert(&sample.record, &sample.analysis).unwrap();
        }
        writer.commit("").unwrap();
        index.reload().unwrap();
        let mut query = CallQuery { sort: Some(Sort::parse(sort).unwrap()), limit, ..CallQuery::text(text) };
        let whole = index.search(&CallQuery { limit: 100, ..query.clone() }).unwrap();
        let mut paged = Vec::new();
        let mut added = start.len();
        let mut rounds = rounds.into_iter().cycle();
        loop {
            let page = index.search(&query).unwrap();
            prop_assert!(page.warnings.is_empty());
            prop_assert_eq!(page.total, start.len() as u64);
            paged.extend(page.hits.into_iter().map(|hit| hit.call_id));
            let Some(next) = page.next else { break };
            query.page_token = Some(next);
            for write in rounds.next().unwrap() {
                let sample = match write {
                    Write::Add(words, score) => {
                        added += 1;
                        with_words(&id(added), words, score)
                    }
                    Write::Replace(call, words, score) => with_words(&id(call), words, score),
                    Write::Remove(call) => {
                        writer.delete(&id(call)).unwrap();
                        continue;
                    }
                };
                writer.upsert(&sample.record, &sample.analysis).unwrap();
            }
            writer.commit("").unwrap();
            index.reload().unwrap();
        }
        prop_assert_eq!(paged, ids(&whole));
        writer.finish().unwrap();
    }

    /// Even when the state is lost with every page, an order by a field gives what was there
    /// throughout, unchanged, exactly once.
    #[test]
    fn orders_by_a_field_need_no_state(
        start in prop::collection::vec((0usize..6, 0u8..4), 1..20),
        added in prop::collection::vec((0usize..6, 0u8..4), 12),
        limit in 1usize..5,
        sort in prop::sample::select(vec!["score", "-score", "newest", "oldest"]),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let index = open(dir.path());
        let id = |n: usize| format!("c{n:02}");
        let samples: Vec<_> = start.iter().enumerate().map(|(n, (w, s))| with_words(&id(n * 2), *w, *s)).collect();
        write(&index, &samples);
        let mut query = CallQuery { sort: Some(Sort::parse(sort).unwrap()), limit, ..CallQuery::text("停水") };
        let mut paged = Vec::new();
        for (n, (words, score)) in added.iter().cycle().enumerate() {
            let page = index.search(&query).unwrap();
            paged.extend(page.hits.into_iter().map(|hit| hit.call_id));
            let Some(next) = page.next else { break };
            query.page_token = Some(next);
            if n < 12 {
                write(&index, &[with_words(&id(n * 2 + 1), *words, *score)]);
            }
            index.pins.forget();
        }
        let mut there: Vec<String> = paged.iter().filter(|id| id[1..].parse::<usize>().unwrap() % 2 == 0).cloned().collect();
        there.sort();
        prop_assert_eq!(there, (0..start.len()).map(|n| id(n * 2)).collect::<Vec<_>>());
        prop_assert_eq!(paged.iter().collect::<BTreeSet<_>>().len(), paged.len());
    }
}
